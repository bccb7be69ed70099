//! Refuses a header block that is larger than allowed.
//!
//! hyper's own limit is on its buffer, which grows in steps: a block of up to twice the limit can pass there. That bounds
//! memory; this bounds what is looked at.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::error_response;

/// Bytes of a header line beside its name and value: colon, space, line end.
const LINE: usize = 4;

pub(crate) async fn limit(State(most): State<usize>, request: Request, next: Next) -> Response {
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + LINE);
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if lines.sum::<usize>() + target > most {
        return error_response::header_too_large();
    }
    next.run(request).await
}
