//! The headers of a request: those that change its meaning are understood, refused, or harmless to leave out.
//!
//! Source: security invariants 42 and 43; FHIR R4 "RESTful API" §3.1.0

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::media;
use super::path::{Interaction, SearchForm};
use crate::rejection::Rejection;

const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Headers by which some servers let a request be another than it looks.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];
/// Headers that say one thing; two of them could be read in two ways.
const SINGULAR: [HeaderName; 8] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
];

/// Judges the headers and answers with those that go upstream: conditions and `Prefer`.
pub(crate) fn judge(
    headers: &HeaderMap,
    interaction: &Interaction,
    format_is_settled: bool,
) -> Result<HeaderMap, Rejection> {
    if OVERRIDES.iter().any(|name| headers.contains_key(*name)) {
        return Err(Rejection::Header { name: "X-HTTP-Method-Override", rule: "is not understood" });
    }
    if let Some(twice) = SINGULAR.iter().find(|name| headers.get_all(*name).iter().count() > 1) {
        return Err(Rejection::HeaderTwice { name: twice.clone() });
    }
    if !format_is_settled && headers.contains_key(ACCEPT) && !accepts_json(headers) {
        return Err(Rejection::NotAcceptable);
    }
    judge_content(headers, interaction)?;
    judge_conditions(headers, interaction)?;
    Ok(forwarded(headers, interaction))
}

fn accepts_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(media::accepts_fhir_json)
}

fn judge_content(headers: &HeaderMap, interaction: &Interaction) -> Result<(), Rejection> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let understood = match interaction {
        Interaction::Create(_) | Interaction::Update(_) => content_type.is_some_and(media::is_fhir_json),
        // A search may have all its parameters in the query and no form at all.
        Interaction::SearchType(_, SearchForm::Form) => content_type.is_none_or(media::is_form),
        _ => return judge_absence(headers),
    };
    let encoded =
        headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if understood && !encoded { Ok(()) } else { Err(Rejection::UnsupportedMediaType) }
}

/// A body where none is expected is read by some servers and skipped by others.
fn judge_absence(headers: &HeaderMap) -> Result<(), Rejection> {
    let has_length = headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    if has_length || headers.contains_key(TRANSFER_ENCODING) {
        return Err(Rejection::Header { name: "Content-Length", rule: "announces a body where none may be" });
    }
    Ok(())
}

/// A condition that were left out would let a write happen that the caller did not want.
fn judge_conditions(headers: &HeaderMap, interaction: &Interaction) -> Result<(), Rejection> {
    if headers.contains_key(IF_NONE_EXIST) {
        return Err(Rejection::not_opened("conditional-create", "conditional create"));
    }
    let foreign: &[HeaderName] = match interaction {
        Interaction::Create(_) => &[IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE],
        Interaction::Update(_) | Interaction::Delete(_) => &[IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE],
        _ => &[],
    };
    if foreign.iter().any(|name| headers.contains_key(name)) {
        return Err(Rejection::not_opened("conditional-write", "this condition on a write"));
    }
    Ok(())
}

fn forwarded(headers: &HeaderMap, interaction: &Interaction) -> HeaderMap {
    let names: &[HeaderName] = match interaction {
        Interaction::Update(_) | Interaction::Delete(_) => &[IF_MATCH],
        Interaction::Read(_) | Interaction::Vread(..) => &[IF_NONE_MATCH, IF_MODIFIED_SINCE],
        _ => &[],
    };
    let mut forwarded = HeaderMap::new();
    for name in names {
        if let Some(value) = headers.get(name) {
            forwarded.insert(name, value.clone());
        }
    }
    if let Some(preference) = preference(headers).filter(|_| interaction.carries_resource()) {
        forwarded.insert(PREFER, HeaderValue::from_static(preference));
    }
    forwarded
}

