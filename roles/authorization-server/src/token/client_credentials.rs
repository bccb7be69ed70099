//! The grant for machines: the business context must be stated and admitted, and the scopes are negotiated.
//!
//! Source: FAST Security STU2 §5.2.1.1, §5.2.2, §7.3

use tessera_udap::extensions::b2b::{self, B2bExtension};
use tessera_udap::negotiation::NegotiationError;
use tessera_udap::scope::ScopeSet;

use super::client_authentication::AuthenticatedClient;
use crate::audit::{AuditPurpose, AuditRecord};
use crate::policy::CommunityPolicy;
use crate::registered::{GrantType, Registration};
use crate::rejection::Rejection;

/// What the client is given: a token may say this and no more.
#[derive(Debug)]
pub(super) struct ClientCredentialsGrant {
    pub(super) scope: ScopeSet,
    pub(super) b2b: B2bExtension,
}

/// Decides what an authenticated client gets.
pub(super) fn grant(
    client: &AuthenticatedClient,
    requested: Option<ScopeSet>,
    policy: &CommunityPolicy,
    record: &mut AuditRecord,
) -> Result<ClientCredentialsGrant, Rejection> {
    let registration = client.registration();
    if !registration.grant_types.contains(&GrantType::ClientCredentials) {
        return Err(Rejection::GrantNotRegistered);
    }
    let context = business_context(client)?;
    record.purpose = Some(AuditPurpose::from(&context));
    b2b::judge(&context, &policy.b2b).map_err(Rejection::B2b)?;
    let scope = granted_scope(registration, requested, policy)?;
    Ok(ClientCredentialsGrant { scope, b2b: context })
}

/// The `hl7-b2b` object, demanded with every client credentials request whatever the metadata list as required.
fn business_context(client: &AuthenticatedClient) -> Result<B2bExtension, Rejection> {
    let extensions = &client.assertion().object().extensions;
    let object = extensions.get(B2bExtension::NAME).ok_or(Rejection::B2bMissing)?;
    B2bExtension::read(object).map_err(Rejection::B2b)
}

/// Without `scope`, editions before STU2 mean all that is registered; STU2 demands it.
fn granted_scope(
    registration: &Registration,
    requested: Option<ScopeSet>,
    policy: &CommunityPolicy,
) -> Result<ScopeSet, Rejection> {
    let requested = match requested {
        Some(scope) => scope,
        None if policy.edition.scope_required_for_client_credentials() => {
            return Err(Rejection::ScopeMissing);
        }
        None => registration.scope.clone(),
    };
    let granted = policy.grant_to_registered(&registration.client_uri, &registration.scope, &requested);
    granted.map_err(|error| match error {
        NegotiationError::UnsupportedWildcard(scopes) => Rejection::ScopeWildcard { scopes },
        NegotiationError::NoneSupported | NegotiationError::NoneGranted => {
            Rejection::ScopeNotGranted { requested: requested.to_string() }
        }
    })
}
