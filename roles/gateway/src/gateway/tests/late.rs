//! What goes wrong while a request is under way: slow bodies, tokens that die, an audit log that is full, answers that do
//! not come.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;

use super::*;
use crate::ports::BodyError;

/// A body that does something before its only piece comes; without a piece it never ends.
struct Late<F> {
    before: Option<F>,
    piece: Option<&'static str>,
}

impl<F: FnOnce() + Unpin> http_body::Body for Late<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match (this.before.take(), this.piece) {
            (Some(before), Some(piece)) => {
                before();
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
            }
            (None, Some(_)) => Poll::Ready(None),
            (_, None) => Poll::Pending,
        }
    }
}

fn put(world: &World, body: Body) -> Request<Body> {
    let headers = [("authorization", &*world.token(&claims())), ("content-type", "application/fhir+json")];
    request("PUT", "/Patient/1", &headers, body)
}

#[tokio::test]
async fn a_token_that_dies_while_the_body_comes_writes_nothing() {
    let world = World::new();
    let blocked = Arc::clone(&world);
    let before = move || *blocked.status.lock().unwrap() = Some(TokenStatus::ClientBlocked);
    let response = world.ask_with(put(&world, Box::pin(Late { before: Some(before), piece: Some(PATIENT) }))).await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::UNAUTHORIZED, "client-blocked"));
    assert!(world.upstream_saw_nothing());
    assert!(!world.records.lock().unwrap().iter().any(|record| record.outcome == AuditOutcome::Granted));
    // A form is a body too.
    let world = World::new();
    let blocked = Arc::clone(&world);
    let before = move || *blocked.status.lock().unwrap() = Some(TokenStatus::RevokedInBulk);
    let headers = [("authorization", &*world.token(&claims())), ("content-type", "application/x-www-form-urlencoded")];
    let body = Box::pin(Late { before: Some(before), piece: Some("name=a") });
    let response = world.ask_with(request("POST", "/Patient/_search", &headers, body)).await;
    assert_eq!(response.status(), 401);
    assert!(world.upstream_saw_nothing());
}

#[tokio::test]
async fn a_token_is_asked_for_once_where_no_body_comes() {
    let world = World::new();
    assert_eq!(world.ask("GET", "/Patient/1").await.status(), 200);
    assert_eq!(world.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_waited_for_ten_seconds() {
    let world = World::new();
    let began = Instant::now();
    let response = world.ask_with(put(&world, Box::pin(Late { before: Some(|| ()), piece: None }))).await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::REQUEST_TIMEOUT, "body-too-slow"));
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(response.headers()["connection"], "close");
    assert!(text_of(response).await.contains("OperationOutcome"));
    assert!(world.upstream_saw_nothing());
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_forwarded() {
    for (method, path) in [("GET", "/Patient/1"), ("DELETE", "/Patient/1"), ("GET", "/Nonsense")] {
        let world = World::new();
        world.full.store(true, Ordering::Relaxed);
        let response = world.ask(method, path).await;
        assert_eq!(response.status(), 503, "{method} {path}");
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.extensions().get::<AnsweredRefusal>().unwrap().reason_code, "audit-unavailable");
        assert!(text_of(response).await.contains("OperationOutcome"));
        assert!(world.upstream_saw_nothing());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_does_not_answer_is_a_gateway_timeout_in_time() {
    for (method, reason) in [("GET", "upstream-timeout"), ("DELETE", "write-outcome-unknown")] {
        let world = World::new();
        world.hangs.store(true, Ordering::Relaxed);
        let began = Instant::now();
        let response = world.ask(method, "/Patient/1").await;
        assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::GATEWAY_TIMEOUT, reason));
        assert!(began.elapsed() < Duration::from_secs(15), "before the node's own deadline");
        assert!(text_of(response).await.contains("OperationOutcome"));
        assert_eq!(world.records.lock().unwrap().len(), 2, "granted, then failed");
    }
}

#[tokio::test]
async fn a_write_without_an_answer_says_that_it_may_have_been_done() {
    let answers: [(Answer, u16, &str); 3] = [
        (Box::new(|| Err(UpstreamError::Broken("reset".into()))), 502, "upstream-broken"),
        (Box::new(|| json(500, &[], "{}")), 502, "upstream-failed"),
        (Box::new(|| Ok(Response::builder().status(201).body(chunks(&["<x/>"])).unwrap())), 502, "upstream-answer"),
    ];
    for (answer, status, cause) in answers {
        let world = World::answering(answer);
        let response = world.write("PUT", "/Patient/1", PATIENT).await;
        assert_eq!((response.status().as_u16(), world.refusal().reason_code), (status, "write-outcome-unknown"));
        assert!(world.refusal().evidence.contains(&("cause", cause.to_owned())));
        assert!(text_of(response).await.contains("read what was to be written"));
    }
    let world = World::answering(|| Err(UpstreamError::Unreachable("refused".into())));
    let _ = world.write("PUT", "/Patient/1", PATIENT).await;
    assert_eq!(world.refusal().reason_code, "upstream-unreachable", "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_leaves_is_recorded_as_open() {
    for (method, records) in [("DELETE", 2), ("GET", 1)] {
        let world = World::new();
        world.hangs.store(true, Ordering::Relaxed);
        let asking = world.ask(method, "/Patient/1");
        assert!(tokio::time::timeout(Duration::from_secs(1), asking).await.is_err());
        assert_eq!(world.records.lock().unwrap().len(), records);
        if records == 2 {
            assert_eq!(world.refusal().reason_code, "write-outcome-unknown");
            assert!(world.refusal().evidence.contains(&("cause", "caller-left".to_owned())));
        }
    }
}
