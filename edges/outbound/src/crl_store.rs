//! The revocation lists of one community: fetched when first asked for, polled from then on, never going backwards.
//!
//! Only a list that a CA of the community signed is kept, for an answer from the network proves nothing by itself: a
//! forged list with a great number would otherwise lock the true ones out. Lists are kept by place and issuer.
//!
//! Source: security invariants 16, 18 and 20; RFC 5280 §5.2.3, §6.3

use crate::guard::Guard;
use crate::http::{CRL_LIMIT, Fetcher};
use crate::in_flight::Shared;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tessera_trust::{Certificate, CommunityId, Crl, UnixTime};

/// Lists kept for one community.
const CAPACITY: usize = 256;
/// A list that nobody has asked for in this time is not polled any longer.
const UNUSED_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// After a failure a poll is tried again no later than this.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// A list of more bytes than this is read on a thread for blocking work.
const READ_ASIDE: usize = 128 * 1024;

/// Where a list is published, and who should have signed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrlPlace {
    /// The URL as the certificate writes it.
    pub url: String,
    /// The issuer's name as certificates show it.
    pub issuer: String,
}

/// A list at hand, to be kept over a restart.
#[derive(Clone, Debug)]
pub struct KeptCrl {
    /// The community in which it was asked for.
    pub community: CommunityId,
    /// Its place.
    pub place: CrlPlace,
    /// The list.
    pub crl: Arc<Crl>,
}

/// The revocation lists of one community.
#[derive(Debug)]
pub(crate) struct CrlStore {
    guard: Guard,
    poll_every: Duration,
    slots: Mutex<HashMap<CrlPlace, Slot>>,
    shared: Shared<CrlPlace, Result<Arc<Crl>, String>>,
    generation: AtomicU64,
}

#[derive(Clone, Debug)]
struct Slot {
    crl: Arc<Crl>,
    /// Who signed it, where that is known; a list preloaded from a file is judged at its use.
    signer: Option<Arc<Certificate>>,
    fetched_at: UnixTime,
    tried_at: UnixTime,
    asked_at: UnixTime,
}

