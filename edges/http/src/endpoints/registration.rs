//! `POST` registration.
//!
//! Source: FAST Security STU2 §3.2.3

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use tessera_authorization_server::RegistrationStatusCode;
use tessera_authorization_server::settings::GroupName;
use tessera_udap::oauth_error::{ErrorCode, OAuthError};

use crate::state::Node;
use crate::{body, error_response};

pub(crate) async fn post(State((node, group)): State<(Node, GroupName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let (parts, content) = request.into_parts();
    if !body::is_announced_as(&parts.headers, "application/json") {
        let description = "send JSON: Content-Type application/json".to_owned();
        let error = OAuthError { code: ErrorCode::InvalidClientMetadata, description };
        return error_response::oauth(StatusCode::BAD_REQUEST, &error);
    }
    let bytes = match body::read(&parts.headers, content, node.limits.registration).await {
        Ok(bytes) => bytes,
        Err(error) => return error_response::body(error, ErrorCode::InvalidClientMetadata),
    };
    match node.authorization_server.register(&group, &bytes, &context).await {
        Ok(answer) => {
            let (status, word) = match answer.status {
                RegistrationStatusCode::Created => (StatusCode::CREATED, "created"),
                RegistrationStatusCode::Changed => (StatusCode::OK, "changed"),
                RegistrationStatusCode::Cancelled => (StatusCode::OK, "cancelled"),
            };
            metrics::counter!("tessera_registrations_total", "outcome" => word).increment(1);
            error_response::json(status, &answer.response)
        }
        Err(refusal) => error_response::refusal(&refusal, "registration"),
    }
}
