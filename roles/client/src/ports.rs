//! What the client needs from the world: a way to send requests and a judge of certificate chains.

use async_trait::async_trait;
use std::fmt;
use tessera_trust::{CertificateChain, CommunityId, TrustRefusal, UnixTime, VerifiedChain};

/// Sends one request and brings its answer, whatever its status; redirects are not followed.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends `request` once, and never again by itself.
    ///
    /// # Errors
    /// [`HttpError`] when there is no whole answer. A status of refusal is an answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// Judges a data holder's certificate chain under the communities that this client trusts.
#[async_trait]
pub trait Trust: Send + Sync {
    /// Finds the first of `communities` under which the chain holds at `now`, fetching what the search needs.
    ///
    /// # Errors
    /// [`TrustRefusal`] with every reason of every community when it holds under none.
    ///
    /// Source: FAST Security STU2 §7.1.6
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal>;
}

/// The two methods that the client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Sends a body.
    Post,
}

/// A request to be sent as it stands. Its `Debug` shows neither body nor header values.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL, exactly as published or typed.
    pub url: String,
    /// Header names in lower case with their values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
    /// The longest answer body that is taken, in bytes.
    pub answer_limit: usize,
}

impl HttpRequest {
    pub(crate) fn get(url: impl Into<String>, accept: &str, answer_limit: usize) -> Self {
        let headers = vec![("accept", accept.to_owned())];
        Self { method: Method::Get, url: url.into(), headers, body: Vec::new(), answer_limit }
    }

    pub(crate) fn post(url: impl Into<String>, content_type: &str, body: Vec<u8>, answer_limit: usize) -> Self {
        let headers = vec![("accept", "application/json".to_owned()), ("content-type", content_type.to_owned())];
        Self { method: Method::Post, url: url.into(), headers, body, answer_limit }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer, read whole. Its `Debug` does not show the body, which may hold a token or a person's data.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body, at most as long as the request allowed.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first value of a header, its name given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL does not pass the address guard; nothing was sent.
    #[error("the address is not one that this client may call: {0}")]
    Refused(String),
    /// No connection, or no TLS that holds.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The answer is longer than the request allowed.
    #[error("the server's answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The answer is not proper HTTP.
    #[error("the server's answer is not proper HTTP: {0}")]
    Protocol(String),
}
