//! Verdicts on chains, remembered for as long as what they rest on, and chains as they were read.
//!
//! A verdict is found only by the very bytes that were presented, the community and its policy. It ends with what it
//! rests on, and at the community's interval for asking about revocation again at the latest; when a revocation list of
//! the community changes, all of the community's verdicts end at once. Refusals are remembered for a few seconds: long
//! enough that the order of communities decides alike for two requests, and that a bad chain costs one search.
//!
//! Each of the three is bounded in bytes and not in entries, because a peer chooses how long its certificates and their
//! names are; each has a place of its own, so that bad chains push out no good ones. What is asked for often is not
//! pushed out by what came once, whatever its size (moka admits by frequency).
//!
//! Source: security invariants 12, 16, 17 and 31

use moka::sync::Cache;
use std::time::Duration;
use tessera_trust::{CertificateChain, ChainDigest, CommunityId, PolicyVersion, TrustRefusal, UnixTime, VerifiedChain};

/// How long a refusal is remembered.
const REFUSAL_KEPT: Duration = Duration::from_secs(10);
/// How long a verdict stays at most, were its community to ask anew less often.
const VERDICT_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long a chain stays that nobody presents. One in use is put in again with each new verdict.
const CHAIN_KEPT: Duration = Duration::from_secs(3600);
/// What an entry costs beside what it holds, in bytes: its key, its place in the cache's own lists, the allocations.
const ENTRY_OVERHEAD: usize = 512;

/// What a verdict is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VerdictKey {
    pub(crate) community: CommunityId,
    pub(crate) policy: PolicyVersion,
    pub(crate) chain: ChainDigest,
}

/// The time of a question, and the state of the community's revocation lists at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) now: UnixTime,
    /// Grows with each change of a list.
    pub(crate) generation: u64,
}

/// The verdicts at hand.
#[derive(Debug)]
pub(crate) struct Verdicts {
    accepted: Cache<VerdictKey, Entry<VerifiedChain>>,
    refused: Cache<VerdictKey, Entry<TrustRefusal>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    verdict: T,
    made: Moment,
    /// The last second in which it holds.
    until: UnixTime,
}

impl<T> Entry<T> {
    fn holds(&self, moment: Moment) -> bool {
        // A clock that goes back revives nothing: a verdict from the future is none.
        self.made.generation == moment.generation && self.made.now <= moment.now && moment.now <= self.until
    }
}

impl Verdicts {
    /// Room for so many bytes of each kind; `recheck_every` is the longest after which a community asks anew.
    pub(crate) fn new(accepted_bytes: u64, refused_bytes: u64, recheck_every: Duration) -> Self {
        Self {
            accepted: Cache::builder()
                .max_capacity(accepted_bytes)
                .weigher(|key, entry: &Entry<VerifiedChain>| weight(key, entry.verdict.size_bytes()))
                .time_to_live(recheck_every.min(VERDICT_KEPT))
                .build(),
            refused: Cache::builder()
                .max_capacity(refused_bytes)
                .weigher(|key, entry: &Entry<TrustRefusal>| weight(key, entry.verdict.size_bytes()))
                .time_to_live(REFUSAL_KEPT)
                .build(),
        }
    }

    /// Lets go of what has ended, also when nobody asks for anything.
    pub(crate) fn tidy(&self) {
        self.accepted.run_pending_tasks();
        self.refused.run_pending_tasks();
    }

    /// The verdict that still holds, if there is one.
    pub(crate) fn find(&self, key: &VerdictKey, moment: Moment) -> Option<Result<VerifiedChain, TrustRefusal>> {
        if let Some(entry) = self.accepted.get(key).filter(|entry| entry.holds(moment)) {
            return Some(Ok(entry.verdict));
        }
        self.refused.get(key).filter(|entry| entry.holds(moment)).map(|entry| Err(entry.verdict))
    }

    /// Keeps a verdict. `made` is the moment at which the search began: had a list changed since, it is never found.
    pub(crate) fn keep(
        &self,
        key: VerdictKey,
        verdict: &Result<VerifiedChain, TrustRefusal>,
        made: Moment,
        recheck_every: Duration,
    ) {
        match verdict {
            Ok(chain) => {
                let until = chain.holds_until().min(made.now.plus(recheck_every));
                self.refused.invalidate(&key);
                self.accepted.insert(key, Entry { verdict: chain.clone(), made, until });
            }
            Err(refusal) => {
                self.accepted.invalidate(&key);
                let until = made.now.plus(REFUSAL_KEPT);
                self.refused.insert(key, Entry { verdict: refusal.clone(), made, until });
            }
        }
    }
}

