//! Spent JWT ids, in a file of their own.
//!
//! Every token writes here and no request reads, so that the registrations beside it stay in their readers' caches,
//! which each commit to the same file would empty. (Measured: see `docs/adr/0003-sqlite-by-one-writer-thread.md`.)

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tessera_authorization_server::ports::{JtiSpend, Spend, StoreError};
use tessera_trust::UnixTime;

use super::database::Database;
use super::error::SqliteError;
use super::party::Party;
use super::record::seconds;
use crate::limits::{Room, StoreLimits, TableFull};

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
    /// When somebody at a cap last had room made.
    purge_begun: Option<UnixTime>,
}

/// How long a JWT may count that was used just now: its longest life, the widest skew, and the margin.
///
/// Source: FAST Security STU2 §7.1.3; security invariants 5 and 30
const LONGEST_USE: Duration = Duration::from_secs(300 + 60 + 5);

/// Between two purges for somebody at a cap.
const BETWEEN_PURGES: Duration = Duration::from_secs(10);

impl Counts {
    fn add(&mut self, party: i64) {
        self.all += 1;
        *self.of.entry(party).or_default() += 1;
    }

    fn room(&self, party: i64, limits: &StoreLimits) -> Room {
        limits.room_for_spent_id(self.of.get(&party).copied().unwrap_or_default(), self.all)
    }

    /// Whether this moment may be spent on looking for what has ended: a party at its cap must not make each of its
    /// requests a walk through the whole table.
    fn begin_purge(&mut self, now: UnixTime) -> bool {
        let due = self.purge_begun.is_none_or(|begun| now >= begun.plus(BETWEEN_PURGES) || now < begun);
        if due {
            self.purge_begun = Some(now);
        }
        due
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

    /// At a cap, what has ended goes first; only when nothing has is there no room.
    pub(super) async fn spend(&self, spend: JtiSpend, limits: &StoreLimits) -> Result<Spend, StoreError> {
        const ACTION: &str = "spend a jti";
        let key = Key::of(&spend);
        if self.counts().room(key.party, limits) != Room::Free && self.counts().begin_purge(spend.now) {
            self.purge(spend.now, limits.purge_batch).await?;
        }
        match self.counts().room(key.party, limits) {
            Room::Free => {}
            Room::ShareUsedUp => return Ok(Spend::ShareUsedUp),
            Room::TableFull => {
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
        let mut counts = self.counts();
        *counts = Counts { purge_begun: counts.purge_begun, ..left };
        Ok(removed)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registration has spent the id of its statement. Where there are registrations, and neither a spent id nor a purge is on
/// record, the records are lost (a backup without them, a file removed): every JWT that may have been used lives on for its
/// time at most, so none that ends earlier is taken.
pub(super) fn distrust_if_lost(connection: &Connection, now: UnixTime) -> Result<(), SqliteError> {
    const DISTRUST: &str = "UPDATE purge_horizon SET until = ?1
        WHERE only = 1 AND until = 0 AND NOT EXISTS (SELECT 1 FROM spent_jti)";
    if connection.execute(DISTRUST, [seconds(now.plus(LONGEST_USE))?])? > 0 {
        tracing::warn!(
            wait_s = LONGEST_USE.as_secs(),
            "the records of used JWTs are missing beside the registrations; no JWT is taken until each that may have been \
             used has ended"
        );
    }
    Ok(())
}

/// The row of one use.
struct Key {
    id: [u8; 32],
    party: i64,
}

impl Key {
    fn of(spend: &JtiSpend) -> Self {
        let party = Party::new(&spend.community, &spend.issuer);
        let key = party.key();
        Self { id: party.with(spend.jti.as_str()).as_ref().first_chunk().copied().unwrap_or_default(), party: key }
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
