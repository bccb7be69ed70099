//! What a visit did, step by step, with the time that each step took.

use std::future::Future;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

/// One step of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was done, in a few words.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found, for a person.
    pub detail: String,
    /// How long it took.
    pub milliseconds: u64,
    /// The requirements of `spec/requirements.tsv` that it touches.
    pub requirements: Vec<String>,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it must be; for a fault that means that it was refused in the right way.
    Passed,
    /// Not as it must be.
    Failed,
}

impl Outcome {
    /// `passed` or `failed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }
}

/// A whole visit.
#[derive(Debug, Clone, Serialize)]
pub struct VisitReport {
    /// In their order; after a failed step of the visit itself no other follows.
    pub steps: Vec<Step>,
    /// The visitor's client_id at the data holder; none when registration failed.
    pub client_id: Option<String>,
    /// Patients found through the gateway.
    pub patients: usize,
}

impl VisitReport {
    /// Whether every step came out as it must.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.outcome == Outcome::Passed)
    }
}

/// The steps so far, and somebody who watches.
pub(crate) struct Steps<'a> {
    done: Vec<Step>,
    observer: &'a mut (dyn FnMut(&Step) + Send),
}

impl<'a> Steps<'a> {
    pub(crate) fn new(observer: &'a mut (dyn FnMut(&Step) + Send)) -> Self {
        Self { done: Vec::new(), observer }
    }

    /// Takes one step; its value when it passed. The text beside the value is what was found.
    pub(crate) async fn take<T>(
        &mut self,
        name: &str,
        requirements: &[&str],
        step: impl Future<Output = Result<(T, String)>>,
    ) -> Option<T> {
        let start = Instant::now();
        let outcome = step.await;
        let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (value, outcome, detail) = match outcome {
            Ok((value, detail)) => (Some(value), Outcome::Passed, detail),
            Err(error) => (None, Outcome::Failed, format!("{error:#}")),
        };
        let step = Step {
            name: name.to_owned(),
            outcome,
            detail,
            milliseconds,
            requirements: requirements.iter().map(|&id| id.to_owned()).collect(),
        };
        (self.observer)(&step);
        self.done.push(step);
        value
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[tokio::test]
    async fn every_step_is_shown_when_it_is_done_and_a_failure_fails_the_visit() {
        let mut seen = Vec::new();
        let mut observer = |step: &Step| seen.push((step.name.clone(), step.outcome));
        let mut steps = Steps::new(&mut observer);
        let value = steps.take("one", &["A-1"], async { Ok((7, "found".to_owned())) }).await;
        assert_eq!(value, Some(7));
        let none: Option<()> = steps.take("two", &[], async { bail!("broken") }).await;
        assert!(none.is_none());
        let report = VisitReport { steps: steps.into_steps(), client_id: None, patients: 0 };
        assert_eq!(seen, [("one".to_owned(), Outcome::Passed), ("two".to_owned(), Outcome::Failed)]);
        assert!(!report.passed());
        let json = serde_json::to_value(&report.steps[1]).unwrap();
        assert_eq!((json["outcome"].as_str(), json["detail"].as_str()), (Some("failed"), Some("broken")));
    }
}
