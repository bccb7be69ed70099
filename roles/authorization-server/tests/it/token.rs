//! Client authentication and the client credentials grant.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tessera_authorization_server::PresentedCredentials;
use tessera_authorization_server::audit::AuditOutcome;
use tessera_authorization_server::policy::{Admitted, AdmittedPrefixes, SubjectName};
use tessera_udap::edition::Edition;

use crate::pki::{Ca, p256, rsa};
use crate::world::{APP, App, Jwt, NOW, Plan, World, base_name, claims_of, code, scopes, token_form, told, url};

/// Shows: AUTHN-1, AUTHN-12, TOKEN-4, TOKEN-6, TOKEN-10, SCOPE-6, B2B-1
#[tokio::test]
async fn a_registered_app_gets_a_token_with_its_context() {
    let world = World::new();
    let app = world.registered().await;
    let answer = world.token(&app.assertion().with("unknown", "ignored")).await.unwrap();
    let json: Value = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 900);
    assert_eq!(json["scope"], "system/Patient.read");
    assert!(json.get("refresh_token").is_none());
    let claims = claims_of(&answer.access_token);
    assert_eq!(claims["aud"], url("r4"));
    assert_eq!(claims["iss"], url("r4"));
    assert_eq!(claims["client_id"], app.client_id);
    assert_eq!(claims["exp"], NOW + 900);
    assert_eq!(claims["scope"], "system/Patient.read");
    assert_eq!(claims["extensions"]["hl7-b2b"]["organization_id"], "https://clinic.example");
    let record = world.audit.last();
    assert_eq!(record.outcome, AuditOutcome::Granted);
    assert_eq!(record.purpose.unwrap().purpose_of_use, ["urn:oid:2.16.840.1.113883.5.8#TREAT"]);
    assert_eq!(record.token_id.unwrap().as_str(), claims["jti"]);
    assert!(!format!("{answer:?}").contains(&answer.access_token));
}

/// Shows: AUTHN-2, AUTHN-3, AUTHN-4, AUTHN-5, AUTHN-8, AUTHN-14, JWT-10
#[tokio::test]
async fn refuses_what_the_assertion_does_not_prove() {
    let world = World::new();
    let app = world.registered().await;
    let good = app.assertion();
    let spent = world.memory.state().spent.len();
    let two = json!([url("r4/token"), url("r4")]);
    for (assertion, reason) in [
        (good.clone().with("iss", "unknown-client"), "client-unknown"),
        (good.clone().with("sub", "another"), "sub-is-not-iss"),
        (good.clone().with("iss", APP).with("sub", APP), "client-unknown"),
        (good.clone().without("iss"), "client-unknown"),
        (good.clone().with("aud", url("r4")), "audience"),
        (good.clone().with("aud", url("lab/token")), "audience"),
        (good.clone().with("aud", url("r4/token/")), "audience"),
        (good.clone().with("aud", url("r4/introspect")), "audience"),
        (good.clone().with("aud", two), "audience"),
        (good.clone().with("exp", NOW + 301), "lifetime-too-long"),
        (good.clone().with("iat", NOW - 300).with("exp", NOW - 31), "expired"),
        (good.clone().with("iat", NOW + 60), "not-yet-valid"),
        (good.clone().with("exp", 1_800_000_200.5), "claim-type"),
        (good.clone().with("exp", "soon"), "claim-type"),
        (good.clone().without("jti"), "claim-missing"),
        (good.clone().with("jti", ""), "claim-value"),
        (good.clone().without("aud"), "claim-missing"),
        (good.clone().without("sub"), "claim-missing"),
        (good.clone().signed_by(p256()), "bad-signature"),
    ] {
        let refused = told(world.token(&assertion).await);
        let expected = ("invalid_client".to_owned(), reason);
        assert_eq!(refused, expected, "{}", assertion.claims);
    }
    assert_eq!(world.memory.state().spent.len(), spent, "nothing is remembered before all holds");
    assert!(world.token(&good).await.is_ok());
}

