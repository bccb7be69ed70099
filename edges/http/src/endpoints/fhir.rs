//! `{base}/…`: FHIR requests for the gateway.

use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tessera_authorization_server::settings::BaseName;
use tessera_gateway::{AnsweredRefusal, GatewayContext};

use crate::state::Node;

/// Hands the request to the gateway as it came; the gateway parses it by its own grammar.
pub(crate) async fn any(State((node, base)): State<(Node, BaseName)>, request: Request) -> Response {
    let context = node.context(request.extensions());
    let context = GatewayContext {
        now: context.now,
        correlation_id: context.correlation_id.as_str().to_owned(),
        peer: context.peer,
    };
    let request = request.map(|body| Box::pin(body.map_err(Into::into)) as tessera_gateway::Body);
    let response = node.gateway.handle(base.as_str(), request, &context).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("tessera_gateway_requests_total", "base" => base.as_str().to_owned(), "status" => status)
        .increment(1);
    if let Some(refusal) = response.extensions().get::<AnsweredRefusal>() {
        let community = refusal.community.as_ref().map_or("", |community| community.as_str()).to_owned();
        metrics::counter!(
            "tessera_refusals_total", "endpoint" => "fhir", "community" => community, "reason" => refusal.reason_code
        )
        .increment(1);
    }
    response.map(axum::body::Body::new)
}
