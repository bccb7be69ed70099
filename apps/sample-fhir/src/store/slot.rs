//! One resource through time.

use std::collections::VecDeque;

use axum::body::Bytes;

use crate::search::index::IndexEntry;

/// One version of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// 1 for the first; each change counts one up.
    pub(crate) number: u32,
    /// Milliseconds since 1970 UTC.
    pub(crate) updated: i64,
    pub(crate) change: Change,
    /// Empty when the change was the deletion.
    pub(crate) body: Bytes,
}

/// What made a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A create, the server chose the id.
    Created,
    /// An update of what did not exist, or no longer.
    CreatedByUpdate,
    Updated,
    Deleted,
}

impl Version {
    pub(crate) fn is_deleted(&self) -> bool {
        self.change == Change::Deleted
    }

    /// Bytes of memory that the version is counted with.
    pub(super) fn cost(&self) -> usize {
        self.body.len() + size_of::<Self>()
    }
}

/// A resource's versions, and the index of the current one.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) current: Version,
    /// Oldest first.
    pub(super) earlier: VecDeque<Version>,
    pub(super) index: Vec<IndexEntry>,
}

impl Slot {
    pub(super) fn new(current: Version, index: Vec<IndexEntry>) -> Self {
        Self { current, earlier: VecDeque::new(), index }
    }

    /// Bytes of memory that the slot is counted with, all versions included.
    pub(super) fn cost(&self) -> usize {
        let versions: usize = self.earlier.iter().map(Version::cost).sum();
        index_cost(&self.index) + self.current.cost() + versions + Self::FIXED_COST
    }

    /// The id, the place in the map.
    pub(super) const FIXED_COST: usize = 256;
}

pub(super) fn index_cost(index: &[IndexEntry]) -> usize {
    index.iter().map(IndexEntry::cost).sum()
}
