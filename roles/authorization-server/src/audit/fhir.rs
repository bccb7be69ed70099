//! A record as a FHIR R4 AuditEvent, one JSON object for one line of the audit log.
//!
//! What a refusal needs for `tessera explain` stands in the details of the event's entity, under the names of
//! [`detail`].

use serde_json::Value;
use tessera_udap::audit_event::{
    self, AuditAgent, AuditEntity, AuditEvent, AuditEventOutcome, AuditKind, AuditReference, AuditSource, Coding,
};

use super::{AuditAction, AuditOutcome, AuditRecord, RefusalRecord};

/// The code system of our own subtypes.
const SUBTYPES: &str = "urn:tessera:audit";
/// URIs as identifiers. Source: FHIR R4 §2.24.0.5
const URI_SYSTEM: &str = "urn:ietf:rfc:3986";

/// The names of the entity's details.
pub(super) mod detail {
    pub(crate) const CORRELATION_ID: &str = "correlation-id";
    pub(crate) const PLACE: &str = "place";
    pub(crate) const COMMUNITY: &str = "community";
    pub(crate) const CLIENT_URI: &str = "client-uri";
    pub(crate) const CERTIFICATE: &str = "certificate-sha256";
    pub(crate) const PROVED: &str = "identity";
    pub(crate) const SCOPE: &str = "scope";
    pub(crate) const TOKEN_ID: &str = "token-id";
    pub(crate) const SUBJECT_ID: &str = "subject-id";
    pub(crate) const SUBJECT_NAME: &str = "subject-name";
    pub(crate) const SUBJECT_ROLE: &str = "subject-role";
    pub(crate) const ORGANIZATION_NAME: &str = "organization-name";
    pub(crate) const NOTE: &str = "note";
    pub(crate) const REASON: &str = "reason";
    pub(crate) const ERROR: &str = "error";
    pub(crate) const CAUSE: &str = "cause";
    pub(crate) const SECTION: &str = "section";
    pub(crate) const LIKELY_FIX: &str = "likely-fix";
    /// Before the name of each piece of evidence.
    pub(crate) const EVIDENCE: &str = "evidence:";
}

impl AuditRecord {
    /// The record as the JSON of a FHIR R4 AuditEvent; `observer` is the URI or name of the recording system.
    #[must_use]
    pub fn to_fhir(&self, observer: &str) -> Value {
        self.to_event(observer).to_json()
    }

    /// The record as a FHIR R4 AuditEvent; `observer` is the URI or name of the recording system.
    #[must_use]
    pub fn to_event(&self, observer: &str) -> AuditEvent {
        let source = AuditSource { site: None, observer: observer.to_owned() };
        let mut event = AuditEvent::new(self.kind(), self.event_outcome(), self.recorded.to_utc_text(), source)
            .agent(self.client_agent());
        if let Some(purpose) = &self.purpose {
            event = event.purposes(&purpose.purpose_of_use).agent(AuditAgent {
                identifier: Some(purpose.organization_id.clone()),
                identifier_system: Some(URI_SYSTEM.to_owned()),
                name: purpose.organization_name.clone(),
                ..AuditAgent::default()
            });
        }
        event.entity(self.entity())
    }

    fn kind(&self) -> AuditKind {
        let code = self.action.code();
        let subtype = Coding::new(SUBTYPES, code, code.replace('-', " "));
        match self.action {
            AuditAction::Token | AuditAction::Introspection => AuditKind::authentication(subtype),
            AuditAction::RegistrationCreated => AuditKind::security_change(subtype, audit_event::AuditAction::Create),
            AuditAction::RegistrationCancelled | AuditAction::Revocation | AuditAction::MassRevocation => {
                AuditKind::security_change(subtype, audit_event::AuditAction::Delete)
            }
            AuditAction::Registration
            | AuditAction::RegistrationChanged
            | AuditAction::ClientBlocked
            | AuditAction::ClientUnblocked => AuditKind::security_change(subtype, audit_event::AuditAction::Update),
        }
    }

