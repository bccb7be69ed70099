//! What is remembered of revocation lists, so that they do not go backwards.

use std::sync::Arc;

use async_trait::async_trait;
use tessera_trust::community::CommunityId;
use tessera_trust::{Crl, CrlAge, UnixTime};

use super::StoreError;

/// Where a revocation list is published, and for whom it was asked: what it is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListPlace {
    /// The community in which it was asked for.
    pub community: CommunityId,
    /// The URL as certificates write it.
    pub url: String,
    /// The issuer's name as certificates show it.
    pub issuer: String,
}

/// Remembers the newest revocation list of each place over a restart, and between nodes.
///
/// An older list that is still fresh proves nothing about what was revoked since; whoever serves it again after a restart
/// must not bring a revoked certificate back.
///
/// Source: security invariants 16 and 25
#[async_trait]
pub trait RevocationListStore: Send + Sync {
    /// Keeps a list that a CA of the community signed, unless it goes back behind what is kept of its place.
    ///
    /// One conditional write, durable before the answer. The age of a list is kept as long as an older one could be
    /// fresh; the list itself may give way to others, those that end first before the others.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails, or has no room for one more place; the list must not be used then.
    ///
    /// Source: RFC 5280 §5.2.3
    async fn keep_list(&self, place: &ListPlace, list: Arc<Crl>, now: UnixTime) -> Result<ListKeeping, StoreError>;

    /// What is kept of a place; `None` when nothing was ever seen there.
    ///
    /// # Errors
    /// [`StoreError`] when the back end fails; an older list must not be used then.
    async fn kept_list(&self, place: &ListPlace) -> Result<Option<KeptList>, StoreError>;
}

/// What became of a list that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKeeping {
    /// It is what is kept of its place now.
    Kept,
    /// It goes back behind a list of this age, which stays.
    GoesBack(CrlAge),
}

/// What is kept of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptList {
    /// How far the CA had come.
    pub age: CrlAge,
    /// The list in DER; `None` when it had to make room.
    pub der: Option<Vec<u8>>,
}
