//! How the scopes that a server gives differ from those that were asked for.

use serde::Serialize;
use tessera_udap::scope::ScopeSet;

/// Scopes that were left out and scopes that were added, each as text; both empty when all is as asked.
///
/// A wildcard may come back expanded, so a difference is nothing bad in itself.
///
/// Source: FAST Security STU2 §7.3 (11) (SCOPE-9)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScopeDifference {
    /// Asked for and not given.
    pub missing: Vec<String>,
    /// Given and not asked for.
    pub added: Vec<String>,
}

impl ScopeDifference {
    pub(crate) fn between(asked: &ScopeSet, given: &ScopeSet) -> Self {
        let only_in = |one: &ScopeSet, other: &ScopeSet| {
            one.iter().filter(|scope| !other.contains(scope)).map(ToString::to_string).collect()
        };
        Self { missing: only_in(asked, given), added: only_in(given, asked) }
    }

    /// Whether all is as asked.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.added.is_empty()
    }
}
