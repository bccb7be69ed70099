//! Answers that carry a resource.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};

use super::conditional;
use crate::store::Version;

/// Source: FHIR R4 `http.html#mime-type`
const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");

/// A resource without version headers.
pub(super) fn resource(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, FHIR_JSON);
    response
}

/// A version of a resource, with `ETag` and `Last-Modified`.
pub(super) fn version(status: StatusCode, version: &Version, body: Bytes) -> Response {
    with_version(resource(status, body), version)
}

/// The version's headers and no body.
pub(super) fn bare(status: StatusCode, version: &Version) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    with_version(response, version)
}

fn with_version(mut response: Response, version: &Version) -> Response {
    let headers = response.headers_mut();
    if let Some(etag) = conditional::etag(version) {
        headers.insert(ETAG, etag);
    }
    if let Some(modified) = conditional::last_modified(version) {
        headers.insert(LAST_MODIFIED, modified);
    }
    response
}
