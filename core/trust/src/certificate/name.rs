//! Distinguished names: checked in form, compared as bytes, shown to people.

use der::Decode;

use crate::asn1::{self, Element, NotDer, OBJECT_IDENTIFIER, SEQUENCE, SET};

/// How much of a name is shown: names come from peers and end in logs.
const SHOWN_LIMIT: usize = 256;

/// Checks that an element is `Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { OBJECT IDENTIFIER, ANY }`.
///
/// Source: RFC 5280 §4.1.2.4
pub(crate) fn checked(name: Element<'_>) -> Result<Element<'_>, NotDer> {
    let mut parts = name.children()?;
    while !parts.is_empty() {
        let mut attributes = parts.expect(SET)?.children()?;
        if attributes.is_empty() {
            return Err(NotDer("a part of the name is empty"));
        }
        while !attributes.is_empty() {
            let mut attribute = attributes.expect(SEQUENCE)?.children()?;
            asn1::oid(&attribute.expect(OBJECT_IDENTIFIER)?)?;
            attribute.next()?;
            attribute.finish()?;
        }
    }
    Ok(name)
}

/// A name in DER for people: RFC 4514, or its bytes when its values cannot be shown.
pub(crate) fn display(der: &[u8]) -> String {
    let text = match x509_cert::name::Name::from_der(der) {
        Ok(name) => name.to_string(),
        Err(_) => format!("#{}", super::hex(der.get(..SHOWN_LIMIT / 2).unwrap_or(der))),
    };
    if text.is_empty() { "(empty name)".to_owned() } else { shown(&text) }
}

/// Foreign text for logs: control characters and what imitates them escaped, cut after [`SHOWN_LIMIT`] characters.
pub(crate) fn shown(text: &str) -> String {
    shown_within(text, SHOWN_LIMIT)
}

/// As [`shown`], cut after `limit` characters. Those of an escape count, for it is the outcome that is kept.
pub(crate) fn shown_within(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit));
    let mut room = limit;
    for character in text.chars() {
        // U+2028, U+2029 break lines; U+202A to U+202E and U+2066 to U+2069 turn the direction of writing.
        let misleads = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_escaped = character.is_control() || misleads;
        let width = if is_escaped { character.escape_unicode().count() } else { 1 };
        let Some(left) = room.checked_sub(width) else {
            shown.push('…');
            break;
        };
        room = left;
        if is_escaped {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_foreign_text_without_line_breaks_and_cut() {
        assert_eq!(shown("a\nb\u{202e}c"), "a\\u{a}b\\u{202e}c");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), SHOWN_LIMIT + 1);
        assert!(shown(&"\u{1}".repeat(1000)).chars().count() <= SHOWN_LIMIT + 1, "an escape counts in full");
    }

    #[test]
    fn shows_a_name_that_is_not_one_by_its_bytes() {
        assert_eq!(display(&[0x31, 0x00]), "#3100");
        assert_eq!(display(&[0x30, 0x00]), "(empty name)");
    }
}
