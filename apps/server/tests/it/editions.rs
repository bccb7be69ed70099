//! What a member of an older edition may rightly do otherwise.

use serde_json::json;

use crate::support::pki::elm;
use crate::support::world::{metadata_target, token_form};
use crate::support::{ELM, Request, World, WorldOptions};

async fn world_of(edition: &str, r4: &str) -> World {
    let lines = format!("edition = {edition:?}\nscopes = [\"system/Patient.rs\", \"system/Observation.rs\"]");
    World::start_with(WorldOptions { elm: Some(lines), r4: r4.to_owned(), ..WorldOptions::default() }).await
}

/// Shows: TOKEN-2
#[tokio::test]
async fn before_2_0_a_request_without_scope_means_what_is_registered() {
    for (edition, answers) in [("1.0", true), ("1.1", true), ("2.0", false)] {
        let world = world_of(edition, "").await;
        let member = elm().member("https://app.example/client");
        let client_id = world.registered(&member).await;
        let jwt = world.assertion(&member, &client_id).sign(&member.key);
        let form: Vec<_> = token_form(&jwt, "").into_iter().filter(|(name, _)| *name != "scope").collect();
        let answer = world.send(&Request::form("/oauth/r4/token", &form)).await;
        if answers {
            assert_eq!(answer.status, 200, "{edition}: {}", answer.text());
            assert_eq!(answer.json()["scope"], json!("system/Patient.rs system/Observation.rs"));
        } else {
            answer.assert_refused(400, "invalid_scope");
        }
    }
}

/// Shows: COMM-6
#[tokio::test]
async fn a_base_that_refuses_unknown_communities_does_it_as_the_edition_says() {
    for (edition, setting, status) in [
        ("1.0", "refuse", 404),
        ("1.1", "refuse", 204),
        ("2.0", "refuse", 204),
        ("1.0", "no-content", 204),
        ("2.0", "not-found", 404),
        ("1.0", "default", 200),
    ] {
        let world = world_of(edition, &format!("unknown_community = {setting:?}")).await;
        let answer = world.get(&metadata_target("r4", "https://unknown.example/community")).await;
        assert_eq!(answer.status, status, "{edition} {setting}");
        assert!(answer.status != 204 || answer.body.is_empty());
        assert_eq!(world.get(&metadata_target("r4", ELM)).await.status, 200, "a known one");
    }
}
