//! The connections that read, beside the writer and beside each other.
//!
//! In WAL mode a reader sees the last commit and waits for nobody. A read by key takes microseconds, less than handing
//! it to another thread and back, so it runs where it is called, on whichever connection is free.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use rusqlite::Connection;

use super::error::SqliteError;

/// A small fixed set of read-only connections.
pub(crate) struct Readers {
    connections: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self { connections: connections.into_iter().map(Mutex::new).collect(), turn: AtomicUsize::new(0) }
    }

    /// Runs `read` on a free connection, or on the next one in turn when all are busy.
    ///
    /// # Errors
    /// What `read` answers, and [`SqliteError::Stopped`] when there is no connection.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, SqliteError>) -> Result<T, SqliteError> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len().max(1);
        let (before, after) = self.connections.split_at(first);
        for connection in after.iter().chain(before) {
            // A panic while reading leaves a connection as good as before: its statements were reset by their drops.
            match connection.try_lock() {
                Ok(connection) => return read(&connection),
                Err(TryLockError::Poisoned(poisoned)) => return read(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let connection = self.connections.get(first).ok_or(SqliteError::Stopped)?;
        read(&connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}
