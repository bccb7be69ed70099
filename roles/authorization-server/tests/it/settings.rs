//! A server starts only from settings that fit together.

use std::time::Duration;

use tessera_authorization_server::settings::{BaseName, ServerSettings};
use tessera_jose::algorithm::Algorithm;
use tessera_trust::UnixTime;

use crate::pki::{p256, rsa};
use crate::world::{BLUE, NOW, Plan, community, scopes, url};

fn finding(change: impl FnOnce(&mut ServerSettings)) -> String {
    let mut settings = Plan::new().settings;
    change(&mut settings);
    settings.findings(UnixTime::from_secs(NOW)).join("; ")
}

#[test]
fn good_settings_have_no_findings() {
    assert_eq!(finding(|_| {}), "");
}

#[test]
fn each_mistake_is_found() {
    let policy = |settings: &mut ServerSettings| settings.communities[&community(BLUE)].clone();
    let cases: Vec<(String, &str)> = vec![
        (finding(|s| s.bases[1].name = s.bases[0].name.clone()), "two bases are called"),
        (finding(|s| s.bases[1].base_url = s.bases[0].base_url.clone()), "two bases have the URL"),
        (finding(|s| s.groups[1].name = s.groups[0].name.clone()), "two groups are called"),
        (
            finding(|s| {
                s.groups.remove(1);
            }),
            "which is not there",
        ),
        (
            finding(|s| s.bases[1].token_endpoint = s.bases[0].introspection_endpoint.clone()),
            "two endpoints have the URL",
        ),
        (
            finding(|s| {
                s.communities.remove(&community(BLUE));
            }),
            "has no policy",
        ),
        (finding(|s| s.skew = Duration::from_secs(61)), "skew"),
        (finding(|s| s.metadata_lifetime = Duration::from_secs(366 * 86_400)), "one year"),
        (finding(|s| s.bases[0].communities[0].key = p256()), "need RS256"),
        (finding(|s| s.bases[0].communities[0].key = p256()), "is not its certificate's"),
        (
            finding(|s| {
                let other = s.bases[1].communities[0].chain.clone();
                s.bases[0].communities[0].chain = other;
            }),
            "among its URI names",
        ),
        (
            finding(|s| {
                let double = s.bases[1].communities[0].clone();
                s.bases[1].communities.push(double);
            }),
            "named twice",
        ),
        (
            finding(|s| {
                let mut changed = policy(s);
                changed.algorithms = [Algorithm::Es256].into_iter().collect();
                s.communities.insert(community(BLUE), changed);
            }),
            "RS256 must be among",
        ),
        (
            finding(|s| {
                let mut changed = policy(s);
                changed.access_token_lifetime = Duration::from_secs(3601);
                s.communities.insert(community(BLUE), changed);
            }),
            "access tokens must live",
        ),
        (
            finding(|s| {
                let mut changed = policy(s);
                changed.scopes_supported = scopes("system/Patient.read openid");
                s.communities.insert(community(BLUE), changed);
            }),
            "needs a person",
        ),
        (
            finding(|s| {
                let mut changed = policy(s);
                changed.scope_grants.default = Some(scopes("system/Task.write"));
                s.communities.insert(community(BLUE), changed);
            }),
            "granted but not supported",
        ),
        (finding(|s| s.bases[1].resource_servers[0].community = community(BLUE)), "which this base does not serve"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn a_certificate_that_is_not_valid_now_is_found() {
    let mut plan = Plan::new();
    let short = plan.red.issue_for(&[&url("lab")], rsa(), 10);
    plan.settings.bases[1].communities[0].chain = short.certificates();
    let late = plan.settings.findings(UnixTime::from_secs(NOW + 10));
    assert!(late.join("; ").contains("is not valid now"));
}

#[test]
fn names_fit_into_routes() {
    for good in ["r4", "R4-lab_1.0", "a"] {
        assert!(BaseName::parse(good).is_some(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "a b", "ä", "a%2f"] {
        assert!(BaseName::parse(bad).is_none(), "{bad}");
    }
}
