//! The roles' audit records as FHIR AuditEvents in the audit log.
//!
//! The authorization server's records know their form themselves. The gateway's are put into the same form here, with the
//! same names of details ([`detail`]), so that `tessera explain` reads both: the correlation id, the check that refused, its
//! evidence, the section of the guide and the likely fix.

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
pub const OBSERVER: &str = "tessera";
/// URIs as identifiers. Source: FHIR R4 §2.24.0.5
const URI_SYSTEM: &str = "urn:ietf:rfc:3986";

/// The names of details, in the node's events and in those of an operator's commands.
pub mod detail {
    /// Finds the events of one request.
    pub const CORRELATION_ID: &str = "correlation-id";
    /// The base or the group of bases.
    pub const PLACE: &str = "place";
    /// The trust community of who asked.
    pub const COMMUNITY: &str = "community";
    /// The URI of its certificate.
    pub const CLIENT_URI: &str = "client-uri";
    /// Its certificate.
    pub const CERTIFICATE: &str = "certificate-sha256";
    /// How sure that is: `proved`, `claimed` or `unknown`.
    pub const IDENTITY: &str = "identity";
    /// The scopes of a token.
    pub const SCOPE: &str = "scope";
    /// A token's `jti`.
    pub const TOKEN_ID: &str = "token-id";
    /// The requestor, as the `hl7-b2b` object says.
    pub const SUBJECT_ID: &str = "subject-id";
    /// Its name.
    pub const SUBJECT_NAME: &str = "subject-name";
    /// Its role.
    pub const SUBJECT_ROLE: &str = "subject-role";
    /// The name of the organization that asks.
    pub const ORGANIZATION_NAME: &str = "organization-name";
    /// What else is worth knowing; several at times.
    pub const NOTE: &str = "note";
    /// The check that refused.
    pub const REASON: &str = "reason";
    /// What the caller was answered.
    pub const ERROR: &str = "error";
    /// The whole cause.
    pub const CAUSE: &str = "cause";
    /// Where the rule stands.
    pub const SECTION: &str = "section";
    /// What most likely heals it.
    pub const LIKELY_FIX: &str = "likely-fix";
    /// Before the name of each piece of evidence.
    pub const EVIDENCE: &str = "evidence:";
}

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
        let is_granted = record.outcome == data::AuditOutcome::Granted;
        let line = move || of_gateway(&record).to_line();
        // A permit is recorded before it is used: without its record the request is not forwarded, and a record that stayed
        // would tell of something that never happened. A refusal, a failure and the end of a write have happened.
        let answer = if is_granted { self.log.record(line) } else { self.log.keep(line) };
        answer.map_err(|_| RecorderUnavailable)
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

/// The parts of a record as an event; `details` under the names of [`detail`].
fn details(record: &data::AuditRecord) -> Vec<(String, String)> {
    let mut details = Details::default();
    details.add(detail::CORRELATION_ID, &record.correlation_id);
    details.add(detail::PLACE, &record.base);
    if let Some(client) = &record.client {
        details.add(detail::COMMUNITY, &client.community);
        details.add(detail::CLIENT_URI, &client.client_uri);
        details.add(detail::CERTIFICATE, &client.certificate);
        details.add(detail::TOKEN_ID, &client.token_id);
    }
    details.add(detail::IDENTITY, if record.client.is_some() { "proved" } else { "unknown" });
    if let Some(purpose) = &record.purpose {
        details.add_if(detail::SUBJECT_ID, purpose.subject_id.as_ref());
        details.add_if(detail::SUBJECT_NAME, purpose.subject_name.as_ref());
        details.add_if(detail::SUBJECT_ROLE, purpose.subject_role.as_ref());
        details.add_if(detail::ORGANIZATION_NAME, purpose.organization_name.as_ref());
    }
    if let data::AuditOutcome::Refused(refusal) | data::AuditOutcome::Failed(refusal) = &record.outcome {
        details.add(detail::REASON, refusal.reason_code);
        details.add(detail::ERROR, &refusal.status);
        details.add(detail::CAUSE, &refusal.detail);
        details.add(detail::SECTION, refusal.section);
        details.add(detail::LIKELY_FIX, refusal.likely_fix);
        for (name, value) in &refusal.evidence {
            details.add(&format!("{}{name}", detail::EVIDENCE), value);
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

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::Duration;

    use tessera_gateway::GatewayContext;
    use tessera_gateway::ports::AuditSink as _;
    use tessera_trust::UnixTime;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn wait_until(what: &str, holds: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{what}");
    }

    fn record(id: &str, outcome: data::AuditOutcome) -> data::AuditRecord {
        let context = GatewayContext { correlation_id: id.to_owned(), now: UnixTime::from_secs(1), peer: None };
        data::AuditRecord { outcome, ..data::AuditRecord::begun("r4", &context) }
    }

    fn failed() -> data::AuditOutcome {
        data::AuditOutcome::Failed(data::RefusalRecord {
            reason_code: "caller-left",
            status: 502,
            detail: "the caller left".to_owned(),
            section: "",
            evidence: Vec::new(),
            likely_fix: "",
        })
    }

    #[test]
    fn a_permit_that_cannot_be_recorded_leaves_no_record_and_a_failure_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = Arc::new(AuditLog::open(&path).unwrap());
        let sink = AuditFile::new(Arc::clone(&log));
        sink.record(record("granted-before", data::AuditOutcome::Granted)).unwrap();
        wait_until("it is written", || fs::metadata(&path).unwrap().len() > 0);

        // A rotation that left a file which others can read.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        set_mode(&path, 0o644);
        sink.record(record("met-by", failed())).unwrap();
        wait_until("the failure is seen", || log.is_broken());
        assert_eq!(sink.record(record("not-forwarded", data::AuditOutcome::Granted)), Err(RecorderUnavailable));
        assert_eq!(sink.record(record("ended-since", failed())), Ok(()));

        set_mode(&path, 0o600);
        wait_until("it is written again", || !log.is_broken());
        sink.record(record("granted-after", data::AuditOutcome::Granted)).unwrap();
        drop((sink, log));
        let text = fs::read_to_string(&path).unwrap();
        for (id, is_there) in
            [("met-by", true), ("not-forwarded", false), ("ended-since", true), ("granted-after", true)]
        {
            assert_eq!(text.contains(id), is_there, "{id}: {text}");
        }
    }
}
