//! What is wrong with a registration parameter.

use tessera_jose::json::MemberError;

use crate::oauth_error::ErrorCode;

/// A registration parameter that breaks a rule. The text is fit for the client and quotes no value.
///
/// Source: RFC 7591 §3.2.2; UDAP Dynamic Client Registration §5.2
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A parameter is missing or of another JSON type.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A parameter's value is against a rule.
    #[error("`{name}` {rule}")]
    Metadata {
        /// The parameter.
        name: &'static str,
        /// What it must be, as a half sentence.
        rule: &'static str,
    },
    /// The redirect URIs of a code grant are missing, or one of them may not be used.
    #[error("`redirect_uris` {rule}")]
    RedirectUris {
        /// What they must be, as a half sentence.
        rule: &'static str,
    },
}

impl StatementError {
    /// `invalid_redirect_uri` or `invalid_client_metadata`.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Member(_) | Self::Metadata { .. } => ErrorCode::InvalidClientMetadata,
            Self::RedirectUris { .. } => ErrorCode::InvalidRedirectUri,
        }
    }

    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::Member(MemberError::Missing { .. }) => "parameter-missing",
            Self::Member(MemberError::WrongType { .. }) => "parameter-type",
            Self::Metadata { .. } => "parameter-value",
            Self::RedirectUris { .. } => "redirect-uri",
        }
    }

    /// The parameter at fault.
    #[must_use]
    pub fn parameter(&self) -> &str {
        match self {
            Self::Member(error) => error.name(),
            Self::Metadata { name, .. } => name,
            Self::RedirectUris { .. } => "redirect_uris",
        }
    }
}
