//! The roles' audit records as FHIR AuditEvents in the audit log.
//!
//! The authorization server's records know their form themselves. The gateway's are put into the same form here, with the
//! same names of details, so that `tessera explain` reads both: the correlation id, the check that refused, its evidence,
//! the section of the guide and the likely fix.

use std::sync::Arc;

use tessera_authorization_server::audit::AuditRecord;
use tessera_gateway::audit as data;
use tessera_gateway::ports::RecorderUnavailable;
use tessera_udap::audit_event::{
    AuditAction as Action, AuditAgent, AuditEntity, AuditEvent, AuditEventOutcome, AuditKind, AuditReference,
    AuditSource,
};

use crate::audit_log::AuditLog;

/// How the events name who recorded them.
const OBSERVER: &str = "tessera";
/// URIs as identifiers. Source: FHIR R4 §2.24.0.5
const URI_SYSTEM: &str = "urn:ietf:rfc:3986";

/// Writes the records of both roles into one log.
#[derive(Debug, Clone)]
pub struct AuditFile {
    log: Arc<AuditLog>,
}

impl AuditFile {
    /// A sink over an open log.
    #[must_use]
    pub fn new(log: Arc<AuditLog>) -> Self {
        Self { log }
    }
}

impl tessera_authorization_server::ports::AuditSink for AuditFile {
    fn record(&self, event: AuditRecord) {
        self.log.append(move || event.to_event(OBSERVER).to_line());
    }
}

impl tessera_gateway::ports::AuditSink for AuditFile {
    fn record(&self, record: data::AuditRecord) -> Result<(), RecorderUnavailable> {
        self.log.append(move || of_gateway(&record).to_line());
        // A log that is broken takes events for the time after, or none; nobody may rely on either.
        if self.log.is_broken() { Err(RecorderUnavailable) } else { Ok(()) }
    }
}

fn of_gateway(record: &data::AuditRecord) -> AuditEvent {
    let interaction = record.request.interaction.unwrap_or("unknown");
    let action = match interaction {
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        "search-type" => Action::Execute,
        _ => Action::Read,
    };
    let outcome = match &record.outcome {
        data::AuditOutcome::Undecided => AuditEventOutcome::SeriousFailure("undecided".to_owned()),
        data::AuditOutcome::Granted => AuditEventOutcome::Success,
        data::AuditOutcome::Refused(refusal) => AuditEventOutcome::MinorFailure(refusal.reason_code.to_owned()),
        data::AuditOutcome::Failed(refusal) => AuditEventOutcome::SeriousFailure(refusal.reason_code.to_owned()),
    };
    let source = AuditSource { site: None, observer: OBSERVER.to_owned() };
    let kind = AuditKind::rest(interaction, action);
    let purpose = record.purpose.as_ref();
    let mut event = AuditEvent::new(kind, outcome, record.recorded.to_utc_text(), source).agent(AuditAgent {
        identifier: record.client.as_ref().map(|client| client.client_id.to_string()),
        requestor: true,
        address: record.peer.map(|peer| peer.to_string()),
        purpose_of_use: purpose.map_or_else(Vec::new, |purpose| purpose.purpose_of_use.clone()),
        ..AuditAgent::default()
    });
    if let Some(purpose) = purpose {
        event = event.purposes(&purpose.purpose_of_use).agent(AuditAgent {
            identifier: Some(purpose.organization_id.clone()),
            identifier_system: Some(URI_SYSTEM.to_owned()),
            name: purpose.organization_name.clone(),
            ..AuditAgent::default()
        });
    }
    let what = record.request.resource_type.map(|kind| match &record.request.id {
        Some(id) => AuditReference::Resource(format!("{kind}/{id}")),
        None => AuditReference::Identifier(kind.to_owned()),
    });
    event.entity(AuditEntity {
        what,
        description: Some(interaction.to_owned()),
        details: details(record),
        ..AuditEntity::default()
    })
}

/// The parts of a record as an event; `details` under the names that `tessera explain` knows.
fn details(record: &data::AuditRecord) -> Vec<(String, String)> {
    let mut details = Details::default();
    details.add("correlation-id", &record.correlation_id);
    details.add("place", &record.base);
    if let Some(client) = &record.client {
        details.add("community", &client.community);
        details.add("client-uri", &client.client_uri);
        details.add("certificate-sha256", &client.certificate);
        details.add("token-id", &client.token_id);
    }
    details.add("identity", if record.client.is_some() { "proved" } else { "unknown" });
    if let Some(purpose) = &record.purpose {
        details.add_if("subject-id", purpose.subject_id.as_ref());
        details.add_if("subject-name", purpose.subject_name.as_ref());
        details.add_if("subject-role", purpose.subject_role.as_ref());
        details.add_if("organization-name", purpose.organization_name.as_ref());
    }
    if let data::AuditOutcome::Refused(refusal) | data::AuditOutcome::Failed(refusal) = &record.outcome {
        details.add("reason", refusal.reason_code);
        details.add("error", &refusal.status);
        details.add("cause", &refusal.detail);
        details.add("section", refusal.section);
        details.add("likely-fix", refusal.likely_fix);
        for (name, value) in &refusal.evidence {
            details.add(&format!("evidence:{name}"), value);
        }
    }
    details.0
}

#[derive(Default)]
struct Details(Vec<(String, String)>);

impl Details {
    fn add(&mut self, name: &str, value: &(impl ToString + ?Sized)) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    fn add_if(&mut self, name: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}
