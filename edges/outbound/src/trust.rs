//! Drives the path search of `tessera_trust` and brings it what it asks for.
//!
//! The search is a sans-I/O state machine and stays one; here are the cache in front of it, the revocation lists behind
//! it, and the bound on how many searches may use the processor at once.
//!
//! Source: FAST Security STU2 §7.1.6; security invariants 13 to 20

#[cfg(test)]
mod tests;

use crate::cache::{Moment, VerdictKey, Verdicts};
use crate::crl_store::{CrlPlace, CrlStore, KeptCrl};
use crate::guard::{AllowList, Guard};
use crate::http::Fetcher;
use async_trait::async_trait;
use moka::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_trust::{
    Anchor, Budget, Certificate, CertificateChain, ChainDigest, CommunityId, Crl, Evidence, Need, PathSearch, Step,
    TrustCommunity, TrustRefusal, UnixTime, VerifiedChain,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            poll_every: Duration::from_secs(300),
            recheck_every: Duration::from_secs(600),
            preloaded: Vec::new(),
        }
    }
}

/// The engine's own bounds.
#[derive(Clone, Copy, Debug)]
pub struct TrustSettings {
    /// Verdicts remembered at once. Default 50 000.
    pub verdicts: u64,
    /// Searches that may use the processor at once; one less than the cores leaves room for everything else. Default 1.
    pub searches_at_once: usize,
    /// The bounds of one search.
    pub budget: Budget,
}

