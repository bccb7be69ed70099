//! The members of a JSON object, each value kept as its text.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Members in the order received; reading refuses a name that comes twice.
#[derive(Default)]
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// More members than any resource of ours has; keeps the search for repeated names short.
    const LIMIT: usize = 256;

    /// Removes a member and hands it over.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let position = self.0.iter().position(|(member, _)| member == name)?;
        Some(self.0.remove(position).1)
    }

    /// At least the bytes that the members take when written.
    pub(super) fn size(&self) -> usize {
        // A name may need escapes, six bytes at most for one.
        self.0.iter().map(|(name, raw)| 6 * name.len() + raw.get().len() + 4).sum()
    }

    /// Writes every member into an object that is being written.
    pub(super) fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(name, raw)| map.serialize_entry(name, raw))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
            if members.len() == Members::LIMIT {
                return Err(A::Error::custom("too many members"));
            }
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a member comes twice"));
            }
            members.push((name, raw));
        }
        Ok(Members(members))
    }
}
