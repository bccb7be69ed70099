//! The values of a resource that searches look at, kept beside its bytes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::parameter::Kind;
use super::period::Period;
use crate::resource_type::ResourceType;

/// Values kept of one resource at most. The sample data needs eleven.
const VALUES_LIMIT: usize = 256;

/// One value of one search parameter of a resource.
#[derive(Clone, Debug)]
pub(crate) struct IndexEntry {
    /// The parameter's place in the type's table.
    pub(crate) parameter: u8,
    pub(crate) value: IndexValue,
}

/// A value as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IndexValue {
    Token {
        system: Option<Arc<str>>,
        code: Option<Arc<str>>,
    },
    Text(Arc<str>),
    Date(Period),
    /// `Type/id` without version, or an absolute URL as it stands.
    Reference(Arc<str>),
}

impl IndexEntry {
    /// Bytes of memory that the entry is counted with.
    pub(crate) fn cost(&self) -> usize {
        const TEXT: usize = 16;
        let texts = match &self.value {
            IndexValue::Token { system, code } => {
                [system, code].into_iter().flatten().map(|text| text.len() + TEXT).sum()
            }
            IndexValue::Text(text) | IndexValue::Reference(text) => text.len() + TEXT,
            IndexValue::Date(_) => 0,
        };
        size_of::<Self>() + texts
    }
}

/// Keeps equal texts once while many resources are read; code systems repeat thousands of times.
#[derive(Default)]
pub(crate) struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

/// Why the values could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexError {
    /// The element does not have the form that its type says.
    WrongShape(&'static str),
    /// More values than are kept.
    TooMany,
}

impl fmt::Display for IndexError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongShape(element) => write!(formatter, "the element {element} does not have the form of its type"),
            Self::TooMany => write!(formatter, "the resource has more than {VALUES_LIMIT} searchable values"),
        }
    }
}

/// Takes every value that a search parameter of the type points at.
pub(crate) fn extract(
    kind: ResourceType,
    resource: &Value,
    texts: &mut Interner,
) -> Result<Vec<IndexEntry>, IndexError> {
    let mut taken = Taken { entries: Vec::new(), texts, parameter: 0 };
    for (position, parameter) in (0_u8..).zip(kind.search_parameters()) {
        taken.parameter = position;
        for path in parameter.paths {
            let element = path.first().copied().unwrap_or_default();
            for value in values_at(resource, path) {
                taken.take(parameter.kind, value).map_err(|error| match error {
                    Refused::Shape => IndexError::WrongShape(element),
                    Refused::Number => IndexError::TooMany,
                })?;
            }
        }
    }
    taken.entries.shrink_to_fit();
    Ok(taken.entries)
}

/// The values at a path; a list on the way stands for each of its elements.
fn values_at<'v>(resource: &'v Value, path: &[&str]) -> Vec<&'v Value> {
    let mut values = vec![resource];
    for name in path {
        values = values.into_iter().filter_map(|value| value.get(name)).flat_map(each).collect();
    }
    values
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

enum Refused {
    Shape,
    Number,
}

struct Taken<'t> {
    entries: Vec<IndexEntry>,
    texts: &'t mut Interner,
    parameter: u8,
}

impl Taken<'_> {
    fn take(&mut self, kind: Kind, value: &Value) -> Result<(), Refused> {
        match kind {
            Kind::Concept => {
                let codings = object(value)?.get("coding").map_or(&[][..], each);
                codings.iter().try_for_each(|coding| self.token(coding, "code"))
            }
            Kind::Coding => self.token(value, "code"),
            Kind::Identifier => self.token(value, "value"),
            Kind::Code(system) => {
                let code = value.as_str().ok_or(Refused::Shape)?;
                let system = Some(self.texts.share(system));
                let code = Some(self.texts.share(code));
                self.keep(IndexValue::Token { system, code })
            }
            Kind::Text => {
                let text = value.as_str().ok_or(Refused::Shape)?;
                let text = self.texts.share(text);
                self.keep(IndexValue::Text(text))
            }
            Kind::Date => self.keep(IndexValue::Date(date(value)?)),
            Kind::Reference(target) => self.reference(target, value),
        }
    }

    fn token(&mut self, value: &Value, code: &str) -> Result<(), Refused> {
        object(value)?;
        let system = text_member(value, "system")?.map(|text| self.texts.share(text));
        let code = text_member(value, code)?.map(|text| self.texts.share(text));
        if system.is_none() && code.is_none() {
            return Ok(());
        }
        self.keep(IndexValue::Token { system, code })
    }

    fn reference(&mut self, target: &str, value: &Value) -> Result<(), Refused> {
        object(value)?;
        // A reference by identifier only, or to a contained resource, leads to nothing that is kept here.
        let Some(text) = text_member(value, "reference")?.filter(|text| !text.starts_with('#')) else {
            return Ok(());
        };
        let text = text.split_once("/_history/").map_or(text, |(resource, _version)| resource);
        let is_absolute = text.contains(':');
        if is_absolute || text.split_once('/').is_some_and(|(kind, _id)| kind == target) {
            let text = self.texts.share(text);
            return self.keep(IndexValue::Reference(text));
        }
        Ok(())
    }

    fn keep(&mut self, value: IndexValue) -> Result<(), Refused> {
        if self.entries.len() == VALUES_LIMIT {
            return Err(Refused::Number);
        }
        self.entries.push(IndexEntry { parameter: self.parameter, value });
        Ok(())
    }
}

