//! From a destination to an open stream: resolve, judge, dial, and shake hands.
//!
//! Resolver and dialler are ports, so that tests can record what would have been dialled. Nothing else in the product
//! opens a connection to an address learnt from a peer.

use crate::guard::{Destination, Guard, GuardRefusal, Host, JudgedAddress, Scheme};
use async_trait::async_trait;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How many of a name's addresses are tried, one after the other, within the time for connecting.
const ADDRESSES_TRIED: usize = 4;
/// How many of a name's addresses are looked at; a resolver could return any number.
const ADDRESSES_JUDGED: usize = 32;

/// Turns a host name into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The addresses of a plain host name, in the order to be tried.
    ///
    /// # Errors
    /// What the resolver says when there is no answer.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Opens a stream to an address that was judged.
#[async_trait]
pub trait Dialler: Send + Sync {
    /// A connected stream.
    ///
    /// # Errors
    /// What the operating system says.
    async fn dial(&self, address: JudgedAddress) -> io::Result<Box<dyn Stream>>;
}

/// A byte stream in both directions: TCP, TLS over it, or a test's.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.take(ADDRESSES_JUDGED).map(|address| address.ip()).collect())
    }
}

/// TCP, without delay of small segments.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDialler;

#[async_trait]
impl Dialler for TcpDialler {
    async fn dial(&self, address: JudgedAddress) -> io::Result<Box<dyn Stream>> {
        #[expect(clippy::disallowed_methods, reason = "the one place that dials")]
        let stream = TcpStream::connect(address.socket_address()).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// Who decides about a destination's addresses.
#[derive(Clone, Copy, Debug)]
pub enum Judgement<'a> {
    /// The destination was learnt from a peer: each address is judged.
    Learnt(&'a Guard),
    /// The operator wrote the destination down: its addresses may be private.
    ChosenByOperator,
}

/// Why no stream could be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DialError {
    /// The guard does not let the request out.
    #[error("refused before dialling")]
    Refused(#[from] GuardRefusal),
    /// The name has no address.
    #[error("the host name does not resolve: {0}")]
    Unresolved(String),
    /// No address answered.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The peer's TLS did not hold.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// Resolving, connecting and the handshake took too long.
    #[error("no connection within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Opens streams, plain or with TLS.
#[derive(Clone)]
pub struct Connector {
    resolver: Arc<dyn Resolver>,
    dialler: Arc<dyn Dialler>,
    tls: Arc<ClientConfig>,
    connect_within: Duration,
}

impl Connector {
    /// A connector whose whole way to an open stream takes at most `connect_within`.
    #[must_use]
    pub fn new(
        resolver: Arc<dyn Resolver>,
        dialler: Arc<dyn Dialler>,
        tls: Arc<ClientConfig>,
        connect_within: Duration,
    ) -> Self {
        Self { resolver, dialler, tls, connect_within }
    }

    /// The operating system's resolver and TCP, with this TLS configuration and 2 s for connecting.
    #[must_use]
    pub fn system(tls: Arc<ClientConfig>) -> Self {
        Self::new(Arc::new(SystemResolver), Arc::new(TcpDialler), tls, Duration::from_secs(2))
    }

    /// With another bound on the way to an open stream.
    #[must_use]
    pub fn within(mut self, connect_within: Duration) -> Self {
        self.connect_within = connect_within;
        self
    }

    /// Opens a stream to the destination; with `https` the handshake is done and the peer's name has been checked.
    ///
    /// # Errors
    /// [`DialError`]; a refusal by the guard means that nothing was dialled.
    pub async fn connect(
        &self,
        destination: &Destination,
        judgement: Judgement<'_>,
    ) -> Result<Box<dyn Stream>, DialError> {
        tokio::time::timeout(self.connect_within, async {
            let addresses = self.judged_addresses(destination, judgement).await?;
            let stream = self.dial_first(&addresses).await?;
            match destination.scheme() {
                Scheme::Http => Ok(stream),
                Scheme::Https => self.shake_hands(destination.host(), stream).await,
            }
        })
        .await
        .unwrap_or(Err(DialError::TimedOut(self.connect_within)))
    }

    async fn judged_addresses(
        &self,
        destination: &Destination,
        judgement: Judgement<'_>,
    ) -> Result<Vec<JudgedAddress>, DialError> {
        let addresses = match destination.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                self.resolver.resolve(name).await.map_err(|error| DialError::Unresolved(error.to_string()))?
            }
        };
        if addresses.is_empty() {
            return Err(DialError::Unresolved("no address".to_owned()));
        }
        let judge = |address| match judgement {
            Judgement::Learnt(guard) => guard.judge_address(destination, address),
            Judgement::ChosenByOperator => {
                Ok(JudgedAddress::chosen_by_operator(SocketAddr::new(address, destination.port())))
            }
        };
        // An answer that mixes public and private addresses is used for its public ones only.
        let judged: Vec<_> =
            addresses.into_iter().take(ADDRESSES_JUDGED).filter_map(|address| judge(address).ok()).collect();
        if judged.is_empty() { Err(GuardRefusal::Address.into()) } else { Ok(judged) }
    }

    async fn dial_first(&self, addresses: &[JudgedAddress]) -> Result<Box<dyn Stream>, DialError> {
        let mut last = String::new();
        for address in addresses.iter().take(ADDRESSES_TRIED) {
            match self.dialler.dial(*address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error.to_string(),
            }
        }
        Err(DialError::Unreachable(last))
    }

    async fn shake_hands(&self, host: &Host, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, DialError> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| GuardRefusal::Host)?,
            Host::Address(address) => ServerName::from(*address),
        };
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await
            .map_err(|error| DialError::Tls(error.to_string()))?;
        Ok(Box::new(stream))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Connector").field("connect_within", &self.connect_within).finish_non_exhaustive()
    }
}
