//! How records follow from each other, as pure functions that both back ends apply inside their own atomic write.

use tessera_authorization_server::ports::{Cancelled, Registered, TokenReference, TokenStatus};
use tessera_authorization_server::registered::{Registration, RegistrationDraft, RegistrationStatus};
use tessera_trust::UnixTime;

/// What a draft becomes, given the live registration of its party.
pub(crate) fn register(live: Option<&Registration>, draft: RegistrationDraft) -> Registered {
    match live {
        None => Registered::Created(draft.into_first_version()),
        Some(former) if former.is_active() => Registered::Changed(draft.into_next_version_of(former)),
        Some(former) => Registered::Blocked(former.client_id.clone()),
    }
}

/// What a cancel makes of the live registration of its party.
pub(crate) fn cancel(live: Option<&Registration>, at: UnixTime) -> Cancelled {
    match live {
        None => Cancelled::Unknown,
        Some(former) if former.is_active() => Cancelled::Cancelled(former.cancelled(at)),
        Some(former) => Cancelled::Blocked(former.client_id.clone()),
    }
}

/// The registration stopped by an operator; `None` when it has been cancelled. Blocking again replaces the reason.
pub(crate) fn block(former: &Registration, reason: &str, at: UnixTime) -> Option<Registration> {
    (!is_cancelled(former)).then(|| former.blocked(reason, at))
}

/// The registration let loose again as a new version, so that tokens of before stay dead; `None` when it is not blocked.
pub(crate) fn unblock(former: &Registration, at: UnixTime) -> Option<Registration> {
    matches!(former.status, RegistrationStatus::Blocked { .. }).then(|| former.unblocked(at))
}

/// Whether a registration gives its (community, client URI) free.
pub(crate) fn is_cancelled(registration: &Registration) -> bool {
    matches!(registration.status, RegistrationStatus::Cancelled { .. })
}

/// What the store knows about a token, from which its status follows.
pub(crate) struct TokenFacts {
    /// Its client's registration, if there is one under the token's client_id and community.
    pub(crate) client: Option<ClientFacts>,
    /// Whether it was revoked by itself.
    pub(crate) revoked: bool,
    /// Whether a mark of a mass revocation covers it.
    pub(crate) marked: bool,
}

/// What of a registration bears on its tokens.
pub(crate) struct ClientFacts {
    pub(crate) standing: Standing,
    pub(crate) version: u64,
    pub(crate) tokens_from_version: u64,
}

/// A registration's status without its circumstances.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Blocked,
    Cancelled,
}

impl From<&RegistrationStatus> for Standing {
    fn from(status: &RegistrationStatus) -> Self {
        match status {
            RegistrationStatus::Active => Self::Active,
            RegistrationStatus::Blocked { .. } => Self::Blocked,
            RegistrationStatus::Cancelled { .. } => Self::Cancelled,
        }
    }
}

/// Judges a token. A version that the registration has not reached yet (a database restored from a copy) is as dead as
/// one that it has left behind.
pub(crate) fn token_status(token: &TokenReference, facts: &TokenFacts) -> TokenStatus {
    let Some(client) = &facts.client else { return TokenStatus::ClientGone };
    let covered = client.tokens_from_version..=client.version;
    match client.standing {
        Standing::Cancelled => TokenStatus::ClientGone,
        Standing::Blocked => TokenStatus::ClientBlocked,
        Standing::Active if facts.revoked => TokenStatus::Revoked,
        Standing::Active if facts.marked => TokenStatus::RevokedInBulk,
        Standing::Active if !covered.contains(&token.registration_version) => TokenStatus::Superseded,
        Standing::Active => TokenStatus::Live,
    }
}