    fn event_outcome(&self) -> AuditEventOutcome {
        match &self.outcome {
            AuditOutcome::Undecided => AuditEventOutcome::SeriousFailure("undecided".to_owned()),
            AuditOutcome::Granted => AuditEventOutcome::Success,
            AuditOutcome::Refused(refusal) => AuditEventOutcome::MinorFailure(refusal.reason_code.to_owned()),
            AuditOutcome::Failed(refusal) => AuditEventOutcome::SeriousFailure(refusal.reason_code.to_owned()),
        }
    }

    /// Who asked: by client_id where there is one, else by the certificate's URI.
    fn client_agent(&self) -> AuditAgent {
        let client = &self.client;
        let uri = client.client_uri.as_ref().map(|uri| uri.as_str().to_owned());
        let (identifier, identifier_system) = match &client.client_id {
            Some(id) => (Some(id.as_str().to_owned()), None),
            None => (uri.clone(), uri.is_some().then(|| URI_SYSTEM.to_owned())),
        };
        AuditAgent {
            identifier,
            identifier_system,
            requestor: true,
            address: self.peer.map(|peer| peer.to_string()),
            purpose_of_use: self.purpose.as_ref().map_or_else(Vec::new, |purpose| purpose.purpose_of_use.clone()),
            ..AuditAgent::default()
        }
    }

    fn entity(&self) -> AuditEntity {
        AuditEntity {
            what: Some(AuditReference::Identifier(self.correlation_id.as_str().to_owned())),
            description: Some(self.action.code().to_owned()),
            details: self.details(),
            ..AuditEntity::default()
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let client = &self.client;
        let purpose = self.purpose.as_ref();
        let owned = |text: &str| Some(text.to_owned());
        let known = [
            (detail::CORRELATION_ID, owned(self.correlation_id.as_str())),
            (detail::PLACE, owned(&self.place)),
            (detail::COMMUNITY, client.community.as_ref().and_then(|id| owned(id.as_str()))),
            (detail::CLIENT_URI, client.client_uri.as_ref().and_then(|uri| owned(uri.as_str()))),
            (detail::CERTIFICATE, client.certificate.map(|digest| digest.to_string())),
            (detail::PROVED, owned(if client.proved { "proved" } else { "claimed" })),
            (detail::SCOPE, self.scope.clone()),
            (detail::TOKEN_ID, self.token_id.as_ref().and_then(|id| owned(id.as_str()))),
            (detail::SUBJECT_ID, purpose.and_then(|purpose| purpose.subject_id.clone())),
            (detail::SUBJECT_NAME, purpose.and_then(|purpose| purpose.subject_name.clone())),
            (detail::SUBJECT_ROLE, purpose.and_then(|purpose| purpose.subject_role.clone())),
            (detail::ORGANIZATION_NAME, purpose.and_then(|purpose| purpose.organization_name.clone())),
        ];
        let mut details: Vec<(String, String)> =
            known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let notes = self.notes.iter();
        details.extend(notes.map(|note| (detail::NOTE.to_owned(), note.clone())));
        if let AuditOutcome::Refused(refusal) | AuditOutcome::Failed(refusal) = &self.outcome {
            details.extend(refusal_details(refusal));
        }
        details
    }
}

fn refusal_details(refusal: &RefusalRecord) -> impl Iterator<Item = (String, String)> {
    let fixed = [
        (detail::REASON, refusal.reason_code.to_owned()),
        (detail::ERROR, refusal.oauth_code.to_owned()),
        (detail::CAUSE, refusal.detail.clone()),
        (detail::SECTION, refusal.section.to_owned()),
        (detail::LIKELY_FIX, refusal.likely_fix.to_owned()),
    ];
    let evidence = refusal.evidence.iter().map(|(name, value)| (format!("{}{name}", detail::EVIDENCE), value.clone()));
    fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(evidence)
}
