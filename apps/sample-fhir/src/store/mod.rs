//! The resources: bytes by type and id, bounded in number and size.
//!
//! A search walks all resources of its type. With a few thousand resources and small indexes that costs less than a
//! millisecond, and no second structure has to be kept in step with the first.
//!
//! What is no longer current (earlier versions, marks of deletion) waits in one line; when the store needs room, or
//! the line is full, the oldest is forgotten first. Only current resources can fill the store for good.

mod expected;
mod slot;

use std::collections::{BTreeMap, VecDeque};

use axum::body::Bytes;

pub(crate) use self::expected::Expected;
pub(crate) use self::slot::{Change, Version};
use self::slot::{Slot, index_cost};
use crate::identifier::ResourceId;
use crate::resource::Draft;
use crate::resource_type::ResourceType;
use crate::search::index::IndexEntry;
use crate::search::query::Query;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Resources of all types, marks of deletion included.
    pub(crate) resources: usize,
    /// Bytes of all versions and indexes together, as counted by `cost`.
    pub(crate) bytes: usize,
    /// Versions of one resource, the current one included.
    pub(crate) versions: usize,
    /// Earlier versions and marks of deletion of all resources together.
    pub(crate) retired: usize,
    /// Bytes of resources on one page of a search.
    pub(crate) page: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self { resources: 20_000, bytes: 32 * MIB, versions: 20, retired: 10_000, page: 2 * MIB }
    }
}

/// All resources in memory.
#[derive(Debug)]
pub(crate) struct Store {
    limits: Limits,
    slots: BTreeMap<ResourceType, BTreeMap<ResourceId, Slot>>,
    /// What can be forgotten, oldest first; entries may name what is forgotten already.
    retired: VecDeque<Retired>,
    resources: usize,
    bytes: usize,
    last_id: u64,
}

#[derive(Debug)]
struct Retired {
    kind: ResourceType,
    id: ResourceId,
    number: u32,
}

/// What is known of a resource or a version.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    Found(&'a Version),
    Deleted(&'a Version),
    Unknown,
}

/// A page of a search.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Matches on all pages.
    pub(crate) total: usize,
    pub(crate) resources: Vec<(ResourceId, Bytes)>,
    /// Whether there is a page after this one; it begins after the last id of this one.
    pub(crate) has_next: bool,
}

/// A resource as it was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: ResourceId,
    pub(crate) version: Version,
}

/// Why nothing was written.
#[derive(Debug)]
pub(crate) enum WriteRefusal {
    /// The condition does not hold.
    PreconditionFailed,
    /// No room, although all that can be forgotten is forgotten.
    Full,
    /// The resource could not be put into bytes.
    Unwritable,
}

