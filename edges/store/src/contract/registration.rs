//! One live registration for each (group, community, client URI).

use tessera_authorization_server::ports::{Cancelled, Registered};
use tessera_authorization_server::registered::{GrantType, RegistrationDraft, RegistrationStatus};
use tessera_udap::scope::ScopeSet;
use tokio::task::JoinSet;

use super::{NOW, Open, at, certificate, community, draft, group, id, stored, uri};
use crate::limits::StoreLimits;

/// Shows: MOD-1
pub(crate) async fn creates_then_changes_under_one_client_id(open: Open) {
    let store = open(StoreLimits::default());
    let created = store.register(draft("first")).await.unwrap();
    let Registered::Created(first) = &created else { panic!("{created:?}") };
    assert_eq!((first.client_id.as_str(), first.version, first.tokens_from_version), ("first", 1, 1));

    let changed = store
        .register(RegistrationDraft {
            client_name: "Its new name".to_owned(),
            certificate: certificate("renewed"),
            at: at(NOW + 5),
            ..draft("second")
        })
        .await
        .unwrap();
    let Registered::Changed(second) = &changed else { panic!("{changed:?}") };
    assert_eq!((second.client_id.as_str(), second.version), ("first", 2));
    assert_eq!((second.created_at, second.changed_at), (at(NOW), at(NOW + 5)));
    assert_eq!(store.registration(&id("first")).await.unwrap().as_ref(), Some(second));
    assert_eq!(store.registration(&id("second")).await.unwrap(), None);
}

pub(crate) async fn keeps_every_member_of_a_registration(open: Open) {
    let store = open(StoreLimits::default());
    let full = RegistrationDraft {
        client_name: "Größe \"'; DROP TABLE registration; --\u{0}".to_owned(),
        contacts: vec!["mailto:a@app.example".to_owned(), "tel:+1\n\"".to_owned()],
        logo_uri: Some("https://app.example/logo.png".to_owned()),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scope: ScopeSet::parse("openid user/*.cruds patient/Observation.rs?category=laboratory").unwrap(),
        software_statement: "x".repeat(64 * 1024),
        ..draft("full")
    };
    let put = stored(store.register(full).await.unwrap());
    assert_eq!(store.registration(&id("full")).await.unwrap(), Some(put));

    let bare = RegistrationDraft {
        client_name: String::new(),
        contacts: Vec::new(),
        scope: ScopeSet::default(),
        client_uri: uri("bare"),
        ..draft("bare")
    };
    let put = stored(store.register(bare).await.unwrap());
    assert_eq!(store.registration(&id("bare")).await.unwrap(), Some(put));
}

/// Shows: MOD-3, CHAIN-7
pub(crate) async fn leaves_the_registration_of_another_community(open: Open) {
    let store = open(StoreLimits::default());
    let north = stored(store.register(draft("in-north")).await.unwrap());
    let south =
        RegistrationDraft { community: community("south"), client_name: "Same URI".to_owned(), ..draft("in-south") };
    assert!(matches!(store.register(south).await.unwrap(), Registered::Created(_)));
    assert_eq!(store.registration(&id("in-north")).await.unwrap().as_ref(), Some(&north));

    let cancelled = store.cancel(&group("main"), &community("south"), &uri("app"), at(NOW + 1)).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Cancelled(gone) if gone.client_id == id("in-south")));
    assert_eq!(store.registration(&id("in-north")).await.unwrap(), Some(north));
}

pub(crate) async fn leaves_the_registration_of_another_group(open: Open) {
    let store = open(StoreLimits::default());
    let main = stored(store.register(draft("at-main")).await.unwrap());
    let other = RegistrationDraft { group: group("other"), ..draft("at-other") };
    assert!(matches!(store.register(other).await.unwrap(), Registered::Created(_)));
    let cancelled = store.cancel(&group("other"), &community("north"), &uri("app"), at(NOW + 1)).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Cancelled(gone) if gone.client_id == id("at-other")));
    assert_eq!(store.registration(&id("at-main")).await.unwrap(), Some(main));
}

