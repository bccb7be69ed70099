//! The ages of lists without a store: for as long as the process lives.

use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tessera_authorization_server::ports::{KeptList, ListKeeping, ListPlace, RevocationListStore, StoreError};
use tessera_trust::{Crl, CrlAge, UnixTime};

/// Places whose ages are remembered.
const CAPACITY: usize = 4_096;

/// What stands in for a store where a process has none (a client on the command line): it knows how old the lists were
/// that it has seen itself, and no list of before.
#[derive(Debug, Default)]
pub(super) struct Unkept {
    ages: Mutex<HashMap<ListPlace, CrlAge>>,
}

#[async_trait]
impl RevocationListStore for Unkept {
    async fn keep_list(&self, place: &ListPlace, list: Arc<Crl>, _now: UnixTime) -> Result<ListKeeping, StoreError> {
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        match ages.get(place) {
            Some(kept) if list.age().goes_back_behind(kept) => return Ok(ListKeeping::GoesBack(*kept)),
            None if ages.len() >= CAPACITY => {
                return Err(StoreError::new("remember a revocation list", "there is no room for one more place"));
            }
            _ => {}
        }
        ages.insert(place.clone(), list.age());
        Ok(ListKeeping::Kept)
    }

    async fn kept_list(&self, place: &ListPlace) -> Result<Option<KeptList>, StoreError> {
        let ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ages.get(place).map(|age| KeptList { age: *age, der: None }))
    }
}
