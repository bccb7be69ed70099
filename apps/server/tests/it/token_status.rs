//! Introspection and revocation, and what reaches the gateway.

use serde_json::json;

use crate::support::pki::elm;
use crate::support::{ELM, Jwt, Member, Request, World, WorldOptions};

const SCOPE: &str = "system/Patient.rs";

fn endpoint(name: &str) -> String {
    format!("https://holder.example/oauth/r4/{name}")
}

async fn ask(world: &World, name: &str, member: &Member, client_id: &str, token: &str) -> crate::support::Answer {
    let assertion = Jwt::assertion(member, client_id, &endpoint(name)).sign(&member.key);
    let form = [
        ("token", token),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("udap", "1"),
    ];
    world.send(&Request::form(&format!("/oauth/r4/{name}"), &form)).await
}

/// Shows: TOKEN-11
#[tokio::test]
async fn a_client_sees_its_own_tokens_and_a_resource_server_those_of_its_base() {
    let r4 = format!("resource_servers = [{{ community = {ELM:?}, client_uri = \"https://rs.example/server\" }}]");
    let world = World::start_with(WorldOptions { r4, ..WorldOptions::default() }).await;
    let owner = elm().member("https://app.example/client");
    let other = elm().member("https://other.example/client");
    let server = elm().member("https://rs.example/server");
    let owner_id = world.registered(&owner).await;
    let other_id = world.registered(&other).await;
    let server_id = world.registered(&server).await;
    let token = world.granted(&owner, &owner_id, SCOPE).await;
    let own = ask(&world, "introspect", &owner, &owner_id, &token).await;
    assert_eq!((own.status, own.header("cache-control")), (200, Some("no-store")), "{}", own.text());
    let body = own.json();
    assert_eq!((&body["active"], &body["client_id"], &body["scope"]), (&json!(true), &json!(owner_id), &json!(SCOPE)));
    assert_eq!(ask(&world, "introspect", &other, &other_id, &token).await.json(), json!({"active": false}));
    assert_eq!(ask(&world, "introspect", &server, &server_id, &token).await.json()["active"], true);
    assert_eq!(ask(&world, "introspect", &owner, &owner_id, "garbage").await.json(), json!({"active": false}));
    let thief = Jwt::assertion(&other, &owner_id, &endpoint("introspect")).sign(&other.key);
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", thief.as_str()),
        ("udap", "1"),
    ];
    world.send(&Request::form("/oauth/r4/introspect", &form)).await.assert_refused(401, "invalid_client");
}

/// Shows: TOKEN-12
#[tokio::test]
async fn a_revoked_token_is_dead_everywhere_at_once() {
    let world = World::start().await;
    let member = elm().member("https://app.example/client");
    let other = elm().member("https://other.example/client");
    let id = world.registered(&member).await;
    let other_id = world.registered(&other).await;
    let token = world.granted(&member, &id, SCOPE).await;
    let kept = world.granted(&member, &id, SCOPE).await;
    let read = |token: &str| Request::get("/fhir/r4/Patient?_count=1").bearer(token);
    assert_eq!(world.send(&read(&token)).await.status, 200);
    // Another client's attempt changes nothing.
    let _ = ask(&world, "revoke", &other, &other_id, &token).await;
    assert_eq!(world.send(&read(&token)).await.status, 200);
    assert_eq!(ask(&world, "revoke", &member, &id, &token).await.status, 200);
    assert_eq!(world.send(&read(&token)).await.status, 401);
    assert_eq!(ask(&world, "introspect", &member, &id, &token).await.json(), json!({"active": false}));
    assert_eq!(ask(&world, "revoke", &member, &id, &token).await.status, 200, "again");
    assert_eq!(ask(&world, "revoke", &member, &id, "unknown").await.status, 200, "unknown");
    assert_eq!(world.send(&read(&kept)).await.status, 200, "the other token lives");
}
