//! What the program makes of a server's answers to registrations and token requests.

use serde_json::{Value, json};

use crate::support::data_holder::{FakeHolder, SCOPE, TREAT, assertion, granted, registered, statement};
use crate::support::files::{APP, COMMUNITY};
use crate::support::server::json as answer_json;

const HPAYMT: [&str; 4] =
    ["--organization-id", "https://app.example/org", "--purpose", "urn:oid:2.16.840.1.113883.5.8#HPAYMT"];
const OTHER_COMMUNITY: &str = "https://community.example/other";

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Shows: SCOPE-9
#[test]
fn other_scopes_than_asked_for_are_told_and_used() {
    let holder = FakeHolder::new();
    let ask = ["register", &holder.base, "--scope", "system/Patient.rs system/Observation.rs"];
    let cases = [
        ("system/Patient.rs", vec!["system/Observation.rs"], vec![]),
        ("system/Patient.rs system/Observation.rs system/Group.rs", vec![], vec!["system/Group.rs"]),
        (
            "system/Patient.r system/Patient.s system/Observation.rs",
            vec!["system/Patient.rs"],
            vec!["system/Patient.r", "system/Patient.s"],
        ),
    ];
    for (scope, missing, added) in &cases {
        holder.on_registration([registered("c-1", scope)]);
        let (exit, outcome) = holder.user.json(&ask);
        assert_eq!((exit, outcome["scope"].as_str()), (0, Some(*scope)), "{outcome}");
        assert_eq!((&strings(&outcome["missing"]), &strings(&outcome["added"])), (missing, added), "{outcome}");

        // Without scopes of its own, a token request asks for what is registered, and copes with another set as well.
        holder.server.answer("/token", [granted("t-1", "system/Patient.rs system/Device.rs")]);
        let (exit, token) = holder.token(&TREAT);
        assert_eq!((exit, token["scope"].as_str()), (0, Some("system/Patient.rs system/Device.rs")), "{token}");
        assert!(strings(&token["added"]).contains(&"system/Device.rs"), "{token}");
        let asked = holder.posted("/token").pop().unwrap().body;
        let encoded = scope.replace('/', "%2F").replace(' ', "+");
        assert!(asked.contains(&format!("scope={encoded}&")), "{asked}");
    }
}

/// Shows: DCR-25
#[test]
fn a_certificate_that_is_not_approved_is_not_sent_again() {
    let holder = FakeHolder::new();
    let unapproved = || answer_json(400, &json!({"error": "unapproved_software_statement"}));
    holder.on_registration([unapproved()]);
    let (exit, error) = holder.register();
    assert_eq!((exit, error["code"].as_str()), (6, Some("unapproved_software_statement")), "{error}");
    assert_eq!(holder.posted("/register").len(), 1, "there is no other certificate");

    holder.files.certify_app("other", APP);
    let communities = [holder.files.community(), holder.community(OTHER_COMMUNITY, "other", "2.0")];
    assert_eq!(holder.set_profile(&communities).code, 0);
    assert_eq!(holder.register().0, 6);
    let sent = holder.posted("/register");
    assert_eq!(sent.len(), 3, "each of the two once");
    let leaf = |index: usize| statement(&sent[index]).0["x5c"][0].clone();
    assert_eq!(leaf(0), leaf(1));
    assert_ne!(leaf(1), leaf(2));

    holder.on_registration([unapproved(), registered("c-2", SCOPE)]);
    let (exit, outcome) = holder.register();
    assert_eq!((exit, outcome["community"].as_str()), (0, Some(OTHER_COMMUNITY)), "{outcome}");

    holder.on_registration([answer_json(400, &json!({"error": "invalid_software_statement"}))]);
    let before = holder.posted("/register").len();
    assert_eq!(holder.register().0, 6);
    assert_eq!(holder.posted("/register").len(), before + 1, "no other refusal is about the certificate");
}

/// Shows: MOD-7
#[test]
fn a_cancel_that_is_confirmed_forgets_registration_and_tokens() {
    let holder = FakeHolder::new();
    assert_eq!((holder.register().0, holder.token(&TREAT).0), (0, 0));
    let (exit, error) = holder.user.json(&["cancel", &holder.base]);
    assert_eq!((exit, error["code"].as_str()), (6, Some("answer-invalid")), "grant_types is not empty: {error}");
    assert_eq!(kept(&holder), (1, 1));

    holder.on_registration([answer_json(200, &json!({"client_id": "c-1", "grant_types": []}))]);
    let (exit, cancelled) = holder.user.json(&["cancel", &holder.base]);
    assert_eq!((exit, cancelled["client_id"].as_str()), (0, Some("c-1")), "{cancelled}");
    assert_eq!(statement(holder.posted("/register").last().unwrap()).1["grant_types"], json!([]));
    assert_eq!(kept(&holder), (0, 0));
    let (exit, error) = holder.token(&TREAT);
    assert_eq!((exit, error["code"].as_str()), (7, Some("not-registered")), "{error}");
}

