//! The signed part of a certificate, field by field.

use super::{CertificateError, Extensions, in_field, name};
use crate::{
    asn1::{self, Element, INTEGER, NotDer, SEQUENCE, context, context_constructed},
    time::UnixTime,
};

/// The longest serial number in octets.
///
/// Source: RFC 5280 §4.1.2.2
const SERIAL_LIMIT: usize = 20;

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
pub(super) struct TbsFields<'a> {
    pub(super) serial: Element<'a>,
    pub(super) signature_algorithm: Element<'a>,
    pub(super) issuer: Element<'a>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) subject: Element<'a>,
    pub(super) spki: Element<'a>,
    pub(super) extensions: Extensions,
}

impl<'a> TbsFields<'a> {
    pub(super) fn read(tbs: &Element<'a>) -> Result<Self, CertificateError> {
        let mut fields = tbs.children().map_err(in_field("tbsCertificate"))?;
        let version = fields.optional(context_constructed(0)).map_err(in_field("version"))?;
        let version = version.map_or(Ok(1), |version| read_version(&version)).map_err(in_field("version"))?;
        let serial = fields.expect(INTEGER).and_then(checked_serial).map_err(in_field("serialNumber"))?;
        let signature_algorithm = fields.expect(SEQUENCE).map_err(in_field("signature"))?;
        let issuer = fields.expect(SEQUENCE).and_then(name::checked).map_err(in_field("issuer"))?;
        let validity = fields.expect(SEQUENCE).map_err(in_field("validity"))?;
        let (not_before, not_after) = read_validity(&validity).map_err(in_field("validity"))?;
        let subject = fields.expect(SEQUENCE).and_then(name::checked).map_err(in_field("subject"))?;
        let spki = fields.expect(SEQUENCE).map_err(in_field("subjectPublicKeyInfo"))?;
        let unique = in_field("unique identifiers");
        let issuer_unique_id = fields.optional(context(1)).map_err(&unique)?;
        let subject_unique_id = fields.optional(context(2)).map_err(&unique)?;
        if version == 1 && (issuer_unique_id.is_some() || subject_unique_id.is_some()) {
            return Err(unique(NotDer("version 1 has none")));
        }
        let extensions = match fields.optional(context_constructed(3)).map_err(in_field("extensions"))? {
            Some(_) if version != 3 => {
                return Err(in_field("extensions")(NotDer("only version 3 has them")));
            }
            Some(extensions) => Extensions::read(&extensions)?,
            None => Extensions::default(),
        };
        fields.finish().map_err(in_field("tbsCertificate"))?;
        Ok(Self { serial, signature_algorithm, issuer, not_before, not_after, subject, spki, extensions })
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
