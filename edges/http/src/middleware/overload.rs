//! Sheds load early: more requests in work than the node can carry are answered 503 at once.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::error_response;

pub(crate) async fn shed(State(slots): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.try_acquire() else {
        metrics::counter!("tessera_requests_shed_total").increment(1);
        return error_response::unavailable("the server is busy; try again in a moment");
    };
    next.run(request).await
}
