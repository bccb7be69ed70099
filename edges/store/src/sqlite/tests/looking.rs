//! [`SqliteStore::check`] tells what opening would say, and leaves no trace.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::private_file::FileError;

/// Names and contents of all that is in a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let folder = folder();
    SqliteStore::check(&database(&folder)).unwrap();
    assert!(contents(folder.path()).is_empty());
    let missing = folder.path().join("none/tessera.db");
    assert!(matches!(SqliteStore::check(&missing), Err(OpenError::File(FileError::Folder { .. }))));
}

#[tokio::test]
async fn a_store_is_recognised_closed_open_and_after_a_kill() {
    let folder = folder();
    let names = |folder: &Path| contents(folder).into_keys().collect::<Vec<_>>();
    let store = store(&folder);
    store.register(draft("one")).await.unwrap();
    SqliteStore::check(&database(&folder)).unwrap();
    // What a killed process leaves: the log and its index beside the file.
    let left = self::folder();
    for name in names(folder.path()) {
        std::fs::copy(folder.path().join(&name), left.path().join(&name)).unwrap();
    }
    assert!(names(left.path()).contains(&"tessera.db-wal".to_owned()), "{:?}", names(left.path()));
    let before = contents(left.path());
    SqliteStore::check(&database(&left)).unwrap();
    assert!(contents(left.path()) == before, "nothing is changed");
    drop(store);
    let before = contents(folder.path());
    SqliteStore::check(&database(&folder)).unwrap();
    assert!(contents(folder.path()) == before, "nothing is changed");
}

#[test]
fn what_opening_would_refuse_is_refused() {
    type Spoil = fn(&Connection);
    type Expected = fn(&OpenError) -> bool;
    let spoils: [(Spoil, Expected); 2] = [
        (
            |connection| {
                connection.execute("INSERT INTO schema_migration (number, name) VALUES (999, 'later')", []).unwrap();
            },
            |refusal| matches!(refusal, OpenError::NewerSchema { found: 999, .. }),
        ),
        (
            |connection| connection.pragma_update(None, "application_id", 7).unwrap(),
            |refusal| matches!(refusal, OpenError::ForeignDatabase(7)),
        ),
    ];
    for of_spent in [false, true] {
        for (spoil, expected) in spoils {
            let folder = folder();
            drop(store(&folder));
            let path = if of_spent { spent_ids_path(&database(&folder)) } else { database(&folder) };
            spoil(&Connection::open(path).unwrap());
            let before = contents(folder.path());
            let refusal = SqliteStore::check(&database(&folder)).unwrap_err();
            assert!(expected(&refusal), "{refusal:?}");
            assert!(contents(folder.path()) == before, "nothing is changed");
            assert!(expected(&SqliteStore::open(&database(&folder), &SqliteSettings::default(), at(NOW)).unwrap_err()));
        }
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = folder();
    drop(store(&folder));
    std::fs::write(database(&folder), "not a database, but long enough to have a header".repeat(40)).unwrap();
    assert!(matches!(SqliteStore::check(&database(&folder)), Err(OpenError::Sqlite(_))));
}

#[test]
fn a_path_is_a_path_whatever_is_in_it() {
    let folder = folder();
    let odd = folder.path().join("a folder?mode=memory&x#y%20z ü");
    std::fs::create_dir(&odd).unwrap();
    let path = odd.join("file:tessera?.db");
    drop(SqliteStore::open(&path, &SqliteSettings::default(), at(NOW)).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "application_id", 7).unwrap();
    assert!(matches!(SqliteStore::check(&path), Err(OpenError::ForeignDatabase(7))));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    drop(store(&folder));
    std::fs::set_permissions(database(&folder), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refusal = SqliteStore::check(&database(&folder)).unwrap_err();
    assert!(matches!(refusal, OpenError::File(FileError::FileOpenToOthers { mode: 0o644, .. })), "{refusal}");
}

/// Whatever a killed process leaves of the log and its index, what opening takes is not refused before.
#[tokio::test]
async fn what_opening_takes_after_a_kill_is_not_refused() {
    let folder = folder();
    let store = store(&folder);
    store.register(draft("one")).await.unwrap();
    let files = contents(folder.path());
    let cut = |name: &'static str, length: usize| {
        move |files: &mut BTreeMap<String, Vec<u8>>| {
            if let Some(content) = files.get_mut(name) {
                content.truncate(length);
            }
        }
    };
    let zero = |name: &'static str| {
        move |files: &mut BTreeMap<String, Vec<u8>>| {
            files.get_mut(name).into_iter().flatten().for_each(|byte| *byte = 0)
        }
    };
    let without = |name: &'static str| {
        move |files: &mut BTreeMap<String, Vec<u8>>| {
            files.remove(name);
        }
    };
    type Kill<'a> = Box<dyn Fn(&mut BTreeMap<String, Vec<u8>>) + 'a>;
    let kills: Vec<(&str, Kill<'_>)> = vec![
        ("as it is", Box::new(|_| {})),
        ("an index of nothing", Box::new(zero("tessera.db-shm"))),
        ("an empty index", Box::new(cut("tessera.db-shm", 0))),
        ("half an index", Box::new(cut("tessera.db-shm", 1000))),
        ("no index", Box::new(without("tessera.db-shm"))),
        ("an empty log", Box::new(cut("tessera.db-wal", 0))),
        ("half a log", Box::new(cut("tessera.db-wal", files["tessera.db-wal"].len() / 2))),
        ("the beginning of a log", Box::new(cut("tessera.db-wal", 20))),
        ("an empty file beside its log", Box::new(cut("tessera.db", 0))),
        ("no spent ids", Box::new(without("tessera.db-spent"))),
        ("an empty file of spent ids", Box::new(cut("tessera.db-spent", 0))),
    ];
    for (what, kill) in kills {
        let mut left = files.clone();
        kill(&mut left);
        let place = self::folder();
        for (name, content) in &left {
            std::fs::write(place.path().join(name), content).unwrap();
            set_private(&place.path().join(name));
        }
        let checked = SqliteStore::check(&database(&place));
        assert!(contents(place.path()) == left, "{what}: nothing is changed");
        let opened = SqliteStore::open(&database(&place), &SqliteSettings::default(), at(NOW));
        assert!(checked.is_ok() || opened.is_err(), "{what}: {checked:?}");
    }
}

fn set_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