fn object(value: &Value) -> Result<&Value, Refused> {
    if value.is_object() { Ok(value) } else { Err(Refused::Shape) }
}

fn text_member<'v>(value: &'v Value, name: &str) -> Result<Option<&'v str>, Refused> {
    value.get(name).map(|member| member.as_str().ok_or(Refused::Shape)).transpose()
}

fn date(value: &Value) -> Result<Period, Refused> {
    let read = |text: &str| Period::parse(text).ok_or(Refused::Shape);
    match value {
        Value::String(text) => read(text),
        Value::Object(_) => {
            let start = text_member(value, "start")?.map(read).transpose()?;
            let end = text_member(value, "end")?.map(read).transpose()?;
            Ok(Period {
                from: start.map_or(Period::ALWAYS.from, |start| start.from),
                until: end.map_or(Period::ALWAYS.until, |end| end.until),
            })
        }
        _ => Err(Refused::Shape),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(kind: ResourceType, name: &str, resource: &Value) -> Result<Vec<IndexValue>, IndexError> {
        let position = kind.search_parameters().iter().position(|one| one.name == name).unwrap();
        let entries = extract(kind, resource, &mut Interner::default())?;
        Ok(entries
            .into_iter()
            .filter(|entry| usize::from(entry.parameter) == position)
            .map(|entry| entry.value)
            .collect())
    }

    #[test]
    fn takes_names_tokens_dates_and_references() {
        let patient = json!({"name": [{"family": "A", "given": ["B", "C"]}, {"text": "D"}], "gender": "female", "birthDate": "1970",
            "identifier": [{"system": "s", "value": "v"}, {"value": "w"}]});
        assert_eq!(values(ResourceType::Patient, "name", &patient).unwrap().len(), 4);
        assert_eq!(values(ResourceType::Patient, "identifier", &patient).unwrap().len(), 2);
        assert_eq!(
            values(ResourceType::Patient, "gender", &patient).unwrap(),
            [IndexValue::Token {
                system: Some("http://hl7.org/fhir/administrative-gender".into()),
                code: Some("female".into())
            }]
        );
        let encounter = json!({"period": {"start": "1970-01-01"}, "subject": {"reference": "Patient/a/_history/3"}});
        assert_eq!(
            values(ResourceType::Encounter, "date", &encounter).unwrap(),
            [IndexValue::Date(Period { from: 0, until: i64::MAX })]
        );
        assert_eq!(
            values(ResourceType::Encounter, "patient", &encounter).unwrap(),
            [IndexValue::Reference("Patient/a".into())]
        );
    }

    #[test]
    fn a_subject_that_is_no_patient_is_not_found_by_patient() {
        for reference in ["Group/a", "#contained", "nonsense"] {
            let encounter = json!({"subject": {"reference": reference}});
            assert_eq!(values(ResourceType::Encounter, "patient", &encounter).unwrap(), []);
        }
    }

    #[test]
    fn refuses_elements_of_another_form() {
        for (resource, element) in [
            (json!({"gender": 1}), "gender"),
            (json!({"birthDate": "yesterday"}), "birthDate"),
            (json!({"birthDate": 1970}), "birthDate"),
            (json!({"name": [{"family": ["a", 1]}]}), "name"),
            (json!({"identifier": ["x"]}), "identifier"),
            (json!({"identifier": [{"system": 1}]}), "identifier"),
        ] {
            let refused = extract(ResourceType::Patient, &resource, &mut Interner::default()).unwrap_err();
            assert_eq!(refused, IndexError::WrongShape(element));
        }
    }

    #[test]
    fn refuses_more_values_than_it_keeps() {
        let given: Vec<_> = (0..300).map(|number| json!(number.to_string())).collect();
        let patient = json!({"name": [{"given": given}]});
        assert_eq!(
            extract(ResourceType::Patient, &patient, &mut Interner::default()).unwrap_err(),
            IndexError::TooMany
        );
    }
}
