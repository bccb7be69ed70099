//! What revocation adds to a path that is otherwise good.

use super::*;
use crate::testing::{DAY, ISSUING_DISTRIBUTION_POINT, NOW, distribution_point_name, tlv};

fn reasons_of(refusal: &TrustRefusal) -> String {
    refusal.attempts().iter().flat_map(|attempt| attempt.reasons()).map(|reason| format!("{reason}\n")).collect()
}

#[test]
fn refuses_a_revoked_end_entity() {
    for policy in [RevocationPolicy::RequireStatus, RevocationPolicy::SoftFail] {
        let mut world = World::new();
        world.policy = policy;
        world.supply(CA_CRL, CrlBuilder::new(CA).revoking(&[0x20]).signed_by(&world.ca_key));
        let refusal = world.judge().unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::Revoked);
        assert!(refusal.to_string().contains("was revoked at 2027-01-14T08:00:00Z"), "{refusal}");
    }
}

#[test]
fn refuses_a_revoked_intermediate() {
    for policy in [RevocationPolicy::RequireStatus, RevocationPolicy::SoftFail] {
        let mut world = World::new();
        world.policy = policy;
        world.supply(ROOT_CRL, CrlBuilder::new(ROOT).revoking(&[0x10]).signed_by(&world.root_key));
        assert_eq!(world.refused_as(), RefusalKind::Revoked);
    }
}

#[test]
fn another_certificates_revocation_does_not_count() {
    let mut world = World::new();
    let crl = CrlBuilder::new(CA).revoking(&[0x1f]).revoking(&[0x21]).revoking(&[0x20, 0x20]);
    world.supply(CA_CRL, crl.signed_by(&world.ca_key));
    assert!(world.judge().is_ok());
}

#[test]
fn a_list_that_is_not_to_be_had_refuses_unless_the_community_is_soft() {
    for missing in [CA_CRL, ROOT_CRL] {
        let mut world = World::new();
        world.crls.remove(missing);
        let refusal = world.judge().unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::RevocationUnknown);
        assert!(refusal.to_string().contains(missing) && refusal.to_string().contains("404"), "{refusal}");

        world.policy = RevocationPolicy::SoftFail;
        let proven = world.judge().unwrap();
        assert_eq!(proven.soft_failures().len(), 1);
        assert!(proven.soft_failures()[0].contains(missing));
        assert_eq!(proven.holds_until().as_secs(), NOW + 300, "asked again soon");
    }
}

#[test]
fn a_certificate_without_distribution_point_is_unknown() {
    let mut world = World::new();
    world.app.crl_urls = vec![];
    let refusal = world.judge().unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::RevocationUnknown);
    assert!(refusal.to_string().contains("names no CRL distribution point"), "{refusal}");
    world.app.crl_urls = vec!["ldap://ca.example/crl".to_owned()];
    assert_eq!(world.refused_as(), RefusalKind::RevocationUnknown);
}

#[test]
fn refuses_lists_that_may_not_be_believed() {
    let good = || CrlBuilder::new(CA);
    let mut stale = good();
    stale.next_update = Some(NOW - 1);
    let mut future = good();
    future.this_update = NOW + 31;
    let mut sha1 = good();
    sha1.algorithm = Some(tlv(0x30, &[&crate::testing::oid("1.2.840.10045.4.1")]));
    let world = World::new();
    for (crl, key, words) in [
        (stale, &world.ca_key, "stale since 2027-01-15T07:59:59Z"),
        (future, &world.ca_key, "in the future"),
        (good(), &Key::p256(), "not signed by the issuer's key"),
        (good(), &world.root_key, "not signed by the issuer's key"),
        (CrlBuilder::new(ROOT), &world.ca_key, "issued by"),
        (sha1, &world.ca_key, "algorithm that does not count"),
    ] {
        let crl = crl.signed_by(key);
        let mut judged = World::new();
        judged.crls = world.crls.clone();
        judged.supply(CA_CRL, crl);
        let presented = chain(&[&world.app(), &world.ca()]);
        let refusal = judged.judge_in(&community(&[&world.root()], &[], world.policy), &presented).unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::RevocationUnknown);
        assert!(refusal.to_string().contains(words), "{words}: {refusal}");
    }
}

