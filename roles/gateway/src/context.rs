//! What a request brings with it from the edge.

use std::net::IpAddr;

use tessera_trust::UnixTime;

/// The request's time, name and origin; they travel together through every decision about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayContext {
    /// When the request came; every check of it uses this one time.
    pub now: UnixTime,
    /// The request's name in answers, logs and audit; upstream gets it as `X-Request-Id`.
    pub correlation_id: String,
    /// Who is at the other end of the connection, where that is known.
    pub peer: Option<IpAddr>,
}
