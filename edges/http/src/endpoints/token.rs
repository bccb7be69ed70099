//! `POST` token: limits and parses the form, then the authorization server decides.
//!
//! Source: FAST Security STU2 §5.2; RFC 6749 §4.4

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use tessera_authorization_server::Endpoint;
use tessera_authorization_server::settings::BaseName;

use crate::decision::to_the_end;
use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn post(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let form = body::read_form(request, node.limits.form).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match form {
            Ok((form, presented)) => server.token(&base, &form, presented, &context).await,
            Err(unread) => Err(server.refuse_unread(Endpoint::Token, base.as_str(), unread, &context)),
        };
        match answer {
            Ok(answer) => {
                metrics::counter!("tessera_tokens_issued_total", "base" => base.as_str().to_owned()).increment(1);
                error_response::json(StatusCode::OK, &answer)
            }
            Err(refusal) => error_response::refusal(&refusal, Endpoint::Token),
        }
    })
    .await
}
