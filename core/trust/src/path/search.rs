//! The search itself: depth first, with an explicit stack, going back whenever a path fails.
//!
//! The alternative, taking `x5c` as the path in its order, fails where a CA has several certificates (renewed,
//! cross-signed, of the same name), and then refuses members whose path is good.
//!
//! Order of cost: checks without signatures, then the signature, then revocation of a path that is otherwise good.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Budget, Evidence, Need, checks,
    pool::{END_ENTITY, Pool},
};
use crate::{
    chain::{CertificateChain, Proof, VerifiedChain},
    community::TrustCommunity,
    error::{PathAttempt, Reason, RefusalKind, TrustRefusal},
    revocation::{PathStatus, RevocationCheck},
    time::UnixTime,
};

/// What a search says each time it is asked to go on.
#[derive(Clone, Debug)]
pub enum Step {
    /// Supply an answer for each of these, even if it is that nothing could be had, and ask again. Never empty.
    Need(Vec<Need>),
    /// A path was found and every check held.
    Accepted(VerifiedChain),
    /// No path was found for which every check held.
    Refused(TrustRefusal),
}

/// A search for a path from one presented chain to an anchor of one community.
///
/// After a verdict it gives the same verdict again.
///
/// Source: RFC 5280 §6.1; RFC 4158 (building with backtracking); security invariants 13 to 16
#[derive(Debug)]
pub struct PathSearch<'a> {
    community: &'a TrustCommunity,
    chain: &'a CertificateChain,
    now: UnixTime,
    budget: Budget,
    /// Every certificate that a path can be made of.
    pool: Pool,
    /// The path under construction, the end entity first.
    path: Vec<Link>,
    stage: Stage,
    /// Signature checks made, by (certificate, issuer) as places in the pool.
    signatures: HashMap<(usize, usize), bool>,
    signatures_left: usize,
    candidates_left: usize,
    /// Certificates (as places in the pool) that a path in this search has shown to be revoked.
    revoked: HashSet<usize>,
    /// URLs that were asked for.
    asked: HashSet<String>,
    attempts: Vec<PathAttempt>,
    omitted: usize,
}

/// One certificate of the path (as its place in the pool) and those that may have issued it.
#[derive(Debug)]
struct Link {
    place: usize,
    /// Those not looked at yet, the most promising last.
    candidates: Vec<usize>,
    /// Whether any candidate other than the certificate itself was looked at.
    had_candidates: bool,
}

#[derive(Debug)]
enum Stage {
    Unstarted,
    Building,
    /// `path` ends at an anchor and awaits the verdict on revocation.
    Complete,
    Finished(Step),
}

impl<'a> PathSearch<'a> {
    /// A search that has not begun; nothing is checked yet.
    #[must_use]
    pub fn new(community: &'a TrustCommunity, chain: &'a CertificateChain, now: UnixTime, budget: Budget) -> Self {
        Self {
            pool: Pool::new(community, chain, &budget),
            community,
            chain,
            now,
            path: Vec::new(),
            stage: Stage::Unstarted,
            signatures: HashMap::new(),
            signatures_left: budget.signatures,
            candidates_left: budget.candidates,
            revoked: HashSet::new(),
            asked: HashSet::new(),
            attempts: Vec::new(),
            omitted: 0,
            budget,
        }
    }

    /// Goes on as far as the evidence allows.
    ///
    /// What an earlier [`Step::Need`] asked for and `evidence` still lacks counts as not to be had, so that a search
    /// ends whatever its driver does.
    pub fn advance(&mut self, evidence: &Evidence) -> Step {
        loop {
            let stage = match &self.stage {
                Stage::Unstarted => self.begin(),
                Stage::Building => self.build(),
                Stage::Complete => match self.judge_revocation(evidence) {
                    Ok(stage) => stage,
                    Err(needs) => return Step::Need(needs),
                },
                Stage::Finished(step) => return step.clone(),
            };
            self.stage = stage;
        }
    }

    /// Judges the end entity, without which no path is worth looking for.
    fn begin(&mut self) -> Stage {
        let leaf = Arc::clone(self.chain.leaf());
        let reasons = checks::end_entity(&leaf, self.community.profile(), self.now);
        self.push(END_ENTITY);
        if reasons.is_empty() {
            return Stage::Building;
        }
        self.give_up_attempt(None, reasons);
        self.refused()
    }

