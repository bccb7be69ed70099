//! The back end for tests: everything in memory, under one lock, gone with the process.
//!
//! One lock makes each operation atomic, which is all that the ports ask. It is not for a node: invariant 25 wants
//! decisions to survive a restart.

mod revocation_list;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tessera_authorization_server::ports::{
    Cancelled, ClientFilter, JtiSpend, MassRevocation, OperatorStore, PurgeReport, Registered, RegistrationStore,
    ReplayStore, RevocationStore, Revoked, Spend, StoreError, TokenReference, TokenRevocation, TokenStatus,
};
use tessera_authorization_server::registered::{Registration, RegistrationDraft, RegistrationStatus};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri, Jti};

use crate::change::{self, ClientFacts, Standing, TokenFacts};
use crate::limits::{self, Room, StoreLimits, TableFull};

/// The store ports over the memory of this process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    limits: StoreLimits,
    state: Mutex<State>,
}

/// Whose share a record counts to: a community and a URI in it.
type Party = (CommunityId, String);

#[derive(Debug, Default)]
struct State {
    registrations: HashMap<ClientId, Registration>,
    /// The registration of each party that has not been cancelled.
    live: HashMap<(GroupName, CommunityId, ClientUri), ClientId>,
    spent: HashMap<Party, HashMap<Jti, UnixTime>>,
    spent_count: u64,
    /// The latest end of a spent id that was purged.
    horizon: UnixTime,
    revoked: HashMap<Jti, (UnixTime, Party)>,
    marks: Vec<(MassRevocation, UnixTime)>,
    lists: revocation_list::Lists,
}

impl MemoryStore {
    /// An empty store with these caps.
    #[must_use]
    pub fn new(limits: StoreLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Every change is made whole before the lock is released, also when a thread panics.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RegistrationStore for MemoryStore {
    async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        Ok(self.state().registrations.get(id).cloned())
    }

    async fn register(&self, draft: RegistrationDraft) -> Result<Registered, StoreError> {
        let mut state = self.state();
        let registered = change::register(state.live_of(&draft.group, &draft.community, &draft.client_uri), draft);
        match &registered {
            Registered::Created(registration) => {
                state
                    .make_room_for_registration(self.limits.registrations)
                    .map_err(|error| StoreError::new("register", error))?;
                if state.registrations.contains_key(&registration.client_id) {
                    return Err(StoreError::new("register", "the client_id is taken"));
                }
                state.put(registration.clone());
            }
            Registered::Changed(registration) => state.put(registration.clone()),
            Registered::Blocked(_) => {}
        }
        Ok(registered)
    }

    async fn cancel(
        &self,
        group: &GroupName,
        community: &CommunityId,
        uri: &ClientUri,
        at: UnixTime,
    ) -> Result<Cancelled, StoreError> {
        let mut state = self.state();
        let cancelled = change::cancel(state.live_of(group, community, uri), at);
        if let Cancelled::Cancelled(registration) = &cancelled {
            state.put(registration.clone());
        }
        Ok(cancelled)
    }
}

#[async_trait]
impl ReplayStore for MemoryStore {
    async fn spend_jti(&self, spend: JtiSpend) -> Result<Spend, StoreError> {
        self.state().spend_jti(spend, &self.limits).map_err(|error| StoreError::new("spend a jti", error))
    }
}

#[async_trait]
impl RevocationStore for MemoryStore {
    async fn revoke_token(&self, revocation: TokenRevocation) -> Result<Revoked, StoreError> {
        self.state().revoke_token(revocation, &self.limits).map_err(|error| StoreError::new("revoke a token", error))
    }

    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, StoreError> {
        let state = self.state();
        let registration = state.registrations.get(&token.client_id);
        let client = registration.filter(|client| client.community == token.community).map(|client| ClientFacts {
            standing: Standing::from(&client.status),
            version: client.version,
            tokens_from_version: client.tokens_from_version,
        });
        let facts = TokenFacts {
            client,
            revoked: state.revoked.contains_key(&token.jti),
            marked: state.marks.iter().any(|(which, at)| *at >= token.issued_at && is_of(token, which)),
        };
        Ok(change::token_status(token, &facts))
    }

