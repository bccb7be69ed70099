//! The operator's endpoints: metrics, health and readiness, on a listener of their own.

use std::time::Duration;

use crate::support::pki::elm;
use crate::support::{ELM, Request, World, WorldOptions};

async fn operator(world: &World, target: &str) -> crate::support::Answer {
    Request::get(target).send(world.operator).await
}

/// The sum of the counters of this name whose line holds all of these labels.
async fn counted(world: &World, name: &str, labels: &[&str]) -> u64 {
    let metrics = operator(world, "/metrics").await;
    assert_eq!((metrics.status, metrics.header("content-type")), (200, Some("text/plain; version=0.0.4")));
    let text = metrics.text();
    let lines =
        text.lines().filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
    lines
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

#[tokio::test]
async fn counters_move_with_what_happens() {
    let world = World::start().await;
    let member = elm().member("https://app.example/client");
    let client_id = world.registered(&member).await;
    let token = world.granted(&member, &client_id, "system/Patient.rs").await;
    // The process counts for all its nodes, so these are labels that only this test makes.
    let community = format!("community={ELM:?}");
    let refusal = ["endpoint=\"fhir\"", &community, "reason=\"search-parameter\""];
    let answer = ["base=\"r4b\"", "status=\"401\""];
    let (refusals, answers) = (
        counted(&world, "tessera_refusals_total", &refusal).await,
        counted(&world, "tessera_gateway_requests_total", &answer).await,
    );
    for _ in 0..3 {
        let refused = world.send(&Request::get("/fhir/r4/Patient?_filter=x").bearer(&token)).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert_eq!(world.get("/fhir/r4b/Basic/1").await.status, 401);
    }
    assert_eq!(counted(&world, "tessera_refusals_total", &refusal).await, refusals + 3);
    assert!(counted(&world, "tessera_gateway_requests_total", &answer).await >= answers + 3);
    let refusal = ["endpoint=\"token\"", "reason="];
    let before = counted(&world, "tessera_refusals_total", &refusal).await;
    assert_eq!(world.token("garbage", "system/Patient.rs").await.status, 401);
    assert!(counted(&world, "tessera_refusals_total", &refusal).await > before);
    assert!(!operator(&world, "/metrics").await.text().contains(&client_id), "an id is no label");
}

#[tokio::test]
async fn a_node_in_order_is_healthy_and_ready() {
    let world = World::start().await;
    for target in ["/health", "/ready"] {
        assert_eq!(operator(&world, target).await.status, 200, "{target}");
    }
    assert_eq!(operator(&world, "/fhir/r4/metadata").await.status, 404, "nothing else is there");
}

#[tokio::test]
async fn the_public_listener_has_none_of_it() {
    let world = World::start().await;
    for target in ["/metrics", "/health", "/ready", "/fhir/r4/metrics"] {
        let answer = world.get(target).await;
        assert!(matches!(answer.status, 401 | 404), "{target}");
        assert!(!answer.text().contains("tessera_"), "{target}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_that_cannot_record_is_healthy_and_not_ready_and_decides_nothing() {
    let world =
        World::start_with(WorldOptions { audit: Some("/dev/full".to_owned()), ..WorldOptions::default() }).await;
    // The first event finds out.
    let _ = world.get("/fhir/r4/Patient/p01").await;
    for _ in 0..200 {
        if operator(&world, "/ready").await.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ready = operator(&world, "/ready").await;
    assert_eq!((ready.status, ready.text().contains("audit log")), (503, true), "{}", ready.text());
    assert_eq!(operator(&world, "/health").await.status, 200);
    let answer = world.get("/fhir/r4/Patient/p01").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}
