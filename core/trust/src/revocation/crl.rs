//! Certificate revocation lists: read strictly once, asked often.

mod read;

use std::{fmt, ops::Range, sync::OnceLock, time::Duration};

use const_oid::ObjectIdentifier;

use self::read::{TbsFields, in_field};
use super::CrlAge;
use crate::{
    asn1::{self, BIT_STRING, INTEGER, NotDer, SEQUENCE},
    certificate::{Certificate, hex, sha256},
    signature::SignatureAlgorithm,
    time::UnixTime,
};

/// The longest revocation list that is read, in bytes.
///
/// Provenance: security invariant 20.
pub const CRL_SIZE_LIMIT: usize = 10 * 1024 * 1024;

/// How far ahead of our clock a list's thisUpdate may be.
///
/// Provenance: the skew of security invariant 5. nextUpdate gets none: a list is not used past its end.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Why bytes are not a revocation list that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// The list is longer than [`CRL_SIZE_LIMIT`]; it was not read.
    #[error("the revocation list has {size} bytes, more than {CRL_SIZE_LIMIT}")]
    TooLong {
        /// Its length in bytes.
        size: usize,
    },
    /// A field is not strict DER or not what RFC 5280 §5.1 says it is.
    #[error("the revocation list is malformed: {field}: {problem}")]
    Malformed {
        /// The field of the list.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It does not say when its successor comes, so that its age cannot be judged.
    #[error("the revocation list has no nextUpdate (RFC 5280 §5.1.2.5)")]
    NoNextUpdate,
    /// It lists only changes to another list.
    #[error("the revocation list is a delta list, which is not understood yet (RFC 5280 §5.2.4)")]
    Delta,
    /// It covers only some kinds of certificates or reasons, or certificates of other CAs.
    #[error("the revocation list covers only {0}, which is not understood yet (RFC 5280 §5.2.5)")]
    Partial(&'static str),
    /// A critical extension, of the list or an entry, that is not understood.
    #[error("the revocation list has the critical extension {0}, which is not understood (RFC 5280 §5.2, §5.3)")]
    UnknownCriticalExtension(ObjectIdentifier),
}

/// Why a well-formed list gives no verdict on a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CrlProblem {
    #[error("the list was issued by '{0}' and not by the certificate's issuer (RFC 5280 §6.3.3 (b) (1))")]
    OtherIssuer(String),
    #[error("the list is for another distribution point (RFC 5280 §6.3.3 (b) (2))")]
    OtherDistributionPoint,
    #[error("the list is dated {}, in the future (RFC 5280 §5.1.2.4)", .0.to_utc_text())]
    NotYetIssued(UnixTime),
    #[error("the list is stale since {} (RFC 5280 §6.3.3 (a))", .0.to_utc_text())]
    Stale(UnixTime),
    #[error("the issuer may not sign lists: its key usage lacks cRLSign (RFC 5280 §6.3.3 (f))")]
    IssuerMayNotSign,
    #[error("the list is signed with an algorithm that does not count ({0})")]
    WeakSignature(ObjectIdentifier),
    #[error("the list was not signed by the issuer's key (RFC 5280 §6.3.3 (g))")]
    BadSignature,
    #[error("the signature checks of the search are used up")]
    SignatureBudget,
}

/// The number of a revocation list, which only grows from issue to issue of the same CA and scope.
///
/// Source: RFC 5280 §5.2.3 (at most 20 octets)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber([u8; 20]);

impl CrlNumber {
    /// The 20 octets, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The number that [`Self::as_bytes`] gave, to be compared with later ones.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    fn read(value: &[u8]) -> Result<Self, NotDer> {
        let number = asn1::only(value, INTEGER)?;
        let octets = asn1::unsigned(&number)?;
        let octets = octets.strip_prefix(&[0]).unwrap_or(octets);
        let mut value = [0; 20];
        let start = value.len().checked_sub(octets.len()).ok_or(NotDer("it has more than 20 octets"))?;
        value.iter_mut().skip(start).zip(octets).for_each(|(place, octet)| *place = *octet);
        Ok(Self(value))
    }
}

impl fmt::Display for CrlNumber {
    /// Lower-case hexadecimal digits without leading zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex(&self.0);
        let digits = digits.trim_start_matches('0');
        f.write_str(if digits.is_empty() { "0" } else { digits })
    }
}

impl fmt::Debug for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrlNumber({self})")
    }
}

/// What a list says about a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The list does not name it.
    NotRevoked,
    /// The list names it.
    Revoked {
        /// When it was revoked, by the CA's account.
        at: UnixTime,
        /// Why, in the words of RFC 5280 §5.3.1.
        reason: &'static str,
    },
}

