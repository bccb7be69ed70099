//! Registrations: created, changed, cancelled, blocked. Each function runs inside one savepoint of the writing thread,
//! which holds SQLite's only write lock, so that what it reads is still so when it writes.

use rusqlite::Connection;
use tessera_authorization_server::ports::{Cancelled, ClientFilter, Registered};
use tessera_authorization_server::registered::{Registration, RegistrationDraft};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri};

use super::error::SqliteError;
use super::record::{self, columns, integer, rows_of};
use crate::change;
use crate::limits::{self, TableFull};

/// How many of the oldest cancelled registrations make room when the table is full.
const ROOM: u32 = 100;

/// Whether there is any registration, cancelled ones included.
pub(super) fn is_any(connection: &Connection) -> Result<bool, SqliteError> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM registration)", [], |row| row.get(0))?)
}

pub(super) fn register(
    connection: &Connection,
    draft: RegistrationDraft,
    most: u64,
) -> Result<Registered, SqliteError> {
    let live = record::live_of(connection, &draft.group, &draft.community, &draft.client_uri)?;
    let registered = change::register(live.as_ref(), draft);
    match &registered {
        Registered::Created(registration) => {
            make_room(connection, most)?;
            record::put(connection, registration)?;
        }
        Registered::Changed(registration) => record::put(connection, registration)?,
        Registered::Blocked(_) => {}
    }
    Ok(registered)
}

pub(super) fn cancel(
    connection: &Connection,
    group: &GroupName,
    community: &CommunityId,
    uri: &ClientUri,
    at: UnixTime,
) -> Result<Cancelled, SqliteError> {
    let live = record::live_of(connection, group, community, uri)?;
    let cancelled = change::cancel(live.as_ref(), at);
    if let Cancelled::Cancelled(registration) = &cancelled {
        record::put(connection, registration)?;
    }
    Ok(cancelled)
}

pub(super) fn block(
    connection: &Connection,
    id: &ClientId,
    reason: &str,
    at: UnixTime,
) -> Result<Option<Registration>, SqliteError> {
    replace(connection, id, |former| change::block(former, reason, at))
}

pub(super) fn unblock(
    connection: &Connection,
    id: &ClientId,
    at: UnixTime,
) -> Result<Option<Registration>, SqliteError> {
    replace(connection, id, |former| change::unblock(former, at))
}

fn replace(
    connection: &Connection,
    id: &ClientId,
    change: impl FnOnce(&Registration) -> Option<Registration>,
) -> Result<Option<Registration>, SqliteError> {
    let changed = record::by_id(connection, id)?.as_ref().and_then(change);
    if let Some(registration) = &changed {
        record::put(connection, registration)?;
    }
    Ok(changed)
}

pub(super) const OLDEST_CANCELLED: &str = "
    DELETE FROM registration WHERE client_id IN
        (SELECT client_id FROM registration WHERE status = 'cancelled' ORDER BY status_at LIMIT ?1)";

/// A cancelled registration that is gone ends its tokens as surely as one that is kept, so it may always be dropped.
fn make_room(connection: &Connection, most: u64) -> Result<(), SqliteError> {
    if rows_of(connection, "registration")? < most {
        return Ok(());
    }
    if connection.prepare_cached(OLDEST_CANCELLED)?.execute([ROOM])? > 0 {
        return Ok(());
    }
    Err(TableFull("registrations").into())
}

pub(super) fn clients(connection: &Connection, filter: &ClientFilter) -> Result<Vec<Registration>, SqliteError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM registration
          WHERE (?1 IS NULL OR community = ?1) AND (?2 IS NULL OR client_uri = ?2) AND (?3 IS NULL OR client_id = ?3)
            AND (?4 OR status <> 'cancelled')
          ORDER BY community, client_uri, base_group, created_at, client_id LIMIT ?5"
    ))?;
    let rows = statement.query_map(
        (
            filter.community.as_ref().map(CommunityId::as_str),
            filter.client_uri.as_ref().map(ClientUri::as_str),
            filter.client_id.as_ref().map(ClientId::as_str),
            filter.with_cancelled,
            integer(limits::listed(filter) as u64, "a limit")?,
        ),
        |row| Ok(record::read(row)),
    )?;
    rows.map(|row| row?).collect()
}
