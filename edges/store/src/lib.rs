//! Where the roles' state is kept: the one crate with SQL.
//!
//! The ports ([`tessera_authorization_server::ports`], [`tessera_gateway::ports::TokenStatusSource`]) speak in intents, one atomic operation each. Two back ends keep
//! them: [`memory::MemoryStore`] for tests, [`sqlite::SqliteStore`] for a node with its own disk. One suite of tests,
//! `contract`, runs unchanged on both, so that they can be told apart by speed and by what a power cut leaves, and by
//! nothing else.
//!
//! What must hold of both: a single-use record is spent by one conditional write; success is answered after it is
//! kept; every table has a cap and a purge; nothing is decided from what an earlier call left in the caller's memory.
//!
//! ```
//! use tessera_store::sqlite::{SqliteSettings, SqliteStore};
//! use tessera_trust::UnixTime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = SqliteStore::open(&folder.path().join("tessera.db"), &SqliteSettings::default(), UnixTime::from_secs(1_800_000_000))?;
//! assert_eq!(store.write_statistics().commits, 0);
//! # Ok(())
//! # }
//! ```
//!
//! Source: security invariants 23, 24, 25, 30, 31

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod change;
#[cfg(test)]
mod contract;
mod gateway;
pub mod limits;
pub mod memory;
pub mod private_file;
pub mod sqlite;
