//! A trust community's certificate infrastructure: issue, revoke, publish.
//!
//! [`key`] holds what a CA signs with, [`profile`] what each kind of certificate looks like, [`prepare`] reads a
//! certificate request and decides what goes into the certificate, [`issue`] signs it once, [`revoke`] keeps the list of
//! what is revoked and [`crl`] signs it, [`authority`] ties them together. Times and serial numbers come in as arguments;
//! no role but this one can reach a CA's key.
//!
//! Source: RFC 5280; FAST Security STU2 §7.1

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod authority;
pub mod crl;
mod error;
mod extensions;
pub mod issue;
pub mod key;
pub mod prepare;
pub mod profile;
pub mod revoke;

pub use authority::Authority;
pub use error::PkiError;
pub use issue::{Issue, RawExtension, Subject, Validity};
pub use key::{CaKey, KeyKind, SoftwareCaKey};
pub use prepare::CertificateRequest;
pub use profile::Profile;
pub use revoke::{Reason, RevocationList, RevokedCertificate};
