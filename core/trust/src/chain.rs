//! Chains of certificates: as a peer presented them, and as they were proven.

use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};

use crate::{
    certificate::{CERTIFICATE_SIZE_LIMIT, Certificate, CertificateError, write_hex},
    community::{CommunityId, PolicyVersion},
    time::UnixTime,
};

/// The most certificates that a peer may present.
///
/// Provenance: the limit table of the security invariants (x5c elements).
pub const CHAIN_LIMIT: usize = 10;

/// SHA-256 over the certificates as received, each with its length before it; shown as 64 hexadecimal digits.
///
/// The key of a cached verdict, together with [`PolicyVersion`].
///
/// Source: security invariant 17
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainDigest([u8; 32]);

impl ChainDigest {
    /// The digest of certificates as received, without reading them.
    ///
    /// Meant for a look into the cache before anything is parsed; it says nothing about what the bytes are.
    #[must_use]
    pub fn of(ders: &[Vec<u8>]) -> Self {
        let mut context = Context::new(&SHA256);
        for der in ders {
            context.update(&(der.len() as u64).to_be_bytes());
            context.update(der);
        }
        let mut value = [0; 32];
        value.copy_from_slice(context.finish().as_ref());
        Self(value)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainDigest({self})")
    }
}

/// The certificates that a peer presented, the end entity's first; well-formed, and believed by nobody yet.
///
/// The others may stand in any order and need not all be used: the search takes them as hints. Cheap to clone.
///
/// Source: RFC 7515 §4.1.6; FAST Security STU2 §7.1.3
#[derive(Clone, Debug)]
pub struct CertificateChain {
    certificates: Arc<[Arc<Certificate>]>,
    digest: ChainDigest,
}

impl CertificateChain {
    /// Reads 1 to [`CHAIN_LIMIT`] certificates from DER.
    ///
    /// # Errors
    /// [`CertificateError`]; number and sizes are judged before the first is read.
    pub fn from_ders(ders: &[Vec<u8>]) -> Result<Self, CertificateError> {
        if ders.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        if ders.len() > CHAIN_LIMIT {
            return Err(CertificateError::TooMany { count: ders.len(), limit: CHAIN_LIMIT });
        }
        if let Some(der) = ders.iter().find(|der| der.len() > CERTIFICATE_SIZE_LIMIT) {
            return Err(CertificateError::TooLong { size: der.len() });
        }
        let digest = ChainDigest::of(ders);
        let certificates = ders.iter().map(|der| Certificate::from_der(der).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { certificates, digest })
    }

    /// The end entity's certificate, whose key alone verifies what the peer signed.
    ///
    /// Source: security invariant 1
    #[must_use]
    pub fn leaf(&self) -> &Arc<Certificate> {
        self.certificates.first().expect("a chain is only made with a certificate in it")
    }

    /// All certificates, the end entity's first.
    #[must_use]
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// The digest of the certificates as received.
    #[must_use]
    pub const fn digest(&self) -> ChainDigest {
        self.digest
    }

    /// About how much memory the certificates take, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.certificates.iter().map(|certificate| certificate.size_bytes()).sum()
    }
}

/// A chain for which every check held at `verified_at`, in exactly one community.
///
/// Only [`crate::PathSearch`] makes one, so a function that asks for it cannot be called too early:
///
/// ```compile_fail,E0423
/// fn forge() -> tessera_trust::VerifiedChain {
///     tessera_trust::VerifiedChain(unreachable!())
/// }
/// ```
///
/// Cheap to clone.
///
/// Source: RFC 5280 §6.1.6; security invariants 14 and 17
#[derive(Clone, Debug)]
pub struct VerifiedChain(Arc<Proof>);

#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) community: CommunityId,
    pub(crate) policy: PolicyVersion,
    /// End entity to anchor.
    pub(crate) path: Vec<Arc<Certificate>>,
    pub(crate) presented: ChainDigest,
    pub(crate) verified_at: UnixTime,
    pub(crate) holds_until: UnixTime,
    pub(crate) soft_failures: Vec<String>,
}

