//! Sheds load early: more requests in work than the node can carry, or any that could not be recorded, are answered 503
//! at once.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::state::Recorder;
use crate::{decision, error_response};

pub(crate) async fn shed(State(slots): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(slot) = slots.try_acquire_owned() else {
        metrics::counter!("tessera_requests_shed_total").increment(1);
        return error_response::unavailable("the server is busy; try again in a moment");
    };
    decision::within(slot, next.run(request)).await
}

/// Nothing is decided that cannot be recorded.
///
/// Source: security invariant 47
pub(crate) async fn demand_recorder(
    State(recorder): State<Arc<dyn Recorder>>,
    request: Request,
    next: Next,
) -> Response {
    if !recorder.is_recording() {
        metrics::counter!("tessera_requests_unrecordable_total").increment(1);
        return error_response::unavailable("the server cannot record its decisions at the moment; try again later");
    }
    next.run(request).await
}
