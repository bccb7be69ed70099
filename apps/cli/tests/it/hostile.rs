//! Metadata that lie or do not say enough: the program tells what is wrong and sends nothing more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::data_holder::{FakeHolder, SCOPE, TREAT, now, registered};
use crate::support::files::{APP, COMMUNITY};
use crate::support::server::json as answer_json;

const DAY: Duration = Duration::from_secs(24 * 3600);
const CERTIFICATION: &str = "https://certifier.example/level-2";
const OTHER_COMMUNITY: &str = "https://community.example/other";

/// The last check that was made, which is the one that failed.
fn failed_check(error: &Value) -> &str {
    let check = error["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(check["outcome"], "failed", "{error}");
    check["name"].as_str().unwrap()
}

/// Shows: DISC-6
#[test]
fn without_metadata_nothing_is_sent() {
    let holder = FakeHolder::new();
    let html = b"<!doctype html><title>Welcome</title>".to_vec();
    for (status, body, exit, code) in [
        (404, &html, 4, "no-udap"),
        (204, &Vec::new(), 4, "no-metadata-for-community"),
        (500, &html, 6, "refused"),
        (302, &html, 6, "refused"),
        (200, &html, 6, "not-metadata"),
        (200, &b"{\"udap_versions_supported\": [\"1\"]".to_vec(), 6, "not-metadata"),
        (200, &b"[]".to_vec(), 6, "not-metadata"),
        (200, &Vec::new(), 6, "not-metadata"),
        (200, &b"{\"a\": 1, \"a\": 1}".to_vec(), 6, "not-metadata"),
        (200, &vec![b' '; 70_000], 6, "answer-too-large"),
    ] {
        holder.on_metadata((status, "text/html", body.clone()));
        holder.refuses_to_register(exit, code);
    }
}

/// Shows: DISC-6, COMM-6
#[test]
fn in_the_first_edition_a_404_lets_the_next_community_be_asked_for() {
    let holder = FakeHolder::new();
    holder.files.certify_app("other", APP);
    let both = |edition: &str| {
        [holder.community(OTHER_COMMUNITY, "other", edition), holder.community(COMMUNITY, "app", edition)]
    };
    holder.on_metadata_of("https%3A%2F%2Fcommunity.example%2Fother", (404, "text/plain", Vec::new()));

    assert_eq!(holder.set_profile(&both("2.0")).code, 0);
    holder.refuses_to_register(4, "no-udap");

    assert_eq!(holder.set_profile(&both("1.0")).code, 0);
    let (exit, outcome) = holder.register();
    assert_eq!((exit, outcome["community"].as_str()), (0, Some(COMMUNITY)), "{outcome}");

    // Nothing for either by name, but a document without one: its community is looked at as ever.
    holder.on_metadata_of("https%3A%2F%2Fcommunity.example%2Ftrust", (404, "text/plain", Vec::new()));
    let (exit, outcome) = holder.register();
    assert_eq!((exit, outcome["outcome"].as_str()), (0, Some("changed")), "{outcome}");
    let sent = holder.posted("/register").len();
    holder.on_metadata((404, "text/plain", Vec::new()));
    let (exit, error) = holder.register();
    assert_eq!((exit, error["code"].as_str()), (4, Some("no-udap")), "{error}");
    assert_eq!(holder.posted("/register").len(), sent);
}

/// Shows: DISC-7, META-1, META-2, META-3, META-5
#[test]
fn what_is_not_listed_is_not_tried() {
    let holder = FakeHolder::new();
    for (name, values, exit, code) in [
        ("udap_versions_supported", json!(["2"]), 4, "not-supported"),
        ("udap_profiles_supported", json!(["udap_authn", "udap_authz"]), 4, "not-supported"),
        ("udap_profiles_supported", json!(["udap_dcr", "udap_authn"]), 4, "not-supported"),
        ("udap_authorization_extensions_supported", json!([]), 4, "not-supported"),
        ("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]), 4, "not-supported"),
        ("grant_types_supported", json!([]), 4, "not-supported"),
        ("grant_types_supported", json!("client_credentials"), 6, "not-metadata"),
        ("token_endpoint_auth_signing_alg_values_supported", json!([]), 4, "not-supported"),
        ("grant_types_supported", json!(["authorization_code"]), 4, "not-supported"),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["RS256"]), 4, "not-supported"),
        ("registration_endpoint_jwt_signing_alg_values_supported", json!([]), 4, "not-supported"),
        ("registration_endpoint_jwt_signing_alg_values_supported", json!(["RS256"]), 4, "not-supported"),
        ("udap_authorization_extensions_required", json!(["hl7-b2b", "other"]), 4, "not-supported"),
    ] {
        holder.publish_with(name, values);
        let error = holder.refuses_to_register(exit, code);
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Shows: META-9
#[test]
fn a_demanded_certification_is_one_that_the_app_must_have() {
    let holder = FakeHolder::new();
    let mut document = holder.document(&holder.claims());
    document["udap_certifications_supported"] = json!([CERTIFICATION]);
    document["udap_certifications_required"] = json!([CERTIFICATION]);
    holder.publish_document(&document);
    let error = holder.refuses_to_register(4, "not-supported");
    assert!(error.to_string().contains("udap_certifications_required"), "{error}");

    let certify = |uri: &str| holder.sign("holder", &json!({"certification_uris": [uri]}));
    let with_file = ["--certification", &holder.files.text("app.jwt")];
    holder.files.write("app.jwt", &certify("https://certifier.example/other"));
    assert_eq!(holder.set_profile_with(&[holder.files.community()], &with_file).code, 0);
    holder.refuses_to_register(4, "not-supported");

    let certification = certify(CERTIFICATION);
    holder.files.write("app.jwt", &format!("{certification}\n"));
    let (exit, outcome) = holder.register();
    assert_eq!(exit, 0, "{outcome}");
    let body: Value = serde_json::from_str(&holder.posted("/register")[0].body).unwrap();
    assert_eq!(body["certifications"], json!([certification]));

    holder.files.write("app.jwt", "no JWT");
    let ran = holder.set_profile_with(&[holder.files.community()], &with_file);
    assert!(ran.code == 2 && ran.stderr.contains("certifications"), "{ran:?}");
}

/// Shows: DISC-8
#[test]
fn smart_metadata_play_no_part() {
    let holder = FakeHolder::new();
    let smart = json!({"token_endpoint": holder.url("/smart/token"), "registration_endpoint": holder.url("/smart/register"),
        "grant_types_supported": ["client_credentials"], "capabilities": ["client-confidential-asymmetric"]});
    holder.server.answer("/fhir/r4/.well-known/smart-configuration", [answer_json(200, &smart)]);
    assert_eq!(holder.register().0, 0);
    assert_eq!(holder.token(&TREAT).0, 0);
    assert_eq!((holder.posted("/register").len(), holder.posted("/token").len()), (1, 1));
    let asked = holder.server.asked();
    assert!(asked.iter().all(|asked| !asked.target.starts_with("/smart")), "{asked:?}");
}

/// Shows: SMD-8
#[test]
fn the_signed_endpoint_prevails_from_2_0_on_and_stops_before() {
    let holder = FakeHolder::new();
    holder.publish_with("registration_endpoint", json!(holder.url("/elsewhere")));
    for edition in ["1.0", "1.1"] {
        holder.set_edition(edition);
        let error = holder.refuses_to_register(5, "metadata-invalid");
        assert_eq!(failed_check(&error), "plain endpoints equal the signed ones");
    }
    holder.set_edition("2.0");
    let (exit, outcome) = holder.register();
    assert_eq!(exit, 0, "{outcome}");
    let warned = outcome["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "warned");
    assert!(warned.into_iter().any(|check| check["requirements"].to_string().contains("SMD-8")), "{outcome}");
    assert_eq!((holder.posted("/register").len(), holder.posted("/elsewhere").len()), (1, 0));
}

/// Shows: SMD-9, SMD-10
#[test]
fn after_any_failure_of_the_signed_part_nothing_is_sent() {
    let holder = FakeHolder::new();
    let year = 366 * 24 * 3600;
    let other = format!("{}/", holder.base);
    let cases: [(&str, Value, &str); 10] = [
        ("iss", json!(other), "signed for this FHIR base, which is in the certificate"),
        ("sub", json!(other), "subject is the issuer"),
        ("exp", json!(now() - 120), "signed part lives now, and at most a year"),
        ("exp", json!(now() + year), "signed part lives now, and at most a year"),
        ("iat", json!(now() + 3000), "signed part lives now, and at most a year"),
        ("jti", json!(""), "signed part has an id"),
        ("token_endpoint", Value::Null, "endpoints are signed"),
        ("registration_endpoint", json!("/register"), "endpoints are signed"),
        ("token_endpoint", json!(7), "endpoints are signed"),
        ("token_endpoint", json!("http://127.0.0.1:1/token"), "endpoints are signed"),
    ];
    for (name, value, check) in cases {
        let mut claims = holder.claims();
        claims[name] = value.clone();
        if name == "iss" {
            claims["sub"] = value;
        }
        holder.publish(&claims);
        let error = holder.refuses_to_register(5, "metadata-invalid");
        assert_eq!(failed_check(&error), check, "{claims}");
    }
    let mut unsigned = holder.document(&holder.claims());
    unsigned.as_object_mut().unwrap().remove("signed_metadata");
    holder.publish_document(&unsigned);
    holder.refuses_to_register(5, "metadata-invalid");
}

/// Shows: SMD-9, SMD-10
#[test]
fn a_signature_over_something_else_stops_all() {
    let holder = FakeHolder::new();
    let signed = holder.sign("holder", &holder.claims());
    let mut evil = holder.claims();
    evil["token_endpoint"] = json!(holder.url("/evil"));
    let evil = holder.sign("holder", &evil);
    let [header, payload, signature] = <[&str; 3]>::try_from(signed.split('.').collect::<Vec<_>>()).unwrap();
    let [_, other_payload, other_signature] = <[&str; 3]>::try_from(evil.split('.').collect::<Vec<_>>()).unwrap();
    for jwt in [
        [header, other_payload, signature].join("."),
        [header, payload, other_signature].join("."),
        [header, payload, ""].join("."),
    ] {
        holder.publish_with("signed_metadata", json!(jwt));
        holder.refuses_to_register(5, "metadata-invalid");
    }
}

/// Shows: SMD-9, SMD-10
#[test]
fn a_certificate_that_does_not_hold_stops_all() {
    let holder = FakeHolder::new();
    holder.certify("other-base", &holder.base.replace("/r4", "/r5"), DAY);
    holder.certify("expired", &holder.base, Duration::from_secs(60));
    // Of the community, but it names no list of revoked ones, and that of the community has to be known.
    holder.files.member("listless", &holder.base, crate::support::files::rsa_key(), DAY);
    for (name, code) in [("other-base", "metadata-invalid"), ("expired", "not-trusted"), ("listless", "not-trusted")] {
        holder.publish_with("signed_metadata", json!(holder.sign(name, &holder.claims())));
        let error = holder.refuses_to_register(5, code);
        assert_eq!(error["checks"].as_array().unwrap().last().unwrap()["outcome"], "failed", "{name}: {error}");
    }
    holder.publish(&holder.claims());
    holder.server.answer("/root.crl", [(503, "text/plain", Vec::new())]);
    holder.refuses_to_register(5, "not-trusted");
}

/// Shows: SCOPE-2
#[test]
fn a_wildcard_is_not_asked_for_where_none_is_listed() {
    let holder = FakeHolder::new();
    let ask = ["register", &holder.base, "--scope", "system/*.rs"];
    let (exit, error) = holder.user.json(&ask);
    assert_eq!((exit, error["code"].as_str()), (2, Some("wildcard-not-supported")), "{error}");
    assert!(error["advice"].is_string());
    holder.was_sent_nothing();

    assert_eq!(holder.register().0, 0);
    let (exit, error) = holder.token(&[&["--scope", "system/*.rs"], &TREAT[..]].concat());
    assert_eq!((exit, error["code"].as_str()), (2, Some("wildcard-not-supported")), "{error}");
    assert!(holder.posted("/token").is_empty());

    holder.publish_with("scopes_supported", json!(["system/*.read", SCOPE]));
    holder.on_registration([registered("c-1", "system/*.rs")]);
    assert_eq!(holder.user.json(&ask).0, 0);
}
