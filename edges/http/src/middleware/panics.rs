//! A panic costs one request.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::error_response;

pub(crate) async fn contain(request: Request, next: Next) -> Response {
    match caught(next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            // The panic hook has written where it happened.
            tracing::error!("a handler panicked");
            metrics::counter!("tessera_panics_total").increment(1);
            error_response::internal()
        }
    }
}

/// Runs a future to its end or its panic.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    // What the handler shares lives behind locks that recover or in the store; nothing half-made is seen again.
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_a_result_passes() {
        assert!(caught(async { panic!("on purpose") }).await.is_err());
        assert_eq!(caught(async { 7 }).await.ok(), Some(7));
    }
}
