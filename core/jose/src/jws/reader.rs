//! From hostile text to a signed payload.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url::base64url_decode;
use crate::json::{JsonError, Limits, MemberError, Object, read_object};
use crate::key::VerificationKey;

/// The longest compact JWS that is read: 64 KiB.
pub const MAX_JWS_BYTES: usize = 64 * 1024;
/// The most certificates that `x5c` may hold.
pub const MAX_CERTIFICATES: usize = 10;
/// The longest certificate in `x5c`: 16 KiB of DER.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// Header parameters that change how a JWS is read; we understand none, so we read none.
///
/// RFC 7515 §4.1.11 obliges us to refuse an unknown `crit`; RFC 7797 would unencode the payload; `zip` belongs to JWE
/// and makes small input large.
const REFUSED_PARAMETERS: [&str; 3] = ["crit", "b64", "zip"];

/// A JWS in compact serialization that was read and not verified.
///
/// Its header and payload are what somebody wrote, until [`CompactJws::verify`] has said otherwise.
pub struct CompactJws<'a> {
    algorithm: Algorithm,
    header: Object,
    payload: Vec<u8>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// Why a JWS was refused. The text is fit for the client and quotes nothing of the JWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The text is longer than [`MAX_JWS_BYTES`]; it was not looked at.
    #[error("the JWS is longer than {MAX_JWS_BYTES} bytes")]
    TooLarge,
    /// The text has not exactly three segments, or one of them is empty.
    #[error("not a JWS in compact serialization: three segments are needed")]
    NotCompact,
    /// A segment is not canonical unpadded base64url.
    #[error("the {segment} of the JWS is not canonical unpadded base64url")]
    NotBase64Url {
        /// Which: "header", "payload" or "signature".
        segment: &'static str,
    },
    /// The header is not a JSON object within the limits.
    #[error("the header of the JWS cannot be read")]
    Header(#[from] JsonError),
    /// A member of the header is absent or of the wrong type.
    #[error("a header parameter of the JWS is wrong: {0}")]
    HeaderMember(#[from] MemberError),
    /// The header has `crit`, `b64` or `zip`.
    #[error("the header parameter `{name}` is not supported")]
    RefusedParameter {
        /// The parameter's name.
        name: &'static str,
    },
    /// The header's `alg` is none of RS256, RS384, ES256 and ES384.
    #[error("the signature algorithm of the JWS is not supported")]
    UnsupportedAlgorithm,
    /// The algorithm is known, but the configuration does not accept it here.
    #[error("the signature algorithm {0} is not accepted here")]
    AlgorithmNotAllowed(Algorithm),
    /// The algorithm does not fit the key's type or curve.
    #[error("the signature algorithm {0} does not fit the key")]
    KeyMismatch(Algorithm),
    /// `x5c` holds no certificate or more than [`MAX_CERTIFICATES`].
    #[error("`x5c` must hold 1 to {MAX_CERTIFICATES} certificates")]
    CertificateCount,
    /// An element of `x5c` is not the standard base64 of at most [`MAX_CERTIFICATE_BYTES`] of DER.
    #[error("element {index} of `x5c` is not the standard base64 of a certificate's DER")]
    Certificate {
        /// The element's place, from 0.
        index: usize,
    },
    /// The signature is not this key's signature of this JWS.
    #[error("the signature of the JWS does not verify")]
    BadSignature,
}

impl<'a> CompactJws<'a> {
    /// Reads the three segments and judges the header; the signature is not verified.
    ///
    /// # Errors
    /// [`JwsError`] of form or header: everything except [`JwsError::AlgorithmNotAllowed`], [`JwsError::KeyMismatch`],
    /// [`JwsError::BadSignature`] and the ones about `x5c`.
    ///
    /// Source: RFC 7515 §5.2; RFC 8725 §3.1, §3.10; JWT-1, JWT-13
    pub fn read(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > MAX_JWS_BYTES {
            return Err(JwsError::TooLarge);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() {
            return Err(JwsError::NotCompact);
        }

        let header = decode("header", header)?;
        let header = read_object(&header, &Limits::new(MAX_JWS_BYTES))?;
        if let Some(name) = REFUSED_PARAMETERS.into_iter().find(|name| header.contains(name)) {
            return Err(JwsError::RefusedParameter { name });
        }
        let name = header.required_str("alg")?;
        let algorithm = Algorithm::from_name(name).ok_or(JwsError::UnsupportedAlgorithm)?;

        // After `alg`, so that an unsigned JWT is told what is wrong with it.
        if signature.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let payload = decode("payload", payload)?;
        let signature = decode("signature", signature)?;
        Ok(Self { algorithm, header, payload, signed, signature })
    }

    /// The algorithm that the header names.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The header's members, `alg` and `x5c` included; `kid`, `jwk`, `jku` and `x5u` are never followed.
    #[must_use]
    pub const fn header(&self) -> &Object {
        &self.header
    }

    /// The payload's bytes; for a JWT the claims as JSON.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The certificates of `x5c` as DER, in their order, the signer's first. Their content is not looked at.
    ///
    /// # Errors
    /// [`JwsError::HeaderMember`] when `x5c` is absent or not an array of strings, [`JwsError::CertificateCount`] when
    /// it holds none or too many, [`JwsError::Certificate`] when one is PEM, base64url, unpadded, broken by white
    /// space, respelt, empty or too long.
    ///
    /// Source: RFC 7515 §4.1.6; FAST Security STU2 §7.1.3; JWT-5
    pub fn x5c(&self) -> Result<Vec<Vec<u8>>, JwsError> {
        let certificates = self.header.required_strings("x5c")?;
        if certificates.is_empty() || certificates.len() > MAX_CERTIFICATES {
            return Err(JwsError::CertificateCount);
        }
        let decoded = certificates
            .iter()
            .enumerate()
            .map(|(index, text)| certificate_der(text).ok_or(JwsError::Certificate { index }));
        decoded.collect()
    }

    /// Verifies that `key` made the signature, with an algorithm that is in `allowed` and fits the key.
    ///
    /// # Errors
    /// [`JwsError::AlgorithmNotAllowed`], [`JwsError::KeyMismatch`] or [`JwsError::BadSignature`], in this order, so
    /// that no key operation is spent on what is refused anyway.
    ///
    /// Source: RFC 7515 §5.2; RFC 8725 §3.1, §3.2; JWT-6, JWT-13
    pub fn verify(&self, key: &VerificationKey, allowed: &AlgorithmSet) -> Result<(), JwsError> {
        if !allowed.contains(self.algorithm) {
            return Err(JwsError::AlgorithmNotAllowed(self.algorithm));
        }
        if !key.fits(self.algorithm) {
            return Err(JwsError::KeyMismatch(self.algorithm));
        }
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature).map_err(|_| JwsError::BadSignature)
    }
}

/// Shows the algorithm alone: header and payload may name people and organizations, and the whole is a credential.
impl fmt::Debug for CompactJws<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CompactJws").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn decode(segment: &'static str, text: &str) -> Result<Vec<u8>, JwsError> {
    base64url_decode(text).map_err(|_| JwsError::NotBase64Url { segment })
}

/// The DER in one element of `x5c`, or nothing. The longest allowed text is known before it is decoded.
fn certificate_der(text: &str) -> Option<Vec<u8>> {
    const LONGEST: usize = MAX_CERTIFICATE_BYTES.div_ceil(3) * 4;
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    // This engine demands padding and refuses set trailing bits, so each certificate has one spelling.
    STANDARD.decode(text).ok().filter(|der| der.len() <= MAX_CERTIFICATE_BYTES)
}
