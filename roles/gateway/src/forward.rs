//! From a permit to upstream and back: the request is built from what was understood, the answer passes by lists.
//!
//! Source: security invariants 39, 42 and 43

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    LOCATION, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;

use crate::body::{empty, full, read};
use crate::permit::AccessPermit;
use crate::ports::{Body, Upstream};
use crate::rejection::Rejection;
use crate::request::media::{self, FHIR_JSON, FORM};
use crate::request::path::{Interaction, SearchForm};
use crate::rewrite::{Rewritten, location};
use crate::settings::GatewayBase;
use crate::upstream_outcome::{MAX_OUTCOME_BYTES, UpstreamOutcome};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sends what was permitted and answers with what may come back.
pub(crate) async fn forward(
    permit: AccessPermit,
    base: &GatewayBase,
    upstream: &dyn Upstream,
    correlation_id: &str,
) -> Result<Response<Body>, Rejection> {
    let request = built_anew(permit, base, correlation_id)?;
    let head_only = request.method() == Method::HEAD;
    let response = upstream.send(request).await.map_err(Rejection::Upstream)?;
    answered(response, base, head_only).await
}

fn built_anew(permit: AccessPermit, base: &GatewayBase, correlation_id: &str) -> Result<Request<Body>, Rejection> {
    let (request, content) = permit.into_parts();
    let mut uri = format!("{}/{}", base.upstream_url(), request.interaction.path());
    let parameters = request.parameters.encoded();
    let (content_type, content) = match (&request.interaction, content) {
        (Interaction::SearchType(_, SearchForm::Form), _) => {
            (Some(FORM), Some(Bytes::from(parameters.unwrap_or_default())))
        }
        (_, content) => {
            if let Some(parameters) = parameters {
                uri.push('?');
                uri.push_str(&parameters);
            }
            (content.is_some().then_some(FHIR_JSON), content)
        }
    };
    let mut built = Request::new(content.map_or_else(empty, full));
    *built.method_mut() = request.method();
    // Every part of it was judged; a text that is no URI all the same goes nowhere.
    *built.uri_mut() = uri.parse().map_err(|_| Rejection::MalformedParameters)?;
    let headers = built.headers_mut();
    *headers = request.headers;
    headers.insert(ACCEPT, HeaderValue::from_static(FHIR_JSON));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(id) = HeaderValue::from_str(correlation_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    Ok(built)
}

async fn answered(response: Response<Body>, base: &GatewayBase, head_only: bool) -> Result<Response<Body>, Rejection> {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let coding = parts.headers.get(CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Rejection::UpstreamAnswer { what: "it has a content encoding that was not asked for" });
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Err(Rejection::UpstreamAnswer { what: "it wants credentials" })
        }
        StatusCode::GATEWAY_TIMEOUT => Err(Rejection::Upstream(crate::ports::UpstreamError::TimedOut)),
        _ if status == StatusCode::NOT_MODIFIED => Ok(passed(status, &parts.headers, empty(), base)),
        _ if status.is_success() => {
            if head_only {
                // As for GET, whose answer has no length ahead; an empty body would announce a length of nothing.
                let body: Body = Box::pin(Rewritten::new(body, base));
                return Ok(passed(status, &parts.headers, body, base));
            }
            let has_no_content = status == StatusCode::NO_CONTENT || body.is_end_stream();
            if has_no_content {
                return Ok(passed(status, &parts.headers, empty(), base));
            }
            if !is_json(&parts.headers) {
                return Err(Rejection::UpstreamAnswer { what: "it is not FHIR JSON" });
            }
            let body: Body = Box::pin(Rewritten::new(body, base));
            Ok(passed(status, &parts.headers, body, base))
        }
        _ if status.is_client_error() => {
            Err(Rejection::UpstreamRefused { status, outcome: outcome(&parts.headers, body).await })
        }
        _ if status.is_server_error() => Err(Rejection::UpstreamFailed { status }),
        _ => Err(Rejection::UpstreamAnswer { what: "it is a redirect or no final answer" }),
    }
}

/// The answer with the headers that may pass.
fn passed(status: StatusCode, upstream: &HeaderMap, body: Body, base: &GatewayBase) -> Response<Body> {
    let has_body = !body.is_end_stream();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for name in [ETAG, LAST_MODIFIED, RETRY_AFTER] {
        if let Some(value) = upstream.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    for name in [LOCATION, CONTENT_LOCATION] {
        let value = upstream.get(&name).and_then(|value| location(value.to_str().ok()?, base));
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    if has_body || is_json(upstream) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(media::is_fhir_json)
}

/// What the server says with its refusal; nothing when that is no `OperationOutcome`.
async fn outcome(headers: &HeaderMap, body: Body) -> UpstreamOutcome {
    if !is_json(headers) {
        return UpstreamOutcome::default();
    }
    let said = read(body, MAX_OUTCOME_BYTES).await;
    said.map_or_else(|_| UpstreamOutcome::default(), |said| UpstreamOutcome::read(&said))
}
