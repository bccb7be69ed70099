//! What a request brings besides its content: the time, chance, and a name to find it again.
//!
//! The edge fills it once for each request; the engines read no clock and draw no random numbers of their own, so that
//! every decision can be repeated in a test.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tessera_jose::base64url_encode;
use tessera_trust::UnixTime;
use tessera_udap::ids::{ClientId, Jti};

/// The one time, source of ids and correlation id of a request.
#[derive(Clone)]
pub struct RequestContext {
    /// The request's only "now".
    pub now: UnixTime,
    /// Names the request in the answer, the log and the audit.
    pub correlation_id: CorrelationId,
    /// Fresh output of a cryptographic random generator; never used for two requests.
    pub entropy: [u8; 32],
    /// Who is at the other end of the connection, where the edge knows.
    pub peer: Option<IpAddr>,
}

impl RequestContext {
    /// The client_id for a registration that this request creates: 128 random bits in the URL-safe alphabet.
    #[must_use]
    pub(crate) fn new_client_id(&self) -> ClientId {
        let (half, _) = self.entropy.split_at(16);
        ClientId::parse(&base64url_encode(half)).expect("base64url text of 16 bytes is a valid client_id")
    }

    /// The jti of a token that this request issues: the other 128 random bits.
    #[must_use]
    pub(crate) fn new_token_id(&self) -> Jti {
        let (_, half) = self.entropy.split_at(16);
        Jti::parse(&base64url_encode(half)).expect("base64url text of 16 bytes is a valid jti")
    }
}

/// Shows everything but the entropy, from which a client_id or token id could be told.
impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("now", &self.now)
            .field("correlation_id", &self.correlation_id)
            .field("entropy", &"[redacted]")
            .field("peer", &self.peer)
            .finish()
    }
}

/// The name of a request: 8 to 64 characters of `A-Z a-z 0-9 - _`.
///
/// It is given by us, never taken from a caller, so that two requests cannot share one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// Makes an id from 96 random bits; 16 characters.
    #[must_use]
    pub fn from_random(bytes: [u8; 12]) -> Self {
        Self(base64url_encode(&bytes).into())
    }

    /// Reads an id back, as an operator types it after `tessera explain`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (8..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_request_differ_and_have_128_bits() {
        let mut bytes = [7u8; 32];
        bytes[31] = 8;
        let context = RequestContext {
            now: UnixTime::from_secs(1),
            correlation_id: CorrelationId::from_random([1; 12]),
            entropy: bytes,
            peer: None,
        };
        assert_eq!(context.new_client_id().as_str().len(), 22);
        assert_ne!(context.new_client_id().as_str(), context.new_token_id().as_str());
        assert!(!format!("{context:?}").contains('8'), "entropy is redacted");
    }

    #[test]
    fn correlation_ids_carry_no_foreign_characters() {
        let id = CorrelationId::from_random([0xfb; 12]);
        assert_eq!(CorrelationId::parse(id.as_str()), Some(id));
        for bad in ["", "short", "with space in it", "line\nbreak-in-it"] {
            assert_eq!(CorrelationId::parse(bad), None, "{bad:?}");
        }
        assert_eq!(CorrelationId::parse(&"a".repeat(65)), None);
    }
}
