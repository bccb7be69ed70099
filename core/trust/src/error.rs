//! Why a chain was refused: for every path that was tried, every reason that was found.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::{
    certificate::{Certificate, shown_within},
    community::CommunityId,
};

/// How much of a reason's words is kept, in characters: refusals are remembered, and much of the words is a peer's.
///
/// It has room for the four places of a revocation list that are tried, each with its problem.
const DETAIL_LIMIT: usize = 1024;

/// What kind of fault stands behind a refusal, from the least to the most telling.
///
/// A search tries many paths and most fail for dull reasons. [`TrustRefusal::kind`] is the greatest kind that was met:
/// "revoked" tells an officer more than "no path", which is met beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// The community is not configured here.
    CommunityUnknown,
    /// A path would pass through the same CA twice.
    PathLoop,
    /// A signature was not made by the key of the supposed issuer.
    BadSignature,
    /// A certificate's issuer is neither presented nor configured, or the path ends at a root that is no anchor.
    NoPathToAnchor,
    /// The key usage does not allow what the key was used for.
    KeyUsage,
    /// The extended key usage names none of the community's purposes.
    ExtendedKeyUsage,
    /// The end entity's certificate has no URI name that the community accepts.
    UriName,
    /// More intermediates than a CA's path length allows, or than are followed.
    PathTooLong,
    /// A certificate that should issue others has no CA mark.
    NotACa,
    /// The end entity's certificate is a CA's.
    EndEntityIsCa,
    /// A key that is too weak, of an unsupported kind, or not one that the community accepts.
    WeakKey,
    /// A signature algorithm that does not count (SHA-1, MD5, RSA-PSS and others).
    WeakSignature,
    /// A critical extension that is not understood.
    UnknownCriticalExtension,
    /// Name constraints, which are not understood yet.
    NameConstraintsNotSupported,
    /// A certificate that is malformed in a way that was met during the search.
    Malformed,
    /// The validity period has not begun.
    NotYetValid,
    /// The validity period is over.
    Expired,
    /// The search reached one of its bounds and gave up.
    BudgetExceeded,
    /// Whether a certificate is revoked could not be learnt.
    RevocationUnknown,
    /// A certificate is revoked.
    Revoked,
    /// There was no capacity to decide in time; the certificate may well be trusted.
    Undecided,
}

impl RefusalKind {
    /// The kind as a code for logs, metrics and audit: lower case, words joined by hyphens, stable.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CommunityUnknown => "community-unknown",
            Self::PathLoop => "path-loop",
            Self::NoPathToAnchor => "no-path-to-anchor",
            Self::BadSignature => "bad-signature",
            Self::NotACa => "not-a-ca",
            Self::PathTooLong => "path-too-long",
            Self::KeyUsage => "key-usage",
            Self::ExtendedKeyUsage => "extended-key-usage",
            Self::EndEntityIsCa => "end-entity-is-ca",
            Self::UriName => "uri-name",
            Self::WeakKey => "weak-key",
            Self::WeakSignature => "weak-signature",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::NameConstraintsNotSupported => "name-constraints-not-supported",
            Self::Malformed => "malformed",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::BudgetExceeded => "budget-exceeded",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Revoked => "revoked",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One check that failed on one certificate, in words for the officer who runs the CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    kind: RefusalKind,
    certificate: Arc<str>,
    detail: String,
    source: &'static str,
}

impl Reason {
    /// A failed check; `detail` continues the sentence that begins with the certificate's name.
    pub(crate) fn new(kind: RefusalKind, certificate: &Certificate, detail: String, source: &'static str) -> Self {
        Self { kind, certificate: Arc::clone(certificate.identity()), detail: cut(detail), source }
    }

    /// A failed check that is not about one certificate.
    pub(crate) fn general(kind: RefusalKind, detail: String, source: &'static str) -> Self {
        Self { kind, certificate: Arc::default(), detail: cut(detail), source }
    }

    /// What kind of fault this is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The certificate that failed: its subject and serial number; empty when no single one is to blame.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What was found, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The section that demands the check.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.certificate.is_empty() {
            write!(f, "{} ", self.certificate)?;
        }
        write!(f, "{} [{}; {}]", self.detail, self.kind, self.source)
    }
}

/// A reason's words within [`DETAIL_LIMIT`].
fn cut(detail: String) -> String {
    // Bytes are at least as many as characters; most words are short and taken as they are.
    if detail.len() <= DETAIL_LIMIT { detail } else { shown_within(&detail, DETAIL_LIMIT) }
}

/// One path that was tried and why it was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathAttempt {
    community: CommunityId,
    path: Vec<Arc<str>>,
    reasons: Vec<Reason>,
}

impl PathAttempt {
    pub(crate) fn new(community: CommunityId, path: Vec<Arc<str>>, reasons: Vec<Reason>) -> Self {
        Self { community, path, reasons }
    }

    /// The community whose anchors the path was to reach.
    #[must_use]
    pub const fn community(&self) -> &CommunityId {
        &self.community
    }

    /// The certificates of the path as far as it came, end entity first, each as subject and serial number.
    #[must_use]
    pub fn path(&self) -> &[Arc<str>] {
        &self.path
    }

    /// Every reason found, never empty.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

/// A chain that no path to an anchor of any tried community made believable.
///
/// Cheap to clone, so that a refusal can be cached and logged.
///
/// Source: UDAP Dynamic Client Registration §4.2; RFC 5280 §6.1
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRefusal(Arc<Refused>);

#[derive(Debug, PartialEq, Eq)]
struct Refused {
    communities: Vec<CommunityId>,
    attempts: Vec<PathAttempt>,
    omitted: usize,
}

impl std::error::Error for TrustRefusal {}

impl TrustRefusal {
    pub(crate) fn new(community: CommunityId, attempts: Vec<PathAttempt>, omitted: usize) -> Self {
        Self(Arc::new(Refused { communities: vec![community], attempts, omitted }))
    }

