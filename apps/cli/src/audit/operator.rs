//! What an operator did, as an event in the node's audit log beside those of the node itself.
//!
//! Source: security invariant 47

use std::io;
use std::path::Path;

use tessera_authorization_server::audit::AuditAction;
use tessera_authorization_server::context::CorrelationId;
use tessera_authorization_server::registered::Registration;
use tessera_server::audit_log::Appender;
use tessera_server::audit_sink::{OBSERVER, detail};
use tessera_trust::UnixTime;
use tessera_udap::audit_event::{
    self, AuditAgent, AuditEntity, AuditEvent, AuditEventOutcome, AuditKind, AuditReference, AuditSource, Coding,
};

use crate::surroundings::{operator_name, random};

/// The code system of our own subtypes, as the node uses it.
const SUBTYPES: &str = "urn:tessera:audit";

/// The log, opened before anything is done, so that nothing is done that cannot be recorded.
#[derive(Debug)]
pub(crate) struct OperatorLog(Appender);

/// What an operator did.
#[derive(Debug)]
pub(crate) struct Act<'a> {
    pub(crate) action: AuditAction,
    pub(crate) at: UnixTime,
    /// The client that it concerns, where it is one.
    pub(crate) client: Option<&'a Registration>,
    /// Why or which, for colleagues.
    pub(crate) notes: Vec<String>,
}

impl OperatorLog {
    /// Opens the node's log as the node does: ours alone, and made when it is missing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Appender::open(path).map(Self)
    }

    /// Records the act; answers the event's correlation id.
    pub(crate) fn record(&mut self, act: &Act<'_>) -> io::Result<CorrelationId> {
        let id = CorrelationId::from_random(random());
        self.0.append(&act.to_event(&id).to_line())?;
        Ok(id)
    }
}

impl Act<'_> {
    fn to_event(&self, id: &CorrelationId) -> AuditEvent {
        let code = self.action.code();
        let action = match self.action {
            AuditAction::MassRevocation => audit_event::AuditAction::Delete,
            _ => audit_event::AuditAction::Update,
        };
        let kind = AuditKind::security_change(Coding::new(SUBTYPES, code, code.replace('-', " ")), action);
        let source = AuditSource { site: None, observer: OBSERVER.to_owned() };
        let operator = AuditAgent { name: Some(operator_name()), requestor: true, ..AuditAgent::default() };
        let entity = AuditEntity {
            what: self.client.map(|client| AuditReference::Identifier(client.client_id.to_string())),
            description: Some(code.to_owned()),
            details: self.details(id),
            ..AuditEntity::default()
        };
        AuditEvent::new(kind, AuditEventOutcome::Success, self.at.to_utc_text(), source).agent(operator).entity(entity)
    }

    fn details(&self, id: &CorrelationId) -> Vec<(String, String)> {
        let mut details = vec![
            (detail::CORRELATION_ID.to_owned(), id.to_string()),
            (detail::IDENTITY.to_owned(), "operator of this machine".to_owned()),
        ];
        if let Some(client) = self.client {
            details.extend([
                (detail::PLACE.to_owned(), client.group.to_string()),
                (detail::COMMUNITY.to_owned(), client.community.to_string()),
                (detail::CLIENT_URI.to_owned(), client.client_uri.to_string()),
            ]);
        }
        details.extend(self.notes.iter().map(|note| (detail::NOTE.to_owned(), note.clone())));
        details
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::search;
    use super::*;

    #[test]
    fn an_act_is_found_again_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let act = Act {
            action: AuditAction::MassRevocation,
            at: UnixTime::from_secs(1_800_000_000),
            client: None,
            notes: vec!["all tokens of a community".to_owned()],
        };
        let id = OperatorLog::open(&path).unwrap().record(&act).unwrap();
        let found = search(&path, id.as_str()).unwrap();
        assert_eq!(found.decisions.len(), 1);
        assert_eq!(found.decisions[0].action, "mass-revocation");
        assert_eq!(found.decisions[0].notes, act.notes);
        assert_eq!(found.decisions[0].recorded, "2027-01-15T08:00:00Z");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