/// Chains as read, by the digest of their bytes, so that an app's every request does not read its certificates anew. They
/// say nothing about trust.
#[derive(Debug)]
pub(crate) struct Chains(Cache<ChainDigest, CertificateChain>);

impl Chains {
    pub(crate) fn new(bytes: u64) -> Self {
        let builder = Cache::builder().max_capacity(bytes).time_to_live(CHAIN_KEPT);
        Self(builder.weigher(|_, chain: &CertificateChain| within_u32(ENTRY_OVERHEAD + chain.size_bytes())).build())
    }

    pub(crate) fn find(&self, digest: &ChainDigest) -> Option<CertificateChain> {
        self.0.get(digest)
    }

    pub(crate) fn keep(&self, chain: &CertificateChain) {
        self.0.insert(chain.digest(), chain.clone());
    }

    /// Lets go of what has ended, also when nobody asks for anything.
    pub(crate) fn tidy(&self) {
        self.0.run_pending_tasks();
    }
}

fn weight(key: &VerdictKey, bytes: usize) -> u32 {
    within_u32(ENTRY_OVERHEAD + key.community.as_str().len() + bytes)
}

/// The cache counts in `u32`; whatever is longer than that is too long for any budget.
fn within_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tessera_pki::{Authority, KeyKind, SoftwareCaKey, Subject, Validity};
    use tessera_trust::{Anchor, Certificate, CertificateProfile, RevocationPolicy, TrustCommunity};

    const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

    fn root() -> Vec<u8> {
        let validity = Validity::starting(NOW, Duration::from_secs(3600));
        let key = Arc::new(SoftwareCaKey::generate(KeyKind::P256).unwrap());
        Authority::root(Subject::new("Test", "Root"), validity, [7; 16], key).unwrap().certificate().to_vec()
    }

    fn key() -> VerdictKey {
        let root = Arc::new(Certificate::from_der(&root()).unwrap());
        let community = TrustCommunity::new(
            CommunityId::parse("urn:one").unwrap(),
            vec![Anchor::new(root).unwrap()],
            Vec::new(),
            CertificateProfile::default(),
            RevocationPolicy::RequireStatus,
        )
        .unwrap();
        VerdictKey { community: community.id().clone(), policy: community.version(), chain: ChainDigest::of(&[]) }
    }

    /// Security invariants 12 and 31.
    #[test]
    fn refusals_stay_within_their_bytes() {
        const BUDGET: u64 = 64 * 1024;
        let verdicts = Verdicts::new(1 << 20, BUDGET, Duration::from_secs(600));
        let moment = Moment { now: NOW, generation: 0 };
        let first = key();
        let refusal = TrustRefusal::community_unknown(first.community.clone());
        let bytes = refusal.size_bytes() as u64;
        for number in 0..1_000_u32 {
            let key = VerdictKey { chain: ChainDigest::of(&[number.to_be_bytes().to_vec()]), ..first.clone() };
            verdicts.keep(key, &Err(refusal.clone()), moment, Duration::from_secs(600));
        }
        verdicts.tidy();
        let kept = verdicts.refused.entry_count();
        assert!(kept > 1 && kept * bytes <= BUDGET, "{kept} refusals of {bytes} bytes");
    }

    /// Security invariants 12 and 31: a leaf with another heap of certificates each time.
    #[test]
    fn chains_stay_within_their_bytes() {
        const BUDGET: u64 = 64 * 1024;
        let (chains, heap) = (Chains::new(BUDGET), vec![root(); 9]);
        for _ in 0..200 {
            let ders = [vec![root()], heap.clone()].concat();
            chains.keep(&CertificateChain::from_ders(&ders).unwrap());
        }
        chains.tidy();
        // Each holds its ten certificates' bytes at least.
        let (kept, bytes) = (chains.0.entry_count(), 10 * heap.iter().map(Vec::len).min().unwrap() as u64);
        assert!(kept > 1 && kept * bytes <= BUDGET, "{kept} chains");
    }
}