/// Shows: AUTHN-5, JWT-8
#[tokio::test]
async fn an_assertion_is_good_once() {
    let world = World::new();
    let app = world.registered().await;
    let assertion = app.assertion();
    world.token(&assertion).await.unwrap();
    assert_eq!(told(world.token(&assertion).await), ("invalid_client".to_owned(), "jti-replayed"));
    // Within the skew after exp it would still be accepted, so it is still known.
    let form = token_form(&assertion, "system/Patient.read");
    let refused = world.token_at("r4", &form, &world.at(329)).await;
    assert_eq!(told(refused).1, "jti-replayed");
}

/// Shows: JWT-9
#[tokio::test]
async fn a_jti_is_welcome_again_after_its_jwt_has_ended() {
    let world = World::new();
    let app = world.registered().await;
    world.token(&app.assertion().with("jti", "same")).await.unwrap();
    let later = app.assertion_for(&url("r4/token"), 500).with("jti", "same");
    let form = token_form(&later, "system/Patient.read");
    assert!(world.token_at("r4", &form, &world.at(500)).await.is_ok());
}

/// Shows: AUTHN-10, DCR-27
#[tokio::test]
async fn another_member_of_the_community_cannot_act_for_the_client() {
    let world = World::new();
    let app = world.registered().await;
    let mallory =
        App { client_id: app.client_id.clone(), ..App::new(world.red.issue(&["https://mallory.example"], p256())) };
    let (code, reason) = told(world.token(&mallory.assertion()).await);
    assert_eq!((code.as_str(), reason), ("invalid_client", "certificate-of-another"));
}

/// Shows: AUTHN-9, AUTHN-10, MOD-3
#[tokio::test]
async fn the_same_uri_from_another_community_cannot_act_for_the_client() {
    let world = World::new();
    let app = world.registered().await;
    for ca in [&*world.blue, &Ca::new("Stranger")] {
        let twin = App { client_id: app.client_id.clone(), ..App::new(ca.issue(&[APP], p256())) };
        assert_eq!(told(world.token(&twin.assertion()).await), ("invalid_client".to_owned(), "no-path-to-anchor"));
    }
}

/// Shows: DCR-27
#[tokio::test]
async fn a_renewed_certificate_needs_no_new_registration() {
    let world = World::new();
    let app = world.registered().await;
    let renewed = App { client_id: app.client_id.clone(), ..App::new(world.red.issue(&[APP], rsa())) };
    assert!(world.token(&renewed.assertion()).await.is_ok());
}

/// Shows: AUTHN-6
#[tokio::test]
async fn refuses_other_credentials_beside_the_assertion() {
    let world = World::new();
    let app = world.registered().await;
    let form = token_form(&app.assertion(), "system/Patient.read");
    let header = PresentedCredentials { authorization_header: true };
    let refused = world.server.token(&base_name("r4"), &form.read(), header, &world.now()).await;
    assert_eq!(code(refused), "invalid_request");
    let secret = form.clone().with("client_secret", "");
    assert_eq!(code(world.token_with(&secret).await), "invalid_request");
    assert!(world.token_with(&form).await.is_ok(), "nothing was spent");
}

/// Shows: AUTHN-7, AUTHN-13
#[tokio::test]
async fn refuses_forms_that_lack_something() {
    let world = World::new();
    let app = world.registered().await;
    let form = token_form(&app.assertion(), "system/Patient.read");
    for broken in [
        form.clone().without("grant_type"),
        form.clone().without("client_assertion_type"),
        form.clone().with("client_assertion_type", "jwt-bearer"),
        form.clone().without("client_assertion"),
        form.clone().without("udap"),
        form.clone().with("udap", "2"),
    ] {
        assert_eq!(code(world.token_with(&broken).await), "invalid_request");
    }
    let other = form.clone().with("grant_type", "password");
    assert_eq!(code(world.token_with(&other).await), "unsupported_grant_type");
    let garbage = form.clone().with("client_assertion", "not.a.jwt");
    assert_eq!(code(world.token_with(&garbage).await), "invalid_client");
}

/// Shows: AUTHN-11
#[tokio::test]
async fn a_client_id_parameter_must_be_the_issuer() {
    let world = World::new();
    let app = world.registered().await;
    let form = token_form(&app.assertion(), "system/Patient.read");
    let wrong = form.clone().with("client_id", "another");
    assert_eq!(told(world.token_with(&wrong).await), ("invalid_client".to_owned(), "client-id-mismatch"));
    let right = form.with("client_id", &app.client_id);
    assert!(world.token_with(&right).await.is_ok());
}

