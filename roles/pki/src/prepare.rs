//! Reading a certificate request. Only its key is taken; names come from the community's own records.
//!
//! Source: RFC 2986

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, VerificationAlgorithm,
};
use der::{Decode as _, Encode as _};
use x509_cert::request::CertReq;

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
        let (label, der) = der::pem::decode_vec(pem.trim().as_bytes())
            .map_err(|_| PkiError::Request("it is not PEM"))?;
        if label != "CERTIFICATE REQUEST" && label != "NEW CERTIFICATE REQUEST" {
            return Err(PkiError::Request(
                "it is not a certificate request (BEGIN CERTIFICATE REQUEST)",
            ));
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
        let malformed = |_| PkiError::Request("it is malformed");
        let public_key = request.info.public_key.to_der().map_err(malformed)?;
        let message = request.info.to_der().map_err(malformed)?;
        let algorithm: &'static dyn VerificationAlgorithm =
            match request.algorithm.oid.to_string().as_str() {
                "1.2.840.113549.1.1.11" => &RSA_PKCS1_2048_8192_SHA256,
                "1.2.840.113549.1.1.12" => &RSA_PKCS1_2048_8192_SHA384,
                "1.2.840.113549.1.1.13" => &RSA_PKCS1_2048_8192_SHA512,
                "1.2.840.10045.4.3.2" => &ECDSA_P256_SHA256_ASN1,
                "1.2.840.10045.4.3.3" => &ECDSA_P384_SHA384_ASN1,
                _ => {
                    return Err(PkiError::Request(
                        "its signature algorithm is not RSA or ECDSA with SHA-2",
                    ));
                }
            };
        ParsedPublicKey::new(algorithm, public_key.as_slice())
            .map_err(|_| {
                PkiError::Request("its key is not RSA of 2048 bits or more, P-256 or P-384")
            })?
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
