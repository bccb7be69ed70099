//! What ends a token before its time.

use tessera_authorization_server::ports::{MassRevocation, Revoked, TokenReference, TokenRevocation, TokenStatus};
use tessera_authorization_server::registered::RegistrationDraft;
use tessera_udap::scope::ScopeSet;

use super::{NOW, Open, at, certificate, community, draft, group, id, jti, stored, token, uri};
use crate::limits::StoreLimits;

/// Shows: TOKEN-12
pub(crate) async fn ends_one_token(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::Live);
    let revocation = revocation("token");
    assert_eq!(store.revoke_token(revocation.clone()).await.unwrap(), Revoked::Dead);
    assert_eq!(
        store.revoke_token(TokenRevocation { until: at(NOW + 800), ..revocation }).await.unwrap(),
        Revoked::Dead
    );
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::Revoked);
    let other = TokenReference { jti: jti("other"), ..token };
    assert_eq!(store.token_status(&other).await.unwrap(), TokenStatus::Live);
}

pub(crate) async fn ends_tokens_of_a_cancelled_or_blocked_client(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    store.block(&id("one"), "misuse", at(NOW + 20)).await.unwrap();
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::ClientBlocked);
    store.unblock(&id("one"), at(NOW + 30)).await.unwrap();
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::Superseded);
    store.cancel(&group("main"), &community("north"), &uri("app"), at(NOW + 40)).await.unwrap();
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::ClientGone);
    let stranger = TokenReference { client_id: id("nobody"), ..token };
    assert_eq!(store.token_status(&stranger).await.unwrap(), TokenStatus::ClientGone);
}

pub(crate) async fn ends_tokens_that_a_change_no_longer_covers(open: Open) {
    let store = open(StoreLimits::default());
    let first = token(&stored(store.register(draft("one")).await.unwrap()));
    let second = token(&stored(store.register(draft("again")).await.unwrap()));
    assert_eq!(second.registration_version, 2);
    assert_eq!(store.token_status(&first).await.unwrap(), TokenStatus::Live, "nothing was taken away");

    let narrower = RegistrationDraft { scope: ScopeSet::parse("system/Patient.read").unwrap(), ..draft("less") };
    let third = token(&stored(store.register(narrower).await.unwrap()));
    assert_eq!(store.token_status(&first).await.unwrap(), TokenStatus::Superseded);
    assert_eq!(store.token_status(&second).await.unwrap(), TokenStatus::Superseded);
    assert_eq!(store.token_status(&third).await.unwrap(), TokenStatus::Live);
}

/// Shows: TOKEN-13
pub(crate) async fn ends_all_tokens_of_a_client_issued_until_then(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    let neighbour = RegistrationDraft { client_uri: uri("other"), ..draft("two") };
    let other = super::token(&stored(store.register(neighbour).await.unwrap()));
    assert_eq!(store.revoke_tokens(MassRevocation::Client(id("one")), at(NOW + 9)).await.unwrap(), 1);
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::Live, "issued after the mark");
    assert_eq!(store.revoke_tokens(MassRevocation::Client(id("one")), at(NOW + 10)).await.unwrap(), 1);
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::RevokedInBulk, "issued in the mark's second");
    let new = TokenReference { issued_at: at(NOW + 11), ..token };
    assert_eq!(store.token_status(&new).await.unwrap(), TokenStatus::Live);
    assert_eq!(store.token_status(&other).await.unwrap(), TokenStatus::Live);
    assert_eq!(store.revoke_tokens(MassRevocation::Client(id("nobody")), at(NOW)).await.unwrap(), 0);
}

/// Shows: TOKEN-13
pub(crate) async fn ends_all_tokens_of_a_community(open: Open) {
    let store = open(StoreLimits::default());
    let north = token(&stored(store.register(draft("one")).await.unwrap()));
    let south = RegistrationDraft { community: community("south"), ..draft("two") };
    let south = token(&stored(store.register(south).await.unwrap()));
    assert_eq!(store.revoke_tokens(MassRevocation::Community(community("north")), at(NOW + 60)).await.unwrap(), 1);
    assert_eq!(store.token_status(&north).await.unwrap(), TokenStatus::RevokedInBulk);
    assert_eq!(store.token_status(&south).await.unwrap(), TokenStatus::Live);
}

