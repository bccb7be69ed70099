//! The visit, what must be refused, and a restart over the same folder.

use std::time::{Duration, Instant};

use tessera_sandbox::running;

use crate::support::{port, start, visit};

/// Shows: DCR-1, DCR-24, AUTHN-1, AUTHN-10, CHAIN-1, CHAIN-2
#[tokio::test(flavor = "multi_thread")]
async fn the_visit_succeeds_and_every_fault_is_refused() {
    let began = Instant::now();
    let sandbox = start(None).await;
    let report = visit(&sandbox, true).await;
    let names: Vec<_> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names[..5], ["discover", "register", "token", "search", "read"]);
    assert_eq!(names.len(), 12, "{names:?}");
    assert!(report.patients >= 50, "{}", report.patients);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());

    let guide = sandbox.guide();
    let data = guide.location.data.clone();
    let text = guide.to_string();
    assert!(text.contains(&guide.location.base) && text.contains("--cacert"), "{text}");
    let json = serde_json::to_value(&guide).unwrap();
    assert!(json["tls_root"].as_str().unwrap().ends_with("tls/root.pem"));
    sandbox.stop().await;
    assert!(!data.exists(), "a temporary folder goes with its sandbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_authorities_registrations_and_revocations() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("world");
    let sandbox = start(Some(&data)).await;
    let first = visit(&sandbox, false).await;
    let was_at = port(&sandbox);
    running::certificate(was_at, "https://mine.example/app", None).await.unwrap();
    running::revoke(was_at, "https://mine.example/app").await.unwrap();
    let anchor = std::fs::read(data.join("communities/elm/root.pem")).unwrap();
    sandbox.stop().await;

    let sandbox = start(Some(&data)).await;
    assert_eq!(port(&sandbox), was_at, "the certificates name these ports");
    assert_eq!(std::fs::read(data.join("communities/elm/root.pem")).unwrap(), anchor);
    let again = visit(&sandbox, false).await;
    assert!(first.client_id.is_some());
    assert_eq!(again.client_id, first.client_id, "a known client keeps its client_id");
    let error = running::revoke(was_at, "https://mine.example/app").await.unwrap_err();
    assert!(error.to_string().contains("no valid certificate"), "{error}");
    sandbox.stop().await;
}