impl VerifiedChain {
    /// Wraps what a search has proven; the path is never empty.
    pub(crate) fn new(proof: Proof) -> Self {
        Self(Arc::new(proof))
    }

    /// The one community whose anchor the path reaches.
    #[must_use]
    pub fn community(&self) -> &CommunityId {
        &self.0.community
    }

    /// The community's policy under which the checks were made.
    #[must_use]
    pub fn policy(&self) -> PolicyVersion {
        self.0.policy
    }

    /// The end entity's certificate.
    #[must_use]
    pub fn leaf(&self) -> &Arc<Certificate> {
        self.0.path.first().expect("a proven path has an end entity")
    }

    /// The path, from the end entity to the anchor, both included.
    #[must_use]
    pub fn path(&self) -> &[Arc<Certificate>] {
        &self.0.path
    }

    /// The digest of the certificates as they were presented.
    #[must_use]
    pub fn presented(&self) -> ChainDigest {
        self.0.presented
    }

    /// When the checks were made.
    #[must_use]
    pub fn verified_at(&self) -> UnixTime {
        self.0.verified_at
    }

    /// The last second in which the verdict holds without being made again: the earliest notAfter of the path and
    /// nextUpdate of the revocation lists it rests on; where revocation was not learnt, a few minutes.
    ///
    /// Source: security invariant 17
    #[must_use]
    pub fn holds_until(&self) -> UnixTime {
        self.0.holds_until
    }

    /// What could not be learnt about revocation and was let pass because the community is configured soft; each use
    /// of a chain with any of these is to be audited. Empty under [`crate::RevocationPolicy::RequireStatus`].
    ///
    /// Source: security invariant 16
    #[must_use]
    pub fn soft_failures(&self) -> &[String] {
        &self.0.soft_failures
    }

    /// About how much memory it takes, in bytes. The anchor is the community's own and not counted.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let below_the_anchor = self.0.path.iter().rev().skip(1).map(|certificate| certificate.size_bytes());
        let soft_failures = self.0.soft_failures.iter().map(|text| size_of::<String>() + text.capacity());
        size_of::<Proof>() + below_the_anchor.chain(soft_failures).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Key};

    fn certificate() -> Vec<u8> {
        let key = Key::p256();
        Builder::ca("CN=Root", &key).self_signed(&key).der().to_vec()
    }

    #[test]
    fn reads_one_to_ten_certificates() {
        let der = certificate();
        for count in [1, CHAIN_LIMIT] {
            let chain = CertificateChain::from_ders(&vec![der.clone(); count]).unwrap();
            assert_eq!(chain.certificates().len(), count);
            assert_eq!(chain.leaf().der(), der);
        }
        assert_eq!(CertificateChain::from_ders(&[]).unwrap_err(), CertificateError::NoCertificate);
        assert_eq!(
            CertificateChain::from_ders(&vec![der; CHAIN_LIMIT + 1]).unwrap_err(),
            CertificateError::TooMany { count: 11, limit: 10 }
        );
    }

    #[test]
    fn judges_every_size_before_reading_the_first() {
        let ders = [vec![0], vec![0; CERTIFICATE_SIZE_LIMIT + 1]];
        assert_eq!(
            CertificateChain::from_ders(&ders).unwrap_err(),
            CertificateError::TooLong { size: CERTIFICATE_SIZE_LIMIT + 1 }
        );
    }

    #[test]
    fn its_digest_knows_where_one_certificate_ends() {
        let der = certificate();
        let chain = CertificateChain::from_ders(std::slice::from_ref(&der)).unwrap();
        assert_eq!(chain.digest(), ChainDigest::of(&[der]));
        assert_ne!(ChainDigest::of(&[vec![1, 2], vec![3]]), ChainDigest::of(&[vec![1], vec![2, 3]]));
        assert_ne!(ChainDigest::of(&[vec![1], vec![2]]), ChainDigest::of(&[vec![2], vec![1]]));
    }
}
