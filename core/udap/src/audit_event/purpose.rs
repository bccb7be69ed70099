//! For whom and for what a request was made, as a record keeps it.

use crate::extensions::b2b::B2bExtension;

/// For whom and for what, as the `hl7-b2b` object states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPurpose {
    /// Codes of purpose.
    pub purpose_of_use: Vec<String>,
    /// The organization that asks.
    pub organization_id: String,
    /// Its name.
    pub organization_name: Option<String>,
    /// The requestor's identifier.
    pub subject_id: Option<String>,
    /// The requestor's name. In the audit alone, never in a log line.
    pub subject_name: Option<String>,
    /// The requestor's role.
    pub subject_role: Option<String>,
}

impl From<&B2bExtension> for AuditPurpose {
    fn from(b2b: &B2bExtension) -> Self {
        Self {
            purpose_of_use: b2b.purpose_of_use.clone(),
            organization_id: b2b.organization_id.clone(),
            organization_name: b2b.organization_name.clone(),
            subject_id: b2b.subject_id.clone(),
            subject_name: b2b.subject_name.clone(),
            subject_role: b2b.subject_role.clone(),
        }
    }
}