#[test]
fn a_list_is_used_up_to_its_last_second_and_with_a_little_skew_at_its_first() {
    let mut world = World::new();
    let mut crl = CrlBuilder::new(CA);
    crl.next_update = Some(NOW);
    crl.this_update = NOW + 30;
    world.supply(CA_CRL, crl.signed_by(&world.ca_key));
    assert_eq!(world.judge().unwrap().holds_until().as_secs(), NOW);
}

#[test]
fn a_ca_without_crl_sign_cannot_vouch() {
    let mut world = World::new();
    world.ca.key_usage = Some(0x04);
    let refusal = world.judge().unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::RevocationUnknown);
    assert!(refusal.to_string().contains("lacks cRLSign"), "{refusal}");
}

#[test]
fn a_partition_of_a_list_counts_only_for_its_own_url() {
    for (urls, accepted) in [
        (vec![CA_CRL.to_owned()], true),
        (vec!["http://ca.example/other.crl".to_owned(), CA_CRL.to_owned()], true),
        (vec!["http://ca.example/other.crl".to_owned()], false),
    ] {
        let mut world = World::new();
        let point = tlv(0x30, &[&distribution_point_name(&urls)]);
        let crl = CrlBuilder::new(CA).extra(ISSUING_DISTRIBUTION_POINT, true, &point);
        world.supply(CA_CRL, crl.signed_by(&world.ca_key));
        assert_eq!(world.judge().is_ok(), accepted, "{urls:?}");
    }
}

#[test]
fn the_second_url_is_asked_when_the_first_fails() {
    let mut world = World::new();
    world.app.crl_urls = vec!["http://gone.example/ca.crl".to_owned(), CA_CRL.to_owned()];
    let community = community(&[&world.root()], &[], world.policy);
    let (verdict, asked) = world.judge_counting(&community, &chain(&[&world.app(), &world.ca()]));
    assert!(verdict.is_ok());
    assert_eq!(asked, [ROOT_CRL, "http://gone.example/ca.crl", CA_CRL]);
}

#[test]
fn asks_from_the_anchor_down_and_only_for_a_good_path() {
    let mut world = World::new();
    let in_community = community(&[&world.root()], &[], world.policy);
    let (verdict, asked) = world.judge_counting(&in_community, &chain(&[&world.app(), &world.ca()]));
    assert!(verdict.is_ok());
    assert_eq!(asked, [ROOT_CRL, CA_CRL]);

    world.ca.not_after = NOW - 1;
    let (_, asked) = world.judge_counting(&in_community, &chain(&[&world.app(), &world.ca()]));
    assert!(asked.is_empty(), "a path that is bad anyway fetches nothing");
}

#[test]
fn asks_for_no_list_of_a_ca_that_is_revoked() {
    let mut world = World::new();
    let revoking = CrlBuilder::new(ROOT).revoking(&[0x10]);
    world.supply(ROOT_CRL, revoking.signed_by(&world.root_key));
    let in_community = community(&[&world.root()], &[], world.policy);
    let (verdict, asked) = world.judge_counting(&in_community, &chain(&[&world.app(), &world.ca()]));
    assert_eq!(verdict.unwrap_err().kind(), RefusalKind::Revoked);
    assert_eq!(asked, [ROOT_CRL], "whoever has its key must not make us fetch");
}

#[test]
fn what_was_asked_for_and_not_supplied_is_not_to_be_had() {
    let world = World::new();
    let community = community(&[&world.root()], &[], world.policy);
    let presented = chain(&[&world.app(), &world.ca()]);
    let mut search = PathSearch::new(&community, &presented, now(), Budget::default());
    assert!(matches!(search.advance(&Evidence::new()), Step::Need(_)));
    let Step::Refused(refusal) = search.advance(&Evidence::new()) else { panic!("the search goes on") };
    assert_eq!(refusal.kind(), RefusalKind::RevocationUnknown);
}

