//! A resource as somebody sent it, and how it becomes what is kept.
//!
//! Members are kept as the text they were sent in: read into numbers and written again, the decimal `1.50` would lose
//! the precision that FHIR says it states. Only `id`, `meta.versionId` and `meta.lastUpdated` are ours to write.
//!
//! Source: FHIR R4 `http.html#create`, `datatypes.html#decimal`

mod members;

use std::fmt;

use axum::body::Bytes;
use jiff::Timestamp;
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;

use self::members::Members;
use crate::identifier::ResourceId;
use crate::resource_type::ResourceType;
use crate::search::index::{self, IndexEntry, IndexError, Interner};

/// A readable resource of a known type, not yet named or stored.
pub(crate) struct Draft<'a> {
    kind: ResourceType,
    id: Option<String>,
    meta: Members<'a>,
    others: Members<'a>,
    index: Vec<IndexEntry>,
}

impl<'a> Draft<'a> {
    /// Reads a resource of type `kind`; its size has been judged before.
    ///
    /// # Errors
    /// [`DraftError`] names the first thing that is wrong.
    pub(crate) fn read(body: &'a [u8], kind: ResourceType, texts: &mut Interner) -> Result<Self, DraftError> {
        let mut members: Members<'a> = serde_json::from_slice(body).map_err(|_error| DraftError::NotAJsonObject)?;
        let value: Value = serde_json::from_slice(body).map_err(|_error| DraftError::NotAJsonObject)?;

        if value.get("resourceType").and_then(Value::as_str) != Some(kind.name()) {
            return Err(DraftError::WrongType(kind));
        }
        let id = match value.get("id") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(DraftError::Index(IndexError::WrongShape("id"))),
        };
        for group in kind.required_elements() {
            if !group.iter().any(|name| value.get(name).is_some_and(|element| !element.is_null())) {
                return Err(DraftError::Missing(group));
            }
        }
        let index = index::extract(kind, &value, texts).map_err(DraftError::Index)?;

        let mut meta = match members.take("meta") {
            None => Members::default(),
            Some(raw) => {
                serde_json::from_str(raw.get()).map_err(|_error| DraftError::Index(IndexError::WrongShape("meta")))?
            }
        };
        meta.take("versionId");
        meta.take("lastUpdated");
        members.take("resourceType");
        members.take("id");
        Ok(Self { kind, id, meta, others: members, index })
    }

    pub(crate) const fn kind(&self) -> ResourceType {
        self.kind
    }

    /// The id that the sender wrote, unjudged.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What searches will look at.
    pub(crate) fn index(&self) -> &[IndexEntry] {
        &self.index
    }

    /// At most this many bytes once written with an id and a version.
    pub(crate) fn size_limit(&self) -> usize {
        const IDENTITY: usize = 256;
        self.meta.size() + self.others.size() + IDENTITY
    }

    /// The bytes to keep and serve: compact JSON that carries its id and version.
    ///
    /// # Errors
    /// None in practice; the serialiser's error is handed on rather than hidden.
    pub(crate) fn written(&self, id: &ResourceId, version: u32, updated: i64) -> Result<Bytes, serde_json::Error> {
        let named = Named { draft: self, id, meta: Meta { members: &self.meta, version, updated } };
        serde_json::to_vec(&named).map(Bytes::from)
    }
}

struct Named<'a> {
    draft: &'a Draft<'a>,
    id: &'a ResourceId,
    meta: Meta<'a>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resourceType", self.draft.kind.name())?;
        map.serialize_entry("id", self.id.as_str())?;
        map.serialize_entry("meta", &self.meta)?;
        self.draft.others.serialize_into(&mut map)?;
        map.end()
    }
}

struct Meta<'a> {
    members: &'a Members<'a>,
    version: u32,
    updated: i64,
}

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let updated = Timestamp::from_millisecond(self.updated).map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("versionId", &self.version.to_string())?;
        map.serialize_entry("lastUpdated", &updated.to_string())?;
        self.members.serialize_into(&mut map)?;
        map.end()
    }
}

