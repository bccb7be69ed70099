//! Which revocation lists are believed, kept, and let go.

use super::*;
use tessera_store::limits::StoreLimits;
use tessera_store::memory::MemoryStore;

/// The one failure among these, which must be one of a list that goes back.
fn goes_back(outcomes: &[PollOutcome]) -> &str {
    let failed = outcomes.iter().filter_map(|outcome| match outcome {
        PollOutcome::Failed(problem) => Some(problem.as_str()),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    failed[0]
}

/// After this a list that is not polled is asked for again.
const LATER: UnixTime = UnixTime::from_secs(NOW.as_secs() + 700);

impl World {
    /// A node over a store; a second one is the first after its restart.
    fn node(&self, store: &Arc<MemoryStore>) -> Bench {
        self.node_with(store, self.policy())
    }

    fn node_with(&self, store: &Arc<MemoryStore>, policy: FetchPolicy) -> Bench {
        bench_with(vec![(self.community(ID), policy)], |engine| engine.keeping_lists(store.clone()))
    }

    /// The place of the intermediate's list.
    fn is_of_ca(place: &CrlPlace) -> bool {
        place.url.ends_with("/ca.crl")
    }

    /// Serves the list of before a chain was revoked; gives the newer one.
    fn go_back(&mut self, chain: &CertificateChain) -> Vec<u8> {
        let innocent = self.server.take("/ca.crl");
        self.revoke(chain);
        self.publish(NOW);
        let newer = self.server.take("/ca.crl");
        self.server.put("/ca.crl", innocent);
        newer
    }
}

/// Every reason of a refusal, in one text.
async fn reasons(bench: &Bench, chain: &CertificateChain, now: UnixTime) -> String {
    let refusal = bench.engine.verify(chain, &[CommunityId::parse(ID).unwrap()], now).await.unwrap_err();
    let reasons = refusal.attempts().iter().flat_map(|attempt| attempt.reasons());
    reasons.map(|reason| format!("{reason}\n")).collect()
}

#[tokio::test]
async fn lists_never_go_backwards() {
    let mut world = World::new().await;
    let (bench, chain) = (world.engine(), world.chain());
    let innocent = world.server.take("/ca.crl");
    world.revoke(&chain);
    world.publish(NOW);
    assert_eq!(bench.verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);

    world.server.put("/ca.crl", innocent);
    let later = NOW.plus(Duration::from_secs(700));
    assert_eq!(
        goes_back(&bench.poll(later).await),
        "the list (number 1 of 2026-09-21T14:13:20Z) is older than one seen before (number 2 of 2026-09-21T14:13:20Z)"
    );
    assert_eq!(bench.verify(&chain, later).await.unwrap_err(), RefusalKind::Revoked);
}

#[tokio::test]
async fn a_forged_list_is_not_kept_and_locks_nothing_out() {
    let mut world = World::new().await;
    let (bench, leaf) = (world.engine(), world.leaf());
    // A CA of the same name that nobody of the community signed, presented along with the true one.
    let impostor_root = Authority::root(Subject::new("Test", "Root"), validity(), entropy(), key()).unwrap();
    let impostor_key = key();
    let issue = Issue::new(
        Subject::new("Test", "CA"),
        impostor_key.public_key(),
        Profile::Intermediate { path_length: 0 },
        validity(),
        entropy(),
    );
    let impostor = impostor_root.issue_authority(&issue, impostor_key).unwrap();
    let ders =
        [leaf, world.ca.certificate().to_vec(), impostor.certificate().to_vec(), impostor_root.certificate().to_vec()];
    let chain = CertificateChain::from_ders(&ders).unwrap();
    let mut far_ahead = RevocationList::default().with_number(50);
    world.server.put("/ca.crl", impostor.crl(&mut far_ahead, NOW, NOW.plus(HOUR)).unwrap());
    assert_eq!(bench.verify(&chain, NOW).await.unwrap_err(), RefusalKind::RevocationUnknown);
    assert!(bench.engine.lists().iter().all(|kept| !World::is_of_ca(&kept.place)));

    world.publish(NOW);
    bench.verify(&chain, NOW.plus(Duration::from_secs(30))).await.unwrap();
}

#[tokio::test]
async fn lists_from_files_need_no_network() {
    let world = World::new().await;
    let crl = |path: &str| (world.server.url(path), Arc::new(Crl::from_der(&world.server.take(path)).unwrap()));
    let preloaded = vec![crl("/root.crl"), crl("/ca.crl")];
    let policy = FetchPolicy { preloaded, ..FetchPolicy::default() };
    let bench = bench(vec![(world.community(ID), policy)]);
    bench.verify(&world.chain(), NOW).await.unwrap();
    assert_eq!(world.server.count(), 0);
}

/// Security invariants 16 and 25.
#[tokio::test]
async fn after_a_restart_an_older_list_is_refused_and_the_revocation_holds() {
    let (mut world, store) = (World::new().await, Arc::new(MemoryStore::default()));
    let (chain, other) = (world.chain(), world.chain());
    let newer = world.go_back(&chain);
    let innocent = world.server.take("/ca.crl");
    world.server.put("/ca.crl", newer);
    assert_eq!(world.node(&store).verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);

    world.server.put("/ca.crl", innocent);
    let restarted = world.node(&store);
    assert_eq!(restarted.verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);
    restarted.verify(&other, NOW).await.unwrap();
    let outcomes = restarted.poll(LATER).await;
    assert!(goes_back(&outcomes).contains("older than one seen before (number 2 of"), "{outcomes:?}");

    // The same when the place is out of reach: what was kept is still fresh.
    world.server.take("/ca.crl");
    assert_eq!(world.node(&store).verify(&chain, LATER).await.unwrap_err(), RefusalKind::Revoked);
}

/// The list itself had to make room; how far the CA had come did not.
#[tokio::test]
async fn an_older_list_is_refused_by_its_age_alone() {
    let mut world = World::new().await;
    let limits = StoreLimits { revocation_list_bytes_of_one_community: 0, ..StoreLimits::default() };
    let store = Arc::new(MemoryStore::new(limits));
    let chain = world.chain();
    let newer = world.go_back(&chain);
    let innocent = world.server.take("/ca.crl");
    world.server.put("/ca.crl", newer);
    assert_eq!(world.node(&store).verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);

    world.server.put("/ca.crl", innocent);
    let restarted = world.node(&store);
    assert_eq!(restarted.verify(&chain, NOW).await.unwrap_err(), RefusalKind::RevocationUnknown);
    assert!(
        reasons(&restarted, &chain, NOW).await.contains("(number 1 of 2026-09-21T14:13:20Z) is older than one seen")
    );
}

/// A second node over the same store has seen the newer list.
#[tokio::test]
async fn takes_over_the_newer_list_that_another_node_has_kept() {
    let (mut world, store) = (World::new().await, Arc::new(MemoryStore::default()));
    let (one, two, chain) = (world.node(&store), world.node(&store), world.chain());
    let newer = world.go_back(&chain);
    let innocent = world.server.take("/ca.crl");
    world.server.put("/ca.crl", innocent.clone());
    one.verify(&chain, NOW).await.unwrap();
    world.server.put("/ca.crl", newer);
    two.verify(&chain, NOW).await.unwrap_err();

    // Its own place goes on serving the older one, which is still at hand here.
    world.server.put("/ca.crl", innocent);
    goes_back(&one.poll(LATER).await);
    assert_eq!(one.verify(&chain, LATER).await.unwrap_err(), RefusalKind::Revoked);
}

#[tokio::test]
async fn a_file_from_before_a_newer_list_is_not_used_after_a_restart() {
    let (mut world, store) = (World::new().await, Arc::new(MemoryStore::default()));
    let chain = world.chain();
    let newer = world.go_back(&chain);
    let file = Arc::new(Crl::from_der(&world.server.take("/ca.crl")).unwrap());
    let policy = FetchPolicy { preloaded: vec![(world.server.url("/ca.crl"), file)], ..world.policy() };
    world.node_with(&store, policy.clone()).verify(&chain, NOW).await.unwrap();
    world.server.put("/ca.crl", newer);
    assert_eq!(world.node(&store).verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);

    world.server.take("/ca.crl");
    let restarted = world.node_with(&store, policy);
    assert_eq!(restarted.verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);
}

/// Fail closed: without its store a node cannot tell what goes backwards.
#[tokio::test]
async fn a_list_that_cannot_be_kept_is_not_used() {
    let world = World::new().await;
    let limits = StoreLimits { revocation_lists_of_one_community: 1, ..StoreLimits::default() };
    let node = world.node(&Arc::new(MemoryStore::new(limits)));
    let chain = world.chain();
    let reasons = reasons(&node, &chain, NOW).await;
    assert!(reasons.contains("cannot be compared with those seen before"), "{reasons}");
    assert_eq!(node.engine.lists().len(), 1);
}

#[tokio::test]
async fn a_list_from_the_future_is_not_kept() {
    let (mut world, store) = (World::new().await, Arc::new(MemoryStore::default()));
    let (node, chain) = (world.node(&store), world.chain());
    let true_list = world.server.take("/ca.crl");
    world.publish(NOW.plus(HOUR));
    let reasons = reasons(&node, &chain, NOW).await;
    assert!(reasons.contains("the list is dated 2026-09-21T15:13:20Z, in the future"), "{reasons}");
    world.publish(NOW);
    world.server.put("/ca.crl", true_list);
    node.verify(&chain, NOW.plus(Duration::from_secs(30))).await.unwrap();
}

/// Security invariant 31: the least asked for makes room, and what is known of its age stays.
#[tokio::test]
async fn lists_stay_within_their_bytes() {
    let (mut world, store) = (World::new().await, Arc::new(MemoryStore::default()));
    let chain = world.chain();
    let newer = world.go_back(&chain);
    let innocent = world.server.take("/ca.crl");
    world.server.put("/ca.crl", newer);
    // Room for one of the two lists.
    let policy = FetchPolicy { list_bytes: 3_000, ..world.policy() };
    let node = world.node_with(&store, policy);
    assert_eq!(node.verify(&chain, NOW).await.unwrap_err(), RefusalKind::Revoked);
    assert_eq!(node.engine.lists().len(), 1);

    world.server.put("/ca.crl", innocent);
    let after = NOW.plus(Duration::from_secs(30));
    assert_eq!(node.verify(&chain, after).await.unwrap_err(), RefusalKind::Revoked);
    assert_eq!(node.engine.lists().len(), 1);
}

/// A CA that an anchor signed, and that no path could pass through: its lists are nobody's.
#[tokio::test]
async fn keeps_no_list_of_a_ca_that_no_path_could_pass_through() {
    let mut world = World::new().await;
    let ca_key = key();
    let over = Validity::starting(NOW.minus(48 * HOUR), 24 * HOUR);
    let profile = Profile::Intermediate { path_length: 0 };
    let mut issue = Issue::new(Subject::new("Test", "CA"), ca_key.public_key(), profile, over, entropy());
    issue.crl_urls = vec![world.server.url("/root.crl")];
    let expired = world.root.issue_authority(&issue, ca_key).unwrap();
    let ders = [world.leaf(), world.ca.certificate().to_vec(), expired.certificate().to_vec()];
    let chain = CertificateChain::from_ders(&ders).unwrap();
    let mut far_ahead = RevocationList::default().with_number(50);
    world.server.put("/ca.crl", expired.crl(&mut far_ahead, NOW, NOW.plus(HOUR)).unwrap());

    let bench = world.engine();
    let reasons = reasons(&bench, &chain, NOW).await;
    assert!(reasons.contains("not signed by a CA of the community"), "{reasons}");
    assert!(bench.engine.lists().iter().all(|list| !World::is_of_ca(&list.place)));
    world.publish(NOW);
    bench.verify(&chain, NOW.plus(Duration::from_secs(30))).await.unwrap();
}
