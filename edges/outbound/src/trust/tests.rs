use super::*;

mod lists;
use crate::dial::Connector;
use crate::http::FetchLimits;
use crate::testing::{Publisher, RecordingDialler, TableResolver};
use crate::tls::{TlsRoots, client_config};
use std::sync::atomic::{AtomicU8, Ordering};
use tessera_pki::{
    Authority, CaKey, Issue, KeyKind, Profile, Reason, RevocationList, RevokedCertificate, SoftwareCaKey, Subject,
    Validity,
};
use tessera_trust::{Anchor, Certificate, CertificateProfile, RefusalKind, RevocationPolicy};

const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);
const HOUR: Duration = Duration::from_secs(3600);

/// A community with a root and an intermediate CA, its lists on a server of its own.
struct World {
    server: Publisher,
    root: Authority,
    ca: Authority,
    root_list: RevocationList,
    ca_list: RevocationList,
}

fn entropy() -> [u8; 16] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    [NEXT.fetch_add(1, Ordering::Relaxed); 16]
}

fn key() -> Arc<dyn CaKey> {
    Arc::new(SoftwareCaKey::generate(KeyKind::P256).unwrap())
}

fn validity() -> Validity {
    Validity::starting(NOW.minus(HOUR), 1000 * HOUR)
}

impl World {
    async fn new() -> Self {
        let server = Publisher::start().await;
        let root = Authority::root(Subject::new("Test", "Root"), validity(), entropy(), key()).unwrap();
        let ca_key = key();
        let profile = Profile::Intermediate { path_length: 0 };
        let mut issue = Issue::new(Subject::new("Test", "CA"), ca_key.public_key(), profile, validity(), entropy());
        issue.crl_urls = vec![server.url("/root.crl")];
        let ca = root.issue_authority(&issue, ca_key).unwrap();
        let mut world =
            Self { server, root, ca, root_list: RevocationList::default(), ca_list: RevocationList::default() };
        world.publish(NOW);
        world
    }

    /// Publishes both lists anew, under the next numbers.
    fn publish(&mut self, at: UnixTime) {
        let until = at.plus(100 * HOUR);
        self.server.put("/root.crl", self.root.crl(&mut self.root_list, at, until).unwrap());
        self.server.put("/ca.crl", self.ca.crl(&mut self.ca_list, at, until).unwrap());
    }

    fn revoke(&mut self, chain: &CertificateChain) {
        let serial = hex(&chain.leaf().serial_hex());
        self.ca_list.revoke(&serial, RevokedCertificate { at: NOW, reason: Reason::KeyCompromise });
    }

    fn leaf(&self) -> Vec<u8> {
        let profile = Profile::Member { uris: vec!["https://app.example/a".to_owned()] };
        let mut issue = Issue::new(Subject::new("Test", "App"), key().public_key(), profile, validity(), entropy());
        issue.crl_urls = vec![self.server.url("/ca.crl")];
        self.ca.issue(&issue).unwrap()
    }

    fn chain(&self) -> CertificateChain {
        CertificateChain::from_ders(&[self.leaf(), self.ca.certificate().to_vec()]).unwrap()
    }

    fn community(&self, id: &str) -> TrustCommunity {
        let root = Certificate::from_der(self.root.certificate()).unwrap();
        TrustCommunity::new(
            CommunityId::parse(id).unwrap(),
            vec![Anchor::new(Arc::new(root)).unwrap()],
            Vec::new(),
            CertificateProfile::default(),
            RevocationPolicy::RequireStatus,
        )
        .unwrap()
    }

    /// What lets this world's server on loopback be reached.
    fn policy(&self) -> FetchPolicy {
        FetchPolicy { allow: self.server.allow_list(), ..FetchPolicy::default() }
    }

    fn engine(&self) -> Bench {
        bench(vec![(self.community(ID), self.policy())])
    }
}

const ID: &str = "https://community.example/one";

struct Bench {
    engine: Arc<TrustEngine>,
    dialler: Arc<RecordingDialler>,
}

fn bench(communities: Vec<(TrustCommunity, FetchPolicy)>) -> Bench {
    bench_with(communities, |engine| engine)
}

fn bench_with(
    communities: Vec<(TrustCommunity, FetchPolicy)>,
    finish: impl FnOnce(TrustEngine) -> TrustEngine,
) -> Bench {
    let dialler = Arc::new(RecordingDialler::default());
    let tls = client_config(TlsRoots::Only(Vec::new())).unwrap();
    let connector = Connector::new(TableResolver::new(&[]), dialler.clone(), tls, Duration::from_secs(2));
    // Failures are not remembered, so that a test can mend what it broke.
    let limits = FetchLimits { failures: 0, ..FetchLimits::default() };
    let fetcher = Arc::new(Fetcher::new(connector, limits));
    let engine = TrustEngine::new(communities, fetcher, TrustSettings::default()).unwrap();
    Bench { engine: Arc::new(finish(engine)), dialler }
}

impl Bench {
    async fn poll(&self, now: UnixTime) -> Vec<PollOutcome> {
        self.engine.poll_due(now).await.into_iter().map(|poll| poll.outcome).collect()
    }

