//! What was looked at and what came of it, one record for each step, so that a person can follow.

use serde::Serialize;
use std::fmt;
use tessera_udap::foreign_text;
use tessera_udap::metadata::MetadataFinding;

/// One step of a validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, in a few words.
    pub name: &'static str,
    /// The requirements of `spec/requirements.tsv` behind it.
    pub requirements: Vec<&'static str>,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// What was found, for a person. Text of the server in it is cut and without control characters.
    pub detail: String,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// As it must be.
    Passed,
    /// Not as it should be; the client goes on.
    Warned,
    /// Not as it must be; the client stops.
    Failed,
}

impl fmt::Display for CheckOutcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
        })
    }
}

/// What a step is called and which requirements it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) requirements: &'static [&'static str],
}

/// The records in the order of the steps.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Check>);

impl Report {
    pub(crate) fn passed(&mut self, step: Step, detail: impl Into<String>) {
        self.add(step, CheckOutcome::Passed, detail.into());
    }

    pub(crate) fn warned(&mut self, step: Step, detail: impl Into<String>) {
        self.add(step, CheckOutcome::Warned, detail.into());
    }

    pub(crate) fn failed(&mut self, step: Step, detail: impl Into<String>) {
        self.add(step, CheckOutcome::Failed, detail.into());
    }

    /// Records a finding of the metadata's own rules under the requirement that it names.
    pub(crate) fn finding(&mut self, step: Step, outcome: CheckOutcome, finding: &MetadataFinding) {
        let detail = foreign_text(&finding.to_string());
        self.0.push(Check { name: step.name, requirements: vec![finding.requirement], outcome, detail });
    }

    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.0
    }

    fn add(&mut self, step: Step, outcome: CheckOutcome, detail: String) {
        self.0.push(Check { name: step.name, requirements: step.requirements.to_vec(), outcome, detail });
    }
}
