//! X.509 certificates as received, read once, strictly, and never changed.
//!
//! Reading judges the encoding only. Whether a certificate may be believed for some purpose is for
//! [`crate::path`]: a certificate with a weak key or an unknown critical extension still reads, so that the refusal
//! can name it.

mod extensions;
mod name;
mod pem;

use std::{fmt, ops::Range, sync::OnceLock};

use aws_lc_rs::digest::{SHA256, digest};

pub use self::pem::{PEM_SIZE_LIMIT, certificates_from_pem};
pub(crate) use self::{
    extensions::{
        Extensions, https_urls, read_list as read_extension_list,
        read_sequence as read_extension_sequence,
    },
    name::{checked as name_checked, display as display_name, shown},
};
use crate::{
    asn1::{self, BIT_STRING, Element, INTEGER, NotDer, SEQUENCE, context, context_constructed},
    signature::{self, KeyKind, KeyProblem, PublicKey, SignatureAlgorithm},
    time::UnixTime,
};

/// The longest certificate that is read, in bytes.
///
/// Provenance: the limit table of the security invariants; certificates of healthcare communities have 1 to 3 KiB.
pub const CERTIFICATE_SIZE_LIMIT: usize = 16 * 1024;

/// The longest serial number in octets.
///
/// Source: RFC 5280 §4.1.2.2
const SERIAL_LIMIT: usize = 20;

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

/// SHA-256 over a certificate's DER; shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateDigest([u8; 32]);

impl CertificateDigest {
    /// The digest of a certificate's DER, without reading it.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// Reads 64 hexadecimal digits in lower case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CertificateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for CertificateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateDigest({self})")
    }
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
        let mut parts = asn1::only(der, SEQUENCE)
            .and_then(|whole| whole.children())
            .map_err(&outer)?;
        let tbs = parts.expect(SEQUENCE).map_err(in_field("tbsCertificate"))?;
        let algorithm = parts
            .expect(SEQUENCE)
            .map_err(in_field("signatureAlgorithm"))?;
        let signature_value = parts
            .expect(BIT_STRING)
            .map_err(in_field("signatureValue"))?;
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
            signature_algorithm: SignatureAlgorithm::read(&algorithm)
                .map_err(in_field("signatureAlgorithm"))?,
            not_before: fields.not_before,
            not_after: fields.not_after,
            key: PublicKey::from_spki(&fields.spki),
            extensions: fields.extensions,
            digest: OnceLock::new(),
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
        self.extensions
            .basic_constraints
            .is_some_and(|constraints| constraints.ca)
    }

    /// Whether issuer and subject are the same name; says nothing about the key that signed.
    ///
    /// Source: RFC 5280 §3.2
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der() == self.subject_der()
    }

    /// Whether the key of `issuer` signed this certificate. Costs one signature check.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        issuer.signed(
            self.signature_algorithm,
            self.slice(&self.tbs),
            self.slice(&self.signature),
        )
    }

    /// Whether this certificate's key made `signature` over `message`.
    pub(crate) fn signed(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.key.as_ref().is_ok_and(|key| {
            signature::is_signed(
                algorithm,
                key.kind,
                self.slice(&key.material),
                message,
                signature,
            )
        })
    }

    pub(crate) fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
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

/// The fields of `TBSCertificate` in their order.
///
/// ```text
/// TBSCertificate ::= SEQUENCE {
///     version         [0] EXPLICIT Version DEFAULT v1,
///     serialNumber        CertificateSerialNumber,
///     signature           AlgorithmIdentifier,
///     issuer              Name,
///     validity            Validity,
///     subject             Name,
///     subjectPublicKeyInfo SubjectPublicKeyInfo,
///     issuerUniqueID  [1] IMPLICIT UniqueIdentifier OPTIONAL,
///     subjectUniqueID [2] IMPLICIT UniqueIdentifier OPTIONAL,
///     extensions      [3] EXPLICIT Extensions OPTIONAL }
/// ```
struct TbsFields<'a> {
    serial: Element<'a>,
    signature_algorithm: Element<'a>,
    issuer: Element<'a>,
    not_before: UnixTime,
    not_after: UnixTime,
    subject: Element<'a>,
    spki: Element<'a>,
    extensions: Extensions,
}

impl<'a> TbsFields<'a> {
    fn read(tbs: &Element<'a>) -> Result<Self, CertificateError> {
        let mut fields = tbs.children().map_err(in_field("tbsCertificate"))?;
        let version = fields
            .optional(context_constructed(0))
            .map_err(in_field("version"))?;
        let version = version
            .map_or(Ok(1), |version| read_version(&version))
            .map_err(in_field("version"))?;
        let serial = fields
            .expect(INTEGER)
            .and_then(checked_serial)
            .map_err(in_field("serialNumber"))?;
        let signature_algorithm = fields.expect(SEQUENCE).map_err(in_field("signature"))?;
        let issuer = fields
            .expect(SEQUENCE)
            .and_then(name::checked)
            .map_err(in_field("issuer"))?;
        let validity = fields.expect(SEQUENCE).map_err(in_field("validity"))?;
        let (not_before, not_after) = read_validity(&validity).map_err(in_field("validity"))?;
        let subject = fields
            .expect(SEQUENCE)
            .and_then(name::checked)
            .map_err(in_field("subject"))?;
        let spki = fields
            .expect(SEQUENCE)
            .map_err(in_field("subjectPublicKeyInfo"))?;
        let unique = in_field("unique identifiers");
        let issuer_unique_id = fields.optional(context(1)).map_err(&unique)?;
        let subject_unique_id = fields.optional(context(2)).map_err(&unique)?;
        if version == 1 && (issuer_unique_id.is_some() || subject_unique_id.is_some()) {
            return Err(unique(NotDer("version 1 has none")));
        }
        let extensions = match fields
            .optional(context_constructed(3))
            .map_err(in_field("extensions"))?
        {
            Some(_) if version != 3 => {
                return Err(in_field("extensions")(NotDer("only version 3 has them")));
            }
            Some(extensions) => Extensions::read(&extensions)?,
            None => Extensions::default(),
        };
        fields.finish().map_err(in_field("tbsCertificate"))?;
        Ok(Self {
            serial,
            signature_algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            spki,
            extensions,
        })
    }
}

/// `Version ::= INTEGER { v1(0), v2(1), v3(2) }`, of which DER never writes the default.
fn read_version(explicit: &Element<'_>) -> Result<u32, NotDer> {
    let version = asn1::only(explicit.value, INTEGER)?;
    match asn1::small_unsigned(&version)? {
        0 => Err(NotDer("a default value is encoded")),
        written @ 1..=2 => Ok(written + 1),
        _ => Err(NotDer("there is no such version")),
    }
}

fn checked_serial(serial: Element<'_>) -> Result<Element<'_>, NotDer> {
    let value = asn1::unsigned(&serial)?;
    if value.strip_prefix(&[0]).unwrap_or(value).len() > SERIAL_LIMIT {
        return Err(NotDer("it has more than 20 octets"));
    }
    Ok(serial)
}

fn read_validity(validity: &Element<'_>) -> Result<(UnixTime, UnixTime), NotDer> {
    let mut times = validity.children()?;
    let not_before = asn1::time(&times.next()?)?;
    let not_after = asn1::time(&times.next()?)?;
    times.finish()?;
    Ok((not_before, not_after))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut value = [0; 32];
    value.copy_from_slice(digest(&SHA256, bytes).as_ref());
    value
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn parse_hex(text: &str) -> Option<[u8; 32]> {
    fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        }
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut value = [0; 32];
    for (byte, [high, low]) in value.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests;
