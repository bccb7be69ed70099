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

/// Scheme, host and port as written, up to the path.
pub(crate) fn origin(url: &str) -> Option<&str> {
    let authority_start = url.find("://")? + 3;
    let rest = url.get(authority_start..)?;
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..authority_start + length)
}

/// Makes of a status that is no success what the server said about it.
///
/// Source: RFC 6749 §5.2; RFC 7591 §3.2.2
pub(crate) fn refusal(phase: Phase, response: &HttpResponse) -> ClientError {
    let body = read_object(&response.body, &Limits::new(ANSWER_LIMIT)).unwrap_or_default();
    let text = |name| body.optional_str(name).ok().flatten().map(foreign_text);
    refusal_with(phase, response, text("error"), text("error_description"))
}

/// A refusal with what its body says, and what its headers say in the same way for all.
pub(crate) fn refusal_with(
    phase: Phase,
    response: &HttpResponse,
    code: Option<String>,
    description: Option<String>,
) -> ClientError {
    let header = |name| response.header(name).map(foreign_text);
    let correlation_id = header("x-correlation-id");
    // Some servers repeat it in their text, where it would only be in the way.
    let repeated = correlation_id.as_ref().map(|id| format!(" (correlation id {id})"));
    let description = match repeated {
        Some(repeated) => description.map(|text| text.replace(&repeated, "")),
        None => description,
    };
    ClientError::Refused(ServerRefusal {
        phase,
        status: response.status,
        code,
        description,
        correlation_id,
        retry_after: header("retry-after"),
    })
}
