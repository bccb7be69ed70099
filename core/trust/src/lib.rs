//! Who may be believed: certificates, trust communities, and the search for a path from a presented certificate to an
//! anchor of a community.
//!
//! Bytes and the time go in, verdicts come out. Nothing here opens a socket, reads a clock or waits: a [`PathSearch`]
//! that lacks a revocation list says so ([`Step::Need`]) and goes on when its driver has supplied it. The alternative,
//! a search that fetches by itself, would put hostile certificates and outgoing requests into one place.
//!
//! The walk of a chain:
//!
//! 1. [`CertificateChain::from_ders`] reads what a peer presented (sizes first, strict DER).
//! 2. [`PathSearch`] looks for a path to an anchor of one [`TrustCommunity`], cheap checks before costly ones.
//! 3. The answer is a [`VerifiedChain`], which nothing else can make, or a [`TrustRefusal`] with every reason found.
//!
//! Source: RFC 5280 §6; UDAP Dynamic Client Registration §4.2; FAST Security STU2 §7.1.6
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod anchor;
mod asn1;
pub mod certificate;
pub mod chain;
pub mod community;
pub mod error;
pub mod path;
pub mod profile;
pub mod revocation;
mod signature;
#[cfg(test)]
mod testing;
pub mod time;

pub use anchor::{Anchor, AnchorError};
pub use certificate::{Certificate, CertificateDigest, CertificateError, certificates_from_pem};
pub use chain::{CertificateChain, ChainDigest, VerifiedChain};
pub use community::{CommunityError, CommunityId, PolicyVersion, TrustCommunity};
pub use error::{PathAttempt, Reason, RefusalKind, TrustRefusal};
pub use path::{Budget, Evidence, Need, PathSearch, Step, community_cas};
pub use profile::CertificateProfile;
pub use revocation::{Crl, CrlAge, CrlError, CrlNumber, RevocationPolicy};
pub use signature::{KeyKind, KeyProblem};
pub use time::UnixTime;
