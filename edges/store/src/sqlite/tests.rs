//! What SQLite alone promises: it survives, it is shared between processes, and it shares commits.

mod looking;
mod processes;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::contract::{self, NOW, Opened, at, community, contract, draft, group, id, jti, stored, token, uri};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("tessera.db")
}

fn store(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&database(folder), &SqliteSettings::default(), at(NOW)).unwrap()
}

fn open(limits: StoreLimits) -> Opened {
    let folder = folder();
    let settings = SqliteSettings { limits, ..SqliteSettings::default() };
    let store = SqliteStore::open(&database(&folder), &settings, at(NOW)).unwrap();
    Opened::new(Arc::new(store), folder)
}

mod suite {
    use super::{contract, open};

    contract!(open);
}

fn spend(name: &str) -> JtiSpend {
    contract::replay::spend(name)
}

/// Shows: AUTHN-5
#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let folder = folder();
    let (registered, blocked, revoked, marked);
    {
        let store = store(&folder);
        registered = stored(store.register(draft("one")).await.unwrap());
        let of = |name: &str| RegistrationDraft { client_uri: uri(name), ..draft(name) };
        stored(store.register(of("two")).await.unwrap());
        blocked = store.block(&id("two"), "misuse", at(NOW)).await.unwrap();
        store.spend_jti(spend("a")).await.unwrap();
        revoked = token(&registered);
        store.revoke_token(contract::revocation::revocation(revoked.jti.as_str())).await.unwrap();
        marked = token(&stored(store.register(of("three")).await.unwrap()));
        store.revoke_tokens(MassRevocation::Client(id("three")), at(NOW + 60)).await.unwrap();
    }
    let store = store(&folder);
    assert_eq!(store.registration(&id("one")).await.unwrap(), Some(registered));
    assert_eq!(store.registration(&id("two")).await.unwrap(), blocked);
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Replayed);
    assert_eq!(store.token_status(&revoked).await.unwrap(), TokenStatus::Revoked);
    let marked = TokenReference { jti: jti("another"), ..marked };
    assert_eq!(store.token_status(&marked).await.unwrap(), TokenStatus::RevokedInBulk);
}

#[tokio::test]
async fn an_older_revocation_list_is_refused_after_a_restart() {
    use tessera_authorization_server::ports::{KeptList, ListKeeping, RevocationListStore};
    let (folder, ca) = (folder(), contract::revocation_list::Ca::new());
    let (place, newest) = (contract::revocation_list::place("a"), ca.list(4, NOW + 60, 10));
    store(&folder).keep_list(&place, newest.clone(), at(NOW + 60)).await.unwrap();

    let store = store(&folder);
    let answer = store.keep_list(&place, ca.list(3, NOW, 10), at(NOW + 120)).await.unwrap();
    assert_eq!(answer, ListKeeping::GoesBack(newest.age()));
    let kept = KeptList { age: newest.age(), der: Some(newest.der().to_vec()) };
    assert_eq!(store.kept_list(&place).await.unwrap(), Some(kept));

    let before = store.write_statistics().operations;
    assert_eq!(store.keep_list(&place, newest, at(NOW + 120)).await.unwrap(), ListKeeping::Kept);
    assert_eq!(store.write_statistics().operations, before, "the same list is not written again");
}

#[tokio::test]
async fn the_purge_horizon_survives_a_restart() {
    let folder = folder();
    {
        let store = store(&folder);
        store.spend_jti(spend("a")).await.unwrap();
        assert_eq!(store.purge(at(NOW + 86_400)).await.unwrap().spent_jtis, 1);
    }
    assert_eq!(store(&folder).spend_jti(spend("a")).await.unwrap(), Spend::Replayed);
}

#[tokio::test]
async fn a_second_handle_sees_and_decides_at_once() {
    let folder = folder();
    let (node, operator) = (store(&folder), store(&folder));
    let token = token(&stored(node.register(draft("one")).await.unwrap()));
    assert_eq!(node.token_status(&token).await.unwrap(), TokenStatus::Live);

    operator.block(&id("one"), "misuse", at(NOW)).await.unwrap();
    assert_eq!(node.token_status(&token).await.unwrap(), TokenStatus::ClientBlocked);
    assert_eq!(node.register(draft("two")).await.unwrap(), Registered::Blocked(id("one")));
    operator.unblock(&id("one"), at(NOW)).await.unwrap();
    assert!(node.registration(&id("one")).await.unwrap().unwrap().is_active());
    node.cancel(&group("main"), &community("north"), &uri("app"), at(NOW)).await.unwrap();
    assert_eq!(operator.token_status(&token).await.unwrap(), TokenStatus::ClientGone);
}

