//! The newest revocation list of each place.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tessera_authorization_server::ports::{KeptList, ListKeeping, ListPlace, RevocationListStore, StoreError};
use tessera_trust::community::CommunityId;
use tessera_trust::{Crl, CrlAge, UnixTime};

use super::MemoryStore;
use crate::limits::{self, StoreLimits, TableFull};

#[async_trait]
impl RevocationListStore for MemoryStore {
    async fn keep_list(&self, place: &ListPlace, list: Arc<Crl>, now: UnixTime) -> Result<ListKeeping, StoreError> {
        let kept = self.state().lists.keep(place, list, now, &self.limits);
        kept.map_err(|error| StoreError::new("keep a revocation list", error))
    }

    async fn kept_list(&self, place: &ListPlace) -> Result<Option<KeptList>, StoreError> {
        let state = self.state();
        let kept = state.lists.by_place.get(place);
        Ok(kept.map(|kept| KeptList { age: kept.age, der: kept.list.as_ref().map(|list| list.der().to_vec()) }))
    }
}

#[derive(Debug, Default)]
pub(super) struct Lists {
    by_place: HashMap<ListPlace, Kept>,
}

#[derive(Debug)]
struct Kept {
    age: CrlAge,
    next_update: UnixTime,
    /// `None` when it had to make room.
    list: Option<Arc<Crl>>,
}

impl Lists {
    fn keep(
        &mut self,
        place: &ListPlace,
        list: Arc<Crl>,
        now: UnixTime,
        limits: &StoreLimits,
    ) -> Result<ListKeeping, TableFull> {
        match self.by_place.get(place) {
            Some(kept) if list.age().goes_back_behind(&kept.age) => return Ok(ListKeeping::GoesBack(kept.age)),
            Some(_) => {}
            None => self.make_room_for_a_place(&place.community, now, limits)?,
        }
        let kept = Kept { age: list.age(), next_update: list.next_update(), list: Some(list) };
        self.by_place.insert(place.clone(), kept);
        self.make_room_for_bytes(&place.community, limits);
        Ok(ListKeeping::Kept)
    }

    fn make_room_for_a_place(
        &mut self,
        community: &CommunityId,
        now: UnixTime,
        limits: &StoreLimits,
    ) -> Result<(), TableFull> {
        let of_community = || self.by_place.iter().filter(|(place, _)| place.community == *community);
        if (of_community().count() as u64) < limits.revocation_lists_of_one_community {
            return Ok(());
        }
        let ages_end = limits::ages_of_lists_end(now);
        let ended = of_community().filter(|(_, kept)| kept.next_update < now && kept.age.this_update < ages_end);
        let first = ended.min_by_key(|(_, kept)| kept.next_update).map(|(place, _)| place.clone());
        let first = first.ok_or(TableFull("places of revocation lists"))?;
        self.by_place.remove(&first);
        Ok(())
    }

    fn make_room_for_bytes(&mut self, community: &CommunityId, limits: &StoreLimits) {
        let of_community = self.by_place.iter_mut().filter(|(place, _)| place.community == *community);
        let mut kept: Vec<&mut Kept> = of_community.map(|(_, kept)| kept).collect();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.next_update));
        let mut bytes = 0;
        for kept in kept {
            bytes += kept.list.as_ref().map_or(0, |list| list.der().len() as u64);
            if bytes > limits.revocation_list_bytes_of_one_community {
                kept.list = None;
            }
        }
    }
}
