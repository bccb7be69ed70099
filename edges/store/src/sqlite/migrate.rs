//! The schema: numbered SQL files, applied in order, each recorded in the database.
//!
//! Migrations only add, so that the program before still works on the schema after (nodes are replaced one at a time).
//! A database that knows more than this program is refused: guessing what a newer version meant would be worse.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::OpenError;

/// Marks the file as ours ("TESS"), so that another program's database is not migrated by a wrong path.
///
/// Source: SQLite file format, "Application ID" at offset 68
const APPLICATION_ID: i32 = 0x5445_5353;

struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

/// In order of their numbers, without gaps.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "foundation", sql: include_str!("../../migrations/0001_foundation.sql") },
    Migration { number: 2, name: "revocation lists", sql: include_str!("../../migrations/0002_revocation_lists.sql") },
];

/// Brings the schema up to what this program needs, in one transaction.
///
/// Several processes may do so at once: the second one finds nothing left to do.
///
/// # Errors
/// [`OpenError::ForeignDatabase`] and [`OpenError::NewerSchema`] leave the file as it was.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    claim(&transaction)?;
    let found = newest_recorded(&transaction)?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migration (number, name) VALUES (?1, ?2)",
            (migration.number, migration.name),
        )?;
    }
    Ok(transaction.commit()?)
}

/// Takes an empty file, or recognises our own.
fn claim(connection: &Connection) -> Result<(), OpenError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != 0 || objects != 0 {
        return Err(OpenError::ForeignDatabase(id));
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
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
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number as usize, place + 1, "{}", migration.name);
        }
    }

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let recorded: u32 =
            connection.query_row("SELECT count(*) FROM schema_migration", [], |row| row.get(0)).unwrap();
        assert_eq!(recorded as usize, MIGRATIONS.len());
    }

    #[test]
    fn refuses_a_schema_from_the_future_and_leaves_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO schema_migration (number, name) VALUES (999, 'later')", []).unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::NewerSchema { found: 999, .. })));
    }

    #[test]
    fn refuses_the_database_of_another_program() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE photographs (id INTEGER) STRICT").unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::ForeignDatabase(0))));
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "application_id", 7).unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::ForeignDatabase(7))));
    }

    #[test]
    fn every_table_is_strict() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
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
