//! The table: which status, issue and reason code each rejection has, where the rule stands and what heals it.

use http::StatusCode;

use super::Rejection;
use crate::ports::{TokenStatus, UpstreamError};

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
            Self::BodyTooSlow => {
                (408, "body-too-slow", "timeout", "RFC 9110 §15.5.9", "send the body within ten seconds")
            }
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
            Self::DecisionTooSlow => {
                (503, "decision-too-slow", "transient", RESTFUL, "see why the store is slow; the caller may try again")
            }
            Self::Unrecorded(_) => (
                503,
                "audit-unavailable",
                "transient",
                "security invariant 47",
                "see why the audit log cannot be written; the caller may try again",
            ),
            Self::StatementUnavailable => (
                503,
                "metadata-unavailable",
                "transient",
                RESTFUL,
                "look at the log of the first failure; the FHIR server is asked again after some seconds",
            ),
            Self::Upstream(error) => return of_upstream(error),
            Self::UpstreamAnswer { .. } => {
                (502, "upstream-answer", "exception", RESTFUL, "look at what the FHIR server behind this base answers")
            }
            Self::UpstreamRefused { status, .. } => (
                status.as_u16(),
                "upstream-refused",
                "processing",
                RESTFUL,
                "look at the FHIR server's log by the X-Request-Id",
            ),
            Self::UpstreamFailed { .. } => {
                (502, "upstream-failed", "exception", RESTFUL, "look at the FHIR server's log by the X-Request-Id")
            }
            Self::WriteUnknown(cause) => {
                let likely_fix = "read what was to be written, or look for the X-Request-Id in the FHIR server's log";
                return Rule { reason_code: "write-outcome-unknown", likely_fix, ..cause.rule() };
            }
            // Nobody sees this answer; 499 is what proxies write into their logs for it.
            Self::CallerLeft => {
                (499, "caller-left", "incomplete", RESTFUL, "look at the FHIR server's log by the X-Request-Id")
            }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Rule { status, reason_code, issue, section, likely_fix }
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
        UpstreamError::Broken(_) => (
            StatusCode::BAD_GATEWAY,
            "upstream-broken",
            "transient",
            "see why the FHIR server closes connections before it has answered",
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
