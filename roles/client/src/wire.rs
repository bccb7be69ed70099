//! How requests are written and answers read: forms, strict JSON, and OAuth refusals.

use crate::check::foreign_text;
use crate::error::{ClientError, Phase, ServerRefusal};
use crate::ports::HttpResponse;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tessera_jose::json::{Limits, Object, read_object};

/// An answer of a registration or token endpoint, in bytes.
pub(crate) const ANSWER_LIMIT: usize = 256 * 1024;

/// Everything but the unreserved characters of RFC 3986 §2.3 is encoded, which is right in forms and in queries.
const UNRESERVED_KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_KEPT).to_string()
}

/// Writes `application/x-www-form-urlencoded`.
pub(crate) fn form(parameters: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
    pairs.join("&").into_bytes()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_forms_that_every_reader_takes_alike() {
        let body = form(&[("scope", "system/Patient.rs?a=b c"), ("x", "é+&=%")]);
        assert_eq!(String::from_utf8(body).unwrap(), "scope=system%2FPatient.rs%3Fa%3Db%20c&x=%C3%A9%2B%26%3D%25");
    }
}
