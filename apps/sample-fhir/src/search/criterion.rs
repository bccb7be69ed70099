//! One criterion of a search: a parameter with the values of which any will do.
//!
//! Source: FHIR R4 `search.html#token`, `#string`, `#date`, `#reference`, `#escaping`

use super::index::{IndexEntry, IndexValue};
use super::parameter::Kind;
use super::period::{Comparison, Period};
use crate::identifier::ResourceId;

/// Matches when any of the alternatives meets any value of the parameter.
#[derive(Debug)]
pub(crate) struct Criterion {
    pub(super) on: On,
    pub(super) any_of: Vec<Wanted>,
}

/// What a criterion looks at.
#[derive(Debug)]
pub(super) enum On {
    Id,
    LastUpdated,
    /// The parameter at this place of the type's table.
    Parameter(u8),
}

/// One alternative, ready to be compared.
#[derive(Debug)]
pub(super) enum Wanted {
    Id(String),
    Token {
        system: WantedSystem,
        code: Option<String>,
    },
    Text {
        text: String,
        how: TextMatch,
    },
    Date {
        comparison: Comparison,
        period: Period,
    },
    /// The id alone, of whatever type the parameter points to.
    ReferenceTo(String),
    /// `Type/id`, or an absolute URL elsewhere.
    Reference(String),
}

#[derive(Debug)]
pub(super) enum WantedSystem {
    /// `code`
    Any,
    /// `|code`
    None,
    /// `system|code` or `system|`
    Is(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextMatch {
    /// Without a modifier: begins so, whatever the case.
    Begins,
    /// `:contains`, whatever the case.
    Contains,
    /// `:exact`
    Exact,
}

impl Criterion {
    /// Whether a resource with this id, last update (milliseconds since 1970) and index matches.
    pub(crate) fn holds(&self, id: &ResourceId, updated: i64, index: &[IndexEntry]) -> bool {
        self.any_of.iter().any(|wanted| match self.on {
            On::Id => matches!(wanted, Wanted::Id(wanted) if wanted == id.as_str()),
            On::LastUpdated => wanted.meets(&IndexValue::Date(Period::instant(updated))),
            On::Parameter(parameter) => {
                index.iter().any(|entry| entry.parameter == parameter && wanted.meets(&entry.value))
            }
        })
    }

    /// How many alternatives there are; what a search may cost is counted in these.
    pub(super) fn size(&self) -> usize {
        self.any_of.len()
    }
}

impl Wanted {
    /// Reads one alternative of a parameter of this kind; `None` when it is not one.
    pub(super) fn parse(kind: Kind, text: &str, how: TextMatch, base: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        match kind {
            Kind::Concept | Kind::Coding | Kind::Code(_) | Kind::Identifier => Self::token(text),
            Kind::Text => {
                let text = unescape(text)?;
                let text = if how == TextMatch::Exact { text } else { text.to_lowercase() };
                Some(Self::Text { text, how })
            }
            Kind::Date => Self::date(text),
            Kind::Reference(target) => Self::reference(target, &unescape(text)?, base),
        }
    }

    pub(super) fn date(text: &str) -> Option<Self> {
        let (comparison, date) = Comparison::split(text);
        Some(Self::Date { comparison, period: Period::parse(date)? })
    }

    fn token(text: &str) -> Option<Self> {
        let mut parts = split_unescaped(text, '|').into_iter();
        let (first, second) = (unescape(parts.next()?)?, parts.next().map(unescape));
        if parts.next().is_some() {
            return None;
        }
        let Some(code) = second else {
            return Some(Self::Token { system: WantedSystem::Any, code: Some(first) });
        };
        let code = Some(code?).filter(|code| !code.is_empty());
        match (first.is_empty(), &code) {
            (true, None) => None,
            (true, Some(_)) => Some(Self::Token { system: WantedSystem::None, code }),
            (false, _) => Some(Self::Token { system: WantedSystem::Is(first), code }),
        }
    }

    fn reference(target: &str, text: &str, base: &str) -> Option<Self> {
        let local = text.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
        if local.contains(':') {
            return Some(Self::Reference(local.to_owned()));
        }
        match local.split_once('/') {
            None => ResourceId::parse(local).map(|id| Self::ReferenceTo(id.to_string())),
            Some((kind, id)) => {
                ResourceId::parse(id)?;
                (kind == target).then(|| Self::Reference(local.to_owned()))
            }
        }
    }

    fn meets(&self, value: &IndexValue) -> bool {
        match (self, value) {
            (Self::Token { system, code }, IndexValue::Token { system: actual_system, code: actual_code }) => {
                let system_fits = match system {
                    WantedSystem::Any => true,
                    WantedSystem::None => actual_system.is_none(),
                    WantedSystem::Is(system) => actual_system.as_deref() == Some(system),
                };
                system_fits && code.as_deref().is_none_or(|code| actual_code.as_deref() == Some(code))
            }
            (Self::Text { text, how }, IndexValue::Text(actual)) => match how {
                TextMatch::Exact => **actual == *text,
                TextMatch::Begins => actual.to_lowercase().starts_with(text),
                TextMatch::Contains => actual.to_lowercase().contains(text),
            },
            (Self::Date { comparison, period }, IndexValue::Date(actual)) => comparison.holds(*actual, *period),
            (Self::Reference(text), IndexValue::Reference(actual)) => **actual == *text,
            (Self::ReferenceTo(id), IndexValue::Reference(actual)) => {
                !actual.contains(':') && actual.split_once('/').is_some_and(|(_kind, actual)| actual == id)
            }
            _ => false,
        }
    }
}

/// Splits at each separator that no backslash stands before.
pub(super) fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    text.split(|character: char| {
        let ends = character == separator && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    })
    .collect()
}

/// Takes the backslash from `\\`, `\,`, `\|` and `\$`; `None` for a backslash before anything else.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => characters.next().filter(|next| matches!(next, '\\' | ',' | '|' | '$'))?,
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://fhir.example/r4";

