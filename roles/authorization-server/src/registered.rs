//! A client's registration as it stands in the store.
//!
//! How a record follows from an earlier one is told here as pure functions, so that every back end applies the same rule
//! inside its own atomic write, instead of the engine reading, deciding and writing in three steps.

use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{ClientId, ClientUri};
use tessera_udap::scope::ScopeSet;

use crate::settings::GroupName;

/// What a trusted client has registered; there is one live one for each (group of bases, trust community, client URI).
///
/// The group is part of whose it is, because each registration endpoint is an authorization server of its own: a cancel
/// there must not end what holds at another that the same node serves.
///
/// Source: FAST Security STU2 §2.2, §3.2.3, §3.4
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// The name we gave it; stays the same through changes, never comes back after a cancel.
    pub client_id: ClientId,
    /// The bases for which it holds: those that share the registration endpoint where it was made.
    pub group: GroupName,
    /// The community whose anchor its certificate reached.
    pub community: CommunityId,
    /// The URI of its certificate under which it acts.
    pub client_uri: ClientUri,
    /// What it calls itself.
    pub client_name: String,
    /// URIs by which its people can be reached; one `mailto:` at least.
    pub contacts: Vec<String>,
    /// Where its logo is; never fetched.
    pub logo_uri: Option<String>,
    /// Empty for a cancelled registration.
    pub grant_types: Vec<GrantType>,
    /// The scopes as granted, not as asked for.
    pub scope: ScopeSet,
    /// The statement as submitted, which the answer repeats.
    pub software_statement: String,
    /// Counts from 1 with every change.
    pub version: u64,
    /// Tokens that were issued under an earlier version are dead.
    pub tokens_from_version: u64,
    /// When the client_id was given.
    pub created_at: UnixTime,
    /// When the current version was made.
    pub changed_at: UnixTime,
    /// The certificate that signed the statement. Later ones with the same URI are as good.
    pub certificate: CertificateDigest,
    /// Whether it may be used.
    pub status: RegistrationStatus,
}

/// What the holder of a registration may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationStatus {
    /// May authenticate.
    Active,
    /// An operator has stopped it; outranks what the client itself asks for.
    Blocked {
        /// Why, for the operator's colleagues; never shown to the client.
        reason: String,
        /// Since when.
        at: UnixTime,
    },
    /// The client itself has ended it.
    Cancelled {
        /// Since when.
        at: UnixTime,
    },
}

/// A grant that a client may be registered for.
///
/// Source: FAST Security STU2 §3.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// `client_credentials`
    ClientCredentials,
    /// `authorization_code`
    AuthorizationCode,
    /// `refresh_token`
    RefreshToken,
}

impl GrantType {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "client_credentials" => Some(Self::ClientCredentials),
            "authorization_code" => Some(Self::AuthorizationCode),
            "refresh_token" => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

/// All that a checked statement says, on its way into the store.
///
/// Whether it becomes a new registration or the next version of an existing one is decided by the store's atomic write.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrationDraft {
    /// The client_id to give when the registration is new; otherwise unused.
    pub client_id: ClientId,
    /// With `community` and `client_uri`, whose registration this is.
    pub group: GroupName,
    /// With `group` and `client_uri`, whose registration this is.
    pub community: CommunityId,
    /// With `group` and `community`, whose registration this is.
    pub client_uri: ClientUri,
    /// See [`Registration::client_name`].
    pub client_name: String,
    /// See [`Registration::contacts`].
    pub contacts: Vec<String>,
    /// See [`Registration::logo_uri`].
    pub logo_uri: Option<String>,
    /// Never empty: a cancel is not a draft.
    pub grant_types: Vec<GrantType>,
    /// The scopes that policy grants.
    pub scope: ScopeSet,
    /// The statement as submitted.
    pub software_statement: String,
    /// The certificate that signed it.
    pub certificate: CertificateDigest,
    /// The request's time.
    pub at: UnixTime,
}

impl RegistrationDraft {
    /// The first version, where there is no live registration under this community and URI.
    #[must_use]
    pub fn into_first_version(self) -> Registration {
        Registration {
            client_id: self.client_id,
            group: self.group,
            community: self.community,
            client_uri: self.client_uri,
            client_name: self.client_name,
            contacts: self.contacts,
            logo_uri: self.logo_uri,
            grant_types: self.grant_types,
            scope: self.scope,
            software_statement: self.software_statement,
            version: 1,
            tokens_from_version: 1,
            created_at: self.at,
            changed_at: self.at,
            certificate: self.certificate,
            status: RegistrationStatus::Active,
        }
    }

    /// The next version of a live registration: everything replaced, the client_id kept.
    ///
    /// Where the new version no longer covers all that the former one granted, tokens of the former one are dead from the
    /// moment this is stored; where it covers all of it, they live on.
    ///
    /// Source: FAST Security STU2 §3.4
    #[must_use]
    pub fn into_next_version_of(self, former: &Registration) -> Registration {
        let version = former.version.saturating_add(1);
        let covered = former.scope.iter().all(|scope| self.scope.covers(scope))
            && former.grant_types.iter().all(|grant| self.grant_types.contains(grant));
        Registration {
            client_id: former.client_id.clone(),
            version,
            tokens_from_version: if covered { former.tokens_from_version } else { version },
            created_at: former.created_at,
            ..self.into_first_version()
        }
    }
}

impl Registration {
    /// The record after its client has cancelled it; nothing of what it granted is left.
    #[must_use]
    pub fn cancelled(&self, at: UnixTime) -> Self {
        let version = self.version.saturating_add(1);
        Self {
            grant_types: Vec::new(),
            version,
            tokens_from_version: version,
            changed_at: at,
            status: RegistrationStatus::Cancelled { at },
            ..self.clone()
        }
    }

    /// The record after an operator has stopped it; its tokens are dead.
    #[must_use]
    pub fn blocked(&self, reason: &str, at: UnixTime) -> Self {
        Self { status: RegistrationStatus::Blocked { reason: reason.to_owned(), at }, ..self.clone() }
    }

    /// The record after an operator has let a blocked one act again; tokens from before the block stay dead.
    #[must_use]
    pub fn unblocked(&self, at: UnixTime) -> Self {
        let version = self.version.saturating_add(1);
        Self {
            version,
            tokens_from_version: version,
            changed_at: at,
            status: RegistrationStatus::Active,
            ..self.clone()
        }
    }

    /// Whether its holder may authenticate.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == RegistrationStatus::Active
    }
}
