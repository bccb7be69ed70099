//! How a refusal looks: an `OperationOutcome`, the status, and the `Bearer` challenge.
//!
//! Source: FHIR R4 "OperationOutcome"; RFC 6750 §3; RFC 9110 §10.2.1, §10.2.3

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::body::full;
use crate::ports::Body;
use crate::rejection::Rejection;
use crate::request::media::FHIR_JSON;
use crate::upstream_outcome::UpstreamOutcome;

/// The answer to a request that was rejected; `realm` is the base URL.
pub(crate) fn response(rejection: &Rejection, realm: &str, correlation_id: &str) -> Response<Body> {
    let rule = rejection.rule();
    let diagnostics = format!("{} (correlation id {correlation_id})", rejection.for_caller());
    let issues = match rejection {
        Rejection::UpstreamRefused { outcome, .. } => outcome.issues(rule.issue, &diagnostics),
        _ => UpstreamOutcome::default().issues(rule.issue, &diagnostics),
    };
    let outcome = json!({ "resourceType": "OperationOutcome", "issue": issues });
    let mut response = Response::new(full(Bytes::from(outcome.to_string())));
    *response.status_mut() = rule.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Rejection::MethodNotAllowed { allow } = rejection {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    match rejection {
        Rejection::StatementUnavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        _ if matches!(rule.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // What is left of the body is not worth reading.
        Rejection::BodyTooSlow | Rejection::BodyTooLarge { .. } => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    challenge(headers, rejection, realm, rule.status);
    response
}

/// A request without a token learns that it takes one and no error code; a token that falls short learns what for.
fn challenge(headers: &mut HeaderMap, rejection: &Rejection, realm: &str, status: StatusCode) {
    let error = rejection.bearer_error();
    if error.is_none() && status != StatusCode::UNAUTHORIZED {
        return;
    }
    // Neither base URLs nor our own texts and scopes hold a quotation mark or a backslash.
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    if let Some(error) = error {
        challenge.push_str(&format!(", error=\"{error}\", error_description=\"{}\"", rejection.for_caller()));
    }
    if let Rejection::Scope { needed, .. } = rejection {
        challenge.push_str(&format!(", scope=\"{needed}\""));
    }
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
}

#[cfg(test)]
mod tests {
    use tessera_udap::access_token::AccessTokenError;

    use super::*;
    use crate::testing::text_of;

    fn challenge_of(rejection: &Rejection) -> Option<String> {
        let response = response(rejection, "https://data.example/fhir", "id-1");
        let value = response.headers().get(WWW_AUTHENTICATE)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_refusal_is_an_operation_outcome_with_its_correlation_id() {
        let response = response(&Rejection::UnknownType, "https://data.example/fhir", "id-1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[CONTENT_TYPE], FHIR_JSON);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let text = text_of(response).await;
        assert_eq!(
            text,
            r#"{"issue":[{"code":"not-supported","diagnostics":"this is not a resource type of FHIR R4 (correlation id id-1)","severity":"error"}],"resourceType":"OperationOutcome"}"#
        );
    }

    #[test]
    fn challenges_are_those_of_rfc_6750() {
        assert_eq!(challenge_of(&Rejection::TokenMissing).unwrap(), "Bearer realm=\"https://data.example/fhir\"");
        let invalid = challenge_of(&Rejection::TokenInvalid(AccessTokenError::Expired)).unwrap();
        assert!(invalid.contains("error=\"invalid_token\""));
        assert!(!invalid.contains("expired"));
        let scope = Rejection::Scope { needed: "system/Patient.r".to_owned(), held: String::new() };
        let scope = challenge_of(&scope).unwrap();
        assert!(scope.contains("error=\"insufficient_scope\"") && scope.ends_with("scope=\"system/Patient.r\""));
        assert!(challenge_of(&Rejection::TokenPlacement).unwrap().contains("error=\"invalid_request\""));
        assert_eq!(challenge_of(&Rejection::not_opened("batch", "batches")), None);
    }

    #[test]
    fn says_which_methods_are_allowed_and_when_to_come_again() {
        let method = response(&Rejection::MethodNotAllowed { allow: "GET, HEAD" }, "r", "id");
        assert_eq!(method.headers()[ALLOW], "GET, HEAD");
        let busy = Rejection::Upstream(crate::ports::UpstreamError::Busy);
        assert_eq!(response(&busy, "r", "id").headers()[RETRY_AFTER], "1");
    }
}