/// Shows: META-21
#[tokio::test]
async fn one_registration_holds_for_all_bases_of_its_group() {
    let world = World::new();
    let app = world.registered().await;
    let lab = token_form(&app.assertion_for(&url("lab/token"), 0), "system/Patient.read");
    let token = world.token_at("lab", &lab, &world.now()).await.unwrap();
    assert_eq!(claims_of(&token.access_token)["aud"], url("lab"));
    let annex = token_form(&app.assertion_for(&url("annex/token"), 0), "system/Patient.read");
    assert_eq!(
        told(world.token_at("annex", &annex, &world.now()).await),
        ("invalid_client".to_owned(), "client-of-another-group")
    );
    // Blue is served by r4 but not by lab.
    let mut blue = App::new(world.blue.issue(&[APP], p256()));
    blue.client_id = world.client_id(&blue.statement()).await;
    let lab = token_form(&blue.assertion_for(&url("lab/token"), 0), "system/Patient.read");
    assert_eq!(
        told(world.token_at("lab", &lab, &world.now()).await),
        ("invalid_client".to_owned(), "community-not-served")
    );
    let off = token_form(&app.assertion(), "system/Patient.read");
    assert_eq!(told(world.token_at("off", &off, &world.now()).await).1, "no-such-place");
}

/// Shows: B2B-2, B2B-3, B2B-4, B2B-8, B2B-9, B2B-11
#[tokio::test]
async fn refuses_a_business_context_that_breaks_a_rule() {
    let world = World::new();
    let app = world.registered().await;
    let good = || app.assertion();
    let broken: Vec<Jwt> = vec![
        good().without("extensions"),
        good().with("extensions", json!({})),
        good().with("extensions", json!({"hl7-b2b": "text"})),
        good().with_b2b("version", 1),
        good().with_b2b("version", "2"),
        good().with_b2b("version", Value::Null),
        good().with_b2b("subject_name", ""),
        good().with_b2b("organization_id", Value::Null),
        good().with_b2b("organization_id", "clinic"),
        good().with_b2b("purpose_of_use", Value::Null),
        good().with_b2b("purpose_of_use", json!([])),
        good().with_b2b("purpose_of_use", "TREAT"),
        good().with_b2b("consent_reference", json!(["https://x.example/Consent/1"])),
        good()
            .with_b2b("consent_policy", json!(["https://policy.example"]))
            .with_b2b("consent_reference", json!(["Consent/1"])),
    ];
    for assertion in broken {
        let refused = code(world.token(&assertion).await);
        assert_eq!(refused, "invalid_grant", "{}", assertion.claims);
        assert_eq!(told(world.token(&assertion).await).1, "jti-replayed", "a refusal by the grant has spent the jti");
    }
}

/// Shows: B2B-5, B2B-6, B2B-8, B2B-9, B2B-10, B2B-14
#[tokio::test]
async fn a_community_limits_the_business_context() {
    let only =
        |values: &[&str]| Admitted::Only(values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>());
    let npi = "urn:oid:2.16.840.1.113883.4.6#";
    let world = Plan::new()
        .with_policy(|policy| {
            policy.b2b.purposes_of_use = only(&["urn:oid:2.16.840.1.113883.5.8#TREAT"]);
            policy.b2b.subject_roles = only(&["207R00000X"]);
            policy.b2b.consent_policies = only(&["https://policy.example/1"]);
            policy.b2b.organization_id_prefixes = AdmittedPrefixes::Only(vec!["https://".into()]);
            policy.b2b.subject_id_prefixes = AdmittedPrefixes::Only(vec![npi.into()]);
            policy.b2b.subject_id_is_npi = true;
            policy.b2b.subject_name = SubjectName::BesideIdOrRole;
        })
        .start();
    let app = world.registered().await;
    let named = || app.assertion().with_b2b("subject_name", "A. Person");
    for good in [
        app.assertion(),
        named().with_b2b("subject_id", format!("{npi}1234567893")),
        named().with_b2b("subject_role", "207R00000X"),
        named().with_b2b("consent_policy", json!(["https://policy.example/1"])),
    ] {
        let answer = world.token(&good).await;
        assert!(answer.is_ok(), "{}: {answer:?}", good.claims);
    }
    for bad in [
        named().with_b2b(
            "purpose_of_use",
            json!(["urn:oid:2.16.840.1.113883.5.8#TREAT", "urn:oid:2.16.840.1.113883.5.8#HMARKT"]),
        ),
        named().with_b2b("purpose_of_use", json!(["TREAT"])),
        named().with_b2b("organization_id", "urn:oid:1.2.3"),
        named().with_b2b("subject_role", "nurse"),
        named().with_b2b("subject_id", format!("{npi}1234567890")),
        named().with_b2b("subject_id", "urn:oid:1.2.3#1234567893"),
        named().with_b2b("consent_policy", json!(["https://policy.example/2"])),
        app.assertion().with_b2b("subject_id", format!("{npi}1234567893")),
    ] {
        assert_eq!(told(world.token(&bad).await), ("invalid_grant".to_owned(), "b2b-not-admitted"), "{}", bad.claims);
    }
}

