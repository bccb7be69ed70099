//! The node's audit log, a FHIR AuditEvent on each line: found again for `explain`, and written to for operator's acts.

pub(crate) mod event;
pub(crate) mod operator;
pub(crate) mod search;
