//! Which scope an interaction takes.
//!
//! Only system scopes count: user and patient scopes mean a person who has signed in, and compartments, which this
//! gateway does not enforce yet. A scope with a query narrows to some resources of a type; since the gateway does not
//! enforce that either, it opens nothing.
//!
//! Source: SMART App Launch 2.0 "Scopes for requesting FHIR Resources"; FAST Security STU2 §7.3

use tessera_udap::scope::{Permissions, Scope, ScopeContext, ScopeSet};

use crate::rejection::Rejection;
use crate::request::path::Interaction;
use crate::request::resource_type::ResourceType;

/// Whether the scopes permit the interaction.
pub(crate) fn judge(scopes: &ScopeSet, interaction: &Interaction) -> Result<(), Rejection> {
    // The capabilities are public and never come here; were they to, no scope would be named for them.
    let (resource_type, permission) = needed(interaction).ok_or(Rejection::UnknownAddress)?;
    if scopes.permits(ScopeContext::System, resource_type.as_str(), permission) {
        return Ok(());
    }
    Err(Rejection::Scope {
        needed: format!("system/{}.{permission}", resource_type.as_str()),
        held: scopes.to_string(),
    })
}

/// Whether the scope can open anything here; one that cannot is not to be listed or granted for a base of the gateway.
#[must_use]
pub fn opens_something(scope: &Scope) -> bool {
    scope.resource().is_some_and(|resource| {
        let names_a_type = resource.resource.as_deref().is_none_or(|name| ResourceType::parse(name).is_some());
        resource.context == ScopeContext::System && resource.query.is_none() && names_a_type
    })
}

fn needed(interaction: &Interaction) -> Option<(ResourceType, Permissions)> {
    let permission = match interaction {
        Interaction::Capabilities => return None,
        Interaction::Read(_) | Interaction::Vread(..) | Interaction::HistoryInstance(_) => Permissions::READ,
        Interaction::SearchType(..) => Permissions::SEARCH,
        Interaction::Create(_) => Permissions::CREATE,
        Interaction::Update(_) => Permissions::UPDATE,
        Interaction::Delete(_) => Permissions::DELETE,
    };
    Some((interaction.resource_type()?, permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str, char); 8] = [
        ("GET", "/Patient/1", 'r'),
        ("GET", "/Patient/1/_history/1", 'r'),
        ("GET", "/Patient/1/_history", 'r'),
        ("GET", "/Patient", 's'),
        ("POST", "/Patient/_search", 's'),
        ("POST", "/Patient", 'c'),
        ("PUT", "/Patient/1", 'u'),
        ("DELETE", "/Patient/1", 'd'),
    ];

    fn permits(scope: &str, method: &str, path: &str) -> bool {
        let interaction = Interaction::parse(&method.parse().unwrap(), path, "").unwrap();
        judge(&ScopeSet::parse(scope).unwrap(), &interaction).is_ok()
    }

    /// Shows: SCOPE-3
    #[test]
    fn each_scope_opens_its_interactions_and_no_other() {
        for (scope, opened) in [
            ("system/Patient.read", "rs"),
            ("system/Patient.write", "cud"),
            ("system/Patient.*", "cruds"),
            ("system/*.read", "rs"),
            ("system/*.*", "cruds"),
            ("system/*.rs", "rs"),
            ("system/*.cruds", "cruds"),
            ("system/Patient.r", "r"),
            ("system/Patient.s", "s"),
            ("system/Patient.cu", "cu"),
            ("system/Patient.d system/Patient.r", "rd"),
            ("system/Observation.cruds", ""),
            ("user/*.cruds", ""),
            ("patient/Patient.rs", ""),
            ("system/Patient.rs?gender=male", ""),
            ("system/Patient.sr", ""),
            ("udap openid", ""),
        ] {
            for (method, path, letter) in ALL {
                assert_eq!(permits(scope, method, path), opened.contains(letter), "{scope} {method} {path}");
            }
        }
    }

    #[test]
    fn a_scope_that_opens_nothing_is_told_apart() {
        for scope in ["system/Patient.rs", "system/*.read", "system/*.*", "system/Observation.c"] {
            assert!(opens_something(&Scope::parse(scope).unwrap()), "{scope}");
        }
        for scope in [
            "system/Observation.rs?category=laboratory",
            "system/Patient.sr",
            "system/patient.rs",
            "system/Patiënt.rs",
            "user/Patient.rs",
            "patient/*.read",
            "openid",
            "udap",
        ] {
            assert!(!Scope::parse(scope).is_ok_and(|scope| opens_something(&scope)), "{scope}");
        }
    }

    #[test]
    fn a_refusal_names_the_scope_that_is_needed() {
        let search = Interaction::parse(&http::Method::GET, "/Patient", "").unwrap();
        let refused = judge(&ScopeSet::parse("system/Patient.r").unwrap(), &search).unwrap_err();
        assert!(matches!(refused, Rejection::Scope { needed, .. } if needed == "system/Patient.s"));
    }
}