/// Shows: SCOPE-4, SCOPE-7, DCR-20
#[tokio::test]
async fn scopes_are_negotiated_within_the_registration() {
    let world = World::new();
    let mut app = world.app();
    let narrow = app.statement().with("scope", "system/Patient.read system/Observation.read");
    app.client_id = world.client_id(&narrow).await;
    let ask = |scope: &str| token_form(&app.assertion(), scope);
    let mixed = ask("system/Patient.read system/Encounter.read system/Nothing.write user/Patient.read");
    let answer = world.token_with(&mixed).await.unwrap();
    assert_eq!(answer.scope, "system/Patient.read");
    for nothing in
        ["system/Patient.write", "system/Encounter.read", "user/Patient.read", "system/Patient.read system/*.write"]
    {
        assert_eq!(code(world.token_with(&ask(nothing)).await), "invalid_scope", "{nothing}");
    }
    let wildcard = world.token_with(&ask("system/*.read")).await.unwrap();
    assert_eq!(
        wildcard.scope, "system/Patient.read system/Observation.read",
        "a supported wildcard is expanded to what is registered"
    );
}

#[tokio::test]
async fn a_policy_that_was_tightened_holds_for_registered_clients() {
    let plan = Plan::new();
    let (red, blue) = (plan.red.clone(), plan.blue.clone());
    let mut settings = plan.settings.clone();
    let before = plan.start();
    let app = before.registered().await;
    let policy = settings.communities.get_mut(&crate::world::community(crate::world::RED)).unwrap();
    policy.scope_grants.default = Some(scopes("system/Observation.read"));
    let after = Plan { settings, red, blue }.start();
    let kept = before.memory.state().registrations.clone();
    after.memory.state().registrations = kept;
    let form = token_form(&app.assertion(), "system/Patient.read");
    assert_eq!(code(after.token_with(&form).await), "invalid_scope");
    let form = token_form(&app.assertion(), "system/Patient.read system/Observation.read");
    assert_eq!(after.token_with(&form).await.unwrap().scope, "system/Observation.read");
}

/// Shows: TOKEN-2
#[tokio::test]
async fn editions_differ_in_whether_scope_is_required() {
    for (edition, required) in [(Edition::Stu1, false), (Edition::Stu1_1, false), (Edition::Stu2, true)] {
        let world = Plan::new().with_policy(|policy| policy.edition = edition).start();
        let app = world.registered().await;
        let form = token_form(&app.assertion(), "").without("scope");
        let answer = world.token_with(&form).await;
        if required {
            assert_eq!(told(answer), ("invalid_scope".to_owned(), "scope-missing"));
        } else {
            assert_eq!(answer.unwrap().scope, crate::world::SCOPES);
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_gives_no_token() {
    let world = World::new();
    let app = world.registered().await;
    world.memory.break_down();
    let refusal = world.token(&app.assertion()).await.unwrap_err();
    assert!(refusal.class().is_ours());
}

#[tokio::test]
async fn no_refusal_repeats_the_assertion() {
    let world = World::new();
    let app = world.registered().await;
    let assertion = app.assertion().with("aud", "https://elsewhere.example");
    let jwt = assertion.sign();
    let refusal = world.token(&assertion).await.unwrap_err();
    let shown = format!("{refusal:?}{:?}", world.audit.last());
    for segment in jwt.split('.') {
        assert!(!shown.contains(segment));
    }
    assert!(!refusal.error().description.contains("elsewhere"));
}
