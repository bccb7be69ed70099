//! Spent JWT ids, in a file of their own.
//!
//! Every token writes here and no request reads, so that the registrations beside it stay in their readers' caches,
//! which each commit to the same file would empty. (Measured: see `docs/adr/0003-sqlite-by-one-writer-thread.md`.)

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::Connection;
use tessera_authorization_server::ports::{JtiSpend, Spend, StoreError};
use tessera_trust::UnixTime;

use super::database::Database;
use super::error::SqliteError;
use super::record::seconds;
use crate::limits::{StoreLimits, TableFull};

/// The records of spent ids, and how many there are.
#[derive(Debug)]
pub(super) struct SpentIds {
    database: Database,
    counts: Mutex<Counts>,
}

/// How many ids are kept, in all and for each party.
///
/// They guard the caps of the table and nothing else, so they may be a little behind: they are counted anew when the
/// store opens and with each purge, which also tells what another process did to the same file.
#[derive(Debug, Default)]
struct Counts {
    all: u64,
    of: HashMap<i64, u64>,
}

impl Counts {
    fn add(&mut self, party: i64) {
        self.all += 1;
        *self.of.entry(party).or_default() += 1;
    }

    fn is_full(&self, party: i64, limits: &StoreLimits) -> bool {
        let of_one = self.of.get(&party).copied().unwrap_or_default();
        self.all >= limits.spent_jtis || of_one >= limits.spent_jtis_of_one_issuer
    }
}

impl SpentIds {
    pub(super) fn open(database: Database) -> Result<Self, SqliteError> {
        let counts = Mutex::new(database.read(count)?);
        Ok(Self { database, counts })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// At a cap, what has ended goes first; only when nothing has is the answer an error.
    pub(super) async fn spend(&self, spend: JtiSpend, limits: &StoreLimits) -> Result<Spend, StoreError> {
        const ACTION: &str = "spend a jti";
        let key = Key::of(&spend);
        if self.counts().is_full(key.party, limits) {
            self.purge(spend.now, limits.purge_batch).await?;
            if self.counts().is_full(key.party, limits) {
                return Err(StoreError::new(ACTION, SqliteError::from(TableFull("spent JWT ids"))));
            }
        }
        let (party, insertion) = (key.party, move |connection: &Connection| insert(connection, &key, &spend));
        let answer = self.database.write_one(ACTION, insertion).await?;
        if answer == Spend::Fresh {
            self.counts().add(party);
        }
        Ok(answer)
    }

    /// Forgets what ended before `now`, at most `batch` ids in one transaction, and counts what is left.
    pub(super) async fn purge(&self, now: UnixTime, batch: u32) -> Result<u64, StoreError> {
        let removed =
            self.database.purge_all(batch, move |connection, most| purge(connection, seconds(now)?, most)).await?;
        let left = self.database.read_elsewhere("count the spent ids", count).await?;
        *self.counts() = left;
        Ok(removed)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row of one use.
struct Key {
    id: [u8; 32],
    party: i64,
}

impl Key {
    /// Each part with its length before it, so that no two triples are the same bytes.
    fn of(spend: &JtiSpend) -> Self {
        let mut context = Context::new(&SHA256);
        let mut add = |part: &str| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        };
        add(spend.community.as_str());
        add(&spend.issuer);
        let party = context.clone().finish();
        let mut id = context;
        id.update(spend.jti.as_str().as_bytes());
        let first = party.as_ref().first_chunk().copied().unwrap_or_default();
        let id = id.finish().as_ref().first_chunk().copied().unwrap_or_default();
        Self { id, party: i64::from_be_bytes(first) }
    }
}

/// One conditional write: a row that is new, or that has ended, is a first use; any other is left and is a replay.
///
/// Ids that ended no later than the purge horizon may have been forgotten, so they are never fresh: a clock that ran
/// ahead and was set back revives nothing. A record never ends before the request that made it.
///
/// Source: FAST Security STU2 §7.1.4; security invariants 23 and 30
pub(super) const SPEND: &str = "
    INSERT INTO spent_jti (id, party, until)
    SELECT ?1, ?2, max(?3, ?4) WHERE ?3 > (SELECT until FROM purge_horizon WHERE only = 1)
    ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE spent_jti.until < ?4";

fn insert(connection: &Connection, key: &Key, spend: &JtiSpend) -> Result<Spend, SqliteError> {
    let written = connection.prepare_cached(SPEND)?.execute((
        &key.id[..],
        key.party,
        seconds(spend.until)?,
        seconds(spend.now)?,
    ))?;
    Ok(if written == 1 { Spend::Fresh } else { Spend::Replayed })
}

pub(super) const PURGE: &str = "
    DELETE FROM spent_jti WHERE id IN (SELECT id FROM spent_jti WHERE until < ?1 ORDER BY until LIMIT ?2)
    RETURNING until";

/// Forgets at most `most` ids that ended before `now`, the earliest first, and moves the horizon to the last of them.
fn purge(connection: &Connection, now: i64, most: u32) -> Result<u64, SqliteError> {
    let mut ended = connection.prepare_cached(PURGE)?;
    let ends: Vec<i64> = ended.query_map((now, most), |row| row.get(0))?.collect::<Result<_, _>>()?;
    if let Some(last) = ends.iter().max() {
        connection.prepare_cached("UPDATE purge_horizon SET until = max(until, ?1) WHERE only = 1")?.execute([last])?;
    }
    Ok(ends.len() as u64)
}

fn count(connection: &Connection) -> Result<Counts, SqliteError> {
    let mut counts = Counts::default();
    let mut rows = connection.prepare("SELECT party FROM spent_jti")?;
    for party in rows.query_map([], |row| row.get(0))? {
        counts.add(party?);
    }
    Ok(counts)
}
