//! The logical id of a resource.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A resource's logical id: 1 to 64 letters, digits, `-` and `.`.
///
/// Source: FHIR R4 `datatypes.html#id`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ResourceId(Arc<str>);

impl ResourceId {
    /// Reads an id; `None` when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        (fits && text.bytes().all(allowed)).then(|| Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by ids can be asked with the text of one.
impl Borrow<str> for ResourceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceId;

    #[test]
    fn accepts_the_id_grammar() {
        for id in ["p01", "A-1.b", "0", &"x".repeat(64)] {
            assert_eq!(ResourceId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for id in ["", "_history", "a/b", "a%2Fb", "é", "a b", "..\\x", &"x".repeat(65)] {
            assert!(ResourceId::parse(id).is_none(), "{id}");
        }
    }
}
