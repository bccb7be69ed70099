//! What is remembered of revocation lists.

use std::sync::Arc;
use std::time::Duration;

use tessera_authorization_server::ports::{KeptList, ListKeeping, ListPlace};
use tessera_pki::{Authority, KeyKind, RevocationList, SoftwareCaKey, Subject, Validity};
use tessera_trust::Crl;

use super::{NOW, Open, at, community};
use crate::limits::StoreLimits;

const DAY: u64 = 86_400;

/// A CA that signs lists.
pub(crate) struct Ca(Authority);

impl Ca {
    pub(crate) fn new() -> Self {
        let validity = Validity::starting(at(NOW - DAY), Duration::from_secs(10_000 * DAY));
        let key = Arc::new(SoftwareCaKey::generate(KeyKind::P256).unwrap());
        Self(Authority::root(Subject::new("Test", "Root"), validity, [7; 16], key).unwrap())
    }

    /// A list of this number, issued at a time and fresh for some days.
    pub(crate) fn list(&self, number: u64, issued: u64, days: u64) -> Arc<Crl> {
        let der = self.0.crl(&mut RevocationList::default().with_number(number), at(issued), at(issued + days * DAY));
        Arc::new(Crl::from_der(&der.unwrap()).unwrap())
    }
}

pub(crate) fn place(name: &str) -> ListPlace {
    ListPlace {
        community: community("north"),
        url: format!("http://{name}.example/ca.crl"),
        issuer: "CN=Root".to_owned(),
    }
}

fn whole(list: &Crl) -> Option<KeptList> {
    Some(KeptList { age: list.age(), der: Some(list.der().to_vec()) })
}

pub(crate) async fn keeps_the_newest_list_of_a_place(open: Open) {
    let (store, ca) = (open(StoreLimits::default()), Ca::new());
    let (older, newer) = (ca.list(3, NOW, 10), ca.list(4, NOW + 60, 10));
    assert_eq!(store.kept_list(&place("a")).await.unwrap(), None);
    assert_eq!(store.keep_list(&place("a"), older.clone(), at(NOW)).await.unwrap(), ListKeeping::Kept);
    assert_eq!(store.kept_list(&place("a")).await.unwrap(), whole(&older));
    for _ in 0..2 {
        assert_eq!(store.keep_list(&place("a"), newer.clone(), at(NOW + 60)).await.unwrap(), ListKeeping::Kept);
        assert_eq!(store.kept_list(&place("a")).await.unwrap(), whole(&newer));
    }
}

pub(crate) async fn keeps_no_list_that_goes_back(open: Open) {
    let (store, ca) = (open(StoreLimits::default()), Ca::new());
    let newest = ca.list(4, NOW + 60, 10);
    store.keep_list(&place("a"), newest.clone(), at(NOW + 60)).await.unwrap();
    for older in [ca.list(3, NOW + 120, 10), ca.list(5, NOW, 10)] {
        let answer = store.keep_list(&place("a"), older, at(NOW + 120)).await.unwrap();
        assert_eq!(answer, ListKeeping::GoesBack(newest.age()));
        assert_eq!(store.kept_list(&place("a")).await.unwrap(), whole(&newest));
    }
}

pub(crate) async fn tells_places_communities_and_issuers_apart(open: Open) {
    let (store, ca) = (open(StoreLimits::default()), Ca::new());
    store.keep_list(&place("a"), ca.list(4, NOW, 10), at(NOW)).await.unwrap();
    let others = [
        place("b"),
        ListPlace { community: community("south"), ..place("a") },
        ListPlace { issuer: "CN=Other".to_owned(), ..place("a") },
    ];
    for other in others {
        assert_eq!(store.kept_list(&other).await.unwrap(), None);
        assert_eq!(store.keep_list(&other, ca.list(1, NOW, 10), at(NOW)).await.unwrap(), ListKeeping::Kept);
    }
}

/// The lists that end first go; their ages stay, so that nothing older comes after them.
pub(crate) async fn lets_lists_make_room_and_keeps_their_ages(open: Open) {
    let ca = Ca::new();
    let (soon, late) = (ca.list(4, NOW, 1), ca.list(4, NOW, 10));
    let budget = (soon.der().len() + late.der().len()) as u64;
    let store = open(StoreLimits { revocation_list_bytes_of_one_community: budget, ..StoreLimits::default() });
    store.keep_list(&place("late"), late.clone(), at(NOW)).await.unwrap();
    store.keep_list(&place("soon"), soon.clone(), at(NOW)).await.unwrap();
    assert_eq!(store.kept_list(&place("soon")).await.unwrap(), whole(&soon), "both have room");

    store.keep_list(&place("third"), ca.list(4, NOW, 5), at(NOW)).await.unwrap();
    let without = KeptList { age: soon.age(), der: None };
    assert_eq!(store.kept_list(&place("soon")).await.unwrap(), Some(without));
    assert_eq!(store.kept_list(&place("late")).await.unwrap(), whole(&late));
    let answer = store.keep_list(&place("soon"), ca.list(3, NOW, 1), at(NOW)).await.unwrap();
    assert_eq!(answer, ListKeeping::GoesBack(soon.age()));
}

/// No age is given up while an older list could be fresh; then the caller must be told.
pub(crate) async fn caps_places_and_gives_up_none_that_counts(open: Open) {
    let (store, ca) = (open(StoreLimits { revocation_lists_of_one_community: 2, ..StoreLimits::default() }), Ca::new());
    store.keep_list(&place("a"), ca.list(1, NOW, 10), at(NOW)).await.unwrap();
    store.keep_list(&place("b"), ca.list(1, NOW, 1_000), at(NOW)).await.unwrap();
    let elsewhere = ListPlace { community: community("south"), ..place("c") };
    store.keep_list(&elsewhere, ca.list(1, NOW, 10), at(NOW)).await.unwrap();
    for later in [NOW, NOW + 100 * DAY] {
        assert!(store.keep_list(&place("c"), ca.list(1, later, 10), at(later)).await.is_err());
        assert_eq!(store.kept_list(&place("c")).await.unwrap(), None);
    }
    // A list that an older one could have outlived by two years is long gone.
    let later = NOW + 800 * DAY;
    assert_eq!(store.keep_list(&place("c"), ca.list(1, later, 10), at(later)).await.unwrap(), ListKeeping::Kept);
    assert_eq!(store.kept_list(&place("a")).await.unwrap(), None);
    assert!(store.kept_list(&place("b")).await.unwrap().is_some(), "still fresh");
}

pub(crate) async fn keeps_the_newest_of_many_at_once(open: Open) {
    let (store, ca) = (open(StoreLimits::default()), Ca::new());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=50 {
        let (store, list) = (store.share(), ca.list(number, NOW, 10));
        tasks.spawn(async move { store.keep_list(&place("a"), list, at(NOW)).await.unwrap() });
    }
    tasks.join_all().await;
    let kept = store.kept_list(&place("a")).await.unwrap().unwrap();
    assert_eq!(kept.age, ca.list(50, NOW, 10).age());
}
