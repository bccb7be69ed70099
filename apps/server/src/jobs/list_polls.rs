//! What is told of polling revocation lists: each failure once, until it changes or ends, and counts of all.

use std::collections::{HashMap, HashSet};

use tessera_outbound::crl_store::{CrlAtHand, CrlPlace};
use tessera_outbound::trust::{Poll, PollOutcome};
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;

/// Places whose failure is remembered. Beyond them all are told again, rather than remembered without bound.
const FAILING: usize = 1_024;

/// How much of a URL is logged, in characters: it is a certificate's.
const URL_LIMIT: usize = 256;

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct ListPolls {
    /// The places that fail, with the reason that was told last.
    failing: HashMap<(CommunityId, CrlPlace), String>,
    /// The communities whose lists' end is shown.
    shown: HashSet<CommunityId>,
}

/// What has changed with a place since its last poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It fails, or fails for another reason than before.
    Fails { community: CommunityId, place: CrlPlace, problem: String },
    /// It gives lists again.
    Recovered { community: CommunityId, place: CrlPlace },
}

impl ListPolls {
    /// Counts what came of a round, and tells what has changed since the one before.
    pub(super) fn note(&mut self, round: Vec<Poll>) -> Vec<Change> {
        round.into_iter().filter_map(|poll| self.note_one(poll)).collect()
    }

    /// Shows for each community when the first of its lists at hand ends; infinity when it has none any more.
    pub(super) fn show_ends(&mut self, lists: &[CrlAtHand]) {
        let ends = earliest_ends(lists);
        self.shown.extend(ends.keys().map(|community| (*community).clone()));
        for community in &self.shown {
            let end = ends.get(community).map_or(f64::INFINITY, |end| end.as_secs() as f64);
            let community = community.as_str().to_owned();
            metrics::gauge!("tessera_crl_next_update_seconds", "community" => community).set(end);
        }
    }

    fn note_one(&mut self, poll: Poll) -> Option<Change> {
        let Poll { community, place, outcome } = poll;
        let labels = [("community", community.as_str().to_owned()), ("outcome", outcome.code().to_owned())];
        metrics::counter!("tessera_crl_polls_total", &labels).increment(1);
        let key = (community, place);
        let PollOutcome::Failed(problem) = outcome else {
            let (community, place) = self.failing.remove_entry(&key)?.0;
            return Some(Change::Recovered { community, place });
        };
        if self.failing.get(&key) == Some(&problem) {
            return None;
        }
        if self.failing.len() >= FAILING {
            self.failing.clear();
        }
        self.failing.insert(key.clone(), problem.clone());
        let (community, place) = key;
        Some(Change::Fails { community, place, problem })
    }
}

impl Change {
    pub(super) fn log(&self) {
        match self {
            Self::Fails { community, place, problem } => tracing::warn!(
                community.id = %community,
                crl.url = %logged(&place.url),
                crl.issuer = %place.issuer,
                cause = %problem,
                "a revocation list could not be renewed; the one at hand serves until its end"
            ),
            Self::Recovered { community, place } => tracing::info!(
                community.id = %community,
                crl.url = %logged(&place.url),
                crl.issuer = %place.issuer,
                "a revocation list is renewed again"
            ),
        }
    }
}

fn logged(url: &str) -> String {
    url.escape_debug().take(URL_LIMIT).collect()
}

fn earliest_ends(lists: &[CrlAtHand]) -> HashMap<&CommunityId, UnixTime> {
    let mut ends = HashMap::new();
    for list in lists {
        let end = list.crl.next_update();
        ends.entry(&list.community).and_modify(|earliest: &mut UnixTime| *earliest = end.min(*earliest)).or_insert(end);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(place: &str, outcome: PollOutcome) -> Poll {
        let place = CrlPlace { url: format!("http://{place}.example/ca.crl"), issuer: "CN=CA".to_owned() };
        Poll { community: CommunityId::parse("urn:one").unwrap(), place, outcome }
    }

    fn failed(problem: &str) -> PollOutcome {
        PollOutcome::Failed(problem.to_owned())
    }

    /// What is told of a round, in short.
    fn told(polls: &mut ListPolls, round: Vec<Poll>) -> Vec<String> {
        let told = polls.note(round).into_iter().map(|change| match change {
            Change::Fails { place, problem, .. } => format!("{}: {problem}", place.url),
            Change::Recovered { place, .. } => format!("{}: again", place.url),
        });
        told.collect()
    }

    #[test]
    fn tells_each_failure_once_until_it_changes_or_ends() {
        let mut polls = ListPolls::default();
        let (a, b) = ("http://a.example/ca.crl", "http://b.example/ca.crl");
        assert_eq!(told(&mut polls, vec![poll("a", PollOutcome::Unchanged)]), [""; 0]);
        let both = || vec![poll("a", failed("404")), poll("b", PollOutcome::Changed)];
        assert_eq!(told(&mut polls, both()), [format!("{a}: 404")]);
        assert_eq!(told(&mut polls, both()), [""; 0]);
        let both = vec![poll("a", failed("older")), poll("b", failed("404"))];
        assert_eq!(told(&mut polls, both), [format!("{a}: older"), format!("{b}: 404")]);
        assert_eq!(told(&mut polls, vec![poll("a", PollOutcome::Unchanged)]), [format!("{a}: again")]);
        assert_eq!(told(&mut polls, vec![poll("a", failed("older"))]), [format!("{a}: older")]);
    }

    #[test]
    fn remembers_failures_within_a_bound() {
        let mut polls = ListPolls::default();
        for number in 0..3 * FAILING {
            polls.note(vec![poll(&format!("place-{number}"), failed("404"))]);
        }
        assert!(polls.failing.len() <= FAILING);
    }
}
