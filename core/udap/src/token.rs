//! The forms of the token, introspection and revocation endpoints.
//!
//! All three endpoints authenticate the client alike, by [`ClientAssertion`]. Parameters that are not known are ignored
//! (RFC 6749 §3.2); repeated ones never get here, for [`Parameters`] refuses them.
//!
//! Source: FAST Security STU2 §5.2.2; RFC 6749 §4.4.2; RFC 7662 §2.1; RFC 7009 §2.1

use crate::form::Parameters;
use crate::oauth_error::ErrorCode;
use crate::scope::{ScopeError, ScopeSet};

/// The value of `client_assertion_type`.
///
/// Source: RFC 7523 §2.2
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token request, well-formed; its assertion is unread.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// What is asked for.
    pub grant: Grant,
    /// Who says to be asking.
    pub client: ClientAssertion<'a>,
}

/// A grant with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// For machines.
    ClientCredentials {
        /// The scopes asked for; `None` when there is no `scope`, which STU2 does not allow.
        scope: Option<ScopeSet>,
    },
    /// A grant that has no reader here, by its name.
    Other(String),
}

/// The parameters by which a client authenticates.
///
/// Source: FAST Security STU2 §5.2.2; AUTHN-6, AUTHN-7, AUTHN-11
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientAssertion<'a> {
    /// The Authentication Token, unread.
    pub client_assertion: &'a str,
    /// `client_id`; when it is there it must equal the token's `iss`.
    pub client_id: Option<&'a str>,
}

/// A question whether a token is active.
///
/// Source: RFC 7662 §2.1
pub struct IntrospectionRequest<'a> {
    /// The token asked about, unread.
    pub token: &'a str,
    /// Who says to be asking.
    pub client: ClientAssertion<'a>,
}

/// The wish to end a token.
///
/// Source: RFC 7009 §2.1
pub struct RevocationRequest<'a> {
    /// The token to end, unread.
    pub token: &'a str,
    /// Who says to be asking.
    pub client: ClientAssertion<'a>,
}

/// Why a form was refused. The text is fit for the client and quotes nothing of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// A parameter is absent or empty.
    #[error("`{name}` is missing")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter has another value than the only one that it may have.
    #[error("`{name}` must be `{value}`")]
    Value {
        /// The parameter.
        name: &'static str,
        /// The value it must have.
        value: &'static str,
    },
    /// A shared secret came with the request.
    #[error("`client_secret` must not be sent")]
    ClientSecret,
    /// `scope` is not a list of scopes.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}

impl<'a> TokenRequest<'a> {
    /// Reads the form of a token request.
    ///
    /// # Errors
    /// [`TokenRequestError`] when a parameter that every grant needs is missing or wrong, or `scope` is malformed.
    ///
    /// Source: FAST Security STU2 §5.2.2; TOKEN-2, AUTHN-7, AUTHN-13
    pub fn read(form: &'a Parameters) -> Result<Self, TokenRequestError> {
        let name = required(form, "grant_type")?;
        let client = ClientAssertion::read(form)?;
        let grant = match name {
            "client_credentials" => {
                let scope = form.get("scope").map(ScopeSet::parse).transpose()?;
                Grant::ClientCredentials { scope }
            }
            other => Grant::Other(other.to_owned()),
        };
        Ok(Self { grant, client })
    }
}

impl<'a> IntrospectionRequest<'a> {
    /// Reads the form of an introspection request; `token_type_hint` is ignored, for there is one type.
    ///
    /// # Errors
    /// [`TokenRequestError`] when `token` or what authenticates the client is missing or wrong.
    pub fn read(form: &'a Parameters) -> Result<Self, TokenRequestError> {
        let client = ClientAssertion::read(form)?;
        Ok(Self { token: required(form, "token")?, client })
    }
}

impl<'a> RevocationRequest<'a> {
    /// Reads the form of a revocation request; `token_type_hint` is ignored, for there is one type.
    ///
    /// # Errors
    /// [`TokenRequestError`] when `token` or what authenticates the client is missing or wrong.
    pub fn read(form: &'a Parameters) -> Result<Self, TokenRequestError> {
        let client = ClientAssertion::read(form)?;
        Ok(Self { token: required(form, "token")?, client })
    }
}

impl<'a> ClientAssertion<'a> {
    /// Reads what authenticates the client, whatever the endpoint.
    ///
    /// # Errors
    /// [`TokenRequestError`] when `udap`, `client_assertion_type` or `client_assertion` is missing or wrong, or there is
    /// a `client_secret`, even an empty one.
    ///
    /// Source: FAST Security STU2 §5.2.2; AUTHN-6, AUTHN-7
    pub fn read(form: &'a Parameters) -> Result<Self, TokenRequestError> {
        only(form, "udap", crate::registration::UDAP_VERSION)?;
        only(form, "client_assertion_type", ASSERTION_TYPE)?;
        if form.contains("client_secret") {
            return Err(TokenRequestError::ClientSecret);
        }
        Ok(Self { client_assertion: required(form, "client_assertion")?, client_id: form.get("client_id") })
    }
}

