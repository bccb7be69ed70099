//! Private keys: the trait, and the key that lives in memory.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaKeyPair,
};
use der::pem::LineEnding;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, PublicNumbers};
use crate::algorithm::Algorithm;

/// The longest PEM text that is read for a key: 16 KiB; RSA 4096 takes about 3.3.
const MAX_PEM_BYTES: usize = 16 * 1024;
/// The label of PKCS#8, RFC 7468 §10.
const PKCS8_LABEL: &str = "PRIVATE KEY";

/// Something that signs with one private key and one algorithm.
///
/// It is called from a request, so it answers at once; a key behind a network keeps its own worker.
pub trait SigningKey: Send + Sync + fmt::Debug {
    /// The algorithm of every signature.
    fn algorithm(&self) -> Algorithm;

    /// Signs `message`, hashing included; the result is in JWS form (`r || s` of fixed length for elliptic curves).
    ///
    /// # Errors
    /// [`SignError::Failed`] when the key or its device fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The public key as `SubjectPublicKeyInfo` in DER.
    fn public_key(&self) -> &[u8];
}

/// Why there is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The header to be signed names another algorithm than the key's.
    #[error("the header says {header}, but the key signs {key}")]
    AlgorithmMismatch {
        /// The header's `alg`.
        header: Algorithm,
        /// The key's algorithm.
        key: Algorithm,
    },
    /// The key, or the device that holds it, failed.
    #[error("the signing key failed")]
    Failed,
}

/// A private key in memory. Its `Debug` shows what the key is and nothing of the secret.
pub struct SoftwareKey {
    algorithm: Algorithm,
    pair: Pair,
    /// `SubjectPublicKeyInfo` in DER.
    public_key: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SoftwareKey {
    /// Reads a PEM text with one PKCS#8 key: RSA signs RS256, P-256 ES256, P-384 ES384.
    ///
    /// Text before and after the block, such as certificates, is skipped.
    ///
    /// # Errors
    /// [`KeyError::NotPkcs8`] when there is not exactly one such block (an encrypted key or a `RSA PRIVATE KEY` is none),
    /// [`KeyError`] as for public keys when the key is of a type, size or curve that we do not accept, or broken.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let block = only_pkcs8_block(pem).ok_or(KeyError::NotPkcs8)?;
        let (_, der) = der::pem::decode_vec(block.as_bytes()).map_err(|_| KeyError::NotPkcs8)?;
        Self::from_pkcs8_der(&Zeroizing::new(der))
    }

    /// Reads a PKCS#8 key in DER; see [`SoftwareKey::from_pem`].
    ///
    /// # Errors
    /// [`KeyError`] when the key is of a type, size or curve that we do not accept, or broken.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            return Self::from_pair(Pair::Rsa(pair));
        }
        let pair = [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING]
            .into_iter()
            .find_map(|algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der).ok())
            .ok_or(KeyError::Malformed)?;
        Self::from_pair(Pair::Ec(pair))
    }

    /// Makes a new key from the system's randomness; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the system fails.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let ec = |algorithm: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(algorithm).map(Pair::Ec);
        let pair = match kind {
            KeyKind::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            KeyKind::P256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            KeyKind::P384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        };
        Self::from_pair(pair.map_err(|_| KeyError::Generation)?)
    }

    /// The same key signing with another algorithm: RS384 instead of RS256.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`] when the algorithm does not fit the key.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !self.kind().fits(algorithm) {
            return Err(KeyError::Algorithm(algorithm));
        }
        Ok(Self { algorithm, ..self })
    }

    /// The key's type and curve.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        match self.algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 => KeyKind::Rsa,
            Algorithm::Es256 => KeyKind::P256,
            Algorithm::Es384 => KeyKind::P384,
        }
    }

    /// The private key as PKCS#8 in PEM, wiped from memory when dropped.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        const ENCODES: &str = "a key that was read or generated can be encoded";
        let encode = |der: &[u8]| der::pem::encode_string(PKCS8_LABEL, LineEnding::LF, der).expect(ENCODES);
        Zeroizing::new(match &self.pair {
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().expect(ENCODES);
                encode(der.as_ref())
            }
            Pair::Ec(pair) => encode(pair.to_pkcs8v1().expect(ENCODES).as_ref()),
        })
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let public_key: PublicKeyX509Der<'_> = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ec(pair) => pair.public_key().as_der(),
        }
        .map_err(|_| KeyError::Malformed)?;
        let public_key = public_key.as_ref().to_vec();
        // One rule for both halves: what we would not accept from others, we do not sign with.
        let algorithm = PublicNumbers::read(&public_key)?.kind().usual_algorithm();
        Ok(Self { algorithm, pair, public_key })
    }
}

impl SigningKey for SoftwareKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding = if self.algorithm == Algorithm::Rs384 { &RSA_PKCS1_SHA384 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(|_| SignError::Failed)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| SignError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SoftwareKey")
            .field("algorithm", &self.algorithm)
            .field("private_key", &format_args!("[redacted]"))
            .finish_non_exhaustive()
    }
}

/// The one PKCS#8 block of a PEM text, from its BEGIN to its END line.
fn only_pkcs8_block(pem: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    const END: &str = "-----END PRIVATE KEY-----";
    if pem.len() > MAX_PEM_BYTES {
        return None;
    }
    let (before, _) = pem.split_once(BEGIN)?;
    let block = pem.get(before.len()..)?;
    let (body, after) = block.split_once(END)?;
    if after.contains(BEGIN) {
        return None;
    }
    block.get(..body.len() + END.len())
}