    /// Lengthens the path until it reaches an anchor, going back where it cannot.
    fn build(&mut self) -> Stage {
        loop {
            let Some(link) = self.path.last_mut() else {
                return self.refused();
            };
            let (child, had_candidates) = (link.place, link.had_candidates);
            let Some(candidate) = link.candidates.pop() else {
                // A self-issued certificate is looked at as a root too, whatever shares its name.
                if !had_candidates || self.pool.certificate(child).is_self_issued() {
                    let reason = self.missing_issuer(child);
                    self.give_up_attempt(None, vec![reason]);
                }
                self.path.pop();
                continue;
            };
            if candidate == child {
                continue;
            }
            link.had_candidates = true;
            let Some(left) = self.candidates_left.checked_sub(1) else {
                return self.out_of_budget("candidates for an issuer", self.budget.candidates);
            };
            self.candidates_left = left;

            let reasons = self.judge_candidate(candidate);
            if !reasons.is_empty() {
                self.give_up_attempt(Some(candidate), reasons);
                continue;
            }
            match self.is_signed(child, candidate) {
                None => return self.out_of_budget("signature checks", self.budget.signatures),
                Some(false) => {
                    let reason = self.bad_signature(child, candidate);
                    self.give_up_attempt(Some(candidate), vec![reason]);
                }
                Some(true) => {
                    self.push(candidate);
                    if self.pool.is_anchor(candidate) {
                        return Stage::Complete;
                    }
                }
            }
        }
    }

    /// Every check of a candidate that costs no signature.
    fn judge_candidate(&self, candidate: usize) -> Vec<Reason> {
        let certificate = self.pool.certificate(candidate);
        let is_anchor = self.pool.is_anchor(candidate);
        let path = self.path.iter().map(|link| self.pool.certificate(link.place));
        let intermediates = path.clone().skip(1);
        let place = checks::Place {
            below: intermediates.clone().filter(|intermediate| !intermediate.is_self_issued()).count(),
            is_anchor,
        };
        let mut reasons = checks::issuer(certificate, place, self.community.profile(), self.now);
        // RFC 4158 §5.2: the same name with the same key adds nothing, whichever certificate says so. Circles of
        // cross-signed CAs end here.
        let is_repeated = path.clone().any(|earlier| {
            earlier.subject_der() == certificate.subject_der() && earlier.spki_der() == certificate.spki_der()
        });
        let mut note = |kind, detail: String, source| reasons.push(Reason::new(kind, certificate, detail, source));
        if is_repeated {
            let detail = "stands already in the path with the same name and key".to_owned();
            note(RefusalKind::PathLoop, detail, "RFC 4158 §5.2");
        }
        if self.revoked.contains(&candidate) {
            note(RefusalKind::Revoked, "is revoked, as an earlier path has shown".to_owned(), "RFC 5280 §6.3");
        }
        if !is_anchor && intermediates.count() >= self.budget.intermediates {
            let detail =
                format!("would be one more than the {} intermediates that are followed", self.budget.intermediates);
            note(RefusalKind::PathTooLong, detail, "security invariant 13");
        }
        reasons
    }

    /// Whether `issuer` signed `child`, asking the cryptography once for each pair; `None` when the budget is used up.
    fn is_signed(&mut self, child: usize, issuer: usize) -> Option<bool> {
        if let Some(known) = self.signatures.get(&(child, issuer)) {
            return Some(*known);
        }
        self.signatures_left = self.signatures_left.checked_sub(1)?;
        let signed = self.pool.certificate(child).is_signed_by(self.pool.certificate(issuer));
        self.signatures.insert((child, issuer), signed);
        Some(signed)
    }

