//! Which address answers what. Every address is known at start; the part below a FHIR base is the gateway's.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodRouter, any, get, post};
use axum::{Router, middleware};
use tessera_authorization_server::settings::{BaseName, GroupName};
use tokio::sync::Semaphore;

use crate::endpoints::{discovery, fhir, registration, token, token_status};
use crate::error_response;
use crate::middleware::{correlation, framing, header_size, overload, panics};
use crate::server::HEADER_BYTES;
use crate::state::Node;

/// The addresses of one FHIR base, as paths.
#[derive(Debug, Clone)]
pub struct BasePaths {
    /// The base's name in the authorization server and the gateway.
    pub name: BaseName,
    /// The path of the base URL; empty when the base is a whole origin.
    pub base: String,
    /// The token endpoint.
    pub token: String,
    /// The introspection endpoint.
    pub introspection: String,
    /// The revocation endpoint.
    pub revocation: String,
    /// The keys that verify access tokens.
    pub jwks: String,
    /// Whether FHIR requests are forwarded.
    pub gateway: bool,
}

/// A group's registration endpoint.
#[derive(Debug, Clone)]
pub struct GroupPath {
    /// The group's name in the authorization server.
    pub name: GroupName,
    /// The path of its registration endpoint.
    pub registration: String,
}

/// All addresses of a node; a request is in work while it has one of `slots`.
///
/// The paths hold no `{`, `}` or percent sign, which the configuration has judged.
pub fn router(node: &Node, bases: &[BasePaths], groups: &[GroupPath], slots: Arc<Semaphore>) -> Router {
    // What decides something, and so leaves an audit event.
    let mut decisions = Router::new();
    let mut documents = Router::new();
    for group in groups {
        let state = (node.clone(), group.name.clone());
        decisions = decisions.route(&group.registration, only_post(registration::post, state));
    }
    for base in bases {
        let state = || (node.clone(), base.name.clone());
        let well_known = |name: &str| format!("{}/.well-known/{name}", base.base);
        documents = documents
            .route(&well_known("udap"), only_get(discovery::udap, state()))
            .route(&well_known("smart-configuration"), only_get(discovery::smart_configuration, state()))
            .route(
                &format!("/.well-known/oauth-authorization-server{}", base.base),
                only_get(discovery::oauth_metadata, state()),
            )
            .route(&base.jwks, only_get(discovery::jwks, state()));
        decisions = decisions
            .route(&base.token, only_post(token::post, state()))
            .route(&base.introspection, only_post(token_status::introspect, state()))
            .route(&base.revocation, only_post(token_status::revoke, state()));
        if base.gateway {
            let gateway = || any(fhir::any).with_state(state());
            decisions = decisions
                .route(&format!("{}/", base.base), gateway())
                .route(&format!("{}/{{*rest}}", base.base), gateway());
            if !base.base.is_empty() {
                decisions = decisions.route(&base.base, gateway());
            }
        }
    }
    decisions
        .layer(middleware::from_fn_with_state(Arc::clone(&node.recorder), overload::demand_recorder))
        .merge(documents)
        .fallback(|| async { error_response::not_found() })
        .layer(middleware::from_fn(panics::contain))
        .layer(middleware::from_fn(framing::judge))
        .layer(middleware::from_fn_with_state(HEADER_BYTES, header_size::limit))
        .layer(middleware::from_fn_with_state(slots, overload::shed))
        .layer(middleware::from_fn_with_state(Arc::clone(&node.surroundings), correlation::name_request))
}

fn only_get<H, T, S>(handler: H, state: S) -> MethodRouter
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    get(handler).fallback(|| async { error_response::method_not_allowed("GET") }).with_state(state)
}

fn only_post<H, T, S>(handler: H, state: S) -> MethodRouter
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    post(handler).fallback(|| async { error_response::method_not_allowed("POST") }).with_state(state)
}