/// Shows: MOD-7
#[test]
fn a_server_that_cancels_instead_is_believed_and_that_is_no_success() {
    let holder = FakeHolder::new();
    assert_eq!((holder.register().0, holder.token(&TREAT).0), (0, 0));
    holder.on_registration([answer_json(200, &json!({"client_id": "c-1", "grant_types": []}))]);
    let (exit, error) = holder.register();
    assert_eq!((exit, error["code"].as_str()), (6, Some("cancelled-instead")), "{error}");
    assert_eq!(kept(&holder), (0, 0));
}

/// Shows: DCR-20
#[test]
fn a_registration_without_the_grant_asked_for_is_no_success() {
    let holder = FakeHolder::new();
    let answer = json!({"client_id": "c-1", "grant_types": ["authorization_code"], "scope": SCOPE});
    holder.on_registration([answer_json(201, &answer)]);
    let (exit, error) = holder.register();
    assert_eq!((exit, error["code"].as_str()), (6, Some("answer-invalid")), "{error}");
    let (exit, error) = holder.token(&TREAT);
    assert_eq!((exit, error["code"].as_str()), (7, Some("not-registered")), "{error}");
}

/// How many registrations and tokens the profile keeps.
fn kept(holder: &FakeHolder) -> (usize, usize) {
    let count = |name: &str| {
        let text = std::fs::read_to_string(holder.user.profile("default").join(name)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len()
    };
    (count("registrations.json"), count("tokens.json"))
}

/// Shows: MOD-8, DCR-28
#[test]
fn a_new_client_id_is_the_only_one_used_from_then_on() {
    let holder = FakeHolder::new();
    assert_eq!((holder.register().0, holder.token(&TREAT).0), (0, 0));
    holder.on_registration([registered("c-2", SCOPE)]);
    let (exit, outcome) = holder.register();
    assert_eq!((exit, outcome["outcome"].as_str()), (0, Some("replaced")), "{outcome}");
    assert_eq!(kept(&holder), (1, 0), "the tokens of the former are forgotten");
    let (exit, token) = holder.token(&TREAT);
    assert_eq!((exit, token["origin"].as_str()), (0, Some("server")), "{token}");
    let issuers: Vec<_> = holder.posted("/token").iter().map(|asked| assertion(asked)["iss"].clone()).collect();
    assert_eq!(issuers, ["c-1", "c-2"]);
    // The app's own URI is the same in both statements.
    let uris: Vec<_> = holder.posted("/register").iter().map(|asked| statement(asked).1["iss"].clone()).collect();
    assert_eq!(uris, [APP, APP]);
}

/// Shows: TOKEN-9
#[test]
fn a_token_goes_only_where_its_context_is() {
    let holder = FakeHolder::new();
    assert_eq!(holder.register().0, 0);
    holder.server.answer("/token", [granted("for-treatment", SCOPE), granted("for-payment", SCOPE)]);
    holder.server.answer("/fhir/r4/Patient/1", [answer_json(200, &json!({"resourceType": "Patient", "id": "1"}))]);
    for (context, origin) in [(TREAT, "server"), (HPAYMT, "server"), (TREAT, "kept"), (HPAYMT, "kept")] {
        let (exit, token) = holder.token(&context);
        assert_eq!((exit, token["origin"].as_str()), (0, Some(origin)), "{token}");
    }
    for (context, token) in [(HPAYMT, "for-payment"), (TREAT, "for-treatment")] {
        let (exit, _) = holder.user.json(&[&["get", holder.base.as_str(), "Patient/1"], &context[..]].concat());
        let sent = holder.server.asked().pop().unwrap();
        assert_eq!((exit, sent.authorization), (0, format!("Bearer {token}")));
    }
    assert_eq!(holder.posted("/token").len(), 2);
}

/// Shows: COMM-2
#[test]
fn a_community_is_a_uri_or_no_community_at_all() {
    let holder = FakeHolder::new();
    for name in ["My community", "community", ""] {
        let ran = holder.set_profile(&[holder.community(name, "app", "2.0")]);
        assert_eq!(ran.code, 2, "{name}: {ran:?}");
    }
    let file = holder.user.profile("default").join("profile.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(COMMUNITY, "My community")).unwrap();
    holder.refuses_to_register(2, "profile-invalid");
    assert!(holder.server.asked().is_empty(), "not even the metadata are asked for");
}

/// Shows: DCR-28
#[test]
fn an_app_has_one_uri_in_all_its_communities() {
    let holder = FakeHolder::new();
    holder.files.certify_app("second", "https://app.example/second");
    let communities = [holder.files.community(), holder.community(OTHER_COMMUNITY, "second", "2.0")];
    let ran = holder.set_profile(&communities);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("does not carry the client's URI"), "{ran:?}");
}
