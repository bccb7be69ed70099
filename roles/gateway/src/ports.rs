//! What the gateway asks of the world: a FHIR server behind it, the life of tokens, and a place for its decisions.

use std::error::Error;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
pub use tessera_udap::access_token::{TokenReference, TokenStatus};

use crate::audit::AuditRecord;

/// What may go wrong while a body is read or written.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// A body that streams, whatever carries it.
pub type Body = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

/// Sends requests to the configured FHIR servers.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Sends the request to the absolute URI in it and answers when the head of the response is there.
    ///
    /// The URI is always below an `upstream_url` of the settings, which may be private: no address guard applies. The
    /// implementation adds `Host` and framing and nothing else, follows no redirect, obeys no proxy variable, decodes
    /// no content encoding, and has its own deadlines and caps.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no response; one with an error status is a response.
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, UpstreamError>;
}

/// The FHIR server has given no response; the cause is in [`Error::source`], for the log only.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It could not be reached; nothing of the request was sent.
    #[error("the FHIR server could not be reached")]
    Unreachable(#[source] BodyError),
    /// The exchange broke after the connection stood; whether the server acted is not known.
    #[error("the exchange with the FHIR server broke")]
    Broken(#[source] BodyError),
    /// It did not answer in time; whether it acted is not known.
    #[error("the FHIR server did not answer in time")]
    TimedOut,
    /// Too many requests are on their way to it already.
    #[error("too many requests are on their way to the FHIR server")]
    Busy,
}

/// Knows whether access tokens live.
#[async_trait]
pub trait TokenStatusSource: Send + Sync {
    /// Whether a token is alive: its registration active and not newer than it allows, itself not revoked, and neither its
    /// client, community nor certificate revoked at or after its issue.
    ///
    /// The answer may be 5 s old at most.
    ///
    /// # Errors
    /// [`TokenStatusError`] when nobody can tell; the token is not taken for alive then.
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, TokenStatusError>;
}

/// Nobody could tell whether a token lives; the gateway answers 503. The cause is in [`Error::source`].
#[derive(Debug, thiserror::Error)]
#[error("the status of a token could not be found out")]
pub struct TokenStatusError(#[source] Box<dyn Error + Send + Sync>);

impl TokenStatusError {
    /// Wraps what failed.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Takes the record of every decision.
pub trait AuditSink: Send + Sync {
    /// Takes a record into keeping; never waits for disk or network.
    ///
    /// # Errors
    /// [`RecorderUnavailable`] when the record was not taken; what it is about is not done then.
    ///
    /// Source: security invariants 44 and 47
    fn record(&self, record: AuditRecord) -> Result<(), RecorderUnavailable>;
}

/// A record was not taken; the gateway answers 503 and forwards nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log takes no records")]
pub struct RecorderUnavailable;
