//! Public keys, judged before they are used.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm,
};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode as _, Sequence};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::KeyKind;
use crate::algorithm::Algorithm;

/// `rsaEncryption`, RFC 3279 §2.3.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey`, RFC 5480 §2.1.1.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1`, RFC 5480 §2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `secp384r1`, RFC 5480 §2.1.1.1.
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The longest `SubjectPublicKeyInfo` that is read, in bytes; RSA 4096 takes 550.
const MAX_SPKI_BYTES: usize = 1024;
/// The sizes of an RSA modulus that we accept, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// 65537, big-endian.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// Why a key is not used. The text names no part of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not the strict DER of a key, or the point is not on its curve.
    #[error("the key cannot be read")]
    Malformed,
    /// The key is neither RSA nor elliptic-curve, or it is bound to another use (as RSA-PSS keys are).
    #[error("the key is neither an RSA key nor an elliptic-curve key")]
    UnsupportedType,
    /// The curve is not one of the named curves P-256 and P-384.
    #[error("the key's curve is neither P-256 nor P-384")]
    UnsupportedCurve,
    /// The RSA modulus is shorter than 2048 or longer than 4096 bits.
    #[error("the RSA key has {bits} bits; 2048 to 4096 are accepted")]
    RsaSize {
        /// The size of the modulus in bits.
        bits: usize,
    },
    /// The RSA public exponent is not 65537.
    #[error("the RSA key's public exponent is not 65537")]
    RsaExponent,
    /// The PEM text holds no PKCS#8 `PRIVATE KEY` block, or more than one.
    #[error("no PKCS#8 private key found; `openssl pkcs8 -topk8 -nocrypt` writes one")]
    NotPkcs8,
    /// The key cannot sign with the algorithm that it was given.
    #[error("the key does not fit the algorithm {0}")]
    Algorithm(Algorithm),
    /// The system could not make a key.
    #[error("a key could not be generated")]
    Generation,
}

/// The signature was not made by this key, or the algorithm does not fit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct VerificationFailed;

/// A public key of a type, size and curve that we accept, ready to verify.
///
/// Making one costs a few microseconds; keep it where one key verifies many signatures.
#[derive(Clone)]
pub struct VerificationKey {
    kind: KeyKind,
    /// Parsed for [`KeyKind::usual_algorithm`].
    parsed: ParsedPublicKey,
    /// RSA: the `RSAPublicKey` in DER; elliptic curves: the uncompressed point.
    encoded: Vec<u8>,
}

impl VerificationKey {
    /// Reads a `SubjectPublicKeyInfo` and accepts RSA of 2048 to 4096 bits with exponent 65537, P-256 and P-384.
    ///
    /// # Errors
    /// [`KeyError`] for any other key, for explicit curve parameters, for compressed points and for anything that is
    /// not strict DER.
    ///
    /// Source: RFC 3279 §2.3.1; RFC 5480 §2; JWT-13
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let numbers = PublicNumbers::read(spki)?;
        let kind = numbers.kind();
        let encoded = numbers.encoded().to_vec();
        let parsed = ParsedPublicKey::new(verification_algorithm(kind.usual_algorithm()), &encoded)
            .map_err(|_| KeyError::Malformed)?;
        Ok(Self { kind, parsed, encoded })
    }

    /// The key's type and curve.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether the key can verify signatures of `algorithm`.
    #[must_use]
    pub const fn fits(&self, algorithm: Algorithm) -> bool {
        self.kind.fits(algorithm)
    }

    /// Verifies a signature in JWS form: PKCS#1 v1.5 for RSA, `r || s` of fixed length for elliptic curves.
    ///
    /// # Errors
    /// [`VerificationFailed`] also when `algorithm` does not fit the key.
    ///
    /// Source: RFC 7518 §3.3, §3.4
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerificationFailed> {
        if !self.fits(algorithm) {
            return Err(VerificationFailed);
        }
        let verified = if algorithm == self.kind.usual_algorithm() {
            self.parsed.verify_sig(message, signature)
        } else {
            UnparsedPublicKey::new(verification_algorithm(algorithm), &self.encoded).verify(message, signature)
        };
        verified.map_err(|_| VerificationFailed)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerificationKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn verification_algorithm(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
    }
}

/// The numbers of an acceptable public key, borrowed from its `SubjectPublicKeyInfo`.
pub(crate) enum PublicNumbers<'a> {
    /// Modulus and exponent, big-endian without leading zeros, and the `RSAPublicKey` that holds both.
    Rsa { modulus: &'a [u8], exponent: &'a [u8], encoded: &'a [u8] },
    /// The curve and the point as `0x04 || x || y`.
    Ec { kind: KeyKind, point: &'a [u8] },
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`, RFC 8017 §A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl<'a> PublicNumbers<'a> {
    pub(crate) fn read(spki: &'a [u8]) -> Result<Self, KeyError> {
        if spki.len() > MAX_SPKI_BYTES {
            return Err(KeyError::Malformed);
        }
        let spki = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| KeyError::Malformed)?;
        let key = spki.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
        match spki.algorithm.oid {
            RSA_ENCRYPTION => {
                // RFC 3279 §2.3.1: the parameters are NULL, and there.
                let parameters = spki.algorithm.parameters.ok_or(KeyError::Malformed)?;
                if !parameters.is_null() || !parameters.value().is_empty() {
                    return Err(KeyError::Malformed);
                }
                Self::read_rsa(key)
            }
            EC_PUBLIC_KEY => {
                // Explicit parameters are a SEQUENCE and no OID, so they end here.
                let curve = spki.algorithm.parameters_oid().map_err(|_| KeyError::UnsupportedCurve)?;
                Self::read_ec(curve, key)
            }
            _ => Err(KeyError::UnsupportedType),
        }
    }

    fn read_rsa(encoded: &'a [u8]) -> Result<Self, KeyError> {
        let key = RsaPublicKey::from_der(encoded).map_err(|_| KeyError::Malformed)?;
        let modulus = key.modulus.as_bytes();
        let exponent = key.public_exponent.as_bytes();
        let first = modulus.first().copied().unwrap_or_default();
        let bits = (modulus.len() * 8).saturating_sub(first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        if exponent != RSA_EXPONENT {
            return Err(KeyError::RsaExponent);
        }
        // An even modulus is no product of two odd primes.
        if modulus.last().is_none_or(|last| last % 2 == 0) {
            return Err(KeyError::Malformed);
        }
        Ok(Self::Rsa { modulus, exponent, encoded })
    }

    fn read_ec(curve: ObjectIdentifier, point: &'a [u8]) -> Result<Self, KeyError> {
        let (kind, coordinate_bytes) = match curve {
            P256 => (KeyKind::P256, 32),
            P384 => (KeyKind::P384, 48),
            _ => return Err(KeyError::UnsupportedCurve),
        };
        // 4: uncompressed, SEC 1 §2.3.3. That the point is on the curve is checked when the key is parsed.
        if point.first() != Some(&4) || point.len() != 1 + 2 * coordinate_bytes {
            return Err(KeyError::Malformed);
        }
        Ok(Self::Ec { kind, point })
    }

    pub(crate) const fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::Ec { kind, .. } => *kind,
        }
    }

    const fn encoded(&self) -> &'a [u8] {
        match self {
            Self::Rsa { encoded, .. } => encoded,
            Self::Ec { point, .. } => point,
        }
    }
}
