//! How answers are read: strict JSON, and OAuth refusals.

use crate::error::{ClientError, Phase, ServerRefusal};
use crate::ports::HttpResponse;
use tessera_jose::json::{Limits, Object, read_object};
use tessera_udap::foreign_text;

/// An answer of a registration or token endpoint, in bytes.
pub(crate) const ANSWER_LIMIT: usize = 256 * 1024;

/// Reads the JSON object of a successful answer.
pub(crate) fn answer_object(phase: Phase, response: &HttpResponse) -> Result<Object, ClientError> {
    read_object(&response.body, &Limits::new(ANSWER_LIMIT)).map_err(|error| {
        ClientError::answer(phase, format!("the answer is not a JSON object as it should be: {error}"))
    })
}

/// Makes of a status that is no success what the server said about it.
///
/// Source: RFC 6749 §5.2; RFC 7591 §3.2.2
pub(crate) fn refusal(phase: Phase, response: &HttpResponse) -> ClientError {
    let body = read_object(&response.body, &Limits::new(ANSWER_LIMIT)).unwrap_or_default();
    let text = |name| body.optional_str(name).ok().flatten().map(foreign_text);
    ClientError::Refused(ServerRefusal {
        phase,
        status: response.status,
        code: text("error"),
        description: text("error_description"),
        correlation_id: response.header("x-correlation-id").map(foreign_text),
    })
}
