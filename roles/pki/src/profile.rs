//! What each kind of certificate looks like.

/// A kind of certificate.
///
/// Source: RFC 5280 §4.2; FAST Security STU2 §7.1 (URI names)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A self-signed CA, to be an anchor: signs certificates and lists.
    Root,
    /// A CA below another: signs certificates and lists.
    Intermediate {
        /// How many CAs may stand below it on a path.
        path_length: u8,
    },
    /// A member of a community: signs JWTs, known by its URIs.
    Member {
        /// URI names; one at least.
        uris: Vec<String>,
    },
    /// A TLS server.
    TlsServer {
        /// DNS names; one at least.
        dns_names: Vec<String>,
        /// Addresses, as 4 or 16 bytes.
        addresses: Vec<std::net::IpAddr>,
    },
}

impl Profile {
    /// Whether certificates of this kind issue others.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        matches!(self, Self::Root | Self::Intermediate { .. })
    }
}
