//! Keys that verify and keys that sign.
//!
//! A [`VerificationKey`] is made from a `SubjectPublicKeyInfo` and only if its type, size and curve are ones that we
//! accept, so that no weak key reaches a signature check. A [`SigningKey`] is a trait, because keys may live in files,
//! in hardware or elsewhere; [`SoftwareKey`] is the one in memory.

mod signing;
mod verification;

pub use signing::{SignError, SigningKey, SoftwareKey};
pub use verification::{KeyError, VerificationFailed, VerificationKey};

pub(crate) use verification::PublicNumbers;

use crate::algorithm::Algorithm;

/// The type of a key, with its curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA of 2048 to 4096 bits with the public exponent 65537.
    Rsa,
    /// An elliptic-curve key on P-256.
    P256,
    /// An elliptic-curve key on P-384.
    P384,
}

impl KeyKind {
    /// Whether a key of this kind can make and verify signatures of `algorithm`.
    ///
    /// Source: RFC 7518 §3.3, §3.4
    #[must_use]
    pub const fn fits(self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa, Algorithm::Rs256 | Algorithm::Rs384)
                | (Self::P256, Algorithm::Es256)
                | (Self::P384, Algorithm::Es384)
        )
    }

    /// The algorithm that a key of this kind signs with unless told otherwise.
    #[must_use]
    pub const fn usual_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }
}

#[cfg(test)]
mod tests;
