//! Whose certificates are believed: paths, dates, revocation.

use crate::support::pki::{self, MemberOptions, ec_key, elm, oak};
use crate::support::{Member, World, WorldOptions, now};

const APP: &str = "https://app.example/client";

/// Shows: CHAIN-1, CHAIN-2, DCR-24, JWT-12
#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_unapproved() {
    let revoked = elm().member("https://revoked.example/client");
    let world = World::start_with(WorldOptions { revoked: vec![revoked.clone()], ..WorldOptions::default() }).await;
    let stranger = pki::TestCommunity::new("stranger").member(APP);
    let mut lonely = elm().member(APP);
    lonely.chain.truncate(1);
    let expired = elm().member_with(
        ec_key(),
        &MemberOptions { not_before: now() - 7200, not_after: now() - 60, ..MemberOptions::new(APP) },
    );
    let early = elm().member_with(ec_key(), &MemberOptions { not_before: now() + 3600, ..MemberOptions::new(APP) });
    let mut mixed = oak().member(APP);
    mixed.chain.truncate(1);
    mixed.chain.push(elm().issuing.certificate().to_vec());
    for (what, member) in [
        ("stranger", stranger),
        ("intermediate missing", lonely),
        ("expired", expired),
        ("not yet valid", early),
        ("another community's intermediate", mixed),
        ("self-signed", elm().self_signed(APP)),
        (
            "self-signed beside the issuing CA",
            with_issuing(elm().self_signed(APP), elm().issuing.certificate().to_vec()),
        ),
        ("intermediate expired", with_issuing(elm().member(APP), elm().issuing_certificate(now() - 7200, now() - 60))),
        (
            "intermediate not yet valid",
            with_issuing(elm().member(APP), elm().issuing_certificate(now() + 3600, now() + 7200)),
        ),
        ("revoked", revoked),
    ] {
        let answer = world.register(&world.statement(&member).sign(&member.key)).await;
        assert_eq!(
            (answer.status, answer.oauth_error().as_str()),
            (400, "unapproved_software_statement"),
            "{what}: {}",
            answer.text()
        );
    }
}

/// The same intermediate with other dates completes the chain, so the dates alone made the difference above.
#[tokio::test]
async fn a_renewed_intermediate_completes_the_chain() {
    let world = World::start().await;
    world.registered(&with_issuing(elm().member(APP), elm().issuing_certificate(now() - 60, now() + 3600))).await;
}

fn with_issuing(mut member: Member, issuing: Vec<u8>) -> Member {
    member.chain.truncate(1);
    member.chain.push(issuing);
    member
}

/// Shows: CHAIN-6
#[tokio::test]
async fn a_configured_intermediate_completes_the_chain() {
    let lines = r#"
scopes = ["system/Patient.rs", "system/Observation.rs"]
intermediates = ["issuing.pem"]
"#;
    let issuing = pki::pem("CERTIFICATE", elm().issuing.certificate());
    let options = WorldOptions {
        elm: Some(lines.to_owned()),
        files: vec![("issuing.pem".to_owned(), issuing)],
        ..WorldOptions::default()
    };
    let world = World::start_with(options).await;
    let mut lonely = elm().member(APP);
    lonely.chain.truncate(1);
    world.registered(&lonely).await;
}
