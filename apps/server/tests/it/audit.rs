//! What is on the record after requests over HTTP (security invariant 47).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::forge::decode;
use crate::support::pki::elm;
use crate::support::{Answer, ELM, Jwt, Member, Request, World};

const APP: &str = "https://app.example/client";
const SCOPE: &str = "system/Patient.rs";

/// An event, and the details of its entity by name.
async fn event_of(world: &World, answer: &Answer) -> (Value, BTreeMap<String, String>) {
    let event = world.audit_of(answer).await;
    assert_eq!(event["resourceType"], "AuditEvent");
    assert!(!event.to_string().contains("eyJ"), "no JWT is on the record: {event}");
    let details = event["entity"][0]["detail"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let details: BTreeMap<String, String> =
        details.map(|detail| (text(&detail["type"]), text(&detail["valueString"]))).collect();
    assert_eq!(details["correlation-id"], answer.header("x-correlation-id").unwrap());
    (event, details)
}

async fn ask(world: &World, name: &str, member: &Member, client_id: &str, token: &str) -> Answer {
    let assertion = Jwt::assertion(member, client_id, &format!("https://holder.example/oauth/r4/{name}"));
    let assertion = assertion.sign(&member.key);
    let form = [
        ("token", token),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
        ("udap", "1"),
    ];
    world.send(&Request::form(&format!("/oauth/r4/{name}"), &form)).await
}

#[tokio::test]
async fn a_grant_an_introspection_and_a_revocation_say_who_what_and_for_what() {
    let world = World::start().await;
    let member = elm().member(APP);
    let registered = world.register(&world.statement(&member).sign(&member.key)).await;
    let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let assertion = world.assertion(&member, &client_id).b2b("subject_name", "Dr Test");
    let granted = world.token(&assertion.sign(&member.key), SCOPE).await;
    let token = granted.json()["access_token"].as_str().unwrap().to_owned();
    let (_, claims) = decode(&token);
    let introspected = ask(&world, "introspect", &member, &client_id, &token).await;
    let revoked = ask(&world, "revoke", &member, &client_id, &token).await;
    for (answer, code) in [
        (&registered, "registration-created"),
        (&granted, "token"),
        (&introspected, "introspection"),
        (&revoked, "revocation"),
    ] {
        assert!(answer.status < 300, "{}", answer.text());
        let (event, details) = event_of(&world, answer).await;
        assert_eq!((&event["outcome"], &event["subtype"][0]["code"]), (&json!("0"), &json!(code)), "{event}");
        let expected = [("community", ELM), ("client-uri", APP), ("identity", "proved")];
        for (name, value) in expected {
            assert_eq!(details[name], value, "{code}");
        }
        assert_eq!(details["certificate-sha256"], member.leaf().digest().to_string(), "{code}");
        if code != "registration-created" {
            assert_eq!(event["agent"][0]["who"]["identifier"]["value"], client_id, "{code}: {event}");
            assert_eq!(details["token-id"], claims["jti"], "{code}");
        }
        assert!(!details.contains_key("reason"), "{code}");
    }
    let (event, details) = event_of(&world, &granted).await;
    assert_eq!((details["scope"].as_str(), details["subject-name"].as_str()), (SCOPE, "Dr Test"));
    assert_eq!(event["agent"][0]["purposeOfUse"][0]["coding"][0]["code"], "TREAT", "{event}");
    assert_eq!(event["agent"][1]["who"]["identifier"]["value"], "https://org.example/fhir/Organization/1");
}

#[tokio::test]
async fn a_refusal_says_which_check_with_what_evidence_and_where_the_rule_is() {
    let world = World::start().await;
    let member = elm().member(APP);
    let other = elm().member("https://other.example/client");
    let client_id = world.registered(&member).await;
    let other_id = world.registered(&other).await;
    let token = world.granted(&member, &client_id, SCOPE).await;
    let assertion = || world.assertion(&member, &client_id);
    let used = assertion().sign(&member.key);
    assert_eq!(world.token(&used, SCOPE).await.status, 200);
    let elsewhere = assertion().claim("aud", "https://elsewhere.example/token").sign(&member.key);
    let long = world.statement(&member).claim("exp", crate::support::now() + 3000).sign(&member.key);
    let stolen = Jwt::assertion(&other, &client_id, &world.token_endpoint()).sign(&other.key);
    let purpose = assertion().b2b("purpose_of_use", json!(["urn:oid:2.16.840.1.113883.5.8#HMARKT"])).sign(&member.key);

    let refusals = [
        ("replay", world.token(&used, SCOPE).await, 401),
        ("another audience", world.token(&elsewhere, SCOPE).await, 401),
        ("another's certificate", world.token(&stolen, SCOPE).await, 401),
        ("purpose", world.token(&purpose, SCOPE).await, 400),
        ("scope", world.token(&assertion().sign(&member.key), "system/*.cruds").await, 400),
        ("a statement that lives too long", world.register(&long).await, 400),
        ("another client's token", ask(&world, "revoke", &other, &other_id, &token).await, 400),
    ];
    let mut reasons = std::collections::BTreeSet::new();
    for (what, answer, status) in &refusals {
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        let (event, details) = event_of(&world, answer).await;
        assert_eq!(event["outcome"], "4", "{what}: {event}");
        assert_eq!(details["error"], answer.oauth_error(), "{what}");
        for name in ["reason", "cause", "section", "likely-fix", "place"] {
            assert!(!details[name].is_empty(), "{what}: {name}");
        }
        assert!(details["section"].contains('§'), "{what}: {}", details["section"]);
        assert!(!answer.text().contains(&details["cause"]), "{what}: the caller is not told the whole cause");
        reasons.insert(details["reason"].clone());
    }
    assert_eq!(reasons.len(), refusals.len(), "each has a reason of its own: {reasons:?}");
    let evidence = async |refusal: usize, name: &str| {
        let (_, details) = event_of(&world, &refusals[refusal].1).await;
        details.get(&format!("evidence:{name}")).cloned().unwrap_or_default()
    };
    // What was expected, and what was seen instead.
    assert_eq!(evidence(2, "registered_uri").await, APP);
    assert_eq!(evidence(2, "certificate_uri").await, "https://other.example/client");
    assert_eq!(evidence(3, "member").await, "purpose_of_use");
    assert_eq!(evidence(3, "value").await, "urn:oid:2.16.840.1.113883.5.8#HMARKT");
    assert_eq!(evidence(4, "wildcard").await, "system/*.cruds");
    let (_, details) = event_of(&world, &refusals[2].1).await;
    assert_eq!(details["identity"], "claimed", "nothing is proved by a certificate of another");
}
