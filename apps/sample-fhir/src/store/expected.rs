//! The condition of a write, judged in the same step as the write.

/// What a writer expects to find.
///
/// Source: FHIR R4 `http.html#concurrency`; RFC 9110 §13.1.1, §13.1.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// No condition.
    Anything,
    /// `If-Match: *`
    Existing,
    /// `If-Match` with these versions; other tags can never match and are left out.
    OneOf(Vec<u32>),
    /// `If-None-Match: *`
    Absent,
}

impl Expected {
    /// Whether the current version, if there is one, is what was expected.
    pub(super) fn holds(&self, current: Option<u32>) -> bool {
        match (self, current) {
            (Self::Anything, _) | (Self::Existing, Some(_)) | (Self::Absent, None) => true,
            (Self::OneOf(versions), Some(number)) => versions.contains(&number),
            (Self::Existing | Self::OneOf(_), None) | (Self::Absent, Some(_)) => false,
        }
    }
}
