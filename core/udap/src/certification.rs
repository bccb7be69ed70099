//! Certifications: what a certifier has signed about a client.
//!
//! They are carried and counted here; nobody verifies them yet, so they satisfy nothing and grant nothing, which is what
//! the guide says of certifications that a server does not support.
//!
//! Source: FAST Security STU2 §3.3, §7.4; UDAP Certifications and Endorsements

use std::fmt;

use serde::{Serialize, Serializer};
use tessera_jose::jws::MAX_JWS_BYTES;

/// The most certifications in one registration.
///
/// Source: the limits of the security invariants
pub const MAX_CERTIFICATIONS: usize = 10;

/// A certification as received, neither read nor verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Certification(String);

impl Certification {
    /// Keeps the text, if it is as long as a JWT can be; `None` when it is empty or longer.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let plausible = !text.is_empty() && text.len() <= MAX_JWS_BYTES;
        plausible.then(|| Self(text.to_owned()))
    }

    /// The text as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Certification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Shows nothing of the JWT.
impl fmt::Debug for Certification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certification({} bytes)", self.0.len())
    }
}
