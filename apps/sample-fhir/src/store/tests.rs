//! Versions, limits and what is forgotten.

use super::*;
use crate::search::index::Interner;
use crate::search::query::Handling;

const KIND: ResourceType = ResourceType::Patient;

fn small() -> Limits {
    Limits { resources: 3, bytes: 1 << 20, versions: 3, retired: 100, page: 1 << 20 }
}

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn with_draft<T>(body: &str, act: impl FnOnce(&Draft<'_>) -> T) -> T {
    act(&Draft::read(body.as_bytes(), KIND, &mut Interner::default()).unwrap())
}

fn put(store: &mut Store, name: &str, expected: &Expected) -> Result<Written, WriteRefusal> {
    with_draft(r#"{"resourceType":"Patient","gender":"other"}"#, |draft| store.update(draft, id(name), expected, 5))
}

fn numbers(store: &Store, name: &str) -> Vec<u32> {
    store.history(KIND, &id(name)).iter().map(|version| version.number).collect()
}

/// The count of bytes must never drift from what is there.
fn assert_counted(store: &Store) {
    let slots = || store.slots.values().flat_map(BTreeMap::values);
    assert_eq!(store.bytes, slots().map(Slot::cost).sum::<usize>());
    assert_eq!(store.resources, slots().count());
}

#[test]
fn versions_count_up_through_deletion_and_return() {
    let mut store = Store::new(small());
    assert_eq!(put(&mut store, "a", &Expected::Anything).unwrap().version.change, Change::CreatedByUpdate);
    assert_eq!(put(&mut store, "a", &Expected::Anything).unwrap().version.change, Change::Updated);
    assert_eq!(store.delete(KIND, &id("a"), &Expected::Anything, 6).unwrap().unwrap().number, 3);
    assert!(matches!(store.read(KIND, &id("a")), Lookup::Deleted(_)));
    assert!(matches!(store.version(KIND, &id("a"), 2), Lookup::Found(_)));
    assert!(matches!(store.version(KIND, &id("a"), 3), Lookup::Deleted(_)));
    assert!(store.delete(KIND, &id("a"), &Expected::Anything, 6).unwrap().is_none());
    let back = put(&mut store, "a", &Expected::Anything).unwrap().version;
    assert_eq!((back.number, back.change), (4, Change::CreatedByUpdate));
    assert_eq!(store.count(KIND), 1);
    assert_counted(&store);
}

#[test]
fn conditions_are_judged_against_what_is_not_deleted() {
    let mut store = Store::new(small());
    let failed = |result| matches!(result, Err(WriteRefusal::PreconditionFailed));
    assert!(failed(put(&mut store, "a", &Expected::Existing)));
    assert!(failed(put(&mut store, "a", &Expected::OneOf(vec![1]))));
    assert!(put(&mut store, "a", &Expected::Absent).is_ok());
    assert!(failed(put(&mut store, "a", &Expected::Absent)));
    assert!(failed(put(&mut store, "a", &Expected::OneOf(vec![2]))));
    assert!(failed(put(&mut store, "a", &Expected::OneOf(vec![]))));
    assert!(put(&mut store, "a", &Expected::OneOf(vec![7, 1])).is_ok());
    assert!(put(&mut store, "a", &Expected::Existing).is_ok());
    assert!(store.delete(KIND, &id("a"), &Expected::OneOf(vec![1]), 6).is_err());
    assert!(store.delete(KIND, &id("a"), &Expected::OneOf(vec![3]), 6).is_ok());
    assert!(failed(put(&mut store, "a", &Expected::OneOf(vec![4]))));
    assert!(put(&mut store, "a", &Expected::Absent).is_ok());
}

#[test]
fn history_of_one_is_bounded() {
    let mut store = Store::new(small());
    for _ in 0..10 {
        put(&mut store, "a", &Expected::Anything).unwrap();
        assert_counted(&store);
    }
    assert_eq!(numbers(&store, "a"), [10, 9, 8]);
    assert!(matches!(store.version(KIND, &id("a"), 1), Lookup::Unknown));
}

#[test]
fn history_of_all_is_bounded() {
    let mut store = Store::new(Limits { retired: 4, versions: 100, ..small() });
    for _ in 0..10 {
        put(&mut store, "a", &Expected::Anything).unwrap();
        put(&mut store, "b", &Expected::Anything).unwrap();
    }
    assert_eq!(numbers(&store, "a"), [10, 9, 8]);
    assert_eq!(numbers(&store, "b"), [10, 9, 8]);
    assert_eq!(store.retired.len(), 4);
    assert_counted(&store);
}

#[test]
fn a_full_store_forgets_what_was_deleted_and_then_refuses() {
    let mut store = Store::new(small());
    for name in ["a", "b", "c"] {
        put(&mut store, name, &Expected::Anything).unwrap();
    }
    assert!(matches!(put(&mut store, "d", &Expected::Anything), Err(WriteRefusal::Full)));
    store.delete(KIND, &id("a"), &Expected::Anything, 6).unwrap();
    put(&mut store, "d", &Expected::Anything).unwrap();
    assert!(matches!(store.read(KIND, &id("a")), Lookup::Unknown));
    assert!(matches!(put(&mut store, "a", &Expected::Anything), Err(WriteRefusal::Full)));
    assert_counted(&store);
}

#[test]
fn the_bytes_of_all_are_bounded() {
    let mut store = Store::new(Limits { resources: 1_000, bytes: 20_000, versions: 100, ..small() });
    for _ in 0..200 {
        put(&mut store, "a", &Expected::Anything).unwrap();
        assert!(store.bytes <= 20_000);
    }
    let mut kept = 0;
    while put(&mut store, &format!("b{kept}"), &Expected::Anything).is_ok() {
        kept += 1;
        assert!(store.bytes <= 20_000 && kept < 1_000);
    }
    assert_eq!(numbers(&store, "a"), [200]);
    store.delete(KIND, &id("a"), &Expected::Anything, 6).unwrap();
    assert_counted(&store);
}

#[test]
fn created_ids_step_over_taken_ones() {
    let mut store = Store::new(small());
    put(&mut store, "new-1", &Expected::Anything).unwrap();
    let created = with_draft(r#"{"resourceType":"Patient"}"#, |draft| store.create(draft, 5).unwrap());
    assert_eq!(created.id.as_str(), "new-2");
}

#[test]
fn pages_end_by_count_or_bytes_and_cover_everything_once() {
    let mut store = Store::new(Limits { resources: 100, ..small() });
    for number in 0..7 {
        put(&mut store, &format!("a{number}"), &Expected::Anything).unwrap();
    }
    store.delete(KIND, &id("a3"), &Expected::Anything, 6).unwrap();
    let mut query = Query::read(KIND, vec![("_count".into(), "4".into())], Handling::Strict, "").unwrap();
    let first = store.search(KIND, &query);
    assert_eq!((first.total, first.resources.len(), first.has_next), (6, 4, true));
    query.after = first.resources.last().map(|(id, _)| id.clone());
    let second = store.search(KIND, &query);
    assert_eq!((second.total, second.resources.len(), second.has_next), (6, 2, false));

    store.limits.page = 1;
    query.after = None;
    let small = store.search(KIND, &query);
    assert_eq!((small.resources.len(), small.has_next), (1, true));
    query.count = 0;
    assert_eq!(store.search(KIND, &query).resources.len(), 0);
}
