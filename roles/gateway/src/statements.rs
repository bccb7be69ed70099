//! The `CapabilityStatement`s that are kept, so that what anybody may ask does not become as many requests upstream.
//!
//! For each base there is one fetch at a time, for whoever waits; it goes on when they leave, so that leaving costs
//! upstream nothing more. A statement is fresh for half a minute; after that it is still given out while one fetch
//! renews it, for ten minutes at most. A fetch that failed is not repeated for some seconds.
//!
//! Source: security invariants 12 and 31

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::{Instant, timeout};

use crate::rejection::Rejection;
use crate::settings::GatewaySettings;

/// How long a statement is given out without a look at upstream's.
const FRESH: Duration = Duration::from_secs(30);
/// How long one is given out while a newer one is fetched or cannot be had.
const USABLE: Duration = Duration::from_secs(600);
/// How long nobody asks again after a fetch that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a fetch may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);
/// The most requests that wait for a base's first statement; they need no token, so they must not fill the node.
const WAITING: usize = 32;

/// The statements as they were answered, by base.
#[derive(Debug)]
pub(crate) struct Statements(HashMap<String, Arc<Kept>>);

#[derive(Debug)]
struct Kept {
    latest: Mutex<Latest>,
    /// Held by the fetch under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Semaphore,
}

#[derive(Debug, Default)]
struct Latest {
    statement: Option<(Instant, Bytes)>,
    failed: Option<Instant>,
}

enum Found {
    /// It needs no renewal, or none can be had now.
    Usable(Bytes),
    /// It is time to renew it.
    Stale(Bytes),
    /// There is none, and the last fetch has just failed.
    Failed,
    Nothing,
}

impl Statements {
    /// No statement yet for any of the bases.
    pub(crate) fn new(settings: &GatewaySettings) -> Self {
        let kept =
            || Arc::new(Kept { latest: Mutex::default(), turn: Arc::default(), waiting: Semaphore::new(WAITING) });
        Self(settings.bases().map(|base| (base.name.clone(), kept())).collect())
    }

    /// The statement of a base, by `fetch` where it has to come from upstream.
    pub(crate) async fn of<F>(&self, base: &str, fetch: F) -> Result<Bytes, Rejection>
    where
        F: Future<Output = Result<Bytes, Rejection>> + Send + 'static,
    {
        let kept = self.0.get(base).ok_or(Rejection::UnknownBase)?;
        match kept.look() {
            Found::Usable(statement) => return Ok(statement),
            Found::Failed => return Err(Rejection::StatementUnavailable),
            Found::Stale(statement) => {
                if let Ok(turn) = Arc::clone(&kept.turn).try_lock_owned() {
                    tokio::spawn(Arc::clone(kept).renew(turn, fetch));
                }
                return Ok(statement);
            }
            Found::Nothing => {}
        }
        let _place = kept.waiting.try_acquire().map_err(|_| Rejection::StatementUnavailable)?;
        let turn = Arc::clone(&kept.turn).lock_owned().await;
        // Whoever had the turn before has fetched it for everybody, or found that it cannot be had.
        match kept.look() {
            Found::Usable(statement) | Found::Stale(statement) => return Ok(statement),
            Found::Failed => return Err(Rejection::StatementUnavailable),
            Found::Nothing => {}
        }
        let fetched = tokio::spawn(Arc::clone(kept).fetch(turn, fetch)).await;
        fetched.unwrap_or(Err(Rejection::StatementUnavailable))
    }
}

impl Kept {
    fn look(&self) -> Found {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let has_failed = latest.failed.is_some_and(|since| since.elapsed() < AFTER_FAILURE);
        match &latest.statement {
            Some((since, statement)) if since.elapsed() < FRESH => Found::Usable(statement.clone()),
            Some((since, statement)) if since.elapsed() < USABLE && has_failed => Found::Usable(statement.clone()),
            Some((since, statement)) if since.elapsed() < USABLE => Found::Stale(statement.clone()),
            _ if has_failed => Found::Failed,
            _ => Found::Nothing,
        }
    }

    async fn renew<F>(self: Arc<Self>, turn: OwnedMutexGuard<()>, fetch: F)
    where
        F: Future<Output = Result<Bytes, Rejection>>,
    {
        if let Err(rejection) = self.fetch(turn, fetch).await {
            tracing::warn!(
                reason = rejection.rule().reason_code,
                "a CapabilityStatement could not be renewed: {}",
                rejection.detail()
            );
        }
    }

