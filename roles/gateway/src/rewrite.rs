//! Upstream's own address becomes ours wherever an answer names it.
//!
//! In JSON the address is looked for anywhere in a string, however its characters are escaped (`\/`, `\u002f`), and taken
//! where it ends there: links, `fullUrl`s, absolute references, narrative and messages alike, so that a reference still
//! finds its entry in a Bundle and no text tells where the server stands. The work is done on bytes as they stream by.
//! The alternative, to parse and write the JSON again, would hold every answer in memory and change its decimals.
//!
//! Source: security invariant 42

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;

use crate::ports::{Body, BodyError};
use crate::settings::GatewayBase;

/// Replaces one address by another in a JSON text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// Upstream's address.
    from: Vec<u8>,
    /// How much of it is scheme and authority, in which case does not count.
    authority: usize,
    /// Our address.
    to: Bytes,
    /// The end of what has come, of which the next piece decides: the beginning of an address or of an escape.
    held: Bytes,
}

impl Rewriter {
    /// From one base's upstream to its own address.
    pub(crate) fn new(base: &GatewayBase) -> Self {
        let from = base.upstream_url();
        Self {
            from: from.as_bytes().to_vec(),
            authority: from.len() - base.upstream_path().len(),
            to: Bytes::from(base.base_url().to_owned()),
            held: Bytes::new(),
        }
    }

    /// Takes a piece and answers with what can be passed on; that may be nothing.
    pub(crate) fn push(&mut self, piece: Bytes) -> Bytes {
        let input = if self.held.is_empty() {
            piece
        } else {
            let mut joined = BytesMut::with_capacity(self.held.len() + piece.len());
            joined.extend_from_slice(&self.held);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
        let mut output = BytesMut::new();
        // Everything before `done` is in the output; the search goes on at `next`.
        let mut done = 0;
        let mut next = 0;
        let mut hold = input.len();
        while let Some(place) = self.candidate(&input, next) {
            match self.match_at(input.get(place..).unwrap_or_default()) {
                Match::Address(length) => {
                    output.extend_from_slice(&input.slice(done..place));
                    output.extend_from_slice(&self.to);
                    done = place + length;
                    next = done;
                }
                Match::Other(length) => next = place + length,
                Match::Undecided => {
                    hold = place;
                    break;
                }
            }
        }
        self.held = input.slice(hold..);
        let rest = input.slice(done..hold);
        if output.is_empty() {
            return rest;
        }
        output.extend_from_slice(&rest);
        output.freeze()
    }

    /// What was held when the text ends.
    pub(crate) fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }

    /// Where the address or an escape may begin. Every escape is stepped over whole, for the second character of one
    /// begins nothing.
    fn candidate(&self, input: &[u8], from: usize) -> Option<usize> {
        let first = self.from.first()?;
        let rest = input.get(from..)?;
        rest.iter().position(|byte| *byte == b'\\' || byte.eq_ignore_ascii_case(first)).map(|place| from + place)
    }

    fn match_at(&self, input: &[u8]) -> Match {
        let mut length = 0;
        for (place, wanted) in self.from.iter().enumerate() {
            let (character, size) = match next_character(input.get(length..).unwrap_or_default()) {
                Character::Is(character, size) => (character, size),
                Character::Cut => return Match::Undecided,
            };
            let is_wanted = if place < self.authority {
                u8::try_from(character).is_ok_and(|byte| byte.eq_ignore_ascii_case(wanted))
            } else {
                character == u16::from(*wanted)
            };
            if !is_wanted {
                let first = input.first().copied().unwrap_or_default();
                return Match::Other(if first == b'\\' { 2 } else { 1 });
            }
            length += size;
        }
        match next_character(input.get(length..).unwrap_or_default()) {
            Character::Cut => Match::Undecided,
            Character::Is(character, _) if self.goes_on_with(character) => Match::Other(length),
            Character::Is(..) => Match::Address(length),
        }
    }

    /// Whether this character after the address makes it another: a longer name, or another port.
    fn goes_on_with(&self, character: u16) -> bool {
        let Ok(byte) = u8::try_from(character) else {
            return false;
        };
        let in_a_name = byte.is_ascii_alphanumeric() || b"-_~%".contains(&byte);
        // After a path, a dot is the end of a sentence.
        in_a_name || (self.authority == self.from.len() && b".:@".contains(&byte))
    }
}

