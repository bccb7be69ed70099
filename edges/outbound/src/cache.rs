//! Verdicts on chains, remembered for as long as what they rest on.
//!
//! A verdict is found only by the very bytes that were presented, the community and its policy. It ends with what it
//! rests on, and at the community's interval for asking about revocation again at the latest; when a revocation list of
//! the community changes, all of the community's verdicts end at once. Refusals are remembered for a few seconds: long
//! enough that the order of communities decides alike for two requests, and that a bad chain costs one search.
//!
//! Source: security invariants 16 and 17

use moka::sync::Cache;
use std::time::Duration;
use tessera_trust::{ChainDigest, CommunityId, PolicyVersion, TrustRefusal, UnixTime, VerifiedChain};

/// How long a refusal is remembered.
const REFUSAL_KEPT: Duration = Duration::from_secs(10);
/// Refusals remembered at once; they have a place of their own, so that bad chains push out no good ones.
const REFUSALS: u64 = 1_024;

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
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            accepted: Cache::builder().max_capacity(capacity).build(),
            refused: Cache::builder().max_capacity(REFUSALS).build(),
        }
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
