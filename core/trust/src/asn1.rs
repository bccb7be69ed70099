//! A forward reader of DER that borrows, never recurses and remembers where each element stood.
//!
//! The tag and length rules are those of the `der` crate. Its derived structures are not used for what peers send:
//! they own what they read, forget the exact bytes (which names and signatures are judged by) and allocate for every
//! attribute of every name. Here reading a certificate costs a handful of allocations, which counts because each
//! token request carries a chain.
//!
//! Source: X.690 §8 to §11

use std::ops::Range;

use const_oid::ObjectIdentifier;
use der::{Decode, Header, Reader, SliceReader};

use crate::time::{Civil, UnixTime};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The octet of a primitive context-specific tag, `[n] IMPLICIT` of a primitive type.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The octet of a constructed context-specific tag, `[n] EXPLICIT` or `[n] IMPLICIT` of a constructed type.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// What is wrong with the encoding, in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDer(pub(crate) &'static str);

/// One element: its tag octet, its content, and where both stand in the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// Tag, length and content.
    pub(crate) raw: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Where `raw` begins in the outermost input.
    start: usize,
    /// Where `value` begins in the outermost input.
    value_start: usize,
}

impl<'a> Element<'a> {
    /// Where tag, length and content stand in the outermost input.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.start + self.raw.len()
    }

    /// Where the content stands in the outermost input.
    pub(crate) fn value_span(&self) -> Range<usize> {
        self.value_start..self.value_start + self.value.len()
    }

    /// A reader over the content.
    pub(crate) fn children(&self) -> Result<Elements<'a>, NotDer> {
        Elements::at(self.value, self.value_start)
    }
}

/// Reads one element after the other.
pub(crate) struct Elements<'a> {
    bytes: &'a [u8],
    base: usize,
    reader: SliceReader<'a>,
}

impl<'a> Elements<'a> {
    /// A reader over `bytes`, which are the outermost input.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, NotDer> {
        Self::at(bytes, 0)
    }

    fn at(bytes: &'a [u8], base: usize) -> Result<Self, NotDer> {
        let reader = SliceReader::new(bytes).map_err(|_| NotDer("it is too long"))?;
        Ok(Self { bytes, base, reader })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.position() >= self.bytes.len()
    }

    /// The next element, whatever its tag.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, NotDer> {
        const BROKEN: NotDer = NotDer("a tag or length is not DER");
        let start = self.position();
        let tag = *self.bytes.get(start).ok_or(NotDer("an element is missing"))?;
        if tag & 0x1f == 0x1f {
            // No structure that is read here has tag numbers above 30.
            return Err(NotDer("a tag number is too large"));
        }
        let header = Header::decode(&mut self.reader).map_err(|_| BROKEN)?;
        let value_start = self.position();
        let value = self.reader.read_slice(header.length()).map_err(|_| NotDer("an element runs past its end"))?;
        let raw = self.bytes.get(start..self.position()).ok_or(BROKEN)?;
        Ok(Element { tag, raw, value, start: self.base + start, value_start: self.base + value_start })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, NotDer> {
        let element = self.next()?;
        if element.tag != tag {
            return Err(NotDer("an element has the wrong type"));
        }
        Ok(element)
    }

    /// The next element if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, NotDer> {
        if self.bytes.get(self.position()) != Some(&tag) {
            return Ok(None);
        }
        self.next().map(Some)
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), NotDer> {
        if self.is_empty() { Ok(()) } else { Err(NotDer("there is more than the type allows")) }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.position()).unwrap_or(usize::MAX)
    }
}

/// The single element that `bytes` are, of this tag and with nothing after it.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<Element<'_>, NotDer> {
    let mut elements = Elements::new(bytes)?;
    let element = elements.expect(tag)?;
    elements.finish()?;
    Ok(element)
}

