//! `POST` registration again: changes, cancels, other communities, renewed certificates, groups of bases.

use serde_json::json;

use crate::support::forge::fresh_jti;
use crate::support::pki::{self, MemberOptions, elm, oak};
use crate::support::{Jwt, Member, Request, World};

const APP: &str = "https://app.example/client";

async fn world_and_member() -> (World, Member) {
    (World::start().await, elm().member(APP))
}

/// Shows: MOD-2, MOD-4, MOD-1, MOD-10
#[tokio::test]
async fn a_change_replaces_everything_and_keeps_the_client_id() {
    let (world, member) = world_and_member().await;
    let first = world.statement(&member).claim("logo_uri", "https://app.example/logo.png");
    let client_id = world.register(&first.sign(&member.key)).await.json()["client_id"].clone();
    let same = world.register(&first.clone().claim("jti", fresh_jti()).sign(&member.key)).await;
    assert_eq!((same.status, &same.json()["client_id"]), (200, &client_id));
    let second = world.statement(&member).claim("client_name", "Renamed").claim("scope", "system/Patient.rs");
    let changed = world.register(&second.sign(&member.key)).await;
    assert_eq!(changed.status, 200);
    let body = changed.json();
    assert_eq!(
        (&body["client_id"], &body["client_name"], &body["scope"]),
        (&client_id, &json!("Renamed"), &json!("system/Patient.rs"))
    );
    assert!(body.get("logo_uri").is_none(), "what the change leaves out is gone");
}

/// Shows: MOD-3, CHAIN-7
#[tokio::test]
async fn the_same_uri_in_another_community_is_another_registration() {
    let world = World::start().await;
    let (here, there) = (elm().member(APP), oak().member(APP));
    let first = world.registered(&here).await;
    let second = world.registered(&there).await;
    assert_ne!(first, second);
    let cancel = world.statement(&there).claim("grant_types", json!([]));
    assert_eq!(world.register(&cancel.sign(&there.key)).await.status, 200);
    world.granted(&here, &first, "system/Patient.rs").await;
    let assertion = world.assertion(&there, &first).sign(&there.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
}

/// Shows: MOD-6, MOD-9
#[tokio::test]
async fn a_cancel_ends_the_registration_and_its_tokens() {
    let (world, member) = world_and_member().await;
    let cancel = || world.statement(&member).claim("grant_types", json!([])).sign(&member.key);
    let never_registered = world.register(&cancel()).await;
    never_registered.assert_refused(400, "invalid_client_metadata");
    assert!(never_registered.text().contains("no registration"), "for that reason: {}", never_registered.text());
    let client_id = world.registered(&member).await;
    let token = world.granted(&member, &client_id, "system/Patient.rs").await;
    let read = Request::get("/fhir/r4/Patient?_count=1").bearer(&token);
    assert_eq!(world.send(&read).await.status, 200);
    let answer = world.register(&cancel()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((&answer.json()["client_id"], &answer.json()["grant_types"]), (&json!(client_id), &json!([])));
    assert_eq!(world.send(&read).await.status, 401);
    let assertion = world.assertion(&member, &client_id).sign(&member.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
    world.register(&cancel()).await.assert_refused(400, "invalid_client_metadata");
    assert_ne!(world.registered(&member).await, client_id);
}

/// Shows: MOD-5, MOD-4
#[tokio::test]
async fn where_another_client_id_is_given_the_former_registration_is_cancelled() {
    let (world, member) = world_and_member().await;
    let former = world.registered(&member).await;
    // No change gives another client_id, however much of the registration and of the certificate is new.
    let renewed = elm().member_with(pki::shared_rsa_key(), &MemberOptions::new(APP));
    let everything =
        world.statement(&renewed).claim("client_name", "New").claim("contacts", json!(["mailto:b@example.com"]));
    let changed = world.register(&everything.claim("scope", "system/Patient.read").sign(&renewed.key)).await;
    assert_eq!((changed.status, &changed.json()["client_id"]), (200, &json!(former)));
    let token = world.granted(&member, &former, "system/Patient.read").await;
    let read = Request::get("/fhir/r4/Patient?_count=1").bearer(&token);
    assert_eq!(world.send(&read).await.status, 200);
    let cancel = world.statement(&member).claim("grant_types", json!([]));
    assert_eq!(world.register(&cancel.sign(&member.key)).await.status, 200);
    let latter = world.registered(&member).await;
    assert_ne!(latter, former);
    let assertion = world.assertion(&member, &former).sign(&member.key);
    world.token(&assertion, "system/Patient.read").await.assert_refused(401, "invalid_client");
    assert_eq!(world.send(&read).await.status, 401, "a token of the former registration");
    world.granted(&member, &latter, "system/Patient.rs").await;
}

/// Shows: DCR-27
#[tokio::test]
async fn a_renewed_certificate_needs_no_new_registration() {
    let (world, member) = world_and_member().await;
    let client_id = world.registered(&member).await;
    let renewed = elm().member(APP);
    world.granted(&renewed, &client_id, "system/Patient.rs").await;
    let other = elm().member("https://app.example/another");
    let assertion = world.assertion(&other, &client_id).sign(&other.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
}

/// Shows: META-21
#[tokio::test]
async fn one_registration_holds_for_the_bases_of_a_group() {
    let (world, member) = world_and_member().await;
    let client_id = world.registered(&member).await;
    let endpoint = "https://holder.example/oauth/r4b/token";
    let assertion = Jwt::assertion(&member, &client_id, endpoint).sign(&member.key);
    let form = crate::support::world::token_form(&assertion, "system/Patient.rs");
    let answer = world.send(&Request::form("/oauth/r4b/token", &form)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send(&Request::get("/fhir/r4b/Patient?_count=1").bearer(&token)).await.status, 200);
    assert_eq!(
        world.send(&Request::get("/fhir/r4/Patient?_count=1").bearer(&token)).await.status,
        401,
        "for one base alone"
    );
}