/// One revocation list, complete for its issuer.
///
/// Reading it checks the encoding alone. Whether it is authentic, fresh and meant for a certificate is judged each time
/// it is used, except that a signature that held is not computed again for the same key.
///
/// An issuingDistributionPoint extension is understood only in its plain form: a full name, and no limits to kinds of
/// certificates or reasons. Such a list is used for a certificate only if one of its names is the URL it was asked
/// from, so that one partition of a CA's certificates is not taken for another.
///
/// Source: RFC 5280 §5; security invariant 16
pub struct Crl {
    der: Box<[u8]>,
    tbs: Range<usize>,
    issuer: Range<usize>,
    signature: Range<usize>,
    signature_algorithm: SignatureAlgorithm,
    this_update: UnixTime,
    next_update: UnixTime,
    number: Option<CrlNumber>,
    /// The URLs of the issuingDistributionPoint, where the list has one that names any.
    distribution_point: Option<Vec<String>>,
    /// By serial number, in the order of their bytes.
    revoked: Vec<Entry>,
    /// SHA-256 of the `SubjectPublicKeyInfo` under which the signature held.
    authentic_under: OnceLock<[u8; 32]>,
}

/// A revoked serial number: where it stands in the list's bytes, when and why it was revoked.
///
/// A list of 10 MiB has about 280 000 of these; 16 bytes each, against more than 100 for the derived structure.
struct Entry {
    serial_start: u32,
    serial_len: u8,
    reason: u8,
    at: u64,
}

impl Crl {
    /// Reads one revocation list from DER and nothing after it.
    ///
    /// # Errors
    /// [`CrlError::TooLong`] before anything is read, [`CrlError::Malformed`] for what is not strict DER or not a
    /// list, and the others for lists of kinds that are not understood.
    ///
    /// Source: RFC 5280 §5.1
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > CRL_SIZE_LIMIT {
            return Err(CrlError::TooLong { size: der.len() });
        }
        let outer = in_field("CertificateList");
        let mut parts = asn1::only(der, SEQUENCE).and_then(|whole| whole.children()).map_err(&outer)?;
        let tbs = parts.expect(SEQUENCE).map_err(in_field("tbsCertList"))?;
        let algorithm = parts.expect(SEQUENCE).map_err(in_field("signatureAlgorithm"))?;
        let signature_value = parts.expect(BIT_STRING).map_err(in_field("signatureValue"))?;
        parts.finish().map_err(&outer)?;
        let (_, signature) = asn1::octets(&signature_value).map_err(in_field("signatureValue"))?;