impl Default for TrustSettings {
    fn default() -> Self {
        Self { verdicts: 50_000, searches_at_once: 1, budget: Budget::default() }
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
    fetcher: Arc<Fetcher>,
    verdicts: Verdicts,
    /// Chains that were accepted, as read, so that they are read once.
    chains: Cache<ChainDigest, CertificateChain>,
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

/// What a round of polling brought.
#[derive(Clone, Debug, Default)]
pub struct PollReport {
    /// Lists that were asked for.
    pub asked: usize,
    /// Lists that have changed; verdicts of their communities were dropped.
    pub changed: usize,
    /// Lists that could not be had, with the reason, for the log.
    pub failed: Vec<PollFailure>,
}

/// A list that could not be had.
#[derive(Clone, Debug)]
pub struct PollFailure {
    /// The community in which it was asked for.
    pub community: CommunityId,
    /// Its place.
    pub place: CrlPlace,
    /// Why.
    pub problem: String,
}

impl TrustEngine {
    /// An engine for these communities, each with its own fetching policy.
    ///
    /// # Errors
    /// [`DuplicateCommunity`] when two have one name.
    pub fn new(
        communities: Vec<(TrustCommunity, FetchPolicy)>,
        fetcher: Arc<Fetcher>,
        settings: TrustSettings,
    ) -> Result<Self, DuplicateCommunity> {
        let mut by_id = HashMap::new();
        for (community, policy) in communities {
            let id = community.id().clone();
            let lists = CrlStore::new(Guard::new(policy.allow), policy.poll_every, policy.preloaded);
            let watched = Arc::new(Watched { community, lists, recheck_every: policy.recheck_every });
            if by_id.insert(id.clone(), watched).is_some() {
                return Err(DuplicateCommunity(id));
            }
        }
        Ok(Self {
            communities: by_id,
            fetcher,
            verdicts: Verdicts::new(settings.verdicts),
            chains: Cache::builder().max_capacity(settings.verdicts).build(),
            searches: Semaphore::new(settings.searches_at_once.max(1)),
            budget: settings.budget,
        })
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

    /// Asks for every revocation list whose time has come; to be called every few seconds.
    pub async fn poll_due(&self, now: UnixTime) -> PollReport {
        let mut report = PollReport::default();
        let mut polls = JoinSet::new();
        for watched in self.communities.values() {
            for place in watched.lists.due(now) {
                let (watched, fetcher) = (watched.clone(), self.fetcher.clone());
                polls.spawn(async move {
                    let outcome = watched.lists.poll(&place, &watched.configured_cas(), &fetcher, now).await;
                    (watched.community.id().clone(), place, outcome)
                });
            }
        }
        while let Some(poll) = polls.join_next().await {
            let Ok((community, place, outcome)) = poll else { continue };
            report.asked += 1;
            match outcome {
                Ok(changed) => report.changed += usize::from(changed),
                Err(problem) => report.failed.push(PollFailure { community, place, problem }),
            }
        }
        report
    }

    /// The revocation lists at hand, to be kept over a restart and preloaded then.
    #[must_use]
    pub fn lists(&self) -> Vec<KeptCrl> {
        let of = |watched: &Arc<Watched>| {
            let community = watched.community.id().clone();
            watched.lists.lists().into_iter().map(move |(place, crl)| KeptCrl {
                community: community.clone(),
                place,
                crl,
            })
        };
        self.communities.values().flat_map(of).collect()
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
        let (verdict, rests_on) = self.search(watched, chain, now).await;
        if verdict.is_ok() {
            self.chains.insert(chain.digest(), chain.clone());
        }
        // The search may have brought a new list itself; its verdict holds if it rests on what is current now.
        let generation = watched.lists.generation_of(&rests_on).unwrap_or(moment.generation);
        self.verdicts.keep(key, &verdict, Moment { now, generation }, watched.recheck_every);
        verdict
    }

    /// The verdict, and the lists that were used.
    async fn search(
        &self,
        watched: &Arc<Watched>,
        chain: &CertificateChain,
        now: UnixTime,
    ) -> (Result<VerifiedChain, TrustRefusal>, Vec<(CrlPlace, Arc<Crl>)>) {
        let mut search = PathSearch::new(&watched.community, chain, now, self.budget);
        let mut evidence = Evidence::new();
        let mut rests_on = Vec::new();
        loop {
            let step = {
                let _turn = self.searches.acquire().await.expect("this semaphore is never closed");
                search.advance(&evidence)
            };
            match step {
                Step::Accepted(verified) => return (Ok(verified), rests_on),
                Step::Refused(refusal) => return (Err(refusal), rests_on),
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
        let signers: Arc<[_]> = watched.cas_with(chain).into();
        let mut fetches = JoinSet::new();
        for place in missing {
            let (watched, fetcher, signers) = (watched.clone(), self.fetcher.clone(), signers.clone());
            fetches.spawn(async move {
                let answer = watched.lists.fetch(&place, &signers, &fetcher, now).await;
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
    /// The CAs of the community that are known without any chain presented.
    fn configured_cas(&self) -> Vec<Arc<Certificate>> {
        self.proven_cas(self.community.intermediates().to_vec())
    }

    /// The CAs of the community that are known with this chain.
    fn cas_with(&self, chain: &CertificateChain) -> Vec<Arc<Certificate>> {
        let presented = chain.certificates().iter().skip(1);
        self.proven_cas(self.community.intermediates().iter().chain(presented).cloned().collect())
    }

    /// The anchors, and of the others those that an anchor signed, directly or through each other.
    ///
    /// Without this anybody could present a CA of the same name and have its list kept.
    fn proven_cas(&self, mut others: Vec<Arc<Certificate>>) -> Vec<Arc<Certificate>> {
        /// Signature checks at most; a chain full of doubles must not cost more than the search itself.
        const CHECKS: usize = 50;
        let mut proven: Vec<_> = self.community.anchors().iter().map(Anchor::certificate).cloned().collect();
        let mut next = 0;
        let mut checks_left = CHECKS;
        while let Some(issuer) = proven.get(next).cloned() {
            next += 1;
            let (issued, rest) = others.into_iter().partition(|certificate: &Arc<Certificate>| {
                let may_be = certificate.is_ca() && certificate.issuer_der() == issuer.subject_der() && checks_left > 0;
                checks_left -= usize::from(may_be);
                may_be && certificate.is_signed_by(&issuer)
            });
            let issued: Vec<_> = issued;
            proven.extend(issued);
            others = rest;
        }
        proven
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
        self.chains.get(digest)
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
