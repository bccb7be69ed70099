//! Why a request was not answered with data: what happened, and in `rule` the table of what follows from it.
//!
//! The caller reads [`Rejection::for_caller`]; it says what to change and nothing of the server behind, of keys or of
//! other clients. The audit and the log get the whole cause.
//!
//! Source: security invariants 42, 44 and 46; FHIR R4 "RESTful API" §3.1.0.1.12

mod rule;

use std::error::Error;

use http::{HeaderName, StatusCode};
use tessera_jose::json::JsonError;
use tessera_udap::access_token::AccessTokenError;

use crate::audit::RefusalRecord;
use crate::ports::{BodyError, RecorderUnavailable, TokenStatus, TokenStatusError, UpstreamError};
use crate::upstream_outcome::UpstreamOutcome;

/// What happened. The caller's faults first, then ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("no such FHIR base")]
    UnknownBase,
    #[error("the path has an encoded separator, a dot segment, an empty segment or a character that is not allowed")]
    MalformedPath,
    #[error("nothing is at this address")]
    UnknownAddress,
    #[error("this is not a resource type of FHIR R4")]
    UnknownType,
    #[error("the method is not understood at this address")]
    MethodNotAllowed { allow: &'static str },
    #[error("this server does not offer {what}")]
    NotOpened { code: &'static str, what: &'static str },
    #[error("the query is too long")]
    QueryTooLong,
    #[error("the parameters are not well-formed, or there are too many")]
    MalformedParameters,
    #[error("the parameter `{name}` {rule}")]
    Parameter { name: String, rule: &'static str },
    #[error("the header {name} {rule}")]
    Header { name: &'static str, rule: &'static str },
    #[error("the header {name} is there twice")]
    HeaderTwice { name: HeaderName },
    #[error("answers are FHIR R4 JSON only (application/fhir+json)")]
    NotAcceptable,
    #[error(
        "bodies are FHIR R4 JSON in UTF-8 without content encoding (application/fhir+json), those of _search a form"
    )]
    UnsupportedMediaType,

    #[error("there is no access token")]
    TokenMissing,
    #[error("the access token must be in one Authorization header with the scheme Bearer, and nowhere else")]
    TokenPlacement,
    #[error("the access token does not hold")]
    TokenInvalid(#[source] AccessTokenError),
    #[error("the access token is dead: {}", .0.code())]
    TokenDead(TokenStatus),
    #[error("no scope of the access token permits this; it takes {needed}")]
    Scope { needed: String, held: String },
    #[error("the access token has no purpose of use, which this base asks for")]
    PurposeMissing,
    #[error("this base gives no data for the access token's purpose of use")]
    Purpose { held: Vec<String>, allowed: Vec<String> },

    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken(#[source] BodyError),
    #[error("the body is not one JSON object that can be read")]
    BodyNotJson(#[source] JsonError),
    #[error("the body's {member} {rule}")]
    Written { member: &'static str, rule: &'static str },

    #[error("nobody could tell whether the access token lives")]
    StatusUnknown(#[source] TokenStatusError),
    #[error("the decision took too long")]
    DecisionTooSlow,
    #[error("the decision could not be recorded")]
    Unrecorded(#[source] RecorderUnavailable),
    #[error("there is no CapabilityStatement at the moment")]
    StatementUnavailable,
    #[error("the FHIR server gave no answer")]
    Upstream(#[source] UpstreamError),
    #[error("the FHIR server's answer cannot be passed on: {what}")]
    UpstreamAnswer { what: &'static str },
    #[error("the FHIR server refused the request with status {status}")]
    UpstreamRefused { status: StatusCode, outcome: UpstreamOutcome },
    #[error("the FHIR server failed with status {status}")]
    UpstreamFailed { status: StatusCode },
    #[error("a write was sent and nobody can tell whether it was done")]
    WriteUnknown(#[source] Box<Rejection>),
    #[error("the caller left before the FHIR server answered")]
    CallerLeft,
}

impl Rejection {
    /// What is understood but not given out by this gateway.
    pub(crate) fn not_opened(code: &'static str, what: &'static str) -> Self {
        Self::NotOpened { code, what }
    }

    /// This, when the request was a write: what left the question open whether it was done says so.
    pub(crate) fn after_write(self) -> Self {
        match self {
            Self::Upstream(UpstreamError::TimedOut | UpstreamError::Broken(_))
            | Self::UpstreamAnswer { .. }
            | Self::UpstreamFailed { .. }
            | Self::CallerLeft => Self::WriteUnknown(Box::new(self)),
            other => other,
        }
    }

    /// What the caller may read; for a token only that it does not hold, for our own failures only that they are ours.
    pub(crate) fn for_caller(&self) -> String {
        match self {
            Self::TokenInvalid(_) | Self::TokenDead(_) => "the access token does not hold at this base".to_owned(),
            Self::BodyNotJson(error) => format!("the body cannot be read: {error}"),
            Self::StatusUnknown(_) => "the access token could not be judged now; try again in a moment".to_owned(),
            Self::DecisionTooSlow | Self::Unrecorded(_) | Self::StatementUnavailable => {
                "the server cannot answer at the moment; try again in some seconds".to_owned()
            }
            Self::WriteUnknown(_) => "the FHIR server behind this address has not said whether it did the write; read \
                 what was to be written before you send it again"
                .to_owned(),
            Self::Upstream(UpstreamError::Busy) => "the server is busy; try again in a moment".to_owned(),
            Self::Upstream(_) | Self::UpstreamAnswer { .. } | Self::UpstreamFailed { .. } => {
                "the FHIR server behind this address did not give an answer that can be passed on".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// The error code of the `Bearer` challenge; `None` where the answer has no challenge.
    ///
    /// Source: RFC 6750 §3.1
    pub(crate) fn bearer_error(&self) -> Option<&'static str> {
        match self {
            Self::TokenPlacement => Some("invalid_request"),
            Self::TokenInvalid(_) | Self::TokenDead(_) => Some("invalid_token"),
            Self::Scope { .. } | Self::PurposeMissing | Self::Purpose { .. } => Some("insufficient_scope"),
            _ => None,
        }
    }

    /// Whether the caller could do nothing about it.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::StatusUnknown(_)
                | Self::DecisionTooSlow
                | Self::Unrecorded(_)
                | Self::StatementUnavailable
                | Self::Upstream(_)
                | Self::UpstreamAnswer { .. }
                | Self::UpstreamFailed { .. }
                | Self::WriteUnknown(_)
                | Self::CallerLeft
        )
    }

    /// The whole cause, for operators.
    pub(crate) fn detail(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// What the audit keeps.
    pub(crate) fn recorded(&self) -> RefusalRecord {
        let rule = self.rule();
        let evidence = match self {
            Self::Scope { needed, held } => vec![("scope needed", needed.clone()), ("scope held", held.clone())],
            Self::Purpose { held, allowed } => {
                vec![("purpose_of_use", held.join(" ")), ("purposes allowed", allowed.join(" "))]
            }
            Self::Parameter { name, .. } => vec![("parameter", name.clone())],
            Self::HeaderTwice { name } => vec![("header", name.to_string())],
            Self::UpstreamRefused { status, .. } | Self::UpstreamFailed { status } => {
                vec![("upstream status", status.as_u16().to_string())]
            }
            Self::WriteUnknown(cause) => {
                let cause = cause.recorded();
                let mut evidence = vec![("write", "sent; not known to be done".to_owned())];
                evidence.push(("cause", cause.reason_code.to_owned()));
                evidence.extend(cause.evidence);
                evidence
            }
            _ => Vec::new(),
        };
        RefusalRecord {
            reason_code: rule.reason_code,
            status: rule.status.as_u16(),
            detail: self.detail(),
            section: rule.section,
            evidence,
            likely_fix: rule.likely_fix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_does_not_learn_why_its_token_is_refused() {
        let expired = Rejection::TokenInvalid(AccessTokenError::Expired);
        let blocked = Rejection::TokenDead(TokenStatus::ClientBlocked);
        assert_eq!(expired.for_caller(), blocked.for_caller());
        assert_eq!(expired.recorded().detail, "the access token does not hold: the token has expired");
        assert_eq!(blocked.recorded().reason_code, "client-blocked");
    }

    #[test]
    fn a_write_says_whether_it_may_have_been_done() {
        let open = [
            Rejection::Upstream(UpstreamError::TimedOut),
            Rejection::Upstream(UpstreamError::Broken("reset".into())),
            Rejection::UpstreamAnswer { what: "it is not FHIR JSON" },
            Rejection::UpstreamFailed { status: StatusCode::INTERNAL_SERVER_ERROR },
        ];
        for cause in open {
            let (status, reason) = (cause.rule().status, cause.rule().reason_code);
            let unknown = cause.after_write();
            assert_eq!((unknown.rule().status, unknown.rule().reason_code), (status, "write-outcome-unknown"));
            assert!(unknown.recorded().evidence.contains(&("cause", reason.to_owned())));
            assert!(unknown.for_caller().contains("read what was to be written"));
            assert!(unknown.is_ours());
        }
        for nothing_sent in [UpstreamError::Busy, UpstreamError::Unreachable("refused".into())] {
            assert!(matches!(Rejection::Upstream(nothing_sent).after_write(), Rejection::Upstream(_)));
        }
    }

    #[test]
    fn a_caller_does_not_learn_what_is_behind() {
        let unreachable = Rejection::Upstream(UpstreamError::Unreachable("10.0.0.5 refused".into()));
        assert!(!unreachable.for_caller().contains("10.0.0.5"));
        assert!(unreachable.recorded().detail.contains("10.0.0.5"));
        assert!(unreachable.is_ours());
        assert_eq!(unreachable.rule().status, 502);
        assert_eq!(Rejection::Upstream(UpstreamError::TimedOut).rule().status, 504);
        assert_eq!(Rejection::Upstream(UpstreamError::Busy).rule().status, 503);
    }
}
