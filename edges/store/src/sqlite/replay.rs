//! Spent JWT ids.

use rusqlite::{Connection, OptionalExtension};
use tessera_authorization_server::ports::{JtiSpend, Spend};

use super::error::SqliteError;
use super::record::{natural, seconds};
use crate::limits::{StoreLimits, TableFull};

/// One conditional write: a row that is new, or that has ended, is a first use; any other is left and is a replay.
///
/// Ids that ended no later than the purge horizon may have been forgotten, so they are never fresh: a clock that ran
/// ahead and was set back revives nothing. A record never ends before the request that made it.
///
/// Source: FAST Security STU2 §7.1.4; security invariants 23 and 30
pub(super) const SPEND: &str = "
    INSERT INTO spent_jti (community, issuer, jti, until)
    SELECT ?1, ?2, ?3, max(?4, ?5) WHERE ?4 > (SELECT until FROM purge_horizon WHERE only = 1)
    ON CONFLICT (community, issuer, jti) DO UPDATE SET until = excluded.until WHERE spent_jti.until < ?5";

pub(super) fn spend_jti(connection: &Connection, spend: &JtiSpend, limits: &StoreLimits) -> Result<Spend, SqliteError> {
    make_room(connection, spend, limits)?;
    let written = connection.prepare_cached(SPEND)?.execute((
        spend.community.as_str(),
        spend.issuer.as_str(),
        spend.jti.as_str(),
        seconds(spend.until)?,
        seconds(spend.now)?,
    ))?;
    Ok(if written == 1 { Spend::Fresh } else { Spend::Replayed })
}

/// At a cap, what has ended goes first; only when nothing has is the answer an error.
fn make_room(connection: &Connection, spend: &JtiSpend, limits: &StoreLimits) -> Result<(), SqliteError> {
    let full = |connection: &Connection| -> Result<bool, SqliteError> {
        Ok(rows_of(connection, "spent_jti")? >= limits.spent_jtis
            || rows_of_issuer(connection, spend)? >= limits.spent_jtis_of_one_issuer)
    };
    if full(connection)? {
        purge(connection, seconds(spend.now)?, limits.purge_batch)?;
        if full(connection)? {
            return Err(TableFull("spent JWT ids").into());
        }
    }
    Ok(())
}

pub(super) const PURGE: &str = "
    DELETE FROM spent_jti WHERE (community, issuer, jti) IN
        (SELECT community, issuer, jti FROM spent_jti WHERE until < ?1 ORDER BY until LIMIT ?2)
    RETURNING until";

/// Forgets at most `most` ids that ended before `now`, the earliest first, and moves the horizon to the last of them.
pub(super) fn purge(connection: &Connection, now: i64, most: u32) -> Result<u64, SqliteError> {
    let mut ended = connection.prepare_cached(PURGE)?;
    let ends: Vec<i64> = ended.query_map((now, most), |row| row.get(0))?.collect::<Result<_, _>>()?;
    if let Some(last) = ends.iter().max() {
        connection.prepare_cached("UPDATE purge_horizon SET until = max(until, ?1) WHERE only = 1")?.execute([last])?;
    }
    Ok(ends.len() as u64)
}

/// How many rows a table has, as its triggers count them.
pub(super) fn rows_of(connection: &Connection, table: &str) -> Result<u64, SqliteError> {
    let mut statement = connection.prepare_cached("SELECT rows FROM row_count WHERE counted = ?1")?;
    statement.query_row([table], |row| Ok(natural(row, 0, "row_count")))?
}

fn rows_of_issuer(connection: &Connection, spend: &JtiSpend) -> Result<u64, SqliteError> {
    let mut statement =
        connection.prepare_cached("SELECT rows FROM spent_jti_count WHERE community = ?1 AND issuer = ?2")?;
    let counted = statement
        .query_row([spend.community.as_str(), spend.issuer.as_str()], |row| Ok(natural(row, 0, "spent_jti_count")))
        .optional()?;
    counted.unwrap_or(Ok(0))
}
