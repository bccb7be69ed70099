//! The body of a registration request and of its answer.
//!
//! Registration parameters beside the software statement are ignored, all of them: what is not signed does not count.
//!
//! Source: FAST Security STU2 §3.2.3; UDAP Dynamic Client Registration §3, §5.1; RFC 7591 §3

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tessera_jose::json::{JsonError, Limits, MemberError, read_object};

use crate::certification::{Certification, MAX_CERTIFICATIONS};
use crate::ids::ClientId;
use crate::scope::ScopeSet;
use crate::software_statement::PRIVATE_KEY_JWT;

/// The longest registration body that is read: 256 KiB.
pub const MAX_REGISTRATION_BYTES: usize = 256 * 1024;
/// The only version of UDAP.
pub const UDAP_VERSION: &str = "1";

/// A registration request, well-formed; its statement is unread.
///
/// It serializes as it is sent.
///
/// Source: FAST Security STU2 §3.2.3; DCR-17, DCR-26
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// The JWT, unread.
    pub software_statement: String,
    /// The certifications, unread; at most [`MAX_CERTIFICATIONS`].
    pub certifications: Vec<Certification>,
}

/// Why a registration body was refused. The text is fit for the client and quotes nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRequestError {
    /// The body is not a JSON object within the limits.
    #[error("the body must be a JSON object: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or of another JSON type.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// `udap` is another string than "1".
    #[error("`udap` must be \"1\"")]
    Version,
    /// There are too many certifications, or one is empty or too long.
    #[error("`certifications` must be at most {MAX_CERTIFICATIONS} JWTs")]
    Certifications,
}

impl RegistrationRequest {
    /// Reads a body of at most [`MAX_REGISTRATION_BYTES`].
    ///
    /// # Errors
    /// [`RegistrationRequestError`] when it is not a JSON object with `software_statement` and `"udap": "1"`.
    ///
    /// Source: UDAP Dynamic Client Registration §3; DCR-17
    pub fn read(body: &[u8]) -> Result<Self, RegistrationRequestError> {
        let body = read_object(body, &Limits::new(MAX_REGISTRATION_BYTES))?;
        if body.required_str("udap")? != UDAP_VERSION {
            return Err(RegistrationRequestError::Version);
        }
        let software_statement = body.required_str("software_statement")?.to_owned();
        let certifications = body.optional_strings("certifications")?.unwrap_or_default();
        if certifications.len() > MAX_CERTIFICATIONS {
            return Err(RegistrationRequestError::Certifications);
        }
        let certifications = certifications
            .into_iter()
            .map(|text| Certification::from_text(text).ok_or(RegistrationRequestError::Certifications))
            .collect::<Result<_, _>>()?;
        Ok(Self { software_statement, certifications })
    }
}

impl RegistrationRequestError {
    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::Json(_) => "registration-body",
            Self::Member(_) => "registration-member",
            Self::Version => "udap-version",
            Self::Certifications => "certifications-form",
        }
    }
}

impl Serialize for RegistrationRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("software_statement", &self.software_statement)?;
        if !self.certifications.is_empty() {
            map.serialize_entry("certifications", &self.certifications)?;
        }
        map.serialize_entry("udap", UDAP_VERSION)?;
        map.end()
    }
}

/// A registration as it now holds, as its JSON.
///
/// What is not set is left out, and so are the statement's own claims; `token_endpoint_auth_method` is always
/// `private_key_jwt`. A cancel is told by an empty `grant_types`, which is always written.
///
/// Source: FAST Security STU2 §3.2.3, §3.4; RFC 7591 §3.2.1; DCR-19 to DCR-22
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationResponse {
    /// The client's identifier at this authorization server.
    pub client_id: ClientId,
    /// The statement as submitted.
    pub software_statement: String,
    /// What people call the client.
    pub client_name: String,
    /// How its people are reached.
    pub contacts: Vec<String>,
    /// The grants that hold; empty when the registration is cancelled.
    pub grant_types: Vec<String>,
    /// Where its logo is.
    pub logo_uri: Option<String>,
    /// The scopes that are granted.
    pub scope: ScopeSet,
}

impl Serialize for RegistrationResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("client_id", &self.client_id)?;
        map.serialize_entry("software_statement", &self.software_statement)?;
        if !self.client_name.is_empty() {
            map.serialize_entry("client_name", &self.client_name)?;
        }
        if !self.contacts.is_empty() {
            map.serialize_entry("contacts", &self.contacts)?;
        }
        map.serialize_entry("grant_types", &self.grant_types)?;
        if let Some(logo_uri) = self.logo_uri.as_deref().filter(|text| !text.is_empty()) {
            map.serialize_entry("logo_uri", logo_uri)?;
        }
        map.serialize_entry("token_endpoint_auth_method", PRIVATE_KEY_JWT)?;
        if !self.scope.is_empty() {
            map.serialize_entry("scope", &self.scope)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
