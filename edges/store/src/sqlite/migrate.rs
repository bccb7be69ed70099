//! The schema: numbered SQL files, applied in order, each recorded in the database.
//!
//! Migrations only add, so that the program before still works on the schema after (nodes are replaced one at a time).
//! A database that knows more than this program is refused: guessing what a newer version meant would be worse.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::connection::Pages;
use super::error::OpenError;

struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

/// What one file holds.
pub(super) struct Schema {
    /// Marks the file as ours and as this one of ours, so that a wrong path migrates nobody else's database.
    ///
    /// Source: SQLite file format, "Application ID" at offset 68
    application_id: i32,
    /// In order of their numbers, without gaps.
    migrations: &'static [Migration],
    pub(super) pages: Pages,
}

impl Schema {
    /// The number of the newest migration.
    pub(super) fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |migration| migration.number)
    }
}

/// Registrations and revocations. ("TESS")
pub(super) const REGISTRY: Schema = Schema {
    application_id: 0x5445_5353,
    migrations: &[
        Migration { number: 1, name: "foundation", sql: include_str!("../../migrations/registry/0001_foundation.sql") },
        Migration {
            number: 2,
            name: "revocation lists",
            sql: include_str!("../../migrations/registry/0002_revocation_lists.sql"),
        },
        Migration {
            number: 3,
            name: "revocation shares",
            sql: include_str!("../../migrations/registry/0003_revocation_shares.sql"),
        },
    ],
    pages: Pages { size: 4096, cache_kib: 2048 },
};

/// Spent JWT ids. ("TESJ")
pub(super) const SPENT: Schema = Schema {
    application_id: 0x5445_534a,
    migrations: &[Migration {
        number: 1,
        name: "foundation",
        sql: include_str!("../../migrations/spent/0001_foundation.sql"),
    }],
    // Each id is a short row at a place of its own, so a commit writes a page for each: the smaller the cheaper.
    pages: Pages { size: 1024, cache_kib: 65_536 },
};

/// Brings the schema up to what this program needs, in one transaction.
///
/// Several processes may do so at once: the second one finds nothing left to do.
///
/// # Errors
/// [`OpenError::ForeignDatabase`] and [`OpenError::NewerSchema`] leave the file as it was.
pub(super) fn migrate(connection: &mut Connection, schema: &Schema) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = match recognise(&transaction, schema)? {
        Recognised::Empty => {
            claim(&transaction, schema.application_id)?;
            0
        }
        Recognised::Ours { newest } => newest,
    };
    for migration in schema.migrations.iter().filter(|migration| migration.number > found) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migration (number, name) VALUES (?1, ?2)",
            (migration.number, migration.name),
        )?;
    }
    Ok(transaction.commit()?)
}

/// A database that this program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recognised {
    /// Nothing is in it.
    Empty,
    /// It is ours, with migrations up to this one.
    Ours { newest: u32 },
}

/// Looks what the database is; changes nothing.
///
/// # Errors
/// [`OpenError::ForeignDatabase`] and [`OpenError::NewerSchema`].
pub(super) fn recognise(connection: &Connection, schema: &Schema) -> Result<Recognised, OpenError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id != schema.application_id {
        let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        return if id == 0 && objects == 0 { Ok(Recognised::Empty) } else { Err(OpenError::ForeignDatabase(id)) };
    }
    let newest = newest_recorded(connection)?;
    let known = schema.newest();
    if newest > known {
        return Err(OpenError::NewerSchema { found: newest, known });
    }
    Ok(Recognised::Ours { newest })
}

fn claim(connection: &Connection, ours: i32) -> Result<(), OpenError> {
    connection.pragma_update(None, "application_id", ours)?;
    connection
        .execute_batch("CREATE TABLE schema_migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;")?;
    Ok(())
}

fn newest_recorded(connection: &Connection) -> Result<u32, OpenError> {
    let newest = connection
        .query_row("SELECT max(number) FROM schema_migration", [], |row| row.get::<_, Option<u32>>(0))
        .optional()?;
    Ok(newest.flatten().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_have_no_gap() {
        for schema in [REGISTRY, SPENT] {
            for (place, migration) in schema.migrations.iter().enumerate() {
                assert_eq!(migration.number as usize, place + 1, "{}", migration.name);
            }
        }
    }

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &REGISTRY).unwrap();
        migrate(&mut connection, &REGISTRY).unwrap();
        let recorded: u32 =
            connection.query_row("SELECT count(*) FROM schema_migration", [], |row| row.get(0)).unwrap();
        assert_eq!(recorded as usize, REGISTRY.migrations.len());
    }

    #[test]
    fn revocations_of_before_there_were_shares_stay_and_are_counted() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = Schema { migrations: REGISTRY.migrations.split_at(1).0, ..REGISTRY };
        migrate(&mut connection, &first).unwrap();
        connection.execute("INSERT INTO revoked_token (jti, until) VALUES ('before', 9)", []).unwrap();
        migrate(&mut connection, &REGISTRY).unwrap();
        // The version before goes on writing as it did.
        connection.execute("INSERT INTO revoked_token (jti, until) VALUES ('beside', 9)", []).unwrap();
        let shares = |connection: &Connection| -> Vec<(i64, i64)> {
            let mut statement = connection.prepare("SELECT party, rows FROM revoked_token_share").unwrap();
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(shares(&connection), [(0, 2)]);
        connection.execute("DELETE FROM revoked_token", []).unwrap();
        assert_eq!(shares(&connection), []);
    }

    #[test]
    fn refuses_a_schema_from_the_future_and_leaves_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &REGISTRY).unwrap();
        connection.execute("INSERT INTO schema_migration (number, name) VALUES (999, 'later')", []).unwrap();
        assert!(matches!(migrate(&mut connection, &REGISTRY), Err(OpenError::NewerSchema { found: 999, .. })));
    }

    #[test]
    fn refuses_the_database_of_another_program() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE photographs (id INTEGER) STRICT").unwrap();
        assert!(matches!(migrate(&mut connection, &REGISTRY), Err(OpenError::ForeignDatabase(0))));
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "application_id", 7).unwrap();
        assert!(matches!(migrate(&mut connection, &REGISTRY), Err(OpenError::ForeignDatabase(7))));
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &SPENT).unwrap();
        assert!(matches!(migrate(&mut connection, &REGISTRY), Err(OpenError::ForeignDatabase(_))), "the other of ours");
    }

    #[test]
    fn every_table_is_strict() {
        for schema in [REGISTRY, SPENT] {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, &schema).unwrap();
            let lax: u32 = connection
                .query_row(
                    "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(lax, 0);
        }
    }
}
