//! What every handler shares.

use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use tessera_authorization_server::AuthorizationServer;
use tessera_authorization_server::context::{CorrelationId, RequestContext};
use tessera_gateway::Gateway;
use tessera_trust::UnixTime;

use crate::body::BodyLimits;
use crate::server::Peer;

/// The clock and the source of chance, which only apps may read; they hand them in through this.
pub trait Surroundings: Send + Sync {
    /// The time now.
    fn now(&self) -> UnixTime;

    /// Fresh output of a cryptographic random generator.
    fn entropy(&self) -> [u8; 32];
}

/// Tells whether decisions can be recorded.
pub trait Recorder: Send + Sync {
    /// Whether the audit log takes events.
    fn is_recording(&self) -> bool;
}

/// A running node as the handlers see it.
#[derive(Clone)]
pub struct Node {
    /// Decides on registrations and tokens.
    pub authorization_server: Arc<AuthorizationServer>,
    /// Decides on FHIR requests and forwards them.
    pub gateway: Arc<Gateway>,
    /// Clock and chance.
    pub surroundings: Arc<dyn Surroundings>,
    /// Whether decisions can be recorded; while they cannot, none is made.
    pub recorder: Arc<dyn Recorder>,
    /// How large and slow bodies may be.
    pub limits: RequestLimits,
}

/// Limits of request bodies.
///
/// Source: security invariants, "Limits"
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Token, introspection and revocation requests.
    pub form: BodyLimits,
    /// Registration requests.
    pub registration: BodyLimits,
}

impl Default for RequestLimits {
    fn default() -> Self {
        let time = Duration::from_secs(10);
        Self { form: BodyLimits { size: 96 * 1024, time }, registration: BodyLimits { size: 256 * 1024, time } }
    }
}

impl Node {
    /// The one time, chance and correlation id of a request.
    pub(crate) fn context(&self, extensions: &Extensions) -> RequestContext {
        RequestContext {
            now: self.surroundings.now(),
            correlation_id: extensions
                .get::<CorrelationId>()
                .cloned()
                .unwrap_or_else(|| new_correlation_id(self.surroundings.as_ref())),
            entropy: self.surroundings.entropy(),
            peer: extensions.get::<Peer>().map(|peer| peer.0),
        }
    }
}

/// A correlation id of fresh chance, never one that the caller sent.
pub(crate) fn new_correlation_id(surroundings: &dyn Surroundings) -> CorrelationId {
    let entropy = surroundings.entropy();
    let mut bytes = [0; 12];
    for (byte, chance) in bytes.iter_mut().zip(entropy) {
        *byte = chance;
    }
    CorrelationId::from_random(bytes)
}
