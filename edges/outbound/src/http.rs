//! The guarded fetcher: the only thing that fetches a URL learnt from a peer.
//!
//! GET only, without credentials, cookies, redirects, decompression or proxies; sized and timed; many askers share one
//! fetch, and a failure is remembered for a while, so that a peer cannot make us knock at a dead door again and again.
//!
//! Source: security invariants 18 to 22

use crate::dial::{Connector, DialError, Judgement};
use crate::exchange::{ExchangeError, Outgoing, exchange};
use crate::guard::{Destination, Guard, GuardRefusal};
use crate::in_flight::{InFlight, Shared};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use moka::sync::Cache;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A document of unknown kind, in bytes.
pub const DOCUMENT_LIMIT: usize = 64 * 1024;
/// A CRL, in bytes.
pub const CRL_LIMIT: usize = 10 * 1024 * 1024;

/// What a remembered failure of a URL of usual length costs, in bytes.
const FAILURE_BYTES: u32 = 1024;

/// The bounds of fetching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// One fetch from the question to the last byte, waiting for a place included.
    pub whole: Duration,
    /// Fetches under way to one host.
    pub per_host: usize,
    /// Fetches under way in all.
    pub in_all: usize,
    /// How long a failure is remembered.
    pub failure_kept: Duration,
    /// How many failures are remembered; fewer when their URLs are long.
    pub failures: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            whole: Duration::from_secs(5),
            per_host: 4,
            in_all: 32,
            failure_kept: Duration::from_secs(30),
            failures: 1_024,
        }
    }
}

/// Why a fetch brought nothing. Fit for logs; never shown to a peer (invariant 22).
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The guard does not let the request out; nothing was dialled.
    #[error("not fetched: {0}")]
    Refused(GuardRefusal),
    /// No connection.
    #[error("not reached: {0}")]
    NotReached(DialError),
    /// A redirect, which is not followed.
    #[error("answered {0}, and redirects are not followed")]
    Redirected(StatusCode),
    /// Another status than 200.
    #[error("answered {0}")]
    Status(StatusCode),
    /// More bytes than the kind of document may have.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// A `Content-Encoding`, although `identity` was asked for.
    #[error("the answer is compressed although none was asked for")]
    Encoded,
    /// The answer is not proper HTTP, or ends too early.
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
    /// The whole took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// All places for fetches were taken for most of the time; nothing is remembered.
    #[error("too many fetches under way")]
    Busy,
}

/// Fetches small documents from places that a guard lets pass.
pub struct Fetcher {
    connector: Connector,
    limits: FetchLimits,
    in_flight: InFlight,
    shared: Shared<Question, Result<Bytes, FetchError>>,
    failures: Cache<Question, FetchError>,
}

/// What makes two fetches the same: the URL, the bound, and the judge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    url: String,
    limit: usize,
    guard: String,
}

impl Question {
    /// With as much again for the words of the failure, which may quote.
    fn size_bytes(&self) -> u32 {
        u32::try_from(2 * (self.url.len() + self.guard.len())).unwrap_or(u32::MAX)
    }
}

impl Fetcher {
    /// A fetcher with its own caps and memory of failures.
    #[must_use]
    pub fn new(connector: Connector, limits: FetchLimits) -> Self {
        Self {
            connector,
            limits,
            in_flight: InFlight::new(limits.per_host, limits.in_all),
            shared: Shared::default(),
            failures: Cache::builder()
                .max_capacity(limits.failures.saturating_mul(FAILURE_BYTES.into()))
                .weigher(|question: &Question, _| FAILURE_BYTES.max(question.size_bytes()))
                .time_to_live(limits.failure_kept)
                .build(),
        }
    }

    /// Fetches `url` where `guard` lets it, up to `limit` bytes.
    ///
    /// Askers of the same URL under the same guard share one fetch. A failure is answered from memory while it is kept.
    ///
    /// # Errors
    /// [`FetchError`]; the body is given only for status 200.
    pub async fn get(&self, url: &str, guard: &Guard, limit: usize) -> Result<Bytes, FetchError> {
        let destination = guard.judge(url).map_err(FetchError::Refused)?;
        let question = Question { url: url.to_owned(), limit, guard: guard.fingerprint() };
        if let Some(error) = self.failures.get(&question) {
            return Err(error);
        }
        self.shared.ask(question.clone(), self.fetch_and_remember(destination, guard, question)).await
    }

    async fn fetch_and_remember(
        &self,
        destination: Destination,
        guard: &Guard,
        question: Question,
    ) -> Result<Bytes, FetchError> {
        let deadline = Instant::now() + self.limits.whole;
        // Being busy is our own state and says nothing about the peer, so it is not remembered against it.
        let host = destination.host().to_string();
        let _place = timeout_at(deadline, self.in_flight.enter(&host)).await.map_err(|_| FetchError::Busy)?;
        let waited_long = deadline - Instant::now() < self.limits.whole / 2;
        let fetched = match timeout_at(deadline, self.fetch(&destination, guard, question.limit)).await {
            Ok(fetched) => fetched,
            Err(_) if waited_long => return Err(FetchError::Busy),
            Err(_) => Err(FetchError::TimedOut(self.limits.whole)),
        };
        if let Err(error) = &fetched {
            self.failures.insert(question, error.clone());
        }
        fetched
    }

    async fn fetch(&self, destination: &Destination, guard: &Guard, limit: usize) -> Result<Bytes, FetchError> {
        let stream =
            self.connector.connect(destination, Judgement::Learnt(guard)).await.map_err(|error| match error {
                DialError::Refused(refusal) => FetchError::Refused(refusal),
                other => FetchError::NotReached(other),
            })?;
        let outgoing = Outgoing { method: Method::GET, headers: HeaderMap::new(), body: Bytes::new() };
        let answer = exchange(stream, destination, outgoing, limit).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status if status.is_redirection() => Err(FetchError::Redirected(status)),
            status => Err(FetchError::Status(status)),
        }
    }
}

impl From<ExchangeError> for FetchError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::TooLarge(limit) => Self::TooLarge(limit),
            ExchangeError::Encoded => Self::Encoded,
            ExchangeError::Protocol(text) => Self::Protocol(text),
        }
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Fetcher").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