enum Match {
    /// The address, in so many bytes.
    Address(usize),
    /// Something else; so many bytes need not be looked at again.
    Other(usize),
    /// The text goes on in the next piece.
    Undecided,
}

enum Character {
    /// A UTF-16 code unit and how many bytes it is written in; for bytes beyond ASCII, the byte.
    Is(u16, usize),
    /// The text ends before the character does.
    Cut,
}

/// Source: RFC 8259 §7
fn next_character(input: &[u8]) -> Character {
    match input {
        [] | [b'\\'] => Character::Cut,
        [b'\\', b'u', digits @ ..] => {
            let Some(digits) = digits.get(..4) else {
                return Character::Cut;
            };
            let code = std::str::from_utf8(digits).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok());
            Character::Is(code.unwrap_or_default(), 6)
        }
        // `\/` is a slash. The others stand for characters that no address has.
        [b'\\', b'/', ..] => Character::Is(u16::from(b'/'), 2),
        [b'\\', ..] => Character::Is(0, 2),
        [byte, ..] => Character::Is(u16::from(*byte), 1),
    }
}

/// A body whose addresses are rewritten while it streams; trailers do not pass.
pub(crate) struct Rewritten {
    body: Body,
    rewriter: Rewriter,
    ended: bool,
}

impl Rewritten {
    pub(crate) fn new(body: Body, base: &GatewayBase) -> Self {
        Self { body, rewriter: Rewriter::new(base), ended: false }
    }
}

impl http_body::Body for Rewritten {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while !self.ended {
            let passed = match ready!(self.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.rewriter.push(piece),
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.ended = true;
                    self.rewriter.finish()
                }
            };
            if !passed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passed))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// A `Location` or `Content-Location` of upstream's as ours; `None` when it points anywhere else.