    /// A refusal because a community that was asked for is not configured.
    #[must_use]
    pub fn community_unknown(community: CommunityId) -> Self {
        let reason = Reason::general(
            RefusalKind::CommunityUnknown,
            "this trust community is not configured here".to_owned(),
            "FAST Security STU2 §2.4",
        );
        let attempt = PathAttempt::new(community.clone(), Vec::new(), vec![reason]);
        Self::new(community, vec![attempt], 0)
    }

    /// No verdict, because too many other paths were being searched; to be asked again, and not to be remembered.
    #[must_use]
    pub fn undecided(community: CommunityId) -> Self {
        let detail = "too many paths of others were being searched".to_owned();
        let reason = Reason::general(RefusalKind::Undecided, detail, "RFC 6749 §5.2");
        let attempt = PathAttempt::new(community.clone(), Vec::new(), vec![reason]);
        Self::new(community, vec![attempt], 0)
    }

    /// One refusal out of those of several communities; without any, a refusal that tried none.
    #[must_use]
    pub fn merge(refusals: Vec<Self>) -> Self {
        if let [single] = refusals.as_slice() {
            return single.clone();
        }
        let mut merged = Refused { communities: Vec::new(), attempts: Vec::new(), omitted: 0 };
        for Self(refused) in refusals {
            merged.communities.extend_from_slice(&refused.communities);
            merged.attempts.extend_from_slice(&refused.attempts);
            merged.omitted = merged.omitted.saturating_add(refused.omitted);
        }
        Self(Arc::new(merged))
    }

    /// The most telling kind of fault among all attempts.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        self.telling().map_or(RefusalKind::NoPathToAnchor, |(_, reason)| reason.kind)
    }

    /// The communities that were tried.
    #[must_use]
    pub fn communities(&self) -> &[CommunityId] {
        &self.0.communities
    }

    /// The paths that were tried, in their order.
    #[must_use]
    pub fn attempts(&self) -> &[PathAttempt] {
        &self.0.attempts
    }

    /// How many further attempts were made and not kept. Every kind of fault that they met is among those kept.
    #[cfg(test)]
    pub(crate) fn omitted_attempts(&self) -> usize {
        self.0.omitted
    }

    /// About how much memory it takes, in bytes, for whoever keeps refusals within a budget.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let attempts = self.0.attempts.iter();
        let names = attempts.clone().flat_map(|attempt| {
            attempt.path.iter().chain(attempt.reasons.iter().map(|reason| &reason.certificate)).map(|name| &**name)
        });
        let names: HashSet<&str> = names.collect();
        let kept = attempts.map(|attempt| {
            let words: usize =
                attempt.reasons.iter().map(|reason| size_of::<Reason>() + reason.detail.capacity()).sum();
            size_of::<PathAttempt>() + attempt.path.len() * size_of::<Arc<str>>() + words
        });
        // A name that several attempts hold is in memory once.
        size_of::<Refused>() + kept.sum::<usize>() + names.into_iter().map(str::len).sum::<usize>()
    }

    /// The first reason of the most telling kind, and the attempt that met it.
    fn telling(&self) -> Option<(&PathAttempt, &Reason)> {
        let reasons =
            self.0.attempts.iter().flat_map(|attempt| attempt.reasons.iter().map(move |reason| (attempt, reason)));
        reasons.reduce(|best, next| if next.1.kind > best.1.kind { next } else { best })
    }
}

impl fmt::Display for TrustRefusal {
    /// One line for operators: the community, the most telling reason, and how much more there is to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((attempt, reason)) = self.telling() else {
            return f.write_str("no trust community was tried");
        };
        write!(f, "not trusted in community {}: {reason}", attempt.community)?;
        let total: usize = self.0.attempts.iter().map(|attempt| attempt.reasons.len()).sum();
        match (total - 1).saturating_add(self.0.omitted) {
            0 => Ok(()),
            1 => f.write_str("; and 1 more reason"),
            more => write!(f, "; and {more} more reasons"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(community: &str, kinds: &[RefusalKind]) -> TrustRefusal {
        let community = CommunityId::parse(community).unwrap();
        let reasons = kinds.iter().map(|kind| Reason::general(*kind, format!("met {kind}"), "RFC 5280 §6.1")).collect();
        TrustRefusal::new(community.clone(), vec![PathAttempt::new(community, vec![], reasons)], 0)
    }

    #[test]
    fn names_the_most_telling_reason_and_its_community() {
        let merged = TrustRefusal::merge(vec![
            refusal("urn:a", &[RefusalKind::NoPathToAnchor]),
            refusal("urn:b", &[RefusalKind::BadSignature, RefusalKind::Expired]),
        ]);
        assert_eq!(merged.kind(), RefusalKind::Expired);
        assert_eq!(merged.communities().len(), 2);
        assert_eq!(
            merged.to_string(),
            "not trusted in community urn:b: met expired [expired; RFC 5280 §6.1]; and 2 more reasons"
        );
    }

    #[test]
    fn an_empty_merge_still_refuses() {
        let merged = TrustRefusal::merge(vec![]);
        assert_eq!(merged.kind(), RefusalKind::NoPathToAnchor);
        assert_eq!(merged.to_string(), "no trust community was tried");
    }

    #[test]
    fn an_unknown_community_is_named() {
        let refusal = TrustRefusal::community_unknown(CommunityId::parse("urn:x").unwrap());
        assert_eq!(refusal.kind().code(), "community-unknown");
        assert!(refusal.to_string().contains("urn:x"));
    }
}
