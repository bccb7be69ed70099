//! The parameters of a request: each is understood or the request is refused.
//!
//! A parameter that we do not understand could open other types (`_include`, chains), answer questions about them
//! (`_has`), or turn a write into another (`PUT` with a query). Search parameters proper are the server's own and differ
//! from server to server; they are let through by the form of their name.
//!
//! Source: FHIR R4 "Search" §3.1.1; security invariants 39 and 41

use std::fmt::Write as _;

use super::media;
use super::path::Interaction;
use super::percent::{Plus, decode, encode};
use super::resource_type::ResourceType;
use crate::rejection::Rejection;
use tessera_udap::foreign_text;

/// The longest query, in bytes as received.
const MAX_QUERY_BYTES: usize = 8 * 1024;
/// The most parameters of one request, in query and form together.
const MAX_PARAMETERS: usize = 100;
/// The longest name, in bytes after decoding.
const MAX_NAME_BYTES: usize = 128;

/// Parameters in the order received, judged for their interaction. `_format` has been answered and is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
}

impl Parameters {
    /// Reads the query of a request.
    pub(crate) fn of_query(query: Option<&str>, interaction: &Interaction) -> Result<Self, Rejection> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(Rejection::QueryTooLong);
        }
        Self::default().and(query, interaction)
    }

    /// Adds the form of a POST to `_search`; what may occur once may occur once in both together.
    pub(crate) fn and(mut self, form: &str, interaction: &Interaction) -> Result<Self, Rejection> {
        if form.is_empty() {
            return Ok(self);
        }
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=').ok_or(Rejection::MalformedParameters)?;
            let name = decode(name, Plus::Space).ok_or(Rejection::MalformedParameters)?;
            let value = decode(value, Plus::Space).ok_or(Rejection::MalformedParameters)?;
            if name.is_empty() || name.len() > MAX_NAME_BYTES || self.pairs.len() == MAX_PARAMETERS {
                return Err(Rejection::MalformedParameters);
            }
            let meaning = Meaning::of(&name, interaction)?;
            if meaning != Meaning::Criterion && self.pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(parameter(&name, "may be there only once"));
            }
            meaning.judge_value(&name, &value)?;
            self.pairs.push((name, value));
        }
        Ok(self)
    }

    /// The parameters as a query or form, encoded anew; `None` when there is none to send.
    pub(crate) fn encoded(&self) -> Option<String> {
        let mut text = String::new();
        for (name, value) in self.pairs.iter().filter(|(name, _)| name != "_format") {
            if !text.is_empty() {
                text.push('&');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{}={}", encode(name), encode(value));
        }
        (!text.is_empty()).then_some(text)
    }

    /// Whether `_format` asked for JSON; it wins over `Accept`.
    pub(crate) fn ask_for_json(&self) -> bool {
        self.pairs.iter().any(|(name, _)| name == "_format")
    }
}

/// Whether a search may have a parameter of this name.
pub(crate) fn is_search_parameter(name: &str) -> bool {
    of_search(name).is_ok()
}

/// What a parameter does; all but criteria may occur once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Narrows a search.
    Criterion,
    /// The form of the answer.
    Format,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Names of elements or parameters, separated by commas.
    Names,
    /// A number.
    Number,
    /// A point or span of time.
    Time,
    /// Where a page begins, in the server's own words.
    Place,
}

impl Meaning {
    fn of(name: &str, interaction: &Interaction) -> Result<Self, Rejection> {
        match name {
            "access_token" => return Err(Rejection::TokenPlacement),
            "_format" => return Ok(Self::Format),
            "_pretty" => return Ok(Self::OneOf(&["true", "false"])),
            _ => {}
        }
        match interaction {
            Interaction::Capabilities if name == "mode" => Ok(Self::OneOf(&["full"])),
            Interaction::Read(_) | Interaction::Vread(..) => of_view(name),
            Interaction::HistoryInstance(_) => match name {
                "_since" | "_at" => Ok(Self::Time),
                "_count" => Ok(Self::Number),
                _ => of_page(name).map_or_else(|| of_view(name), Ok),
            },
            Interaction::SearchType(..) => of_search(name),
            Interaction::Create(_) | Interaction::Update(_) | Interaction::Delete(_) => {
                Err(Rejection::not_opened("conditional-write", "a write with parameters"))
            }
            Interaction::Capabilities => Err(parameter(name, "is not understood here")),
        }
    }

