//! The newest revocation list of each place.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use tessera_authorization_server::ports::{KeptList, ListKeeping, ListPlace, RevocationListStore, StoreError};
use tessera_trust::{Crl, CrlAge, CrlNumber, UnixTime};

use super::SqliteStore;
use super::error::SqliteError;
use super::record::{integer, natural, seconds, time};
use crate::limits::{self, StoreLimits, TableFull};

#[async_trait]
impl RevocationListStore for SqliteStore {
    async fn keep_list(&self, place: &ListPlace, list: Arc<Crl>, now: UnixTime) -> Result<ListKeeping, StoreError> {
        // Most polls bring the list that is kept: its many bytes are compared beside the writing thread, not on it.
        if self.read_list(place, list.clone(), |connection, place, list| holds(connection, place, &list)).await? {
            return Ok(ListKeeping::Kept);
        }
        let (place, limits) = (place.clone(), self.limits.clone());
        self.registry
            .write("keep a revocation list", move |connection| keep(connection, &place, &list, now, &limits))
            .await
    }

    async fn kept_list(&self, place: &ListPlace) -> Result<Option<KeptList>, StoreError> {
        self.read_list(place, (), |connection, place, ()| kept(connection, place)).await
    }
}

impl SqliteStore {
    /// A list may be long: it is read on a thread that may block.
    async fn read_list<W, T>(
        &self,
        place: &ListPlace,
        with: W,
        read: fn(&Connection, &ListPlace, W) -> Result<T, SqliteError>,
    ) -> Result<T, StoreError>
    where
        W: Send + 'static,
        T: Send + 'static,
    {
        let place = place.clone();
        self.registry.read_elsewhere("read a revocation list", move |connection| read(connection, &place, with)).await
    }
}

/// Runs in the writer's transaction, so that nobody keeps another list between the comparison and the write.
fn keep(
    connection: &Connection,
    place: &ListPlace,
    list: &Crl,
    now: UnixTime,
    limits: &StoreLimits,
) -> Result<ListKeeping, SqliteError> {
    match age_of(connection, place)? {
        Some(kept) if list.age().goes_back_behind(&kept) => return Ok(ListKeeping::GoesBack(kept)),
        Some(_) => {}
        None => make_room_for_a_place(connection, place, now, limits)?,
    }
    put(connection, place, list)?;
    make_room_for_bytes(connection, place, limits)?;
    Ok(ListKeeping::Kept)
}

fn put(connection: &Connection, place: &ListPlace, list: &Crl) -> Result<(), SqliteError> {
    connection
        .prepare_cached(
            "INSERT INTO revocation_list (community, url, issuer, number, this_update, next_update, der)
             VALUES (:community, :url, :issuer, :number, :this_update, :next_update, :der)
             ON CONFLICT (community, url, issuer) DO UPDATE SET number = excluded.number,
                this_update = excluded.this_update, next_update = excluded.next_update, der = excluded.der",
        )?
        .execute(named_params! {
            ":community": place.community.as_str(),
            ":url": place.url,
            ":issuer": place.issuer,
            ":number": list.number().map(|number| *number.as_bytes()),
            ":this_update": seconds(list.this_update())?,
            ":next_update": seconds(list.next_update())?,
            ":der": list.der(),
        })?;
    Ok(())
}

/// At the cap, a place gives way at which no older list can be fresh any more; without one the answer is an error.
fn make_room_for_a_place(
    connection: &Connection,
    place: &ListPlace,
    now: UnixTime,
    limits: &StoreLimits,
) -> Result<(), SqliteError> {
    let community = place.community.as_str();
    let places = connection
        .prepare_cached("SELECT count(*) FROM revocation_list WHERE community = ?1")?
        .query_row([community], |row| Ok(natural(row, 0, "a count")))??;
    if places < limits.revocation_lists_of_one_community {
        return Ok(());
    }
    let removed = connection
        .prepare_cached(
            "DELETE FROM revocation_list WHERE rowid =
                (SELECT rowid FROM revocation_list WHERE community = ?1 AND next_update < ?2 AND this_update < ?3
                 ORDER BY next_update LIMIT 1)",
        )?
        .execute((community, seconds(now)?, seconds(limits::ages_of_lists_end(now))?))?;
    if removed == 0 { Err(TableFull("places of revocation lists").into()) } else { Ok(()) }
}

/// Over the budget, lists that end first go, and leave their ages behind.
fn make_room_for_bytes(connection: &Connection, place: &ListPlace, limits: &StoreLimits) -> Result<(), SqliteError> {
    let community = place.community.as_str();
    let budget = integer(limits.revocation_list_bytes_of_one_community, "a budget")?;
    connection
        .prepare_cached(
            "UPDATE revocation_list SET der = NULL WHERE rowid IN
                (SELECT rowid FROM
                    (SELECT rowid, sum(length(der)) OVER (ORDER BY next_update DESC, rowid DESC) AS with_later
                     FROM revocation_list WHERE community = ?1 AND der IS NOT NULL)
                 WHERE with_later > ?2)",
        )?
        .execute((community, budget))?;
    Ok(())
}

/// Whether exactly this list is what is kept of its place.
fn holds(connection: &Connection, place: &ListPlace, list: &Crl) -> Result<bool, SqliteError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS
                (SELECT 1 FROM revocation_list WHERE community = ?1 AND url = ?2 AND issuer = ?3 AND der = ?4)",
        )?
        .query_row((place.community.as_str(), &place.url, &place.issuer, list.der()), |row| row.get(0))?)
}

fn age_of(connection: &Connection, place: &ListPlace) -> Result<Option<CrlAge>, SqliteError> {
    connection
        .prepare_cached(
            "SELECT number, this_update FROM revocation_list WHERE community = ?1 AND url = ?2 AND issuer = ?3",
        )?
        .query_row((place.community.as_str(), &place.url, &place.issuer), |row| Ok(age(row)))
        .optional()?
        .transpose()
}

fn kept(connection: &Connection, place: &ListPlace) -> Result<Option<KeptList>, SqliteError> {
    connection
        .prepare_cached(
            "SELECT number, this_update, der FROM revocation_list WHERE community = ?1 AND url = ?2 AND issuer = ?3",
        )?
        .query_row((place.community.as_str(), &place.url, &place.issuer), |row| {
            Ok(age(row).and_then(|age| Ok(KeptList { age, der: row.get(2)? })))
        })
        .optional()?
        .transpose()
}

fn age(row: &Row<'_>) -> Result<CrlAge, SqliteError> {
    let number: Option<[u8; 20]> = row.get(0)?;
    Ok(CrlAge { number: number.map(CrlNumber::from_bytes), this_update: time(row, 1, "this_update")? })
}
