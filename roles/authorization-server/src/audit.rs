//! The record of a decision: who asked for what, what was decided, and for a refusal what `tessera explain` shows.
//!
//! It holds no JWT, token, key, resource or network address of a third party. Text that a caller sent appears only cut and
//! without control characters.

mod explanation;
mod fhir;

use std::net::IpAddr;

use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
pub use tessera_udap::audit_event::AuditPurpose;
use tessera_udap::ids::{ClientId, ClientUri, Jti};

pub use self::explanation::Explanation;
use crate::context::{CorrelationId, RequestContext};

/// One decision, for the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// When.
    pub recorded: UnixTime,
    /// The request it belongs to; the same text as in the answer and the log.
    pub correlation_id: CorrelationId,
    /// Who was at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// What was asked for.
    pub action: AuditAction,
    /// The name of the base or group where it was asked for.
    pub place: String,
    /// Who asked, as far as it was known when the decision fell.
    pub client: AuditClient,
    /// For whom and for what, where a token was asked for and the request was good enough to tell.
    pub purpose: Option<AuditPurpose>,
    /// The scopes granted, space-separated.
    pub scope: Option<String>,
    /// The id of the token that was issued, asked about or revoked.
    pub token_id: Option<Jti>,
    /// What was decided.
    pub outcome: AuditOutcome,
    /// What the operator should know although nothing was refused, such as each use of a soft revocation policy.
    pub notes: Vec<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// A registration, a change of one or a cancel: which of these is not known before the statement is read.
    Registration,
    /// A new registration.
    RegistrationCreated,
    /// Another version of a registration.
    RegistrationChanged,
    /// The end of a registration.
    RegistrationCancelled,
    /// An access token.
    Token,
    /// An introspection.
    Introspection,
    /// A revocation of one token.
    Revocation,
    /// An operator's block of a client.
    ClientBlocked,
    /// An operator's end of a block.
    ClientUnblocked,
    /// An operator's revocation of many tokens.
    MassRevocation,
}

impl AuditAction {
    /// A word for logs, metrics and the event's subtype.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::RegistrationCreated => "registration-created",
            Self::RegistrationChanged => "registration-changed",
            Self::RegistrationCancelled => "registration-cancelled",
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
            Self::ClientBlocked => "client-blocked",
            Self::ClientUnblocked => "client-unblocked",
            Self::MassRevocation => "mass-revocation",
        }
    }
}

/// Who asked. A part is set only when it was known; before the signature and path hold it is what was *claimed*.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditClient {
    /// The trust community.
    pub community: Option<CommunityId>,
    /// The URI of its certificate.
    pub client_uri: Option<ClientUri>,
    /// Its registration.
    pub client_id: Option<ClientId>,
    /// The certificate that signed.
    pub certificate: Option<CertificateDigest>,
    /// Whether signature, path and claims held, so that the parts above are proved.
    pub proved: bool,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditOutcome {
    /// Nothing yet. A record is never kept so, unless the step that closes it was forgotten; then it reads as a failure.
    Undecided,
    /// As asked, or less as policy says.
    Granted,
    /// No.
    Refused(RefusalRecord),
    /// We could not: a failure of ours, not of the caller.
    Failed(RefusalRecord),
}

/// Why, with what an operator needs to help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRecord {
    /// Which check, in kebab-case; stable, for metrics and searches.
    pub reason_code: &'static str,
    /// The OAuth error code that the caller got.
    pub oauth_code: &'static str,
    /// The whole cause, for operators.
    pub detail: String,
    /// Where the rule stands, such as `FAST Security STU2 §7.1.3`.
    pub section: &'static str,
    /// What was seen and expected: names and values, cut, without secrets.
    pub evidence: Vec<(&'static str, String)>,
    /// What most likely heals it.
    pub likely_fix: &'static str,
}

impl AuditRecord {
    /// A record about a request that has only begun; what closes the request says the outcome.
    #[must_use]
    pub fn begun(action: AuditAction, place: &str, context: &RequestContext) -> Self {
        Self {
            recorded: context.now,
            correlation_id: context.correlation_id.clone(),
            peer: context.peer,
            action,
            place: place.to_owned(),
            client: AuditClient::default(),
            purpose: None,
            scope: None,
            token_id: None,
            outcome: AuditOutcome::Undecided,
            notes: Vec::new(),
        }
    }
}
