//! Who may have which scope, and which business context a community admits.
//!
//! A policy belongs to a trust community: the same client URI under another community is another client with another
//! policy. It only decides; it reads nothing and keeps nothing.

use std::collections::HashMap;
use std::time::Duration;

use tessera_jose::algorithm::AlgorithmSet;
use tessera_udap::edition::Edition;
use tessera_udap::ids::ClientUri;
use tessera_udap::negotiation::{self, NegotiationError};
use tessera_udap::scope::{Flow, ScopeSet};

/// What a community admits in the `hl7-b2b` object is a rule of the guide's, so it is told and judged in `udap`.
pub use tessera_udap::extensions::b2b::{Admitted, AdmittedPrefixes, B2bRules, SubjectName};

/// The rules of one trust community at this authorization server.
#[derive(Debug, Clone)]
pub struct CommunityPolicy {
    /// Which edition of the guide its members speak.
    pub edition: Edition,
    /// What the metadata lists; nothing else is ever granted.
    pub scopes_supported: ScopeSet,
    /// Which of these a client gets when it asks for them.
    pub scope_grants: ScopeGrants,
    /// The algorithms accepted for software statements and Authentication Tokens.
    pub algorithms: AlgorithmSet,
    /// What the `hl7-b2b` object may say.
    pub b2b: B2bRules,
    /// How long its members' access tokens live; at most one hour, at least one minute.
    pub access_token_lifetime: Duration,
}

/// Which of the supported scopes a client gets when it asks for them.
#[derive(Debug, Clone, Default)]
pub struct ScopeGrants {
    /// For clients without an entry of their own; `None` grants all that is supported.
    pub default: Option<ScopeSet>,
    /// For single clients, in place of the default.
    pub by_client: HashMap<ClientUri, ScopeSet>,
}

impl CommunityPolicy {
    /// What of the scopes in a software statement is granted.
    ///
    /// Scopes that need a person are not granted to a machine, whether wildcards or not.
    ///
    /// Source: FAST Security STU2 §3.1, §7.3
    pub(crate) fn grant_at_registration(
        &self,
        client: &ClientUri,
        requested: &ScopeSet,
    ) -> Result<ScopeSet, NegotiationError> {
        let requested = negotiation::for_flow(requested, Flow::ClientCredentials);
        negotiation::grant(&requested, &self.scopes_supported, self.allowed(client)).verdict()
    }

    /// What of the scopes in a token request is granted: registered, and still allowed by a policy that may have been
    /// tightened since.
    ///
    /// Source: FAST Security STU2 §7.3
    pub(crate) fn grant_to_registered(
        &self,
        client: &ClientUri,
        registered: &ScopeSet,
        requested: &ScopeSet,
    ) -> Result<ScopeSet, NegotiationError> {
        let requested = negotiation::for_flow(requested, Flow::ClientCredentials);
        let registered = negotiation::grant(&requested, &self.scopes_supported, registered).verdict()?;
        negotiation::grant(&registered, &self.scopes_supported, self.allowed(client)).verdict()
    }

    fn allowed(&self, client: &ClientUri) -> &ScopeSet {
        self.scope_grants.by_client.get(client).or(self.scope_grants.default.as_ref()).unwrap_or(&self.scopes_supported)
    }
}
