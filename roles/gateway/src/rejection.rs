//! Why a request was not answered with data: what happened, and one table of what follows from it.
//!
//! The caller reads [`Rejection::for_caller`]; it says what to change and nothing of the server behind, of keys or of
//! other clients. The audit and the log get the whole cause.
//!
//! Source: security invariants 42, 44 and 46; FHIR R4 "RESTful API" §3.1.0.1.12

use std::error::Error;

use http::{HeaderName, StatusCode};
use tessera_jose::json::JsonError;
use tessera_udap::access_token::AccessTokenError;

use crate::audit::RefusalRecord;
use crate::ports::{BodyError, TokenStatus, TokenStatusError, UpstreamError};

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
    #[error("the body broke off")]
    BodyBroken(#[source] BodyError),
    #[error("the body is not one JSON object that can be read")]
    BodyNotJson(#[source] JsonError),
    #[error("the body's {member} {rule}")]
    Written { member: &'static str, rule: &'static str },

    #[error("nobody could tell whether the access token lives")]
    StatusUnknown(#[source] TokenStatusError),
    #[error("the FHIR server gave no answer")]
    Upstream(#[source] UpstreamError),
    #[error("the FHIR server's answer cannot be passed on: {what}")]
    UpstreamAnswer { what: &'static str },
    #[error("the FHIR server refused the request with status {status}")]
    UpstreamRefused { status: StatusCode },
    #[error("the FHIR server failed with status {status}")]
    UpstreamFailed { status: StatusCode },
}

/// What follows from a rejection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) status: StatusCode,
    /// Kebab-case, stable.
    pub(crate) reason_code: &'static str,
    /// Of FHIR's value set `issue-type`.
    pub(crate) issue: &'static str,
    pub(crate) section: &'static str,
    pub(crate) likely_fix: &'static str,
}

const RESTFUL: &str = "FHIR R4 RESTful API §3.1.0";
const SEARCH: &str = "FHIR R4 Search §3.1.1";

impl Rejection {
    /// What is understood but not given out by this gateway.
    pub(crate) fn not_opened(code: &'static str, what: &'static str) -> Self {
        Self::NotOpened { code, what }
    }

    /// The table.
    pub(crate) fn rule(&self) -> Rule {
        let (status, reason_code, issue, section, likely_fix) = match self {
            Self::UnknownBase => (404, "base-unknown", "not-found", RESTFUL, "use a FHIR base URL of this server"),
            Self::MalformedPath => {
                (400, "path-malformed", "invalid", RESTFUL, "write type and id into the path as they are")
            }
            Self::UnknownAddress => {
                (404, "address-unknown", "not-found", RESTFUL, "use {base}/{type} or {base}/{type}/{id}")
            }
            Self::UnknownType => (404, "type-unknown", "not-supported", RESTFUL, "name a resource type of FHIR R4"),
            Self::MethodNotAllowed { .. } => (405, "method", "not-supported", RESTFUL, "use a method that Allow names"),
            Self::NotOpened { code, .. } => {
                (403, *code, "not-supported", RESTFUL, "ask for one type or resource at a time")
            }
            Self::QueryTooLong => (414, "query-too-long", "too-long", SEARCH, "send the search by POST to _search"),
            Self::MalformedParameters => {
                (400, "parameters-malformed", "invalid", SEARCH, "send name=value, percent-encoded UTF-8")
            }
            Self::Parameter { .. } => {
                (400, "parameter", "invalid", SEARCH, "leave the parameter out, or write it as FHIR R4 does")
            }
            Self::Header { .. } => (400, "header", "invalid", "RFC 9110 §5", "leave the header out"),
            Self::HeaderTwice { .. } => (400, "header-twice", "invalid", "RFC 9110 §5.3", "send the header once"),
            Self::NotAcceptable => (
                406,
                "not-acceptable",
                "not-supported",
                "FHIR R4 RESTful API §3.1.0.1.11",
                "ask for application/fhir+json",
            ),
            Self::UnsupportedMediaType => (
                415,
                "unsupported-media-type",
                "not-supported",
                "FHIR R4 RESTful API §3.1.0.1.11",
                "send application/fhir+json",
            ),
            Self::TokenMissing => {
                (401, "token-missing", "login", "RFC 6750 §3", "take a token and send it as Authorization: Bearer")
            }
            Self::TokenPlacement => {
                (400, "token-placement", "login", "RFC 6750 §2.1", "send the token in the Authorization header alone")
            }
            Self::TokenInvalid(error) => {
                (401, error.reason_code(), "login", "RFC 6750 §3.1; RFC 9068 §4", "take a new token for this base")
            }
            Self::TokenDead(status) => (401, status.code(), "login", "RFC 6750 §3.1; RFC 7009 §2", dead_fix(*status)),
            Self::Scope { .. } => (
                403,
                "scope",
                "forbidden",
                "RFC 6750 §3.1; SMART App Launch 2.0 scopes",
                "take a token with the scope that is named",
            ),
            Self::PurposeMissing => (
                403,
                "purpose-missing",
                "forbidden",
                "FAST Security STU2 §5.2.4",
                "take a token with an hl7-b2b context",
            ),
            Self::Purpose { .. } => (
                403,
                "purpose",
                "forbidden",
                "FAST Security STU2 §5.2.4",
                "take a token for a purpose that this base allows",
            ),
            Self::BodyTooLarge { .. } => (413, "body-too-large", "too-long", RESTFUL, "send a smaller resource"),
            Self::BodyBroken(_) => (400, "body-broken", "incomplete", RESTFUL, "send the body whole"),
            Self::BodyNotJson(_) => (
                400,
                "body-not-json",
                "structure",
                "RFC 8259; FHIR R4 JSON",
                "send one JSON object with each member once",
            ),
            Self::Written { .. } => {
                (400, "body", "invalid", RESTFUL, "let the body's resourceType and id be those of the URL")
            }
            Self::StatusUnknown(_) => (
                503,
                "token-status-unknown",
                "transient",
                "RFC 7662 §2",
                "look at the store's log; the caller may try again",
            ),
            Self::Upstream(error) => return of_upstream(error),
            Self::UpstreamAnswer { .. } => {
                (502, "upstream-answer", "exception", RESTFUL, "look at what the FHIR server behind this base answers")
            }
            Self::UpstreamRefused { status } => (
                status.as_u16(),
                "upstream-refused",
                "processing",
                RESTFUL,
                "look at the FHIR server's log by the X-Request-Id",
            ),
            Self::UpstreamFailed { .. } => {
                (502, "upstream-failed", "exception", RESTFUL, "look at the FHIR server's log by the X-Request-Id")
            }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Rule { status, reason_code, issue, section, likely_fix }
    }

    /// What the caller may read; for a token only that it does not hold, for our own failures only that they are ours.
    pub(crate) fn for_caller(&self) -> String {
        match self {
            Self::TokenInvalid(_) | Self::TokenDead(_) => "the access token does not hold at this base".to_owned(),
            Self::BodyNotJson(error) => format!("the body cannot be read: {error}"),
            Self::StatusUnknown(_) => "the access token could not be judged now; try again in a moment".to_owned(),
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
            Self::StatusUnknown(_) | Self::Upstream(_) | Self::UpstreamAnswer { .. } | Self::UpstreamFailed { .. }
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
            Self::UpstreamRefused { status } | Self::UpstreamFailed { status } => {
                vec![("upstream status", status.as_u16().to_string())]
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

fn of_upstream(error: &UpstreamError) -> Rule {
    let (status, reason_code, issue, likely_fix) = match error {
        UpstreamError::Unreachable(_) => (
            StatusCode::BAD_GATEWAY,
            "upstream-unreachable",
            "transient",
            "see whether the FHIR server runs and is reachable from here",
        ),
        UpstreamError::TimedOut => {
            (StatusCode::GATEWAY_TIMEOUT, "upstream-timeout", "timeout", "see why the FHIR server is slow")
        }
        UpstreamError::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream-busy",
            "throttled",
            "raise the cap, or see why the FHIR server is slow",
        ),
    };
    Rule { status, reason_code, issue, section: RESTFUL, likely_fix }
}

fn dead_fix(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::ClientGone => "register again and take a new token",
        TokenStatus::ClientBlocked => "ask the operator of this server why the client is blocked",
        _ => "take a new token",
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
