//! `POST` introspection and revocation, with the same client authentication as the token endpoint.
//!
//! Source: RFC 7662; RFC 7009

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use tessera_authorization_server::PresentedCredentials;
use tessera_authorization_server::audit::AuditAction;
use tessera_authorization_server::rejection::Unread;
use tessera_authorization_server::settings::BaseName;
use tessera_udap::form::Parameters;

use crate::decision::to_the_end;
use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn introspect(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let form = read_form(&node, request).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match form {
            Ok((form, presented)) => server.introspect(&base, &form, presented, &context).await,
            Err(unread) => Err(server.refuse_unread(AuditAction::Introspection, base.as_str(), unread, &context)),
        };
        match answer {
            Ok(answer) => error_response::json(StatusCode::OK, &answer),
            Err(refusal) => error_response::refusal(&refusal, "introspection"),
        }
    })
    .await
}

pub(crate) async fn revoke(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let form = read_form(&node, request).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match form {
            Ok((form, presented)) => server.revoke(&base, &form, presented, &context).await,
            Err(unread) => Err(server.refuse_unread(AuditAction::Revocation, base.as_str(), unread, &context)),
        };
        match answer {
            Ok(()) => {
                let mut response = Response::new(Body::empty());
                error_response::no_store(&mut response);
                response
            }
            Err(refusal) => error_response::refusal(&refusal, "revocation"),
        }
    })
    .await
}

/// Reads a form with each parameter once, and notes whether an `Authorization` header came along.
///
/// # Errors
/// [`Unread`] says what was not in order.
pub(crate) async fn read_form(node: &Node, request: Request) -> Result<(Parameters, PresentedCredentials), Unread> {
    const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
    let (parts, content) = request.into_parts();
    if parts.uri.query().is_some() {
        return Err(Unread::ParametersInUrl);
    }
    if !body::is_announced_as(&parts.headers, MEDIA_TYPE) {
        return Err(Unread::MediaType { expected: MEDIA_TYPE });
    }
    let bytes = body::read(&parts.headers, content, node.limits.form).await?;
    let form = Parameters::read(&bytes)?;
    let presented = PresentedCredentials { authorization_header: parts.headers.contains_key(AUTHORIZATION) };
    Ok((form, presented))
}