    fn meets(kind: Kind, wanted: &str, value: &IndexValue) -> bool {
        Wanted::parse(kind, wanted, TextMatch::Begins, BASE).unwrap().meets(value)
    }

    #[test]
    fn tokens_compare_system_and_code() {
        let value = IndexValue::Token { system: Some("s".into()), code: Some("c".into()) };
        for wanted in ["c", "s|c", "s|"] {
            assert!(meets(Kind::Concept, wanted, &value), "{wanted}");
        }
        for wanted in ["C", "|c", "t|c", "t|", "s|d"] {
            assert!(!meets(Kind::Concept, wanted, &value), "{wanted}");
        }
        assert!(meets(Kind::Identifier, "|c", &IndexValue::Token { system: None, code: Some("c".into()) }));
        for wanted in ["", "|", "a|b|c", "a\\"] {
            assert!(Wanted::parse(Kind::Concept, wanted, TextMatch::Begins, BASE).is_none(), "{wanted}");
        }
    }

    #[test]
    fn texts_begin_contain_or_are_exact() {
        let value = IndexValue::Text("Märta, Ann".into());
        let meets = |text, how| Wanted::parse(Kind::Text, text, how, BASE).unwrap().meets(&value);
        assert!(meets("mÄR", TextMatch::Begins));
        assert!(!meets("ann", TextMatch::Begins));
        assert!(meets("ANN", TextMatch::Contains));
        assert!(meets("Märta\\, Ann", TextMatch::Exact));
        assert!(!meets("märta\\, Ann", TextMatch::Exact));
    }

    #[test]
    fn references_are_ids_relative_or_absolute() {
        let value = IndexValue::Reference("Patient/a".into());
        let kind = Kind::Reference("Patient");
        for wanted in ["a", "Patient/a", "http://fhir.example/r4/Patient/a"] {
            assert!(meets(kind, wanted, &value), "{wanted}");
        }
        for wanted in ["b", "Patient/b", "http://other.example/Patient/a"] {
            assert!(!meets(kind, wanted, &value), "{wanted}");
        }
        assert!(!meets(kind, "a", &IndexValue::Reference("http://other.example/Patient/a".into())));
        for wanted in ["Group/a", "Patient/", "a/b/c", "a b"] {
            assert!(Wanted::parse(kind, wanted, TextMatch::Begins, BASE).is_none(), "{wanted}");
        }
    }

    #[test]
    fn separators_can_be_escaped() {
        assert_eq!(split_unescaped("a,b\\,c,\\\\,d", ','), ["a", "b\\,c", "\\\\", "d"]);
        assert_eq!(unescape("a\\,b\\|c\\$d\\\\").unwrap(), "a,b|c$d\\");
        assert_eq!(unescape("a\\b"), None);
        assert_eq!(unescape("a\\"), None);
    }
}
