//! X.509 certificates as received, read once, strictly, and never changed.
//!
//! Reading judges the encoding only. Whether a certificate may be believed for some purpose is for
//! [`crate::path`]: a certificate with a weak key or an unknown critical extension still reads, so that the refusal
//! can name it.

mod digest;
mod extensions;
mod name;
mod pem;
mod tbs;

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

pub use self::digest::CertificateDigest;
pub use self::pem::{PEM_SIZE_LIMIT, certificates_from_pem};
use self::tbs::TbsFields;
pub(crate) use self::{
    digest::{hex, sha256, write_hex},
    extensions::{Extensions, https_urls, read_list as read_extension_list, read_sequence as read_extension_sequence},
    name::{checked as name_checked, display as display_name, shown, shown_within},
};
use crate::{
    asn1::{self, BIT_STRING, NotDer, SEQUENCE},
    signature::{self, KeyKind, KeyProblem, PublicKey, SignatureAlgorithm},
    time::UnixTime,
};

/// The longest certificate that is read, in bytes.
///
/// Provenance: the limit table of the security invariants; certificates of healthcare communities have 1 to 3 KiB.
pub const CERTIFICATE_SIZE_LIMIT: usize = 16 * 1024;

/// How much of the subject's name [`Certificate::identity`] shows, in characters: it is kept with every refusal.
const IDENTITY_LIMIT: usize = 128;

/// Why bytes are not a certificate, or certificates not a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The certificate is longer than [`CERTIFICATE_SIZE_LIMIT`]; it was not read.
    #[error("the certificate has {size} bytes, more than {CERTIFICATE_SIZE_LIMIT}")]
    TooLong {
        /// Its length in bytes.
        size: usize,
    },
    /// A field is not strict DER or not what RFC 5280 §4.1 says it is.
    #[error("the certificate is malformed: {field}: {problem}")]
    Malformed {
        /// The field of the certificate.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The chain has no certificate.
    #[error("there is no certificate")]
    NoCertificate,
    /// The chain has more certificates than are read.
    #[error("there are {count} certificates, more than {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many are read.
        limit: usize,
    },
    /// PEM text that is not PEM.
    #[error("the PEM text is malformed")]
    Pem,
}

/// Names the field in which the encoding was broken.
fn in_field(field: &'static str) -> impl Fn(NotDer) -> CertificateError {
    move |NotDer(problem)| CertificateError::Malformed { field, problem }
}

/// One X.509 certificate and what this project reads from it.
///
/// Two certificates are equal when their bytes are.
///
/// Source: RFC 5280 §4.1
pub struct Certificate {
    der: Box<[u8]>,
    tbs: Range<usize>,
    serial: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    spki: Range<usize>,
    signature: Range<usize>,
    signature_algorithm: SignatureAlgorithm,
    not_before: UnixTime,
    not_after: UnixTime,
    key: Result<PublicKey, KeyProblem>,
    extensions: Extensions,
    digest: OnceLock<CertificateDigest>,
    identity: OnceLock<Arc<str>>,
}

impl Certificate {
    /// Reads one certificate from DER and nothing after it.
    ///
    /// # Errors
    /// [`CertificateError::TooLong`] before anything is read, [`CertificateError::Malformed`] for what is not strict
    /// DER or not a certificate.
    ///
    /// Source: RFC 5280 §4.1; security invariant 12
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_SIZE_LIMIT {
            return Err(CertificateError::TooLong { size: der.len() });
        }
        let outer = in_field("certificate");
        let mut parts = asn1::only(der, SEQUENCE).and_then(|whole| whole.children()).map_err(&outer)?;
        let tbs = parts.expect(SEQUENCE).map_err(in_field("tbsCertificate"))?;
        let algorithm = parts.expect(SEQUENCE).map_err(in_field("signatureAlgorithm"))?;
        let signature_value = parts.expect(BIT_STRING).map_err(in_field("signatureValue"))?;
        parts.finish().map_err(&outer)?;
        let (_, signature) = asn1::octets(&signature_value).map_err(in_field("signatureValue"))?;

