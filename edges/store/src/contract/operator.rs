//! What the operator does and sees.

use tessera_authorization_server::ports::{ClientFilter, JtiSpend, MassRevocation, PurgeReport, TokenStatus};
use tessera_authorization_server::registered::{RegistrationDraft, RegistrationStatus};

use super::replay::spend;
use super::revocation::revocation;
use super::{NOW, Open, Opened, at, community, draft, group, id, stored, token, uri};
use crate::limits::StoreLimits;

const DAY: u64 = 86_400;

async fn listed(store: &Opened, filter: ClientFilter) -> Vec<String> {
    let found = store.clients(&filter).await.unwrap();
    found.into_iter().map(|registration| registration.client_id.as_str().to_owned()).collect()
}

pub(crate) async fn lists_what_is_asked_for_in_order(open: Open) {
    let store = open(StoreLimits::default());
    for (name, place, app) in [("4", "south", "a"), ("3", "north", "b"), ("1", "north", "a")] {
        let of = RegistrationDraft { community: community(place), client_uri: uri(app), ..draft(name) };
        stored(store.register(of).await.unwrap());
    }
    store.cancel(&group("main"), &community("north"), &uri("a"), at(NOW)).await.unwrap();
    let again = RegistrationDraft { client_uri: uri("a"), at: at(NOW + 1), ..draft("2") };
    stored(store.register(again).await.unwrap());

    let all = ClientFilter::default();
    assert_eq!(listed(&store, all.clone()).await, ["2", "3", "4"]);
    assert_eq!(listed(&store, ClientFilter { with_cancelled: true, ..all.clone() }).await, ["1", "2", "3", "4"]);
    assert_eq!(listed(&store, ClientFilter { community: Some(community("north")), ..all.clone() }).await, ["2", "3"]);
    assert_eq!(listed(&store, ClientFilter { client_uri: Some(uri("a")), ..all.clone() }).await, ["2", "4"]);
    assert_eq!(listed(&store, ClientFilter { client_id: Some(id("4")), ..all.clone() }).await, ["4"]);
    assert_eq!(listed(&store, ClientFilter { client_id: Some(id("1")), ..all.clone() }).await, [""; 0]);
    assert_eq!(listed(&store, ClientFilter { limit: Some(1), ..all }).await, ["2"]);
}

pub(crate) async fn blocks_and_unblocks(open: Open) {
    let store = open(StoreLimits::default());
    let first = stored(store.register(draft("one")).await.unwrap());
    let blocked = store.block(&id("one"), "misuse", at(NOW + 1)).await.unwrap().unwrap();
    assert_eq!(blocked.status, RegistrationStatus::Blocked { reason: "misuse".to_owned(), at: at(NOW + 1) });
    assert_eq!(store.registration(&id("one")).await.unwrap(), Some(blocked));
    let reason = store.block(&id("one"), "worse", at(NOW + 2)).await.unwrap().unwrap().status;
    assert_eq!(reason, RegistrationStatus::Blocked { reason: "worse".to_owned(), at: at(NOW + 2) });

    let free = store.unblock(&id("one"), at(NOW + 3)).await.unwrap().unwrap();
    assert!(free.is_active());
    assert_eq!((free.version, free.tokens_from_version, free.changed_at), (2, 2, at(NOW + 3)));
    assert_eq!((&free.scope, &free.grant_types), (&first.scope, &first.grant_types));
    assert_eq!(store.unblock(&id("one"), at(NOW + 4)).await.unwrap(), None, "it is not blocked");

    store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW + 5)).await.unwrap();
    assert_eq!(store.block(&id("one"), "late", at(NOW + 6)).await.unwrap(), None, "it is not live");
    assert_eq!(store.unblock(&id("one"), at(NOW + 7)).await.unwrap(), None);
    assert_eq!(store.block(&id("nobody"), "never", at(NOW + 8)).await.unwrap(), None);
}

pub(crate) async fn purges_what_has_ended_and_nothing_else(open: Open) {
    let store = open(StoreLimits::default());
    let kept = RegistrationDraft { client_uri: uri("kept"), ..draft("kept") };
    let kept = token(&stored(store.register(kept).await.unwrap()));
    stored(store.register(draft("gone")).await.unwrap());
    store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW)).await.unwrap();
    store.spend_jti(spend("a")).await.unwrap();
    store.revoke_token(revocation("dead")).await.unwrap();
    store.revoke_tokens(MassRevocation::Client(id("kept")), at(NOW + 60)).await.unwrap();

    assert_eq!(store.purge(at(NOW + 360)).await.unwrap(), PurgeReport::default());
    let soon = store.purge(at(NOW + 361)).await.unwrap();
    assert_eq!(soon, PurgeReport { spent_jtis: 1, ..PurgeReport::default() });
    // A revocation outlasts its token a little, against clocks that ran ahead; other marks outlast the longest by a day.
    assert_eq!(store.purge(at(NOW + 2 * 900)).await.unwrap(), PurgeReport::default());
    let later = store.purge(at(NOW + 2 * 900 + 1)).await.unwrap();
    assert_eq!(later, PurgeReport { revoked_tokens: 1, ..PurgeReport::default() });
    assert_eq!(store.purge(at(NOW + DAY)).await.unwrap(), PurgeReport::default());
    assert_eq!(store.token_status(&kept).await.unwrap(), TokenStatus::RevokedInBulk);
    let late = store.purge(at(NOW + 2 * DAY)).await.unwrap();
    assert_eq!(late, PurgeReport { spent_jtis: 0, revoked_tokens: 0, mass_revocations: 1, registrations: 1 });
    assert_eq!(store.registration(&id("gone")).await.unwrap(), None);
    assert!(store.registration(&id("kept")).await.unwrap().is_some());
    assert_eq!(store.purge(at(NOW + 2 * DAY)).await.unwrap(), PurgeReport::default());
}

pub(crate) async fn purges_in_batches(open: Open) {
    let store = open(StoreLimits { purge_batch: 3, ..StoreLimits::default() });
    for number in 0..10 {
        let until = at(NOW + 360 + number / 4);
        store.spend_jti(JtiSpend { until, ..spend(&number.to_string()) }).await.unwrap();
    }
    assert_eq!(store.purge(at(NOW + 361)).await.unwrap().spent_jtis, 4);
    assert_eq!(store.purge(at(NOW + 1000)).await.unwrap().spent_jtis, 6);
}

pub(crate) async fn answers_a_ping(open: Open) {
    open(StoreLimits::default()).ping().await.unwrap();
}
