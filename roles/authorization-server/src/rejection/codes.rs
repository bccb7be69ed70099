//! Which OAuth code and status class a rejection gets, every arm beside its source.

use tessera_trust::RefusalKind;
use tessera_udap::extensions::b2b::B2bError;
use tessera_udap::oauth_error::{ErrorCode, OAuthError};

use super::{Rejection, Unread};

/// What the HTTP status expresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalClass {
    /// 400
    BadRequest,
    /// 408
    TooSlow,
    /// 413
    TooLarge,
    /// 401
    Unauthorized,
    /// 429 with `Retry-After`
    TooMany,
    /// 404
    NotFound,
    /// 500: a failure of ours that will not pass by itself.
    Internal,
    /// 503 with `Retry-After`: a failure of ours that may pass.
    Unavailable,
}

impl RefusalClass {
    /// Whether we are at fault and not the caller.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Internal | Self::Unavailable)
    }
}

impl Rejection {
    /// The OAuth error code.
    ///
    /// Source: security invariants, "Answers", with the documents beside each arm
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            // RFC 6749 §5.2
            Self::NoSuchPlace | Self::AuthorizationHeader | Self::FormUnread(_) => ErrorCode::InvalidRequest,
            // RFC 6749 §5.2; a malformed scope has a code of its own
            Self::Form(error) => error.code(),
            // RFC 6749 §5.2
            Self::GrantTypeUnknown { .. } => ErrorCode::UnsupportedGrantType,
            // UDAP DCR §5.2
            Self::RegistrationUnread(_)
            | Self::RegistrationBody(_)
            | Self::GrantNotOffered { .. }
            | Self::RegistrationWildcard { .. }
            | Self::RegistrationScope { .. }
            | Self::NothingToCancel { .. } => ErrorCode::InvalidClientMetadata,
            // UDAP DCR §5.2; what the statement registers is told apart from what it proves
            Self::Statement(error) => error.registration_code(),
            Self::StatementReplayed | Self::StatementAlgorithm => ErrorCode::InvalidSoftwareStatement,
            // RFC 6749 §5.2: nothing is said about the certificate
            Self::StatementNotTrusted(refusal) | Self::AssertionNotTrusted(refusal)
                if refusal.kind() == RefusalKind::Undecided =>
            {
                ErrorCode::TemporarilyUnavailable
            }
            // UDAP DCR §5.2
            Self::StatementNotTrusted(_) | Self::RegistrationBlocked { .. } => ErrorCode::UnapprovedSoftwareStatement,
            // RFC 7521 §4.2.1; one code for every failure tells a prober less
            Self::Assertion(_)
            | Self::ClientUnknown { .. }
            | Self::ClientIdMismatch { .. }
            | Self::ClientCancelled
            | Self::ClientBlocked { .. }
            | Self::ClientOfAnotherGroup
            | Self::CommunityNotServed
            | Self::AssertionNotTrusted(_)
            | Self::CertificateOfAnother { .. }
            | Self::AssertionReplayed => ErrorCode::InvalidClient,
            // RFC 6749 §5.2
            Self::GrantNotRegistered => ErrorCode::UnauthorizedClient,
            // FAST Security STU2 §5.2.1.1; RFC 6749 §5.2 for a token "issued to another client"
            Self::B2bMissing | Self::B2b(_) | Self::TokenOfAnother => ErrorCode::InvalidGrant,
            // FAST Security STU2 §7.3
            Self::ScopeMissing | Self::ScopeWildcard { .. } | Self::ScopeNotGranted { .. } => ErrorCode::InvalidScope,
            Self::Store(_) | Self::ShareUsedUp { .. } => ErrorCode::TemporarilyUnavailable,
            Self::Signing(_) => ErrorCode::ServerError,
        }
    }

    /// The class of its status.
    #[must_use]
    pub fn class(&self) -> RefusalClass {
        match self {
            Self::NoSuchPlace => RefusalClass::NotFound,
            Self::RegistrationUnread(Unread::TooLarge) | Self::FormUnread(Unread::TooLarge) => RefusalClass::TooLarge,
            Self::RegistrationUnread(Unread::TooSlow) | Self::FormUnread(Unread::TooSlow) => RefusalClass::TooSlow,
            Self::ShareUsedUp { .. } => RefusalClass::TooMany,
            Self::Store(_) => RefusalClass::Unavailable,
            Self::StatementNotTrusted(_) | Self::AssertionNotTrusted(_)
                if self.code() == ErrorCode::TemporarilyUnavailable =>
            {
                RefusalClass::Unavailable
            }
            Self::Signing(_) => RefusalClass::Internal,
            _ if self.code() == ErrorCode::InvalidClient => RefusalClass::Unauthorized,
            _ => RefusalClass::BadRequest,
        }
    }

    /// The error object for the caller: the code, and what to repair in words that quote nothing.
    #[must_use]
    pub fn oauth_error(&self) -> OAuthError {
        OAuthError { code: self.code(), description: self.description() }
    }

    /// Where the rule stands.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::NoSuchPlace => "FAST Security STU2 §2.2",
            Self::RegistrationUnread(_) | Self::RegistrationBody(_) => "FAST Security STU2 §3.2.3; UDAP DCR §3",
            Self::FormUnread(_) => "RFC 6749 §3.2",
            Self::Form(_) => "FAST Security STU2 §5.2.2; RFC 6749 §3.2",
            Self::AuthorizationHeader => "FAST Security STU2 §5.2.2",
            Self::GrantTypeUnknown { .. } => "FAST Security STU2 §2.2; RFC 6749 §5.2",
            Self::Statement(_) => "FAST Security STU2 §3.1, §7.1",
            Self::StatementNotTrusted(_) => "FAST Security STU2 §7.1.6; UDAP DCR §4.2",
            Self::StatementAlgorithm => "FAST Security STU2 §2.2, §7.1.2",
            Self::StatementReplayed => "FAST Security STU2 §7.1.4",
            Self::RegistrationBlocked { .. } => "UDAP DCR §5.2",
            Self::GrantNotOffered { .. } => "FAST Security STU2 §2.2, §3.1",
            Self::RegistrationWildcard { .. } => "FAST Security STU2 §7.3 (5)",
            Self::RegistrationScope { .. } => "FAST Security STU2 §7.3 (10)",
            Self::NothingToCancel { .. } => "FAST Security STU2 §3.4",
            Self::Assertion(_) => "FAST Security STU2 §5.2.1, §7.1",
            Self::ClientUnknown { .. } | Self::ClientIdMismatch { .. } | Self::CertificateOfAnother { .. } => {
                "UDAP JWT Client Authentication §6.3"
            }
            Self::ClientCancelled => "FAST Security STU2 §3.4",
            Self::ClientBlocked { .. } => "RFC 7521 §4.2.1",
            Self::ClientOfAnotherGroup | Self::CommunityNotServed => "FAST Security STU2 §2.2, §3.4",
            Self::AssertionNotTrusted(_) => "FAST Security STU2 §7.1.6; UDAP JWT Client Authentication §6.2",
            Self::AssertionReplayed => "FAST Security STU2 §7.1.4",
            Self::GrantNotRegistered => "RFC 6749 §5.2",
            Self::B2bMissing => "FAST Security STU2 §5.2.1",
            Self::B2b(B2bError::NotAdmitted { .. }) => "FAST Security STU2 §5.2.1.2",
            Self::B2b(_) => "FAST Security STU2 §5.2.1.1",
            Self::ScopeMissing => "FAST Security STU2 §5.2.2",
            Self::ScopeWildcard { .. } => "FAST Security STU2 §7.3 (5)",
            Self::ScopeNotGranted { .. } => "FAST Security STU2 §7.3 (9)",
            Self::TokenOfAnother => "RFC 7009 §2.1",
            Self::ShareUsedUp { .. } => "RFC 6585 §4",
            Self::Store(_) | Self::Signing(_) => "RFC 6749 §5.2",
        }
    }
}
