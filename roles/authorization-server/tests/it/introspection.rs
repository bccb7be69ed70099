//! What a token is worth, told to whom it concerns.

use serde_json::{Value, json};
use tessera_authorization_server::PresentedCredentials;
use tessera_authorization_server::ports::{MassRevocation, RevocationStore};
use tessera_trust::UnixTime;

use crate::pki::p256;
use crate::world::{APP, App, BLUE, NOW, RED, World, base_name, code, community, token_form, told, url};

async fn active(world: &World, caller: &App, token: &str) -> bool {
    world.introspect(caller, token, 0).await.unwrap().active
}

async fn other(world: &World, uri: &str) -> App {
    let mut app = App::new(world.red.issue(&[uri], p256()));
    app.client_id = world.client_id(&app.statement_of(uri)).await;
    app
}

/// Shows: TOKEN-11, TOKEN-10
#[tokio::test]
async fn a_token_is_active_for_its_client_and_the_resource_server() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let answer = world.introspect(&app, &token, 0).await.unwrap();
    let json: Value = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["active"], true);
    assert_eq!(json["client_id"], app.client_id);
    assert_eq!(json["scope"], "system/Patient.read");
    assert_eq!(json["aud"], url("r4"));
    assert_eq!(json["exp"], NOW + 900);
    assert_eq!(json["extensions"]["hl7-b2b"]["purpose_of_use"], json!(["urn:oid:2.16.840.1.113883.5.8#TREAT"]));
    let resource_server = other(&world, "https://rs.example/udap").await;
    assert!(active(&world, &resource_server, &token).await);
}

/// Shows: TOKEN-11
#[tokio::test]
async fn a_token_of_others_is_not_active() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let stranger = other(&world, "https://stranger.example").await;
    let answer = world.introspect(&stranger, &token, 0).await.unwrap();
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"active": false}));
    // The resource server's URI under another community is another party.
    let mut twin = App::new(world.blue.issue(&["https://rs.example/udap"], p256()));
    twin.client_id = world.client_id(&twin.statement_of("https://rs.example/udap")).await;
    assert!(!active(&world, &twin, &token).await);
}

#[tokio::test]
async fn what_is_no_token_of_this_base_is_not_active() {
    let world = World::new();
    let app = world.registered().await;
    let lab = token_form(&app.assertion_for(&url("lab/token"), 0), "system/Patient.read");
    let of_lab = world.token_at("lab", &lab, &world.now()).await.unwrap();
    let own = world.token(&app.assertion()).await.unwrap().access_token;
    let (signed, _) = own.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    let assertion = app.assertion().sign();
    for token in [&of_lab.access_token, "garbage", &forged, &assertion] {
        assert!(!active(&world, &app, token).await);
    }
    assert!(!world.introspect(&app, &own, 1000).await.unwrap().active);
}

#[tokio::test]
async fn the_caller_authenticates_for_this_endpoint_and_once() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let form = |audience: &str| {
        token_form(&app.assertion_for(audience, 0), "").without("grant_type").without("scope").with("token", &token)
    };
    let ask = async |form: &crate::world::Form, credentials| {
        world.server.introspect(&base_name("r4"), &form.read(), credentials, &world.now()).await
    };
    let none = PresentedCredentials::default();
    for audience in [url("lab/token"), url("lab/introspect"), url("r4/revoke")] {
        assert_eq!(code(ask(&form(&audience), none).await), "invalid_client");
    }
    let good = form(&url("r4/introspect"));
    let header = PresentedCredentials { authorization_header: true };
    assert_eq!(code(ask(&good, header).await), "invalid_request");
    assert_eq!(code(ask(&good.clone().without("token"), none).await), "invalid_request");
    assert!(ask(&good, none).await.unwrap().active);
    assert_eq!(told(ask(&good, none).await).1, "jti-replayed");
    assert!(ask(&form(&url("r4/token")), none).await.unwrap().active, "the audience of the guide");
}

/// Shows: MOD-6
#[tokio::test]
async fn a_change_that_narrows_and_a_cancel_kill_tokens() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    world.register(&app.statement()).await.unwrap();
    assert!(active(&world, &app, &token).await, "the same again");
    let narrower = app.statement().with("scope", "system/Observation.read");
    world.register(&narrower).await.unwrap();
    assert!(!active(&world, &app, &token).await);
    let form = token_form(&app.assertion(), "system/Observation.read");
    let token = world.token_with(&form).await.unwrap().access_token;
    assert!(active(&world, &app, &token).await);
    let cancel = app.statement().with("grant_types", json!([]));
    world.register(&cancel).await.unwrap();
    let resource_server = other(&world, "https://rs.example/udap").await;
    assert!(!active(&world, &resource_server, &token).await);
}

/// Shows: TOKEN-13
#[tokio::test]
async fn an_operator_kills_many_tokens_at_once() {
    for which in 0..3 {
        let world = World::new();
        let app = world.registered().await;
        let token = world.token(&app.assertion()).await.unwrap().access_token;
        let client = world.memory.state().registrations[0].clone();
        let kinds = [
            MassRevocation::Client(client.client_id.clone()),
            MassRevocation::Community(community(RED)),
            MassRevocation::Certificate(app.identity.certificates().leaf().digest()),
        ];
        let now = UnixTime::from_secs(NOW);
        let unrelated = MassRevocation::Community(community(BLUE));
        world.memory.revoke_tokens(unrelated, now).await.unwrap();
        assert!(active(&world, &app, &token).await);
        world.memory.revoke_tokens(kinds[which].clone(), now).await.unwrap();
        assert!(!active(&world, &app, &token).await);
        let form = token_form(&app.assertion_for(&url("r4/token"), 1), "system/Patient.read");
        let newer = world.token_at("r4", &form, &world.at(1)).await.unwrap();
        assert!(world.introspect(&app, &newer.access_token, 1).await.unwrap().active);
    }
}

#[tokio::test]
async fn an_operator_s_block_kills_tokens_for_good() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let resource_server = other(&world, "https://rs.example/udap").await;
    let now = UnixTime::from_secs(NOW);
    let blocked = world.memory.state().registrations[0].blocked("leak", now);
    assert_eq!(blocked.client_uri.as_str(), APP);
    world.memory.state().registrations[0] = blocked.clone();
    assert!(!active(&world, &resource_server, &token).await);
    world.memory.state().registrations[0] = blocked.unblocked(now);
    assert!(!active(&world, &resource_server, &token).await);
    assert!(world.token(&app.assertion()).await.is_ok());
}