/// The assertion is a credential.
impl std::fmt::Debug for IntrospectionRequest<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("IntrospectionRequest").field("client", &self.client).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RevocationRequest<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RevocationRequest").field("client", &self.client).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientAssertion<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ClientAssertion")
            .field("client_assertion", &format_args!("[redacted]"))
            .field("client_id", &self.client_id)
            .finish()
    }
}

impl TokenRequestError {
    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "parameter-missing",
            Self::Value { .. } => "parameter-value",
            Self::ClientSecret => "client-secret",
            Self::Scope(_) => "scope-malformed",
        }
    }

    /// The error code: a malformed scope has one of its own.
    ///
    /// Source: RFC 6749 §5.2
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Missing { .. } | Self::Value { .. } | Self::ClientSecret => ErrorCode::InvalidRequest,
            Self::Scope(_) => ErrorCode::InvalidScope,
        }
    }
}

fn required<'a>(form: &'a Parameters, name: &'static str) -> Result<&'a str, TokenRequestError> {
    form.get(name).ok_or(TokenRequestError::Missing { name })
}

fn only(form: &Parameters, name: &'static str, value: &'static str) -> Result<(), TokenRequestError> {
    if required(form, name)? == value { Ok(()) } else { Err(TokenRequestError::Value { name, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::write_form;

    fn form(change: &[(&str, Option<&str>)]) -> Parameters {
        let usual = [
            ("grant_type", "client_credentials"),
            ("scope", "system/Patient.rs"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", "a.b.c"),
            ("udap", "1"),
        ];
        let mut pairs: Vec<(&str, &str)> = usual.to_vec();
        for (name, value) in change {
            pairs.retain(|(present, _)| present != name);
            pairs.extend(value.map(|value| (*name, value)));
        }
        Parameters::read(write_form(&pairs).as_bytes()).unwrap()
    }

    #[test]
    fn reads_a_client_credentials_request() {
        let parameters = form(&[("client_id", Some("c1"))]);
        let request = TokenRequest::read(&parameters).unwrap();
        let scope = ScopeSet::parse("system/Patient.rs").unwrap();
        assert_eq!(request.grant, Grant::ClientCredentials { scope: Some(scope) });
        assert_eq!(request.client.client_assertion, "a.b.c");
        assert_eq!(request.client.client_id, Some("c1"));
        assert!(!format!("{request:?}").contains("a.b.c"));
    }

    #[test]
    fn tells_a_missing_scope_from_a_malformed_one() {
        for value in [None, Some("")] {
            let parameters = form(&[("scope", value)]);
            let request = TokenRequest::read(&parameters).unwrap();
            assert_eq!(request.grant, Grant::ClientCredentials { scope: None });
        }
        for text in ["a  b", " a", "a\"b", "a\\b", "\u{e4}"] {
            let parameters = form(&[("scope", Some(text))]);
            let error = TokenRequest::read(&parameters).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidScope, "{text:?}");
        }
    }

    #[test]
    fn names_a_grant_that_it_does_not_know() {
        let parameters = form(&[("grant_type", Some("password"))]);
        let request = TokenRequest::read(&parameters).unwrap();
        assert_eq!(request.grant, Grant::Other("password".to_owned()));
    }

    /// Shows: AUTHN-7, AUTHN-13
    #[test]
    fn refuses_each_missing_or_other_parameter() {
        for name in ["grant_type", "client_assertion_type", "client_assertion", "udap"] {
            for value in [None, Some("")] {
                let parameters = form(&[(name, value)]);
                let error = TokenRequest::read(&parameters).unwrap_err();
                assert_eq!(error, TokenRequestError::Missing { name });
                assert_eq!(error.code(), ErrorCode::InvalidRequest);
            }
        }
        let others = [
            ("udap", "2"),
            ("udap", "1 "),
            ("udap", "01"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            ("client_assertion_type", "URN:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ];
        for (name, value) in others {
            let parameters = form(&[(name, Some(value))]);
            let error = TokenRequest::read(&parameters).unwrap_err();
            assert!(matches!(error, TokenRequestError::Value { .. }), "{name}={value}");
        }
    }

    /// Shows: AUTHN-6
    #[test]
    fn refuses_a_shared_secret() {
        for secret in ["s", ""] {
            let parameters = form(&[("client_secret", Some(secret))]);
            assert_eq!(TokenRequest::read(&parameters).unwrap_err(), TokenRequestError::ClientSecret);
        }
    }

    #[test]
    fn introspection_and_revocation_authenticate_alike() {
        let parameters = form(&[("token", Some("t"))]);
        assert_eq!(IntrospectionRequest::read(&parameters).unwrap().token, "t");
        assert_eq!(RevocationRequest::read(&parameters).unwrap().token, "t");
        let without_token = form(&[]);
        let missing = TokenRequestError::Missing { name: "token" };
        assert_eq!(IntrospectionRequest::read(&without_token).unwrap_err(), missing);
        assert_eq!(RevocationRequest::read(&without_token).unwrap_err(), missing);
        let without_assertion = form(&[("token", Some("t")), ("client_assertion", None)]);
        assert!(IntrospectionRequest::read(&without_assertion).is_err());
        assert!(RevocationRequest::read(&without_assertion).is_err());
    }
}
