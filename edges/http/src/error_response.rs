//! Which HTTP form a refusal takes: status, headers and body. The code and the text were decided before.
//!
//! Source: RFC 6749 §5.2; RFC 7591 §3.2.2; security invariants, "Answers"

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, PRAGMA, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use tessera_authorization_server::Endpoint;
use tessera_authorization_server::rejection::{Refusal, RefusalClass};
use tessera_udap::oauth_error::{ErrorCode, OAuthError};

/// An OAuth error object with its status.
pub(crate) fn oauth(status: StatusCode, error: &OAuthError) -> Response {
    let body = serde_json::json!({"error": error.code.as_str(), "error_description": error.description});
    json(status, &body)
}

/// What the authorization server refused; logs and counts it, once.
pub(crate) fn refusal(refusal: &Refusal, endpoint: Endpoint) -> Response {
    refusal.log();
    let community = refusal.community().map_or("", |community| community.as_str()).to_owned();
    metrics::counter!(
        "tessera_refusals_total", "endpoint" => endpoint.as_str(), "community" => community, "reason" => refusal.reason_code()
    )
    .increment(1);
    let status = match refusal.class() {
        RefusalClass::BadRequest => StatusCode::BAD_REQUEST,
        RefusalClass::TooSlow => StatusCode::REQUEST_TIMEOUT,
        RefusalClass::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalClass::Unauthorized => StatusCode::UNAUTHORIZED,
        RefusalClass::TooMany => StatusCode::TOO_MANY_REQUESTS,
        RefusalClass::NotFound => StatusCode::NOT_FOUND,
        RefusalClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        RefusalClass::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = oauth(status, refusal.error());
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // A share empties with the purge, once a minute.
        StatusCode::TOO_MANY_REQUESTS => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        // What is left of the body is not worth reading.
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    response
}

/// A JSON answer that nobody may keep.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let text = serde_json::to_vec(body).expect("our own answers are JSON");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    no_store(&mut response);
    response
}

pub(crate) fn no_store(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

/// 503, to be tried again.
pub(crate) fn unavailable(description: &str) -> Response {
    let error = OAuthError { code: ErrorCode::TemporarilyUnavailable, description: description.to_owned() };
    let mut response = oauth(StatusCode::SERVICE_UNAVAILABLE, &error);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// 431 for a header block that is larger than allowed.
pub(crate) fn header_too_large() -> Response {
    let description = "the request's header is larger than allowed".to_owned();
    let error = OAuthError { code: ErrorCode::InvalidRequest, description };
    oauth(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &error)
}

/// 500: a fault of ours.
pub(crate) fn internal() -> Response {
    let description = "the server failed; its operator finds the cause under the correlation id".to_owned();
    oauth(StatusCode::INTERNAL_SERVER_ERROR, &OAuthError { code: ErrorCode::ServerError, description })
}

/// 404 for what is not here.
pub(crate) fn not_found() -> Response {
    let body = serde_json::json!({"error": "not_found", "error_description": "there is nothing at this address"});
    json(StatusCode::NOT_FOUND, &body)
}

/// 400 for a query of the metadata that can be read in two ways.
pub(crate) fn bad_query(description: &str) -> Response {
    let description = description.to_owned();
    oauth(StatusCode::BAD_REQUEST, &OAuthError { code: ErrorCode::InvalidRequest, description })
}

/// 400 for a request whose bounds are not clear; nothing more is read from its connection.
pub(crate) fn bad_framing(description: &str) -> Response {
    let mut response = bad_query(description);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// 405 with what is allowed.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Response {
    let description = format!("use {allowed}");
    let error = OAuthError { code: ErrorCode::InvalidRequest, description };
    let mut response = oauth(StatusCode::METHOD_NOT_ALLOWED, &error);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
