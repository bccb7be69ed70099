//! What a peer wrote, made fit for records, logs and terminals.

/// The longest text of a peer's that is repeated, in characters.
const LIMIT: usize = 256;

/// A peer's text as it may be shown: control characters and marks of direction replaced, cut after 256 characters.
///
/// Marks that turn the direction of writing could make a terminal show something else than what is there.
#[must_use]
pub fn foreign_text(text: &str) -> String {
    let mut shown: String = text.chars().take(LIMIT).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    shown
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_cut_and_cannot_steer_a_terminal() {
        assert_eq!(foreign_text("plain text"), "plain text");
        assert_eq!(foreign_text("a\x1b[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
        assert_eq!(foreign_text(&"x".repeat(256)), "x".repeat(256));
        assert_eq!(foreign_text(&"x".repeat(257)), format!("{}…", "x".repeat(256)));
    }
}
