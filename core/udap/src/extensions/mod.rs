//! Extension objects: what a client says about the context of its request, inside its Authentication Token.
//!
//! An unknown object is ignored unless the community requires it; a malformed known one is a refusal.
//!
//! Source: FAST Security STU2 §5.2.1

pub mod b2b;

use tessera_jose::json::Object;

/// The first of the required extension objects that is not there, by name.
///
/// Source: FAST Security STU2 §2.2, §5.2.1; META-6, B2B-13
#[must_use]
pub fn first_missing<'r>(extensions: &Object, required: &'r [String]) -> Option<&'r str> {
    required.iter().map(String::as_str).find(|name| !extensions.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows: META-6, B2B-13
    #[test]
    fn only_a_required_object_is_missed() {
        let mut extensions = Object::new();
        extensions.insert("hl7-b2b", Object::new());
        extensions.insert("unknown", 1);
        let required = ["hl7-b2b".to_owned(), "tefca_ias".to_owned()];
        assert_eq!(first_missing(&extensions, &required), Some("tefca_ias"));
        assert_eq!(first_missing(&extensions, &required[..1]), None);
        assert_eq!(first_missing(&Object::new(), &[]), None);
    }
}
