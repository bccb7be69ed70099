//! Who may have which scope, and which business context a community admits.
//!
//! A policy belongs to a trust community: the same client URI under another community is another client with another
//! policy. It only decides; it reads nothing and keeps nothing.

use std::collections::HashMap;
use std::time::Duration;

use tessera_jose::algorithm::AlgorithmSet;
use tessera_udap::edition::Edition;
use tessera_udap::ids::ClientUri;
use tessera_udap::negotiation::{self, Negotiation};
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

/// What becomes of the scopes that a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ScopeDecision {
    /// These, at least one.
    Granted(ScopeSet),
    /// No: a wildcard that is not supported is refused as a whole, for the client relies on more than it would get.
    UnsupportedWildcard(Vec<String>),
    /// No: none is supported and allowed.
    Nothing,
}

impl CommunityPolicy {
    /// What of the scopes in a software statement is granted.
    ///
    /// Scopes that need a person are not granted to a machine, whether wildcards or not.
    ///
    /// Source: FAST Security STU2 §3.1, §7.3
    pub(crate) fn grant_at_registration(&self, client: &ClientUri, requested: &ScopeSet) -> ScopeDecision {
        let allowed = self.allowed(client);
        self.decide(requested, |requested| negotiation::grant(requested, &self.scopes_supported, allowed))
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
    ) -> ScopeDecision {
        let allowed = self.allowed(client);
        self.decide(requested, |requested| {
            let covered = negotiation::grant(requested, &self.scopes_supported, registered);
            let granted = negotiation::grant(&covered.granted, &self.scopes_supported, allowed).granted;
            Negotiation { granted, ..covered }
        })
    }

    fn decide(&self, requested: &ScopeSet, negotiate: impl FnOnce(&ScopeSet) -> Negotiation) -> ScopeDecision {
        let for_machines: ScopeSet =
            requested.iter().filter(|scope| scope.fits(Flow::ClientCredentials)).cloned().collect();
        let outcome = negotiate(&for_machines);
        if !outcome.refused_wildcards.is_empty() {
            let texts = outcome.refused_wildcards.iter();
            return ScopeDecision::UnsupportedWildcard(texts.map(|scope| scope.as_str().to_owned()).collect());
        }
        if outcome.granted.is_empty() {
            return ScopeDecision::Nothing;
        }
        ScopeDecision::Granted(outcome.granted)
    }

    fn allowed(&self, client: &ClientUri) -> &ScopeSet {
        self.scope_grants.by_client.get(client).or(self.scope_grants.default.as_ref()).unwrap_or(&self.scopes_supported)
    }
}
