//! Gives each request its correlation id, in the answer's header `X-Correlation-Id` and in the log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};

use crate::state::{Surroundings, new_correlation_id};

/// Names the request towards the operator.
pub(crate) const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// An answer takes at most so long, fetches included.
///
/// Source: security invariant 45, limits
const HANDLER_DEADLINE: Duration = Duration::from_secs(15);

pub(crate) async fn name_request(
    State(surroundings): State<Arc<dyn Surroundings>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = new_correlation_id(surroundings.as_ref());
    let header = HeaderValue::from_str(id.as_str());
    request.extensions_mut().insert(id.clone());
    let mut response = match tokio::time::timeout(HANDLER_DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::warn!(correlation.id = %id, "a request took longer than its deadline");
            crate::error_response::unavailable("the request took too long; try again later")
        }
    };
    let headers = response.headers_mut();
    if let Ok(value) = header {
        headers.insert(X_CORRELATION_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
