//! What a client names is judged by its text and never asked for (security invariant 21).

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::pki::elm;
use crate::support::{World, WorldOptions};

const APP: &str = "https://app.example/client";

/// Shows: B2B-8, B2B-11, DCR-12
#[tokio::test]
async fn addresses_that_a_client_names_are_not_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The guard would let a fetch pass, so that nothing but our own restraint keeps the listener silent.
    let lines = format!(
        "scopes = [\"system/Patient.rs\", \"system/Observation.rs\"]\nfetch = {{ allow = [\"127.0.0.1/32:{}\"] }}",
        address.port()
    );
    let world = World::start_with(WorldOptions { elm: Some(lines), ..WorldOptions::default() }).await;
    let member = elm().member(APP);
    let at = |scheme: &str, path: &str| format!("{scheme}://{address}/{path}");
    let statement = world
        .statement(&member)
        .claim("logo_uri", at("https", "logo.png"))
        .claim("client_uri", at("https", "about"))
        .claim("jwks_uri", at("https", "jwks"))
        .claim("tos_uri", at("https", "terms"))
        .header("jku", at("http", "jku"))
        .header("x5u", at("http", "x5u"));
    let registered = world.register(&statement.sign(&member.key)).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
    for scheme in ["http", "https"] {
        let assertion = world
            .assertion(&member, &client_id)
            .header("jku", at(scheme, "jku"))
            .b2b("organization_id", at(scheme, "Organization/1"))
            .b2b("consent_policy", json!([at(scheme, "policy")]))
            .b2b("consent_reference", json!([at("https", "Consent/1"), at("https", "DocumentReference/2")]));
        let answer = world.token(&assertion.sign(&member.key), "system/Patient.rs").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Not later either: something that was left to the background would have called by now.
    assert!(tokio::time::timeout(Duration::from_millis(300), listener.accept()).await.is_err(), "somebody called");
}
