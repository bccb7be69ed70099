//! The revocation lists of one community: fetched when first asked for, polled from then on, never going backwards.
//!
//! Only a list that a CA of the community signed is kept, for an answer from the network proves nothing by itself: a
//! forged list with a great number would otherwise lock the true ones out. Lists are kept by place and issuer.
//!
//! A list is used only after the store has kept it. The store decides what goes backwards, so that it holds over a
//! restart, between nodes, and for a list that had to leave memory: the lists here are only those at hand.
//!
//! Source: security invariants 16, 18, 20, 25 and 31; RFC 5280 §5.2.3, §6.3

mod slots;
mod unkept;

use self::slots::{Need, Origin, Slot, Slots};
use self::unkept::Unkept;
use crate::guard::Guard;
use crate::http::{CRL_LIMIT, Fetcher};
use crate::in_flight::Shared;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tessera_authorization_server::ports::{ListKeeping, ListPlace, RevocationListStore, StoreError};
use tessera_trust::{Certificate, CommunityId, Crl, CrlAge, UnixTime};

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

/// A list at hand.
#[derive(Clone, Debug)]
pub struct CrlAtHand {
    /// The community in which it was asked for.
    pub community: CommunityId,
    /// Its place.
    pub place: CrlPlace,
    /// The list.
    pub crl: Arc<Crl>,
}

/// Where lists come from, and where it is remembered which ones have come.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) fetcher: Arc<Fetcher>,
    pub(crate) kept: Arc<dyn RevocationListStore>,
}

impl Sources {
    /// Sources without a store: what has come is remembered as long as the process lives.
    pub(crate) fn unkept(fetcher: Arc<Fetcher>) -> Self {
        Self { fetcher, kept: Arc::new(Unkept::default()) }
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sources").field("fetcher", &self.fetcher).finish_non_exhaustive()
    }
}

/// The revocation lists of one community.
#[derive(Debug)]
pub(crate) struct CrlStore {
    community: CommunityId,
    guard: Guard,
    poll_every: Duration,
    slots: Mutex<Slots>,
    shared: Shared<CrlPlace, Result<Arc<Crl>, String>>,
    generation: AtomicU64,
}