        let fields = TbsFields::read(&tbs)?;
        if fields.signature_algorithm.raw != algorithm.raw {
            // RFC 5280 §4.1.1.2: both MUST be the same; only the inner one is signed.
            return Err(CertificateError::Malformed {
                field: "signatureAlgorithm",
                problem: "it differs from the signed one",
            });
        }
        Ok(Self {
            tbs: tbs.span(),
            serial: fields.serial.value_span(),
            issuer: fields.issuer.span(),
            subject: fields.subject.span(),
            spki: fields.spki.span(),
            signature,
            signature_algorithm: SignatureAlgorithm::read(&algorithm).map_err(in_field("signatureAlgorithm"))?,
            not_before: fields.not_before,
            not_after: fields.not_after,
            key: PublicKey::from_spki(&fields.spki),
            extensions: fields.extensions,
            digest: OnceLock::new(),
            identity: OnceLock::new(),
            der: der.into(),
        })
    }

    /// The certificate exactly as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of [`Self::der`], computed once.
    #[must_use]
    pub fn digest(&self) -> CertificateDigest {
        *self.digest.get_or_init(|| CertificateDigest::of(&self.der))
    }

    /// The `SubjectPublicKeyInfo` in DER, tag and length included.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        self.slice(&self.spki)
    }

    /// What kind of key this certificate carries.
    ///
    /// # Errors
    /// [`KeyProblem`] when the key is too weak or of a kind that does not count.
    pub fn public_key(&self) -> Result<KeyKind, KeyProblem> {
        self.key.as_ref().map(|key| key.kind).map_err(Clone::clone)
    }

    /// The subject's name for people, as RFC 4514 writes it, control characters escaped, cut after 256 characters.
    #[must_use]
    pub fn subject(&self) -> String {
        name::display(self.subject_der())
    }

    /// The issuer's name for people, written as [`Self::subject`] is.
    #[must_use]
    pub fn issuer(&self) -> String {
        name::display(self.issuer_der())
    }

    /// The subject's `Name` in DER: what issuer names are compared with, byte by byte.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        self.slice(&self.subject)
    }

    /// The issuer's `Name` in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        self.slice(&self.issuer)
    }

    /// The serial number in lower-case hexadecimal digits, two for each octet of the `INTEGER`.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        hex(self.serial_der())
    }

    /// The first second of the validity period.
    #[must_use]
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second of the validity period.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The URI names of the subjectAltName extension as written, in their order; empty when there are none.
    ///
    /// Source: FAST Security STU2 §7.1.5 (compared as strings); RFC 5280 §4.2.1.6
    #[must_use]
    pub fn uri_names(&self) -> &[String] {
        &self.extensions.uri_names
    }

    /// Whether this certificate carries exactly this URI name, byte by byte.
    #[must_use]
    pub fn has_uri_name(&self, uri: &str) -> bool {
        self.extensions.uri_names.iter().any(|name| name == uri)
    }

    /// `http` and `https` URLs of the CRL distribution points that cover all reasons and are the issuer's own.
    ///
    /// Source: RFC 5280 §4.2.1.13
    #[must_use]
    pub fn crl_urls(&self) -> &[String] {
        &self.extensions.crl_urls
    }

    /// `http` and `https` URLs of OCSP responders.
    ///
    /// Source: RFC 5280 §4.2.2.1
    #[must_use]
    pub fn ocsp_urls(&self) -> &[String] {
        &self.extensions.ocsp_urls
    }

    /// `http` and `https` URLs where the issuer's certificate can be had.
    ///
    /// Source: RFC 5280 §4.2.2.1
    #[must_use]
    pub fn ca_issuer_urls(&self) -> &[String] {
        &self.extensions.ca_issuer_urls
    }

    /// Whether this certificate says of itself that it is a CA; a missing mark means it is not.
    ///
    /// Source: RFC 5280 §4.2.1.9
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// Whether issuer and subject are the same name; says nothing about the key that signed.
    ///
    /// Source: RFC 5280 §3.2
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der() == self.subject_der()
    }

    /// About how much memory it takes, in bytes, for whoever keeps certificates within a budget.
    ///
    /// What was read is counted along with [`Self::der`]: an extension of many short values takes more than ten times
    /// its bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>()
            + self.der.len()
            + self.extensions.size_bytes()
            + self.identity.get().map_or(0, |text| text.len())
    }

    /// Whether the key of `issuer` signed this certificate. Costs one signature check.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        issuer.signed(self.signature_algorithm, self.slice(&self.tbs), self.slice(&self.signature))
    }

    /// Whether this certificate's key made `signature` over `message`.
    pub(crate) fn signed(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        self.key
            .as_ref()
            .is_ok_and(|key| signature::is_signed(algorithm, key.kind, self.slice(&key.material), message, signature))
    }

    pub(crate) fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The certificate's name in reasons: subject and serial number, written once, however many reasons name it.
    pub(crate) fn identity(&self) -> &Arc<str> {
        self.identity.get_or_init(|| {
            let subject = shown_within(&self.subject(), IDENTITY_LIMIT);
            format!("'{subject}' (serial {})", self.serial_hex()).into()
        })
    }

    /// The content octets of the serial number.
    pub(crate) fn serial_der(&self) -> &[u8] {
        self.slice(&self.serial)
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("issuer", &self.issuer())
            .field("serial", &self.serial_hex())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
