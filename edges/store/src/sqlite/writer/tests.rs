use std::path::Path;

use tokio::task::JoinSet;

use super::*;

fn table(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS note (text TEXT PRIMARY KEY) STRICT;",
        )
        .unwrap();
    connection
}

fn insert(text: String) -> impl FnOnce(&Connection) -> Result<(), SqliteError> + Send + 'static {
    move |connection| {
        connection.prepare_cached("INSERT INTO note VALUES (?1)")?.execute([text])?;
        Ok(())
    }
}

fn notes(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT text FROM note ORDER BY text").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Holds the write lock, so that everything that is sent meanwhile waits for the same commit.
struct Held(Connection);

impl Held {
    fn lock(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// On the runtime of one thread a few yields poll every task to its place in the queue, or to its refusal.
async fn queued<T: Send + 'static>(tasks: &JoinSet<T>) {
    for _ in 0..tasks.len() + 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_commit_serves_all_that_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let writer = Arc::new(Writer::start(table(&path), 200, 200).unwrap());
    let held = Held::lock(&path);
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.run(insert(format!("{number:03}"))).await });
    }
    queued(&tasks).await;
    held.release();
    while let Some(answer) = tasks.join_next().await {
        answer.unwrap().unwrap();
    }
    assert_eq!(writer.statistics(), WriteStatistics { operations: 100, commits: 1, ..WriteStatistics::default() });
    assert_eq!(notes(&path).len(), 100);
}

#[tokio::test]
async fn a_failing_and_a_panicking_operation_harm_nobody_in_their_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let writer = Arc::new(Writer::start(table(&path), 200, 200).unwrap());
    let held = Held::lock(&path);
    let mut tasks = JoinSet::new();
    for number in 0..30 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move {
            let written = writer
                .run(move |connection| {
                    insert(format!("{number:02}"))(connection)?;
                    match number % 3 {
                        0 => Ok(()),
                        1 => Err(SqliteError::Unreadable("this one fails after its write")),
                        _ => panic!("this one panics after its write"),
                    }
                })
                .await;
            (number, written)
        });
    }
    queued(&tasks).await;
    held.release();
    while let Some(answer) = tasks.join_next().await {
        let (number, written) = answer.unwrap();
        match number % 3 {
            0 => written.unwrap(),
            1 => assert!(matches!(written, Err(SqliteError::Unreadable(_)))),
            _ => assert!(matches!(written, Err(SqliteError::Panic(text)) if text.contains("panics after"))),
        }
    }
    assert_eq!(writer.statistics().commits, 1);
    let expected: Vec<String> = (0..30).step_by(3).map(|number| format!("{number:02}")).collect();
    assert_eq!(notes(&path), expected);
}

#[tokio::test]
async fn a_commit_that_fails_is_answered_to_all_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let connection = table(&path);
    // A deferred constraint is judged by the commit itself, which is how a commit can be made to fail.
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE child (parent TEXT REFERENCES note (text) DEFERRABLE INITIALLY DEFERRED) STRICT;",
        )
        .unwrap();
    let writer = Arc::new(Writer::start(connection, 200, 200).unwrap());
    let held = Held::lock(&path);
    let mut tasks = JoinSet::new();
    for number in 0..9 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.run(insert(format!("{number}"))).await });
    }
    let orphan = Arc::clone(&writer);
    tasks.spawn(async move {
        let sql = "INSERT INTO child VALUES ('nobody')";
        orphan.run(move |connection| Ok(connection.execute(sql, []).map(drop)?)).await
    });
    queued(&tasks).await;
    held.release();
    while let Some(answer) = tasks.join_next().await {
        assert!(matches!(answer.unwrap(), Err(SqliteError::Commit(_))));
    }
    assert_eq!(writer.statistics().failed_commits, 1);
    assert!(notes(&path).is_empty());
    writer.run(insert("after".to_owned())).await.unwrap();
    assert_eq!(notes(&path), ["after"]);
}

#[tokio::test]
async fn a_transaction_that_sqlite_itself_gives_up_acknowledges_nothing_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let writer = Arc::new(Writer::start(table(&path), 200, 200).unwrap());
    let held = Held::lock(&path);
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move {
            let text = format!("{number:02}");
            let written = writer
                .run(move |connection| {
                    insert(format!("{number:02}"))(connection)?;
                    if number == 10 {
                        // Ends the whole transaction, as SQLite does by itself when the disk is full or fails.
                        connection.execute("INSERT OR ROLLBACK INTO note VALUES ('10')", [])?;
                    }
                    Ok(())
                })
                .await;
            (text, written)
        });
    }
    queued(&tasks).await;
    held.release();
    let mut acknowledged = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        let (text, written) = answer.unwrap();
        match written {
            Ok(()) => acknowledged.push(text),
            Err(error) => assert!(matches!(error, SqliteError::Commit(_)), "{error}"),
        }
    }
    acknowledged.sort();
    let after: Vec<String> = (11..20).map(|number| number.to_string()).collect();
    assert_eq!(acknowledged, after, "those after it had a transaction of their own");
    assert_eq!(notes(&path), acknowledged);
    assert_eq!((writer.statistics().commits, writer.statistics().failed_commits), (1, 1));
}

#[tokio::test]
async fn a_full_queue_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let writer = Arc::new(Writer::start(table(&path), 4, 200).unwrap());
    let held = Held::lock(&path);
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.run(insert(format!("{number:02}"))).await });
    }
    queued(&tasks).await;
    let turned_away = writer.statistics().turned_away;
    // Four wait in the queue, and the thread may have taken one more.
    assert!((15..=16).contains(&turned_away), "{turned_away}");
    held.release();
    let mut written = 0;
    while let Some(answer) = tasks.join_next().await {
        match answer.unwrap() {
            Ok(()) => written += 1,
            Err(error) => assert!(matches!(error, SqliteError::QueueFull)),
        }
    }
    assert_eq!(written + turned_away, 20);
    assert_eq!(notes(&path).len() as u64, written);
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_writer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let writer = Writer::start(table(&path), 4, 200).unwrap();
    writer.run(insert("first".to_owned())).await.unwrap();
    drop(writer);
    assert_eq!(notes(&path), ["first"]);
}
