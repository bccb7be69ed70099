//! A search as it was asked: criteria, page size and where the page begins.
//!
//! Source: FHIR R4 `search.html`

use std::fmt;

use super::criterion::{Criterion, On, TextMatch, Wanted, split_unescaped, unescape};
use super::parameter::Kind;
use crate::identifier::ResourceId;
use crate::resource_type::ResourceType;

/// Resources on a page unless `_count` says otherwise.
const DEFAULT_COUNT: usize = 50;
/// `_count` above this is understood as this.
const COUNT_LIMIT: usize = 200;
/// Alternatives of all criteria together.
const ALTERNATIVES_LIMIT: usize = 128;

/// What to do with a parameter that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Refuse the search.
    Strict,
    /// Leave the parameter out; the `self` link shows what was used.
    Lenient,
}

/// A search that can be answered.
#[derive(Debug)]
pub(crate) struct Query {
    criteria: Vec<Criterion>,
    pub(crate) count: usize,
    /// The page holds what comes after this id.
    pub(crate) after: Option<ResourceId>,
    /// Name and value of every parameter that was used, the cursor excepted.
    pub(crate) used: Vec<(String, String)>,
}

impl Query {
    /// Reads the parameters of a search for this type; references that begin with `base` are local.
    ///
    /// # Errors
    /// [`QueryError`] for the first parameter that cannot be used.
    pub(crate) fn read(
        kind: ResourceType,
        parameters: Vec<(String, String)>,
        handling: Handling,
        base: &str,
    ) -> Result<Self, QueryError> {
        let mut query = Self { criteria: Vec::new(), count: DEFAULT_COUNT, after: None, used: Vec::new() };
        let mut counted = false;
        for (name, value) in parameters {
            match name.as_str() {
                "_format" | "_pretty" => continue,
                "_count" if counted => return Err(QueryError::Repeated("_count")),
                "_count" => {
                    query.count = value.parse().map_or(Err(QueryError::Value(name.clone())), |count: u32| {
                        Ok(usize::try_from(count).unwrap_or(COUNT_LIMIT).min(COUNT_LIMIT))
                    })?;
                    counted = true;
                }
                "_cursor" if query.after.is_some() => return Err(QueryError::Repeated("_cursor")),
                "_cursor" => {
                    query.after = Some(ResourceId::parse(&value).ok_or_else(|| QueryError::Value(name.clone()))?);
                    continue;
                }
                _ => match criterion(kind, &name, &value, base) {
                    Ok(criterion) => query.criteria.push(criterion),
                    Err(QueryError::Unknown(_) | QueryError::Empty(_)) if handling == Handling::Lenient => {
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            }
            query.used.push((name, value));
        }
        if query.criteria.iter().map(Criterion::size).sum::<usize>() > ALTERNATIVES_LIMIT {
            return Err(QueryError::TooMuch);
        }
        Ok(query)
    }

    /// Whether every criterion holds.
    pub(crate) fn matches(&self, id: &ResourceId, updated: i64, index: &[super::index::IndexEntry]) -> bool {
        self.criteria.iter().all(|criterion| criterion.holds(id, updated, index))
    }
}

fn criterion(kind: ResourceType, name: &str, value: &str, base: &str) -> Result<Criterion, QueryError> {
    let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    let unknown = || QueryError::Unknown(name.to_owned());
    let wrong_modifier = || QueryError::Modifier(name.to_owned());
    let alternatives = |read: &dyn Fn(&str) -> Option<Wanted>| {
        if value.is_empty() {
            return Err(QueryError::Empty(name.to_owned()));
        }
        split_unescaped(value, ',')
            .into_iter()
            .map(|text| read(text).ok_or_else(|| QueryError::Value(name.to_owned())))
            .collect::<Result<Vec<_>, _>>()
    };

    if matches!(code, "_id" | "_lastUpdated") && modifier.is_some() {
        return Err(wrong_modifier());
    }
    match code {
        "_id" => {
            let any_of = alternatives(&|text| unescape(text).filter(|id| !id.is_empty()).map(Wanted::Id))?;
            Ok(Criterion { on: On::Id, any_of })
        }
        "_lastUpdated" => Ok(Criterion { on: On::LastUpdated, any_of: alternatives(&Wanted::date)? }),
        _ => {
            let (position, parameter) =
                (0_u8..).zip(kind.search_parameters()).find(|(_, one)| one.name == code).ok_or_else(unknown)?;
            let how = match (modifier, parameter.kind) {
                (None, _) => TextMatch::Begins,
                (Some("exact"), Kind::Text) => TextMatch::Exact,
                (Some("contains"), Kind::Text) => TextMatch::Contains,
                // `subject:Patient=a` says what is known: the parameter points to nothing else.
                (Some(target), Kind::Reference(only)) if target == only => TextMatch::Begins,
                (Some(_), _) => return Err(wrong_modifier()),
            };
            let any_of = alternatives(&|text| Wanted::parse(parameter.kind, text, how, base))?;
            Ok(Criterion { on: On::Parameter(position), any_of })
        }
    }
}

/// Why a search cannot be answered; the names are the client's own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QueryError {
    /// No such parameter for this type.
    Unknown(String),
    /// The parameter has no value.
    Empty(String),
    /// The parameter does not have this modifier; refused even when lenient.
    ///
    /// Source: FHIR R4 `search.html#modifiers`
    Modifier(String),
    /// The value is none of the parameter's type.
    Value(String),
    /// A parameter of which there can be one.
    Repeated(&'static str),
    /// More alternatives than one search may have.
    TooMuch,
}

impl QueryError {
    /// The code for the `OperationOutcome`.
    pub(crate) const fn issue_code(&self) -> &'static str {
        match self {
            Self::Unknown(_) | Self::Modifier(_) => "not-supported",
            Self::Empty(_) | Self::Value(_) | Self::Repeated(_) => "value",
            Self::TooMuch => "too-costly",
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(formatter, "the search parameter {} is not supported for this type", shown(name))
            }
            Self::Empty(name) => write!(formatter, "the search parameter {} has no value", shown(name)),
            Self::Modifier(name) => write!(formatter, "the modifier in {} is not supported", shown(name)),
            Self::Value(name) => write!(formatter, "the value of {} is not one of the parameter's type", shown(name)),
            Self::Repeated(name) => write!(formatter, "the parameter {name} may come once"),
            Self::TooMuch => write!(formatter, "the search has more than {ALTERNATIVES_LIMIT} values"),
        }
    }
}

