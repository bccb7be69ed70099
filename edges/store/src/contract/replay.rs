//! JWT ids are spent once while their JWT lives.

use tessera_authorization_server::ports::{JtiSpend, Spend};
use tokio::task::JoinSet;

use super::{NOW, Open, at, community, jti};
use crate::limits::StoreLimits;

/// The use of `name` at [`NOW`] that counts for 360 seconds.
pub(crate) fn spend(name: &str) -> JtiSpend {
    JtiSpend {
        community: community("north"),
        issuer: "https://app.example".to_owned(),
        jti: jti(name),
        until: at(NOW + 360),
        now: at(NOW),
    }
}

fn later(seconds: u64, former: JtiSpend) -> JtiSpend {
    JtiSpend { now: at(NOW + seconds), until: at(NOW + seconds + 360), ..former }
}

/// Shows: AUTHN-5, DCR-8, JWT-8
pub(crate) async fn spends_once(open: Open) {
    let store = open(StoreLimits::default());
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Replayed);
    assert_eq!(store.spend_jti(later(359, spend("a"))).await.unwrap(), Spend::Replayed);
    assert_eq!(store.spend_jti(spend("A")).await.unwrap(), Spend::Fresh, "compared as bytes");
}

pub(crate) async fn tells_ids_of_issuers_and_communities_apart(open: Open) {
    let store = open(StoreLimits::default());
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Fresh);
    let other_issuer = JtiSpend { issuer: "https://app.example/".to_owned(), ..spend("a") };
    assert_eq!(store.spend_jti(other_issuer).await.unwrap(), Spend::Fresh);
    let other_community = JtiSpend { community: community("south"), ..spend("a") };
    assert_eq!(store.spend_jti(other_community).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Replayed);
}

/// Shows: JWT-9
pub(crate) async fn welcomes_an_id_after_its_end(open: Open) {
    let store = open(StoreLimits::default());
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(later(360, spend("a"))).await.unwrap(), Spend::Replayed, "its last second");
    assert_eq!(store.spend_jti(later(361, spend("a"))).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(later(362, spend("a"))).await.unwrap(), Spend::Replayed, "the new use counts");
}

/// Shows: AUTHN-5
pub(crate) async fn is_fresh_for_one_of_two_hundred_at_once(open: Open) {
    let store = open(StoreLimits::default());
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let store = store.share();
        tasks.spawn(async move { store.spend_jti(spend("a")).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Spend::Fresh).count(), 1);
}

pub(crate) async fn revives_nothing_when_the_clock_goes_back(open: Open) {
    let store = open(StoreLimits::default());
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Fresh);
    let a_day_ahead = at(NOW + 86_400);
    assert_eq!(store.purge(a_day_ahead).await.unwrap().spent_jtis, 1);
    assert_eq!(store.spend_jti(spend("a")).await.unwrap(), Spend::Replayed, "it may have been forgotten");
    assert_eq!(store.spend_jti(spend("b")).await.unwrap(), Spend::Replayed, "it ended no later than what was purged");
    // An hour later by the clock that was set right, everything works as before.
    assert_eq!(store.spend_jti(later(3600, spend("b"))).await.unwrap(), Spend::Fresh);
}

pub(crate) async fn keeps_what_has_not_ended(open: Open) {
    let store = open(StoreLimits::default());
    store.spend_jti(spend("a")).await.unwrap();
    store.spend_jti(later(100, spend("b"))).await.unwrap();
    assert_eq!(store.purge(at(NOW + 360)).await.unwrap().spent_jtis, 0);
    assert_eq!(store.purge(at(NOW + 361)).await.unwrap().spent_jtis, 1);
    assert_eq!(store.spend_jti(later(100, spend("b"))).await.unwrap(), Spend::Replayed);
    assert_eq!(store.spend_jti(later(361, spend("a"))).await.unwrap(), Spend::Fresh);
}

pub(crate) async fn has_room_for_others_when_one_issuer_is_full(open: Open) {
    let store = open(StoreLimits { spent_jtis: 4, spent_jtis_of_one_issuer: 2, ..StoreLimits::default() });
    store.spend_jti(spend("a")).await.unwrap();
    store.spend_jti(spend("b")).await.unwrap();
    assert_eq!(store.spend_jti(spend("c")).await.unwrap(), Spend::ShareUsedUp);
    let other = |name: &str| JtiSpend { issuer: "https://other.example".to_owned(), ..spend(name) };
    store.spend_jti(other("c")).await.unwrap();
    store.spend_jti(other("d")).await.unwrap();
    let third = JtiSpend { issuer: "https://third.example".to_owned(), ..spend("e") };
    assert!(store.spend_jti(third).await.is_err(), "the table is full");
    assert_eq!(store.spend_jti(spend("c")).await.unwrap(), Spend::ShareUsedUp, "its own fault comes first");
}

pub(crate) async fn makes_room_from_what_has_ended(open: Open) {
    let store = open(StoreLimits { spent_jtis_of_one_issuer: 2, ..StoreLimits::default() });
    store.spend_jti(spend("a")).await.unwrap();
    store.spend_jti(spend("b")).await.unwrap();
    assert_eq!(store.spend_jti(later(400, spend("c"))).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(later(400, spend("d"))).await.unwrap(), Spend::Fresh);
    assert_eq!(store.spend_jti(later(400, spend("e"))).await.unwrap(), Spend::ShareUsedUp);
}
