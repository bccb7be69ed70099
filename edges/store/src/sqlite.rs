//! The SQLite back end: one file, one writing thread with shared commits, readers beside it.
//!
//! Nothing is kept in memory between two calls, so that a second process (the operator's command line, a node that
//! replaces this one) may open the same file at any time: what it commits holds here from the next call on.

mod connection;
pub mod error;
mod file;
mod migrate;
mod purge;
mod readers;
mod record;
mod registration;
mod replay;
mod revocation;
mod revocation_list;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tessera_authorization_server::ports::{
    Cancelled, ClientFilter, JtiSpend, MassRevocation, OperatorStore, PurgeReport, Registered, RegistrationStore,
    ReplayStore, RevocationStore, Spend, StoreError, TokenReference, TokenStatus,
};
use tessera_authorization_server::registered::{Registration, RegistrationDraft};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri, Jti};

use self::error::{OpenError, SqliteError};
use self::purge::Ended;
use self::readers::Readers;
use self::record::seconds;
pub use self::writer::WriteStatistics;
use self::writer::Writer;
use crate::limits::{self, StoreLimits};

/// How a store uses its file and its threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// Operations that may wait for the writing thread; the next one is turned away with an error (503).
    pub queue: usize,
    /// Operations that share one commit at most.
    pub batch: usize,
    /// Connections that read.
    pub readers: usize,
    /// How long to wait for another process that holds the file's lock.
    pub busy_timeout: Duration,
    /// The caps of the tables.
    pub limits: StoreLimits,
}

impl Default for SqliteSettings {
    /// 1024 waiting, 256 to a commit, 4 readers, 5 s for other processes.
    fn default() -> Self {
        Self {
            queue: 1024,
            batch: 256,
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            limits: StoreLimits::default(),
        }
    }
}

/// The store ports over one SQLite file.
///
/// Every answer that tells of a change follows its durable commit. Dropping the store waits for the commit under way.
///
/// Source: security invariants 23 to 25
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    limits: StoreLimits,
}

impl SqliteStore {
    /// Opens or creates the database at `path` and brings its schema up to date.
    ///
    /// The file is created with mode 0600. Its folder must exist and be writable by its owner only.
    ///
    /// # Errors
    /// [`OpenError`] says what the operator must change: permissions, a link in the file's place, a newer schema, another
    /// program's file, a file system without what a write-ahead log needs.
    pub fn open(path: &Path, settings: &SqliteSettings) -> Result<Self, OpenError> {
        file::prepare(path)?;
        let mut writing = connection::for_writing(path, settings.busy_timeout)?;
        migrate::migrate(&mut writing)?;
        let readers = (0..settings.readers.max(1))
            .map(|_| connection::for_reading(path, settings.busy_timeout))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            writer: Writer::start(writing, settings.queue, settings.batch).map_err(OpenError::Thread)?,
            readers: Arc::new(Readers::new(readers)),
            limits: settings.limits.clone(),
        })
    }

    /// How many operations were written with how many commits since the store was opened.
    #[must_use]
    pub fn write_statistics(&self) -> WriteStatistics {
        self.writer.statistics()
    }

    async fn write<T, F>(&self, action: &'static str, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SqliteError> + Send + 'static,
    {
        self.writer.run(operation).await.map_err(|error| StoreError::new(action, error))
    }

    /// Repeats a bounded removal until it finds less than it may take.
    async fn purge_all<F>(&self, removal: F) -> Result<u64, StoreError>
    where
        F: Fn(&Connection, u32) -> Result<u64, SqliteError> + Clone + Send + 'static,
    {
        let most = self.limits.purge_batch.max(1);
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

    async fn purge_ended(&self, what: Ended, before: UnixTime) -> Result<u64, StoreError> {
        self.purge_all(move |connection, most| what.purge(connection, seconds(before)?, most)).await
    }
}

#[async_trait]
impl RegistrationStore for SqliteStore {
    async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        self.readers
            .read(|connection| record::by_id(connection, id))
            .map_err(|error| StoreError::new("read a registration", error))
    }

    async fn register(&self, draft: RegistrationDraft) -> Result<Registered, StoreError> {
        let most = self.limits.registrations;
        self.write("register", move |connection| registration::register(connection, draft, most)).await
    }

    async fn cancel(
        &self,
        group: &GroupName,
        community: &CommunityId,
        uri: &ClientUri,
        at: UnixTime,
    ) -> Result<Cancelled, StoreError> {
        let (group, community, uri) = (group.clone(), community.clone(), uri.clone());
        self.write("cancel", move |connection| registration::cancel(connection, &group, &community, &uri, at)).await
    }
}

#[async_trait]
impl ReplayStore for SqliteStore {
    async fn spend_jti(&self, spend: JtiSpend) -> Result<Spend, StoreError> {
        let limits = self.limits.clone();
        self.write("spend a jti", move |connection| replay::spend_jti(connection, &spend, &limits)).await
    }
}

#[async_trait]
impl RevocationStore for SqliteStore {
    async fn revoke_token(&self, jti: &Jti, until: UnixTime) -> Result<(), StoreError> {
        let (jti, most) = (jti.clone(), self.limits.revoked_tokens);
        self.write("revoke a token", move |connection| revocation::revoke_token(connection, &jti, until, most)).await
    }

    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, StoreError> {
        self.readers
            .read(|connection| revocation::token_status(connection, token))
            .map_err(|error| StoreError::new("read a token's status", error))
    }

    async fn revoke_tokens(&self, which: MassRevocation, at: UnixTime) -> Result<u64, StoreError> {
        self.write("revoke tokens", move |connection| revocation::revoke_tokens(connection, &which, at)).await
    }
}

#[async_trait]
impl OperatorStore for SqliteStore {
    /// A long list is read on a thread that may block, not on one that serves requests.
    async fn clients(&self, filter: &ClientFilter) -> Result<Vec<Registration>, StoreError> {
        let (readers, filter) = (Arc::clone(&self.readers), filter.clone());
        let read = move || readers.read(|connection| registration::clients(connection, &filter));
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| StoreError::new("list clients", error))?
            .map_err(|error| StoreError::new("list clients", error))
    }

    async fn block(&self, id: &ClientId, reason: &str, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write("block a client", move |connection| registration::block(connection, &id, &reason, at)).await
    }

    async fn unblock(&self, id: &ClientId, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        let id = id.clone();
        self.write("unblock a client", move |connection| registration::unblock(connection, &id, at)).await
    }

    async fn purge(&self, now: UnixTime) -> Result<PurgeReport, StoreError> {
        let marks_end = limits::marks_end(now);
        Ok(PurgeReport {
            spent_jtis: self.purge_all(move |connection, most| replay::purge(connection, seconds(now)?, most)).await?,
            revoked_tokens: self.purge_ended(Ended::RevokedTokens, limits::revoked_tokens_end(now)).await?,
            mass_revocations: self.purge_ended(Ended::MassRevocations, marks_end).await?,
            registrations: self.purge_ended(Ended::CancelledRegistrations, marks_end).await?,
        })
    }

    /// Goes through the queue and the write lock, so that a store that could take no request does not call itself ready.
    async fn ping(&self) -> Result<(), StoreError> {
        self.write("answer a ping", |connection| {
            Ok(connection.prepare_cached("SELECT rows FROM row_count LIMIT 1")?.query_row([], |_| Ok(()))?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