/// Source: RFC 7240 §4.2; FHIR R4 "RESTful API" §3.1.0.1.8
fn preference(headers: &HeaderMap) -> Option<&'static str> {
    const RETURNS: [&str; 3] = ["return=minimal", "return=representation", "return=OperationOutcome"];
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';'])).map(str::trim);
    preferences.find_map(|said| RETURNS.into_iter().find(|known| *known == said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interaction(method: &str, path: &str) -> Interaction {
        Interaction::parse(&method.parse().unwrap(), path, "").unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    fn reason(interaction: &Interaction, pairs: &[(&'static str, &'static str)]) -> &'static str {
        judge(&headers(pairs), interaction, false).unwrap_err().rule().reason_code
    }

    const JSON: (&str, &str) = ("content-type", "application/fhir+json");

    #[test]
    fn only_listed_headers_go_on() {
        let read = interaction("GET", "/Patient/1");
        let all = headers(&[
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-user", "admin"),
            ("accept", "application/fhir+json"),
            ("if-none-match", "W/\"1\""),
            ("if-modified-since", "Sat, 01 Jan 2022 00:00:00 GMT"),
            ("if-match", "W/\"9\""),
            ("prefer", "return=minimal"),
        ]);
        let forwarded = judge(&all, &read, false).unwrap();
        assert_eq!(
            forwarded,
            headers(&[("if-none-match", "W/\"1\""), ("if-modified-since", "Sat, 01 Jan 2022 00:00:00 GMT")])
        );
        let update = interaction("PUT", "/Patient/1");
        let all = headers(&[JSON, ("if-match", "W/\"9\""), ("prefer", "handling=strict, return=minimal; x=y")]);
        let forwarded = judge(&all, &update, false).unwrap();
        assert_eq!(forwarded, headers(&[("if-match", "W/\"9\""), ("prefer", "return=minimal")]));
        let other = headers(&[JSON, ("prefer", "return=everything, respond-async")]);
        assert!(judge(&other, &update, false).unwrap().is_empty());
    }

    #[test]
    fn refuses_overrides_and_repeated_headers() {
        let read = interaction("GET", "/Patient/1");
        assert_eq!(reason(&read, &[("x-http-method-override", "DELETE")]), "header");
        assert_eq!(reason(&read, &[("x-http-method", "DELETE")]), "header");
        assert_eq!(reason(&read, &[("x-original-url", "/admin")]), "header");
        assert_eq!(reason(&read, &[("authorization", "a"), ("authorization", "b")]), "header-twice");
        let update = interaction("PUT", "/Patient/1");
        assert_eq!(reason(&update, &[JSON, ("if-match", "1"), ("if-match", "2")]), "header-twice");
    }

    #[test]
    fn refuses_a_body_where_none_may_be() {
        for (method, path) in [("GET", "/Patient/1"), ("DELETE", "/Patient/1"), ("HEAD", "/Patient")] {
            let interaction = interaction(method, path);
            assert_eq!(reason(&interaction, &[("content-length", "5")]), "header");
            assert_eq!(reason(&interaction, &[("transfer-encoding", "chunked")]), "header");
            assert!(judge(&headers(&[("content-length", "0")]), &interaction, false).is_ok());
        }
    }

    #[test]
    fn speaks_json_alone() {
        let read = interaction("GET", "/Patient/1");
        assert_eq!(reason(&read, &[("accept", "application/fhir+xml")]), "not-acceptable");
        assert!(judge(&headers(&[("accept", "application/fhir+xml")]), &read, true).is_ok());
        let create = interaction("POST", "/Patient");
        assert_eq!(reason(&create, &[]), "unsupported-media-type");
        assert_eq!(reason(&create, &[("content-type", "application/fhir+xml")]), "unsupported-media-type");
        assert_eq!(reason(&create, &[JSON, ("content-encoding", "gzip")]), "unsupported-media-type");
        let search = interaction("POST", "/Patient/_search");
        assert_eq!(reason(&search, &[JSON]), "unsupported-media-type");
        assert!(judge(&headers(&[("content-type", media::FORM)]), &search, false).is_ok());
    }

    #[test]
    fn refuses_conditions_that_it_would_have_to_leave_out() {
        let create = interaction("POST", "/Patient");
        assert_eq!(reason(&create, &[JSON, ("if-none-exist", "identifier=1")]), "conditional-create");
        assert_eq!(reason(&create, &[JSON, ("if-match", "1")]), "conditional-write");
        let update = interaction("PUT", "/Patient/1");
        assert_eq!(reason(&update, &[JSON, ("if-none-match", "*")]), "conditional-write");
        assert_eq!(reason(&update, &[JSON, ("if-unmodified-since", "x")]), "conditional-write");
    }
}