    fn judge_value(self, name: &str, value: &str) -> Result<(), Rejection> {
        let all = |fits: fn(u8) -> bool| !value.is_empty() && value.bytes().all(fits);
        let fits = match self {
            Self::Criterion => true,
            Self::Format if media::is_json_format(value) => true,
            Self::Format => return Err(Rejection::NotAcceptable),
            Self::OneOf(words) => words.contains(&value),
            Self::Names => all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b',')),
            Self::Number => value.len() <= 9 && all(|byte| byte.is_ascii_digit()),
            Self::Time => {
                value.len() <= 64
                    && all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.' | b'+'))
            }
            Self::Place => {
                value.len() <= 1024 && all(|byte| byte.is_ascii_alphanumeric() || b"-._~=+/".contains(&byte))
            }
        };
        if fits { Ok(()) } else { Err(parameter(name, "has a value that is not understood")) }
    }
}

fn of_view(name: &str) -> Result<Meaning, Rejection> {
    match name {
        "_summary" => Ok(Meaning::OneOf(&["true", "text", "data", "count", "false"])),
        "_elements" => Ok(Meaning::Names),
        _ => Err(parameter(name, "is not understood here")),
    }
}

/// What FHIR servers put into the links of their pages; the specification leaves it to them.
fn of_page(name: &str) -> Option<Meaning> {
    matches!(name, "_cursor" | "_offset" | "_page" | "_page_token" | "_getpagesoffset").then_some(Meaning::Place)
}

fn of_search(name: &str) -> Result<Meaning, Rejection> {
    let (plain, modifier) = match name.split_once(':') {
        Some((plain, modifier)) => (plain, Some(modifier)),
        None => (name, None),
    };
    match plain {
        "_include" | "_revinclude" => return Err(Rejection::not_opened("include", "included resources")),
        "_has" => return Err(Rejection::not_opened("reverse-chain", "reverse chains")),
        "_list" | "_query" | "_filter" | "_contained" | "_containedType" | "_type" | "_graph" => {
            return Err(Rejection::not_opened("search-parameter", "this search parameter"));
        }
        _ if name.contains('.') => return Err(Rejection::not_opened("chain", "chained parameters")),
        "_id" | "_lastUpdated" | "_tag" | "_profile" | "_security" | "_source" | "_text" | "_content" => {}
        "_sort" if modifier.is_none() => return Ok(Meaning::Names),
        "_count" if modifier.is_none() => return Ok(Meaning::Number),
        "_total" if modifier.is_none() => return Ok(Meaning::OneOf(&["none", "estimate", "accurate"])),
        _ if plain.starts_with('_') => return of_page(name).map_or_else(|| of_view(name), Ok),
        _ if is_search_name(plain) => {}
        _ => return Err(parameter(name, "is not a search parameter's name")),
    }
    if modifier.is_none_or(is_modifier) {
        Ok(Meaning::Criterion)
    } else {
        Err(parameter(name, "has a modifier that is not understood"))
    }
}

fn is_search_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// FHIR R4 "Search" §3.1.1.5.4; a type name tells what a reference points to.
fn is_modifier(modifier: &str) -> bool {
    const MODIFIERS: [&str; 11] =
        ["missing", "exact", "contains", "text", "not", "above", "below", "in", "not-in", "of-type", "identifier"];
    MODIFIERS.contains(&modifier) || ResourceType::parse(modifier).is_some()
}

