//! Drives the path search of `tessera_trust` and brings it what it asks for.
//!
//! The search is a sans-I/O state machine and stays one; here are the cache in front of it, the revocation lists behind
//! it, and the bound on how many searches may use the processor at once.
//!
//! Source: FAST Security STU2 §7.1.6; security invariants 13 to 20

#[cfg(test)]
mod tests;

use crate::cache::{Chains, Moment, VerdictKey, Verdicts};
use crate::crl_store::{CrlAtHand, CrlPlace, CrlStore, Sources};
use crate::guard::{AllowList, Guard};
use crate::http::Fetcher;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_authorization_server::ports::RevocationListStore;
use tessera_trust::{
    Budget, CertificateChain, ChainDigest, CommunityId, Crl, Evidence, Need, PathSearch, Step, TrustCommunity,
    TrustRefusal, UnixTime, VerifiedChain, community_cas,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long a search waits until those before it have made room. Its caller waits too, and may be told to come again.
const LONGEST_WAIT_FOR_A_TURN: Duration = Duration::from_secs(4);

/// 2^20 bytes.
const MIB: usize = 1024 * 1024;

/// How a community's revocation lists are fetched and how long its verdicts are believed.
#[derive(Clone, Debug)]
pub struct FetchPolicy {
    /// Private places that may be dialled; empty by default.
    pub allow: AllowList,
    /// How often each list is asked for again. Default 5 minutes.
    pub poll_every: Duration,
    /// After this a verdict is made anew, whatever it rests on. Default 10 minutes.
    pub recheck_every: Duration,
    /// Lists from files, each with the URL that certificates name for it.
    pub preloaded: Vec<(String, Arc<Crl>)>,
    /// What lists that were fetched may take in memory together, in bytes; those asked for longest ago make room.
    /// Default 64 MiB: three of the longest that are read, or thousands of usual ones.
    pub list_bytes: usize,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            poll_every: Duration::from_secs(300),
            recheck_every: Duration::from_secs(600),
            preloaded: Vec::new(),
            list_bytes: 64 * MIB,
        }
    }
}

/// The engine's own bounds.
#[derive(Clone, Copy, Debug)]
pub struct TrustSettings {
    /// What verdicts that are remembered may take, in bytes. Default 64 MiB: ten thousand members, at two certificates of
    /// 2 KiB each.
    pub verdict_bytes: u64,
    /// What refusals that are remembered may take, in bytes. Default 16 MiB.
    pub refusal_bytes: u64,
    /// What chains as read may take, in bytes. Default 64 MiB. As a rule they share their certificates with the
    /// verdicts, so that both together take little more than one.
    pub chain_bytes: u64,
    /// Searches that may use the processor at once; one less than the cores leaves room for everything else. Default 1.
    pub searches_at_once: usize,
    /// The bounds of one search.
    pub budget: Budget,
}

impl Default for TrustSettings {
    fn default() -> Self {
        let mib = MIB as u64;
        Self {
            verdict_bytes: 64 * mib,
            refusal_bytes: 16 * mib,
            chain_bytes: 64 * mib,
            searches_at_once: 1,
            budget: Budget::default(),
        }
    }
}

/// Two communities of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trust community {0} is configured twice")]
pub struct DuplicateCommunity(CommunityId);

/// Judges certificate chains under the configured communities.
#[derive(Debug)]
pub struct TrustEngine {
    communities: HashMap<CommunityId, Arc<Watched>>,
    sources: Sources,
    verdicts: Verdicts,
    /// Chains that were accepted.
    chains: Chains,
    searches: Semaphore,
    budget: Budget,
}

/// A community with its revocation lists.
#[derive(Debug)]
struct Watched {
    community: TrustCommunity,
    lists: CrlStore,
    recheck_every: Duration,
}

/// What asking for one list that was due has brought.
#[derive(Clone, Debug)]
pub struct Poll {
    /// The community in which it was asked for.
    pub community: CommunityId,
    /// Its place.
    pub place: CrlPlace,
    /// What came of it.
    pub outcome: PollOutcome,
}

/// What came of asking for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// It is the same as before.
    Unchanged,
    /// It is another; verdicts of its community were dropped.
    Changed,
    /// It could not be had or must not be used, with the reason, for the log. The one at hand stays.
    Failed(String),
}

