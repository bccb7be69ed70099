//! Our own public keys as others read them: JWK and JWKS. Foreign ones are never read, since no signature is checked
//! with a key that a message brings along.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

use crate::algorithm::Algorithm;
use crate::base64url::base64url_encode;
use crate::key::{KeyError, KeyKind, PublicNumbers, SigningKey};

/// A public signing key; `kid` is its RFC 7638 thumbprint, so the same key has the same name on every node.
///
/// Source: RFC 7517 §4; RFC 7518 §6.2, §6.3
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    numbers: Numbers,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum Numbers {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
}

/// A set of public keys, as a JWKS endpoint serves it.
///
/// Source: RFC 7517 §5
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Jwks {
    /// The keys, the one in use first.
    pub keys: Vec<Jwk>,
}

impl Jwk {
    /// Describes the public key in this `SubjectPublicKeyInfo` for signatures of `algorithm`.
    ///
    /// # Errors
    /// [`KeyError`] when the key is not one that we accept, [`KeyError::Algorithm`] when the algorithm does not fit it.
    pub fn from_spki(spki: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let numbers = PublicNumbers::read(spki)?;
        if !numbers.kind().fits(algorithm) {
            return Err(KeyError::Algorithm(algorithm));
        }
        let numbers = Numbers::from_key(&numbers);
        let kid = numbers.thumbprint();
        Ok(Self { numbers, usage: "sig", alg: algorithm.as_str(), kid })
    }

    /// Describes the public half of a signing key.
    ///
    /// # Errors
    /// As [`Jwk::from_spki`].
    pub fn from_signing_key(key: &dyn SigningKey) -> Result<Self, KeyError> {
        Self::from_spki(key.public_key(), key.algorithm())
    }

    /// The key's name: its SHA-256 thumbprint in base64url, 43 characters.
    ///
    /// Source: RFC 7638 §3
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl Jwks {
    /// The set as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are strings and write to memory, so they always serialize")
    }
}

impl Numbers {
    fn from_key(numbers: &PublicNumbers<'_>) -> Self {
        match *numbers {
            PublicNumbers::Rsa { modulus, exponent, .. } => {
                Self::Rsa { n: base64url_encode(modulus), e: base64url_encode(exponent) }
            }
            PublicNumbers::Ec { kind, point } => {
                // After the leading 4 come x and y, each half of the rest.
                let coordinates = point.get(1..).unwrap_or_default();
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                let crv = if kind == KeyKind::P384 { "P-384" } else { "P-256" };
                Self::Ec { crv, x: base64url_encode(x), y: base64url_encode(y) }
            }
        }
    }

    /// RFC 7638 §3.2: the required members alone, in alphabetical order, without white space.
    fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        };
        base64url_encode(digest(&SHA256, canonical.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SoftwareKey;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn thumbprint_is_that_of_the_rfc() {
        let n = concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3",
            "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA",
            "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-",
            "kEgU8awapJzKnqDKgw"
        );
        let key = Numbers::Rsa { n: n.to_owned(), e: "AQAB".to_owned() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn publishes_what_a_verifier_needs_and_nothing_secret() {
        let key = SoftwareKey::generate(KeyKind::P384).unwrap();
        let jwk = Jwk::from_signing_key(&key).unwrap();
        let json: serde_json::Value = serde_json::from_str(&Jwks { keys: vec![jwk.clone()] }.to_json()).unwrap();
        let member = |name: &str| json["keys"][0][name].as_str().unwrap_or_default().to_owned();
        assert_eq!((member("kty"), member("crv"), member("use")), ("EC".into(), "P-384".into(), "sig".into()));
        assert_eq!((member("alg"), member("kid")), ("ES384".into(), jwk.kid().to_owned()));
        assert_eq!((member("x").len(), member("y").len()), (64, 64));
        assert_eq!(json["keys"][0].as_object().unwrap().len(), 7);
    }

    #[test]
    fn refuses_an_algorithm_that_does_not_fit() {
        let key = SoftwareKey::generate(KeyKind::P256).unwrap();
        assert_eq!(Jwk::from_spki(key.public_key(), Algorithm::Rs256), Err(KeyError::Algorithm(Algorithm::Rs256)));
        assert_eq!(Jwk::from_spki(b"", Algorithm::Es256), Err(KeyError::Malformed));
    }
}