#[test]
fn fetches_are_bounded_and_what_is_cached_is_not_counted() {
    let mut world = World::new();
    world.budget.fetches = 1;
    let refusal = world.judge().unwrap_err();
    assert!(reasons_of(&refusal).contains("the 1 fetches of a search are used up"), "{refusal}");

    let in_community = community(&[&world.root()], &[], world.policy);
    let presented = chain(&[&world.app(), &world.ca()]);
    let mut evidence = Evidence::new();
    evidence.supply_cached_crl(ROOT_CRL, Ok(Arc::clone(&world.crls[ROOT_CRL])));
    let mut search = PathSearch::new(&in_community, &presented, now(), world.budget);
    assert!(matches!(search.advance(&evidence), Step::Need(_)));
    evidence.supply_crl(CA_CRL, Ok(Arc::clone(&world.crls[CA_CRL])));
    assert!(matches!(search.advance(&evidence), Step::Accepted(_)));
}

#[test]
fn only_so_many_urls_of_a_certificate_are_tried() {
    let mut world = World::new();
    world.budget.fetches = 100;
    world.app.crl_urls =
        (0..9).map(|number| format!("http://ca.example/{number}.crl")).chain([CA_CRL.to_owned()]).collect();
    let community = community(&[&world.root()], &[], world.policy);
    let (verdict, asked) = world.judge_counting(&community, &chain(&[&world.app(), &world.ca()]));
    assert_eq!(verdict.unwrap_err().kind(), RefusalKind::RevocationUnknown);
    assert_eq!(asked.iter().filter(|url| url.starts_with("http://ca.example/")).count(), 4);
}

#[test]
fn a_revoked_end_entity_stays_revoked_on_every_other_path() {
    // A second certificate of the same CA key may not sign lists: on that path alone, softness would let pass.
    let mut world = World::new();
    world.policy = RevocationPolicy::SoftFail;
    let mut silent = world.ca.clone();
    (silent.serial, silent.key_usage) = (vec![0x12], Some(0x04));
    let silent = silent.issued_by(ROOT, &world.root_key);
    world.supply(CA_CRL, CrlBuilder::new(CA).revoking(&[0x20]).signed_by(&world.ca_key));
    let refusal = world.judge_chain(&chain(&[&world.app(), &world.ca(), &silent])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Revoked);
}

#[test]
fn does_not_try_a_revoked_intermediate_under_every_anchor() {
    let mut world = World::new();
    let mut twin = world.root.clone();
    twin.serial = vec![2];
    let anchors = [world.root(), twin.self_signed(&world.root_key)];
    let in_community = community(&[&anchors[0], &anchors[1]], &[], world.policy);
    world.supply(ROOT_CRL, CrlBuilder::new(ROOT).revoking(&[0x10]).signed_by(&world.root_key));
    let refusal = world.judge_in(&in_community, &chain(&[&world.app(), &world.ca()])).unwrap_err();
    assert_eq!(kinds(&refusal), [RefusalKind::Revoked]);
}

#[test]
fn goes_back_from_a_revoked_intermediate_to_another_path() {
    let mut world = World::new();
    let mut renewed = world.ca.clone();
    renewed.serial = vec![0x13];
    let renewed = renewed.issued_by(ROOT, &world.root_key);
    world.supply(ROOT_CRL, CrlBuilder::new(ROOT).revoking(&[0x10]).signed_by(&world.root_key));
    let proven = world.judge_chain(&chain(&[&world.app(), &world.ca(), &renewed])).unwrap();
    assert_eq!(proven.path()[1].serial_hex(), "13");
}

#[test]
fn the_earliest_next_update_ends_the_verdict() {
    let mut world = World::new();
    let mut crl = CrlBuilder::new(ROOT);
    crl.next_update = Some(NOW + DAY / 2);
    world.supply(ROOT_CRL, crl.signed_by(&world.root_key));
    assert_eq!(world.judge().unwrap().holds_until().as_secs(), NOW + DAY / 2);
}