/// Why a body is no resource of the type it was sent to.
#[derive(Debug)]
pub(crate) enum DraftError {
    /// Not JSON, not an object, nested too deeply, or a member twice.
    NotAJsonObject,
    /// `resourceType` is missing or another.
    WrongType(ResourceType),
    /// An element with a minimum cardinality of one is absent (any of these).
    Missing(&'static [&'static str]),
    /// An element that searches look at cannot be indexed.
    Index(IndexError),
}

impl fmt::Display for DraftError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAJsonObject => formatter.write_str("the body is not one JSON object with each member once"),
            Self::WrongType(kind) => write!(formatter, "resourceType must be {}", kind.name()),
            Self::Missing(group) => {
                write!(formatter, "the element {} is required", group.join(" or "))
            }
            Self::Index(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for DraftError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Draft<'_>, DraftError> {
        Draft::read(body.as_bytes(), ResourceType::Observation, &mut Interner::default())
    }

    #[test]
    fn keeps_members_as_they_were_sent_and_writes_identity_itself() {
        let body = r#"{"meta":{"lastUpdated":"1999-01-01T00:00:00Z","versionId":"9","tag":[{"code":"x"}]},"valueQuantity":{"value":1.50},
            "resourceType":"Observation","id":"theirs","status":"final","code":{"text":"t"}}"#;
        let draft = read(body).unwrap();
        assert_eq!(draft.id(), Some("theirs"));
        let written = draft.written(&ResourceId::parse("ours").unwrap(), 2, 1_000).unwrap();
        assert!(written.len() <= draft.size_limit());
        assert_eq!(
            std::str::from_utf8(&written).unwrap(),
            r#"{"resourceType":"Observation","id":"ours","meta":{"versionId":"2","lastUpdated":"1970-01-01T00:00:01Z","tag":[{"code":"x"}]},"valueQuantity":{"value":1.50},"status":"final","code":{"text":"t"}}"#
        );
    }

    #[test]
    fn refuses_what_is_no_resource_of_the_type() {
        assert!(matches!(read("[]"), Err(DraftError::NotAJsonObject)));
        assert!(matches!(read("{"), Err(DraftError::NotAJsonObject)));
        assert!(matches!(read(&"[".repeat(100_000)), Err(DraftError::NotAJsonObject)));
        assert!(matches!(read(r#"{"resourceType":"Patient"}"#), Err(DraftError::WrongType(_))));
        assert!(matches!(
            read(r#"{"resourceType":"Observation","resourceType":"Observation"}"#),
            Err(DraftError::NotAJsonObject)
        ));
        assert!(matches!(
            read(r#"{"resourceType":"Observation","status":"final"}"#),
            Err(DraftError::Missing(["code"]))
        ));
        assert!(matches!(
            read(r#"{"resourceType":"Observation","status":"final","code":null}"#),
            Err(DraftError::Missing(["code"]))
        ));
        assert!(matches!(
            read(r#"{"resourceType":"Observation","status":"final","code":{},"id":7}"#),
            Err(DraftError::Index(IndexError::WrongShape("id")))
        ));
        assert!(matches!(
            read(r#"{"resourceType":"Observation","status":"final","code":{},"meta":[]}"#),
            Err(DraftError::Index(IndexError::WrongShape("meta")))
        ));
    }

    /// Nested too deeply for the reader, in a member that nothing indexes.
    #[test]
    fn refuses_deep_nesting() {
        let deep = format!(
            r#"{{"resourceType":"Observation","status":"final","code":{{}},"x":{}{}}}"#,
            "[".repeat(5_000),
            "]".repeat(5_000)
        );
        assert!(matches!(read(&deep), Err(DraftError::NotAJsonObject)));
    }
}
