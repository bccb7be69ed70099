//! What can go wrong while the store opens, and while it works.

use std::io;
use std::sync::Arc;

use crate::limits::TableFull;
use crate::private_file::FileError;

/// Why a database was not opened; the text says what the operator can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its folder cannot be used, or is not ours alone.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is somebody else's SQLite database.
    #[error("the file is a database of another program (application id {0:#010x})")]
    ForeignDatabase(i32),
    /// The database was written by a newer version of this program.
    #[error("the database has schema {found}, this program knows up to {known}; start the newer version")]
    NewerSchema {
        /// The newest migration recorded in the file.
        found: u32,
        /// The newest migration this program has.
        known: u32,
    },
    /// The database is not there, or was not brought up to date by a node of this version.
    #[error("the database has schema {found}, this program needs {known}; start the node of this version first")]
    OlderSchema {
        /// The newest migration recorded in the file; 0 when there is none.
        found: u32,
        /// The newest migration this program has.
        known: u32,
    },
    /// The file system does not allow what the write-ahead log needs (network folders mostly do not).
    #[error("the database cannot use a write-ahead log here (journal mode {0}); use a local disk")]
    NoWriteAheadLog(String),
    /// SQLite did not take a setting on which durability rests.
    #[error("SQLite did not accept {setting}")]
    SettingRefused {
        /// The pragma.
        setting: &'static str,
    },
    /// SQLite refused something else.
    #[error("SQLite refused to open the database")]
    Sqlite(#[from] rusqlite::Error),
    /// The records cannot be read.
    #[error("the records of the database cannot be read")]
    Unreadable(#[source] SqliteError),
    /// The writing thread could not be started.
    #[error("the store's thread could not be started")]
    Thread(#[source] io::Error),
}

/// Why an operation has no answer; reaches the roles as their opaque store error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// Too many operations wait already.
    #[error("the store's queue is full")]
    QueueFull,
    /// A table has reached its cap.
    #[error(transparent)]
    TableFull(#[from] TableFull),
    /// A new client_id is another party's already.
    #[error("the client_id is taken")]
    IdTaken,
    /// The store is being closed.
    #[error("the store is closed")]
    Stopped,
    /// The shared commit failed; none of its operations counts.
    #[error("the shared commit failed")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// SQLite failed.
    #[error("SQLite failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds what this program never writes.
    #[error("the database holds a value that cannot be read: {0}")]
    Unreadable(&'static str),
    /// A number does not fit the column.
    #[error("{0} is out of range for the database")]
    OutOfRange(&'static str),
    /// An operation panicked; its writes were undone.
    #[error("an operation of the store panicked: {0}")]
    Panic(String),
}
