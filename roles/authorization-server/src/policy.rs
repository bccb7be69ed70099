//! Who may have which scope, and which business context a community admits.
//!
//! A policy belongs to a trust community: the same client URI under another community is another client with another
//! policy. It only decides; it reads nothing and keeps nothing.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tessera_jose::algorithm::AlgorithmSet;
use tessera_udap::edition::Edition;
use tessera_udap::ids::ClientUri;
use tessera_udap::scope::ScopeSet;

/// The rules of one trust community at this authorization server.
#[derive(Debug, Clone)]
pub struct CommunityPolicy {
    /// Which edition of the guide its members speak.
    pub edition: Edition,
    /// What the metadata lists; nothing else is ever granted.
    pub scopes_supported: ScopeSet,
    /// Which of these a client gets when it asks for them.
    pub scope_grants: ScopeGrants,
    /// The algorithms accepted for software statements and Authentication Tokens.
    pub algorithms: AlgorithmSet,
    /// What the `hl7-b2b` object may say.
    pub b2b: B2bPolicy,
    /// How long its members' access tokens live; at most one hour, at least one minute.
    pub access_token_lifetime: Duration,
}

/// Which of the supported scopes a client gets when it asks for them.
#[derive(Debug, Clone, Default)]
pub struct ScopeGrants {
    /// For clients without an entry of their own; `None` grants all that is supported.
    pub default: Option<ScopeSet>,
    /// For single clients, in place of the default.
    pub by_client: HashMap<ClientUri, ScopeSet>,
}

/// What a community admits in the `hl7-b2b` object. The default admits every well-formed value.
///
/// Source: FAST Security STU2 §5.2.1.1, §5.2.1.2
#[derive(Debug, Clone, Default)]
pub struct B2bPolicy {
    /// The purposes, each compared as a whole string.
    pub purposes_of_use: Admitted,
    /// The beginnings of an `organization_id`, such as `urn:oid:` or `https://`.
    pub organization_id_prefixes: AdmittedPrefixes,
    /// The roles, each compared as a whole string.
    pub subject_roles: Admitted,
    /// The beginnings of a `subject_id`: the community's naming systems, such as `urn:oid:2.16.840.1.113883.4.6#`.
    pub subject_id_prefixes: AdmittedPrefixes,
    /// Whether `subject_id` is a US National Provider Identifier, whose check digit must be right.
    pub subject_id_is_npi: bool,
    /// Whether `subject_id` or `subject_role` may stand without `subject_name`.
    pub subject_name: SubjectName,
    /// The consent policies, each compared as a whole string.
    pub consent_policies: Admitted,
}

/// Whether a subject's identifier or role needs its name beside it.
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

/// A closed list of beginnings, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AdmittedPrefixes {
    /// Every well-formed value.
    #[default]
    Any,
    /// Values that begin with one of these and go on after it.
    Only(Vec<String>),
}

impl AdmittedPrefixes {
    /// Whether the value begins, by bytes, with an admitted prefix and has more after it.
    #[must_use]
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(prefixes) => prefixes
                .iter()
                .any(|prefix| value.len() > prefix.len() && value.starts_with(prefix.as_str())),
        }
    }
}
