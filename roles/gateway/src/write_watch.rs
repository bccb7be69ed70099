//! A write that was sent upstream: the audit says how it ended, also when nobody waits for the answer any more.
//!
//! The record that grants a write is made before it is sent. When its caller closes the connection, the request's future
//! ends in the middle of waiting, and without this nothing would tell that the write was sent and its end not seen.
//!
//! Source: security invariant 47

use crate::audit::{AuditOutcome, AuditRecord};
use crate::ports::AuditSink;
use crate::rejection::Rejection;

/// Records that a write's end was not seen, unless it was.
pub(crate) struct WriteWatch<'a> {
    audit: &'a dyn AuditSink,
    record: Option<AuditRecord>,
}

impl<'a> WriteWatch<'a> {
    /// From the moment before the write is sent.
    pub(crate) fn begun(audit: &'a dyn AuditSink, record: &AuditRecord) -> Self {
        Self { audit, record: Some(record.clone()) }
    }

    /// The answer was seen, or that there is none; what it was is recorded by whoever saw it.
    pub(crate) fn seen(mut self) {
        self.record = None;
    }
}

impl Drop for WriteWatch<'_> {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        let rejection = Rejection::CallerLeft.after_write();
        tracing::warn!(
            correlation.id = %record.correlation_id,
            base = %record.base,
            "the caller left before the FHIR server had answered a write"
        );
        record.outcome = AuditOutcome::Failed(rejection.recorded());
        if let Err(error) = self.audit.record(record) {
            tracing::error!("the end of a write could not be recorded: {error}");
        }
    }
}
