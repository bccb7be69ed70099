//! The `Prefer` header.
//!
//! Source: FHIR R4 `http.html#ops` (return), `search.html#errors` (handling); RFC 7240

use http::header::{HeaderMap, HeaderName};

use crate::search::query::Handling;

static PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a writer wants back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    Representation,
    Minimal,
    OperationOutcome,
}

/// Strict, unless the client asks otherwise.
pub(super) fn handling(headers: &HeaderMap) -> Handling {
    if has(headers, "handling", "lenient") { Handling::Lenient } else { Handling::Strict }
}

/// The resource, unless the client asks otherwise.
pub(super) fn wanted_return(headers: &HeaderMap) -> Return {
    if has(headers, "return", "minimal") {
        Return::Minimal
    } else if has(headers, "return", "OperationOutcome") {
        Return::OperationOutcome
    } else {
        Return::Representation
    }
}

fn has(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers
        .get_all(&PREFER)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .any(|(known, wanted)| known.trim().eq_ignore_ascii_case(name) && wanted.trim().trim_matches('"') == value)
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn reads_preferences() {
        let headers = HeaderMap::from_iter([(
            PREFER.clone(),
            HeaderValue::from_static("respond-async, return=minimal; handling=\"lenient\""),
        )]);
        assert_eq!(handling(&headers), Handling::Lenient);
        assert_eq!(wanted_return(&headers), Return::Minimal);
        assert_eq!(handling(&HeaderMap::new()), Handling::Strict);
        assert_eq!(wanted_return(&HeaderMap::new()), Return::Representation);
        let other = HeaderMap::from_iter([(PREFER.clone(), HeaderValue::from_static("return=everything"))]);
        assert_eq!(wanted_return(&other), Return::Representation);
    }
}
