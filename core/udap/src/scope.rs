//! Scopes: SMART's resource scopes understood in both syntaxes, every other scope kept as it is.
//!
//! ```text
//! scope       = scope-token *( SP scope-token )               RFC 6749 §3.3
//! scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
//! v1          = context "/" resource "." ( "read" / "write" / "*" )              SMART App Launch 1.0
//! v2          = context "/" resource "." [c][r][u][d][s] [ "?" query ]          SMART App Launch 2.0, one letter at least
//! context     = "patient" / "user" / "system"      resource = FHIR type name / "*"
//! ```
//!
//! A text that begins like a resource scope and is none (`system/Patient.sr`) is an ordinary other scope: it is never
//! an error and never opens a resource.
//!
//! Source: FAST Security STU2 §7.3; HL7 SMART App Launch STU2 "Scopes for requesting FHIR Resources"

mod resource;
mod set;

use std::fmt;
use std::sync::Arc;

pub use resource::{Permissions, ResourceScope, ScopeContext, ScopeSyntax};
pub use set::{MAX_SCOPES, ScopeSet};

/// One scope, kept as the text that was received; copying it is cheap.
#[derive(Clone)]
pub struct Scope(Arc<Parsed>);

struct Parsed {
    text: String,
    resource: Option<ResourceScope>,
}

/// The grant that a scope would be used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Client credentials: nobody signs in.
    ClientCredentials,
    /// Authorization code: a person signs in and consents.
    AuthorizationCode,
}

/// Why a text is not a scope, or not a list of scopes. The message quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// There is no scope.
    #[error("`scope` is empty")]
    Empty,
    /// A character is not one of those that RFC 6749 allows, or scopes are not separated by one space each.
    #[error("`scope` must be scopes separated by single spaces, without quotation marks, backslashes and controls")]
    Character,
    /// There are more than [`MAX_SCOPES`] scopes.
    #[error("`scope` has more than {MAX_SCOPES} scopes")]
    TooMany,
}

impl Scope {
    /// Reads one scope; the caller has bounded the length of `text`.
    ///
    /// # Errors
    /// [`ScopeError::Empty`] or [`ScopeError::Character`].
    ///
    /// Source: RFC 6749 §3.3
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(ScopeError::Character);
        }
        Ok(Self(Arc::new(Parsed { text: text.to_owned(), resource: ResourceScope::parse(text) })))
    }

    /// The text as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What the scope opens, if it is a SMART resource scope; `None` for every other scope (`openid`, `launch`, …).
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceScope> {
        self.0.resource.as_ref()
    }

    /// Whether this is a wildcard scope: any resource (`*`), or any permission in the v1 syntax (`.*`).
    ///
    /// Source: FAST Security STU2 §7.3; SCOPE-1
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.resource().is_some_and(ResourceScope::is_wildcard)
    }

    /// Whether whoever has this scope thereby has `other`: the same text, or a wider resource scope.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let wider = || Some(self.resource()?.covers(other.resource()?));
        self == other || wider().unwrap_or_default()
    }

    /// Whether the scope makes sense with that grant.
    ///
    /// System scopes go with client credentials; user and patient scopes and all that concerns a login go with the
    /// authorization code. A scope that we know nothing about fits both.
    ///
    /// Source: FAST Security STU1.1 §3.1; DCR-29
    #[must_use]
    pub fn fits(&self, flow: Flow) -> bool {
        let flows = match self.resource() {
            Some(resource) if resource.context == ScopeContext::System => Some(Flow::ClientCredentials),
            Some(_) => Some(Flow::AuthorizationCode),
            None if concerns_a_login(self.as_str()) => Some(Flow::AuthorizationCode),
            None => None,
        };
        flows.is_none_or(|only| only == flow)
    }
}

/// OpenID Connect Core §5.4, §11; SMART App Launch "Scopes for requesting context data"; UDAP Tiered OAuth §1.
fn concerns_a_login(scope: &str) -> bool {
    const NAMES: [&str; 11] = [
        "openid",
        "profile",
        "email",
        "address",
        "phone",
        "fhirUser",
        "offline_access",
        "online_access",
        "launch",
        "udap",
        "udap_to",
    ];
    NAMES.contains(&scope) || scope.starts_with("launch/")
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Scope {}

impl std::hash::Hash for Scope {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scope({:?})", self.0.text)
    }
}

#[cfg(test)]
mod tests;
