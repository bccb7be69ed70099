//! The lists at hand, within their bounds in number and in bytes.

use super::CrlPlace;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_trust::{Certificate, Crl, UnixTime};

/// Lists at hand of one community.
const CAPACITY: usize = 256;
/// A list that nobody has asked for in this time is not polled any longer.
const UNUSED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// After a failure a poll is tried again no later than this.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A list at hand.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) crl: Arc<Crl>,
    pub(super) origin: Origin,
    /// The CAs from its signer up to an anchor, so that a poll can find who signed its successor.
    pub(super) cas: Arc<[Arc<Certificate>]>,
    pub(super) fetched_at: UnixTime,
    pub(super) tried_at: UnixTime,
    pub(super) need: Need,
}

/// Who needs the list at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The operator, who gave it as a file: it makes no room, and is polled whether somebody asks for it or not.
    OfOperator,
    /// Whoever asked for it last, and when that was.
    AskedAt(UnixTime),
}

/// Where the list at hand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file, not yet compared with what is kept of its place. It must not be used before that.
    FileUnjudged,
    /// A file, no older than what is kept of its place. It serves until its end, for its place may be out of reach.
    File,
    /// Its place, or what was kept of that over a restart; a CA of the community signed it.
    Signed,
}

impl Slot {
    /// A list from a file. It counts as fetched long ago, so that the first poll asks for a newer one.
    pub(super) fn from_file(crl: Arc<Crl>) -> Self {
        let long_ago = UnixTime::from_secs(0);
        Self {
            crl,
            origin: Origin::FileUnjudged,
            cas: Arc::from([]),
            fetched_at: long_ago,
            tried_at: long_ago,
            need: Need::OfOperator,
        }
    }

    /// Notes that somebody asks for it.
    pub(super) fn asked(&mut self, now: UnixTime) {
        if let Need::AskedAt(at) = self.need {
            self.need = Need::AskedAt(at.max(now));
        }
    }

    fn size_bytes(&self) -> usize {
        self.crl.size_bytes() + self.cas.iter().map(|certificate| certificate.size_bytes()).sum::<usize>()
    }
}

/// The lists at hand of one community.
#[derive(Debug)]
pub(super) struct Slots {
    by_place: HashMap<CrlPlace, Slot>,
    /// What lists that were fetched may take together, in bytes.
    budget: usize,
}

impl Slots {
    pub(super) fn new(budget: usize, files: impl Iterator<Item = (CrlPlace, Slot)>) -> Self {
        Self { by_place: files.collect(), budget }
    }

    pub(super) fn get(&self, place: &CrlPlace) -> Option<&Slot> {
        self.by_place.get(place)
    }

    pub(super) fn get_mut(&mut self, place: &CrlPlace) -> Option<&mut Slot> {
        self.by_place.get_mut(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&CrlPlace, &Slot)> {
        self.by_place.iter()
    }

    /// Puts a list in its place; those asked for longest ago make room. Their ages are kept elsewhere and stay.
    pub(super) fn put(&mut self, place: CrlPlace, slot: Slot) {
        self.by_place.remove(&place);
        while self.by_place.len() >= CAPACITY || self.fetched_bytes() + slot.size_bytes() > self.budget {
            let asked = self.by_place.iter().filter_map(|(place, slot)| match slot.need {
                Need::OfOperator => None,
                Need::AskedAt(at) => Some((at, place)),
            });
            let Some(least) = asked.min_by_key(|(at, _)| *at).map(|(_, place)| place.clone()) else { break };
            self.by_place.remove(&least);
        }
        self.by_place.insert(place, slot);
    }

    pub(super) fn remove(&mut self, place: &CrlPlace) {
        self.by_place.remove(place);
    }

    /// Places whose lists are due to be asked for again; forgets those that nobody needs any more.
    pub(super) fn due(&mut self, poll_every: Duration, now: UnixTime) -> Vec<CrlPlace> {
        self.by_place.retain(|_, slot| match slot.need {
            Need::OfOperator => true,
            Need::AskedAt(at) => now <= at.plus(UNUSED_AFTER),
        });
        let is_due = |slot: &Slot| {
            now >= slot.fetched_at.plus(poll_every) && now >= slot.tried_at.plus(poll_every.min(RETRY_AFTER))
        };
        self.by_place.iter().filter(|(_, slot)| is_due(slot)).map(|(place, _)| place.clone()).collect()
    }

    fn fetched_bytes(&self) -> usize {
        self.by_place.values().filter(|slot| slot.need != Need::OfOperator).map(Slot::size_bytes).sum()
    }
}
