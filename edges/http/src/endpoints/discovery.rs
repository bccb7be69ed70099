//! `GET {base}/.well-known/udap` and its siblings: documents that were made ahead.
//!
//! Source: FAST Security STU2 §2; RFC 8414; SMART App Launch 2.2

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tessera_authorization_server::discovery::{CommunityQuery, Discovery, PreparedDocument};
use tessera_authorization_server::settings::BaseName;
use tessera_udap::form::{FormError, Parameters};

use crate::error_response;
use crate::state::Node;

/// Answers for one base; `?community=` names a trust community.
pub(crate) async fn udap(State((node, base)): State<(Node, BaseName)>, uri: Uri, headers: HeaderMap) -> Response {
    // An empty name, and one that cannot be read, names no community of ours; that is not the same as none.
    let community = match Parameters::read(uri.query().unwrap_or_default().as_bytes()) {
        // Two values would leave open which community is meant.
        Err(FormError::Repeated) => return error_response::bad_query("give each parameter once"),
        Err(_) => Some(String::new()),
        Ok(query) if query.contains("community") => Some(query.get("community").unwrap_or_default().to_owned()),
        Ok(_) => None,
    };
    let community = community.as_deref().map_or(CommunityQuery::Unnamed, CommunityQuery::Named);
    match node.authorization_server.udap_metadata(&base, community) {
        Discovery::Document(document) => prepared(&document, &headers),
        Discovery::NoContent => empty(StatusCode::NO_CONTENT),
        Discovery::NotFound => error_response::not_found(),
        Discovery::Unavailable => error_response::unavailable("the metadata is not available at the moment"),
    }
}

/// `{base}/.well-known/smart-configuration`
pub(crate) async fn smart_configuration(State((node, base)): State<(Node, BaseName)>, headers: HeaderMap) -> Response {
    found(node.authorization_server.smart_configuration(&base), &headers)
}

/// `/.well-known/oauth-authorization-server{path of base}`
pub(crate) async fn oauth_metadata(State((node, base)): State<(Node, BaseName)>, headers: HeaderMap) -> Response {
    found(node.authorization_server.oauth_metadata(&base), &headers)
}

/// The keys that verify access tokens.
pub(crate) async fn jwks(State((node, _)): State<(Node, BaseName)>, headers: HeaderMap) -> Response {
    prepared(&node.authorization_server.jwks(), &headers)
}

fn found(document: Option<Arc<PreparedDocument>>, headers: &HeaderMap) -> Response {
    document.map_or_else(error_response::not_found, |document| prepared(&document, headers))
}

fn prepared(document: &PreparedDocument, headers: &HeaderMap) -> Response {
    let is_known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == document.etag || tag == "*");
    let mut response = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut response = Response::new(Body::from(bytes::Bytes::from_owner(Arc::clone(&document.bytes))));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&document.etag) {
        headers.insert(ETAG, etag);
    }
    if let Ok(control) = HeaderValue::from_str(&format!("public, max-age={}", document.max_age.as_secs())) {
        headers.insert(CACHE_CONTROL, control);
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
