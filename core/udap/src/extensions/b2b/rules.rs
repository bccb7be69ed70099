//! What a trust community admits in the object.
//!
//! Values are compared by bytes, as whole strings or by the beginning that names their system.
//!
//! Source: FAST Security STU2 §5.2.1.1 to §5.2.1.3

use std::collections::BTreeSet;

use super::{B2bError, B2bExtension, is_npi};

/// What a community admits in the `hl7-b2b` object. The default admits every well-formed value.
///
/// Source: FAST Security STU2 §5.2.1.1, §5.2.1.2; COMM-9, B2B-14
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct B2bRules {
    /// The purposes, each compared as a whole string.
    pub purposes_of_use: Admitted,
    /// The beginnings of an `organization_id`: its schemes, such as `urn:oid:` or `https:`.
    pub organization_id_prefixes: AdmittedPrefixes,
    /// The roles, each compared as a whole string.
    pub subject_roles: Admitted,
    /// The beginnings of a `subject_id`: the naming systems, such as `urn:oid:2.16.840.1.113883.4.6#`.
    pub subject_id_prefixes: AdmittedPrefixes,
    /// Whether what follows the `#` of a `subject_id`, or the whole of one without `#`, must be a US National Provider
    /// Identifier with the right check digit.
    pub subject_id_is_npi: bool,
    /// Whether `subject_id` or `subject_role` may stand without `subject_name`.
    pub subject_name: SubjectName,
    /// The consent policies, each compared as a whole string.
    pub consent_policies: Admitted,
}

/// Whether a subject's identifier or role needs its name beside it.
///
/// The guide says when they are required, not that they are forbidden, so the community decides.
///
/// Source: FAST Security STU2 §5.2.1.1
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SubjectName {
    /// They may stand alone.
    #[default]
    Optional,
    /// They are refused without `subject_name`.
    BesideIdOrRole,
}

/// A closed list of values, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Admitted {
    /// Every well-formed value.
    #[default]
    Any,
    /// These alone.
    Only(BTreeSet<String>),
}

/// A closed list of beginnings, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AdmittedPrefixes {
    /// Every well-formed value.
    #[default]
    Any,
    /// Values that begin with one of these and go on after it.
    Only(Vec<String>),
}

impl Admitted {
    /// Whether the value is admitted, by bytes.
    #[must_use]
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(values) => values.contains(value),
        }
    }
}

impl AdmittedPrefixes {
    /// Whether the value begins, by bytes, with an admitted prefix and has more after it.
    #[must_use]
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(prefixes) => {
                prefixes.iter().any(|prefix| value.len() > prefix.len() && value.starts_with(prefix.as_str()))
            }
        }
    }
}

/// Judges a well-formed object by the community's rules; the first value that is not admitted is told.
///
/// # Errors
/// [`B2bError::NotAdmitted`] alone.
///
/// Source: FAST Security STU2 §5.2.1.1, §5.2.1.2; B2B-5, B2B-6, B2B-8, B2B-9, B2B-10
pub fn judge(extension: &B2bExtension, rules: &B2bRules) -> Result<(), B2bError> {
    let organization = &extension.organization_id;
    let admitted = rules.organization_id_prefixes.admits(organization);
    admit("organization_id", organization, admitted, "must be of a scheme that the community admits")?;

    for purpose in &extension.purpose_of_use {
        let admitted = rules.purposes_of_use.admits(purpose);
        admit("purpose_of_use", purpose, admitted, "must be of the codes that the community admits")?;
    }
    judge_subject(extension, rules)?;

    for policy in extension.consent_policy.iter().flatten() {
        let admitted = rules.consent_policies.admits(policy);
        admit("consent_policy", policy, admitted, "must be of the policies that the community admits")?;
    }
    Ok(())
}

fn judge_subject(extension: &B2bExtension, rules: &B2bRules) -> Result<(), B2bError> {
    if let Some(role) = &extension.subject_role {
        let admitted = rules.subject_roles.admits(role);
        admit("subject_role", role, admitted, "must be of the codes that the community admits")?;
    }
    if let Some(id) = &extension.subject_id {
        let admitted = rules.subject_id_prefixes.admits(id);
        admit("subject_id", id, admitted, "must be of a naming system that the community admits")?;
        let number = id.rsplit_once('#').map_or(id.as_str(), |(_, number)| number);
        let admitted = !rules.subject_id_is_npi || is_npi(number);
        admit("subject_id", id, admitted, "must be a National Provider Identifier")?;
    }
    let needs_name = extension.subject_id.is_some() || extension.subject_role.is_some();
    let has_name = extension.subject_name.is_some();
    let admitted = rules.subject_name == SubjectName::Optional || has_name || !needs_name;
    admit("subject_name", "", admitted, "must stand beside `subject_id` and `subject_role`")
}

fn admit(member: &'static str, value: &str, admitted: bool, rule: &'static str) -> Result<(), B2bError> {
    if admitted {
        return Ok(());
    }
    Err(B2bError::NotAdmitted { member, rule, value: value.to_owned() })
}
