//! The `hl7-b2b` object: who asks a machine's question, for which organization, and for which purpose.
//!
//! [`B2bExtension::read`] judges the form by the guide, [`judge`] the values by the community's rules ([`B2bRules`]).
//! Identifiers and codes are whole strings (`system#value`); nothing in the object is ever fetched.
//!
//! Source: FAST Security STU2 §5.2.1.1 to §5.2.1.3

mod npi;
mod rules;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tessera_jose::json::{MemberError, Object, Value};

pub use self::npi::is_npi;
pub use self::rules::{Admitted, AdmittedPrefixes, B2bRules, SubjectName, judge};
use crate::ids::{EndpointUrl, judge_uri};

/// The only version of the object.
pub const B2B_VERSION: &str = "1";
/// The most elements in one of its arrays.
pub const MAX_ELEMENTS: usize = 20;
/// The most bytes of text in the whole object: the access token carries it, and that must fit into a header.
pub const MAX_B2B_BYTES: usize = 8 * 1024;

/// The business context of a request, well-formed by the guide. It serializes as it stands in a token.
///
/// Source: FAST Security STU2 §5.2.1.1; B2B-3 to B2B-11
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct B2bExtension {
    /// The requestor's name, human or not.
    pub subject_name: Option<String>,
    /// The requestor's identifier, in the community's naming system.
    pub subject_id: Option<String>,
    /// The requestor's role.
    pub subject_role: Option<String>,
    /// The organization's name.
    pub organization_name: Option<String>,
    /// The organization's identifier, an absolute URI.
    pub organization_id: String,
    /// Why, by codes; at least one.
    pub purpose_of_use: Vec<String>,
    /// The policies under which consent was given, absolute URIs; at least one when present.
    pub consent_policy: Option<Vec<String>>,
    /// Absolute URLs of Consent or DocumentReference resources; only beside `consent_policy`.
    pub consent_reference: Option<Vec<String>>,
}

/// Why an `hl7-b2b` object was refused. The text is fit for the client and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum B2bError {
    /// It is another JSON value than an object.
    #[error("`hl7-b2b` is not an object")]
    NotAnObject,
    /// A member is missing or of another JSON type.
    #[error("in `hl7-b2b`, {0}")]
    Member(#[from] MemberError),
    /// A member breaks a rule of the guide.
    #[error("in `hl7-b2b`, `{member}` {rule}")]
    Malformed {
        /// The member.
        member: &'static str,
        /// What it must be, as a half sentence.
        rule: &'static str,
    },
    /// A value is well-formed, but the community does not admit it.
    #[error("in `hl7-b2b`, `{member}` {rule}")]
    NotAdmitted {
        /// The member.
        member: &'static str,
        /// What the community wants, as a half sentence.
        rule: &'static str,
        /// The value, for the audit and not for the client; empty when one is missing.
        value: String,
    },
}

impl B2bError {
    /// The member at fault; empty when the object itself is.
    #[must_use]
    pub fn member(&self) -> &str {
        match self {
            Self::NotAnObject => "",
            Self::Member(error) => error.name(),
            Self::Malformed { member, .. } | Self::NotAdmitted { member, .. } => member,
        }
    }

    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::NotAnObject | Self::Member(_) | Self::Malformed { .. } => "b2b-malformed",
            Self::NotAdmitted { .. } => "b2b-not-admitted",
        }
    }
}

fn malformed(member: &'static str, rule: &'static str) -> B2bError {
    B2bError::Malformed { member, rule }
}

impl B2bExtension {
    /// The object's name among the extensions.
    pub const NAME: &'static str = "hl7-b2b";

    /// Reads the object by the guide's rules; members that it does not know are ignored.
    ///
    /// # Errors
    /// [`B2bError`] for the first member that breaks a rule, never [`B2bError::NotAdmitted`].
    ///
    /// Source: FAST Security STU2 §5.2.1.1
    pub fn read(value: &Value) -> Result<Self, B2bError> {
        let object = value.as_object().ok_or(B2bError::NotAnObject)?;
        if object.required_str("version")? != B2B_VERSION {
            return Err(malformed("version", "must be \"1\""));
        }
        let extension = Self {
            subject_name: text(object, "subject_name")?,
            subject_id: text(object, "subject_id")?,
            subject_role: text(object, "subject_role")?,
            organization_name: text(object, "organization_name")?,
            organization_id: organization_id(object)?,
            purpose_of_use: purpose_of_use(object)?,
            consent_policy: consent_policy(object)?,
            consent_reference: consent_reference(object)?,
        };
        if extension.size_bytes() > MAX_B2B_BYTES {
            return Err(malformed("hl7-b2b", "must not hold more than 8 KiB of text"));
        }
        Ok(extension)
    }

