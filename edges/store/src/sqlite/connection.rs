//! How a connection is opened, so that every one of them keeps the same promises.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::OpenError;

/// Statements kept prepared by each connection; the store has fewer than these.
const PREPARED_STATEMENTS: usize = 64;

/// How a file is cut and how much of it the writer keeps in memory.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    /// Bytes of a page: a power of two from 512 to 65 536.
    pub(super) size: i64,
    /// The writer's cache, in KiB.
    pub(super) cache_kib: i64,
}

/// `PRAGMA synchronous` FULL: in WAL mode every commit is on the disk before it is answered (NORMAL syncs none).
const FULL: i64 = 2;

/// Opens the connection of the writing thread: write-ahead log, a sync for each commit, foreign keys.
///
/// # Errors
/// [`OpenError`] when SQLite refuses, or does not do what was asked.
///
/// Source: security invariant 24
pub(super) fn for_writing(path: &Path, busy_timeout: Duration, pages: Pages) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, busy_timeout)?;
    // Takes effect on a file that has nothing in it yet.
    connection.pragma_update(None, "page_size", pages.size)?;
    connection.pragma_update(None, "cache_size", -pages.cache_kib)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(OpenError::NoWriteAheadLog(mode));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where an ordinary sync stays in the drive's cache (macOS), ask for the real one; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    expect_setting(&connection, "synchronous", FULL)?;
    expect_setting(&connection, "foreign_keys", 1)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
///
/// # Errors
/// [`OpenError`] when SQLite refuses.
pub(super) fn for_reading(path: &Path, busy_timeout: Duration) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a connection that looks at a file and leaves no trace, neither beside it nor in it.
///
/// A database without a log beside it is read as a file that nobody changes. With one (a node is running, or was killed)
/// the log is read too, through the index that is there.
///
/// # Errors
/// [`OpenError`] when SQLite refuses.
pub(super) fn for_looking(path: &Path) -> Result<Connection, OpenError> {
    let is_there = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Path::new(&name).exists()
    };
    let how = if is_there("-wal") && is_there("-shm") { "readonly_shm=1" } else { "immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let uri = format!("file:{}?{how}", escaped(path));
    open(Path::new(&uri), flags, Duration::from_secs(1))
}

/// The path as SQLite reads it in a URI.
///
/// Source: SQLite, "URI Filenames", 3.1
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Those who open for work leave out URI file names on purpose: a path that begins with `file:` is a path.
fn open(path: &Path, flags: OpenFlags, busy_timeout: Duration) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // The file may have been written by somebody else: its schema gets no functions with effects.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(connection)
}

fn expect_setting(connection: &Connection, setting: &'static str, expected: i64) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, setting, |row| row.get(0))?;
    if found == expected { Ok(()) } else { Err(OpenError::SettingRefused { setting }) }
}
