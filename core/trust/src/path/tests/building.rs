//! Which path is found, and when the search gives up.

use super::*;
use crate::testing::{DAY, NOW, named_community};

/// Shows: CHAIN-1
#[test]
fn refuses_a_chain_that_ends_at_an_unknown_root() {
    let world = World::new();
    let stranger = World::new();
    let presented = chain(&[&stranger.app(), &stranger.ca(), &stranger.root()]);
    let refusal = world.judge_in(&community(&[&world.root()], &[], world.policy), &presented).unwrap_err();
    // The stranger's root has the name of ours, so ours is tried and has not signed.
    assert!(kinds(&refusal).contains(&RefusalKind::BadSignature));
    assert!(kinds(&refusal).contains(&RefusalKind::NoPathToAnchor), "{refusal}");
    assert_eq!(refusal.communities().len(), 1);
}

/// Shows: CHAIN-1
#[test]
fn refuses_a_chain_whose_intermediate_is_missing() {
    let world = World::new();
    let refusal = world.judge_chain(&chain(&[&world.app()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NoPathToAnchor);
    assert!(refusal.to_string().contains("Issuing CA"), "{refusal}");
    assert!(refusal.to_string().contains("neither presented nor configured"), "{refusal}");
}

/// Shows: CHAIN-1
#[test]
fn refuses_a_self_signed_end_entity() {
    let world = World::new();
    let alone = world.app.self_signed(&world.app_key);
    let refusal = world.judge_chain(&chain(&[&alone, &world.ca()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NoPathToAnchor);
    assert!(refusal.to_string().contains("is self-issued and is not an anchor"), "{refusal}");
}

/// Shows: CHAIN-1
#[test]
fn refuses_an_end_entity_that_a_good_looking_ca_has_not_signed() {
    let world = World::new();
    let forged = world.app.issued_by(CA, &Key::p256());
    let refusal = world.judge_chain(&chain(&[&forged, &world.ca()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::BadSignature);
}

#[test]
fn an_anchor_presented_as_end_entity_proves_nothing() {
    let world = World::new();
    let refusal = world.judge_chain(&chain(&[&world.root()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::EndEntityIsCa);
}

/// Shows: CHAIN-6
#[test]
fn a_configured_intermediate_completes_the_chain() {
    let world = World::new();
    let alone = chain(&[&world.app()]);
    let with = community(&[&world.root()], &[&world.ca()], world.policy);
    assert_eq!(world.judge_in(&with, &alone).unwrap().path().len(), 3);
    let without = community(&[&world.root()], &[], world.policy);
    assert_eq!(world.judge_in(&without, &alone).unwrap_err().kind(), RefusalKind::NoPathToAnchor);
}

#[test]
fn a_configured_intermediate_is_believed_no_more_than_a_presented_one() {
    let mut world = World::new();
    world.ca.not_after = NOW - 1;
    let with = community(&[&world.root()], &[&world.ca()], world.policy);
    assert_eq!(world.judge_in(&with, &chain(&[&world.app()])).unwrap_err().kind(), RefusalKind::Expired);
}

/// Shows: CHAIN-7
#[test]
fn the_community_is_the_one_whose_anchor_is_reached() {
    let (a, b) = (World::new(), World::new());
    let in_a = named_community("urn:example:a", &[&a.root()], &[], a.policy);
    let in_b = named_community("urn:example:b", &[&b.root()], &[], b.policy);
    // The same URI and the same name in both communities.
    let (from_a, from_b) = (chain(&[&a.app(), &a.ca()]), chain(&[&b.app(), &b.ca()]));
    assert_eq!(a.judge_in(&in_a, &from_a).unwrap().community().as_str(), "urn:example:a");
    assert_eq!(b.judge_in(&in_b, &from_b).unwrap().community().as_str(), "urn:example:b");
    let refusals = vec![a.judge_in(&in_b, &from_a).unwrap_err(), b.judge_in(&in_a, &from_b).unwrap_err()];
    assert_eq!(TrustRefusal::merge(refusals).communities().len(), 2);
}

/// Shows: CHAIN-7
#[test]
fn certificates_of_two_communities_in_one_chain_reach_only_the_leafs() {
    let (a, b) = (World::new(), World::new());
    let mixed = chain(&[&a.app(), &a.ca(), &b.ca(), &b.app(), &b.root()]);
    let in_a = named_community("urn:example:a", &[&a.root()], &[], a.policy);
    let in_b = named_community("urn:example:b", &[&b.root()], &[], b.policy);
    assert!(a.judge_in(&in_a, &mixed).is_ok());
    assert!(b.judge_in(&in_b, &mixed).is_err());
}

#[test]
fn several_anchors_serve_one_community() {
    let (a, b) = (World::new(), World::new());
    let both = community(&[&a.root(), &b.root()], &[], a.policy);
    assert!(a.judge_in(&both, &chain(&[&a.app(), &a.ca()])).is_ok());
    assert!(b.judge_in(&both, &chain(&[&b.app(), &b.ca()])).is_ok());
}

#[test]
fn an_anchor_may_be_an_intermediate_and_ends_the_path() {
    let world = World::new();
    let proven = world.judge_in(&community(&[&world.ca()], &[], world.policy), &chain(&[&world.app()])).unwrap();
    assert_eq!(proven.path().len(), 2);
    assert_eq!(proven.path()[1].subject(), world.ca().subject());
}

#[test]
fn the_order_of_the_other_certificates_does_not_count() {
    let world = World::new();
    let stranger = World::new();
    let presented = chain(&[&world.app(), &stranger.app(), &world.root(), &stranger.ca(), &world.ca()]);
    assert!(world.judge_chain(&presented).is_ok());
}

#[test]
fn goes_back_when_a_ca_of_the_same_name_is_the_wrong_one() {
    let mut world = World::new();
    // Without key identifiers nothing tells the right one in advance.
    world.app.authority_key_id = false;
    let other_key = Key::p256();
    let mut renewed = Builder::ca(CA, &other_key).crl_url(ROOT_CRL);
    renewed.serial = vec![0x11];
    let wrong = renewed.issued_by(ROOT, &world.root_key);
    for presented in [chain(&[&world.app(), &wrong, &world.ca()]), chain(&[&world.app(), &world.ca(), &wrong])] {
        assert!(world.judge_chain(&presented).is_ok());
    }
}

#[test]
fn goes_back_from_an_expired_certificate_of_a_ca_to_its_renewed_one() {
    let world = World::new();
    let mut old = world.ca.clone();
    (old.serial, old.not_after) = (vec![0x0f], NOW - DAY);
    let old = old.issued_by(ROOT, &world.root_key);
    assert!(world.judge_chain(&chain(&[&world.app(), &old, &world.ca()])).is_ok());
}

#[test]
fn goes_back_from_a_cross_certificate_that_leads_nowhere() {
    let world = World::new();
    let cross = world.ca.issued_by("CN=Elsewhere", &Key::p256());
    for presented in [chain(&[&world.app(), &cross, &world.ca()]), chain(&[&world.app(), &world.ca(), &cross])] {
        assert!(world.judge_chain(&presented).is_ok());
    }
    let refusal = world.judge_chain(&chain(&[&world.app(), &cross])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NoPathToAnchor);
    assert!(refusal.to_string().contains("Elsewhere"), "{refusal}");
}

#[test]
fn circles_of_cross_signed_cas_end() {
    let world = World::new();
    let (key_a, key_b) = (Key::p256(), Key::p256());
    let a_by_b = Builder::ca("CN=A", &key_a).issued_by("CN=B", &key_b);
    let b_by_a = Builder::ca("CN=B", &key_b).issued_by("CN=A", &key_a);
    let mut again = Builder::ca("CN=B", &key_b);
    again.serial = vec![9];
    let again = again.issued_by("CN=A", &key_a);
    let app = world.app.issued_by("CN=A", &key_a);
    let refusal = world.judge_chain(&chain(&[&app, &a_by_b, &b_by_a, &again])).unwrap_err();
    assert!(kinds(&refusal).contains(&RefusalKind::PathLoop), "{refusal}");
    assert!(!kinds(&refusal).contains(&RefusalKind::BudgetExceeded));
}

#[test]
fn thirty_cas_of_one_name_stay_within_the_budget() {
    let mut world = World::new();
    world.app.authority_key_id = false;
    let wrong: Vec<_> = (0..30)
        .map(|serial| {
            let mut ca = Builder::ca(CA, &Key::p256()).crl_url(ROOT_CRL);
            ca.serial = vec![0x40, serial];
            ca.issued_by(ROOT, &world.root_key)
        })
        .collect();
    let mut intermediates: Vec<_> = wrong.iter().collect();
    let alone = chain(&[&world.app()]);
    let refusal = world.judge_in(&community(&[&world.root()], &intermediates, world.policy), &alone).unwrap_err();
    assert_eq!((refusal.attempts().len(), refusal.omitted_attempts()), (16, 14));
    assert_eq!(refusal.kind(), RefusalKind::BadSignature);
    let right = world.ca();
    intermediates.push(&right);
    assert!(world.judge_in(&community(&[&world.root()], &intermediates, world.policy), &alone).is_ok());
}

#[test]
fn stops_at_a_hundred_signature_checks() {
    let mut world = World::new();
    world.app.authority_key_id = false;
    let wrong: Vec<_> = (0..=100)
        .map(|serial| {
            let mut ca = Builder::ca(CA, &Key::p256());
            ca.serial = vec![0x40, serial];
            ca.issued_by(ROOT, &world.root_key)
        })
        .collect();
    let intermediates: Vec<_> = wrong.iter().collect();
    let refusal = world
        .judge_in(&community(&[&world.root()], &intermediates, world.policy), &chain(&[&world.app()]))
        .unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::BudgetExceeded);
    assert!(refusal.to_string().contains("100 signature checks"), "{refusal}");
}

#[test]
fn stops_when_too_many_candidates_were_looked_at() {
    let mut world = World::new();
    world.budget.candidates = 1;
    let refusal = world.judge().unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::BudgetExceeded);
}

#[test]
fn keeps_only_so_many_attempts_and_counts_the_others() {
    let mut world = World::new();
    world.app.authority_key_id = false;
    world.budget.attempts = 1;
    let wrong = |serial| {
        let mut ca = Builder::ca(CA, &Key::p256());
        ca.serial = vec![serial];
        ca.issued_by(ROOT, &world.root_key)
    };
    let refusal = world.judge_chain(&chain(&[&world.app(), &wrong(1), &wrong(2), &wrong(3)])).unwrap_err();
    assert_eq!((refusal.attempts().len(), refusal.omitted_attempts()), (1, 2));
    assert!(refusal.to_string().ends_with("; and 2 more reasons"), "{refusal}");
}

/// Beside sixteen dull attempts the last one tells what is wrong.
#[test]
fn keeps_an_attempt_that_meets_a_new_kind_of_fault_beyond_the_bound() {
    let mut world = World::new();
    world.app.authority_key_id = false;
    world.budget.attempts = 2;
    let wrong = |serial, not_after| {
        let mut ca = Builder::ca(CA, &Key::p256());
        ca.serial = vec![serial];
        ca.not_after = not_after;
        ca.issued_by(ROOT, &world.root_key)
    };
    let (ahead, over) = (NOW + DAY, NOW - 1);
    let presented = [wrong(1, ahead), wrong(2, ahead), wrong(3, ahead), wrong(4, over), wrong(5, over)];
    let app = world.app();
    let refusal = world.judge_chain(&chain(&std::iter::once(&app).chain(&presented).collect::<Vec<_>>())).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Expired);
    assert_eq!((refusal.attempts().len(), refusal.omitted_attempts()), (3, 2));
}

/// Security invariants 12 and 31: what is remembered of a refusal is bounded, whatever its certificates are called.
#[test]
fn an_attackers_names_make_no_large_refusal() {
    let mut world = World::new();
    world.app.authority_key_id = false;
    let name = format!("CN=Issuing CA{}", format!(",OU={}", "\u{1}x".repeat(100)).repeat(25));
    let keys: Vec<_> = (0..9).map(|_| Key::p256()).collect();
    // A ring of CAs of one name, each signed by the next; in the second round each is also full of faults to name.
    for faults in [0, 50] {
        let ca = |place: usize| {
            let mut ca = Builder::ca(&name, &keys[place]);
            ca.serial = [&[0x40; 18][..], &[u8::try_from(place).unwrap()]].concat();
            (0..faults).for_each(|number| ca.extra(&format!("1.2.840.113549.1.9.16.2.{number}"), true, &[5, 0]));
            ca.issued_by(&name, &keys[(place + 1) % 9])
        };
        let cas: Vec<_> = (0..9).map(ca).collect();
        let app = world.app.issued_by(&name, &keys[0]);
        let presented: Vec<_> = std::iter::once(&app).chain(&cas).collect();
        let refusal = world.judge_chain(&chain(&presented)).unwrap_err();
        assert!(faults > 0 || refusal.omitted_attempts() > 20, "{}", refusal.omitted_attempts());
        for reason in refusal.attempts().iter().flat_map(|attempt| attempt.reasons()) {
            assert!(reason.certificate().chars().count() < 256 && reason.detail().chars().count() <= 1025, "{reason}");
        }
        assert!(refusal.size_bytes() < 32 * 1024, "{} bytes", refusal.size_bytes());
    }
}

#[test]
fn follows_six_intermediates_and_not_seven() {
    for (count, accepted) in [(6, true), (7, false)] {
        let mut world = World::new();
        world.policy = RevocationPolicy::SoftFail;
        let mut issuer = (ROOT.to_owned(), Key::p256());
        let root = Builder::ca(ROOT, &issuer.1).self_signed(&issuer.1);
        let mut intermediates = Vec::new();
        for number in 0..count {
            let (name, key) = (format!("CN=CA {number}"), Key::p256());
            intermediates.push(Builder::ca(&name, &key).issued_by(&issuer.0, &issuer.1));
            issuer = (name, key);
        }
        let app = Builder::leaf(&world.app_key).issued_by(&issuer.0, &issuer.1);
        let presented: Vec<_> = std::iter::once(&app).chain(&intermediates).collect();
        let verdict = world.judge_in(&community(&[&root], &[], world.policy), &chain(&presented));
        match verdict {
            Ok(proven) => assert!(accepted && proven.path().len() == 8),
            Err(refusal) => assert!(!accepted && refusal.kind() == RefusalKind::PathTooLong, "{refusal}"),
        }
    }
}

#[test]
fn a_verdict_is_given_again_when_asked_again() {
    let world = World::new();
    let (community, presented) = (community(&[&world.root()], &[], world.policy), chain(&[&world.app()]));
    let mut search = PathSearch::new(&community, &presented, now(), Budget::default());
    for _ in 0..2 {
        assert!(matches!(search.advance(&Evidence::new()), Step::Refused(_)));
    }
}
