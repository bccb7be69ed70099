//! What is wrong with a configuration, all of it at once.

use std::fmt;

use serde::Serialize;

/// Everything that a check found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// In the order of the file.
    pub findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether the node starts in spite of it.
    pub severity: Severity,
    /// The key, such as `bases[0].communities[0].certificates`.
    pub key: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Whether the node starts in spite of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not start.
    Error,
    /// It starts; somebody should look at it.
    Warning,
}

impl Report {
    /// Whether the node would start.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    pub(crate) fn error(&mut self, key: impl Into<String>, text: impl fmt::Display) {
        self.add(Severity::Error, key.into(), text.to_string());
    }

    pub(crate) fn warning(&mut self, key: impl Into<String>, text: impl fmt::Display) {
        self.add(Severity::Warning, key.into(), text.to_string());
    }

    fn add(&mut self, severity: Severity, key: String, text: String) {
        self.findings.push(Finding { severity, key, text });
    }

    /// Takes the value out of a result, or notes its error.
    pub(crate) fn take<T, E: fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(key, error);
                None
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let word = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            writeln!(f, "{word}: {}: {}", finding.key, finding.text)?;
        }
        Ok(())
    }
}
