//! `POST` introspection and revocation, with the same client authentication as the token endpoint.
//!
//! Source: RFC 7662; RFC 7009

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use tessera_authorization_server::Endpoint;
use tessera_authorization_server::settings::BaseName;

use crate::decision::to_the_end;
use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn introspect(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let form = body::read_form(request, node.limits.form).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match form {
            Ok((form, presented)) => server.introspect(&base, &form, presented, &context).await,
            Err(unread) => Err(server.refuse_unread(Endpoint::Introspection, base.as_str(), unread, &context)),
        };
        match answer {
            Ok(answer) => error_response::json(StatusCode::OK, &answer),
            Err(refusal) => error_response::refusal(&refusal, Endpoint::Introspection),
        }
    })
    .await
}

pub(crate) async fn revoke(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let form = body::read_form(request, node.limits.form).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match form {
            Ok((form, presented)) => server.revoke(&base, &form, presented, &context).await,
            Err(unread) => Err(server.refuse_unread(Endpoint::Revocation, base.as_str(), unread, &context)),
        };
        match answer {
            Ok(()) => {
                let mut response = Response::new(Body::empty());
                error_response::no_store(&mut response);
                response
            }
            Err(refusal) => error_response::refusal(&refusal, Endpoint::Revocation),
        }
    })
    .await
}
