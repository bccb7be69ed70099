//! Who the client is: one URI, and in each of its communities a key with a certificate that carries it.

use crate::error::NotSent;
use std::sync::Arc;
use tessera_jose::json::Object;
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{SignError, SigningKey};
use tessera_trust::{CertificateChain, CommunityId, UnixTime};
use tessera_udap::ids::ClientUri;

/// One app of one operator: its URI and its memberships.
///
/// Source: FAST Security STU2 §3.1 (DCR-28: the same URI over time)
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    uri: ClientUri,
    memberships: Vec<Membership>,
}

impl ClientIdentity {
    /// An identity in one or more communities.
    ///
    /// # Errors
    /// [`IdentityError`] when there is no membership, two are of one community, or a certificate does not carry the URI.
    pub fn new(uri: ClientUri, memberships: Vec<Membership>) -> Result<Self, IdentityError> {
        if memberships.is_empty() {
            return Err(IdentityError::NoMembership);
        }
        for (index, membership) in memberships.iter().enumerate() {
            if !membership.chain.leaf().has_uri_name(uri.as_str()) {
                return Err(IdentityError::UriNotInCertificate { community: membership.community.clone() });
            }
            if memberships.iter().take(index).any(|other| other.community == membership.community) {
                return Err(IdentityError::TwoOfOneCommunity { community: membership.community.clone() });
            }
        }
        Ok(Self { uri, memberships })
    }

    /// The client's URI.
    #[must_use]
    pub fn uri(&self) -> &ClientUri {
        &self.uri
    }

    /// The memberships in the order given.
    #[must_use]
    pub fn memberships(&self) -> &[Membership] {
        &self.memberships
    }

    /// The membership in that community.
    #[must_use]
    pub fn membership(&self, community: &CommunityId) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.community == *community)
    }
}

/// A key and its certificate chain in one community.
#[derive(Clone, Debug)]
pub struct Membership {
    community: CommunityId,
    chain: CertificateChain,
    key: Arc<dyn SigningKey>,
    header: HeaderTemplate,
}

impl Membership {
    /// A membership with a chain, leaf first, and the leaf's key.
    ///
    /// # Errors
    /// [`IdentityError::KeyNotOfCertificate`] when the key is another's.
    pub fn new(
        community: CommunityId,
        chain: CertificateChain,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, IdentityError> {
        if chain.leaf().spki_der() != key.public_key() {
            return Err(IdentityError::KeyNotOfCertificate { community });
        }
        let ders: Vec<_> = chain.certificates().iter().map(|certificate| certificate.der().to_vec()).collect();
        let header = HeaderTemplate::new(key.algorithm()).x5c(&ders).build();
        Ok(Self { community, chain, key, header })
    }

    /// The community.
    #[must_use]
    pub fn community(&self) -> &CommunityId {
        &self.community
    }

    /// The chain as it goes into `x5c`.
    #[must_use]
    pub fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// The key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> tessera_jose::algorithm::Algorithm {
        self.key.algorithm()
    }

    /// Whether the leaf is within its validity at `now`; a server would refuse it otherwise.
    #[must_use]
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        let leaf = self.chain.leaf();
        leaf.not_before() <= now && now <= leaf.not_after()
    }

    /// What an expired certificate signs would only be refused, and be noticed by the server as a failed attempt.
    pub(crate) fn refuse_unless_valid(&self, now: UnixTime) -> Result<(), NotSent> {
        if self.is_valid_at(now) {
            return Ok(());
        }
        Err(NotSent::CertificateNotValid { community: self.community.to_string() })
    }

    pub(crate) fn sign(&self, claims: &Object) -> Result<String, SignError> {
        sign(&self.header, claims.to_json().as_bytes(), self.key.as_ref())
    }
}

/// Why an identity cannot be what it was meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No community at all.
    #[error("the client is in no trust community")]
    NoMembership,
    /// Two certificates for one community.
    #[error("the client has two certificates for {community}")]
    TwoOfOneCommunity {
        /// The community.
        community: CommunityId,
    },
    /// The certificate belongs to another URI.
    #[error("the certificate for {community} does not carry the client's URI")]
    UriNotInCertificate {
        /// The community.
        community: CommunityId,
    },
    /// Key and certificate do not belong together.
    #[error("the private key is not that of the certificate for {community}")]
    KeyNotOfCertificate {
        /// The community.
        community: CommunityId,
    },
}
