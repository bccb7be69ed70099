//! JWS in compact serialization with `x5c`: a strict reader and a writer.
//!
//! [`CompactJws::read`] accepts one spelling only: three segments of canonical base64url, a header that is a JSON object
//! without `crit`, `b64` and `zip`, and an `alg` of [`Algorithm`]. It verifies nothing. The key comes from the caller
//! ([`CompactJws::verify`]): `jwk`, `jku`, `x5u` and `kid` are ordinary members that no code here follows.
//!
//! Source: RFC 7515 §3.1, §4; RFC 8725 §3; FAST Security STU2 §7.1.1, §7.1.3

mod reader;
mod writer;

pub use reader::{CompactJws, JwsError, MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES, MAX_JWS_BYTES};
pub use writer::{HeaderBuilder, HeaderTemplate, sign};

#[cfg(test)]
mod tests;

#[cfg(doc)]
use crate::algorithm::Algorithm;
