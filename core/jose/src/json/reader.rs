//! The reader: limits first, then serde_json's parser, driven by a visitor that counts what it is given.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Object, Value};

/// How much JSON a reader accepts.
///
/// The defaults of [`Limits::new`] hold for everything that comes from outside; only the size differs by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest text, in bytes; looked at before anything else.
    pub bytes: usize,
    /// How many arrays and objects may be open at once. Above 127 the parser's own bound takes over.
    pub depth: usize,
    /// How many values there may be in all, arrays and objects included.
    pub nodes: usize,
    /// The longest name of a member, in bytes after unescaping.
    pub member_name: usize,
}

impl Limits {
    /// The usual limits with this size in bytes: depth 32, 10 000 values, names of 256 bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { bytes, depth: 32, nodes: 10_000, member_name: 256 }
    }
}

/// Why a text was not read; it says nothing of the text's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is longer than the limit; it was not looked at.
    #[error("JSON is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The text is not UTF-8.
    #[error("JSON is not UTF-8")]
    NotUtf8,
    /// Too many arrays and objects are nested.
    #[error("JSON is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit in levels.
        limit: usize,
    },
    /// There are too many values.
    #[error("JSON holds more than {limit} values")]
    TooManyNodes {
        /// The limit in values.
        limit: usize,
    },
    /// The name of a member is too long.
    #[error("JSON has a member name longer than {limit} bytes")]
    NameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// An object has two members of the same name.
    #[error("JSON has a member that occurs twice")]
    DuplicateMember,
    /// The text is a JSON value, but not an object.
    #[error("JSON is not an object")]
    NotAnObject,
    /// The text is not JSON, or something follows the value.
    #[error("not JSON, at line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
    },
}

/// Reads one JSON value and nothing after it but white space.
///
/// # Errors
/// [`JsonError`] when a limit is passed, a member occurs twice, or the text is not UTF-8 or not JSON.
///
/// Source: RFC 8259; RFC 7519 §4 (duplicate names)
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge { limit: limits.bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;

    let budget = Budget { limits: *limits, nodes: Cell::new(0), exceeded: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueSeed { budget: &budget, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        let syntax = JsonError::Syntax { line: error.line(), column: error.column() };
        budget.exceeded.get().unwrap_or(syntax)
    })
}

/// Reads one JSON object and nothing after it but white space.
///
/// # Errors
/// As [`read`], and [`JsonError::NotAnObject`] for any other value.
pub fn read_object(bytes: &[u8], limits: &Limits) -> Result<Object, JsonError> {
    match read(bytes, limits)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// What has been spent of the limits; `exceeded` carries our reason past the parser's own error type.
struct Budget {
    limits: Limits,
    nodes: Cell<usize>,
    exceeded: Cell<Option<JsonError>>,
}

impl Budget {
    fn refuse<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.exceeded.set(Some(reason));
        E::custom("refused")
    }

    fn count_node<E: serde::de::Error>(&self) -> Result<(), E> {
        let nodes = self.nodes.get().saturating_add(1);
        self.nodes.set(nodes);
        let limit = self.limits.nodes;
        if nodes > limit { Err(self.refuse(JsonError::TooManyNodes { limit })) } else { Ok(()) }
    }
}

/// Reads one value; `depth` arrays and objects are open around it.
#[derive(Clone, Copy)]
struct ValueSeed<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl ValueSeed<'_> {
    /// The seed for what stands inside one more array or object. This bounds the recursion.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        let limit = self.budget.limits.depth;
        if self.depth >= limit {
            return Err(self.budget.refuse(JsonError::TooDeep { limit }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.count_node()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        // Above i64 there is no exact value to compare with, so it becomes what no claim of time accepts.
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let element = self.inside()?;
        let mut elements = Vec::new();
        while let Some(value) = access.next_element_seed(element)? {
            elements.push(value);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let member = self.inside()?;
        let mut members = Vec::new();
        while let Some(name) = access.next_key_seed(NameSeed(self.budget))? {
            members.push((name, access.next_value_seed(member)?));
        }
        if has_duplicate(&members) {
            return Err(self.budget.refuse(JsonError::DuplicateMember));
        }
        Ok(Value::Object(Object::from_distinct(members)))
    }
}

/// Reads the name of a member.
struct NameSeed<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<String, E> {
        let limit = self.0.limits.member_name;
        if name.len() > limit {
            return Err(self.0.refuse(JsonError::NameTooLong { limit }));
        }
        Ok(name.to_owned())
    }
}

/// Whether a name occurs twice. Sorting keeps the work in bounds for any number of members without hashing foreign text.
fn has_duplicate(members: &[(String, Value)]) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests;
