//! Trust communities: whom one group of organizations believes, and by which rules.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::{
    anchor::Anchor,
    certificate::{Certificate, sha256, write_hex},
    profile::CertificateProfile,
    revocation::RevocationPolicy,
};

/// The URI that names a trust community; kept and compared as written, byte by byte.
///
/// Source: FAST Security STU2 §2.1 (`community` parameter), §7.1.5
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommunityId(Arc<str>);

impl CommunityId {
    /// Takes an absolute URI as a community's name.
    ///
    /// # Errors
    /// [`CommunityError::NotAUri`] when the text is not an absolute URI, or only by repair, or one that names nothing.
    pub fn parse(text: &str) -> Result<Self, CommunityError> {
        let uri = fluent_uri::Uri::parse(text).map_err(|_| CommunityError::NotAUri)?;
        // `urn:` and `https://` are URIs by the grammar and name nothing.
        let nothing_named =
            uri.path().is_empty() && uri.authority().is_none_or(|authority| authority.host().is_empty());
        if nothing_named { Err(CommunityError::NotAUri) } else { Ok(Self(text.into())) }
    }

    /// The URI as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommunityId({})", self.0)
    }
}

/// Why a trust community cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommunityError {
    /// Its name is not an absolute URI.
    #[error("a trust community is named by an absolute URI")]
    NotAUri,
    /// It has no anchor, so that nobody could be believed.
    #[error("the trust community {0} has no anchor")]
    NoAnchor(CommunityId),
}

/// SHA-256 over all that a community's verdicts depend on; it changes when any of it does.
///
/// A cached verdict carries it in its key, so that a verdict under an earlier policy is never met again.
///
/// Source: security invariant 17
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyVersion([u8; 32]);

impl PolicyVersion {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyVersion({self})")
    }
}

/// A trust community as an operator configured it; it never changes, a new configuration makes a new one.
///
/// Source: FAST Security STU2 §1.2.1, §2.4; security invariant 14
#[derive(Clone, Debug)]
pub struct TrustCommunity {
    id: CommunityId,
    anchors: Vec<Anchor>,
    intermediates: Vec<Arc<Certificate>>,
    profile: CertificateProfile,
    revocation: RevocationPolicy,
    version: PolicyVersion,
}

impl TrustCommunity {
    /// A community with these anchors, and intermediates that members may leave out of `x5c`. Doubles are dropped.
    ///
    /// # Errors
    /// [`CommunityError::NoAnchor`] when there is none.
    pub fn new(
        id: CommunityId,
        anchors: Vec<Anchor>,
        intermediates: Vec<Arc<Certificate>>,
        profile: CertificateProfile,
        revocation: RevocationPolicy,
    ) -> Result<Self, CommunityError> {
        if anchors.is_empty() {
            return Err(CommunityError::NoAnchor(id));
        }
        let mut seen = HashSet::new();
        let mut community = Self { id, anchors, intermediates, profile, revocation, version: PolicyVersion([0; 32]) };
        community.anchors.retain(|anchor| seen.insert(anchor.digest()));
        community.intermediates.retain(|certificate| seen.insert(certificate.digest()));
        community.version = community.policy_digest();
        Ok(community)
    }

    /// The community's name.
    #[must_use]
    pub const fn id(&self) -> &CommunityId {
        &self.id
    }

    /// The ends of every believable path, each once.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Configured intermediates, each once; they help to build a path and are believed no more than presented ones.
    ///
    /// Source: UDAP Dynamic Client Registration §4.2
    #[must_use]
    pub fn intermediates(&self) -> &[Arc<Certificate>] {
        &self.intermediates
    }

    /// What is demanded of certificates.
    #[must_use]
    pub const fn profile(&self) -> &CertificateProfile {
        &self.profile
    }

    /// What happens when revocation cannot be learnt.
    #[must_use]
    pub const fn revocation(&self) -> RevocationPolicy {
        self.revocation
    }

    /// The digest of everything above.
    #[must_use]
    pub const fn version(&self) -> PolicyVersion {
        self.version
    }

    /// Each part with its length before it, so that no two communities write the same bytes. Order does not count.
    fn policy_digest(&self) -> PolicyVersion {
        // Raise the number when the engine's rules change: verdicts may be cached outside the process one day.
        let mut bytes = b"tessera-trust policy 1".to_vec();
        let mut part = |content: &[u8]| {
            bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
            bytes.extend_from_slice(content);
        };
        part(self.id.as_str().as_bytes());
        part(self.revocation.as_str().as_bytes());
        part(self.profile.fingerprint().as_bytes());
        let mut anchors: Vec<_> = self.anchors.iter().map(Anchor::digest).collect();
        let mut intermediates: Vec<_> = self.intermediates.iter().map(|certificate| certificate.digest()).collect();
        for digests in [&mut anchors, &mut intermediates] {
            digests.sort_unstable();
            part(&digests.iter().flat_map(|digest| *digest.as_bytes()).collect::<Vec<_>>());
        }
        PolicyVersion(sha256(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Key};

    fn root(name: &str) -> Anchor {
        let key = Key::p256();
        Anchor::new(Arc::new(Builder::ca(name, &key).self_signed(&key))).unwrap()
    }

    fn version(
        id: &str,
        anchors: &[&Anchor],
        intermediates: &[&Anchor],
        profile: &CertificateProfile,
        revocation: RevocationPolicy,
    ) -> PolicyVersion {
        let anchors = anchors.iter().map(|anchor| (*anchor).clone()).collect();
        let intermediates = intermediates.iter().map(|anchor| Arc::clone(anchor.certificate())).collect();
        let id = CommunityId::parse(id).unwrap();
        TrustCommunity::new(id, anchors, intermediates, profile.clone(), revocation).unwrap().version()
    }

    #[test]
    fn is_named_by_an_absolute_uri() {
        for text in ["https://community.example/a", "urn:example:a", "urn:oid:2.16.840.1.113883"] {
            assert_eq!(CommunityId::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "community",
            "/a",
            "https://a b",
            "https://exa\\mple/",
            "//example.com/a",
            "urn:",
            "https://",
            "https://?a",
        ] {
            assert!(CommunityId::parse(text).is_err(), "{text}");
        }
        assert_ne!(CommunityId::parse("urn:a").unwrap(), CommunityId::parse("URN:a").unwrap());
    }

    #[test]
    fn needs_an_anchor() {
        let id = CommunityId::parse("urn:a").unwrap();
        let made = TrustCommunity::new(
            id.clone(),
            vec![],
            vec![],
            CertificateProfile::default(),
            RevocationPolicy::RequireStatus,
        );
        assert_eq!(made.unwrap_err(), CommunityError::NoAnchor(id));
    }

    #[test]
    fn its_version_changes_with_everything_that_counts_and_with_nothing_else() {
        let (a, b) = (root("CN=A"), root("CN=B"));
        let profile = CertificateProfile::default();
        let require = RevocationPolicy::RequireStatus;
        let base = version("urn:a", &[&a, &b], &[], &profile, require);
        assert_eq!(base, version("urn:a", &[&b, &a, &a], &[&a], &profile, require));
        for other in [
            version("urn:b", &[&a, &b], &[], &profile, require),
            version("urn:a", &[&a], &[], &profile, require),
            version("urn:a", &[&a], &[&b], &profile, require),
            version("urn:a", &[&a, &b], &[], &profile.clone().with_uri_schemes(["https"]), require),
            version("urn:a", &[&a, &b], &[], &profile, RevocationPolicy::SoftFail),
        ] {
            assert_ne!(base, other);
        }
    }
}
