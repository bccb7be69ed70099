//! Parameters of the query or of a search form, decoded and in order.

use http::header::HeaderMap;
use http::{StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::interaction::Interaction;
use super::outcome::Refusal;
use super::prefer;
use crate::search::query::Handling;

/// Bytes of a query, or of a search form.
const LENGTH_LIMIT: usize = 8 * 1024;
/// Parameters of one request.
const COUNT_LIMIT: usize = 64;

/// Everything but RFC 3986's unreserved characters, and those that read better as they are and mean nothing here.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/').remove(b',');

/// Name and value of each parameter; a name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// # Errors
    /// 414 for a query that is too long, 400 for one that cannot be decoded.
    pub(super) fn of_uri(uri: &Uri) -> Result<Self, Refusal> {
        let query = uri.query().unwrap_or_default();
        if query.len() > LENGTH_LIMIT {
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, "too-long", "the query is too long; use POST _search"));
        }
        Self::decode(query)
    }

    /// # Errors
    /// 413 for a form that is too long, 400 for one that cannot be decoded.
    pub(super) fn of_form(form: &[u8]) -> Result<Self, Refusal> {
        if form.len() > LENGTH_LIMIT {
            return Err(Refusal::body(StatusCode::PAYLOAD_TOO_LARGE, LENGTH_LIMIT));
        }
        Self::decode(std::str::from_utf8(form).map_err(|_error| undecodable())?)
    }

    fn decode(text: &str) -> Result<Self, Refusal> {
        let mut parameters = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decoded(name)?, decoded(value)?));
        }
        Self(parameters).within_limit()
    }

    /// These parameters and then those of the form; FHIR has both count in a search by `POST`.
    pub(super) fn followed_by(mut self, form: Self) -> Result<Self, Refusal> {
        self.0.extend(form.0);
        self.within_limit()
    }

    fn within_limit(self) -> Result<Self, Refusal> {
        if self.0.len() > COUNT_LIMIT {
            return Err(Refusal::invalid(format!("a request may have {COUNT_LIMIT} parameters")));
        }
        Ok(self)
    }

    /// The first value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// Refuses, unless the client is lenient, what means nothing to an interaction that is not a search.
    pub(super) fn check_only_general(&self, interaction: &Interaction, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_known = |(name, value): &(String, String)| match name.as_str() {
            "_format" | "_pretty" => true,
            "mode" => *interaction == Interaction::Capabilities && value == "full",
            _ => false,
        };
        if prefer::handling(headers) == Handling::Lenient || self.0.iter().all(is_known) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "not-supported",
            "the only parameters of this interaction are _format and _pretty",
        ))
    }
}

/// A query that decodes to these parameters.
pub(super) fn encode<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = parameters
        .into_iter()
        .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, ESCAPED), utf8_percent_encode(value, ESCAPED)))
        .collect();
    pairs.join("&")
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(String::from).map_err(|_error| undecodable())
}

fn undecodable() -> Refusal {
    Refusal::invalid("the parameters are not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_encodes() {
        let parameters = Parameters::decode("name=%C3%A4+b&&code=s%7Cc&code=2&flag").unwrap();
        assert_eq!(parameters.value("code"), Some("s|c"));
        let pairs = parameters.into_pairs();
        assert_eq!(pairs.len(), 4);
        let encoded = encode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(encoded, "name=%C3%A4%20b&code=s%7Cc&code=2&flag=");
        assert_eq!(Parameters::decode(&encoded).unwrap().into_pairs(), pairs);
    }

    #[test]
    fn refuses_what_is_too_much_or_not_utf8() {
        assert!(Parameters::decode("a=%FF").is_err());
        assert!(Parameters::of_form(b"a=\xFF").is_err());
        assert!(Parameters::of_form(&vec![b'a'; LENGTH_LIMIT + 1]).is_err());
        assert!(Parameters::decode(&"a&".repeat(COUNT_LIMIT)).is_ok());
        assert!(Parameters::decode(&"a&".repeat(COUNT_LIMIT + 1)).is_err());
        let half = || Parameters::decode(&"a&".repeat(COUNT_LIMIT / 2 + 1)).unwrap();
        assert!(half().followed_by(half()).is_err());
    }
}