impl PollOutcome {
    /// A word for metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed(_) => "failed",
        }
    }
}

impl TrustEngine {
    /// An engine for these communities, each with its own fetching policy. It remembers which revocation lists it has
    /// seen as long as it lives; a node adds [`Self::keeping_lists`].
    ///
    /// # Errors
    /// [`DuplicateCommunity`] when two have one name.
    pub fn new(
        communities: Vec<(TrustCommunity, FetchPolicy)>,
        fetcher: Arc<Fetcher>,
        settings: TrustSettings,
    ) -> Result<Self, DuplicateCommunity> {
        let mut by_id = HashMap::new();
        let mut longest_recheck = Duration::ZERO;
        for (community, policy) in communities {
            let id = community.id().clone();
            let guard = Guard::new(policy.allow);
            let lists = CrlStore::new(id.clone(), guard, policy.poll_every, policy.list_bytes, policy.preloaded);
            longest_recheck = longest_recheck.max(policy.recheck_every);
            let watched = Arc::new(Watched { community, lists, recheck_every: policy.recheck_every });
            if by_id.insert(id.clone(), watched).is_some() {
                return Err(DuplicateCommunity(id));
            }
        }
        Ok(Self {
            communities: by_id,
            sources: Sources::unkept(fetcher),
            verdicts: Verdicts::new(settings.verdict_bytes, settings.refusal_bytes, longest_recheck),
            chains: Chains::new(settings.chain_bytes),
            searches: Semaphore::new(settings.searches_at_once.max(1)),
            budget: settings.budget,
        })
    }

    /// Remembers in `store` which revocation lists were seen, so that none goes backwards over a restart.
    ///
    /// Source: security invariants 16 and 25
    #[must_use]
    pub fn keeping_lists(mut self, store: Arc<dyn RevocationListStore>) -> Self {
        self.sources.kept = store;
        self
    }

