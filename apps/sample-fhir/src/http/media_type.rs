//! JSON is the one format: what may be sent, and what a client must accept.
//!
//! Source: FHIR R4 `http.html#mime-type`, `#version-parameter`; RFC 9110 §12.5.1

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

use super::outcome::Refusal;
use super::parameters::Parameters;

/// Refuses a client that does not take JSON; `_format` outranks `Accept`, absence accepts all.
pub(super) fn check_accepted(headers: &HeaderMap, parameters: &Parameters) -> Result<(), Refusal> {
    let not_acceptable =
        || Refusal::new(StatusCode::NOT_ACCEPTABLE, "not-supported", "the answer can only be application/fhir+json");
    if let Some(format) = parameters.value("_format") {
        let is_json = format == "json" || is_json(format);
        return is_json.then_some(()).ok_or_else(not_acceptable);
    }
    let mut ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if ranges.peek().is_none() || ranges.flat_map(|list| list.split(',')).any(takes_json) {
        return Ok(());
    }
    Err(not_acceptable())
}

/// Refuses a body that is not said to be a resource in JSON.
pub(super) fn check_resource(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = content_type(headers);
    if sent.is_some_and(is_json) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", "send the resource as application/fhir+json"))
}

/// Refuses a search whose body is not said to be a form.
pub(super) fn check_form(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = content_type(headers).map(essence);
    if sent.is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-supported",
        "send the parameters as application/x-www-form-urlencoded",
    ))
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn takes_json(range: &str) -> bool {
    let refused = parameters(range).any(|(name, value)| name == "q" && value.trim_matches(['0', '.']).is_empty());
    let any = matches!(essence(range), "*/*" | "application/*");
    !refused && (any || is_json(range))
}

/// JSON, of FHIR or in general, in UTF-8 and of no other version than R4.
fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    let named = ["application/fhir+json", "application/json"].iter().any(|one| essence.eq_ignore_ascii_case(one));
    named
        && parameters(media_type).all(|(name, value)| match name.as_str() {
            "charset" => value.eq_ignore_ascii_case("utf-8"),
            "fhirversion" => matches!(value, "4.0" | "4.0.1"),
            _ => true,
        })
}

fn essence(media_type: &str) -> &str {
    media_type.split_once(';').map_or(media_type, |(essence, _)| essence).trim()
}

/// Parameters with lower-case names and unquoted values.
fn parameters(media_type: &str) -> impl Iterator<Item = (String, &str)> {
    media_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    fn accepts(accept: &str) -> bool {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
        check_accepted(&headers, &Parameters::default()).is_ok()
    }

    fn takes(content_type: &str) -> bool {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
        check_resource(&headers).is_ok()
    }

    #[test]
    fn answers_those_who_take_json() {
        for accept in [
            "application/fhir+json",
            "application/json",
            "*/*",
            "application/*;q=0.1",
            "text/html, */*;q=0.8",
            "application/fhir+json; fhirVersion=4.0",
            "application/fhir+xml, application/fhir+json;q=0.5",
        ] {
            assert!(accepts(accept), "{accept}");
        }
        for accept in [
            "application/fhir+xml",
            "text/html",
            "application/fhir+json;q=0",
            "*/*;q=0.000",
            "application/fhir+json; fhirVersion=5.0",
            "",
        ] {
            assert!(!accepts(accept), "{accept}");
        }
        assert!(check_accepted(&HeaderMap::new(), &Parameters::default()).is_ok());
    }

    #[test]
    fn takes_resources_in_json_only() {
        for content_type in [
            "application/fhir+json",
            "Application/FHIR+JSON; charset=UTF-8",
            "application/json",
            "application/fhir+json;fhirVersion=\"4.0\"",
        ] {
            assert!(takes(content_type), "{content_type}");
        }
        for content_type in [
            "application/fhir+xml",
            "text/plain",
            "application/fhir+json; charset=latin1",
            "application/fhir+json; fhirVersion=3.0",
            "",
        ] {
            assert!(!takes(content_type), "{content_type}");
        }
        assert!(check_resource(&HeaderMap::new()).is_err());
        assert!(check_form(&HeaderMap::new()).is_err());
    }
}
