//! `application/x-www-form-urlencoded`, read strictly: every name once, every escape whole.
//!
//! The ready-made extractors keep the last of two equal names, or answer in their own words; both are wrong at a token
//! endpoint (RFC 6749 §3.2: parameters MUST NOT be included more than once).

use std::fmt;

use memchr::{memchr, memchr2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest form that is read: 96 KiB, the body limit of the token endpoint.
pub const MAX_FORM_BYTES: usize = 96 * 1024;
/// The most parameters that a form may have.
pub const MAX_PARAMETERS: usize = 64;

/// The parameters of a request, each name at most once. `Debug` shows how many there are and none of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// Why a form was refused; it quotes nothing of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The form is longer than the limit; it was not looked at.
    #[error("the form is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more than [`MAX_PARAMETERS`].
    #[error("the form has more than {MAX_PARAMETERS} parameters")]
    TooMany,
    /// A pair has no name or no `=`, an escape is broken, or a character stands there unescaped that must not.
    #[error("the body is not application/x-www-form-urlencoded")]
    Malformed,
    /// A name or value is not UTF-8 once unescaped.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// A name occurs twice.
    #[error("a parameter occurs more than once")]
    Repeated,
}

impl Parameters {
    /// Reads a form of at most [`MAX_FORM_BYTES`]. An empty body is a form without parameters.
    ///
    /// # Errors
    /// [`FormError`] when the form is too large or not exactly a form with distinct names.
    ///
    /// Source: RFC 6749 §3.2, appendix B
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        Self::read_within(body, MAX_FORM_BYTES)
    }

    /// Reads a form or a query of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn read_within(text: &[u8], limit: usize) -> Result<Self, FormError> {
        if text.len() > limit {
            return Err(FormError::TooLarge { limit });
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        if text.is_empty() {
            return Ok(Self { pairs });
        }
        let mut left = Some(text);
        while let Some(text) = left {
            let (pair, after) = match memchr(b'&', text).and_then(|end| text.split_at_checked(end)) {
                Some((pair, after)) => (pair, after.get(1..)),
                None => (text, None),
            };
            left = after;
            if pairs.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let equals = memchr(b'=', pair).ok_or(FormError::Malformed)?;
            let (name, value) = pair.split_at(equals);
            let name = unescape(name)?;
            let value = unescape(value.get(1..).unwrap_or_default())?;
            if name.is_empty() {
                return Err(FormError::Malformed);
            }
            if pairs.iter().any(|(present, _)| *present == name) {
                return Err(FormError::Repeated);
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The parameter of that name; one without a value counts as absent.
    ///
    /// Source: RFC 6749 §3.2
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(present, _)| present == name)?;
        if value.is_empty() { None } else { Some(value) }
    }

    /// Whether the name occurs at all, also without a value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.pairs.iter().any(|(present, _)| present == name)
    }

    /// How many parameters there are, those without value included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// Values are assertions, codes and secrets, and names are foreign text.
impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Parameters({})", self.pairs.len())
    }
}

/// Writes a form: pairs in their order, spaces as `+`, everything but the unreserved characters escaped.
///
/// Source: RFC 6749 appendix B
#[must_use]
pub fn write_form(pairs: &[(&str, &str)]) -> String {
    /// What a form leaves as it is, the space aside, which becomes `+` below.
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+");
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    encoded.join("&")
}

/// Undoes the escaping of one name or value.
///
/// Unescaped `:` and `/` are let through, since a form written by hand has them in URIs; what is not printable ASCII is not.
fn unescape(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    // Most of a request is one long assertion without any escape: it is taken in one piece.
    while let Some(escape) = memchr2(b'+', b'%', rest) {
        let (plain, escaped) = rest.split_at(escape);
        bytes.extend_from_slice(printable(plain)?);
        let (byte, after) = match escaped {
            [b'%', high, low, after @ ..] => (hex_digit(*high)? << 4 | hex_digit(*low)?, after),
            [b'+', after @ ..] => (b' ', after),
            _ => return Err(FormError::Malformed),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes.extend_from_slice(printable(rest)?);
    String::from_utf8(bytes).map_err(|_| FormError::NotUtf8)
}

fn printable(text: &[u8]) -> Result<&[u8], FormError> {
    // Without an early end, which would keep the compiler from looking at many bytes at once.
    let graphic = text.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    if graphic { Ok(text) } else { Err(FormError::Malformed) }
}

fn hex_digit(byte: u8) -> Result<u8, FormError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(FormError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_token_request() {
        let body =
            b"grant_type=client_credentials&scope=system%2FPatient.read+system/Group.read&udap=1&x=a=b%3D&empty=";
        let form = Parameters::read(body).unwrap();
        assert_eq!(form.get("grant_type"), Some("client_credentials"));
        assert_eq!(form.get("scope"), Some("system/Patient.read system/Group.read"));
        assert_eq!(form.get("x"), Some("a=b="));
        assert_eq!((form.get("empty"), form.contains("empty")), (None, true));
        assert_eq!((form.get("absent"), form.contains("absent")), (None, false));
        assert_eq!(format!("{form:?}"), "Parameters(5)");
        assert!(Parameters::read(b"").unwrap().is_empty());
    }

    #[test]
    fn refuses_a_repeated_name_in_any_spelling() {
        for body in ["a=1&a=1", "a=1&b=2&%61=3", "a=&a=1", "a+b=1&a%20b=2"] {
            assert_eq!(Parameters::read(body.as_bytes()), Err(FormError::Repeated), "{body}");
        }
        assert!(Parameters::read(b"a=1&A=2").is_ok());
    }

    #[test]
    fn refuses_what_is_not_exactly_a_form() {
        for body in
            ["&", "a", "a=1&", "&a=1", "a=1&&b=2", "=1", "a=%", "a=%4", "a=%zz", "a=%+1", "a= b", "a=\n", "a=\u{e4}"]
        {
            assert_eq!(Parameters::read(body.as_bytes()), Err(FormError::Malformed), "{body:?}");
        }
        assert_eq!(Parameters::read(b"{\"grant_type\":\"x\"}"), Err(FormError::Malformed));
        assert_eq!(Parameters::read(b"a=%ff"), Err(FormError::NotUtf8));
        assert_eq!(Parameters::read(b"a=%c3%a4").unwrap().get("a"), Some("\u{e4}"));
    }

    #[test]
    fn is_bounded() {
        let form = |count: usize| (0..count).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
        assert_eq!(Parameters::read(form(64).as_bytes()).unwrap().len(), 64);
        assert_eq!(Parameters::read(form(65).as_bytes()), Err(FormError::TooMany));
        let limit = MAX_FORM_BYTES;
        assert_eq!(Parameters::read(&vec![0xff; limit + 1]), Err(FormError::TooLarge { limit }));
        assert_eq!(Parameters::read_within(b"a=1", 2), Err(FormError::TooLarge { limit: 2 }));
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Parameters::read(&body);
        }

        #[test]
        fn reads_what_it_writes(name in ".{1,20}", value in ".{1,40}") {
            let body = write_form(&[("first", "1"), (&format!("n{name}"), &value)]);
            let form = Parameters::read(body.as_bytes()).unwrap();
            prop_assert_eq!(form.get(&format!("n{name}")), Some(value.as_str()));
        }
    }
}
