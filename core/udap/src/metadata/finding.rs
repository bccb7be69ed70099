//! What is wrong with a metadata document.

use std::fmt;

/// One deviation from the guide, with the requirement it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFinding {
    /// The requirement's id, such as `META-2`.
    pub requirement: &'static str,
    /// What a client makes of it.
    pub severity: Severity,
    /// The element.
    pub element: &'static str,
    /// What is wrong, as a half sentence: "does not list udap_dcr".
    pub problem: String,
}

/// What a client makes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It reports it and goes on.
    Warn,
    /// It sends nothing more.
    Stop,
}

impl MetadataFinding {
    pub(crate) fn stop(requirement: &'static str, element: &'static str, problem: impl Into<String>) -> Self {
        Self { requirement, severity: Severity::Stop, element, problem: problem.into() }
    }

    pub(crate) fn warn(requirement: &'static str, element: &'static str, problem: impl Into<String>) -> Self {
        Self { requirement, severity: Severity::Warn, element, problem: problem.into() }
    }
}

impl fmt::Display for MetadataFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({})", self.element, self.problem, self.requirement)
    }
}
