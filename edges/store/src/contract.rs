//! What every back end must do, as tests that know nothing of back ends.
//!
//! [`contract!`] runs all of them on one; a back end adds tests only for what it alone promises.

pub(crate) mod operator;
pub(crate) mod registration;
pub(crate) mod replay;
pub(crate) mod revocation;
pub(crate) mod revocation_list;

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use tessera_authorization_server::ports::{
    OperatorStore, Registered, RegistrationStore, ReplayStore, RevocationListStore, RevocationStore, TokenReference,
};
use tessera_authorization_server::registered::{GrantType, Registration, RegistrationDraft};
use tessera_authorization_server::settings::GroupName;
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri, Jti};
use tessera_udap::scope::ScopeSet;

use crate::limits::StoreLimits;

/// All ports of one back end.
pub(crate) trait Store:
    RegistrationStore + ReplayStore + RevocationStore + RevocationListStore + OperatorStore
{
}
impl<T: RegistrationStore + ReplayStore + RevocationStore + RevocationListStore + OperatorStore> Store for T {}

/// Opens an empty back end with these caps.
pub(crate) type Open = fn(StoreLimits) -> Opened;

/// A back end and what must live as long as it (its folder).
pub(crate) struct Opened {
    store: Arc<dyn Store>,
    _kept: Box<dyn Any + Send + Sync>,
}

impl Opened {
    pub(crate) fn new(store: Arc<dyn Store>, kept: impl Any + Send + Sync) -> Self {
        Self { store, _kept: Box::new(kept) }
    }

    /// A handle for another task.
    pub(crate) fn share(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

impl Deref for Opened {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        self.store.as_ref()
    }
}

/// Writes one test for each function of the suite.
macro_rules! contract {
    ($open:ident) => {
        $crate::contract::contract!(@file $open, registration,
            creates_then_changes_under_one_client_id
            keeps_every_member_of_a_registration
            leaves_the_registration_of_another_community
            leaves_the_registration_of_another_group
            gives_a_new_client_id_after_a_cancel
            knows_nothing_to_cancel
            lets_a_block_outrank_change_and_cancel
            creates_once_of_a_hundred_at_once
            refuses_a_client_id_that_is_taken
            drops_the_oldest_cancelled_for_a_new_one_and_no_live_one
        );
        $crate::contract::contract!(@file $open, replay,
            spends_once
            tells_ids_of_issuers_and_communities_apart
            welcomes_an_id_after_its_end
            is_fresh_for_one_of_two_hundred_at_once
            revives_nothing_when_the_clock_goes_back
            keeps_what_has_not_ended
            has_room_for_others_when_one_issuer_is_full
            makes_room_from_what_has_ended
        );
        $crate::contract::contract!(@file $open, revocation,
            ends_one_token
            ends_tokens_of_a_cancelled_or_blocked_client
            ends_tokens_that_a_change_no_longer_covers
            ends_all_tokens_of_a_client_issued_until_then
            ends_all_tokens_of_a_community
            ends_all_tokens_of_a_certificate
            never_moves_a_mark_back
            takes_no_token_of_a_version_to_come
            takes_no_token_for_another_community
            caps_revoked_tokens
            has_room_for_others_when_one_client_is_full
            makes_room_for_a_client_from_what_has_ended
        );
        $crate::contract::contract!(@file $open, revocation_list,
            keeps_the_newest_list_of_a_place
            keeps_no_list_that_goes_back
            tells_places_communities_and_issuers_apart
            lets_lists_make_room_and_keeps_their_ages
            caps_places_and_gives_up_none_that_counts
            keeps_the_newest_of_many_at_once
        );
        $crate::contract::contract!(@file $open, operator,
            lists_what_is_asked_for_in_order
            blocks_and_unblocks
            purges_what_has_ended_and_nothing_else
            purges_in_batches
            answers_a_ping
        );
    };
    (@file $open:ident, $file:ident, $($case:ident)*) => {
        mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::contract::$file::$case(super::$open).await;
                }
            )*
        }
    };
}
pub(crate) use contract;

pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

pub(crate) fn community(name: &str) -> CommunityId {
    CommunityId::parse(&format!("https://{name}.example/community")).unwrap()
}

pub(crate) fn uri(name: &str) -> ClientUri {
    ClientUri::parse(&format!("https://{name}.example/app")).unwrap()
}

pub(crate) fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

pub(crate) fn jti(text: &str) -> Jti {
    Jti::parse(text).unwrap()
}

pub(crate) fn certificate(name: &str) -> CertificateDigest {
    CertificateDigest::of(name.as_bytes())
}

/// The draft of `app` in the community `north` at the group `main`, made at [`NOW`].
pub(crate) fn draft(client_id: &str) -> RegistrationDraft {
    RegistrationDraft {
        client_id: id(client_id),
        group: group("main"),
        community: community("north"),
        client_uri: uri("app"),
        client_name: "An app".to_owned(),
        contacts: vec!["mailto:people@app.example".to_owned()],
        logo_uri: None,
        grant_types: vec![GrantType::ClientCredentials],
        scope: ScopeSet::parse("system/Patient.read system/Observation.rs").unwrap(),
        software_statement: "e30.e30.AA".to_owned(),
        certificate: certificate("of app"),
        at: at(NOW),
    }
}

/// The registration in an answer that stored one.
pub(crate) fn stored(registered: Registered) -> Registration {
    match registered {
        Registered::Created(registration) | Registered::Changed(registration) => registration,
        Registered::Blocked(id) => panic!("{id} is blocked"),
    }
}

/// A token issued for a registration as it stands, at [`NOW`] + 10.
pub(crate) fn token(registration: &Registration) -> TokenReference {
    TokenReference {
        jti: jti("token"),
        client_id: registration.client_id.clone(),
        registration_version: registration.version,
        community: registration.community.clone(),
        certificate: certificate("of app"),
        issued_at: at(NOW + 10),
    }
}
