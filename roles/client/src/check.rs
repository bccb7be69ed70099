//! What was looked at and what came of it, one record for each step, so that a person can follow.

use serde::Serialize;
use std::fmt;
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

/// Text of a peer made fit for a terminal: control characters shown, cut after 300 characters.
pub(crate) fn foreign_text(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut shown: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn visible(character: char) -> impl Iterator<Item = char> {
    // Besides controls: marks that turn the direction of writing could make a terminal show something else.
    let hidden = character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = hidden.then(|| character.escape_unicode());
    let plain = (!hidden).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_peer_cannot_steer_a_terminal() {
        assert_eq!(foreign_text("plain text"), "plain text");
        assert_eq!(foreign_text("a\x1b[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(foreign_text(&"x".repeat(400)).chars().count(), 301);
    }
}
