//! Typed members: a member of the wrong type is a refusal and never an absence, and `null` is a wrong type.

use super::{Object, Value};

/// A member that is not there although it must be, or that is of another type than it must be.
///
/// The text names the member and the type that was expected; it is fit for the client and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// The member is required and absent.
    #[error("`{name}` is missing")]
    Missing {
        /// The member's name.
        name: String,
    },
    /// The member is present with another JSON type.
    #[error("`{name}` is not {expected}")]
    WrongType {
        /// The member's name.
        name: String,
        /// The type it must have, with its article: "a string".
        expected: &'static str,
    },
}

impl MemberError {
    /// The name of the member at fault.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Missing { name } | Self::WrongType { name, .. } => name,
        }
    }

    fn missing(name: &str) -> Self {
        Self::Missing { name: name.to_owned() }
    }
}

/// Every reader of a required member fails with [`MemberError::Missing`] when it is absent; every reader fails with
/// [`MemberError::WrongType`] when it is present with another type, `null` included.
impl Object {
    /// A string that must be there; it may be empty.
    ///
    /// # Errors
    /// [`MemberError`] when it is absent or of another type.
    pub fn required_str(&self, name: &str) -> Result<&str, MemberError> {
        self.optional_str(name)?.ok_or_else(|| MemberError::missing(name))
    }

    /// A string that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type.
    pub fn optional_str(&self, name: &str) -> Result<Option<&str>, MemberError> {
        self.typed(name, "a string", Value::as_str)
    }

    /// An integer that must be there; a fraction, an exponent or more than 64 signed bits is another type.
    ///
    /// # Errors
    /// [`MemberError`] when it is absent or of another type.
    pub fn required_integer(&self, name: &str) -> Result<i64, MemberError> {
        self.optional_integer(name)?.ok_or_else(|| MemberError::missing(name))
    }

    /// An integer that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, MemberError> {
        self.typed(name, "an integer", Value::as_integer)
    }

    /// A truth value that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type.
    pub fn optional_bool(&self, name: &str) -> Result<Option<bool>, MemberError> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// An object that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type.
    pub fn optional_object(&self, name: &str) -> Result<Option<&Object>, MemberError> {
        self.typed(name, "an object", Value::as_object)
    }

    /// An array that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type.
    pub fn optional_array(&self, name: &str) -> Result<Option<&[Value]>, MemberError> {
        self.typed(name, "an array", Value::as_array)
    }

    /// An array of strings that must be there; it may be empty.
    ///
    /// # Errors
    /// [`MemberError`] when it is absent, of another type, or has an element that is not a string.
    pub fn required_strings(&self, name: &str) -> Result<Vec<&str>, MemberError> {
        self.optional_strings(name)?.ok_or_else(|| MemberError::missing(name))
    }

    /// An array of strings that may be absent.
    ///
    /// # Errors
    /// [`MemberError::WrongType`] when it is of another type or has an element that is not a string.
    pub fn optional_strings(&self, name: &str) -> Result<Option<Vec<&str>>, MemberError> {
        self.typed(name, "an array of strings", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        expected: &'static str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, MemberError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        convert(value).map(Some).ok_or_else(|| MemberError::WrongType { name: name.to_owned(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, read_object};
    use super::*;

    fn object() -> Object {
        let text = br#"{"s":"x","i":7,"f":7.0,"n":null,"o":{},"a":[1],"t":["p","q"],"b":true,"m":["p",1]}"#;
        read_object(text, &Limits::new(1000)).unwrap()
    }

    #[test]
    fn reads_members_of_the_right_type() {
        let object = object();
        assert_eq!(object.required_str("s"), Ok("x"));
        assert_eq!(object.required_integer("i"), Ok(7));
        assert_eq!(object.optional_bool("b"), Ok(Some(true)));
        assert_eq!(object.optional_array("a").map(|array| array.map(<[Value]>::len)), Ok(Some(1)));
        assert_eq!(object.required_strings("t"), Ok(vec!["p", "q"]));
        assert!(object.optional_object("o").unwrap().is_some_and(Object::is_empty));
        assert_eq!(object.optional_str("absent"), Ok(None));
    }

    #[test]
    fn a_wrong_type_is_no_absence() {
        let object = object();
        assert_eq!(object.required_str("absent").unwrap_err().to_string(), "`absent` is missing");
        for name in ["i", "n", "o", "a", "b"] {
            assert!(matches!(object.optional_str(name), Err(MemberError::WrongType { .. })), "{name}");
        }
        for name in ["f", "n", "s", "b"] {
            assert!(matches!(object.optional_integer(name), Err(MemberError::WrongType { .. })), "{name}");
        }
        for name in ["m", "n", "s", "a"] {
            assert!(matches!(object.optional_strings(name), Err(MemberError::WrongType { .. })), "{name}");
        }
        assert_eq!(object.optional_object("a").unwrap_err().to_string(), "`a` is not an object");
    }
}
