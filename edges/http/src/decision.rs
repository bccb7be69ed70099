//! A decision that has begun is brought to its end, whoever still waits for it.
//!
//! The server drops a handler when its connection ends or its deadline passes. In the middle of a decision that would
//! leave a change in the store without its audit event and its log line; so a decision is a task of its own, and only
//! the wait for it can be dropped.
//!
//! Source: security invariant 47

use std::panic::resume_unwind;

/// Runs `decision` as a task and waits for it. A panic in it goes on here.
pub(crate) async fn to_the_end<F>(decision: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
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

    use tokio::sync::oneshot;

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
    #[should_panic(expected = "on purpose")]
    async fn a_panic_goes_on() {
        to_the_end(async { panic!("on purpose") }).await
    }
}
