//! Putting a certificate together and signing it, once.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, UtcTime, Utf8StringRef};
use der::{Any, DateTime, Decode as _, Encode as _, Sequence};
use tessera_trust::UnixTime;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Time;

use crate::error::PkiError;
use crate::extensions;
use crate::key::{CaKey, sign_der};
use crate::profile::Profile;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// What a CA is to put into a certificate.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Whose it is.
    pub subject: Subject,
    /// The subject's SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// What kind of certificate.
    pub profile: Profile,
    /// From when until when.
    pub validity: Validity,
    /// Fresh chance for the serial number.
    pub serial_entropy: [u8; 16],
    /// Where the issuer's CRL is.
    pub crl_urls: Vec<String>,
    /// Where the issuer's certificate is.
    pub ca_issuer_urls: Vec<String>,
    /// Extensions as they are to stand, in place of the profile's of the same identifier; an empty value leaves that one
    /// out. For test certificates that must be broken in one property.
    pub dangerous_extensions: Vec<RawExtension>,
}

impl Issue {
    /// A certificate without addresses of CRL and issuer.
    #[must_use]
    pub fn new(
        subject: Subject,
        public_key: &[u8],
        profile: Profile,
        validity: Validity,
        serial_entropy: [u8; 16],
    ) -> Self {
        Self {
            subject,
            public_key: public_key.to_vec(),
            profile,
            validity,
            serial_entropy,
            crl_urls: Vec::new(),
            ca_issuer_urls: Vec::new(),
            dangerous_extensions: Vec::new(),
        }
    }
}

/// A distinguished name of organization and common name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `O`, where there is one.
    pub organization: Option<String>,
    /// `CN`
    pub common_name: String,
}

impl Subject {
    /// A subject of an organization.
    #[must_use]
    pub fn new(organization: &str, common_name: &str) -> Self {
        Self { organization: Some(organization.to_owned()), common_name: common_name.to_owned() }
    }
}

/// From when until when, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
}

impl Validity {
    /// From a time, for so long.
    #[must_use]
    pub fn starting(not_before: UnixTime, lifetime: Duration) -> Self {
        Self { not_before, not_after: not_before.plus(lifetime) }
    }
}

/// An extension as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawExtension {
    /// Its object identifier in dotted form.
    pub oid: String,
    /// Whether who does not know it must refuse the certificate.
    pub critical: bool,
    /// The DER of its value; empty leaves the extension out.
    pub value: Vec<u8>,
}

/// TBSCertificate, version 3.
///
/// Source: RFC 5280 §4.1
#[derive(Debug, Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: ValidityTimes,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Debug, Sequence)]
struct ValidityTimes {
    not_before: Time,
    not_after: Time,
}

#[derive(Debug, Sequence)]
struct SignedCertificate {
    tbs_certificate: TbsCertificate,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Prepares and signs; the certificate in DER.
pub(crate) fn sign(issue: &Issue, issuer: &Name, key: &dyn CaKey) -> Result<Vec<u8>, PkiError> {
    let algorithm = key.kind().signature_algorithm();
    let tbs_certificate = TbsCertificate {
        version: 2,
        serial_number: serial_number(&issue.serial_entropy)?,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity: ValidityTimes {
            not_before: time(issue.validity.not_before)?,
            not_after: time(issue.validity.not_after)?,
        },
        subject: name(&issue.subject)?,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&issue.public_key)
            .map_err(PkiError::value("the public key"))?,
        extensions: extensions::of(issue, key.public_key())?,
    };
    let signature = sign_der(key, &tbs_certificate)?;
    let certificate = SignedCertificate { tbs_certificate, signature_algorithm: algorithm, signature };
    certificate.to_der().map_err(PkiError::value("the certificate"))
}

/// Positive and of full length, whatever the chance.
///
/// Source: RFC 5280 §4.1.2.2
fn serial_number(entropy: &[u8; 16]) -> Result<SerialNumber, PkiError> {
    let mut bytes = *entropy;
    let [first, ..] = &mut bytes;
    *first = (*first & 0x3f) | 0x40;
    SerialNumber::new(&bytes).map_err(PkiError::value("the serial number"))
}

/// Source: RFC 5280 §4.1.2.5: UTCTime until 2049
pub(crate) fn time(at: UnixTime) -> Result<Time, PkiError> {
    let date = DateTime::from_unix_duration(Duration::from_secs(at.as_secs())).map_err(PkiError::value("a time"))?;
    if date.year() < 2050 {
        return UtcTime::from_date_time(date).map(Time::UtcTime).map_err(PkiError::value("a time"));
    }
    Ok(Time::GeneralTime(GeneralizedTime::from_date_time(date)))
}

pub(crate) fn name(subject: &Subject) -> Result<Name, PkiError> {
    let mut sequence = RdnSequence::default();
    if let Some(organization) = &subject.organization {
        sequence.push(attribute(ORGANIZATION, organization)?);
    }
    sequence.push(attribute(COMMON_NAME, &subject.common_name)?);
    // The only way from attributes to a name in this library; a text form would have to be escaped and parsed again.
    let der = sequence.to_der().map_err(PkiError::value("a subject"))?;
    Name::from_der(&der).map_err(PkiError::value("a subject"))
}

fn attribute(oid: ObjectIdentifier, text: &str) -> Result<RelativeDistinguishedName, PkiError> {
    let value =
        Utf8StringRef::new(text).and_then(|text| Any::encode_from(&text)).map_err(PkiError::value("a subject"))?;
    let mut relative = RelativeDistinguishedName::default();
    relative.insert(AttributeTypeAndValue { oid, value }).map_err(PkiError::value("a subject"))?;
    Ok(relative)
}
