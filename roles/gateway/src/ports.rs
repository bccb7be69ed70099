//! What the gateway asks of the world: a FHIR server behind it, the life of tokens, and a place for its decisions.

use std::error::Error;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, Jti};

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
pub trait TokenStatusPort: Send + Sync {
    /// Whether a token is alive: its registration active and not newer than it allows, itself not revoked, and neither its
    /// client, community nor certificate revoked at or after its issue.
    ///
    /// The answer may be 5 s old at most.
    ///
    /// # Errors
    /// [`TokenStatusError`] when nobody can tell; the token is not taken for alive then.
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, TokenStatusError>;
}

/// What must be known about a verified access token to tell whether it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenReference {
    /// The token's `jti`.
    pub jti: Jti,
    /// Whose it is.
    pub client_id: ClientId,
    /// The version of the registration under which it was issued.
    pub registration_version: u64,
    /// The community of its client.
    pub community: CommunityId,
    /// The certificate with which its client authenticated.
    pub certificate: CertificateDigest,
    /// The token's `iat`.
    pub issued_at: UnixTime,
}

/// Whether a token lives, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// It may be used until its own end.
    Live,
    /// It was revoked by its client.
    Revoked,
    /// Its client has cancelled its registration, or there is none any more.
    ClientGone,
    /// An operator has blocked its client.
    ClientBlocked,
    /// Its client's registration has changed and no longer covers it.
    Superseded,
    /// An operator has revoked all tokens of its client, community or certificate.
    RevokedInBulk,
}

impl TokenStatus {
    /// Whether it may be used.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// A word for logs and audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "token-revoked",
            Self::ClientGone => "client-gone",
            Self::ClientBlocked => "client-blocked",
            Self::Superseded => "registration-changed",
            Self::RevokedInBulk => "tokens-revoked-in-bulk",
        }
    }
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
