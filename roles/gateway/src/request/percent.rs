//! Percent-encoding, read strictly and written in one way.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What `+` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself: paths.
    Itself,
    /// A space: queries and forms.
    Space,
}

/// Decodes text; `None` for a broken escape, for what is no UTF-8, and for control characters, encoded or not.
///
/// Source: RFC 3986 §2.1; security invariant 40
pub(crate) fn decode(text: &str, plus: Plus) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus == Plus::Space => b' ',
            other => other,
        });
    }
    let decoded = String::from_utf8(decoded).ok()?;
    (!decoded.chars().any(char::is_control)).then_some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Unreserved characters and those that FHIR's search syntax uses and a query may hold as they are.
///
/// Source: RFC 3986 §2.3, §3.4
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',').remove(b':').remove(b'/');

/// Encodes a parameter's name or value.
pub(crate) fn encode(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_once_and_strictly() {
        assert_eq!(decode("a%20b+c", Plus::Space).unwrap(), "a b c");
        assert_eq!(decode("a+c", Plus::Itself).unwrap(), "a+c");
        assert_eq!(decode("%2525", Plus::Space).unwrap(), "%25");
        assert_eq!(decode("%C3%a4", Plus::Space).unwrap(), "ä");
        for broken in ["%", "%2", "%zz", "%+1", "a%00", "%0d%0a", "\u{7f}", "%c3", "%ff", "%C2%85"] {
            assert_eq!(decode(broken, Plus::Space), None, "{broken:?}");
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself_and_separates_nothing() {
        let text = "a&b=c#d?e+f|g$h\\i,j:k/l%m ä";
        let encoded = encode(text).to_string();
        assert_eq!(encoded, "a%26b%3Dc%23d%3Fe%2Bf%7Cg%24h%5Ci,j:k/l%25m%20%C3%A4");
        assert_eq!(decode(&encoded, Plus::Space).unwrap(), text);
    }
}
