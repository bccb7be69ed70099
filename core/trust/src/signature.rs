//! Which keys and signatures count, and the one place that asks aws-lc-rs.

use std::{fmt, ops::Range};

use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5912, rfc5912::ID_EC_PUBLIC_KEY, rfc5912::RSA_ENCRYPTION},
};

use crate::asn1::{self, BIT_STRING, Element, INTEGER, NULL, NotDer, OBJECT_IDENTIFIER, SEQUENCE};

/// What kind of public key a certificate carries, among those that count.
///
/// Source: security invariant 3 (RSA of 2048 to 4096 bits with e = 65537; P-256 and P-384 as named curves)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of this many bits, 2048 to 4096, and the public exponent 65537.
    Rsa {
        /// Length of the modulus in bits.
        bits: u32,
    },
    /// An elliptic curve key on P-256 (secp256r1).
    P256,
    /// An elliptic curve key on P-384 (secp384r1).
    P384,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA of {bits} bits"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
        }
    }
}

/// Why a public key does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Neither RSA nor an elliptic curve key.
    #[error("its key is neither RSA nor elliptic curve (algorithm {0})")]
    UnsupportedAlgorithm(ObjectIdentifier),
    /// An elliptic curve other than P-256 and P-384.
    #[error("its key is on another curve than P-256 and P-384 ({0})")]
    UnsupportedCurve(ObjectIdentifier),
    /// The curve is spelled out instead of named, which has been used to forge keys (CVE-2020-0601).
    #[error("its key spells out its curve instead of naming it")]
    ExplicitCurve,
    /// The RSA modulus is shorter than 2048 or longer than 4096 bits.
    #[error("its RSA key has {0} bits, outside 2048 to 4096")]
    RsaSize(u32),
    /// The RSA public exponent is not 65537.
    #[error("its RSA key has another public exponent than 65537")]
    RsaExponent,
    /// The key's encoding is broken.
    #[error("its key is malformed: {0}")]
    Malformed(&'static str),
}

impl From<NotDer> for KeyProblem {
    fn from(NotDer(problem): NotDer) -> Self {
        Self::Malformed(problem)
    }
}

/// A key that counts and where its bytes (RSAPublicKey, or the uncompressed point) stand in the certificate.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    pub(crate) kind: KeyKind,
    pub(crate) material: Range<usize>,
}

impl PublicKey {
    /// Judges `SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }`.
    ///
    /// Source: RFC 3279 §2.3.1; RFC 5480 §2
    pub(crate) fn from_spki(spki: &Element<'_>) -> Result<Self, KeyProblem> {
        let mut fields = spki.children()?;
        let algorithm = fields.expect(SEQUENCE)?;
        let key = fields.expect(BIT_STRING)?;
        fields.finish()?;
        let mut algorithm = algorithm.children()?;
        let oid = asn1::oid(&algorithm.next()?)?;
        let parameters = if algorithm.is_empty() { None } else { Some(algorithm.next()?) };
        algorithm.finish()?;
        let (key, material) = asn1::octets(&key)?;
        let kind = match oid {
            RSA_ENCRYPTION => rsa_kind(parameters, key),
            ID_EC_PUBLIC_KEY => curve_kind(parameters, key),
            other => Err(KeyProblem::UnsupportedAlgorithm(other)),
        }?;
        Ok(Self { kind, material })
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`
fn rsa_kind(parameters: Option<Element<'_>>, key: &[u8]) -> Result<KeyKind, KeyProblem> {
    if parameters.is_none_or(|parameters| parameters.raw != [NULL, 0]) {
        return Err(KeyProblem::Malformed("RSA parameters are not NULL"));
    }
    let mut numbers = asn1::only(key, SEQUENCE)?.children()?;
    let modulus = numbers.expect(INTEGER)?;
    let exponent = numbers.expect(INTEGER)?;
    numbers.finish()?;
    let modulus = asn1::unsigned(&modulus)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(modulus.len() * 8).unwrap_or(u32::MAX).saturating_sub(leading);
    if !(2048..=4096).contains(&bits) {
        return Err(KeyProblem::RsaSize(bits));
    }
    if asn1::unsigned(&exponent)? != [1, 0, 1] {
        return Err(KeyProblem::RsaExponent);
    }
    Ok(KeyKind::Rsa { bits })
}

fn curve_kind(parameters: Option<Element<'_>>, key: &[u8]) -> Result<KeyKind, KeyProblem> {
    let parameters = parameters.ok_or(KeyProblem::Malformed("the curve is missing"))?;
    if parameters.tag != OBJECT_IDENTIFIER {
        return Err(KeyProblem::ExplicitCurve);
    }
    let (kind, length) = match asn1::oid(&parameters)? {
        rfc5912::SECP_256_R_1 => (KeyKind::P256, 65),
        rfc5912::SECP_384_R_1 => (KeyKind::P384, 97),
        other => return Err(KeyProblem::UnsupportedCurve(other)),
    };
    // RFC 5480 §2.2: the uncompressed form is the one that everybody must support.
    if key.len() != length || key.first() != Some(&0x04) {
        return Err(KeyProblem::Malformed("the point is not in uncompressed form"));
    }
    Ok(kind)
}

/// The signature algorithms that count for certificates and revocation lists.
///
/// MD5 and SHA-1 are absent because collisions forge certificates (RFC 6151; RFC 9155).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
    Unsupported(ObjectIdentifier),
}

impl SignatureAlgorithm {
    /// Reads an `AlgorithmIdentifier`.
    ///
    /// Source: RFC 4055 §5 (parameters NULL, absent is accepted); RFC 5758 §3.2 (ECDSA: parameters absent)
    pub(crate) fn read(identifier: &Element<'_>) -> Result<Self, NotDer> {
        let mut fields = identifier.children()?;
        let oid = asn1::oid(&fields.next()?)?;
        let parameters = if fields.is_empty() { None } else { Some(fields.next()?) };
        fields.finish()?;
        let (algorithm, is_rsa) = match oid {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION => (Self::RsaSha256, true),
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => (Self::RsaSha384, true),
            rfc5912::SHA_512_WITH_RSA_ENCRYPTION => (Self::RsaSha512, true),
            rfc5912::ECDSA_WITH_SHA_256 => (Self::EcdsaSha256, false),
            rfc5912::ECDSA_WITH_SHA_384 => (Self::EcdsaSha384, false),
            other => return Ok(Self::Unsupported(other)),
        };
        let fits = match parameters {
            None => true,
            Some(parameters) => is_rsa && parameters.raw == [NULL, 0],
        };
        if fits { Ok(algorithm) } else { Err(NotDer("the signature algorithm has parameters that it must not have")) }
    }

    /// The verifier for this algorithm with a key of this kind, or `None` when they do not fit.
    fn verifier(self, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, kind) {
            (Self::RsaSha256, KeyKind::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaSha384, KeyKind::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaSha512, KeyKind::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA512,
            (Self::EcdsaSha256, KeyKind::P256) => &lc::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaSha384, KeyKind::P256) => &lc::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaSha256, KeyKind::P384) => &lc::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaSha384, KeyKind::P384) => &lc::ECDSA_P384_SHA384_ASN1,
            _ => return None,
        })
    }
}

/// Whether `key` of this kind signed `message`.
pub(crate) fn is_signed(
    algorithm: SignatureAlgorithm,
    kind: KeyKind,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithm
        .verifier(kind)
        .is_some_and(|verifier| UnparsedPublicKey::new(verifier, key).verify(message, signature).is_ok())
}
