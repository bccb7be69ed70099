//! How many JWT ids a node can spend durably in a second, and how many syncs of the disk that costs.
//!
//! `cargo run --release -p tessera-store --example commit_rate -- [FOLDER] [SECONDS]`
//!
//! Clients in a closed loop spend ids at concurrency 1, 8 and 64; then registrations and token states are read by key.
//! To count the syncs by an independent witness, run it under
//! `strace -f -c -e trace=fsync,fdatasync` (which slows each of them down).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_authorization_server::ports::{
    JtiSpend, RegistrationStore, ReplayStore, RevocationStore, Spend, TokenReference,
};
use tessera_authorization_server::registered::{GrantType, RegistrationDraft};
use tessera_authorization_server::settings::GroupName;
use tessera_store::sqlite::{SqliteSettings, SqliteStore};
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri, Jti};
use tessera_udap::scope::ScopeSet;
use tokio::task::JoinSet;

const NOW: u64 = 1_800_000_000;
const READS: u32 = 50_000;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map(PathBuf::from);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!("concurrency   spent/s   commits/s   spent/commit     p50      p99      max");
    for concurrency in [1, 8, 64] {
        runtime.block_on(spend(&folder, concurrency, Duration::from_secs(seconds)))?;
    }
    runtime.block_on(read(&folder))
}

async fn spend(folder: &Path, concurrency: u32, span: Duration) -> Result<(), Failure> {
    let path = folder.join(format!("commit-rate-{concurrency}.db"));
    let store = Arc::new(SqliteStore::open(&path, &SqliteSettings::default(), UnixTime::from_secs(NOW))?);
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..concurrency {
        let store = Arc::clone(&store);
        clients.spawn(async move { spend_until(&store, client, started + span).await });
    }
    let mut times = Vec::new();
    while let Some(client) = clients.join_next().await {
        times.extend(client??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let commits = store.write_statistics().commits as f64;
    let spent = times.len() as f64;
    let quantile = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{concurrency:>11} {:>9.0} {:>11.0} {:>14.1} {:>7.0}us {:>6.0}us {:>6.0}us",
        spent / elapsed,
        commits / elapsed,
        spent / commits,
        quantile(50).as_secs_f64() * 1e6,
        quantile(99).as_secs_f64() * 1e6,
        times.last().copied().unwrap_or_default().as_secs_f64() * 1e6,
    );
    Ok(())
}

async fn spend_until(store: &SqliteStore, client: u32, end: Instant) -> Result<Vec<Duration>, Failure> {
    let community = CommunityId::parse("https://community.example")?;
    let run = std::process::id();
    let mut times = Vec::new();
    while Instant::now() < end {
        let spend = JtiSpend {
            community: community.clone(),
            issuer: "https://client.example".to_owned(),
            jti: Jti::parse(&format!("{run}-{client}-{}-0123456789abcdef", times.len()))?,
            until: UnixTime::from_secs(NOW + 360),
            now: UnixTime::from_secs(NOW),
        };
        let begun = Instant::now();
        let answer = store.spend_jti(spend).await?;
        times.push(begun.elapsed());
        if answer != Spend::Fresh {
            return Err("an id that was never used is a replay".into());
        }
    }
    Ok(times)
}

async fn read(folder: &Path) -> Result<(), Failure> {
    let store = SqliteStore::open(&folder.join("reads.db"), &SqliteSettings::default(), UnixTime::from_secs(NOW))?;
    let client_id = ClientId::parse("commit-rate")?;
    let draft = RegistrationDraft {
        client_id: client_id.clone(),
        group: GroupName::parse("main").ok_or("a group name")?,
        community: CommunityId::parse("https://community.example")?,
        client_uri: ClientUri::parse("https://client.example")?,
        client_name: "Commit rate".to_owned(),
        contacts: vec!["mailto:people@client.example".to_owned()],
        logo_uri: None,
        grant_types: vec![GrantType::ClientCredentials],
        scope: ScopeSet::parse("system/Patient.read system/Observation.rs system/Condition.rs")?,
        software_statement: "x".repeat(3500),
        certificate: CertificateDigest::of(b"certificate"),
        at: UnixTime::from_secs(NOW),
    };
    let token = TokenReference {
        jti: Jti::parse("token")?,
        client_id: client_id.clone(),
        registration_version: 1,
        community: draft.community.clone(),
        certificate: draft.certificate,
        issued_at: UnixTime::from_secs(NOW),
    };
    store.register(draft).await?;
    let begun = Instant::now();
    for _ in 0..READS {
        store.registration(&client_id).await?.ok_or("the registration is gone")?;
    }
    println!("a registration by key: {:.1} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(READS));
    let begun = Instant::now();
    for _ in 0..READS {
        store.token_status(&token).await?;
    }
    println!("a token's status:      {:.1} us", begun.elapsed().as_secs_f64() * 1e6 / f64::from(READS));
    Ok(())
}
