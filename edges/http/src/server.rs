//! The accept loop: connections with deadlines and caps, TLS or plain, HTTP/1.1.
//!
//! The framework's ready-made serve function was not taken: it installs no header timer, times no first byte and has no
//! cap on connections, so that a few hundred silent peers would occupy a node.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::write_deadline::WriteDeadline;

/// The largest header block of a request, in bytes.
///
/// Source: security invariants, "Limits"
pub(crate) const HEADER_BYTES: usize = 32 * 1024;

/// Caps and deadlines of every connection.
///
/// Source: security invariant 45
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections open at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// From the start of a connection, or the end of the last answer, to the end of the next request's header; the TLS
    /// handshake has the same time.
    pub header: Duration,
    /// How long a peer may take nothing of an answer that waits for it.
    pub write: Duration,
    /// Bytes of the request line and header together.
    pub header_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            header: Duration::from_secs(10),
            write: Duration::from_secs(30),
            header_bytes: HEADER_BYTES,
        }
    }
}

/// Where a connection came from, as an extension of each of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Serves `app` on `listener` until `stop` becomes true; then open requests are finished and idle connections closed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    app: Router,
    limits: ConnectionLimits,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(connection) => connection,
            Err(error) => {
                // Out of file descriptors, most likely: waiting helps, spinning does not.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let connection = Connection { peer, app: app.clone(), limits: limits.clone(), stop: stop.clone() };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            connection.run(stream, acceptor).await;
            drop(slot);
        });
    }
    // Every slot back means that every connection has ended.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let drained = tokio::time::timeout(limits.write, slots.acquire_many(all)).await;
    if drained.is_err() {
        tracing::warn!("connections were still open at the end");
    }
}

/// Waits until serving is to end; whoever was to say so being gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Connection {
    peer: SocketAddr,
    app: Router,
    limits: ConnectionLimits,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Answers are written whole; waiting for more to send would only add delay.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        match acceptor {
            None => self.http(stream).await,
            Some(acceptor) => {
                let handshake = tokio::time::timeout(self.limits.header, acceptor.accept(stream));
                match handshake.await {
                    Ok(Ok(stream)) => self.http(stream).await,
                    Ok(Err(error)) => {
                        tracing::debug!(peer = %self.peer, %error, "TLS handshake failed")
                    }
                    Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
                }
            }
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S) {
        let peer = Peer(self.peer.ip());
        let service = self.app.map_request(move |mut request: http::Request<_>| {
            request.extensions_mut().insert(peer);
            request
        });
        let io = TokioIo::new(WriteDeadline::new(stream, self.limits.write));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_buf_size(self.limits.header_bytes)
            .serve_connection(io, TowerToHyperService::new(service));
        tokio::pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stopped(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(peer = %self.peer, %error, "a connection ended early");
        }
    }
}
