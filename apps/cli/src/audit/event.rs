//! What an AuditEvent of a node says, taken out of its FHIR form.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tessera_server::audit_sink::detail;

/// One recorded decision.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    pub(crate) correlation_id: String,
    pub(crate) recorded: String,
    /// What was asked, such as `token` or `read`.
    pub(crate) action: String,
    /// What it was about, where it was FHIR data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    pub(crate) outcome: Outcome,
    pub(crate) who: Who,
    /// What for, as `system#code` or in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) purposes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<Refusal>,
    /// Everything else by the names of the node's details: place, scope, token id, subject.
    pub(crate) details: BTreeMap<String, String>,
}

/// How a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As asked.
    Granted,
    /// No.
    Refused,
    /// The node could not.
    Failed,
}

/// Who asked.
#[derive(Debug, Serialize)]
pub(crate) struct Who {
    /// A client_id, or the URI of a certificate, or the name of an operator.
    pub(crate) identifier: Option<String>,
    /// The organization for which it asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
    /// `proved`, `claimed` (before signature and path held) or `unknown`.
    pub(crate) identity: Option<String>,
    pub(crate) community: Option<String>,
    pub(crate) client_uri: Option<String>,
    pub(crate) certificate_sha256: Option<String>,
    pub(crate) address: Option<String>,
}

/// Why it was refused.
#[derive(Debug, Serialize)]
pub(crate) struct Refusal {
    /// The check, in kebab-case.
    pub(crate) reason: String,
    /// What the caller was answered.
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) section: Option<String>,
    pub(crate) likely_fix: Option<String>,
    pub(crate) evidence: BTreeMap<String, String>,
}

impl Decision {
    /// Reads an event; `None` when it is none, or of another request.
    pub(crate) fn read(event: &Value, correlation_id: &str) -> Option<Self> {
        if event.get("resourceType")?.as_str()? != "AuditEvent" {
            return None;
        }
        let mut details = Details::of(event);
        if details.take(detail::CORRELATION_ID).as_deref() != Some(correlation_id) {
            return None;
        }
        let outcome = match text(event, "/outcome").as_deref() {
            Some("0") => Outcome::Granted,
            Some("4") => Outcome::Refused,
            _ => Outcome::Failed,
        };
        let who = Who {
            identifier: text(event, "/agent/0/who/identifier/value").or_else(|| text(event, "/agent/0/name")),
            organization: text(event, "/agent/1/who/identifier/value"),
            identity: details.take(detail::IDENTITY),
            community: details.take(detail::COMMUNITY),
            client_uri: details.take(detail::CLIENT_URI),
            certificate_sha256: details.take(detail::CERTIFICATE),
            address: text(event, "/agent/0/network/address"),
        };
        let refusal = details.take(detail::REASON).or_else(|| text(event, "/outcomeDesc")).map(|reason| Refusal {
            reason,
            error: details.take(detail::ERROR),
            cause: details.take(detail::CAUSE),
            section: details.take(detail::SECTION),
            likely_fix: details.take(detail::LIKELY_FIX),
            evidence: details.take_evidence(),
        });
        Some(Self {
            correlation_id: correlation_id.to_owned(),
            recorded: text(event, "/recorded").unwrap_or_default(),
            action: text(event, "/subtype/0/code").unwrap_or_default(),
            resource: text(event, "/entity/0/what/reference"),
            outcome,
            who,
            purposes: purposes(event),
            notes: details.take_all(detail::NOTE),
            refusal,
            details: details.0.into_iter().collect(),
        })
    }
}

fn text(event: &Value, pointer: &str) -> Option<String> {
    event.pointer(pointer)?.as_str().map(str::to_owned)
}

fn purposes(event: &Value) -> Vec<String> {
    let concepts = event.get("purposeOfEvent").and_then(Value::as_array);
    let stated = |concept: &Value| match (text(concept, "/coding/0/system"), text(concept, "/coding/0/code")) {
        (Some(system), Some(code)) => Some(format!("{system}#{code}")),
        _ => text(concept, "/text"),
    };
    concepts.into_iter().flatten().filter_map(stated).collect()
}

/// The details of an event's entities in their order; a name may come more than once.
struct Details(Vec<(String, String)>);

impl Details {
    fn of(event: &Value) -> Self {
        let entities = event.get("entity").and_then(Value::as_array).into_iter().flatten();
        let details = entities.filter_map(|entity| entity.get("detail")?.as_array()).flatten();
        Self(details.filter_map(|detail| Some((text(detail, "/type")?, text(detail, "/valueString")?))).collect())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(detail, _)| detail == name)?;
        Some(self.0.remove(position).1)
    }

    fn take_all(&mut self, name: &str) -> Vec<String> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    fn take_evidence(&mut self) -> BTreeMap<String, String> {
        let is_evidence = |(name, _): &mut (String, String)| name.starts_with(detail::EVIDENCE);
        let evidence = self.0.extract_if(.., is_evidence);
        evidence.map(|(name, value)| (name.replacen(detail::EVIDENCE, "", 1), value)).collect()
    }
}
