//! The way back from a line of the audit log to what an operator wants to know: `tessera explain ID`.

use serde_json::Value;

use super::fhir::detail;

/// What became of a request, read from its AuditEvent.
///
/// Every text is one that the record already held: cut, and without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The request.
    pub correlation_id: String,
    /// When, in RFC 3339.
    pub recorded: String,
    /// What was asked for.
    pub action: String,
    /// Whether it was granted.
    pub granted: bool,
    /// Who, where and for what: names and values in the order of the record.
    pub facts: Vec<(String, String)>,
    /// Which check refused.
    pub reason: Option<String>,
    /// The OAuth error that the caller got.
    pub error: Option<String>,
    /// The whole cause.
    pub cause: Option<String>,
    /// Where the rule stands.
    pub section: Option<String>,
    /// What was seen and expected.
    pub evidence: Vec<(String, String)>,
    /// What most likely heals it.
    pub likely_fix: Option<String>,
}

impl Explanation {
    /// Reads an AuditEvent that [`super::AuditRecord::to_fhir`] wrote; `None` when it is another's.
    #[must_use]
    pub fn from_fhir(event: &Value) -> Option<Self> {
        let entity = event.get("entity")?.get(0)?;
        let mut explanation = Self {
            recorded: text(event, "recorded")?,
            granted: text(event, "outcome")? == "0",
            action: text(entity, "description")?,
            ..Self::default()
        };
        for entry in entity.get("detail")?.as_array()? {
            explanation.take(text(entry, "type")?, text(entry, "valueString")?);
        }
        (!explanation.correlation_id.is_empty()).then_some(explanation)
    }

    fn take(&mut self, name: String, value: String) {
        match name.as_str() {
            detail::CORRELATION_ID => self.correlation_id = value,
            detail::REASON => self.reason = Some(value),
            detail::ERROR => self.error = Some(value),
            detail::CAUSE => self.cause = Some(value),
            detail::SECTION => self.section = Some(value),
            detail::LIKELY_FIX => self.likely_fix = Some(value),
            _ => match name.strip_prefix(detail::EVIDENCE) {
                Some(evidence) => self.evidence.push((evidence.to_owned(), value)),
                None => self.facts.push((name, value)),
            },
        }
    }
}

fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}
