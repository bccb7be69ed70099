//! What a CA signs with, behind one trait, so that a key may live in a file or in a device.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use const_oid::ObjectIdentifier;
use der::Any;
use der::asn1::AnyRef;
use der::pem::{LineEnding, PemLabel};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::error::PkiError;

/// The kinds of keys that certificates of a community may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with 2048 bits; signs with SHA-256.
    Rsa2048,
    /// Elliptic curve P-256; signs with SHA-256.
    P256,
    /// Elliptic curve P-384; signs with SHA-384.
    P384,
}

impl KeyKind {
    /// The signature algorithm with its parameters.
    ///
    /// Source: RFC 4055 §5; RFC 5758 §3.2
    pub(crate) fn signature_algorithm(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::Rsa2048 => ("1.2.840.113549.1.1.11", Some(Any::from(AnyRef::NULL))),
            Self::P256 => ("1.2.840.10045.4.3.2", None),
            Self::P384 => ("1.2.840.10045.4.3.3", None),
        };
        AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters }
    }
}

/// A CA's private key.
pub trait CaKey: Send + Sync + fmt::Debug {
    /// Its kind, which fixes the signature algorithm.
    fn kind(&self) -> KeyKind;

    /// Its SubjectPublicKeyInfo in DER.
    fn public_key(&self) -> &[u8];

    /// Signs; ECDSA signatures are in DER.
    ///
    /// # Errors
    /// [`PkiError::Signing`] when the key does not.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PkiError>;
}

/// A key in memory; `Debug` shows its kind alone.
pub struct SoftwareCaKey {
    pair: Pair,
    kind: KeyKind,
    public_key: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

struct PrivateKeyLabel;

impl PemLabel for PrivateKeyLabel {
    const PEM_LABEL: &'static str = "PRIVATE KEY";
}

impl SoftwareCaKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`PkiError::Key`] when the library does not.
    pub fn generate(kind: KeyKind) -> Result<Self, PkiError> {
        let failed = |_| PkiError::Key("a new key could not be made");
        let pair = match kind {
            KeyKind::Rsa2048 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
            KeyKind::P256 => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?),
            KeyKind::P384 => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?),
        };
        Self::of(pair, kind)
    }

    /// Reads a PKCS#8 key in PEM.
    ///
    /// # Errors
    /// [`PkiError::Key`] when it is not one of the kinds.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, PkiError> {
        let (label, der) = der::pem::decode_vec(pem.as_bytes()).map_err(|_| PkiError::Key("not a PEM file"))?;
        let der = Zeroizing::new(der);
        if label != PrivateKeyLabel::PEM_LABEL {
            return Err(PkiError::Key("not a PKCS#8 key (BEGIN PRIVATE KEY)"));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der) {
            return Self::of(Pair::Ec(pair), KeyKind::P256);
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &der) {
            return Self::of(Pair::Ec(pair), KeyKind::P384);
        }
        match RsaKeyPair::from_pkcs8(&der) {
            Ok(pair) if pair.public_modulus_len() == 256 => Self::of(Pair::Rsa(pair), KeyKind::Rsa2048),
            _ => Err(PkiError::Key("neither RSA 2048, P-256 nor P-384")),
        }
    }

    /// Writes the key as PKCS#8 in PEM, for a file with mode 0600.
    ///
    /// # Errors
    /// [`PkiError::Key`] when the library does not give the key out.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, PkiError> {
        let failed = PkiError::Key("the key could not be written");
        let pem = match &self.pair {
            Pair::Rsa(pair) => {
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
                    pair.as_der().map_err(|_| PkiError::Key("the key could not be written"))?;
                der::pem::encode_string(PrivateKeyLabel::PEM_LABEL, LineEnding::LF, der.as_ref())
            }
            Pair::Ec(pair) => {
                let der = pair.to_pkcs8v1().map_err(|_| PkiError::Key("the key could not be written"))?;
                der::pem::encode_string(PrivateKeyLabel::PEM_LABEL, LineEnding::LF, der.as_ref())
            }
        };
        pem.map(Zeroizing::new).map_err(|_| failed)
    }

    fn of(pair: Pair, kind: KeyKind) -> Result<Self, PkiError> {
        let failed = |_| PkiError::Key("the public key could not be written");
        let public_key = match &pair {
            Pair::Rsa(pair) => {
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
            Pair::Ec(pair) => {
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
        };
        Ok(Self { pair, kind, public_key })
    }
}

impl CaKey for SoftwareCaKey {
    fn kind(&self) -> KeyKind {
        self.kind
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| PkiError::Signing)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| PkiError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl fmt::Debug for SoftwareCaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareCaKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Signs the DER of a value with a key.
pub(crate) fn sign_der(key: &dyn CaKey, value: &impl der::Encode) -> Result<der::asn1::BitString, PkiError> {
    let message = value.to_der().map_err(PkiError::value("the value to sign"))?;
    let signature = key.sign(&message)?;
    der::asn1::BitString::from_bytes(&signature).map_err(PkiError::value("the signature"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file() {
        for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384] {
            let key = SoftwareCaKey::generate(kind).unwrap();
            let again = SoftwareCaKey::from_pkcs8_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
            assert_eq!((again.kind(), again.public_key()), (kind, key.public_key()));
            assert!(again.sign(b"message").is_ok());
        }
    }

    #[test]
    fn refuses_what_is_no_key_and_shows_no_key() {
        assert!(SoftwareCaKey::from_pkcs8_pem("nothing").is_err());
        let key = SoftwareCaKey::generate(KeyKind::P256).unwrap();
        assert_eq!(format!("{key:?}"), "SoftwareCaKey { kind: P256, .. }");
    }
}
