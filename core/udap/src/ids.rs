//! Names on the wire: kept as the text that was received, judged once, and compared as bytes.
//!
//! Two texts that mean the same URI to a browser are two names here: case, default ports, trailing slashes and percent
//! encoding all count. Parsing is only for judging, and what a lenient parser would repair is refused.
//!
//! Source: FAST Security STU2 §7.1.5; RFC 7519 §2 (StringOrURI); JWT-10

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use fluent_uri::Uri;
use serde::{Serialize, Serializer};

/// The longest URI that is taken as a name, in bytes.
pub const MAX_URI_BYTES: usize = 2048;
/// The longest client identifier, in bytes.
pub const MAX_CLIENT_ID_BYTES: usize = 255;
/// The longest JWT id, in bytes.
pub const MAX_JTI_BYTES: usize = 512;

/// Why a text is not the name that it should be. The message quotes nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("the value is empty")]
    Empty,
    /// The text is longer than such names are.
    #[error("the value is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The text is not an absolute URI as RFC 3986 writes it.
    #[error("the value is not an absolute URI")]
    NotAUri,
    /// The URI is not an http or https URL with a host and without user, fragment and dot segments.
    #[error("the value is not a plain http or https URL")]
    NotAUrl,
    /// The URL has a query where none may be.
    #[error("the URL has a query")]
    Query,
    /// The text has a character that such names have not.
    #[error("the value has a character that is not allowed")]
    Character,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $judge:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Judges the text and keeps it as it is.
            ///
            /// # Errors
            /// [`IdError`] when the text is not such a name.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                $judge(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text as received.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name! {
    /// The URI of a client or server in the SAN of its certificates; with the trust community it is the identity.
    ///
    /// Any absolute URI of at most 2048 bytes, whatever its scheme.
    ///
    /// Source: FAST Security STU2 §3.1 (`iss`), §3.4
    ClientUri, judge_uri
}

name! {
    /// The identifier that an authorization server gave a client: 1 to 255 printable ASCII characters.
    ///
    /// Source: RFC 6749 §2.2, appendix A.1
    ClientId, judge_client_id
}

name! {
    /// The base URL of a FHIR server, without query; also the issuer of its tokens unless configured otherwise.
    ///
    /// `http` passes here, for tests on loopback; who needs `https` asks [`BaseUrl::is_https`].
    ///
    /// Source: FAST Security STU2 §2.1
    BaseUrl, judge_base_url
}

name! {
    /// The URL of an endpoint; it may have a query.
    ///
    /// `http` passes here, for tests on loopback; who needs `https` asks [`EndpointUrl::is_https`].
    ///
    /// Source: RFC 6749 §3.1, §3.2
    EndpointUrl, judge_url
}

name! {
    /// The id of a JWT, unique for its issuer while the JWT lives: 1 to 512 bytes without control characters.
    ///
    /// Source: RFC 7519 §4.1.7; FAST Security STU2 §7.1.4
    Jti, judge_jti
}

impl BaseUrl {
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        is_https(&self.0)
    }

    /// The URL of a path below the base; exactly one slash comes between, whether the base ends with one or not.
    ///
    /// `path` is ours and begins without a slash: `.well-known/udap`.
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.0.strip_suffix('/').unwrap_or(&self.0))
    }
}

impl EndpointUrl {
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        is_https(&self.0)
    }
}

/// Judges an absolute URI of at most [`MAX_URI_BYTES`], for names that need no type of their own.
///
/// # Errors
/// [`IdError::Empty`], [`IdError::TooLong`] or [`IdError::NotAUri`].
///
/// Source: RFC 3986 §3, §4.3
pub fn judge_uri(text: &str) -> Result<(), IdError> {
    parse_uri(text).map(drop)
}

fn parse_uri(text: &str) -> Result<Uri<&str>, IdError> {
    within(text, MAX_URI_BYTES)?;
    let uri = Uri::parse(text).map_err(|_| IdError::NotAUri)?;
    // `urn:` alone is a URI by the grammar and names nothing.
    let nothing_named = uri.path().is_empty() && uri.authority().is_none_or(|authority| authority.host().is_empty());
    if nothing_named { Err(IdError::NotAUri) } else { Ok(uri) }
}

fn judge_url(text: &str) -> Result<(), IdError> {
    parse_url(text).map(drop)
}

fn judge_base_url(text: &str) -> Result<(), IdError> {
    if parse_url(text)?.has_query() { Err(IdError::Query) } else { Ok(()) }
}

/// Accepts only what the URL standard's parser would leave as it is, apart from case and default ports.
fn parse_url(text: &str) -> Result<Uri<&str>, IdError> {
    let uri = parse_uri(text)?;
    // Lower case only: another spelling would be folded by every library that dials it.
    let known_scheme = matches!(uri.scheme().as_str(), "https" | "http");
    let authority = uri.authority().ok_or(IdError::NotAUrl)?;
    let port_is_usable = match authority.port() {
        None => true,
        Some(port) => port.as_str().parse::<u16>().is_ok_and(|port| port != 0),
    };
    let host = authority.host();
    let host_is_plain = !host.is_empty() && !host.contains('%');
    let has_dot_segment = uri.path().as_str().split('/').any(is_dot_segment);
    let is_plain = known_scheme && port_is_usable && host_is_plain && !has_dot_segment;
    if !is_plain || authority.has_userinfo() || uri.has_fragment() {
        return Err(IdError::NotAUrl);
    }
    Ok(uri)
}