/// Shows: MOD-9
pub(crate) async fn gives_a_new_client_id_after_a_cancel(open: Open) {
    let store = open(StoreLimits::default());
    stored(store.register(draft("before")).await.unwrap());
    let cancelled = store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW + 1)).await.unwrap();
    let Cancelled::Cancelled(gone) = cancelled else { panic!("{cancelled:?}") };
    assert_eq!(gone.status, RegistrationStatus::Cancelled { at: at(NOW + 1) });
    assert!(gone.grant_types.is_empty());
    assert_eq!(store.registration(&id("before")).await.unwrap(), Some(gone.clone()));
    assert_eq!(
        store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW + 2)).await.unwrap(),
        Cancelled::Unknown
    );

    let again = store.register(draft("after")).await.unwrap();
    assert!(matches!(&again, Registered::Created(new) if new.client_id == id("after")), "{again:?}");
    assert_eq!(store.registration(&id("before")).await.unwrap(), Some(gone));
}

/// Shows: MOD-9
pub(crate) async fn knows_nothing_to_cancel(open: Open) {
    let store = open(StoreLimits::default());
    stored(store.register(draft("one")).await.unwrap());
    assert_eq!(
        store.cancel(&group("main"), &community("north"), &uri("other"), at(NOW)).await.unwrap(),
        Cancelled::Unknown
    );
    assert_eq!(
        store.cancel(&group("main"), &community("south"), &uri("app"), at(NOW)).await.unwrap(),
        Cancelled::Unknown
    );
    assert!(store.registration(&id("one")).await.unwrap().unwrap().is_active());
}

pub(crate) async fn lets_a_block_outrank_change_and_cancel(open: Open) {
    let store = open(StoreLimits::default());
    stored(store.register(draft("bad")).await.unwrap());
    let blocked = store.block(&id("bad"), "misuse", at(NOW + 1)).await.unwrap();
    assert_eq!(store.register(draft("evading")).await.unwrap(), Registered::Blocked(id("bad")));
    let cancel = store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW + 2)).await.unwrap();
    assert_eq!(cancel, Cancelled::Blocked(id("bad")));
    assert_eq!(store.registration(&id("bad")).await.unwrap(), blocked);
    assert_eq!(store.registration(&id("evading")).await.unwrap(), None);
}

pub(crate) async fn creates_once_of_a_hundred_at_once(open: Open) {
    let store = open(StoreLimits::default());
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let store = store.share();
        tasks.spawn(async move { store.register(draft(&format!("client-{number}"))).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    let created: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Registered::Created(registration) => Some(registration.client_id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(created.len(), 1);
    let mut versions: Vec<u64> = answers
        .into_iter()
        .map(|answer| {
            let registration = stored(answer);
            assert_eq!(registration.client_id, created[0]);
            registration.version
        })
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=100).collect::<Vec<_>>(), "each change followed the one before it");
    assert_eq!(store.registration(&created[0]).await.unwrap().unwrap().version, 100);
}

pub(crate) async fn refuses_a_client_id_that_is_taken(open: Open) {
    let store = open(StoreLimits::default());
    let first = stored(store.register(draft("one")).await.unwrap());
    let other = RegistrationDraft { client_uri: uri("other"), ..draft("one") };
    assert!(store.register(other).await.is_err());
    store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW)).await.unwrap();
    assert!(store.register(draft("one")).await.is_err(), "a cancelled client_id never comes back");
    let held = store.registration(&id("one")).await.unwrap().unwrap();
    assert_eq!(held, first.cancelled(at(NOW)));
}

pub(crate) async fn drops_the_oldest_cancelled_for_a_new_one_and_no_live_one(open: Open) {
    let store = open(StoreLimits { registrations: 2, ..StoreLimits::default() });
    let of = |name: &str| RegistrationDraft { client_uri: uri(name), ..draft(name) };
    stored(store.register(of("a")).await.unwrap());
    stored(store.register(of("b")).await.unwrap());
    assert!(store.register(of("c")).await.is_err(), "two live ones fill the table");
    stored(store.register(RegistrationDraft { client_name: "Changed".to_owned(), ..of("b") }).await.unwrap());
    store.cancel(&group("main"), &community("north"), &uri("a"), at(NOW)).await.unwrap();
    stored(store.register(of("c")).await.unwrap());
    assert_eq!(store.registration(&id("a")).await.unwrap(), None);
    assert!(store.registration(&id("b")).await.unwrap().is_some());
    assert!(store.registration(&id("c")).await.unwrap().is_some());
}