impl CrlStore {
    /// A store with lists from files, and room for `budget` bytes of others.
    pub(crate) fn new(
        community: CommunityId,
        guard: Guard,
        poll_every: Duration,
        budget: usize,
        files: Vec<(String, Arc<Crl>)>,
    ) -> Self {
        let files = files.into_iter().map(|(url, crl)| (CrlPlace { url, issuer: crl.issuer() }, Slot::from_file(crl)));
        Self {
            community,
            guard,
            poll_every,
            slots: Mutex::new(Slots::new(budget, files)),
            shared: Shared::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// Grows with each change of a list.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn lists(&self) -> Vec<CrlAtHand> {
        let at_hand = |(place, slot): (&CrlPlace, &Slot)| CrlAtHand {
            community: self.community.clone(),
            place: place.clone(),
            crl: slot.crl.clone(),
        };
        self.lock().iter().map(at_hand).collect()
    }

    /// The list at hand, while polling keeps it fresh.
    pub(crate) fn at_hand(&self, place: &CrlPlace, now: UnixTime) -> Option<Arc<Crl>> {
        let mut slots = self.lock();
        let slot = slots.get_mut(place)?;
        slot.asked(now);
        // Twice the interval: normally the poll comes first, and no request waits for it.
        let polled_lately = now < slot.fetched_at.plus(self.poll_every.saturating_mul(2));
        let may_serve = match slot.origin {
            Origin::FileUnjudged => false,
            Origin::File => true,
            Origin::Signed => polled_lately,
        };
        (may_serve && now <= slot.crl.next_update()).then(|| slot.crl.clone())
    }

    /// Fetches the list at a place; when that fails, the newest one known, as long as it is fresh.
    ///
    /// `cas` are the CAs of the community, one of which must have signed it.
    pub(crate) async fn fetch(
        &self,
        place: &CrlPlace,
        cas: &[Arc<Certificate>],
        sources: &Sources,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        self.judge_file(place, cas, sources, now).await?;
        if let Some(crl) = self.at_hand(place, now) {
            return Ok(crl);
        }
        let fetched = self.shared.ask(place.clone(), self.fetch_or_recall(place, cas, sources, now)).await;
        let newest_known = || self.slot(place).map(|slot| slot.crl).filter(|crl| now <= crl.next_update());
        fetched.or_else(|problem| newest_known().ok_or(problem))
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
        self.lock().due(self.poll_every, now)
    }

    /// The CAs by which the list at hand was found authentic; to be judged again before they are believed.
    pub(crate) fn former_cas(&self, place: &CrlPlace) -> Arc<[Arc<Certificate>]> {
        self.slot(place).map_or_else(|| Arc::from([]), |slot| slot.cas)
    }

    /// Asks for a list that is due. Tells whether it changed.
    pub(crate) async fn poll(
        &self,
        place: &CrlPlace,
        cas: &[Arc<Certificate>],
        sources: &Sources,
        now: UnixTime,
    ) -> Result<bool, String> {
        if let Some(slot) = self.lock().get_mut(place) {
            slot.tried_at = now;
        }
        let before = self.slot(place).map(|slot| slot.crl);
        let current = self.shared.ask(place.clone(), self.fetch_or_recall(place, cas, sources, now)).await?;
        Ok(before.is_none_or(|before| !Arc::ptr_eq(&before, &current)))
    }

    async fn fetch_or_recall(
        &self,
        place: &CrlPlace,
        cas: &[Arc<Certificate>],
        sources: &Sources,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        let fetched = self.fetch_once(place, cas, sources, now).await;
        if fetched.is_err() && self.slot(place).is_none() {
            self.recall(place, cas, sources, now).await;
        }
        fetched
    }

    async fn fetch_once(
        &self,
        place: &CrlPlace,
        cas: &[Arc<Certificate>],
        sources: &Sources,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        let fetched = sources.fetcher.get(&place.url, &self.guard, CRL_LIMIT).await;
        let bytes = fetched.map_err(|error| error.to_string())?;
        let signed = read_signed(bytes, cas).await?;
        if signed.crl.issuer() != place.issuer {
            return Err("the list is another CA's".to_owned());
        }
        if !signed.crl.is_meant_for(&place.url) {
            return Err("the list is for another distribution point".to_owned());
        }
        if signed.crl.is_dated_ahead(now) {
            return Err(format!("the list is dated {}, in the future", signed.crl.this_update().to_utc_text()));
        }
        self.accept(place, signed, sources, now).await
    }

    /// Puts an authentic list in its place once it is kept, unless it is older than one seen before.
    async fn accept(
        &self,
        place: &CrlPlace,
        signed: Signed,
        sources: &Sources,
        now: UnixTime,
    ) -> Result<Arc<Crl>, String> {
        let crl = signed.crl.clone();
        // Asked also about the list that is at hand already: another node may have seen a newer one meanwhile.
        match sources.kept.keep_list(&self.list_place(place), crl.clone(), now).await {
            Ok(ListKeeping::Kept) => {}
            Ok(ListKeeping::GoesBack(kept)) => {
                if self.slot(place).is_none_or(|slot| kept != slot.crl.age()) {
                    // Another node, or this one before its restart, has seen a newer one: that one counts.
                    self.recall(place, &signed.cas, sources, now).await;
                }
                return Err(goes_back(&crl.age(), &kept));
            }
            Err(error) => return Err(not_kept(&error)),
        }
        if let Some(same) = self.confirm_same(place, &signed, now) {
            return Ok(same);
        }
        self.put(place, signed, now, now);
        Ok(crl)
    }

    /// Notes that a list was met again; `None` when it is another one.
    fn confirm_same(&self, place: &CrlPlace, signed: &Signed, now: UnixTime) -> Option<Arc<Crl>> {
        let mut slots = self.lock();
        let slot = slots.get_mut(place)?;
        if slot.origin != Origin::Signed || slot.crl.der() != signed.crl.der() {
            return None;
        }
        slot.fetched_at = now;
        slot.cas = signed.cas.clone();
        Some(slot.crl.clone())
    }

    /// Takes back the list that was kept of a place. The next question asks for a newer one all the same.
    async fn recall(&self, place: &CrlPlace, cas: &[Arc<Certificate>], sources: &Sources, now: UnixTime) {
        let kept = sources.kept.kept_list(&self.list_place(place)).await;
        let Ok(Some(der)) = kept.map(|kept| kept.and_then(|kept| kept.der)) else { return };
        // Judged again: the community's anchors may be others than when it was kept.
        if let Ok(signed) = read_signed(der, cas).await {
            self.put(place, signed, UnixTime::from_secs(0), now);
        }
    }

    /// Compares a list from a file with what is kept of its place: a file may have been written before a newer list came.
    async fn judge_file(
        &self,
        place: &CrlPlace,
        cas: &[Arc<Certificate>],
        sources: &Sources,
        now: UnixTime,
    ) -> Result<(), String> {
        let Some(slot) = self.slot(place).filter(|slot| slot.origin == Origin::FileUnjudged) else { return Ok(()) };
        let list_place = self.list_place(place);
        // Kept only when it would be kept of its place, too; otherwise its use will show what is wrong with it.
        let is_sound = slot.crl.is_meant_for(&place.url) && !slot.crl.is_dated_ahead(now);
        let kept = if is_sound && cas.iter().any(|ca| slot.crl.is_authentic(ca)) {
            match sources.kept.keep_list(&list_place, slot.crl.clone(), now).await {
                Ok(ListKeeping::Kept) => None,
                Ok(ListKeeping::GoesBack(kept)) => Some(kept),
                Err(error) => return Err(not_kept(&error)),
            }
        } else {
            let kept = sources.kept.kept_list(&list_place).await.map_err(|error| not_kept(&error))?;
            kept.map(|kept| kept.age).filter(|kept| slot.crl.age().goes_back_behind(kept))
        };
        if kept.is_some() {
            self.lock().remove(place);
            self.recall(place, cas, sources, now).await;
        } else if let Some(slot) = self.lock().get_mut(place) {
            slot.origin = Origin::File;
        }
        Ok(())
    }

    /// Puts a list in its place, for all verdicts from now on.
    fn put(&self, place: &CrlPlace, signed: Signed, fetched_at: UnixTime, now: UnixTime) {
        let mut slots = self.lock();
        let need = slots.get(place).map_or(Need::AskedAt(now), |slot| slot.need);
        let Signed { crl, cas } = signed;
        slots.put(place.clone(), Slot { crl, origin: Origin::Signed, cas, fetched_at, tried_at: now, need });
        // Within the lock, so that nobody meets the new list with the old number.
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn list_place(&self, place: &CrlPlace) -> ListPlace {
        ListPlace { community: self.community.clone(), url: place.url.clone(), issuer: place.issuer.clone() }
    }

    fn slot(&self, place: &CrlPlace) -> Option<Slot> {
        self.lock().get(place).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // A poisoned lock guards a plain map, which is whole after every statement.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list that a CA of the community signed, and the CAs from that one up to an anchor.
#[derive(Clone)]
struct Signed {
    crl: Arc<Crl>,
    cas: Arc<[Arc<Certificate>]>,
}

/// Reads a list and finds who signed it. A list of 10 MiB takes a good part of a second, hashing included.
async fn read_signed(bytes: impl AsRef<[u8]> + Send + 'static, cas: &[Arc<Certificate>]) -> Result<Signed, String> {
    if bytes.as_ref().len() <= READ_ASIDE {
        return read_signed_here(bytes.as_ref(), cas);
    }
    let cas = cas.to_vec();
    let reading = tokio::task::spawn_blocking(move || read_signed_here(bytes.as_ref(), &cas));
    reading.await.map_err(|_| "the list could not be read".to_owned())?
}

fn read_signed_here(bytes: &[u8], cas: &[Arc<Certificate>]) -> Result<Signed, String> {
    let crl = Crl::from_der(bytes).map_err(|error| error.to_string())?;
    let signer = cas.iter().find(|ca| crl.is_authentic(ca));
    let signer = signer.ok_or_else(|| "the list is not signed by a CA of the community".to_owned())?;
    Ok(Signed { crl: Arc::new(crl), cas: way_up(signer, cas) })
}

/// A CA and, by their names, those above it.
fn way_up(signer: &Arc<Certificate>, cas: &[Arc<Certificate>]) -> Arc<[Arc<Certificate>]> {
    let mut way = vec![signer.clone()];
    let mut next = 0;
    while let Some(lower) = way.get(next).cloned() {
        next += 1;
        let above = cas.iter().filter(|ca| ca.subject_der() == lower.issuer_der());
        let new: Vec<_> = above.filter(|ca| !way.contains(ca)).cloned().collect();
        way.extend(new);
    }
    way.into()
}

fn goes_back(list: &CrlAge, newest: &CrlAge) -> String {
    format!("the list ({list}) is older than one seen before ({newest})")
}

fn not_kept(error: &StoreError) -> String {
    let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
    format!("the list cannot be compared with those seen before: {error}{cause}")
}
