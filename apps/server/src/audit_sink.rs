//! The roles' audit records as FHIR AuditEvents in the audit log.
//!
//! What an operator asks `tessera explain` for stands in the entity named `decision`: the correlation id, the check that
//! refused, its evidence, the section of the guide and the likely fix.

use std::net::IpAddr;
use std::sync::Arc;

use tessera_authorization_server::audit as registration_and_tokens;
use tessera_authorization_server::audit::AuditAction;
use tessera_gateway::audit as data;
use tessera_trust::UnixTime;
use tessera_udap::audit_event::{
    AuditAction as Action, AuditAgent, AuditEntity, AuditEvent, AuditEventOutcome, AuditKind,
    AuditReference, AuditSource, Coding,
};

use crate::audit_log::AuditLog;

/// The code system of what this system decides; codes are those of the roles' records.
const DECISIONS: &str = "urn:tessera:decision";

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
    fn record(&self, event: registration_and_tokens::AuditRecord) {
        self.log
            .append(move || of_authorization_server(&event).to_string());
    }
}

impl tessera_gateway::ports::AuditSink for AuditFile {
    fn record(&self, record: data::AuditRecord) {
        self.log.append(move || of_gateway(&record).to_string());
    }
}

fn of_authorization_server(record: &registration_and_tokens::AuditRecord) -> serde_json::Value {
    use registration_and_tokens::AuditOutcome;
    let subtype = Coding::new(DECISIONS, record.action.code(), "");
    let kind = match record.action {
        AuditAction::Token | AuditAction::Introspection | AuditAction::Revocation => {
            AuditKind::authentication(subtype)
        }
        AuditAction::Registration | AuditAction::RegistrationChanged => {
            AuditKind::security_change(subtype, Action::Update)
        }
        AuditAction::RegistrationCreated => AuditKind::security_change(subtype, Action::Create),
        AuditAction::RegistrationCancelled => AuditKind::security_change(subtype, Action::Delete),
        AuditAction::ClientBlocked | AuditAction::ClientUnblocked | AuditAction::MassRevocation => {
            AuditKind::security_change(subtype, Action::Execute)
        }
    };
    let outcome = match &record.outcome {
        AuditOutcome::Granted => AuditEventOutcome::Success,
        AuditOutcome::Refused(refusal) => {
            AuditEventOutcome::MinorFailure(refusal.reason_code.to_owned())
        }
        AuditOutcome::Failed(refusal) => {
            AuditEventOutcome::SeriousFailure(refusal.reason_code.to_owned())
        }
    };
    let mut decision = Decision::new(&record.correlation_id.to_string(), &record.place);
    let client = &record.client;
    decision.fact(
        "client.proved",
        if client.proved {
            "yes"
        } else {
            "no: as claimed"
        },
    );
    decision.fact_if("client.community", client.community.as_ref());
    decision.fact_if("client.uri", client.client_uri.as_ref());
    decision.fact_if("client.id", client.client_id.as_ref());
    decision.fact_if("client.certificate.sha256", client.certificate.as_ref());
    decision.fact_if("scope", record.scope.as_ref());
    decision.fact_if("token.id", record.token_id.as_ref());
    for note in &record.notes {
        decision.fact("note", note);
    }
    if let AuditOutcome::Refused(refusal) | AuditOutcome::Failed(refusal) = &record.outcome {
        decision.fact("error", refusal.oauth_code);
        decision.refusal(
            refusal.reason_code,
            &refusal.detail,
            refusal.section,
            &refusal.evidence,
            refusal.likely_fix,
        );
    }
    let asking = record.purpose.as_ref().map(|purpose| Purpose {
        codes: &purpose.purpose_of_use,
        organization_id: &purpose.organization_id,
        organization_name: purpose.organization_name.as_deref(),
        subject_id: purpose.subject_id.as_deref(),
        subject_name: purpose.subject_name.as_deref(),
        subject_role: purpose.subject_role.as_deref(),
    });
    let agent = client_agent(
        client.client_id.as_ref().map(ToString::to_string),
        client.client_uri.as_ref().map(ToString::to_string),
        record.peer,
    );
    event(
        kind,
        outcome,
        record.recorded,
        &record.place,
        agent,
        asking,
        decision,
    )
}

