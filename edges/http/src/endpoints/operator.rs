//! The operator's endpoints, on a listener of their own: metrics, health and readiness.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

/// What the operator's endpoints tell.
#[async_trait::async_trait]
pub trait OperatorView: Send + Sync {
    /// The metrics in Prometheus' text format.
    fn metrics(&self) -> String;

    /// What keeps the node from working, a line each; empty when it is ready.
    async fn obstacles(&self) -> Vec<String>;
}

/// `/metrics`, `/health` (the process answers) and `/ready` (it can do its work).
pub fn router(view: Arc<dyn OperatorView>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(view)
}

async fn metrics(State(view): State<Arc<dyn OperatorView>>) -> Response {
    text(StatusCode::OK, view.metrics(), "text/plain; version=0.0.4")
}

async fn health() -> Response {
    text(StatusCode::OK, "ok\n".to_owned(), "text/plain")
}

async fn ready(State(view): State<Arc<dyn OperatorView>>) -> Response {
    let obstacles = view.obstacles().await;
    if obstacles.is_empty() {
        return text(StatusCode::OK, "ready\n".to_owned(), "text/plain");
    }
    text(StatusCode::SERVICE_UNAVAILABLE, obstacles.join("\n") + "\n", "text/plain")
}

fn text(status: StatusCode, body: String, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
