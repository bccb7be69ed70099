//! A client gives its token back.

use crate::pki::p256;
use crate::world::{App, World, code, token_form, told, url};

/// Shows: TOKEN-12
#[tokio::test]
async fn a_revoked_token_is_dead() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let other = world.token(&app.assertion()).await.unwrap().access_token;
    world.revoke(&app, &token).await.unwrap();
    assert!(!world.introspect(&app, &token, 0).await.unwrap().active);
    assert!(world.introspect(&app, &other, 0).await.unwrap().active);
    world.revoke(&app, &token).await.unwrap();
}

#[tokio::test]
async fn what_is_unknown_counts_as_revoked() {
    let world = World::new();
    let app = world.registered().await;
    world.revoke(&app, "garbage").await.unwrap();
    assert!(world.memory.state().revoked.is_empty());
}

/// Shows: TOKEN-12
#[tokio::test]
async fn a_token_of_another_base_of_the_group_is_revoked_too() {
    let world = World::new();
    let app = world.registered().await;
    let lab = token_form(&app.assertion_for(&url("lab/token"), 0), "system/Patient.read");
    let of_lab = world.token_at("lab", &lab, &world.now()).await.unwrap();
    world.revoke(&app, &of_lab.access_token).await.unwrap();
    assert_eq!(world.memory.state().revoked.len(), 1);
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_only() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    let uri = "https://stranger.example";
    let mut stranger = App::new(world.red.issue(&[uri], p256()));
    stranger.client_id = world.client_id(&stranger.statement_of(uri)).await;
    assert_eq!(told(world.revoke(&stranger, &token).await), ("invalid_grant".to_owned(), "token-of-another"));
    assert!(world.introspect(&app, &token, 0).await.unwrap().active);
}

#[tokio::test]
async fn a_store_that_fails_is_told() {
    let world = World::new();
    let app = world.registered().await;
    let token = world.token(&app.assertion()).await.unwrap().access_token;
    world.memory.break_down();
    assert_eq!(code(world.revoke(&app, &token).await), "temporarily_unavailable");
}
