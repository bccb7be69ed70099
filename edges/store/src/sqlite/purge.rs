//! Removing what has ended, a batch at a time, so that requests have their turn between two batches.

use rusqlite::Connection;

use super::error::SqliteError;

/// What is removed by the time at which it ended. (Spent ids have a rule of their own: `replay.rs`.)
#[derive(Clone, Copy)]
pub(super) enum Ended {
    RevokedTokens,
    MassRevocations,
    CancelledRegistrations,
}

impl Ended {
    const fn statement(self) -> &'static str {
        match self {
            Self::RevokedTokens => {
                "DELETE FROM revoked_token WHERE jti IN
                    (SELECT jti FROM revoked_token WHERE until < ?1 ORDER BY until LIMIT ?2)"
            }
            Self::MassRevocations => {
                "DELETE FROM mass_revocation WHERE (kind, subject) IN
                    (SELECT kind, subject FROM mass_revocation WHERE issued_until < ?1 LIMIT ?2)"
            }
            Self::CancelledRegistrations => {
                "DELETE FROM registration WHERE client_id IN
                    (SELECT client_id FROM registration WHERE status = 'cancelled' AND status_at < ?1
                     ORDER BY status_at LIMIT ?2)"
            }
        }
    }

    /// Removes at most `most` records that ended before `before`; answers how many.
    pub(super) fn purge(self, connection: &Connection, before: i64, most: u32) -> Result<u64, SqliteError> {
        let removed = connection.prepare_cached(self.statement())?.execute((before, most))?;
        Ok(removed as u64)
    }
}
