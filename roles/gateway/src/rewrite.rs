//! Upstream's own address becomes ours wherever an answer names it.
//!
//! In JSON the address is looked for where a string begins with it and goes on with `/`, `?` or its end: links,
//! `fullUrl`s and absolute references alike, so that a reference still finds its entry in a Bundle. The work is done on
//! bytes as they stream by. The alternative, to parse and write the JSON again, would hold every answer in memory and
//! change its decimals.
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
    /// A quotation mark and upstream's address.
    from: Vec<u8>,
    /// A quotation mark and our address.
    to: Bytes,
    /// The end of what has come: a part of `from`, or all of it, of which the next piece decides.
    held: Bytes,
    /// The last byte before `held`.
    before: u8,
}

impl Rewriter {
    /// From one base's upstream to its own address.
    pub(crate) fn new(base: &GatewayBase) -> Self {
        Self {
            from: format!("\"{}", base.upstream_url()).into_bytes(),
            to: Bytes::from(format!("\"{}", base.base_url())),
            held: Bytes::new(),
            before: 0,
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
        while let Some(quote) = position(&input, next, b'"') {
            match self.match_at(&input, quote) {
                Match::Address => {
                    output.extend_from_slice(&input.slice(done..quote));
                    output.extend_from_slice(&self.to);
                    done = quote + self.from.len();
                    next = done;
                }
                Match::Other => next = quote + 1,
                Match::Undecided => {
                    hold = quote;
                    break;
                }
            }
        }
        if let Some(last) = hold.checked_sub(1).and_then(|last| input.get(last)) {
            self.before = *last;
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

    fn match_at(&self, input: &[u8], quote: usize) -> Match {
        let before = match quote.checked_sub(1) {
            Some(place) => input.get(place).copied().unwrap_or_default(),
            None => self.before,
        };
        // An escaped quotation mark begins no string. A string that ends in a backslash is followed by no address.
        if before == b'\\' {
            return Match::Other;
        }
        let rest = input.get(quote..).unwrap_or_default();
        match rest.get(self.from.len()) {
            Some(b'/' | b'?' | b'"') if rest.starts_with(&self.from) => Match::Address,
            Some(_) => Match::Other,
            None if self.from.starts_with(rest) => Match::Undecided,
            None => Match::Other,
        }
    }
}

enum Match {
    Address,
    Other,
    Undecided,
}

fn position(input: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let rest = input.get(from..)?;
    rest.iter().position(|byte| *byte == wanted).map(|place| from + place)
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
            "entry":[{{"fullUrl":"{UPSTREAM_URL}/Patient/1"}}],"x":"\"{UPSTREAM_URL}/narrative","y":"see {UPSTREAM_URL}/z",
            "other":"{UPSTREAM_URL}x/Patient/1","end":"\\","ours":"http://10.0.0.5:8080/"}}"#
        )
    }

    fn expected() -> String {
        r#"{"link":[{"relation":"next","url":"https://data.example/fhir?_page=2"},{"url":"https://data.example/fhir"}],
            "entry":[{"fullUrl":"https://data.example/fhir/Patient/1"}],"x":"\"http://10.0.0.5:8080/r4/narrative","y":"see http://10.0.0.5:8080/r4/z",
            "other":"http://10.0.0.5:8080/r4x/Patient/1","end":"\\","ours":"http://10.0.0.5:8080/"}"#
            .to_owned()
    }

    #[test]
    fn rewrites_where_a_string_begins_with_the_address() {
        assert_eq!(rewritten_in(&[&bundle()]), expected());
    }

    #[test]
    fn the_pieces_make_no_difference() {
        let bundle = bundle();
        for place in 0..=bundle.len() {
            let (first, second) = bundle.split_at(place);
            assert_eq!(rewritten_in(&[first, second]), expected(), "cut at {place}");
        }
        for size in 1..=40 {
            let pieces: Vec<&str> =
                bundle.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
            assert_eq!(rewritten_in(&pieces), expected(), "pieces of {size}");
        }
    }

    #[test]
    fn an_unfinished_address_at_the_end_is_passed_on() {
        let cut = format!("\"{}", &UPSTREAM_URL[..10]);
        assert_eq!(rewritten_in(&[&cut]), cut);
        assert_eq!(rewritten_in(&[""]), "");
    }

    #[test]
    fn holds_no_more_than_the_address() {
        let mut rewriter = Rewriter::new(&base());
        for _ in 0..1000 {
            let _ = rewriter.push(Bytes::from_static(b"\"http://10.0.0.5:8080/r4"));
            assert!(rewriter.held.len() <= rewriter.from.len());
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
