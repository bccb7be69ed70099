//! Scope negotiation: from what was asked for, through what the server supports, to what the client gets.
//!
//! The result only says what became of each scope. Which OAuth code a failure has is the caller's choice, since it
//! differs by endpoint: `invalid_client_metadata` at registration, `invalid_scope` at the token endpoint.
//!
//! Source: FAST Security STU2 §7.3

use crate::scope::{Flow, Scope, ScopeSet};

/// What became of a request for scopes; every requested scope went to exactly one of the four sets, except that a
/// wildcard may stand in `granted` by its expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Negotiation {
    /// What the client gets; it may be empty.
    pub granted: ScopeSet,
    /// Scopes that the server does not support.
    pub unsupported: ScopeSet,
    /// Scopes that the server supports and this client does not get.
    pub withheld: ScopeSet,
    /// Wildcards that the server does not list; one of them is reason to refuse the request.
    pub refused_wildcards: ScopeSet,
}

/// Why a negotiation is to be answered with an error. The text is fit for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// These wildcards were asked for, and `scopes_supported` does not list them.
    #[error("a wildcard scope was requested that is not listed in scopes_supported")]
    UnsupportedWildcard(ScopeSet),
    /// None of the scopes is supported.
    #[error("none of the requested scopes is supported; see scopes_supported in the metadata")]
    NoneSupported,
    /// Some are supported, but none of them is given to this client.
    #[error("none of the requested scopes is granted to this client")]
    NoneGranted,
}

/// Judges each requested scope against what the server lists and what this client may have.
///
/// `supported` is `scopes_supported` of the metadata; `allowed` is the policy for this client (or its registered
/// scopes, at the token endpoint). A wildcard is supported only if it is listed itself, and what is listed covers every
/// narrower scope of its syntax. A supported wildcard beyond the policy is granted as those scopes of the policy that
/// it covers.
///
/// Source: FAST Security STU2 §7.3 (1) to (9); SCOPE-1, SCOPE-3, SCOPE-4, SCOPE-5, SCOPE-7
#[must_use]
pub fn grant(requested: &ScopeSet, supported: &ScopeSet, allowed: &ScopeSet) -> Negotiation {
    let mut result = Negotiation::default();
    for scope in requested {
        if !is_supported(scope, supported) {
            let refused = if scope.is_wildcard() { &mut result.refused_wildcards } else { &mut result.unsupported };
            refused.insert(scope.clone());
        } else if allowed.covers(scope) {
            result.granted.insert(scope.clone());
        } else if let Some(expansion) = expand(scope, supported, allowed) {
            expansion.iter().for_each(|part| result.granted.insert(part.clone()));
        } else {
            result.withheld.insert(scope.clone());
        }
    }
    result
}

/// A wildcard of a request that a client does not send, because the server lists no wildcard at all.
///
/// `listed` is `scopes_supported` as the metadata have it. Without a list the server says nothing about wildcards, and so
/// has not said that it takes them; where it lists some, it answers for itself whether it takes this one.
///
/// Source: FAST Security STU2 §7.3 (3); SCOPE-2
#[must_use]
pub fn wildcard_in_vain<'a>(requested: &'a ScopeSet, listed: &[String]) -> Option<&'a Scope> {
    let lists_wildcards = listed.iter().any(|text| Scope::parse(text).is_ok_and(|scope| scope.is_wildcard()));
    requested.iter().find(|scope| scope.is_wildcard() && !lists_wildcards)
}

/// The scopes of a request that go with its grant; those of another context are dropped before the negotiation: user and
/// patient scopes with client credentials, system scopes with the authorization code.
///
/// Source: FAST Security STU1.1 §3.1; DCR-29
#[must_use]
pub fn for_flow(requested: &ScopeSet, flow: Flow) -> ScopeSet {
    requested.iter().filter(|scope| scope.fits(flow)).cloned().collect()
}

/// Whether the server supports the scope: by its own name, or under a wider one that is listed. A wildcard goes by its
/// own name alone, because the guide has supported wildcards listed.
fn is_supported(scope: &Scope, supported: &ScopeSet) -> bool {
    if scope.is_wildcard() { supported.contains(scope) } else { supported.covers(scope) }
}

