//! `tessera check FILE`: judges a node's configuration and what it points to.

use std::path::Path;

use serde::Serialize;
use tessera_client::check::CheckOutcome;
use tessera_server::config::{self, Finding, Report, Severity};

use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, dim, mark, safe};
use crate::surroundings::now;

/// The verdict as programs read it.
#[derive(Serialize)]
struct Verdict<'a> {
    good: bool,
    findings: &'a [Finding],
    exit_code: u8,
}

pub(crate) fn run(file: &Path, output: &Output) -> Result<Exit, Failure> {
    let (_, report) = config::check(file, now());
    let exit = if report.is_good() { Exit::Done } else { Exit::Usage };
    output.object(&Verdict { good: report.is_good(), findings: &report.findings, exit_code: exit as u8 })?;
    show(&report, output)?;
    let file = file.display();
    if report.is_good() {
        output.line(format!("{} {file} holds", mark(CheckOutcome::Passed)))?;
        output.next(format!("tessera serve --config {file}"))?;
    } else {
        output.line(format!("{} {file} does not hold; a node would not start with it", mark(CheckOutcome::Failed)))?;
    }
    Ok(exit)
}

/// Shows every finding: its weight, the key, the text.
pub(super) fn show(report: &Report, output: &Output) -> Result<(), Failure> {
    for finding in &report.findings {
        let (outcome, word) = match finding.severity {
            Severity::Error => (CheckOutcome::Failed, "error"),
            Severity::Warning => (CheckOutcome::Warned, "warning"),
        };
        output.line(format!("{} {} {}", mark(outcome), bold(safe(&finding.key)), dim(word)))?;
        output.line(format!("    {}", safe(&finding.text).trim_end().replace('\n', "\n    ")))?;
    }
    Ok(())
}