impl CrlStore {
    /// A store with lists from files. They count as fetched long ago, so that the first poll asks for newer ones.
    pub(crate) fn new(guard: Guard, poll_every: Duration, preloaded: Vec<(String, Arc<Crl>)>) -> Self {
        let long_ago = UnixTime::from_secs(0);
        let slots = preloaded.into_iter().map(|(url, crl)| {
            let place = CrlPlace { url, issuer: crl.issuer() };
            (
                place,
                Slot {
                    crl,
                    signer: None,
                    fetched_at: long_ago,
                    tried_at: long_ago,
                    asked_at: UnixTime::from_secs(u64::MAX),
                },
            )
        });
        Self {
            guard,
            poll_every,
            slots: Mutex::new(slots.collect()),
            shared: Shared::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// Grows with each change of a list.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn lists(&self) -> Vec<(CrlPlace, Arc<Crl>)> {
        self.lock().iter().map(|(place, slot)| (place.clone(), slot.crl.clone())).collect()
    }

    /// The list at hand, while polling keeps it fresh.
    pub(crate) fn at_hand(&self, place: &CrlPlace, now: UnixTime) -> Option<Arc<Crl>> {
        let mut slots = self.lock();
        let slot = slots.get_mut(place)?;
        slot.asked_at = slot.asked_at.max(now);
        // Twice the interval: normally the poll comes first, and no request waits for it. A list from a file serves until
        // its end, for its place may be out of reach.
        let polled_lately = now < slot.fetched_at.plus(self.poll_every.saturating_mul(2));
        let from_file = slot.signer.is_none();
        ((polled_lately || from_file) && now <= slot.crl.next_update()).then(|| slot.crl.clone())
    }

    /// Fetches the list at a place; when that fails, the one at hand, whose age is judged by whoever uses it.
    ///
    /// `signers` are the CAs of the community that may have signed it.
    pub(crate) async fn fetch(
        &self,
        place: &CrlPlace,
        signers: &[Arc<Certificate>],
        fetcher: &Fetcher,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        let fetched = self.shared.ask(place.clone(), self.fetch_once(place, signers, fetcher, now)).await;
        fetched.or_else(|problem| self.slot(place).map(|slot| slot.crl).ok_or(problem))
    }

    /// The generation in which all these lists are the current ones, if they are.
    pub(crate) fn generation_of(&self, lists: &[(CrlPlace, Arc<Crl>)]) -> Option<u64> {
        let slots = self.lock();
        let is_current =
            |(place, crl): &(CrlPlace, Arc<Crl>)| slots.get(place).is_some_and(|slot| Arc::ptr_eq(&slot.crl, crl));
        lists.iter().all(is_current).then(|| self.generation())
    }

    /// Places whose lists are due to be asked for again; forgets those that nobody needs any more.
    pub(crate) fn due(&self, now: UnixTime) -> Vec<CrlPlace> {
        let mut slots = self.lock();
        slots.retain(|_, slot| now <= slot.asked_at.plus(UNUSED_AFTER));
        let is_due = |slot: &Slot| {
            now >= slot.fetched_at.plus(self.poll_every) && now >= slot.tried_at.plus(self.poll_every.min(RETRY_AFTER))
        };
        slots.iter().filter(|(_, slot)| is_due(slot)).map(|(place, _)| place.clone()).collect()
    }

    /// Asks for a list that is due. Tells whether it changed.
    pub(crate) async fn poll(
        &self,
        place: &CrlPlace,
        signers: &[Arc<Certificate>],
        fetcher: &Fetcher,
        now: UnixTime,
    ) -> Result<bool, String> {
        let signers: Vec<_> =
            self.slot(place).and_then(|slot| slot.signer).into_iter().chain(signers.iter().cloned()).collect();
        if let Some(slot) = self.lock().get_mut(place) {
            slot.tried_at = now;
        }
        let before = self.generation();
        self.shared.ask(place.clone(), self.fetch_once(place, &signers, fetcher, now)).await?;
        Ok(self.generation() != before)
    }

    async fn fetch_once(
        &self,
        place: &CrlPlace,
        signers: &[Arc<Certificate>],
        fetcher: &Fetcher,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        let bytes = fetcher.get(&place.url, &self.guard, CRL_LIMIT).await.map_err(|error| error.to_string())?;
        let (crl, signer) = if bytes.len() > READ_ASIDE {
            let signers = signers.to_vec();
            let reading = tokio::task::spawn_blocking(move || judge(&bytes, &signers));
            reading.await.map_err(|_| "the list could not be read".to_owned())??
        } else {
            judge(&bytes, signers)?
        };
        if crl.issuer() != place.issuer {
            return Err("the list is another CA's".to_owned());
        }
        self.accept(place, crl, signer, now)
    }

    /// Puts an authentic list in its place, unless it is older than the one that is there.
    fn accept(&self, place: &CrlPlace, crl: Crl, signer: Arc<Certificate>, now: UnixTime) -> Result<Arc<Crl>, String> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get_mut(place) {
            if slot.crl.der() == crl.der() {
                slot.fetched_at = now;
                slot.signer = Some(signer);
                return Ok(slot.crl.clone());
            }
            if goes_back(&slot.crl, &crl) {
                tracing::warn!(crl.url = %place.url, "a revocation list is older than the one before it; the newer one is kept");
                return Err("the list is older than one seen before".to_owned());
            }
        } else if slots.len() >= CAPACITY {
            forget_least_asked(&mut slots);
        }
        let crl = Arc::new(crl);
        let asked_at = slots.get(place).map_or(now, |slot| slot.asked_at);
        slots.insert(
            place.clone(),
            Slot { crl: crl.clone(), signer: Some(signer), fetched_at: now, tried_at: now, asked_at },
        );
        // Within the lock, so that nobody meets the new list with the old number.
        self.generation.fetch_add(1, Ordering::Release);
        Ok(crl)
    }

    fn slot(&self, place: &CrlPlace) -> Option<Slot> {
        self.lock().get(place).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CrlPlace, Slot>> {
        // A poisoned lock guards a plain map, which is whole after every statement.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a list and finds who signed it. A list of 10 MiB takes a good part of a second, hashing included.
fn judge(bytes: &[u8], signers: &[Arc<Certificate>]) -> Result<(Crl, Arc<Certificate>), String> {
    let crl = Crl::from_der(bytes).map_err(|error| error.to_string())?;
    let signer = signers.iter().find(|signer| crl.is_authentic(signer)).cloned();
    signer.map(|signer| (crl, signer)).ok_or_else(|| "the list is not signed by a CA of the community".to_owned())
}

/// Source: RFC 5280 §5.2.3
fn goes_back(before: &Crl, after: &Crl) -> bool {
    // A list that has lost its number is older than one that has it: `None` is less than any number.
    after.number() < before.number() || after.this_update() < before.this_update()
}

fn forget_least_asked(slots: &mut HashMap<CrlPlace, Slot>) {
    let least = slots.iter().min_by_key(|(_, slot)| slot.asked_at).map(|(place, _)| place.clone());
    if let Some(place) = least {
        slots.remove(&place);
    }
}
