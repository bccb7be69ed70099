//! Entity tags and dates: conditional reads, and writes that expect a version.
//!
//! A version's tag is its number, weak as FHIR has it: `W/"3"`.
//!
//! Source: FHIR R4 `http.html#versioning`, `#cread`, `#concurrency`; RFC 9110 §8.8, §13

use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::interaction::version_number;
use super::outcome::Refusal;
use crate::store::{Expected, Version};

pub(super) fn etag(version: &Version) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("W/\"{}\"", version.number)).ok()
}

/// Whole seconds, as the header has no finer ones.
pub(super) fn last_modified(version: &Version) -> Option<HeaderValue> {
    let updated = Timestamp::from_millisecond(version.updated).ok()?;
    HeaderValue::try_from(DateTimePrinter::new().timestamp_to_rfc9110_string(&updated).ok()?).ok()
}

/// Whether the reader has this version already; a date counts only where no tag is given.
pub(super) fn is_not_modified(headers: &HeaderMap, version: &Version) -> Result<bool, Refusal> {
    if headers.contains_key(IF_NONE_MATCH) {
        return Ok(match tags(headers, &IF_NONE_MATCH)? {
            Tags::Any => true,
            Tags::Listed(numbers) => numbers.contains(&version.number),
        });
    }
    // A date that is none is ignored, RFC 9110 §13.1.3.
    let since = headers
        .get(IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
    Ok(since.is_some_and(|since| version.updated.div_euclid(1_000) <= since.as_second()))
}

/// What a write expects of the resource that it changes.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expected, Refusal> {
    if headers.contains_key(IF_MATCH) {
        return Ok(match tags(headers, &IF_MATCH)? {
            Tags::Any => Expected::Existing,
            Tags::Listed(numbers) => Expected::OneOf(numbers),
        });
    }
    if headers.contains_key(IF_NONE_MATCH) {
        return match tags(headers, &IF_NONE_MATCH)? {
            Tags::Any => Ok(Expected::Absent),
            Tags::Listed(_) => Err(Refusal::invalid("a write takes If-None-Match only as *")),
        };
    }
    Ok(Expected::Anything)
}

enum Tags {
    Any,
    /// The numbers among the tags; a tag that is no number of ours matches nothing.
    Listed(Vec<u32>),
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Tags, Refusal> {
    let malformed = || Refusal::invalid(format!("{name} is not * or a list of entity tags"));
    let mut numbers = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_error| malformed())?.trim();
        if text == "*" {
            return Ok(Tags::Any);
        }
        for tag in text.split(',') {
            let opaque = tag.trim();
            let opaque = opaque.strip_prefix("W/").unwrap_or(opaque);
            let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
            numbers.extend(version_number(opaque));
        }
    }
    Ok(Tags::Listed(numbers))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;
    use crate::store::Change;

    fn version() -> Version {
        Version { number: 3, updated: 1_700_000_000_500, change: Change::Updated, body: Bytes::new() }
    }

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn writes_tag_and_date() {
        assert_eq!(etag(&version()).unwrap(), "W/\"3\"");
        assert_eq!(last_modified(&version()).unwrap(), "Tue, 14 Nov 2023 22:13:20 GMT");
    }

    #[test]
    fn a_reader_with_the_version_gets_nothing_anew() {
        for (value, expected) in [
            ("W/\"3\"", true),
            ("\"3\"", true),
            ("*", true),
            ("W/\"2\", W/\"3\"", true),
            ("W/\"2\"", false),
            ("\"x\"", false),
        ] {
            assert_eq!(is_not_modified(&headers(IF_NONE_MATCH, value), &version()).unwrap(), expected, "{value}");
        }
        for (value, expected) in [
            ("Tue, 14 Nov 2023 22:13:20 GMT", true),
            ("Tue, 14 Nov 2023 22:13:19 GMT", false),
            ("Wed, 15 Nov 2023 00:00:00 GMT", true),
            ("yesterday", false),
        ] {
            assert_eq!(is_not_modified(&headers(IF_MODIFIED_SINCE, value), &version()).unwrap(), expected, "{value}");
        }
        let mut both = headers(IF_NONE_MATCH, "W/\"2\"");
        both.insert(IF_MODIFIED_SINCE, HeaderValue::from_static("Wed, 15 Nov 2023 00:00:00 GMT"));
        assert!(!is_not_modified(&both, &version()).unwrap());
        assert!(!is_not_modified(&HeaderMap::new(), &version()).unwrap());
    }

    #[test]
    fn a_writer_names_what_it_expects() {
        assert_eq!(expected(&HeaderMap::new()).unwrap(), Expected::Anything);
        assert_eq!(expected(&headers(IF_MATCH, "*")).unwrap(), Expected::Existing);
        assert_eq!(expected(&headers(IF_MATCH, "W/\"3\",\"4\"")).unwrap(), Expected::OneOf(vec![3, 4]));
        assert_eq!(expected(&headers(IF_MATCH, "W/\"abc\"")).unwrap(), Expected::OneOf(vec![]));
        assert_eq!(expected(&headers(IF_NONE_MATCH, "*")).unwrap(), Expected::Absent);
    }

    #[test]
    fn malformed_tags_are_refused() {
        for value in ["3", "", "W/3", "\"3", "W/\"3\" W/\"4\"x", "\""] {
            assert!(expected(&headers(IF_MATCH, value)).is_err(), "{value}");
            assert!(is_not_modified(&headers(IF_NONE_MATCH, value), &version()).is_err(), "{value}");
        }
        assert!(expected(&headers(IF_NONE_MATCH, "W/\"3\"")).is_err());
    }
}