/// A name from outside as it may be shown: short, and only what names are made of.
fn shown(name: &str) -> String {
    name.chars()
        .take(64)
        .map(|one| if one.is_ascii_alphanumeric() || "_-.:".contains(one) { one } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: &[(&str, &str)], handling: Handling) -> Result<Query, QueryError> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Query::read(ResourceType::Patient, parameters, handling, "http://fhir.example")
    }

    #[test]
    fn reads_criteria_and_page() {
        let query =
            read(&[("name", "a,b"), ("_count", "7"), ("_cursor", "p01"), ("_format", "json")], Handling::Strict)
                .unwrap();
        assert_eq!((query.count, query.criteria.len()), (7, 1));
        assert_eq!(query.after.unwrap().as_str(), "p01");
        assert_eq!(query.used.len(), 2);
        assert_eq!(read(&[("_count", "100000")], Handling::Strict).unwrap().count, COUNT_LIMIT);
        assert_eq!(read(&[], Handling::Strict).unwrap().count, DEFAULT_COUNT);
    }

    #[test]
    fn unknown_and_empty_parameters_are_refused_unless_lenient() {
        for parameter in [
            ("shoe-size", "44"),
            ("_sort", "name"),
            ("organization.name", "x"),
            ("_has:Observation:patient:code", "x"),
            ("name", ""),
        ] {
            assert!(read(&[parameter], Handling::Strict).is_err(), "{parameter:?}");
            let query = read(&[parameter], Handling::Lenient).unwrap();
            assert!(query.criteria.is_empty() && query.used.is_empty());
        }
    }

    #[test]
    fn wrong_modifiers_and_values_are_refused_always() {
        for parameter in [
            ("name:phonetic", "a"),
            ("gender:not", "male"),
            ("birthdate:missing", "true"),
            ("_id:not", "a"),
            ("birthdate", "ap2020"),
            ("birthdate", "soon"),
            ("_count", "-1"),
            ("_count", "many"),
            ("_cursor", "a/b"),
            ("_lastUpdated", "x"),
            ("name", "a,"),
            ("name", "a\\b"),
        ] {
            assert!(read(&[parameter], Handling::Lenient).is_err(), "{parameter:?}");
        }
        assert_eq!(
            read(&[("_count", "1"), ("_count", "2")], Handling::Strict).unwrap_err(),
            QueryError::Repeated("_count")
        );
    }

    #[test]
    fn refuses_more_work_than_a_search_may_be() {
        let many = vec!["x"; ALTERNATIVES_LIMIT + 1].join(",");
        assert_eq!(read(&[("name", &many)], Handling::Strict).unwrap_err(), QueryError::TooMuch);
    }

    #[test]
    fn shows_no_more_of_a_name_than_its_beginning() {
        let error = QueryError::Unknown(format!("<b>{}", "x".repeat(500))).to_string();
        assert!(error.contains("?b?xxx") && error.len() < 150);
    }
}
