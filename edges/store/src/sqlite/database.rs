//! One SQLite file: the thread that writes it and the connections that read it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tessera_authorization_server::ports::StoreError;

use super::SqliteSettings;
use super::connection;
use super::error::{OpenError, SqliteError};
use super::migrate::{self, Recognised, Schema};
use super::readers::Readers;
use super::writer::{WriteStatistics, Writer};
use crate::private_file::{self, Beside, Presence};

/// A file that is open, its schema up to date.
#[derive(Debug)]
pub(super) struct Database {
    // Before the writer, that is closed first: the last connection to close writes the log into the database and takes it
    // away, and a reader cannot.
    readers: Arc<Readers>,
    writer: Writer,
}

impl Database {
    /// Opens or creates the file at `path`; `first` is what has to be written before anything else is.
    ///
    /// # Errors
    /// [`OpenError`] says what the operator must change.
    pub(super) fn open(
        path: &Path,
        schema: &Schema,
        settings: &SqliteSettings,
        first: impl FnOnce(&Connection) -> Result<(), SqliteError>,
    ) -> Result<Self, OpenError> {
        private_file::prepare(path)?;
        let mut writing = connection::for_writing(path, settings.busy_timeout, schema.pages)?;
        migrate::migrate(&mut writing, schema)?;
        first(&writing).map_err(OpenError::Unreadable)?;
        let readers = (0..settings.readers.max(1))
            .map(|_| connection::for_reading(path, settings.busy_timeout))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            writer: Writer::start(writing, settings.queue, settings.batch).map_err(OpenError::Thread)?,
            readers: Arc::new(Readers::new(readers)),
        })
    }

    /// Whether [`Self::open`] would take the file, as far as that can be told without making or changing anything.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn check(path: &Path, schema: &Schema) -> Result<(), OpenError> {
        match private_file::judge(path, Beside::OtherFiles)? {
            Presence::Missing => Ok(()),
            // SQLite would take a log beside an empty file away.
            Presence::Present if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) => Ok(()),
            Presence::Present => {
                match connection::for_looking(path).and_then(|connection| migrate::recognise(&connection, schema)) {
                    // Another process is at it in a way that lets nobody look; opening will tell.
                    Err(OpenError::Sqlite(error)) if is_about_access(&error) => Ok(()),
                    recognised => recognised.map(|_| ()),
                }
            }
        }
    }

    /// Whether the file is there, with the schema of this version.
    ///
    /// # Errors
    /// [`OpenError::OlderSchema`] when it has to be made or migrated first; as [`Self::open`].
    pub(super) fn demand_current(path: &Path, schema: &Schema) -> Result<(), OpenError> {
        Self::check(path, schema)?;
        let known = schema.newest();
        let found = match private_file::judge(path, Beside::OtherFiles)? {
            Presence::Missing => 0,
            Presence::Present if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) => 0,
            Presence::Present => match migrate::recognise(&connection::for_looking(path)?, schema)? {
                Recognised::Empty => 0,
                Recognised::Ours { newest } => newest,
            },
        };
        if found == known { Ok(()) } else { Err(OpenError::OlderSchema { found, known }) }
    }

    pub(super) fn statistics(&self) -> WriteStatistics {
        self.writer.statistics()
    }

    /// Runs `operation` in a shared transaction; its error undoes all that it wrote.
    pub(super) async fn write<T, F>(&self, action: &'static str, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        self.writer.run(operation).await.map_err(|error| StoreError::new(action, error))
    }

    /// The same for an operation of one statement, which SQLite undoes by itself when it fails.
    pub(super) async fn write_one<T, F>(&self, action: &'static str, statement: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        self.writer.run_one(statement).await.map_err(|error| StoreError::new(action, error))
    }

    /// Reads where it is called: for look-ups by key, which take microseconds.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, SqliteError>) -> Result<T, SqliteError> {
        self.readers.read(read)
    }

    /// Reads on a thread that may block, not on one that serves requests.
    pub(super) async fn read_elsewhere<T, F>(&self, action: &'static str, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.read(read))
            .await
            .map_err(|error| StoreError::new(action, error))?
            .map_err(|error| StoreError::new(action, error))
    }

    /// Repeats a bounded removal until it finds less than it may take.
    pub(super) async fn purge_all<F>(&self, batch: u32, removal: F) -> Result<u64, StoreError>
    where
        F: Fn(&Connection, u32) -> Result<u64, SqliteError> + Clone + Send + 'static,
    {
        let most = batch.max(1);
        let mut removed = 0;
        loop {
            let removal = removal.clone();
            let batch = self.write("purge", move |connection| removal(connection, most)).await?;
            removed += batch;
            if batch < u64::from(most) {
                return Ok(removed);
            }
        }
    }

    /// Goes through the queue and the write lock to the disk, so that a store that could take no request does not call
    /// itself ready.
    ///
    /// SQLite writes no page whose rows stay as they are, and a transaction that writes none needs no room. The version
    /// number that it keeps for programs is written whatever it was; this one has no use for it.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.write("answer a ping", |connection| Ok(connection.pragma_update(None, "user_version", 0)?)).await
    }
}

fn is_about_access(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, ReadOnly};
    error.sqlite_error_code().is_some_and(|code| matches!(code, CannotOpen | DatabaseBusy | DatabaseLocked | ReadOnly))
}