/// `BOOLEAN`: FF is true and 00 is false, nothing else.
pub(crate) fn boolean(element: Element<'_>) -> Result<bool, NotDer> {
    match element.value {
        [0xff] => Ok(true),
        [0x00] => Ok(false),
        _ => Err(NotDer("a BOOLEAN is neither 00 nor FF")),
    }
}

/// `BOOLEAN DEFAULT FALSE`: only TRUE may be written.
pub(crate) fn boolean_default_false(element: Option<Element<'_>>) -> Result<bool, NotDer> {
    match element.map(boolean).transpose()? {
        Some(false) => Err(NotDer("a default value is encoded")),
        Some(true) => Ok(true),
        None => Ok(false),
    }
}

/// `INTEGER` content must be in its shortest form, or numbers compared as bytes would differ though they are equal.
///
/// Source: X.690 §8.3.2
pub(crate) fn shortest(value: &[u8]) -> Result<(), NotDer> {
    match value {
        [] => Err(NotDer("an INTEGER is empty")),
        [0x00, second, ..] if second & 0x80 == 0 => Err(NotDer("an INTEGER is not in its shortest form")),
        [0xff, second, ..] if second & 0x80 != 0 => Err(NotDer("an INTEGER is not in its shortest form")),
        _ => Ok(()),
    }
}

/// The content of a non-negative `INTEGER`, leading sign octet included.
pub(crate) fn unsigned<'a>(element: &Element<'a>) -> Result<&'a [u8], NotDer> {
    shortest(element.value)?;
    match element.value {
        [first, ..] if first & 0x80 != 0 => Err(NotDer("an INTEGER is negative")),
        value => Ok(value),
    }
}

/// A non-negative `INTEGER` that fits 32 bits.
pub(crate) fn small_unsigned(element: &Element<'_>) -> Result<u32, NotDer> {
    let value = unsigned(element)?;
    if value.len() > 5 {
        return Err(NotDer("an INTEGER is too large"));
    }
    let number = value.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(number).map_err(|_| NotDer("an INTEGER is too large"))
}

/// The content of a `BIT STRING` of whole octets.
pub(crate) fn octets<'a>(element: &Element<'a>) -> Result<(&'a [u8], Range<usize>), NotDer> {
    match element.value {
        [0, octets @ ..] => {
            let span = element.value_span();
            Ok((octets, span.start + 1..span.end))
        }
        _ => Err(NotDer("a BIT STRING does not consist of whole octets")),
    }
}

/// A named bit list of up to 16 bits; bit *n* of the result is the list's bit *n*.
///
/// Source: X.690 §11.2
pub(crate) fn named_bits(value: &[u8]) -> Result<u16, NotDer> {
    let [unused, bits @ ..] = value else {
        return Err(NotDer("a BIT STRING is empty"));
    };
    let Some(last) = bits.last() else {
        return if *unused == 0 { Ok(0) } else { Err(NotDer("a BIT STRING is empty")) };
    };
    if *unused > 7 || last.trailing_zeros() != u32::from(*unused) {
        return Err(NotDer("a bit list has bits to spare"));
    }
    match bits {
        [first] => Ok(u16::from(first.reverse_bits())),
        [first, second] => Ok(u16::from(first.reverse_bits()) | u16::from(second.reverse_bits()) << 8),
        _ => Err(NotDer("a bit list is too long")),
    }
}

/// An `OBJECT IDENTIFIER`.
pub(crate) fn oid(element: &Element<'_>) -> Result<ObjectIdentifier, NotDer> {
    if element.tag != OBJECT_IDENTIFIER || element.value.is_empty() {
        return Err(NotDer("an object identifier is missing"));
    }
    ObjectIdentifier::from_bytes(element.value).map_err(|_| NotDer("an object identifier is malformed or too long"))
}

/// `IA5String` content.
pub(crate) fn ia5<'a>(element: &Element<'a>) -> Result<&'a str, NotDer> {
    const OUTSIDE: NotDer = NotDer("a name has characters outside ASCII");
    let text = std::str::from_utf8(element.value).map_err(|_| OUTSIDE)?;
    if text.is_ascii() { Ok(text) } else { Err(OUTSIDE) }
}