    async fn fetch<F>(self: Arc<Self>, _turn: OwnedMutexGuard<()>, fetch: F) -> Result<Bytes, Rejection>
    where
        F: Future<Output = Result<Bytes, Rejection>>,
    {
        let fetched = timeout(FETCH_DEADLINE, fetch)
            .await
            .unwrap_or(Err(Rejection::Upstream(crate::ports::UpstreamError::TimedOut)));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &fetched {
            Ok(statement) => *latest = Latest { statement: Some((Instant::now(), statement.clone())), failed: None },
            Err(_) => latest.failed = Some(Instant::now()),
        }
        fetched
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{advance, sleep};

    use super::*;
    use crate::testing::base;

    struct Source {
        statements: Arc<Statements>,
        fetches: Arc<AtomicUsize>,
    }

    impl Source {
        fn new() -> Self {
            let settings = GatewaySettings::new(vec![base()]).unwrap();
            Self { statements: Arc::new(Statements::new(&settings)), fetches: Arc::default() }
        }

        /// Asks; a fetch takes a second and answers with its own number, or fails.
        fn ask(&self, works: bool) -> tokio::task::JoinHandle<Result<Bytes, &'static str>> {
            let (statements, fetches) = (Arc::clone(&self.statements), Arc::clone(&self.fetches));
            tokio::spawn(async move {
                let fetch = async move {
                    let number = fetches.fetch_add(1, Ordering::Relaxed) + 1;
                    sleep(Duration::from_secs(1)).await;
                    if works { Ok(Bytes::from(number.to_string())) } else { Err(Rejection::UnknownAddress) }
                };
                statements.of("clinic", fetch).await.map_err(|refused| refused.rule().reason_code)
            })
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetch_serves_all_who_wait() {
        let source = Source::new();
        let asking: Vec<_> = (0..WAITING).map(|_| source.ask(true)).collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap(), "1");
        }
        assert_eq!(source.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_may() {
        let source = Source::new();
        let asking: Vec<_> = (0..WAITING + 8).map(|_| source.ask(true)).collect();
        let mut refused = 0;
        for asked in asking {
            refused += usize::from(asked.await.unwrap() == Err("metadata-unavailable"));
        }
        assert_eq!((refused, source.fetches()), (8, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_goes_on_when_the_one_who_asked_leaves() {
        let source = Source::new();
        for _ in 0..5 {
            let asked = source.ask(true);
            sleep(Duration::from_millis(10)).await;
            asked.abort();
        }
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "1");
        assert_eq!(source.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_repeated_at_once() {
        let source = Source::new();
        let waiting = (source.ask(false), source.ask(false));
        assert_eq!(waiting.0.await.unwrap(), Err("address-unknown"));
        assert_eq!(waiting.1.await.unwrap(), Err("metadata-unavailable"));
        advance(AFTER_FAILURE - Duration::from_millis(1)).await;
        assert_eq!(source.ask(true).await.unwrap(), Err("metadata-unavailable"));
        assert_eq!(source.fetches(), 1);
        advance(Duration::from_millis(1)).await;
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_one_is_given_out_while_one_fetch_renews_it() {
        let source = Source::new();
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "1");
        advance(FRESH - Duration::from_millis(1)).await;
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "1");
        assert_eq!(source.fetches(), 1);
        advance(Duration::from_millis(1)).await;
        for _ in 0..3 {
            assert_eq!(source.ask(true).await.unwrap().unwrap(), "1");
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "2");
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_renewed_is_given_out_for_ten_minutes() {
        let source = Source::new();
        assert_eq!(source.ask(true).await.unwrap().unwrap(), "1");
        advance(FRESH).await;
        for _ in 0..3 {
            assert_eq!(source.ask(false).await.unwrap().unwrap(), "1");
            sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(source.fetches(), 2, "the failure is kept too");
        advance(USABLE).await;
        assert_eq!(source.ask(false).await.unwrap(), Err("address-unknown"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_ends() {
        let source = Source::new();
        let endless = source.statements.of("clinic", std::future::pending());
        assert_eq!(endless.await.unwrap_err().rule().reason_code, "upstream-timeout");
    }
}
