//! The reading of a revocation list, field by field.

use const_oid::db::rfc5280;

use super::{CrlError, CrlNumber, Entry};
use crate::{
    asn1::{
        self, ENUMERATED, Element, GENERALIZED_TIME, INTEGER, NotDer, SEQUENCE, UTC_TIME, context, context_constructed,
    },
    certificate::{https_urls, name_checked, read_extension_list, read_extension_sequence},
    time::UnixTime,
};

/// Names the field in which the encoding was broken.
pub(super) fn in_field(field: &'static str) -> impl Fn(NotDer) -> CrlError {
    move |NotDer(problem)| CrlError::Malformed { field, problem }
}

/// The fields of `TBSCertList` in their order.
///
/// ```text
/// TBSCertList ::= SEQUENCE {
///     version                 Version OPTIONAL,   -- if present, MUST be v2
///     signature               AlgorithmIdentifier,
///     issuer                  Name,
///     thisUpdate              Time,
///     nextUpdate              Time OPTIONAL,
///     revokedCertificates     SEQUENCE OF SEQUENCE { ... } OPTIONAL,
///     crlExtensions       [0] EXPLICIT Extensions OPTIONAL }
/// ```
pub(super) struct TbsFields<'a> {
    pub(super) signature_algorithm: Element<'a>,
    pub(super) issuer: Element<'a>,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
    pub(super) revoked: Vec<Entry>,
    pub(super) extensions: ListExtensions,
}

impl<'a> TbsFields<'a> {
    pub(super) fn read(tbs: &Element<'a>) -> Result<Self, CrlError> {
        let mut fields = tbs.children().map_err(in_field("tbsCertList"))?;
        let version = fields.optional(INTEGER).map_err(in_field("version"))?;
        let is_v2 = match version.map(|version| asn1::small_unsigned(&version)).transpose() {
            Ok(None) => false,
            Ok(Some(1)) => true,
            _ => return Err(in_field("version")(NotDer("it is not v2"))),
        };
        let signature_algorithm = fields.expect(SEQUENCE).map_err(in_field("signature"))?;
        let issuer = fields.expect(SEQUENCE).and_then(name_checked).map_err(in_field("issuer"))?;
        let this_update = fields.next().and_then(|time| asn1::time(&time)).map_err(in_field("thisUpdate"))?;
        let next_update = match fields.optional(UTC_TIME).map_err(in_field("nextUpdate"))? {
            Some(time) => Some(time),
            None => fields.optional(GENERALIZED_TIME).map_err(in_field("nextUpdate"))?,
        };
        let next_update = next_update.ok_or(CrlError::NoNextUpdate)?;
        let next_update = asn1::time(&next_update).map_err(in_field("nextUpdate"))?;
        let revoked = match fields.optional(SEQUENCE).map_err(in_field("revokedCertificates"))? {
            Some(list) => read_entries(&list, is_v2)?,
            None => Vec::new(),
        };
        let extensions = match fields.optional(context_constructed(0)).map_err(in_field("crlExtensions"))? {
            Some(_) if !is_v2 => {
                return Err(in_field("crlExtensions")(NotDer("only version 2 has them")));
            }
            Some(extensions) => ListExtensions::read(&extensions)?,
            None => ListExtensions::default(),
        };
        fields.finish().map_err(in_field("tbsCertList"))?;
        Ok(Self { signature_algorithm, issuer, this_update, next_update, revoked, extensions })
    }
}