fn of_gateway(record: &data::AuditRecord) -> serde_json::Value {
    use data::AuditOutcome;
    let interaction = record.request.interaction.unwrap_or("unknown");
    let action = match interaction {
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        "search-type" => Action::Execute,
        _ => Action::Read,
    };
    let outcome = match &record.outcome {
        AuditOutcome::Granted => AuditEventOutcome::Success,
        AuditOutcome::Refused(refusal) => {
            AuditEventOutcome::MinorFailure(refusal.reason_code.to_owned())
        }
        AuditOutcome::Failed(refusal) => {
            AuditEventOutcome::SeriousFailure(refusal.reason_code.to_owned())
        }
    };
    let mut decision = Decision::new(&record.correlation_id, &record.base);
    decision.resource = record
        .request
        .resource_type
        .map(|kind| match &record.request.id {
            Some(id) => format!("{kind}/{id}"),
            None => kind.to_owned(),
        });
    if let Some(client) = &record.client {
        decision.fact("client.proved", "yes");
        decision.fact("client.community", &client.community);
        decision.fact("client.uri", &client.client_uri);
        decision.fact("client.id", &client.client_id);
        decision.fact("client.certificate.sha256", &client.certificate);
        decision.fact("token.id", &client.token_id);
    }
    if let AuditOutcome::Refused(refusal) | AuditOutcome::Failed(refusal) = &record.outcome {
        decision.fact("status", &refusal.status);
        decision.refusal(
            refusal.reason_code,
            &refusal.detail,
            refusal.section,
            &refusal.evidence,
            refusal.likely_fix,
        );
    }
    let asking = record.purpose.as_ref().map(|purpose| Purpose {
        codes: &purpose.purpose_of_use,
        organization_id: &purpose.organization_id,
        organization_name: purpose.organization_name.as_deref(),
        subject_id: purpose.subject_id.as_deref(),
        subject_name: purpose.subject_name.as_deref(),
        subject_role: purpose.subject_role.as_deref(),
    });
    let client = record.client.as_ref();
    let agent = client_agent(
        client.map(|client| client.client_id.to_string()),
        client.map(|client| client.client_uri.to_string()),
        record.peer,
    );
    event(
        AuditKind::rest(interaction, action),
        outcome,
        record.recorded,
        &record.base,
        agent,
        asking,
        decision,
    )
}

/// For whom and what for, of either role's record.
struct Purpose<'a> {
    codes: &'a [String],
    organization_id: &'a str,
    organization_name: Option<&'a str>,
    subject_id: Option<&'a str>,
    subject_name: Option<&'a str>,
    subject_role: Option<&'a str>,
}

/// What `tessera explain` reads.
struct Decision {
    resource: Option<String>,
    facts: Vec<(String, String)>,
}

impl Decision {
    fn new(correlation_id: &str, place: &str) -> Self {
        let facts = vec![
            ("correlation.id".to_owned(), correlation_id.to_owned()),
            ("place".to_owned(), place.to_owned()),
        ];
        Self {
            resource: None,
            facts,
        }
    }

    fn fact(&mut self, name: &str, value: &(impl ToString + ?Sized)) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    fn fact_if(&mut self, name: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.fact(name, value);
        }
    }

    fn refusal(
        &mut self,
        reason: &str,
        detail: &str,
        section: &str,
        evidence: &[(&'static str, String)],
        fix: &str,
    ) {
        self.fact("reason", reason);
        self.fact("detail", detail);
        self.fact("section", section);
        for (name, value) in evidence {
            self.fact(&format!("evidence.{name}"), value);
        }
        self.fact("likely.fix", fix);
    }
}

fn client_agent(
    client_id: Option<String>,
    client_uri: Option<String>,
    peer: Option<IpAddr>,
) -> AuditAgent {
    AuditAgent {
        kind: Some(Coding::new(
            "http://dicom.nema.org/resources/ontology/DCM",
            "110150",
            "Application",
        )),
        identifier: client_id,
        name: client_uri,
        requestor: true,
        address: peer.map(|address| address.to_string()),
        ..AuditAgent::default()
    }
}

fn event(
    kind: AuditKind,
    outcome: AuditEventOutcome,
    recorded: UnixTime,
    place: &str,
    agent: AuditAgent,
    purpose: Option<Purpose<'_>>,
    decision: Decision,
) -> serde_json::Value {
    let source = AuditSource {
        site: Some(place.to_owned()),
        observer: "tessera".to_owned(),
    };
    let mut event = AuditEvent::new(kind, outcome, recorded.to_utc_text(), source).agent(agent);
    if let Some(purpose) = purpose {
        event = event.purposes(purpose.codes).agent(AuditAgent {
            kind: Some(Coding::new(
                "http://terminology.hl7.org/CodeSystem/v3-RoleClass",
                "PROV",
                "healthcare provider",
            )),
            identifier: Some(purpose.organization_id.to_owned()),
            name: purpose.organization_name.map(str::to_owned),
            ..AuditAgent::default()
        });
        if purpose.subject_id.is_some() || purpose.subject_name.is_some() {
            event = event.agent(AuditAgent {
                kind: purpose
                    .subject_role
                    .map(|role| Coding::new(DECISIONS, role, "")),
                identifier: purpose.subject_id.map(str::to_owned),
                name: purpose.subject_name.map(str::to_owned),
                ..AuditAgent::default()
            });
        }
    }
    let what = decision.resource.map(|resource| {
        if resource.contains('/') {
            AuditReference::Resource(resource)
        } else {
            AuditReference::Identifier(resource)
        }
    });
    event
        .entity(AuditEntity {
            what,
            name: Some("decision".to_owned()),
            details: decision.facts,
            ..AuditEntity::default()
        })
        .to_json()
}
