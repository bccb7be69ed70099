//! Reading a certificate request. Only its key is taken; names come from the community's own records.
//!
//! Source: RFC 2986

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, VerificationAlgorithm,
};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::UintRef;
use der::{Decode as _, Encode as _, Sequence};
use x509_cert::request::CertReq;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::error::PkiError;

/// A request larger than this is not read.
const SIZE_LIMIT: usize = 16 * 1024;

/// A certificate request whose sender has shown to hold the key.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    public_key: Vec<u8>,
}

impl CertificateRequest {
    /// Reads PKCS#10 in PEM and checks that it was signed by its own key.
    ///
    /// # Errors
    /// [`PkiError::Request`] when it is too large, malformed, signed otherwise, or its key is of a kind that is not issued.
    pub fn from_pem(pem: &str) -> Result<Self, PkiError> {
        if pem.len() > SIZE_LIMIT {
            return Err(PkiError::Request("it is larger than 16 KiB"));
        }
        let (label, der) =
            der::pem::decode_vec(pem.trim().as_bytes()).map_err(|_| PkiError::Request("it is not PEM"))?;
        if label != "CERTIFICATE REQUEST" && label != "NEW CERTIFICATE REQUEST" {
            return Err(PkiError::Request("it is not a certificate request (BEGIN CERTIFICATE REQUEST)"));
        }
        Self::from_der(&der)
    }

    /// Reads PKCS#10 in DER and checks that it was signed by its own key.
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        if der.len() > SIZE_LIMIT {
            return Err(PkiError::Request("it is larger than 16 KiB"));
        }
        let request = CertReq::from_der(der).map_err(|_| PkiError::Request("it is malformed"))?;
        judge_strength(&request.info.public_key)?;
        let malformed = |_| PkiError::Request("it is malformed");
        let public_key = request.info.public_key.to_der().map_err(malformed)?;
        let message = request.info.to_der().map_err(malformed)?;
        let algorithm: &'static dyn VerificationAlgorithm = match request.algorithm.oid.to_string().as_str() {
            "1.2.840.113549.1.1.11" => &RSA_PKCS1_2048_8192_SHA256,
            "1.2.840.113549.1.1.12" => &RSA_PKCS1_2048_8192_SHA384,
            "1.2.840.113549.1.1.13" => &RSA_PKCS1_2048_8192_SHA512,
            "1.2.840.10045.4.3.2" => &ECDSA_P256_SHA256_ASN1,
            "1.2.840.10045.4.3.3" => &ECDSA_P384_SHA384_ASN1,
            _ => {
                return Err(PkiError::Request("its signature algorithm is not RSA or ECDSA with SHA-2"));
            }
        };
        ParsedPublicKey::new(algorithm, public_key.as_slice())
            .map_err(|_| PkiError::Request("its key is not RSA of 2048 bits or more, P-256 or P-384"))?
            .verify_sig(&message, request.signature.raw_bytes())
            .map_err(|_| PkiError::Request("it is not signed by its own key"))?;
        Ok(Self { public_key })
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// Refuses the RSA keys that no path search would accept later; the verifying algorithm alone takes up to 8192 bits and
/// other exponents. The curves need no such check: each algorithm takes its own.
///
/// Source: security invariant 3 (RSA of 2048 to 4096 bits with e = 65537)
fn judge_strength(key: &SubjectPublicKeyInfoOwned) -> Result<(), PkiError> {
    if key.algorithm.oid != RSA_ENCRYPTION {
        return Ok(());
    }
    let rsa = RsaPublicKey::from_der(key.subject_public_key.raw_bytes())
        .map_err(|_| PkiError::Request("its key is malformed"))?;
    let modulus = rsa.modulus.as_bytes();
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = modulus.len() * 8 - usize::try_from(leading).unwrap_or(0);
    if !(2048..=4096).contains(&bits) {
        return Err(PkiError::Request("its RSA key has not 2048 to 4096 bits"));
    }
    if rsa.public_exponent.as_bytes() != [1, 0, 1] {
        return Err(PkiError::Request("its RSA key has another public exponent than 65537"));
    }
    Ok(())
}
