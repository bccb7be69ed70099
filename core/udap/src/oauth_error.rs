//! The error vocabulary of OAuth, UDAP and the guide, in one place, and the object that carries it.
//!
//! Which refusal gets which code is decided by the roles; here are the words and their form alone.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An `error` value.
        ///
        /// Source: RFC 6749 §4.1.2.1, §5.2; RFC 7591 §3.2.2; UDAP Dynamic Client Registration §5.2; the rest as noted
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it stands in `error`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The request lacks a parameter, repeats one, or is malformed. RFC 6749 §5.2
    InvalidRequest = "invalid_request",
    /// The client is unknown or did not authenticate. RFC 6749 §5.2
    InvalidClient = "invalid_client",
    /// The grant, or the extension object that goes with it, is not valid. RFC 6749 §5.2; FAST Security STU2 §5.2.1.1
    InvalidGrant = "invalid_grant",
    /// The client may not use this grant. RFC 6749 §5.2
    UnauthorizedClient = "unauthorized_client",
    /// The grant is not supported. RFC 6749 §5.2
    UnsupportedGrantType = "unsupported_grant_type",
    /// The scope is missing, malformed, or none of it is supported. RFC 6749 §5.2; FAST Security STU2 §7.3
    InvalidScope = "invalid_scope",
    /// The software statement's form, signature or claims are wrong. RFC 7591 §3.2.2
    InvalidSoftwareStatement = "invalid_software_statement",
    /// The software statement's signer is not trusted here. RFC 7591 §3.2.2
    UnapprovedSoftwareStatement = "unapproved_software_statement",
    /// A registration parameter is wrong. RFC 7591 §3.2.2
    InvalidClientMetadata = "invalid_client_metadata",
    /// A redirect URI is wrong. RFC 7591 §3.2.2
    InvalidRedirectUri = "invalid_redirect_uri",
    /// The user or the server said no. RFC 6749 §4.1.2.1
    AccessDenied = "access_denied",
    /// The response type is not supported. RFC 6749 §4.1.2.1
    UnsupportedResponseType = "unsupported_response_type",
    /// The server met a condition that it did not expect. RFC 6749 §4.1.2.1
    ServerError = "server_error",
    /// The server cannot answer now. RFC 6749 §4.1.2.1
    TemporarilyUnavailable = "temporarily_unavailable",
    /// The identity provider is not trusted or not reachable. UDAP Tiered OAuth §3
    InvalidIdp = "invalid_idp",
    /// The user must log in, and the request forbids asking. OpenID Connect Core §3.1.2.6
    LoginRequired = "login_required",
    /// The user must consent, and the request forbids asking. OpenID Connect Core §3.1.2.6
    ConsentRequired = "consent_required",
    /// This kind of token cannot be revoked. RFC 7009 §2.2.1
    UnsupportedTokenType = "unsupported_token_type",
    /// The access token is missing, dead or not for this resource. RFC 6750 §3.1
    InvalidToken = "invalid_token",
    /// The access token does not reach that far. RFC 6750 §3.1
    InsufficientScope = "insufficient_scope",
}

impl ErrorCode {
    /// The code of that name, compared as bytes; `None` for one that we do not know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The error object of token, registration, introspection and revocation endpoints.
///
/// It serializes as `{"error": .., "error_description": ..}`; an empty description is left out.
///
/// Source: RFC 6749 §5.2; RFC 7591 §3.2.2; UDAP Dynamic Client Registration §5.2; DCR-23
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The code.
    pub code: ErrorCode,
    /// What an honest client should mend, in English; it quotes no input and nothing of the server's inside.
    pub description: String,
}

impl OAuthError {
    /// An error with its explanation.
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }
}

impl Serialize for OAuthError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("error", &self.code)?;
        if !self.description.is_empty() {
            map.serialize_entry("error_description", &allowed_characters(&self.description))?;
        }
        map.end()
    }
}

/// RFC 6749 §5.2 allows `%x20-21 / %x23-5B / %x5D-7E` in a description; a quotation mark becomes an apostrophe, the
/// rest a question mark.
fn allowed_characters(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '"' => '\'',
            '\\' => '?',
            ' '..='~' => character,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.as_str()), Some(*code));
        }
        assert_eq!(ErrorCode::from_name("Invalid_Request"), None);
    }

    #[test]
    fn the_object_has_the_form_of_the_rfc() {
        let json =
            |description: &str| serde_json::to_string(&OAuthError::new(ErrorCode::InvalidScope, description)).unwrap();
        assert_eq!(json("no `scope`"), r#"{"error":"invalid_scope","error_description":"no `scope`"}"#);
        assert_eq!(json(""), r#"{"error":"invalid_scope"}"#);
        assert_eq!(json("a\"b\\c\nd\u{e4}"), r#"{"error":"invalid_scope","error_description":"a'b?c?d?"}"#);
    }
}