/// `SEQUENCE OF SEQUENCE { userCertificate INTEGER, revocationDate Time, crlEntryExtensions Extensions OPTIONAL }`
fn read_entries(list: &Element<'_>, is_v2: bool) -> Result<Vec<Entry>, CrlError> {
    let malformed = in_field("revokedCertificates");
    let mut entries = list.children().map_err(&malformed)?;
    let mut revoked = Vec::new();
    while !entries.is_empty() {
        let mut fields = entries.expect(SEQUENCE).and_then(|entry| entry.children()).map_err(&malformed)?;
        let number = fields.expect(INTEGER).map_err(&malformed)?;
        asn1::shortest(number.value).map_err(&malformed)?;
        let at = fields.next().and_then(|time| asn1::time(&time)).map_err(&malformed)?;
        let reason = match fields.optional(SEQUENCE).map_err(&malformed)? {
            Some(_) if !is_v2 => {
                return Err(malformed(NotDer("only version 2 has entry extensions")));
            }
            Some(extensions) => read_entry_extensions(&extensions)?,
            None => 0,
        };
        fields.finish().map_err(&malformed)?;
        let span = number.value_span();
        let too_long = |_| malformed(NotDer("a serial number is too long"));
        revoked.push(Entry {
            serial_start: u32::try_from(span.start).map_err(too_long)?,
            serial_len: u8::try_from(span.len()).map_err(too_long)?,
            reason,
            at: at.as_secs(),
        });
    }
    Ok(revoked)
}

/// The reason code of an entry, 0 without one.
///
/// certificateIssuer is critical and not understood, so that an indirect list is refused here at the latest.
fn read_entry_extensions(extensions: &Element<'_>) -> Result<u8, CrlError> {
    let malformed = in_field("crlEntryExtensions");
    let mut reason = 0;
    for extension in read_extension_sequence(extensions).map_err(&malformed)? {
        match extension.oid {
            rfc5280::ID_CE_CRL_REASONS => {
                let code = asn1::only(extension.value, ENUMERATED).map_err(&malformed)?;
                reason = match code.value {
                    [code] => *code,
                    _ => return Err(malformed(NotDer("a reason code is malformed"))),
                };
            }
            other if extension.critical => return Err(CrlError::UnknownCriticalExtension(other)),
            _ => {}
        }
    }
    Ok(reason)
}

#[derive(Default)]
pub(super) struct ListExtensions {
    pub(super) number: Option<CrlNumber>,
    pub(super) distribution_point: Option<Vec<String>>,
}

impl ListExtensions {
    fn read(explicit: &Element<'_>) -> Result<Self, CrlError> {
        let mut list = Self::default();
        for extension in read_extension_list(explicit).map_err(in_field("crlExtensions"))? {
            match extension.oid {
                rfc5280::ID_CE_CRL_NUMBER => {
                    list.number = Some(CrlNumber::read(extension.value).map_err(in_field("cRLNumber"))?);
                }
                rfc5280::ID_CE_DELTA_CRL_INDICATOR => return Err(CrlError::Delta),
                rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT => {
                    list.distribution_point = read_distribution_point(extension.value)?;
                }
                // Says which key signed; the key is known from the path.
                rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {}
                other if extension.critical => {
                    return Err(CrlError::UnknownCriticalExtension(other));
                }
                _ => {}
            }
        }
        Ok(list)
    }
}

/// The URLs of an issuingDistributionPoint in its plain form; `None` when it names none and so covers everything.
///
/// ```text
/// IssuingDistributionPoint ::= SEQUENCE {
///     distributionPoint          [0] DistributionPointName OPTIONAL,
///     onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
///     onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
///     onlySomeReasons            [3] ReasonFlags OPTIONAL,
///     indirectCRL                [4] BOOLEAN DEFAULT FALSE,
///     onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
fn read_distribution_point(value: &[u8]) -> Result<Option<Vec<String>>, CrlError> {
    let malformed = in_field("issuingDistributionPoint");
    let mut fields = asn1::only(value, SEQUENCE).and_then(|point| point.children()).map_err(&malformed)?;
    let name = fields.optional(context_constructed(0)).map_err(&malformed)?;
    for (number, limit) in [
        (1, "end entities"),
        (2, "CAs"),
        (3, "some reasons"),
        (4, "other CAs' certificates"),
        (5, "attribute certificates"),
    ] {
        // Whatever the limit's value: DER writes no FALSE here, and a list of no reasons has no use.
        if fields.optional(context(number)).map_err(&malformed)?.is_some() {
            return Err(CrlError::Partial(limit));
        }
    }
    fields.finish().map_err(&malformed)?;
    name.map(|name| https_urls(&name)).transpose().map_err(&malformed)
}