/// Shows: TOKEN-13
pub(crate) async fn ends_all_tokens_of_a_certificate(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    let renewed = TokenReference { certificate: certificate("renewed"), ..token.clone() };
    assert_eq!(store.revoke_tokens(MassRevocation::Certificate(certificate("of app")), at(NOW + 60)).await.unwrap(), 1);
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::RevokedInBulk);
    assert_eq!(store.token_status(&renewed).await.unwrap(), TokenStatus::Live);
}

pub(crate) async fn never_moves_a_mark_back(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    store.revoke_tokens(MassRevocation::Client(id("one")), at(NOW + 60)).await.unwrap();
    store.revoke_tokens(MassRevocation::Client(id("one")), at(NOW)).await.unwrap();
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::RevokedInBulk);
}

pub(crate) async fn takes_no_token_of_a_version_to_come(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    let ahead = TokenReference { registration_version: 2, ..token };
    assert_eq!(store.token_status(&ahead).await.unwrap(), TokenStatus::Superseded);
}

pub(crate) async fn takes_no_token_for_another_community(open: Open) {
    let store = open(StoreLimits::default());
    let token = token(&stored(store.register(draft("one")).await.unwrap()));
    let elsewhere = TokenReference { community: community("south"), ..token };
    assert_eq!(store.token_status(&elsewhere).await.unwrap(), TokenStatus::ClientGone);
}

pub(crate) async fn caps_revoked_tokens(open: Open) {
    let store = open(StoreLimits { revoked_tokens: 1, ..StoreLimits::default() });
    store.revoke_token(revocation("a")).await.unwrap();
    assert!(store.revoke_token(revocation("b")).await.is_err(), "the caller must be told");
    assert_eq!(store.revoke_token(revocation("a")).await.unwrap(), Revoked::Dead, "again needs no room");
}

pub(crate) async fn has_room_for_others_when_one_client_is_full(open: Open) {
    let store = open(StoreLimits { revoked_tokens_of_one_client: 2, ..StoreLimits::default() });
    store.revoke_token(revocation("a")).await.unwrap();
    store.revoke_token(revocation("b")).await.unwrap();
    assert_eq!(store.revoke_token(revocation("c")).await.unwrap(), Revoked::ShareUsedUp);
    assert_eq!(store.revoke_token(revocation("b")).await.unwrap(), Revoked::Dead, "again needs no room");
    for other in [
        TokenRevocation { client_uri: uri("other"), ..revocation("c") },
        TokenRevocation { community: community("south"), ..revocation("d") },
    ] {
        assert_eq!(store.revoke_token(other).await.unwrap(), Revoked::Dead);
    }
    let token = TokenReference { jti: jti("e"), ..token(&stored(store.register(draft("one")).await.unwrap())) };
    assert_eq!(store.token_status(&token).await.unwrap(), TokenStatus::Live, "what had no room changed nothing");
}

pub(crate) async fn makes_room_for_a_client_from_what_has_ended(open: Open) {
    let store = open(StoreLimits { revoked_tokens_of_one_client: 2, ..StoreLimits::default() });
    store.revoke_token(revocation("a")).await.unwrap();
    store.revoke_token(revocation("b")).await.unwrap();
    // "a" and "b" end at NOW + 900 and are kept a quarter of an hour longer.
    let later = |name: &str, seconds: u64| TokenRevocation {
        now: at(NOW + seconds),
        until: at(NOW + seconds + 900),
        ..revocation(name)
    };
    assert_eq!(store.revoke_token(later("c", 1800)).await.unwrap(), Revoked::ShareUsedUp);
    assert_eq!(store.revoke_token(later("c", 1801)).await.unwrap(), Revoked::Dead);
    assert_eq!(store.revoke_token(later("d", 1801)).await.unwrap(), Revoked::Dead);
    assert_eq!(store.revoke_token(later("e", 1801)).await.unwrap(), Revoked::ShareUsedUp);
}

/// The revocation of a token of `app` at [`NOW`] that ends 900 seconds later.
pub(crate) fn revocation(name: &str) -> TokenRevocation {
    TokenRevocation {
        jti: jti(name),
        community: community("north"),
        client_uri: uri("app"),
        until: at(NOW + 900),
        now: at(NOW),
    }
}
