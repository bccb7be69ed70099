//! A list of scopes as requests and answers carry it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Permissions, Scope, ScopeContext, ScopeError};

/// The most scopes that one request may name, repeated ones included.
pub const MAX_SCOPES: usize = 200;

/// Scopes in the order received, each once; it writes and serializes as they stand in `scope`.
///
/// Equality looks at order too. The empty set stands for no `scope` at all; it is never read, only made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// Reads scopes separated by single spaces; repeated ones are folded. The caller has bounded the length of `text`.
    ///
    /// # Errors
    /// [`ScopeError`] when there is none, there are more than [`MAX_SCOPES`], or a character is not allowed.
    ///
    /// Source: RFC 6749 §3.3; DCR-16
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        let mut scopes = Self::default();
        for (count, token) in text.split(' ').enumerate() {
            if count == MAX_SCOPES {
                return Err(ScopeError::TooMany);
            }
            // An empty token is a second space, which the grammar has not.
            scopes.insert(Scope::parse(token).map_err(|_| ScopeError::Character)?);
        }
        Ok(scopes)
    }

    /// The scopes in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// Whether this very scope is in the set, compared as bytes.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether the set has this scope or one that is wider.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        self.iter().any(|held| held.covers(scope))
    }

    /// Whether a scope of the set permits this on every resource of the type; scopes with a query never do.
    #[must_use]
    pub fn permits(&self, context: ScopeContext, resource: &str, permission: Permissions) -> bool {
        self.iter().filter_map(Scope::resource).any(|scope| scope.permits(context, resource, permission))
    }

    /// Adds a scope at the end unless it is there already.
    pub fn insert(&mut self, scope: Scope) {
        if !self.contains(&scope) {
            self.0.push(scope);
        }
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::default();
        scopes.into_iter().for_each(|scope| set.insert(scope));
        set
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