/// Those allowed and supported scopes that a wildcard stands for; `None` if there is none, or the scope is no wildcard.
fn expand(wildcard: &Scope, supported: &ScopeSet, allowed: &ScopeSet) -> Option<ScopeSet> {
    if !wildcard.is_wildcard() {
        return None;
    }
    let parts = allowed.iter().filter(|part| wildcard.covers(part) && is_supported(part, supported));
    let expansion: ScopeSet = parts.cloned().collect();
    if expansion.is_empty() { None } else { Some(expansion) }
}

impl Negotiation {
    /// What is granted, unless the request is to be refused.
    ///
    /// # Errors
    /// [`NegotiationError::UnsupportedWildcard`] when there was one, whatever else was asked for; then
    /// [`NegotiationError::NoneSupported`] or [`NegotiationError::NoneGranted`] when nothing is left.
    ///
    /// Source: FAST Security STU2 §7.3 (5), (9), (10); SCOPE-4, SCOPE-7, SCOPE-8
    pub fn verdict(self) -> Result<ScopeSet, NegotiationError> {
        if !self.refused_wildcards.is_empty() {
            return Err(NegotiationError::UnsupportedWildcard(self.refused_wildcards));
        }
        match (self.granted.is_empty(), self.withheld.is_empty()) {
            (false, _) => Ok(self.granted),
            (true, true) => Err(NegotiationError::NoneSupported),
            (true, false) => Err(NegotiationError::NoneGranted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        if text.is_empty() { ScopeSet::default() } else { ScopeSet::parse(text).unwrap() }
    }

    fn negotiate(requested: &str, supported: &str, allowed: &str) -> Negotiation {
        grant(&set(requested), &set(supported), &set(allowed))
    }

    /// What is granted when the policy allows all that is supported.
    fn verdict(requested: &str, supported: &str) -> Result<String, NegotiationError> {
        negotiate(requested, supported, supported).verdict().map(|granted| granted.to_string())
    }

    /// Shows: SCOPE-1, SCOPE-3
    #[test]
    fn a_listed_wildcard_is_granted_as_it_is() {
        for wildcard in ["system/*.read", "system/*.*", "system/Patient.*", "system/*.rs"] {
            assert_eq!(verdict(wildcard, wildcard), Ok(wildcard.to_owned()));
        }
    }

    /// Shows: SCOPE-3, SCOPE-5
    #[test]
    fn a_listed_wildcard_beyond_the_policy_is_expanded_to_it() {
        let supported = "system/*.read system/Patient.read";
        let result =
            negotiate("system/*.read", supported, "system/Patient.read system/Group.read system/Task.write openid");
        assert_eq!(result.verdict(), Ok(set("system/Patient.read system/Group.read")));
        let nothing = negotiate("system/*.read", supported, "user/Patient.read openid");
        assert_eq!(nothing.withheld, set("system/*.read"));
        assert_eq!(nothing.verdict(), Err(NegotiationError::NoneGranted));
    }

    /// Shows: SCOPE-4
    #[test]
    fn an_unlisted_wildcard_is_a_refusal_whatever_else_is_asked_for() {
        for (requested, supported) in [
            ("system/*.read", "system/Patient.read"),
            ("system/Patient.read system/*.read", "system/Patient.read"),
            ("system/Patient.*", "system/Patient.read system/Patient.write"),
            ("system/*.*", "system/*.read"),
            ("system/*.rs", "system/*.read"),
            ("user/*.read", "system/*.read"),
            ("system/*.read", "system/*.*"),
        ] {
            let refused = negotiate(requested, supported, supported).verdict();
            let Err(NegotiationError::UnsupportedWildcard(wildcards)) = refused else {
                panic!("{requested}: {refused:?}")
            };
            assert!(wildcards.iter().all(Scope::is_wildcard) && !wildcards.is_empty(), "{requested}");
        }
    }

    /// Shows: SCOPE-7
    #[test]
    fn a_mix_of_known_and_unknown_scopes_yields_the_known() {
        let result = negotiate(
            "a system/Patient.read b system/Group.read openid",
            "system/Patient.read openid",
            "openid a b system/Patient.read",
        );
        assert_eq!(result.unsupported, set("a b system/Group.read"));
        assert!(result.withheld.is_empty());
        assert_eq!(result.verdict(), Ok(set("system/Patient.read openid")));
    }

    /// Shows: SCOPE-7, SCOPE-8
    #[test]
    fn nothing_left_is_a_refusal() {
        assert_eq!(verdict("a system/Patient.write", "system/Patient.read"), Err(NegotiationError::NoneSupported));
        let withheld = negotiate("a system/Patient.read", "system/Patient.read", "system/Group.read");
        assert_eq!(withheld.verdict(), Err(NegotiationError::NoneGranted));
        assert_eq!(negotiate("a", "a", "").verdict(), Err(NegotiationError::NoneGranted));
        assert_eq!(negotiate("a", "", "a").verdict(), Err(NegotiationError::NoneSupported));
    }

    /// Shows: SCOPE-3
    #[test]
    fn a_listed_wildcard_covers_narrower_requests() {
        assert_eq!(verdict("system/Patient.read", "system/*.read"), Ok("system/Patient.read".into()));
        assert_eq!(verdict("system/Patient.r", "system/*.rs"), Ok("system/Patient.r".into()));
        for requested in ["system/Patient.write", "user/Patient.read", "system/Patient.rs"] {
            assert_eq!(verdict(requested, "system/*.read"), Err(NegotiationError::NoneSupported), "{requested}");
        }
    }

    /// Shows: SCOPE-5
    #[test]
    fn policy_narrows_what_is_supported() {
        let result = negotiate("system/Patient.read system/Task.read", "system/*.read", "system/Task.read");
        assert_eq!((result.granted, result.withheld), (set("system/Task.read"), set("system/Patient.read")));
    }

    /// A scope narrowed by a query is not widened to the scope without, nor taken for supported because that one is.
    #[test]
    fn a_query_is_supported_only_if_listed() {
        let narrowed = "system/Observation.rs?category=lab";
        assert_eq!(verdict(narrowed, "system/Observation.rs"), Err(NegotiationError::NoneSupported));
        assert_eq!(verdict(narrowed, narrowed), Ok(narrowed.to_owned()));
    }

    /// The guides of others name scopes too; they are compared as whole texts.
    #[test]
    fn scopes_of_other_guides_go_by_their_names() {
        assert_eq!(
            verdict("launch/patient fhirUser", "openid fhirUser launch/patient"),
            Ok("launch/patient fhirUser".into())
        );
        assert_eq!(verdict("launch", "launch/patient"), Err(NegotiationError::NoneSupported));
    }

    /// Shows: DCR-29
    #[test]
    fn a_scope_of_the_wrong_context_is_not_granted() {
        let all = set("system/Patient.read user/Patient.read patient/Patient.read openid bulk");
        assert_eq!(for_flow(&all, Flow::ClientCredentials), set("system/Patient.read bulk"));
        assert_eq!(for_flow(&all, Flow::AuthorizationCode), set("user/Patient.read patient/Patient.read openid bulk"));
        assert!(for_flow(&set("user/Patient.read user/*.read"), Flow::ClientCredentials).is_empty());
    }

    /// What SCOPE-2 asks of a client rests on this.
    #[test]
    fn a_client_asks_for_a_wildcard_only_where_one_is_listed() {
        let requested = set("system/Patient.read system/Group.* system/*.rs");
        let in_vain = |listed: &[&str]| {
            let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
            wildcard_in_vain(&requested, &listed).map(ToString::to_string)
        };
        assert_eq!(in_vain(&["system/Patient.read", "no scope", ""]).as_deref(), Some("system/Group.*"));
        assert_eq!(in_vain(&[]).as_deref(), Some("system/Group.*"));
        assert_eq!(in_vain(&["system/Patient.read", "system/*.read"]), None);
        assert_eq!(wildcard_in_vain(&set("system/Patient.read"), &[]), None);
    }
}
