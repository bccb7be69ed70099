//! Values that are more than a word or a file name.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tessera_udap::edition::Edition;

/// A trust community as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommunityArgument {
    pub(crate) uri: String,
    pub(crate) anchors: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) edition: Option<String>,
}

impl FromStr for CommunityArgument {
    type Err = &'static str;

    /// From the end: a URI may have commas, the names of the files must not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, edition) = match text.rsplit_once(',') {
            Some((rest, last)) if Edition::parse(last).is_some() => (rest, Some(last.to_owned())),
            _ => (text, None),
        };
        let mut parts = rest.rsplitn(4, ',');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        match (next(), next(), next(), next()) {
            (Some(key), Some(chain), Some(anchors), Some(uri)) => {
                Ok(Self { uri: uri.to_owned(), anchors: anchors.into(), chain: chain.into(), key: key.into(), edition })
            }
            _ => Err("expected URI,ANCHORS,CHAIN,KEY"),
        }
    }
}

/// A token as typed. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum TokenArgument {
    /// `-`: it comes by standard input.
    StandardInput,
    /// The token itself.
    Typed(String),
}

impl FromStr for TokenArgument {
    type Err = Infallible;

    /// Anything is taken, for an error of the command line would show it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Self::StandardInput,
            token => Self::Typed(token.to_owned()),
        })
    }
}

impl fmt::Debug for TokenArgument {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::StandardInput => "StandardInput",
            Self::Typed(_) => "Typed([redacted])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_community_is_read_from_its_end() {
        let read = |text: &str| text.parse::<CommunityArgument>().unwrap();
        let plain = read("https://c.example,a.pem,c.pem,k.pem");
        assert_eq!((plain.uri.as_str(), plain.edition.as_deref()), ("https://c.example", None));
        assert_eq!(plain.key, PathBuf::from("k.pem"));
        let with_comma = read("https://c.example/x,y,a.pem,c.pem,k.pem,1.1");
        assert_eq!((with_comma.uri.as_str(), with_comma.edition.as_deref()), ("https://c.example/x,y", Some("1.1")));
        assert_eq!(with_comma.anchors, PathBuf::from("a.pem"));
        for bad in ["", "https://c.example", "u,a,c", "u,a,,k", ",a,c,k"] {
            assert!(bad.parse::<CommunityArgument>().is_err(), "{bad}");
        }
    }
}
