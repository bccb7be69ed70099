//! The gateway's way to the FHIR server behind it: a destination of the operator, pooled, streaming, never redirected.
//!
//! The gateway has built the request anew, absolute URI included; nothing is added here but `Host` and framing. Bodies
//! stream in both directions; what is bounded is the time to the head of the answer, the time without progress in its
//! body, and the requests under way.
//!
//! Source: security invariants 39, 42 to 44

mod stream;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Frame, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use stream::OperatorConnector;
use tessera_gateway::ports::{Body, BodyError, Upstream, UpstreamError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The bounds of the way upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Connecting, TLS included. Default 2 s.
    pub connect: Duration,
    /// From the request to the head of the answer, the request's body included. Default 10 s: less than the gateway's
    /// own deadline, which tells a caller less about where the time went.
    pub head: Duration,
    /// The longest time without progress in the answer's body. Default 15 s.
    pub idle: Duration,
    /// Requests under way at once, their answers' bodies included. Default 256.
    pub in_flight: usize,
    /// How long an unused connection is kept. Default 20 s, less than servers usually keep theirs.
    pub keep_alive: Duration,
    /// Unused connections kept. Default 64.
    pub kept: usize,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(15),
            in_flight: 256,
            keep_alive: Duration::from_secs(20),
            kept: 64,
        }
    }
}

/// A pooled HTTP/1.1 client for the FHIR servers that the operator configured.
pub struct FhirUpstream {
    client: Client<OperatorConnector, Body>,
    limits: UpstreamLimits,
    in_flight: Arc<Semaphore>,
}

impl FhirUpstream {
    /// A client with no connections yet; `tls` says which servers are believed.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, limits: UpstreamLimits) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.keep_alive)
            .pool_max_idle_per_host(limits.kept)
            // A request is sent once. Whether the server acted on one that got no answer is not ours to guess.
            .retry_canceled_requests(false)
            .set_host(true)
            .build(OperatorConnector::new(tls, limits.connect));
        Self { client, limits, in_flight: Arc::new(Semaphore::new(limits.in_flight)) }
    }
}

#[async_trait]
impl Upstream for FhirUpstream {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        judge(request.uri())?;
        // Nobody waits here: a queue in front of a slow server only makes every request slow.
        let place = self.in_flight.clone().try_acquire_owned().map_err(|_| UpstreamError::Busy)?;
        let response = timeout(self.limits.head, self.client.request(request))
            .await
            .map_err(|_| UpstreamError::TimedOut)?
            // A pooled connection that the server has closed is an exchange that broke: it may have read the request.
            .map_err(|error| match error.is_connect() {
                true => UpstreamError::Unreachable(error.into()),
                false => UpstreamError::Broken(error.into()),
            })?;
        let idle = self.limits.idle;
        Ok(response.map(|incoming| -> Body { Box::pin(Streamed::new(incoming, idle, place)) }))
    }
}

/// A relative URI would be dialled by its `Host` header; the gateway never makes one.
fn judge(uri: &Uri) -> Result<(), UpstreamError> {
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_http && uri.host().is_some() {
        return Ok(());
    }
    Err(UpstreamError::Unreachable("the request has no absolute http or https URI".into()))
}

impl std::fmt::Debug for FhirUpstream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("FhirUpstream").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// An answer's body that ends with an error when it makes no progress, and holds its place until it is through.
struct Streamed<B> {
    inner: B,
    idle: Duration,
    // Boxed, because a body is moved and a timer must not be.
    timer: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<B> Streamed<B> {
    fn new(inner: B, idle: Duration, place: OwnedSemaphorePermit) -> Self {
        Self { inner, idle, timer: Box::pin(sleep(idle)), _place: place }
    }
}

impl<B> http_body::Body for Streamed<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.timer.as_mut().reset(Instant::now() + this.idle);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match this.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err("the FHIR server's answer makes no progress".into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
