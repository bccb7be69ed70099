//! JSON text laid out anew without changing what it says.
//!
//! A resource is shown as the server sent it: members in its order, decimals with their digits (`1.50` is not `1.5`, FHIR
//! R4 §2.24.0.1). A JSON value type would lose both, so the text itself is indented.

use serde::de::IgnoredAny;

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Indented by two spaces, for people.
    Indented,
    /// One line, for programs.
    OneLine,
}

/// Lays JSON out; `None` when the bytes are not one JSON value.
///
/// Characters that could steer a terminal (C1 controls, changes of writing direction) are written as `\u` escapes, which
/// mean the same in JSON.
pub(crate) fn lay_out(json: &[u8], layout: Layout) -> Option<String> {
    // Strings are well-formed from here on, and everything outside of them is ASCII.
    let _: IgnoredAny = serde_json::from_slice(json).ok()?;
    let text = std::str::from_utf8(json).ok()?;
    let mut writer = Writer { out: String::with_capacity(text.len() * 2), layout, depth: 0, opened: false };
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => writer.string(&mut characters),
            '{' | '[' => writer.open(character),
            '}' | ']' => writer.close(character),
            ',' => writer.comma(),
            ':' => writer.out.push_str(if layout == Layout::Indented { ": " } else { ":" }),
            ' ' | '\t' | '\n' | '\r' => {}
            other => writer.plain(other),
        }
    }
    Some(writer.out)
}

struct Writer {
    out: String,
    layout: Layout,
    depth: usize,
    /// Whether nothing was written since an object or array began.
    opened: bool,
}

impl Writer {
    fn open(&mut self, bracket: char) {
        self.plain(bracket);
        self.depth += 1;
        self.opened = true;
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        // What is empty stays together: `{}`.
        if !std::mem::take(&mut self.opened) {
            self.new_line();
        }
        self.out.push(bracket);
    }

    fn comma(&mut self) {
        self.out.push(',');
        self.new_line();
    }

    fn plain(&mut self, character: char) {
        self.begin_member();
        self.out.push(character);
    }

    fn string(&mut self, characters: &mut std::str::Chars<'_>) {
        self.begin_member();
        self.out.push('"');
        let mut escaped = false;
        for character in characters.by_ref() {
            if steers_a_terminal(character) {
                self.out.push_str(&format!("\\u{:04x}", u32::from(character)));
            } else {
                self.out.push(character);
            }
            if character == '"' && !escaped {
                return;
            }
            escaped = character == '\\' && !escaped;
        }
    }

    fn begin_member(&mut self) {
        if std::mem::take(&mut self.opened) {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            // Deep nesting costs no more than the text that nests: the indent is bounded.
            self.out.extend(std::iter::repeat_n("  ", self.depth.min(64)));
        }
    }
}

/// All of these lie below U+FFFF, so that one escape is enough.
fn steers_a_terminal(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_digits_and_escapes_stay() {
        let json = br#"{"z":1.50,"a":[ ],"m":{"x":"a\"b, {c}: \\","n":[true,null,-1e3]},"e":{}}"#;
        let pretty = lay_out(json, Layout::Indented).unwrap();
        let expected = r#"{
  "z": 1.50,
  "a": [],
  "m": {
    "x": "a\"b, {c}: \\",
    "n": [
      true,
      null,
      -1e3
    ]
  },
  "e": {}
}"#;
        assert_eq!(pretty, expected);
        let one_line = lay_out(pretty.as_bytes(), Layout::OneLine).unwrap();
        assert_eq!(one_line, r#"{"z":1.50,"a":[],"m":{"x":"a\"b, {c}: \\","n":[true,null,-1e3]},"e":{}}"#);
    }

    #[test]
    fn nothing_in_a_string_can_steer_a_terminal() {
        let json = "{\"name\":\"a\u{9b}2Jb\u{202e}c – ü\"}";
        assert_eq!(lay_out(json.as_bytes(), Layout::OneLine).unwrap(), "{\"name\":\"a\\u009b2Jb\\u202ec – ü\"}");
    }

    #[test]
    fn what_is_not_json_is_not_shown() {
        for text in ["", "<html>", "{\"a\":1} x", "{\"a\":1,}", "\"\u{1b}[2J\""] {
            assert_eq!(lay_out(text.as_bytes(), Layout::Indented), None, "{text:?}");
        }
        assert_eq!(lay_out(&[b'"', 0xff, b'"'], Layout::Indented), None);
    }

    #[test]
    fn deep_nesting_is_bounded() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(lay_out(deep.as_bytes(), Layout::Indented).is_none_or(|text| text.len() < 40_000_000));
    }
}
