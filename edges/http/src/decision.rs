//! A decision that has begun is brought to its end, whoever still waits for it.
//!
//! The server drops a handler when its connection ends or its deadline passes. In the middle of a decision that would
//! leave a change in the store without its audit event and its log line; so a decision is a task of its own, and only
//! the wait for it can be dropped.
//!
//! The task keeps the request's slot: a caller that leaves gives back its connection, not its share of the work.
//!
//! Source: security invariants 45 and 47

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

tokio::task_local! {
    /// The request's place among those in work.
    static SLOT: Arc<OwnedSemaphorePermit>;
}

/// Handles a request in its slot, which is free again when the request and the decision in it have ended.
pub(crate) async fn within<F: Future>(slot: OwnedSemaphorePermit, request: F) -> F::Output {
    SLOT.scope(Arc::new(slot), request).await
}

/// Runs `decision` as a task and waits for it. A panic in it goes on here.
pub(crate) async fn to_the_end<F>(decision: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let slot = SLOT.try_with(Arc::clone).ok();
    let decision = async move {
        let _slot = slot;
        decision.await
    };
    match tokio::spawn(decision).await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Nobody aborts it, so the runtime is ending, and with it this wait.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    #[tokio::test]
    async fn a_dropped_wait_leaves_the_decision_running() {
        let (begin, begun) = oneshot::channel::<()>();
        let (finish, finished) = oneshot::channel();
        let decision = to_the_end(async move {
            begun.await.unwrap();
            finish.send("recorded").unwrap();
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), decision).await.is_err());
        begin.send(()).unwrap();
        assert_eq!(finished.await, Ok("recorded"));
    }

    #[tokio::test]
    async fn a_decision_keeps_the_slot_of_its_request() {
        let slots = Arc::new(Semaphore::new(1));
        let (begin, begun) = oneshot::channel::<()>();
        let slot = Arc::clone(&slots).try_acquire_owned().unwrap();
        let request = within(slot, to_the_end(async move { begun.await.unwrap() }));
        assert!(tokio::time::timeout(Duration::from_millis(1), request).await.is_err());
        assert_eq!(slots.available_permits(), 0, "its caller has left, the work has not");
        begin.send(()).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(5), slots.acquire()).await.is_ok());
    }

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn a_panic_goes_on() {
        to_the_end(async { panic!("on purpose") }).await
    }
}