        let fields = TbsFields::read(&tbs)?;
        if fields.signature_algorithm.raw != algorithm.raw {
            return Err(in_field("signatureAlgorithm")(NotDer("it differs from the signed one")));
        }
        let mut revoked = fields.revoked;
        revoked.sort_unstable_by(|a, b| serial(der, a).cmp(serial(der, b)));
        revoked.shrink_to_fit();
        Ok(Self {
            tbs: tbs.span(),
            issuer: fields.issuer.span(),
            signature,
            signature_algorithm: SignatureAlgorithm::read(&algorithm).map_err(in_field("signatureAlgorithm"))?,
            this_update: fields.this_update,
            next_update: fields.next_update,
            number: fields.extensions.number,
            distribution_point: fields.extensions.distribution_point,
            revoked,
            authentic_under: OnceLock::new(),
            der: der.into(),
        })
    }

    /// The list exactly as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer's name for people, as [`Certificate::subject`] writes names.
    #[must_use]
    pub fn issuer(&self) -> String {
        crate::certificate::display_name(self.issuer_der())
    }

    /// The issuer's `Name` in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        self.slice(&self.issuer)
    }

    /// When the list was issued.
    #[must_use]
    pub const fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// The last second in which the list may be used.
    #[must_use]
    pub const fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// The list's number; `None` without one.
    #[must_use]
    pub const fn number(&self) -> Option<CrlNumber> {
        self.number
    }

    /// What whoever keeps lists compares, so that they do not go backwards.
    #[must_use]
    pub const fn age(&self) -> CrlAge {
        CrlAge { number: self.number, this_update: self.this_update }
    }

    /// Whether the list is dated further in the future than clocks differ. It is not to be kept: true lists would be
    /// older than it until then.
    #[must_use]
    pub fn is_dated_ahead(&self, now: UnixTime) -> bool {
        self.this_update > now.plus(CLOCK_SKEW)
    }

    /// About how much memory it takes, in bytes, for whoever keeps lists within a budget.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let names = self.distribution_point.iter().flatten().map(|name| size_of::<String>() + name.capacity());
        size_of::<Self>() + self.der.len() + self.revoked.capacity() * size_of::<Entry>() + names.sum::<usize>()
    }

    /// How many serial numbers the list names.
    #[must_use]
    pub fn revoked_count(&self) -> usize {
        self.revoked.len()
    }

    /// Whether `issuer` is the list's issuer, may sign lists, and did sign this one.
    ///
    /// For whoever keeps lists: an answer that is not authentic must not replace one that is.
    #[must_use]
    pub fn is_authentic(&self, issuer: &Certificate) -> bool {
        self.issuer_der() == issuer.subject_der() && self.check_authentic(issuer).is_ok()
    }

    /// Whether the list may be had at this URL: it names it as its distribution point, or names none.
    ///
    /// For whoever keeps lists: each of a CA's partitions has numbers of its own, so that one in another's place would
    /// make that one's lists seem to go backwards.
    ///
    /// Source: RFC 5280 §5.2.3 (a sequence for each scope), §6.3.3 (b) (2)
    #[must_use]
    pub fn is_meant_for(&self, url: &str) -> bool {
        self.distribution_point.as_ref().is_none_or(|names| names.iter().any(|name| name == url))
    }

    /// What the list says about a certificate's serial number. The issuer is not compared here.
    #[must_use]
    pub fn status(&self, certificate: &Certificate) -> Status {
        self.status_of(certificate.serial_der())
    }

    /// Looks up the content octets of a serial number.
    pub(crate) fn status_of(&self, wanted: &[u8]) -> Status {
        let found = self.revoked.binary_search_by(|entry| serial(&self.der, entry).cmp(wanted));
        match found.ok().and_then(|place| self.revoked.get(place)) {
            None => Status::NotRevoked,
            Some(entry) => Status::Revoked { at: UnixTime::from_secs(entry.at), reason: reason_name(entry.reason) },
        }
    }

    /// The list must be the certificate issuer's own, and meant for the URL it came from.
    pub(crate) fn check_scope(&self, certificate: &Certificate, url: &str) -> Result<(), CrlProblem> {
        if self.issuer_der() != certificate.issuer_der() {
            return Err(CrlProblem::OtherIssuer(self.issuer()));
        }
        if self.is_meant_for(url) { Ok(()) } else { Err(CrlProblem::OtherDistributionPoint) }
    }

    pub(crate) fn check_fresh(&self, now: UnixTime) -> Result<(), CrlProblem> {
        if self.is_dated_ahead(now) {
            return Err(CrlProblem::NotYetIssued(self.this_update));
        }
        if now > self.next_update {
            return Err(CrlProblem::Stale(self.next_update));
        }
        Ok(())
    }

    /// Whether [`Self::check_authentic`] will need no signature check.
    pub(crate) fn is_known_authentic(&self, issuer: &Certificate) -> bool {
        self.authentic_under.get().is_some_and(|known| *known == sha256(issuer.spki_der()))
    }

    /// The issuer's key must be allowed to sign lists and must have signed this one.
    pub(crate) fn check_authentic(&self, issuer: &Certificate) -> Result<(), CrlProblem> {
        if issuer.extensions().key_usage.is_some_and(|usage| !usage.crl_sign()) {
            return Err(CrlProblem::IssuerMayNotSign);
        }
        if self.is_known_authentic(issuer) {
            return Ok(());
        }
        if let SignatureAlgorithm::Unsupported(oid) = self.signature_algorithm {
            return Err(CrlProblem::WeakSignature(oid));
        }
        if !issuer.signed(self.signature_algorithm, self.slice(&self.tbs), self.slice(&self.signature)) {
            return Err(CrlProblem::BadSignature);
        }
        self.authentic_under.get_or_init(|| sha256(issuer.spki_der()));
        Ok(())
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer())
            .field("number", &self.number)
            .field("revoked", &self.revoked.len())
            .finish_non_exhaustive()
    }
}

fn serial<'a>(der: &'a [u8], entry: &Entry) -> &'a [u8] {
    usize::try_from(entry.serial_start)
        .ok()
        .and_then(|start| der.get(start..start + usize::from(entry.serial_len)))
        .unwrap_or_default()
}

/// `CRLReason` in words.
///
/// removeFromCRL belongs into delta lists alone; in a full list it counts as revoked like any other.
///
/// Source: RFC 5280 §5.3.1
fn reason_name(code: u8) -> &'static str {
    match code {
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => "no reason given",
    }
}

#[cfg(test)]
mod tests;