pub(crate) fn location(value: &str, base: &GatewayBase) -> Option<String> {
    let below = if value.starts_with('/') {
        // A path of upstream's own host; with a second slash it would name another host.
        value.strip_prefix(base.upstream_path())?.strip_prefix('/')?
    } else if value.contains(':') {
        value.strip_prefix(base.upstream_url())?.strip_prefix('/')?
    } else {
        value
    };
    let is_plain = !below.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    is_plain.then(|| format!("{}/{below}", base.base_url()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{UPSTREAM_URL, base, chunks, text_of_body};

    fn rewritten_in(pieces: &[&str]) -> String {
        let mut rewriter = Rewriter::new(&base());
        let mut output = Vec::new();
        for piece in pieces {
            output.extend_from_slice(&rewriter.push(Bytes::copy_from_slice(piece.as_bytes())));
        }
        output.extend_from_slice(&rewriter.finish());
        String::from_utf8(output).unwrap()
    }

    fn bundle() -> String {
        format!(
            r#"{{"link":[{{"relation":"next","url":"{UPSTREAM_URL}?_page=2"}},{{"url":"{UPSTREAM_URL}"}}],
            "entry":[{{"fullUrl":"{UPSTREAM_URL}/Patient/1"}}],"x":"\"{UPSTREAM_URL}/narrative","y":"see {UPSTREAM_URL}/z.",
            "div":"<a href=\"{UPSTREAM_URL}/1\">","escaped":"http:\/\/10.0.0.5:8080\/r4\/a \u0068ttp\u003A//10.0.0.5:8080\u002Fr4\n",
            "case":"HTTP://10.0.0.5:8080/r4/b http://10.0.0.5:8080/R4","twice":"{UPSTREAM_URL} {UPSTREAM_URL}.",
            "other":"{UPSTREAM_URL}x/Patient/1 {UPSTREAM_URL}\u0078 \\u0068ttp","end":"\\","ours":"http://10.0.0.5:8080/ü"}}"#
        )
    }

    fn expected() -> String {
        r#"{"link":[{"relation":"next","url":"https://data.example/fhir?_page=2"},{"url":"https://data.example/fhir"}],
            "entry":[{"fullUrl":"https://data.example/fhir/Patient/1"}],"x":"\"https://data.example/fhir/narrative","y":"see https://data.example/fhir/z.",
            "div":"<a href=\"https://data.example/fhir/1\">","escaped":"https://data.example/fhir\/a https://data.example/fhir\n",
            "case":"https://data.example/fhir/b http://10.0.0.5:8080/R4","twice":"https://data.example/fhir https://data.example/fhir.",
            "other":"http://10.0.0.5:8080/r4x/Patient/1 http://10.0.0.5:8080/r4\u0078 \\u0068ttp","end":"\\","ours":"http://10.0.0.5:8080/ü"}"#
            .to_owned()
    }

    #[test]
    fn rewrites_the_address_anywhere_in_a_string() {
        assert_eq!(rewritten_in(&[&bundle()]), expected());
    }

    #[test]
    fn an_escaped_backslash_before_the_address_stays_one() {
        let text = r#""\\http://10.0.0.5:8080/r4/1 \\\u0068ttp://10.0.0.5:8080/r4 \\\\u0068ttp://10.0.0.5:8080/r4""#;
        let expected = r#""\\https://data.example/fhir/1 \\https://data.example/fhir \\\\u0068ttp://10.0.0.5:8080/r4""#;
        assert_eq!(rewritten_in(&[text]), expected);
    }

    #[test]
    fn a_base_that_is_a_whole_origin_ends_with_its_authority() {
        let upstream_url = tessera_udap::ids::BaseUrl::parse("http://10.0.0.5").unwrap();
        let mut rewriter = Rewriter::new(&GatewayBase { upstream_url, ..base() });
        let text = r#""http://10.0.0.5/Patient http://10.0.0.5:8080/x http://10.0.0.57 http://10.0.0.5.example""#;
        let expected =
            r#""https://data.example/fhir/Patient http://10.0.0.5:8080/x http://10.0.0.57 http://10.0.0.5.example""#;
        assert_eq!(rewriter.push(Bytes::from_static(text.as_bytes())), expected);
    }

    #[test]
    fn the_pieces_make_no_difference() {
        let bundle = bundle();
        let in_pieces = |size: usize| {
            let mut rewriter = Rewriter::new(&base());
            let mut output = Vec::new();
            for piece in bundle.as_bytes().chunks(size) {
                output.extend_from_slice(&rewriter.push(Bytes::copy_from_slice(piece)));
            }
            output.extend_from_slice(&rewriter.finish());
            String::from_utf8(output).unwrap()
        };
        for size in 1..=bundle.len() {
            assert_eq!(in_pieces(size), expected(), "pieces of {size}");
        }
        for place in (0..=bundle.len()).filter(|place| bundle.is_char_boundary(*place)) {
            let (first, second) = bundle.split_at(place);
            assert_eq!(rewritten_in(&[first, second]), expected(), "cut at {place}");
        }
    }

    #[test]
    fn an_unfinished_address_at_the_end_is_passed_on() {
        for cut in [&UPSTREAM_URL[..10], UPSTREAM_URL, "\\", "\\u00", "x"] {
            assert_eq!(rewritten_in(&[cut]), cut);
        }
        assert_eq!(rewritten_in(&[""]), "");
    }

    #[test]
    fn holds_no_more_than_the_address() {
        let mut rewriter = Rewriter::new(&base());
        for _ in 0..1000 {
            let _ = rewriter.push(Bytes::from_static(b"http:\\/\\/10.0.0.5:8080\\/r\\u0034"));
            assert!(rewriter.held.len() <= 6 * (rewriter.from.len() + 1));
        }
    }

    #[tokio::test]
    async fn a_body_streams_through() {
        let body = chunks(&["{\"a\":\"http://10.0", ".0.5:8080/r4", "/Patient/1\"}"]);
        let body: Body = Box::pin(Rewritten::new(body, &base()));
        assert_eq!(text_of_body(body).await, r#"{"a":"https://data.example/fhir/Patient/1"}"#);
    }

    #[test]
    fn locations_become_ours_or_vanish() {
        let ours = "https://data.example/fhir/Patient/1/_history/1";
        for value in
            ["http://10.0.0.5:8080/r4/Patient/1/_history/1", "/r4/Patient/1/_history/1", "Patient/1/_history/1"]
        {
            assert_eq!(location(value, &base()).as_deref(), Some(ours), "{value}");
        }
        for value in [
            "http://10.0.0.5:8080/r4x/Patient/1",
            "http://10.0.0.5:8080/r4",
            "https://evil.example/Patient/1",
            "//evil.example/Patient/1",
            "/other/Patient/1",
            "../Patient/1",
            "Patient/../x",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(location(value, &base()), None, "{value}");
        }
    }
}
