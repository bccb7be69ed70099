//! The checks of single certificates, on end entity, intermediate and anchor.

use super::*;
use crate::{
    profile::{CertificateProfile, KeyFamily},
    testing::{DAY, NAME_CONSTRAINTS, NOW, oid, profiled_community, tlv},
};

/// Shows: CHAIN-2
#[test]
fn refuses_an_expired_or_not_yet_valid_end_entity() {
    let mut world = World::new();
    world.app.not_after = NOW - 1;
    assert_eq!(world.refused_as(), RefusalKind::Expired);
    world.app.not_after = NOW;
    assert!(world.judge().is_ok(), "the last second still counts");
    world.app.not_after = NOW + DAY;
    world.app.not_before = NOW + 1;
    assert_eq!(world.refused_as(), RefusalKind::NotYetValid);
    world.app.not_before = NOW;
    assert!(world.judge().is_ok(), "the first second already counts");
}

/// Shows: CHAIN-2
#[test]
fn refuses_an_expired_or_not_yet_valid_intermediate() {
    let mut world = World::new();
    world.ca.not_after = NOW - 1;
    assert_eq!(world.refused_as(), RefusalKind::Expired);
    world.ca.not_after = NOW + DAY;
    world.ca.not_before = NOW + 1;
    assert_eq!(world.refused_as(), RefusalKind::NotYetValid);
}

/// Shows: CHAIN-2
#[test]
fn refuses_an_expired_or_not_yet_valid_anchor() {
    let mut world = World::new();
    world.root.not_after = NOW - 1;
    assert_eq!(world.refused_as(), RefusalKind::Expired);
    world.root.not_after = NOW + DAY;
    world.root.not_before = NOW + 1;
    assert_eq!(world.refused_as(), RefusalKind::NotYetValid);
}

#[test]
fn a_verdict_ends_with_the_first_certificate_or_list_that_ends() {
    let mut world = World::new();
    assert_eq!(world.judge().unwrap().holds_until().as_secs(), NOW + DAY, "both lists end then");
    for (change, end) in [
        ((|world, end| world.app.not_after = end) as fn(&mut World, u64), NOW + 300),
        (|world, end| world.ca.not_after = end, NOW + 200),
        (|world, end| world.root.not_after = end, NOW + 100),
    ] {
        change(&mut world, end);
        assert_eq!(world.judge().unwrap().holds_until().as_secs(), end);
    }
}

#[test]
fn refuses_an_issuer_without_the_mark_of_a_ca() {
    let mut world = World::new();
    for mark in [None, Some((false, None))] {
        world.ca.basic_constraints = mark;
        assert_eq!(world.refused_as(), RefusalKind::NotACa);
    }
}