    /// The last check of a path: accepted, back to building, or what is needed to tell.
    fn judge_revocation(&mut self, evidence: &Evidence) -> Result<Stage, Vec<Need>> {
        let path: Vec<_> = self.path.iter().map(|link| Arc::clone(self.pool.certificate(link.place))).collect();
        let status = RevocationCheck {
            path: &path,
            policy: self.community.revocation(),
            now: self.now,
            budget: &self.budget,
            evidence,
            asked: &self.asked,
        }
        .judge(&mut self.signatures_left);
        match status {
            PathStatus::Need(needs) => {
                self.asked.extend(needs.iter().filter_map(|need| match need {
                    Need::Crl { url, .. } => Some(url.clone()),
                    Need::Issuer { .. } => None,
                }));
                Err(needs)
            }
            PathStatus::Good { holds_until, soft_failures } => {
                let ends = path.iter().map(|certificate| certificate.not_after());
                let holds_until = ends.chain(holds_until).min().unwrap_or(self.now);
                Ok(Stage::Finished(Step::Accepted(VerifiedChain::new(Proof {
                    community: self.community.id().clone(),
                    policy: self.community.version(),
                    path,
                    presented: self.chain.digest(),
                    verified_at: self.now,
                    holds_until,
                    soft_failures,
                }))))
            }
            PathStatus::Bad { reasons, revoked } => {
                self.give_up_attempt(None, reasons);
                // Back to below the lowest revoked certificate; without one, another anchor may still do.
                let keep = revoked.first().copied().unwrap_or(self.path.len() - 1);
                let links = revoked.into_iter().filter_map(|place| self.path.get(place));
                self.revoked.extend(links.map(|link| link.place));
                if self.revoked.contains(&END_ENTITY) {
                    // No other path makes a revoked end entity good.
                    return Ok(self.refused());
                }
                self.path.truncate(keep);
                Ok(Stage::Building)
            }
        }
    }

    /// Adds a certificate to the path and looks up who may have issued it.
    fn push(&mut self, place: usize) {
        let candidates = self.pool.issuers_of(place);
        self.path.push(Link { place, candidates, had_candidates: false });
    }

    fn missing_issuer(&self, child: usize) -> Reason {
        let certificate = self.pool.certificate(child);
        let detail = if certificate.is_self_issued() {
            "is self-issued and is not an anchor of this community".to_owned()
        } else {
            format!("has the issuer '{}', whose certificate is neither presented nor configured", certificate.issuer())
        };
        Reason::new(RefusalKind::NoPathToAnchor, certificate, detail, "RFC 5280 §6.1; UDAP DCR §4.2")
    }

    fn bad_signature(&self, child: usize, issuer: usize) -> Reason {
        let detail = format!("was not signed by the key of {}", self.pool.certificate(issuer).identity());
        Reason::new(RefusalKind::BadSignature, self.pool.certificate(child), detail, "RFC 5280 §6.1.3 (a) (1)")
    }

    /// Keeps why the path, lengthened by `candidate`, was given up.
    fn give_up_attempt(&mut self, candidate: Option<usize>, reasons: Vec<Reason>) {
        if self.attempts.len() >= self.budget.attempts && !self.names_a_new_kind(&reasons) {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        let path = self.identify_path(candidate);
        self.attempts.push(PathAttempt::new(self.community.id().clone(), path, reasons));
    }

    /// Whether no attempt that was kept has met one of these kinds. The most telling one must not go uncounted because
    /// it came late; there are few kinds, so this adds few attempts.
    fn names_a_new_kind(&self, reasons: &[Reason]) -> bool {
        let is_known = |kind| self.attempts.iter().flat_map(PathAttempt::reasons).any(|reason| reason.kind() == kind);
        reasons.iter().any(|reason| !is_known(reason.kind()))
    }

    fn out_of_budget(&mut self, what: &str, limit: usize) -> Stage {
        let detail = format!("the search ended after {limit} {what} without finding a path");
        let reason = Reason::general(RefusalKind::BudgetExceeded, detail, "security invariant 13");
        let members = self.identify_path(None);
        // Kept even when attempts are no longer: it is the reason that counts.
        self.attempts.push(PathAttempt::new(self.community.id().clone(), members, vec![reason]));
        self.refused()
    }

    /// The path, lengthened by `candidate`, for people.
    fn identify_path(&self, candidate: Option<usize>) -> Vec<Arc<str>> {
        let places = self.path.iter().map(|link| link.place).chain(candidate);
        places.map(|place| Arc::clone(self.pool.certificate(place).identity())).collect()
    }

    fn refused(&mut self) -> Stage {
        let attempts = std::mem::take(&mut self.attempts);
        Stage::Finished(Step::Refused(TrustRefusal::new(self.community.id().clone(), attempts, self.omitted)))
    }
}
