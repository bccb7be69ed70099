//! The four signature algorithms of the guide, and sets of them as a configuration allows them.
//!
//! An algorithm that is not here does not exist for the rest of the program: `none`, the HMAC and the PSS families
//! cannot be named, so no comparison can forget them.

use std::fmt;

/// A JWS signature algorithm that the guide names.
///
/// Source: FAST Security STU2 §7.1.2; RFC 7518 §3.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; every party supports it.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

impl Algorithm {
    /// Every algorithm, in the guide's order.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Rs384, Self::Es384];

    /// The algorithm's name in a JOSE header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    /// The algorithm of that name, compared as bytes; `None` for everything else, `none` included.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Rs256 => 1,
            Self::Rs384 => 2,
            Self::Es256 => 4,
            Self::Es384 => 8,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The algorithms that a configuration accepts; a few bits, copied freely.
///
/// The default is RS256 and ES256: what the guide says SHALL and SHOULD be supported. The rest is accepted when configured.
///
/// Source: FAST Security STU2 §7.1.2; RFC 8725 §3.1
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u8);

impl AlgorithmSet {
    /// Accepts nothing.
    pub const EMPTY: Self = Self(0);
    /// Accepts all four algorithms.
    pub const ALL: Self =
        Self(Algorithm::Rs256.bit() | Algorithm::Rs384.bit() | Algorithm::Es256.bit() | Algorithm::Es384.bit());

    /// Whether `algorithm` is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// Whether the set accepts nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same set with `algorithm` in it.
    #[must_use]
    pub const fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | algorithm.bit())
    }

    /// The members, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }
}

impl Default for AlgorithmSet {
    fn default() -> Self {
        Self::EMPTY.with(Algorithm::Rs256).with(Algorithm::Es256)
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.as_str()), Some(algorithm));
        }
    }

    #[test]
    fn other_names_are_no_algorithm() {
        for name in ["none", "None", "", "HS256", "PS256", "ES512", "ES256K", "EdDSA", "rs256", "RS256 ", "RS512"] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let default: Vec<_> = AlgorithmSet::default().iter().collect();
        assert_eq!(default, [Algorithm::Rs256, Algorithm::Es256]);
        assert_eq!(Algorithm::ALL.into_iter().collect::<AlgorithmSet>(), AlgorithmSet::ALL);
        assert!(AlgorithmSet::EMPTY.is_empty());
        assert!(!AlgorithmSet::EMPTY.with(Algorithm::Es384).contains(Algorithm::Rs384));
    }
}