    async fn revoke_tokens(&self, which: MassRevocation, at: UnixTime) -> Result<u64, StoreError> {
        let mut state = self.state();
        let live = state.registrations.values().filter(|registration| !change::is_cancelled(registration));
        let concerned = live.filter(|registration| concerns(&which, registration)).count();
        match state.marks.iter_mut().find(|(marked, _)| *marked == which) {
            Some((_, until)) => *until = at.max(*until),
            None => state.marks.push((which, at)),
        }
        Ok(concerned as u64)
    }
}

#[async_trait]
impl OperatorStore for MemoryStore {
    async fn clients(&self, filter: &ClientFilter) -> Result<Vec<Registration>, StoreError> {
        let state = self.state();
        let mut found: Vec<&Registration> =
            state.registrations.values().filter(|registration| passes(filter, registration)).collect();
        found.sort_by_key(|registration| {
            (
                registration.community.as_str(),
                registration.client_uri.as_str(),
                registration.group.as_str(),
                registration.created_at,
                registration.client_id.as_str(),
            )
        });
        Ok(found.into_iter().take(limits::listed(filter)).cloned().collect())
    }

    async fn block(&self, id: &ClientId, reason: &str, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        Ok(self.state().replace(id, |former| change::block(former, reason, at)))
    }

    async fn unblock(&self, id: &ClientId, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        Ok(self.state().replace(id, |former| change::unblock(former, at)))
    }

