//! `POST` introspection and revocation, with the same client authentication as the token endpoint.
//!
//! Source: RFC 7662; RFC 7009

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use tessera_authorization_server::PresentedCredentials;
use tessera_authorization_server::settings::BaseName;
use tessera_udap::form::Parameters;
use tessera_udap::oauth_error::{ErrorCode, OAuthError};

use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn introspect(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let (form, presented) = match read_form(&node, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    match node.authorization_server.introspect(&base, &form, presented, &context).await {
        Ok(answer) => error_response::json(StatusCode::OK, &answer),
        Err(refusal) => error_response::refusal(&refusal, "introspection"),
    }
}

pub(crate) async fn revoke(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let (form, presented) = match read_form(&node, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    match node.authorization_server.revoke(&base, &form, presented, &context).await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            error_response::no_store(&mut response);
            response
        }
        Err(refusal) => error_response::refusal(&refusal, "revocation"),
    }
}

/// Reads a form with each parameter once, and notes whether an `Authorization` header came along.
///
/// # Errors
/// The answer to give: 413, 408, or 400 `invalid_request`.
pub(crate) async fn read_form(node: &Node, request: Request) -> Result<(Parameters, PresentedCredentials), Response> {
    let (parts, content) = request.into_parts();
    let refuse = |description: String| {
        error_response::oauth(StatusCode::BAD_REQUEST, &OAuthError { code: ErrorCode::InvalidRequest, description })
    };
    if parts.uri.query().is_some() {
        return Err(refuse("send the parameters in the body, not in the URL".to_owned()));
    }
    if !body::is_announced_as(&parts.headers, "application/x-www-form-urlencoded") {
        return Err(refuse("send a form: Content-Type application/x-www-form-urlencoded".to_owned()));
    }
    let bytes = body::read(&parts.headers, content, node.limits.form)
        .await
        .map_err(|error| error_response::body(error, ErrorCode::InvalidRequest))?;
    let form = Parameters::read(&bytes).map_err(|error| refuse(error.to_string()))?;
    let presented = PresentedCredentials { authorization_header: parts.headers.contains_key(AUTHORIZATION) };
    Ok((form, presented))
}