    /// The object as it is sent.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.insert("version", B2B_VERSION);
        for (name, value) in self.texts() {
            object.insert(name, value);
        }
        for (name, values) in self.lists() {
            object.insert(name, values.to_vec());
        }
        object
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("subject_name", self.subject_name.as_deref()),
            ("subject_id", self.subject_id.as_deref()),
            ("subject_role", self.subject_role.as_deref()),
            ("organization_name", self.organization_name.as_deref()),
            ("organization_id", Some(self.organization_id.as_str())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    fn lists(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        [
            ("purpose_of_use", Some(self.purpose_of_use.as_slice())),
            ("consent_policy", self.consent_policy.as_deref()),
            ("consent_reference", self.consent_reference.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, values)| Some((name, values?)))
    }

    fn size_bytes(&self) -> usize {
        let texts: usize = self.texts().map(|(_, text)| text.len()).sum();
        let lists: usize = self.lists().flat_map(|(_, values)| values).map(String::len).sum();
        texts.saturating_add(lists)
    }
}

impl Serialize for B2bExtension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", B2B_VERSION)?;
        for (name, value) in self.texts() {
            map.serialize_entry(name, value)?;
        }
        for (name, values) in self.lists() {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

/// A string that says something, where it is present.
fn text(object: &Object, member: &'static str) -> Result<Option<String>, B2bError> {
    let Some(text) = object.optional_str(member)? else {
        return Ok(None);
    };
    if !says_something(text) {
        return Err(malformed(member, "must not be empty nor have control characters"));
    }
    Ok(Some(text.to_owned()))
}

fn says_something(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// Source: B2B-8
fn organization_id(object: &Object) -> Result<String, B2bError> {
    let text = object.required_str("organization_id")?;
    judge_uri(text).map_err(|_| {
        let rule = "must be an absolute URI of at most 2048 bytes";
        malformed("organization_id", rule)
    })?;
    Ok(text.to_owned())
}

/// Source: B2B-9
fn purpose_of_use(object: &Object) -> Result<Vec<String>, B2bError> {
    let codes = object.required_strings("purpose_of_use")?;
    elements("purpose_of_use", codes, says_something, "must be codes that are not empty")
}

/// Source: B2B-10
fn consent_policy(object: &Object) -> Result<Option<Vec<String>>, B2bError> {
    let Some(policies) = object.optional_strings("consent_policy")? else {
        return Ok(None);
    };
    let is_uri = |text: &str| judge_uri(text).is_ok();
    elements("consent_policy", policies, is_uri, "must be absolute URIs").map(Some)
}

/// Source: B2B-11
fn consent_reference(object: &Object) -> Result<Option<Vec<String>>, B2bError> {
    let Some(references) = object.optional_strings("consent_reference")? else {
        return Ok(None);
    };
    if !object.contains("consent_policy") {
        return Err(malformed("consent_reference", "is only allowed beside `consent_policy`"));
    }
    let rule = "must be absolute URLs of Consent or DocumentReference resources";
    elements("consent_reference", references, is_consent_url, rule).map(Some)
}

/// Between one and [`MAX_ELEMENTS`] elements, each of which is `acceptable`.
fn elements(
    member: &'static str,
    values: Vec<&str>,
    acceptable: impl Fn(&str) -> bool,
    rule: &'static str,
) -> Result<Vec<String>, B2bError> {
    if values.is_empty() || values.len() > MAX_ELEMENTS {
        return Err(malformed(member, "must have 1 to 20 elements"));
    }
    if !values.iter().all(|value| acceptable(value)) {
        return Err(malformed(member, rule));
    }
    Ok(values.into_iter().map(str::to_owned).collect())
}

/// An http or https URL whose path ends in `Consent/{id}` or `DocumentReference/{id}`.
fn is_consent_url(text: &str) -> bool {
    if EndpointUrl::parse(text).is_err() {
        return false;
    }
    let path = text.split('?').next().unwrap_or_default();
    // After the authority, so that a host of that name is no resource type.
    let Some((_, path)) = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else {
        return false;
    };
    let mut from_the_end = path.rsplit('/');
    let id = from_the_end.next().unwrap_or_default();
    let resource_type = from_the_end.next().unwrap_or_default();
    matches!(resource_type, "Consent" | "DocumentReference") && is_resource_id(id)
}

/// Source: FHIR R4 §2.24.0.1 (`id`)
fn is_resource_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests;
