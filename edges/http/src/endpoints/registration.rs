//! `POST` registration.
//!
//! Source: FAST Security STU2 §3.2.3

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use tessera_authorization_server::rejection::Unread;
use tessera_authorization_server::settings::GroupName;
use tessera_authorization_server::{Endpoint, RegistrationOutcome};

use crate::decision::to_the_end;
use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn post(State((node, group)): State<(Node, GroupName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let body = read(&node, request).await;
    to_the_end(async move {
        let server = &node.authorization_server;
        let answer = match body {
            Ok(bytes) => server.register(&group, &bytes, &context).await,
            Err(unread) => Err(server.refuse_unread(Endpoint::Registration, group.as_str(), unread, &context)),
        };
        match answer {
            Ok(answer) => {
                let status = match answer.outcome {
                    RegistrationOutcome::Created => StatusCode::CREATED,
                    RegistrationOutcome::Changed | RegistrationOutcome::Cancelled => StatusCode::OK,
                };
                metrics::counter!("tessera_registrations_total", "outcome" => answer.outcome.as_str()).increment(1);
                error_response::json(status, &answer.response)
            }
            Err(refusal) => error_response::refusal(&refusal, Endpoint::Registration),
        }
    })
    .await
}

async fn read(node: &Node, request: Request) -> Result<Bytes, Unread> {
    const MEDIA_TYPE: &str = "application/json";
    let (parts, content) = request.into_parts();
    if !body::is_announced_as(&parts.headers, MEDIA_TYPE) {
        return Err(Unread::MediaType { expected: MEDIA_TYPE });
    }
    body::read(&parts.headers, content, node.limits.registration).await
}