/// Shows: AUTHN-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_is_fresh_once_over_two_handles() {
    let folder = folder();
    let nodes = [Arc::new(store(&folder)), Arc::new(store(&folder))];
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let node = Arc::clone(&nodes[number % 2]);
        tasks.spawn(async move { node.spend_jti(spend("a")).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Spend::Fresh).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_party_is_created_once_over_two_handles() {
    let folder = folder();
    let nodes = [Arc::new(store(&folder)), Arc::new(store(&folder))];
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let node = Arc::clone(&nodes[number % 2]);
        tasks.spawn(async move { node.register(draft(&format!("client-{number}"))).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Registered::Created(_))).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_shares_few_commits() {
    let folder = folder();
    let store = Arc::new(store(&folder));
    let mut tasks = JoinSet::new();
    for number in 0..500 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.spend_jti(spend(&number.to_string())).await.unwrap() });
    }
    assert!(tasks.join_all().await.iter().all(|answer| *answer == Spend::Fresh));
    let statistics = store.spent_ids_statistics();
    assert_eq!(statistics.operations, 500);
    assert!(statistics.commits < 250, "{statistics:?}");
}

#[tokio::test]
async fn while_another_process_writes_reads_answer_and_writes_are_refused_in_time() {
    let folder = folder();
    let settings = SqliteSettings { busy_timeout: Duration::from_millis(20), ..SqliteSettings::default() };
    let store = SqliteStore::open(&database(&folder), &settings, at(NOW)).unwrap();
    let before = stored(store.register(draft("one")).await.unwrap());

    let lock = |path: PathBuf| {
        let other = Connection::open(path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    };
    let other = lock(database(&folder));
    assert_eq!(store.registration(&id("one")).await.unwrap().as_ref(), Some(&before));
    assert!(store.register(draft("two")).await.is_err());
    assert!(store.ping().await.is_err());
    drop(other);

    let other = lock(spent_ids_path(&database(&folder)));
    assert!(store.spend_jti(spend("a")).await.is_err());
    assert!(store.ping().await.is_err());
    drop(other);

    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Fresh, "the refused one left nothing");
    store.ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn all_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let store = store(&folder);
    store.spend_jti(spend("a")).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert_eq!(seen, 6, "two databases, each with its log and the index of the log");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    use std::io::Write;
    let folder = folder();
    drop(store(&folder));
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(database(&folder)).unwrap();
    file.write_all(&[b'x'; 4096]).unwrap();
    let refusal = SqliteStore::open(&database(&folder), &SqliteSettings::default(), at(NOW));
    assert!(matches!(refusal, Err(OpenError::Sqlite(_))), "{refusal:?}");
}

#[test]
fn the_hot_statements_walk_indexes() {
    let folder = folder();
    drop(store(&folder));
    let registry = Connection::open(database(&folder)).unwrap();
    let spent = Connection::open(spent_ids_path(&database(&folder))).unwrap();
    let hot = [
        (&spent, replay::SPEND),
        (&spent, replay::PURGE),
        (&registry, revocation::TOKEN_FACTS),
        (&registry, registration::OLDEST_CANCELLED),
    ];
    for (connection, sql) in hot {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> = statement.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect();
        let whole_table =
            steps.iter().find(|step| step.starts_with("SCAN") && !step.contains("INDEX") && !step.contains("CONSTANT"));
        assert_eq!(whole_table, None, "{sql}: {steps:?}");
    }
}

/// Shows: AUTHN-5
#[tokio::test]
async fn lost_records_of_spent_ids_let_no_used_jwt_in_again() {
    let folder = folder();
    {
        let store = store(&folder);
        store.spend_jti(spend("statement")).await.unwrap();
        stored(store.register(draft("one")).await.unwrap());
        store.spend_jti(spend("a")).await.unwrap();
    }
    for end in ["", "-wal", "-shm"] {
        let mut path = spent_ids_path(&database(&folder)).into_os_string();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
    let store = store(&folder);
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Replayed);
    let later = JtiSpend { now: at(NOW + 366), until: at(NOW + 726), ..spend("b") };
    assert_eq!(store.spend_jti(later).await.unwrap(), Spend::Fresh, "soon all is as before");
}

#[tokio::test]
async fn who_works_beside_a_node_makes_and_migrates_nothing() {
    let folder = folder();
    let path = database(&folder);
    let open = || SqliteStore::open_existing(&path, &SqliteSettings::default(), at(NOW));
    assert!(matches!(open(), Err(OpenError::OlderSchema { found: 0, .. })));
    assert!(!path.exists());
    drop(store(&folder));
    open().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute("DELETE FROM schema_migration WHERE number > 1", []).unwrap();
    drop(connection);
    assert!(matches!(open(), Err(OpenError::OlderSchema { found: 1, .. })));
}
