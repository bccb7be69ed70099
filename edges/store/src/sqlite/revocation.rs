//! Tokens that are dead before their end.

use rusqlite::{Connection, OptionalExtension, Row};
use tessera_authorization_server::ports::{MassRevocation, Revoked, TokenReference, TokenRevocation, TokenStatus};
use tessera_trust::UnixTime;

use super::error::SqliteError;
use super::party::Party;
use super::purge::Ended;
use super::record::{natural, rows_of, seconds};
use crate::change::{self, ClientFacts, Standing, TokenFacts};
use crate::limits::{self, Room, StoreLimits, TableFull};

/// Revoking again needs no room; it keeps the later end.
pub(super) fn revoke_token(
    connection: &Connection,
    revocation: &TokenRevocation,
    limits: &StoreLimits,
) -> Result<Revoked, SqliteError> {
    let (jti, until) = (revocation.jti.as_str(), seconds(revocation.until)?);
    let again = connection
        .prepare_cached("UPDATE revoked_token SET until = max(until, ?2) WHERE jti = ?1")?
        .execute((jti, until))?;
    if again > 0 {
        return Ok(Revoked::Dead);
    }
    let party = Party::new(&revocation.community, revocation.client_uri.as_str()).key();
    match room(connection, party, revocation.now, limits)? {
        Room::Free => {}
        Room::ShareUsedUp => return Ok(Revoked::ShareUsedUp),
        Room::TableFull => return Err(TableFull("revoked tokens").into()),
    }
    connection
        .prepare_cached("INSERT INTO revoked_token (jti, until, party) VALUES (?1, ?2, ?3)")?
        .execute((jti, until, party))?;
    Ok(Revoked::Dead)
}

/// At a cap, what has ended goes first, a batch of it: one row of room is all that is asked for.
fn room(connection: &Connection, party: i64, now: UnixTime, limits: &StoreLimits) -> Result<Room, SqliteError> {
    let found = || -> Result<Room, SqliteError> {
        Ok(limits.room_for_revocation(rows_of_party(connection, party)?, rows_of(connection, "revoked_token")?))
    };
    let room = found()?;
    if room == Room::Free {
        return Ok(room);
    }
    let before = seconds(limits::revoked_tokens_end(now))?;
    Ended::RevokedTokens.purge(connection, before, limits.purge_batch.max(1))?;
    found()
}

fn rows_of_party(connection: &Connection, party: i64) -> Result<u64, SqliteError> {
    let mut statement = connection.prepare_cached("SELECT rows FROM revoked_token_share WHERE party = ?1")?;
    let rows = statement.query_row([party], |row| Ok(natural(row, 0, "revoked_token_share"))).optional()?;
    rows.unwrap_or(Ok(0))
}

/// One statement, so that all facts are of one moment.
pub(super) const TOKEN_FACTS: &str = "
    SELECT status, version, tokens_from_version,
        EXISTS (SELECT 1 FROM revoked_token WHERE jti = ?2),
        EXISTS (SELECT 1 FROM mass_revocation WHERE kind = 'client' AND subject = ?1 AND issued_until >= ?5)
            OR EXISTS (SELECT 1 FROM mass_revocation WHERE kind = 'community' AND subject = ?3 AND issued_until >= ?5)
            OR EXISTS (SELECT 1 FROM mass_revocation WHERE kind = 'certificate' AND subject = ?4 AND issued_until >= ?5)
    FROM registration WHERE client_id = ?1 AND community = ?3";

pub(super) fn token_status(connection: &Connection, token: &TokenReference) -> Result<TokenStatus, SqliteError> {
    let facts = connection
        .prepare_cached(TOKEN_FACTS)?
        .query_row(
            (
                token.client_id.as_str(),
                token.jti.as_str(),
                token.community.as_str(),
                token.certificate.to_string(),
                seconds(token.issued_at)?,
            ),
            |row| Ok(facts(row)),
        )
        .optional()?
        .transpose()?
        .unwrap_or(TokenFacts { client: None, revoked: false, marked: false });
    Ok(change::token_status(token, &facts))
}

fn facts(row: &Row<'_>) -> Result<TokenFacts, SqliteError> {
    let standing = match row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)? {
        "active" => Standing::Active,
        "blocked" => Standing::Blocked,
        "cancelled" => Standing::Cancelled,
        _ => return Err(SqliteError::Unreadable("status")),
    };
    let client = ClientFacts {
        standing,
        version: natural(row, 1, "version")?,
        tokens_from_version: natural(row, 2, "tokens_from_version")?,
    };
    Ok(TokenFacts { client: Some(client), revoked: row.get(3)?, marked: row.get(4)? })
}

/// Sets the mark, never back, and counts the live registrations that it concerns.
pub(super) fn revoke_tokens(connection: &Connection, which: &MassRevocation, at: UnixTime) -> Result<u64, SqliteError> {
    let (kind, subject, concerned) = match which {
        MassRevocation::Client(id) => ("client", id.as_str().to_owned(), "client_id = ?1"),
        MassRevocation::Community(id) => ("community", id.as_str().to_owned(), "community = ?1"),
        MassRevocation::Certificate(digest) => ("certificate", digest.to_string(), "certificate = ?1"),
    };
    connection
        .prepare_cached(
            "INSERT INTO mass_revocation (kind, subject, issued_until) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, subject) DO UPDATE SET issued_until = max(issued_until, excluded.issued_until)",
        )?
        .execute((kind, subject.as_str(), seconds(at)?))?;
    let count = format!("SELECT count(*) FROM registration WHERE {concerned} AND status <> 'cancelled'");
    connection.prepare_cached(&count)?.query_row([subject], |row| Ok(natural(row, 0, "a count")))?
}
