//! The endpoints at which something is decided, each with its name for metrics and its action for the record.

use crate::audit::AuditAction;

/// An endpoint of the authorization server that takes a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Registers, changes and cancels. Source: FAST Security STU2 §3
    Registration,
    /// Issues access tokens. Source: FAST Security STU2 §5.2
    Token,
    /// Tells what a token is worth. Source: RFC 7662
    Introspection,
    /// Takes a token back. Source: RFC 7009
    Revocation,
}

impl Endpoint {
    /// A word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
        }
    }

    /// What is asked for at it, as far as that is known before the request is read.
    pub(crate) const fn action(self) -> AuditAction {
        match self {
            Self::Registration => AuditAction::Registration,
            Self::Token => AuditAction::Token,
            Self::Introspection => AuditAction::Introspection,
            Self::Revocation => AuditAction::Revocation,
        }
    }
}