    async fn purge(&self, now: UnixTime) -> Result<PurgeReport, StoreError> {
        let mut state = self.state();
        let marks_end = limits::marks_end(now);
        Ok(PurgeReport {
            spent_jtis: state.purge_spent(now),
            revoked_tokens: state.purge_revoked(limits::revoked_tokens_end(now)),
            mass_revocations: state.purge_marks(marks_end),
            registrations: state.purge_registrations(marks_end),
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl State {
    fn live_of(&self, group: &GroupName, community: &CommunityId, uri: &ClientUri) -> Option<&Registration> {
        let id = self.live.get(&(group.clone(), community.clone(), uri.clone()))?;
        self.registrations.get(id)
    }

    fn put(&mut self, registration: Registration) {
        let party = (registration.group.clone(), registration.community.clone(), registration.client_uri.clone());
        if change::is_cancelled(&registration) {
            self.live.remove(&party);
        } else {
            self.live.insert(party, registration.client_id.clone());
        }
        self.registrations.insert(registration.client_id.clone(), registration);
    }

    fn replace(
        &mut self,
        id: &ClientId,
        change: impl FnOnce(&Registration) -> Option<Registration>,
    ) -> Option<Registration> {
        let changed = self.registrations.get(id).and_then(change)?;
        self.put(changed.clone());
        Some(changed)
    }

    fn make_room_for_registration(&mut self, most: u64) -> Result<(), TableFull> {
        if (self.registrations.len() as u64) < most {
            return Ok(());
        }
        let oldest = self
            .registrations
            .values()
            .filter_map(|registration| Some((cancelled_at(registration)?, registration.client_id.clone())))
            .min()
            .ok_or(TableFull("registrations"))?;
        self.registrations.remove(&oldest.1);
        Ok(())
    }

    /// The same rule as SQLite's conditional write: new or ended is a first use, anything else a replay.
    fn spend_jti(&mut self, spend: JtiSpend, limits: &StoreLimits) -> Result<Spend, TableFull> {
        let party = (spend.community, spend.issuer);
        if self.room_for_spent_id(&party, limits) != Room::Free {
            self.purge_spent(spend.now);
        }
        match self.room_for_spent_id(&party, limits) {
            Room::Free => {}
            Room::ShareUsedUp => return Ok(Spend::ShareUsedUp),
            Room::TableFull => return Err(TableFull("spent JWT ids")),
        }
        if spend.until <= self.horizon {
            return Ok(Spend::Replayed);
        }
        let ids = self.spent.entry(party).or_default();
        match ids.get(&spend.jti) {
            Some(until) if *until >= spend.now => Ok(Spend::Replayed),
            former => {
                self.spent_count += u64::from(former.is_none());
                ids.insert(spend.jti, spend.until.max(spend.now));
                Ok(Spend::Fresh)
            }
        }
    }

    fn room_for_spent_id(&self, party: &Party, limits: &StoreLimits) -> Room {
        let of_one = self.spent.get(party).map_or(0, HashMap::len) as u64;
        limits.room_for_spent_id(of_one, self.spent_count)
    }

    /// The same rule as SQLite's: again needs no room, and at a cap what has ended goes first.
    fn revoke_token(&mut self, revocation: TokenRevocation, limits: &StoreLimits) -> Result<Revoked, TableFull> {
        if let Some((until, _)) = self.revoked.get_mut(&revocation.jti) {
            *until = revocation.until.max(*until);
            return Ok(Revoked::Dead);
        }
        let party = (revocation.community, revocation.client_uri.as_str().to_owned());
        if self.room_for_revocation(&party, limits) != Room::Free {
            self.purge_revoked(limits::revoked_tokens_end(revocation.now));
        }
        match self.room_for_revocation(&party, limits) {
            Room::Free => {}
            Room::ShareUsedUp => return Ok(Revoked::ShareUsedUp),
            Room::TableFull => return Err(TableFull("revoked tokens")),
        }
        self.revoked.insert(revocation.jti, (revocation.until, party));
        Ok(Revoked::Dead)
    }

    fn room_for_revocation(&self, party: &Party, limits: &StoreLimits) -> Room {
        let of_one = self.revoked.values().filter(|(_, of)| of == party).count() as u64;
        limits.room_for_revocation(of_one, self.revoked.len() as u64)
    }

    fn purge_spent(&mut self, now: UnixTime) -> u64 {
        let mut removed = 0;
        for ids in self.spent.values_mut() {
            ids.retain(|_, until| {
                let ended = *until < now;
                if ended {
                    removed += 1;
                    self.horizon = self.horizon.max(*until);
                }
                !ended
            });
        }
        self.spent.retain(|_, ids| !ids.is_empty());
        self.spent_count -= removed;
        removed
    }

    fn purge_revoked(&mut self, before: UnixTime) -> u64 {
        let held = self.revoked.len();
        self.revoked.retain(|_, (until, _)| *until >= before);
        (held - self.revoked.len()) as u64
    }

    fn purge_marks(&mut self, before: UnixTime) -> u64 {
        let held = self.marks.len();
        self.marks.retain(|(_, at)| *at >= before);
        (held - self.marks.len()) as u64
    }

    fn purge_registrations(&mut self, before: UnixTime) -> u64 {
        let held = self.registrations.len();
        self.registrations.retain(|_, registration| cancelled_at(registration).is_none_or(|at| at >= before));
        (held - self.registrations.len()) as u64
    }
}

fn cancelled_at(registration: &Registration) -> Option<UnixTime> {
    match registration.status {
        RegistrationStatus::Cancelled { at } => Some(at),
        _ => None,
    }
}

fn is_of(token: &TokenReference, which: &MassRevocation) -> bool {
    match which {
        MassRevocation::Client(id) => token.client_id == *id,
        MassRevocation::Community(id) => token.community == *id,
        MassRevocation::Certificate(digest) => token.certificate == *digest,
    }
}

fn concerns(which: &MassRevocation, registration: &Registration) -> bool {
    match which {
        MassRevocation::Client(id) => registration.client_id == *id,
        MassRevocation::Community(id) => registration.community == *id,
        MassRevocation::Certificate(digest) => registration.certificate == *digest,
    }
}

fn passes(filter: &ClientFilter, registration: &Registration) -> bool {
    filter.community.as_ref().is_none_or(|community| registration.community == *community)
        && filter.client_uri.as_ref().is_none_or(|uri| registration.client_uri == *uri)
        && filter.client_id.as_ref().is_none_or(|id| registration.client_id == *id)
        && (filter.with_cancelled || !change::is_cancelled(registration))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contract::{Opened, contract};

    fn open(limits: StoreLimits) -> Opened {
        Opened::new(Arc::new(MemoryStore::new(limits)), ())
    }

    contract!(open);
}
