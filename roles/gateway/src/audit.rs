//! The record of a decision: who asked for what for whom, what was decided, and for a refusal how to heal it.
//!
//! It holds no token, key or resource. What a caller sent appears only cut and without control characters.

use std::net::IpAddr;

use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
pub use tessera_udap::audit_event::AuditPurpose;
use tessera_udap::ids::{ClientId, ClientUri, Jti};

use crate::context::GatewayContext;

/// One decision about a FHIR request, for the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// When.
    pub recorded: UnixTime,
    /// The request it belongs to; the same text as in the answer and the log.
    pub correlation_id: String,
    /// Who was at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The name of the base.
    pub base: String,
    /// Who asked; `None` when no token proved it.
    pub client: Option<AuditClient>,
    /// For whom and for what, as the token's `hl7-b2b` object states it.
    pub purpose: Option<AuditPurpose>,
    /// What was asked for, as far as it was understood.
    pub request: AuditRequest,
    /// What was decided.
    pub outcome: AuditOutcome,
}

/// Who asked, as the verified access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditClient {
    /// Its registration.
    pub client_id: ClientId,
    /// The URI of its certificate.
    pub client_uri: ClientUri,
    /// The trust community.
    pub community: CommunityId,
    /// The certificate with which it took the token.
    pub certificate: CertificateDigest,
    /// The token's `jti`.
    pub token_id: Jti,
}

/// What was asked for; a part is set only when it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditRequest {
    /// The interaction's code, such as `search-type`.
    pub interaction: Option<&'static str>,
    /// The resource type.
    pub resource_type: Option<&'static str>,
    /// The resource's id.
    pub id: Option<String>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditOutcome {
    /// Nothing yet. A record is never kept so, unless the step that closes it was forgotten; then it reads as a failure.
    Undecided,
    /// The request went upstream.
    Granted,
    /// No.
    Refused(RefusalRecord),
    /// We or the server behind us could not: no failure of the caller's. It may follow a record that says granted.
    Failed(RefusalRecord),
}

/// Why, with what an operator needs to help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRecord {
    /// Which check, in kebab-case; stable, for metrics and searches.
    pub reason_code: &'static str,
    /// The status that the caller got.
    pub status: u16,
    /// The whole cause, for operators.
    pub detail: String,
    /// Where the rule stands, such as `RFC 6750 §2`.
    pub section: &'static str,
    /// What was seen and expected: names and values, cut, without secrets.
    pub evidence: Vec<(&'static str, String)>,
    /// What most likely heals it.
    pub likely_fix: &'static str,
}

impl AuditRecord {
    /// A record about a request of which nothing is known yet; who decides says the outcome.
    #[must_use]
    pub fn begun(base: &str, context: &GatewayContext) -> Self {
        Self {
            recorded: context.now,
            correlation_id: context.correlation_id.clone(),
            peer: context.peer,
            base: base.to_owned(),
            client: None,
            purpose: None,
            request: AuditRequest::default(),
            outcome: AuditOutcome::Undecided,
        }
    }
}