/// `.` and `..`, also percent-encoded, are what URL parsers remove.
fn is_dot_segment(segment: &str) -> bool {
    segment.len() <= 6 && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

fn is_https(url: &str) -> bool {
    url.starts_with("https:")
}

fn judge_client_id(text: &str) -> Result<(), IdError> {
    within(text, MAX_CLIENT_ID_BYTES)?;
    // RFC 6749 appendix A: VSCHAR = %x20-7E
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) { Ok(()) } else { Err(IdError::Character) }
}

fn judge_jti(text: &str) -> Result<(), IdError> {
    within(text, MAX_JTI_BYTES)?;
    if text.chars().any(char::is_control) { Err(IdError::Character) } else { Ok(()) }
}

fn within(text: &str, limit: usize) -> Result<(), IdError> {
    match text.len() {
        0 => Err(IdError::Empty),
        length if length > limit => Err(IdError::TooLong { limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn takes_absolute_uris_of_any_scheme_as_client_uris() {
        for text in [
            "https://app.example/",
            "https://app.example",
            "urn:oid:1.2.3",
            "urn:uuid:a0",
            "udap://x",
            "https://xn--bcher-kva.example/a%20b?c=d#e",
            "https://[2001:db8::1]:8443/x",
            "mailto:a@b.example",
        ] {
            assert_eq!(ClientUri::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_absolute_uri() {
        assert_eq!(ClientUri::parse(""), Err(IdError::Empty));
        for text in [
            "app",
            "/app",
            "//app.example",
            "?x",
            "urn:",
            "https://",
            ":x",
            "https://app.example/ ",
            " https://a.example",
            "https://app.example/a b",
            "https://app.example\\x",
            "https://app.example/\u{e4}",
            "https://app.example/%zz",
            "https://app.example/\n",
            "1ttps://a.example",
            "https://[::1",
            "https://a.example/<x>",
        ] {
            assert_eq!(ClientUri::parse(text), Err(IdError::NotAUri), "{text:?}");
        }
        let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
        assert!(ClientUri::parse(&long(2048)).is_ok());
        assert_eq!(ClientUri::parse(&long(2049)), Err(IdError::TooLong { limit: 2048 }));
    }

    /// Shows: JWT-10
    #[test]
    fn names_are_compared_as_bytes() {
        let spellings = [
            "https://app.example/a",
            "https://app.example/a/",
            "https://APP.example/a",
            "HTTPS://app.example/a",
            "https://app.example:443/a",
            "https://app.example/%61",
            "https://app.example/A",
            "https://app.example/x/../a",
            "https://app.example/a?",
            "https://app.example/a#",
        ];
        let names: HashSet<ClientUri> = spellings.iter().map(|text| ClientUri::parse(text).unwrap()).collect();
        assert_eq!(names.len(), spellings.len());
    }

    #[test]
    fn urls_are_plain() {
        for text in ["https://fhir.example/r4", "http://localhost:8080/fhir/", "https://[::1]:1/", "https://a.example"]
        {
            assert_eq!(BaseUrl::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "urn:oid:1.2",
            "ftp://a.example/",
            "HTTPS://a.example/",
            "https:a.example",
            "https:/a.example",
            "https:///a",
            "https://user@a.example/",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a%2eexample/",
            "https://a.example/x/../y",
            "https://a.example/.",
            "https://a.example/%2E%2e/x",
            "https://a.example/#f",
            "https://a.example/#",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
            assert!(EndpointUrl::parse(text).is_err(), "{text}");
        }
        assert_eq!(BaseUrl::parse("https://a.example/?x=1"), Err(IdError::Query));
        assert!(EndpointUrl::parse("https://a.example/token?x=1").unwrap().is_https());
        assert!(!BaseUrl::parse("http://a.example").unwrap().is_https());
    }

    #[test]
    fn one_slash_comes_between_base_and_path() {
        for base in ["https://a.example/r4", "https://a.example/r4/"] {
            let url = BaseUrl::parse(base).unwrap().below(".well-known/udap");
            assert_eq!(url, "https://a.example/r4/.well-known/udap");
        }
    }

    #[test]
    fn ids_are_bounded() {
        assert!(ClientId::parse("s6BhdRkqt3 ~").is_ok() && ClientId::parse(&"x".repeat(255)).is_ok());
        assert_eq!(ClientId::parse("a\n"), Err(IdError::Character));
        assert_eq!(ClientId::parse("\u{e4}"), Err(IdError::Character));
        assert_eq!(ClientId::parse(&"x".repeat(256)), Err(IdError::TooLong { limit: 255 }));
        assert!(Jti::parse("\u{e4} 1").is_ok() && Jti::parse(&"x".repeat(512)).is_ok());
        assert_eq!(Jti::parse(""), Err(IdError::Empty));
        assert_eq!(Jti::parse("a\u{0}"), Err(IdError::Character));
        assert_eq!(Jti::parse(&"x".repeat(513)), Err(IdError::TooLong { limit: 512 }));
    }

    #[test]
    fn a_name_is_written_as_its_text() {
        let uri = ClientUri::parse("https://a.example/").unwrap();
        assert_eq!(serde_json::to_string(&uri).unwrap(), "\"https://a.example/\"");
        assert_eq!(format!("{uri:?} {uri}"), "ClientUri(\"https://a.example/\") https://a.example/");
    }
}