#[test]
fn refuses_a_member_that_issues_certificates_itself() {
    let world = World::new();
    let attacker_key = Key::p256();
    let member = world.app();
    let victim = Builder::leaf(&attacker_key).crl_url(CA_CRL).issued_by("CN=App", &world.app_key);
    let refusal = world.judge_chain(&chain(&[&victim, &member, &world.ca()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NotACa);
    assert!(kinds(&refusal).contains(&RefusalKind::KeyUsage), "every reason is named: {refusal}");
}

#[test]
fn refuses_a_ca_as_end_entity() {
    let mut world = World::new();
    world.app.basic_constraints = Some((true, None));
    assert_eq!(world.refused_as(), RefusalKind::EndEntityIsCa);
    world.app.basic_constraints = Some((false, None));
    assert!(world.judge().is_ok());
}

#[test]
fn refuses_more_cas_below_a_ca_than_its_path_length_allows() {
    let mut world = World::new();
    world.root.basic_constraints = Some((true, Some(0)));
    assert_eq!(world.refused_as(), RefusalKind::PathTooLong);
    world.root.basic_constraints = Some((true, Some(1)));
    world.ca.basic_constraints = Some((true, Some(0)));
    assert!(world.judge().is_ok());
    let sub_key = Key::p256();
    let sub = Builder::ca("CN=Sub", &sub_key).issued_by(CA, &world.ca_key);
    let app = world.app.issued_by("CN=Sub", &sub_key);
    let refusal = world.judge_chain(&chain(&[&app, &sub, &world.ca()])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::PathTooLong);
    assert!(refusal.to_string().contains("allows 0 CAs below itself, and there are 1"), "{refusal}");
}

#[test]
fn a_self_issued_rollover_certificate_does_not_count_as_a_ca_below() {
    let mut world = World::new();
    world.policy = RevocationPolicy::SoftFail;
    world.ca.basic_constraints = Some((true, Some(0)));
    let next_key = Key::p256();
    let rollover = Builder::ca(CA, &next_key).issued_by(CA, &world.ca_key);
    let app = world.app.issued_by(CA, &next_key);
    assert_eq!(world.judge_chain(&chain(&[&app, &rollover, &world.ca()])).unwrap().path().len(), 4);
}

#[test]
fn refuses_keys_used_for_what_their_usage_does_not_allow() {
    let mut world = World::new();
    world.ca.key_usage = Some(0x02);
    assert_eq!(world.refused_as(), RefusalKind::KeyUsage);
    world.ca.key_usage = None;
    assert!(world.judge().is_ok(), "an absent usage limits nothing");
    world.app.key_usage = Some(0x20);
    assert_eq!(world.refused_as(), RefusalKind::KeyUsage);
    world.app.key_usage = None;
    assert!(world.judge().is_ok());
}

#[test]
fn an_extended_key_usage_must_name_a_purpose_of_the_community() {
    const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
    const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    let mut world = World::new();
    for (purposes, accepted) in [
        (vec![CODE_SIGNING], false),
        (vec![CLIENT_AUTH], true),
        (vec![CODE_SIGNING, CLIENT_AUTH], true),
        (vec!["2.5.29.37.0"], true),
    ] {
        world.app.purposes = purposes.clone();
        assert_eq!(world.judge().is_ok(), accepted, "{purposes:?}");
    }
    world.ca.purposes = vec![CODE_SIGNING];
    assert_eq!(world.refused_as(), RefusalKind::ExtendedKeyUsage);
}

#[test]
fn refuses_critical_extensions_that_are_not_understood() {
    const UNKNOWN: &str = "1.2.3.4.5";
    const POLICY_CONSTRAINTS: &str = "2.5.29.36";
    const POLICY_MAPPINGS: &str = "2.5.29.33";
    for id in [UNKNOWN, POLICY_CONSTRAINTS, POLICY_MAPPINGS] {
        let mut world = World::new();
        world.app.extra(id, true, &[0x30, 0]);
        assert_eq!(world.refused_as(), RefusalKind::UnknownCriticalExtension, "{id}");
        let mut world = World::new();
        world.ca.extra(id, true, &[0x30, 0]);
        assert_eq!(world.refused_as(), RefusalKind::UnknownCriticalExtension, "{id}");
    }
    let mut world = World::new();
    world.app.extra(UNKNOWN, false, &[5, 0]);
    assert!(world.judge().is_ok());
}

#[test]
fn tolerates_policies_that_are_not_critical() {
    let policies = tlv(0x30, &[&tlv(0x30, &[&oid("1.2.3.4")])]);
    for (critical, accepted) in [(false, true), (true, false)] {
        let mut world = World::new();
        world.app.extra("2.5.29.32", critical, &policies);
        assert_eq!(world.judge().is_ok(), accepted);
    }
}

#[test]
fn refuses_name_constraints_until_they_are_understood() {
    for critical in [true, false] {
        let mut world = World::new();
        world.ca.extra(NAME_CONSTRAINTS, critical, &[0x30, 0]);
        assert_eq!(world.refused_as(), RefusalKind::NameConstraintsNotSupported);
    }
}

#[test]
fn an_end_entity_needs_a_uri_name() {
    let mut world = World::new();
    world.app.uris = vec![];
    assert_eq!(world.refused_as(), RefusalKind::UriName);
}

#[test]
fn a_profile_narrows_schemes_and_keys() {
    let world = World::new();
    let presented = chain(&[&world.app(), &world.ca()]);
    let default = CertificateProfile::default;
    for (profile, verdict) in [
        (default().with_uri_schemes(["https"]), None),
        (default().with_uri_schemes(["urn"]), Some(RefusalKind::UriName)),
        (default().with_keys([KeyFamily::P256]), None),
        (default().with_keys([KeyFamily::Rsa]), Some(RefusalKind::WeakKey)),
    ] {
        let community = profiled_community("urn:example:c", &[&world.root()], &[], profile, world.policy);
        assert_eq!(world.judge_in(&community, &presented).err().map(|refusal| refusal.kind()), verdict);
    }
}

#[test]
fn rsa_and_p384_chains_are_good() {
    assert!(World::with_keys(Key::rsa2048(), Key::rsa2048(), Key::rsa2048()).judge().is_ok());
    assert!(World::with_keys(Key::p384(), Key::rsa2048(), Key::p256()).judge().is_ok());
    assert!(World::with_keys(Key::rsa2048(), Key::p384(), Key::p384()).judge().is_ok());
}

#[test]
fn refuses_keys_that_do_not_count() {
    const P521: &str = "1.3.132.0.35";
    const EC: &str = "1.2.840.10045.2.1";
    let point = [&[4][..], &[1; 64]].concat();
    let compressed = [&[2][..], &[1; 32]].concat();
    for key in [
        Key::rsa(1024),
        Key::rsa(2040),
        Key::rsa(4104),
        Key::rsa_with_exponent(2048, &[3]),
        Key::public(&[&oid(EC), &oid(P521)], &point),
        Key::public(&[&oid(EC), &tlv(0x30, &[&[2, 1, 1]])], &point),
        Key::public(&[&oid(EC)], &point),
        Key::public(&[&oid(EC), &oid("1.2.840.10045.3.1.7")], &compressed),
        Key::public(&[&oid("1.3.101.112")], &[1; 32]),
    ] {
        let mut world = World::new();
        world.app.spki = key.spki;
        let refusal = world.judge().unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::WeakKey, "{refusal}");
    }
}

#[test]
fn keys_at_the_bounds_count() {
    for key in [Key::rsa(2048), Key::rsa(4096)] {
        let mut world = World::new();
        world.app.spki = key.spki;
        assert!(world.judge().is_ok());
    }
}

#[test]
fn refuses_signature_algorithms_that_do_not_count() {
    const ECDSA_SHA1: &str = "1.2.840.10045.4.1";
    const RSA_SHA1: &str = "1.2.840.113549.1.1.5";
    const RSA_MD5: &str = "1.2.840.113549.1.1.4";
    for id in [ECDSA_SHA1, RSA_SHA1, RSA_MD5] {
        let mut world = World::new();
        world.app.algorithm = Some(tlv(0x30, &[&oid(id)]));
        assert_eq!(world.refused_as(), RefusalKind::WeakSignature);
        let mut world = World::new();
        world.ca.algorithm = Some(tlv(0x30, &[&oid(id)]));
        assert_eq!(world.refused_as(), RefusalKind::WeakSignature);
        let mut world = World::new();
        world.root.algorithm = Some(tlv(0x30, &[&oid(id)]));
        assert!(world.judge().is_ok(), "nobody relies on an anchor's own signature");
    }
}

#[test]
fn an_algorithm_that_does_not_fit_the_issuers_key_is_a_bad_signature() {
    let mut world = World::new();
    world.app.algorithm = Some(tlv(0x30, &[&oid("1.2.840.113549.1.1.11"), &[5, 0]]));
    assert_eq!(world.refused_as(), RefusalKind::BadSignature);
}

#[test]
fn names_every_reason_at_once() {
    let mut world = World::new();
    world.app.not_after = NOW - 1;
    world.app.key_usage = Some(0x20);
    world.app.uris = vec![];
    let refusal = world.judge().unwrap_err();
    assert_eq!(kinds(&refusal), [RefusalKind::Expired, RefusalKind::KeyUsage, RefusalKind::UriName]);
    assert!(refusal.to_string().contains("expired at 2027-01-15T07:59:59Z"), "{refusal}");
}