impl Store {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, slots: BTreeMap::new(), retired: VecDeque::new(), resources: 0, bytes: 0, last_id: 0 }
    }

    /// Resources of a type that are not deleted.
    pub(crate) fn count(&self, kind: ResourceType) -> usize {
        self.slots.get(&kind).map_or(0, |slots| slots.values().filter(|slot| !slot.current.is_deleted()).count())
    }

    pub(crate) fn read(&self, kind: ResourceType, id: &ResourceId) -> Lookup<'_> {
        self.slot(kind, id).map_or(Lookup::Unknown, |slot| Lookup::of(&slot.current))
    }

    pub(crate) fn version(&self, kind: ResourceType, id: &ResourceId, number: u32) -> Lookup<'_> {
        self.slot(kind, id)
            .and_then(|slot| slot.earlier.iter().chain([&slot.current]).find(|version| version.number == number))
            .map_or(Lookup::Unknown, Lookup::of)
    }

    /// The versions that are kept, newest first; none when the resource is unknown.
    pub(crate) fn history(&self, kind: ResourceType, id: &ResourceId) -> Vec<Version> {
        self.slot(kind, id)
            .map(|slot| [&slot.current].into_iter().chain(slot.earlier.iter().rev()).cloned().collect())
            .unwrap_or_default()
    }

    /// The resources that match, in the order of their ids.
    ///
    /// A page ends at `query.count`, or earlier when its bytes reach the limit; it holds at least one match.
    pub(crate) fn search(&self, kind: ResourceType, query: &Query) -> Page {
        let mut page = Page::default();
        let mut bytes = 0;
        let Some(slots) = self.slots.get(&kind) else {
            return page;
        };
        for (id, slot) in slots {
            let current = &slot.current;
            if current.is_deleted() || !query.matches(id, current.updated, &slot.index) {
                continue;
            }
            page.total += 1;
            if query.after.as_ref().is_some_and(|after| id <= after) || page.has_next {
                continue;
            }
            let has_room = page.resources.is_empty() || bytes + current.body.len() <= self.limits.page;
            if page.resources.len() < query.count && has_room {
                bytes += current.body.len();
                page.resources.push((id.clone(), current.body.clone()));
            } else {
                page.has_next = true;
            }
        }
        page
    }

    /// Keeps a new resource under an id of the store's choice.
    pub(crate) fn create(&mut self, draft: &Draft<'_>, now: i64) -> Result<Written, WriteRefusal> {
        let id = self.next_id(draft.kind()).ok_or(WriteRefusal::Full)?;
        self.write(draft, id, Change::Created, now)
    }

    /// Keeps a resource as the next version of `id`, or as its first.
    pub(crate) fn update(
        &mut self,
        draft: &Draft<'_>,
        id: ResourceId,
        expected: &Expected,
        now: i64,
    ) -> Result<Written, WriteRefusal> {
        let existing = self.existing(draft.kind(), &id);
        if !expected.holds(existing) {
            return Err(WriteRefusal::PreconditionFailed);
        }
        let change = if existing.is_some() { Change::Updated } else { Change::CreatedByUpdate };
        self.write(draft, id, change, now)
    }

    /// Deletes what is there; `None` when nothing was, which is no error.
    pub(crate) fn delete(
        &mut self,
        kind: ResourceType,
        id: &ResourceId,
        expected: &Expected,
        now: i64,
    ) -> Result<Option<Version>, WriteRefusal> {
        let existing = self.existing(kind, id);
        if !expected.holds(existing) {
            return Err(WriteRefusal::PreconditionFailed);
        }
        let Some(number) = existing else {
            return Ok(None);
        };
        // No room is asked for: a full store can always be emptied, and a mark is a few words.
        let mark =
            Version { number: number.saturating_add(1), updated: now, change: Change::Deleted, body: Bytes::new() };
        self.put(kind, id.clone(), mark.clone(), Vec::new());
        self.retire(kind, id.clone(), mark.number);
        Ok(Some(mark))
    }

    /// Keeps the first version of a resource that is read from the sample data; false when it cannot.
    pub(crate) fn insert_first(
        &mut self,
        kind: ResourceType,
        id: ResourceId,
        updated: i64,
        body: Bytes,
        index: Vec<IndexEntry>,
    ) -> bool {
        let version = Version { number: 1, updated, change: Change::Created, body };
        if self.slot(kind, &id).is_some() || !self.make_room(version.cost() + index_cost(&index)) {
            return false;
        }
        self.put(kind, id, version, index);
        true
    }

    fn write(&mut self, draft: &Draft<'_>, id: ResourceId, change: Change, now: i64) -> Result<Written, WriteRefusal> {
        let kind = draft.kind();
        if !self.make_room(draft.size_limit() + size_of::<Version>() + index_cost(draft.index())) {
            return Err(WriteRefusal::Full);
        }
        // Looked up only now: making room may have forgotten that this one was deleted.
        let number = self.slot(kind, &id).map_or(1, |slot| slot.current.number.saturating_add(1));
        let body = draft.written(&id, number, now).map_err(|_error| WriteRefusal::Unwritable)?;
        let version = Version { number, updated: now, change, body };
        self.put(kind, id.clone(), version.clone(), draft.index().to_vec());
        Ok(Written { id, version })
    }

    /// Makes a version the current one. The one before it, if any, steps back into the history.
    fn put(&mut self, kind: ResourceType, id: ResourceId, version: Version, index: Vec<IndexEntry>) {
        let Some(slot) = self.slots.get_mut(&kind).and_then(|slots| slots.get_mut(&id)) else {
            let slot = Slot::new(version, index);
            self.bytes += slot.cost();
            self.resources += 1;
            self.slots.entry(kind).or_default().insert(id, slot);
            return;
        };
        let before = slot.cost();
        let previous = std::mem::replace(&mut slot.current, version);
        slot.index = index;
        let (number, is_waiting) = (previous.number, previous.is_deleted());
        slot.earlier.push_back(previous);
        while slot.earlier.len() >= self.limits.versions {
            slot.earlier.pop_front();
        }
        self.bytes = self.bytes.saturating_sub(before) + slot.cost();
        // A mark of deletion joined the line when it was made.
        if !is_waiting {
            self.retire(kind, id, number);
        }
    }

    fn retire(&mut self, kind: ResourceType, id: ResourceId, number: u32) {
        self.retired.push_back(Retired { kind, id, number });
        while self.retired.len() > self.limits.retired {
            self.forget_oldest();
        }
    }

    /// Forgets what waits longest until `bytes` more, and one resource more, would fit.
    fn make_room(&mut self, bytes: usize) -> bool {
        let bytes = bytes + Slot::FIXED_COST;
        while self.bytes + bytes > self.limits.bytes || self.resources >= self.limits.resources {
            if !self.forget_oldest() {
                return false;
            }
        }
        true
    }

    /// Forgets the oldest retired version or mark of deletion; false when there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some(oldest) = self.retired.pop_front() else {
            return false;
        };
        let Some(slots) = self.slots.get_mut(&oldest.kind) else {
            return true;
        };
        let Some(slot) = slots.get_mut(&oldest.id) else {
            return true;
        };
        let before = slot.cost();
        if slot.current.number == oldest.number && slot.current.is_deleted() {
            slots.remove(&oldest.id);
            self.resources -= 1;
            self.bytes = self.bytes.saturating_sub(before);
        } else {
            slot.earlier.retain(|version| version.number != oldest.number);
            self.bytes = self.bytes.saturating_sub(before) + slot.cost();
        }
        true
    }

    fn slot(&self, kind: ResourceType, id: &ResourceId) -> Option<&Slot> {
        self.slots.get(&kind)?.get(id)
    }

    /// The number of the current version of what is not deleted.
    fn existing(&self, kind: ResourceType, id: &ResourceId) -> Option<u32> {
        self.slot(kind, id)
            .map(|slot| &slot.current)
            .filter(|current| !current.is_deleted())
            .map(|current| current.number)
    }

    /// An id that nobody has; ids that a client took by update are stepped over.
    fn next_id(&mut self, kind: ResourceType) -> Option<ResourceId> {
        loop {
            self.last_id = self.last_id.checked_add(1)?;
            let id = ResourceId::parse(&format!("new-{}", self.last_id))?;
            if self.slot(kind, &id).is_none() {
                return Some(id);
            }
        }
    }
}

impl<'a> Lookup<'a> {
    fn of(version: &'a Version) -> Self {
        if version.is_deleted() { Self::Deleted(version) } else { Self::Found(version) }
    }
}

#[cfg(test)]
mod tests;