fn parameter(name: &str, rule: &'static str) -> Rejection {
    Rejection::Parameter { name: foreign_text(name), rule }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn interaction(method: &str, path: &str) -> Interaction {
        let method: Method = method.parse().unwrap();
        Interaction::parse(&method, path, "").unwrap()
    }

    fn search(query: &str) -> Result<Parameters, Rejection> {
        Parameters::of_query(Some(query), &interaction("GET", "/Observation"))
    }

    fn reason(query: &str) -> &'static str {
        search(query).unwrap_err().rule().reason_code
    }

    #[test]
    fn builds_anew_what_a_search_says() {
        let query = "code=http%3a%2f%2floinc.org|8480-6&date=ge2020&date=le2021&subject:Patient=23&name:exact=a+b\
                     &_id=1,2&_lastUpdated=gt2020&_sort=-date,_id&_count=50&_summary=false&_elements=id,name\
                     &_total=accurate&_cursor=p01&_format=json&_pretty=true";
        assert_eq!(
            search(query).unwrap().encoded().unwrap(),
            "code=http://loinc.org%7C8480-6&date=ge2020&date=le2021&subject:Patient=23&name:exact=a%20b\
             &_id=1,2&_lastUpdated=gt2020&_sort=-date,_id&_count=50&_summary=false&_elements=id,name\
             &_total=accurate&_cursor=p01&_pretty=true"
        );
        assert_eq!(search("").unwrap().encoded(), None);
        assert_eq!(search("_format=json").unwrap().encoded(), None);
        assert!(search("_format=application/fhir%2Bjson").unwrap().ask_for_json());
    }

    #[test]
    fn an_encoded_separator_stays_inside_its_value() {
        let parameters = search("name=a%26_include%3Dx").unwrap();
        assert_eq!(parameters.encoded().unwrap(), "name=a%26_include%3Dx");
    }

    #[test]
    fn refuses_what_would_open_other_types() {
        for (query, code) in [
            ("_include=Observation:subject", "include"),
            ("_include:iterate=x", "include"),
            ("_revinclude=Provenance:target", "include"),
            ("%5Finclude=x", "include"),
            ("_has:Observation:patient:code=1", "reverse-chain"),
            ("subject.name=x", "chain"),
            ("subject:Patient.name=x", "chain"),
            ("_list=$current", "search-parameter"),
            ("_query=x", "search-parameter"),
            ("_filter=x", "search-parameter"),
            ("_contained=true", "search-parameter"),
            ("_type=Patient", "search-parameter"),
        ] {
            assert_eq!(reason(query), code, "{query}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for query in [
            "_unknown=1",
            "_since=2020",
            "name:fuzzy=x",
            "na me=x",
            "1name=x",
            "_sort=subject.name",
            "_count=-1",
            "_count=1234567890",
            "_count:exact=1",
            "_summary=all",
            "_elements=",
            "_total=maybe",
            "_cursor=%3Ca%3E",
            "_count=1&_count=2",
            "_sort=a&_sort=b",
        ] {
            assert_eq!(reason(query), "parameter", "{query}");
        }
        for query in ["name", "&", "name=x&", "=x", "name=%zz", "name=%00", "name=%ff"] {
            assert_eq!(reason(query), "parameters-malformed", "{query}");
        }
        assert_eq!(reason(&vec!["a=1"; 101].join("&")), "parameters-malformed");
        assert!(search(&vec!["a=1"; 100].join("&")).is_ok());
        assert_eq!(reason(&format!("a={}", "x".repeat(9000))), "query-too-long");
        assert_eq!(reason("_format=xml"), "not-acceptable");
        assert_eq!(reason("access_token=x"), "token-placement");
        assert_eq!(reason("access%5Ftoken=x"), "token-placement");
    }

    #[test]
    fn a_write_takes_no_parameters() {
        for (method, path) in [("PUT", "/Patient/1"), ("DELETE", "/Patient/1"), ("POST", "/Patient")] {
            let interaction = interaction(method, path);
            let refused = Parameters::of_query(Some("identifier=1"), &interaction).unwrap_err();
            assert_eq!(refused.rule().reason_code, "conditional-write");
            assert!(Parameters::of_query(Some("_pretty=true"), &interaction).is_ok());
        }
    }

    #[test]
    fn reads_and_histories_know_their_own() {
        let read = interaction("GET", "/Patient/1");
        assert!(Parameters::of_query(Some("_summary=text&_elements=name"), &read).is_ok());
        assert!(Parameters::of_query(Some("name=x"), &read).is_err());
        let history = interaction("GET", "/Patient/1/_history");
        assert!(Parameters::of_query(Some("_since=2020-01-01T00:00:00%2B01:00&_count=3&_page=2"), &history).is_ok());
        assert!(Parameters::of_query(Some("_list=x"), &history).is_err());
        let metadata = interaction("GET", "/metadata");
        assert!(Parameters::of_query(Some("mode=full&_format=json"), &metadata).is_ok());
        assert!(Parameters::of_query(Some("mode=terminology"), &metadata).is_err());
    }

    #[test]
    fn query_and_form_are_one() {
        let search = interaction("POST", "/Patient/_search");
        let query = Parameters::of_query(Some("_count=1&name=a"), &search).unwrap();
        let both = query.clone().and("name=b&birthdate=2000", &search).unwrap();
        assert_eq!(both.encoded().unwrap(), "_count=1&name=a&name=b&birthdate=2000");
        assert!(query.clone().and("_count=2", &search).is_err());
        assert!(query.and("access_token=x", &search).is_err());
    }
}
