//! The operator's endpoints: metrics, health and readiness, on a listener of their own.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::pki::elm;
use crate::support::{ELM, Request, World};

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
async fn every_metric_that_is_shown_is_documented() {
    let world = World::start().await;
    let member = elm().member("https://counted.example/client");
    let client_id = world.registered(&member).await;
    world.granted(&member, &client_id, "system/Patient.rs").await;
    let page = include_str!("../../../../docs/operations.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `tessera_"));
    let documented: BTreeSet<String> = rows.map(|row| format!("tessera_{}", row.split('`').next().unwrap())).collect();
    let shown = operator(&world, "/metrics").await.text();
    let shown: BTreeSet<String> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(shown.difference(&documented).collect::<Vec<_>>(), [""; 0], "are shown and not documented");
    for file in ["file=\"registry\"", "file=\"spent\""] {
        for name in ["tessera_store_operations_total", "tessera_store_commits_total"] {
            assert!(counted(&world, name, &[file]).await > 0, "{name} {file}");
        }
    }
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

#[tokio::test]
async fn a_node_that_cannot_record_is_healthy_and_not_ready_and_decides_nothing() {
    let world = World::start().await;
    let log = world.folder.path().join("audit.jsonl");
    let set_mode = |mode| std::fs::set_permissions(&log, std::fs::Permissions::from_mode(mode)).unwrap();
    // A rotation that left a file which others can read.
    std::fs::rename(&log, world.folder.path().join("audit.jsonl.1")).unwrap();
    std::fs::write(&log, "").unwrap();
    set_mode(0o644);
    // The first event finds out.
    let first = world.get("/fhir/r4/Patient/p01").await;
    wait_for(&world, 503).await;
    assert!(operator(&world, "/ready").await.text().contains("audit log"));
    assert_eq!(operator(&world, "/health").await.status, 200);
    let answer = world.get("/fhir/r4/Patient/p01").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(world.get("/fhir/r4/.well-known/udap").await.status, 200, "what decides nothing is answered");
    // As soon as the file can be written the node works, and nothing that it decided is missing.
    set_mode(0o600);
    wait_for(&world, 200).await;
    assert_eq!(world.get("/fhir/r4/Patient/p01").await.status, 401);
    world.audit_of(&first).await;
}

/// Waits until the node is ready, or is not.
async fn wait_for(world: &World, status: u16) {
    for _ in 0..500 {
        if operator(world, "/ready").await.status == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("/ready did not come to answer {status}");
}