    /// Finds the first of `communities` under which the chain holds at `now`, fetching what the search needs.
    ///
    /// # Errors
    /// [`TrustRefusal`] with every reason of every community when it holds under none.
    pub async fn verify(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        let mut refusals = Vec::new();
        for id in communities {
            let verdict = match self.communities.get(id) {
                Some(watched) => self.verify_under(watched, chain, now).await,
                None => Err(TrustRefusal::community_unknown(id.clone())),
            };
            match verdict {
                Ok(verified) => return Ok(verified),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(TrustRefusal::merge(refusals))
    }

    /// Asks for every revocation list whose time has come, and tidies the caches; to be called every few seconds.
    ///
    /// Answers what came of each list that was asked for.
    pub async fn poll_due(&self, now: UnixTime) -> Vec<Poll> {
        self.verdicts.tidy();
        self.chains.tidy();
        let mut polls = JoinSet::new();
        for watched in self.communities.values() {
            for place in watched.lists.due(now) {
                let (watched, sources) = (watched.clone(), self.sources.clone());
                polls.spawn(async move { watched.poll(place, &sources, now).await });
            }
        }
        let mut made = Vec::with_capacity(polls.len());
        while let Some(poll) = polls.join_next().await {
            // A poll that panicked was reported by the panic hook, and comes again.
            made.extend(poll.ok());
        }
        made
    }

    /// The revocation lists at hand, for whoever watches how long they hold.
    #[must_use]
    pub fn lists(&self) -> Vec<CrlAtHand> {
        self.communities.values().flat_map(|watched| watched.lists.lists()).collect()
    }

    async fn verify_under(
        &self,
        watched: &Arc<Watched>,
        chain: &CertificateChain,
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        let key = VerdictKey {
            community: watched.community.id().clone(),
            policy: watched.community.version(),
            chain: chain.digest(),
        };
        // Read before the search: a list that changes meanwhile makes the verdict one of the past.
        let moment = Moment { now, generation: watched.lists.generation() };
        if let Some(verdict) = self.verdicts.find(&key, moment) {
            return verdict;
        }
        let Some((verdict, rests_on)) = self.search(watched, chain, now).await else {
            return Err(TrustRefusal::undecided(watched.community.id().clone()));
        };
        if verdict.is_ok() {
            self.chains.keep(chain);
        }
        // The search may have brought a new list itself; its verdict holds if it rests on what is current now.
        let generation = watched.lists.generation_of(&rests_on).unwrap_or(moment.generation);
        self.verdicts.keep(key, &verdict, Moment { now, generation }, watched.recheck_every);
        verdict
    }

    /// The verdict, and the lists that were used; nothing when no turn came in time.
    async fn search(
        &self,
        watched: &Arc<Watched>,
        chain: &CertificateChain,
        now: UnixTime,
    ) -> Option<(Result<VerifiedChain, TrustRefusal>, Vec<(CrlPlace, Arc<Crl>)>)> {
        let mut search = PathSearch::new(&watched.community, chain, now, self.budget);
        let mut evidence = Evidence::new();
        let mut rests_on = Vec::new();
        loop {
            let step = {
                let turn = tokio::time::timeout(LONGEST_WAIT_FOR_A_TURN, self.searches.acquire()).await.ok()?;
                let _turn = turn.expect("this semaphore is never closed");
                search.advance(&evidence)
            };
            match step {
                Step::Accepted(verified) => return Some((Ok(verified), rests_on)),
                Step::Refused(refusal) => return Some((Err(refusal), rests_on)),
                Step::Need(needs) => self.supply(watched, chain, needs, now, &mut evidence, &mut rests_on).await,
            }
        }
    }

    /// Answers what the search asks for: from what is at hand, and the rest by fetching all of it at once.
    async fn supply(
        &self,
        watched: &Arc<Watched>,
        chain: &CertificateChain,
        needs: Vec<Need>,
        now: UnixTime,
        evidence: &mut Evidence,
        rests_on: &mut Vec<(CrlPlace, Arc<Crl>)>,
    ) {
        let mut missing = Vec::new();
        for need in needs {
            // Missing issuers are not fetched yet; the search takes silence for an answer.
            let Need::Crl { url, issuer } = need else { continue };
            let place = CrlPlace { url, issuer };
            match watched.lists.at_hand(&place, now) {
                Some(crl) => {
                    evidence.supply_cached_crl(place.url.clone(), Ok(crl.clone()));
                    rests_on.push((place, crl));
                }
                None => missing.push(place),
            }
        }
        if missing.is_empty() {
            return;
        }
        let presented = chain.certificates().get(1..).unwrap_or_default();
        let cas: Arc<[_]> = community_cas(&watched.community, presented, now).into();
        let mut fetches = JoinSet::new();
        for place in missing {
            let (watched, sources, cas) = (watched.clone(), self.sources.clone(), cas.clone());
            fetches.spawn(async move {
                let answer = watched.lists.fetch(&place, &cas, &sources, now).await;
                (place, answer)
            });
        }
        while let Some(fetched) = fetches.join_next().await {
            let Ok((place, answer)) = fetched else { continue };
            evidence.supply_crl(place.url.clone(), answer.clone());
            rests_on.extend(answer.ok().map(|crl| (place, crl)));
        }
    }
}

impl Watched {
    async fn poll(&self, place: CrlPlace, sources: &Sources, now: UnixTime) -> Poll {
        // Those by whom the list at hand was found authentic are judged again: they may have expired meanwhile.
        let cas = community_cas(&self.community, &self.lists.former_cas(&place), now);
        let outcome = match self.lists.poll(&place, &cas, sources, now).await {
            Ok(true) => PollOutcome::Changed,
            Ok(false) => PollOutcome::Unchanged,
            Err(problem) => PollOutcome::Failed(problem),
        };
        Poll { community: self.community.id().clone(), place, outcome }
    }
}

#[async_trait]
impl tessera_authorization_server::ports::Trust for TrustEngine {
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        self.verify(chain, communities, now).await
    }

    fn known_chain(&self, digest: &ChainDigest) -> Option<CertificateChain> {
        self.chains.find(digest)
    }
}

#[async_trait]
impl tessera_client::ports::Trust for TrustEngine {
    async fn verify_chain(
        &self,
        chain: &CertificateChain,
        communities: &[CommunityId],
        now: UnixTime,
    ) -> Result<VerifiedChain, TrustRefusal> {
        self.verify(chain, communities, now).await
    }
}