    async fn verify(&self, chain: &CertificateChain, now: UnixTime) -> Result<VerifiedChain, RefusalKind> {
        let id = CommunityId::parse(ID).unwrap();
        self.engine.verify(chain, &[id], now).await.map_err(|refusal| refusal.kind())
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[tokio::test]
async fn fetches_each_list_once_and_remembers_the_verdict() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    let verified = bench.verify(&chain, NOW).await.unwrap();
    assert_eq!(verified.community().as_str(), ID);
    assert_eq!(verified.path().len(), 3);
    assert_eq!(world.server.count(), 2);

    let again = bench.verify(&chain, NOW.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(again.verified_at(), NOW, "the remembered verdict, not a new one");
    bench.verify(&world.chain(), NOW).await.unwrap();
    assert_eq!(world.server.count(), 2, "another member's chain rests on the same lists");
}

/// Shows: JWT-12
#[tokio::test]
async fn a_revocation_reaches_a_remembered_verdict_with_the_next_poll() {
    let mut world = World::new().await;
    let (bench, chain, other) = (world.engine(), world.chain(), world.chain());
    bench.verify(&chain, NOW).await.unwrap();
    bench.verify(&other, NOW).await.unwrap();

    world.revoke(&chain);
    world.publish(NOW.plus(Duration::from_secs(60)));
    let later = NOW.plus(Duration::from_secs(301));
    assert_eq!(bench.poll(NOW.plus(Duration::from_secs(200))).await, [], "not due yet");
    assert_eq!(bench.poll(later).await, [PollOutcome::Changed, PollOutcome::Changed]);

    assert_eq!(bench.verify(&chain, later).await.unwrap_err(), RefusalKind::Revoked);
    bench.verify(&other, later).await.unwrap();
}

#[tokio::test]
async fn a_poll_that_brings_the_same_list_drops_nothing() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    bench.verify(&chain, NOW).await.unwrap();
    let later = NOW.plus(Duration::from_secs(301));
    assert_eq!(bench.poll(later).await, [PollOutcome::Unchanged, PollOutcome::Unchanged]);
    assert_eq!(bench.verify(&chain, later).await.unwrap().verified_at(), NOW);
}

#[tokio::test]
async fn a_verdict_is_made_anew_after_the_recheck_interval() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    bench.verify(&chain, NOW).await.unwrap();
    let end = NOW.plus(Duration::from_secs(600));
    assert_eq!(bench.verify(&chain, end).await.unwrap().verified_at(), NOW);
    let after = end.plus(Duration::from_secs(1));
    assert_eq!(bench.verify(&chain, after).await.unwrap().verified_at(), after);
    assert_eq!(world.server.count(), 4, "no poll came, so the lists were asked for again");
}

#[tokio::test]
async fn a_clock_that_goes_back_finds_no_verdict_from_the_future() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    bench.verify(&chain, NOW.plus(HOUR)).await.unwrap();
    assert_eq!(bench.verify(&chain, NOW).await.unwrap().verified_at(), NOW);
}

#[tokio::test]
async fn without_a_list_nobody_is_believed() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    world.server.take("/ca.crl");
    assert_eq!(bench.verify(&chain, NOW).await.unwrap_err(), RefusalKind::RevocationUnknown);
}

#[tokio::test]
async fn a_list_on_a_private_address_is_not_fetched_unless_written_down() {
    let world = World::new().await;
    let bench = bench(vec![(world.community(ID), FetchPolicy::default())]);
    assert_eq!(bench.verify(&world.chain(), NOW).await.unwrap_err(), RefusalKind::RevocationUnknown);
    assert!(bench.dialler.dialled.lock().unwrap().is_empty());
    assert_eq!(world.server.count(), 0);
}

#[tokio::test]
async fn two_hundred_chains_at_once_cost_one_fetch_of_each_list() {
    let world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    world.server.slow_down(Duration::from_millis(50));
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (engine, chain) = (bench.engine.clone(), chain.clone());
            tokio::spawn(async move { engine.verify(&chain, &[CommunityId::parse(ID).unwrap()], NOW).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(world.server.count(), 2);
}

/// Shows: CHAIN-7
#[tokio::test]
async fn the_order_of_communities_decides_and_the_verdict_names_one() {
    let world = World::new().await;
    let other = World::new().await;
    let (one, two, three) = ("urn:one", "urn:two", "urn:three");
    let bench = bench(vec![
        (world.community(one), world.policy()),
        (world.community(two), world.policy()),
        (other.community(three), other.policy()),
    ]);
    let id = |text: &str| CommunityId::parse(text).unwrap();
    let chain = world.chain();
    let verify = async |ids: &[&str]| {
        let ids: Vec<_> = ids.iter().map(|text| id(text)).collect();
        bench.engine.verify(&chain, &ids, NOW).await
    };
    assert_eq!(verify(&[three, two, one]).await.unwrap().community(), &id(two));
    assert_eq!(verify(&[one, two]).await.unwrap().community(), &id(one));
    assert_eq!(verify(&[three, two, one]).await.unwrap().community(), &id(two));

    let refusal = verify(&[three, "urn:unknown"]).await.unwrap_err();
    assert_eq!(refusal.communities(), [id(three), id("urn:unknown")]);
    assert!(verify(&[]).await.is_err());
}

#[test]
fn a_community_is_configured_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let tls = client_config(TlsRoots::Only(Vec::new())).unwrap();
    let fetcher = Arc::new(Fetcher::new(Connector::system(tls), FetchLimits::default()));
    let twice = vec![(world.community(ID), world.policy()), (world.community(ID), world.policy())];
    assert!(TrustEngine::new(twice, fetcher, TrustSettings::default()).is_err());
}
