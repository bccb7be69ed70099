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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_forms_that_every_reader_takes_alike() {
        let body = form(&[("scope", "system/Patient.rs?a=b c"), ("x", "é+&=%")]);
        assert_eq!(String::from_utf8(body).unwrap(), "scope=system%2FPatient.rs%3Fa%3Db%20c&x=%C3%A9%2B%26%3D%25");
    }
}