/// `Time ::= CHOICE { utcTime, generalTime }` in the two forms that certificates may use.
///
/// A `GeneralizedTime` before 2050 is read although CAs must not write it: the public test suite for path validation
/// (PKITS 4.2.4) expects that. Times before 1970 become 1970.
///
/// Source: RFC 5280 §4.1.2.5
pub(crate) fn time(element: &Element<'_>) -> Result<UnixTime, NotDer> {
    const MALFORMED: NotDer = NotDer("a time is not written as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ");
    let (year, rest) = match (element.tag, element.value) {
        (UTC_TIME, [year @ .., b'Z']) if year.len() == 12 => {
            let (year, rest) = year.split_at(2);
            let year = digits(year).ok_or(MALFORMED)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, [year @ .., b'Z']) if year.len() == 14 => {
            let (year, rest) = year.split_at(4);
            (digits(year).ok_or(MALFORMED)?, rest)
        }
        _ => return Err(MALFORMED),
    };
    let mut pairs = rest.chunks_exact(2).map(digits);
    let mut pair = || pairs.next().flatten().ok_or(MALFORMED);
    let civil = Civil { year, month: pair()?, day: pair()?, hour: pair()?, minute: pair()?, second: pair()? };
    UnixTime::from_civil(civil).ok_or(NotDer("a time does not exist"))
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, value: &[u8]) -> Element<'_> {
        Element { tag, raw: value, value, start: 0, value_start: 0 }
    }

    #[test]
    fn reads_times_as_certificates_write_them() {
        let at = |tag, text: &str| time(&element(tag, text.as_bytes())).map(UnixTime::as_secs);
        assert_eq!(at(UTC_TIME, "260101000000Z"), Ok(1_767_225_600));
        assert_eq!(at(UTC_TIME, "500101120001Z"), Ok(0));
        assert_eq!(at(GENERALIZED_TIME, "20260101000000Z"), Ok(1_767_225_600));
        for text in ["2601010000Z", "260101000000+0100", "260230000000Z", "26010100000aZ", "", "Z"] {
            assert!(at(UTC_TIME, text).is_err(), "{text}");
        }
        for text in ["20260101000000.5Z", "202601010000Z", "20260101240000Z"] {
            assert!(at(GENERALIZED_TIME, text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_integers_that_are_negative_or_padded() {
        for value in [&[][..], &[0x80], &[0x00, 0x7f], &[0x00, 0x00]] {
            assert!(unsigned(&element(INTEGER, value)).is_err(), "{value:?}");
        }
        assert_eq!(unsigned(&element(INTEGER, &[0x00, 0x80])), Ok(&[0x00, 0x80][..]));
        assert_eq!(small_unsigned(&element(INTEGER, &[0x01, 0x00])), Ok(256));
    }

    #[test]
    fn reads_bit_lists_in_their_one_form() {
        assert_eq!(named_bits(&[7, 0x80]), Ok(1));
        assert_eq!(named_bits(&[1, 0x06]), Ok(0b0110_0000));
        assert_eq!(named_bits(&[7, 0x80, 0x80]), Ok(0x101));
        assert_eq!(named_bits(&[0]), Ok(0));
        for value in [&[][..], &[8, 0], &[0, 0x80], &[5, 0x06], &[3, 0], &[7, 1, 2, 0x80]] {
            assert!(named_bits(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn refuses_lengths_that_are_not_der() {
        for bytes in
            [&[0x30, 0x81, 0x01, 0x00][..], &[0x30, 0x80, 0x00, 0x00], &[0x30, 0x05, 0x00], &[0x3f, 0x81, 0x00, 0x00]]
        {
            assert!(only(bytes, SEQUENCE).is_err(), "{bytes:?}");
        }
        assert!(only(&[0x30, 0x00, 0x00], SEQUENCE).is_err());
        assert!(only(&[0x30, 0x00], SEQUENCE).is_ok());
    }
}
