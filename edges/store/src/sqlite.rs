//! The SQLite back end: a file for registrations and revocations, another for spent JWT ids, and for each of them one
//! writing thread with shared commits and readers beside it.
//!
//! Nothing is kept in memory between two calls, so that a second process (the operator's command line, a node that
//! replaces this one) may open the same file at any time: what it commits holds here from the next call on.

mod connection;
mod database;
pub mod error;
mod migrate;
mod party;
mod purge;
mod readers;
mod record;
mod registration;
mod replay;
mod revocation;
mod revocation_list;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tessera_authorization_server::ports::{
    Cancelled, ClientFilter, JtiSpend, MassRevocation, OperatorStore, PurgeReport, Registered, RegistrationStore,
    ReplayStore, RevocationStore, Revoked, Spend, StoreError, TokenReference, TokenRevocation, TokenStatus,
};
use tessera_authorization_server::registered::{Registration, RegistrationDraft};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri};

use self::database::Database;
use self::error::OpenError;
use self::purge::Ended;
use self::record::seconds;
use self::replay::SpentIds;
pub use self::writer::WriteStatistics;
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

/// The store ports over two SQLite files.
///
/// Every answer that tells of a change follows its durable commit. Dropping the store waits for the commit under way.
///
/// Source: security invariants 23 to 25
#[derive(Debug)]
pub struct SqliteStore {
    registry: Database,
    spent: SpentIds,
    limits: StoreLimits,
}

impl SqliteStore {
    /// Opens or creates the database at `path`, and the one of spent ids beside it, and brings their schemas up to date.
    ///
    /// The files are created with mode 0600. Their folder must exist and be writable by its owner only. Where the spent ids
    /// of a store with registrations are lost, no JWT is taken that could have been used before `now`.
    ///
    /// # Errors
    /// [`OpenError`] says what the operator must change: permissions, a link in the file's place, a newer schema, another
    /// program's file, a file system without what a write-ahead log needs.
    pub fn open(path: &Path, settings: &SqliteSettings, now: UnixTime) -> Result<Self, OpenError> {
        let registry = Database::open(path, &migrate::REGISTRY, settings, |_| Ok(()))?;
        let of_spent = SqliteSettings { readers: 1, ..settings.clone() };
        let has_registrations = registry.read(registration::is_any).map_err(OpenError::Unreadable)?;
        let spent = Database::open(&spent_ids_path(path), &migrate::SPENT, &of_spent, |connection| {
            if has_registrations { replay::distrust_if_lost(connection, now) } else { Ok(()) }
        })?;
        let spent = SpentIds::open(spent).map_err(OpenError::Unreadable)?;
        Ok(Self { registry, spent, limits: settings.limits.clone() })
    }

    /// Opens a store that a node has made, and changes nothing of its form: for those who work beside the node.
    ///
    /// # Errors
    /// As [`Self::open`]; [`OpenError::OlderSchema`] where a node of this version has not brought it up to date yet.
    pub fn open_existing(path: &Path, settings: &SqliteSettings, now: UnixTime) -> Result<Self, OpenError> {
        Database::demand_current(path, &migrate::REGISTRY)?;
        Database::demand_current(&spent_ids_path(path), &migrate::SPENT)?;
        Self::open(path, settings, now)
    }

    /// Whether [`Self::open`] would take the database at `path` and the one of spent ids beside it, as far as that can be
    /// told without making or changing anything.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check(path: &Path) -> Result<(), OpenError> {
        Database::check(path, &migrate::REGISTRY)?;
        Database::check(&spent_ids_path(path), &migrate::SPENT)
    }

    /// How many operations were written with how many commits since the store was opened, spent ids apart.
    #[must_use]
    pub fn write_statistics(&self) -> WriteStatistics {
        self.registry.statistics()
    }

    /// The same for spent ids.
    #[must_use]
    pub fn spent_ids_statistics(&self) -> WriteStatistics {
        self.spent.database().statistics()
    }

    async fn purge_ended(&self, what: Ended, before: UnixTime) -> Result<u64, StoreError> {
        let purge = move |connection: &_, most| what.purge(connection, seconds(before)?, most);
        self.registry.purge_all(self.limits.purge_batch, purge).await
    }
}

/// Where the spent ids of the store at `path` are kept: `tessera.db` has `tessera.db-spent`.
#[must_use]
pub fn spent_ids_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-spent");
    name.into()
}

#[async_trait]
impl RegistrationStore for SqliteStore {
    async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        self.registry
            .read(|connection| record::by_id(connection, id))
            .map_err(|error| StoreError::new("read a registration", error))
    }

    async fn register(&self, draft: RegistrationDraft) -> Result<Registered, StoreError> {
        let most = self.limits.registrations;
        self.registry.write("register", move |connection| registration::register(connection, draft, most)).await
    }

    async fn cancel(
        &self,
        group: &GroupName,
        community: &CommunityId,
        uri: &ClientUri,
        at: UnixTime,
    ) -> Result<Cancelled, StoreError> {
        let (group, community, uri) = (group.clone(), community.clone(), uri.clone());
        self.registry
            .write("cancel", move |connection| registration::cancel(connection, &group, &community, &uri, at))
            .await
    }
}

#[async_trait]
impl ReplayStore for SqliteStore {
    async fn spend_jti(&self, spend: JtiSpend) -> Result<Spend, StoreError> {
        self.spent.spend(spend, &self.limits).await
    }
}

#[async_trait]
impl RevocationStore for SqliteStore {
    async fn revoke_token(&self, revocation: TokenRevocation) -> Result<Revoked, StoreError> {
        let limits = self.limits.clone();
        self.registry
            .write("revoke a token", move |connection| revocation::revoke_token(connection, &revocation, &limits))
            .await
    }

    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, StoreError> {
        self.registry
            .read(|connection| revocation::token_status(connection, token))
            .map_err(|error| StoreError::new("read a token's status", error))
    }

    async fn revoke_tokens(&self, which: MassRevocation, at: UnixTime) -> Result<u64, StoreError> {
        self.registry.write("revoke tokens", move |connection| revocation::revoke_tokens(connection, &which, at)).await
    }
}

#[async_trait]
impl OperatorStore for SqliteStore {
    /// A long list is read on a thread that may block, not on one that serves requests.
    async fn clients(&self, filter: &ClientFilter) -> Result<Vec<Registration>, StoreError> {
        let filter = filter.clone();
        self.registry.read_elsewhere("list clients", move |connection| registration::clients(connection, &filter)).await
    }

    async fn block(&self, id: &ClientId, reason: &str, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.registry.write("block a client", move |connection| registration::block(connection, &id, &reason, at)).await
    }

    async fn unblock(&self, id: &ClientId, at: UnixTime) -> Result<Option<Registration>, StoreError> {
        let id = id.clone();
        self.registry.write("unblock a client", move |connection| registration::unblock(connection, &id, at)).await
    }

    async fn purge(&self, now: UnixTime) -> Result<PurgeReport, StoreError> {
        let marks_end = limits::marks_end(now);
        Ok(PurgeReport {
            spent_jtis: self.spent.purge(now, self.limits.purge_batch).await?,
            revoked_tokens: self.purge_ended(Ended::RevokedTokens, limits::revoked_tokens_end(now)).await?,
            mass_revocations: self.purge_ended(Ended::MassRevocations, marks_end).await?,
            registrations: self.purge_ended(Ended::CancelledRegistrations, marks_end).await?,
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.registry.ping().await?;
        self.spent.database().ping().await
    }
}

#[cfg(test)]
mod tests;
