//! A registration as a row.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use tessera_authorization_server::registered::{GrantType, Registration, RegistrationStatus};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri};
use tessera_udap::scope::ScopeSet;

use super::error::SqliteError;

/// The columns in the order in which [`read`] takes them.
macro_rules! columns {
    () => {
        "client_id, base_group, community, client_uri, client_name, contacts, logo_uri, grant_types, scope, version, \
         tokens_from_version, created_at, changed_at, certificate, status, status_at, block_reason, software_statement"
    };
}
pub(super) use columns;

/// The registration with this client_id.
pub(super) fn by_id(connection: &Connection, id: &ClientId) -> Result<Option<Registration>, SqliteError> {
    let mut statement =
        connection.prepare_cached(concat!("SELECT ", columns!(), " FROM registration WHERE client_id = ?1"))?;
    statement.query_row([id.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

/// The registration of a party that has not been cancelled; there is one at most.
pub(super) fn live_of(
    connection: &Connection,
    group: &GroupName,
    community: &CommunityId,
    uri: &ClientUri,
) -> Result<Option<Registration>, SqliteError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM registration WHERE community = ?1 AND client_uri = ?2 AND base_group = ?3 AND status <> 'cancelled'"
    ))?;
    statement.query_row([community.as_str(), uri.as_str(), group.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

/// Writes a registration whole, new or in the place of the one with its client_id.
pub(super) fn put(connection: &Connection, registration: &Registration) -> Result<(), SqliteError> {
    let (status, status_at, block_reason) = match &registration.status {
        RegistrationStatus::Active => ("active", None, None),
        RegistrationStatus::Blocked { reason, at } => ("blocked", Some(seconds(*at)?), Some(reason.as_str())),
        RegistrationStatus::Cancelled { at } => ("cancelled", Some(seconds(*at)?), None),
    };
    let contacts =
        serde_json::to_string(&registration.contacts).map_err(|_error| SqliteError::Unreadable("contacts"))?;
    let mut statement = connection.prepare_cached(concat!(
        "INSERT INTO registration (",
        columns!(),
        ") VALUES (:client_id, :base_group, :community, :client_uri, :client_name, :contacts, :logo_uri, :grant_types, :scope, :version,
            :tokens_from_version, :created_at, :changed_at, :certificate, :status, :status_at, :block_reason,
            :software_statement)
         ON CONFLICT (client_id) DO UPDATE SET client_name = excluded.client_name, contacts = excluded.contacts,
            logo_uri = excluded.logo_uri, grant_types = excluded.grant_types, scope = excluded.scope,
            version = excluded.version, tokens_from_version = excluded.tokens_from_version,
            changed_at = excluded.changed_at, certificate = excluded.certificate, status = excluded.status,
            status_at = excluded.status_at, block_reason = excluded.block_reason,
            software_statement = excluded.software_statement
         WHERE registration.base_group = excluded.base_group AND registration.community = excluded.community AND registration.client_uri = excluded.client_uri
            AND registration.created_at = excluded.created_at AND registration.version <= excluded.version"
    ))?;
    let written = statement.execute(named_params! {
        ":client_id": registration.client_id.as_str(),
        ":base_group": registration.group.as_str(),
        ":community": registration.community.as_str(),
        ":client_uri": registration.client_uri.as_str(),
        ":client_name": registration.client_name,
        ":contacts": contacts,
        ":logo_uri": registration.logo_uri,
        ":grant_types": grant_types(&registration.grant_types),
        ":scope": registration.scope.to_string(),
        ":version": integer(registration.version, "version")?,
        ":tokens_from_version": integer(registration.tokens_from_version, "tokens_from_version")?,
        ":created_at": seconds(registration.created_at)?,
        ":changed_at": seconds(registration.changed_at)?,
        ":certificate": registration.certificate.to_string(),
        ":status": status,
        ":status_at": status_at,
        ":block_reason": block_reason,
        ":software_statement": registration.software_statement,
    })?;
    // A client_id is random; were one to meet another party's, that party's record stands.
    if written == 1 { Ok(()) } else { Err(SqliteError::IdTaken) }
}

/// Reads a row of [`columns`].
pub(super) fn read(row: &Row<'_>) -> Result<Registration, SqliteError> {
    Ok(Registration {
        client_id: parsed(row, 0, "client_id", |text| ClientId::parse(text).ok())?,
        group: parsed(row, 1, "base_group", GroupName::parse)?,
        community: parsed(row, 2, "community", |text| CommunityId::parse(text).ok())?,
        client_uri: parsed(row, 3, "client_uri", |text| ClientUri::parse(text).ok())?,
        client_name: row.get(4)?,
        contacts: parsed(row, 5, "contacts", |text| serde_json::from_str(text).ok())?,
        logo_uri: row.get(6)?,
        grant_types: parsed(row, 7, "grant_types", |text| {
            text.split_ascii_whitespace().map(GrantType::from_name).collect()
        })?,
        scope: parsed(row, 8, "scope", scopes)?,
        version: natural(row, 9, "version")?,
        tokens_from_version: natural(row, 10, "tokens_from_version")?,
        created_at: time(row, 11, "created_at")?,
        changed_at: time(row, 12, "changed_at")?,
        certificate: parsed(row, 13, "certificate", CertificateDigest::parse)?,
        status: status(row)?,
        software_statement: row.get(17)?,
    })
}

fn status(row: &Row<'_>) -> Result<RegistrationStatus, SqliteError> {
    match row.get_ref(14)?.as_str().map_err(rusqlite::Error::from)? {
        "active" => Ok(RegistrationStatus::Active),
        "blocked" => Ok(RegistrationStatus::Blocked { at: time(row, 15, "status_at")?, reason: row.get(16)? }),
        "cancelled" => Ok(RegistrationStatus::Cancelled { at: time(row, 15, "status_at")? }),
        _ => Err(SqliteError::Unreadable("status")),
    }
}

/// The empty set is written as an empty text, which the wire has not.
fn scopes(text: &str) -> Option<ScopeSet> {
    if text.is_empty() { Some(ScopeSet::default()) } else { ScopeSet::parse(text).ok() }
}

fn grant_types(types: &[GrantType]) -> String {
    types.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
}

fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, SqliteError> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    parse(text).ok_or(SqliteError::Unreadable(name))
}

/// How many rows a table has, as its triggers count them.
pub(super) fn rows_of(connection: &Connection, table: &str) -> Result<u64, SqliteError> {
    let mut statement = connection.prepare_cached("SELECT rows FROM row_count WHERE counted = ?1")?;
    statement.query_row([table], |row| Ok(natural(row, 0, "row_count")))?
}

/// A count or version from a row.
pub(super) fn natural(row: &Row<'_>, column: usize, name: &'static str) -> Result<u64, SqliteError> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_negative| SqliteError::Unreadable(name))
}

/// A time from a row.
pub(super) fn time(row: &Row<'_>, column: usize, name: &'static str) -> Result<UnixTime, SqliteError> {
    natural(row, column, name).map(UnixTime::from_secs)
}

/// A time as a column holds it.
pub(super) fn seconds(time: UnixTime) -> Result<i64, SqliteError> {
    integer(time.as_secs(), "a time")
}

/// A number as a column holds it.
pub(super) fn integer(number: u64, name: &'static str) -> Result<i64, SqliteError> {
    i64::try_from(number).map_err(|_too_large| SqliteError::OutOfRange(name))
}
