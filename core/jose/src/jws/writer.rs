//! From a payload to compact serialization.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::algorithm::Algorithm;
use crate::base64url::base64url_encode;
use crate::json::{Object, Value};
use crate::key::{SignError, SigningKey};

/// A JOSE header that was encoded once and serves for any number of signatures.
///
/// A header with `x5c` is several kilobytes that never change while the certificate lives.
#[derive(Debug, Clone)]
pub struct HeaderTemplate {
    algorithm: Algorithm,
    encoded: String,
}

/// A header that is still being put together.
#[derive(Debug, Clone)]
pub struct HeaderBuilder {
    algorithm: Algorithm,
    members: Object,
}

impl HeaderTemplate {
    /// Starts a header with this `alg`.
    #[expect(clippy::new_ret_no_self, reason = "reads as it is meant: a new template, its parameters, build")]
    #[must_use]
    pub fn new(algorithm: Algorithm) -> HeaderBuilder {
        let mut members = Object::new();
        members.insert("alg", algorithm.as_str());
        HeaderBuilder { algorithm, members }
    }

    /// The header's `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl HeaderBuilder {
    /// Sets `typ`, the media type of the whole without `application/`.
    #[must_use]
    pub fn typ(self, typ: &str) -> Self {
        self.member("typ", typ)
    }

    /// Sets `kid`, the name of the key in our own JWKS.
    #[must_use]
    pub fn kid(self, kid: &str) -> Self {
        self.member("kid", kid)
    }

    /// Sets `x5c` to these certificates in DER, the signer's first.
    ///
    /// Source: RFC 7515 §4.1.6; FAST Security STU2 §7.1.3
    #[must_use]
    pub fn x5c(self, certificates: &[Vec<u8>]) -> Self {
        let encoded: Vec<String> = certificates.iter().map(|der| STANDARD.encode(der)).collect();
        self.member("x5c", encoded)
    }

    /// Encodes the header.
    #[must_use]
    pub fn build(self) -> HeaderTemplate {
        HeaderTemplate { algorithm: self.algorithm, encoded: base64url_encode(self.members.to_json().as_bytes()) }
    }

    fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name, value);
        self
    }
}

/// Signs `payload` under `header` and writes the compact serialization.
///
/// # Errors
/// [`SignError::AlgorithmMismatch`] when the header's `alg` is not the key's algorithm, [`SignError::Failed`] when the
/// key fails.
///
/// Source: RFC 7515 §5.1
pub fn sign(header: &HeaderTemplate, payload: &[u8], key: &dyn SigningKey) -> Result<String, SignError> {
    if header.algorithm != key.algorithm() {
        return Err(SignError::AlgorithmMismatch { header: header.algorithm, key: key.algorithm() });
    }
    let payload = base64url_encode(payload);
    // The longest signature is RSA 4096: 512 bytes, 683 characters.
    let mut text = String::with_capacity(header.encoded.len() + payload.len() + 700);
    text.push_str(&header.encoded);
    text.push('.');
    text.push_str(&payload);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&base64url_encode(&signature));
    Ok(text)
}
