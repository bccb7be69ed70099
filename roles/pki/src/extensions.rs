//! The extensions of a certificate, in the order of RFC 5280 §4.2.1.

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Ia5String, OctetString};
use der::flagset::FlagSet;
use der::{Decode as _, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints,
    ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::error::PkiError;
use crate::issue::{Issue, RawExtension};
use crate::profile::Profile;

const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// All extensions of a certificate to be issued; `issuer_key` is the SPKI of the CA.
pub(crate) fn of(issue: &Issue, issuer_key: &[u8]) -> Result<Vec<Extension>, PkiError> {
    let mut extensions = vec![basic_constraints(&issue.profile)?, key_usage(&issue.profile)?];
    extensions.extend(extended_key_usage(&issue.profile)?);
    extensions.push(extension(false, &SubjectKeyIdentifier(key_identifier(&issue.public_key)?))?);
    extensions.push(authority_key_identifier(issuer_key)?);
    extensions.extend(subject_alternative_names(&issue.profile)?);
    extensions.extend(distribution_points(&issue.crl_urls)?);
    extensions.extend(authority_information(&issue.ca_issuer_urls)?);
    for raw in &issue.dangerous_extensions {
        let changed = raw_extension(raw)?;
        extensions.retain(|extension| extension.extn_id != changed.extn_id);
        if !raw.value.is_empty() {
            extensions.push(changed);
        }
    }
    Ok(extensions)
}

pub(crate) fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> Result<Extension, PkiError> {
    let value = value.to_der().map_err(PkiError::value("an extension"))?;
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value).map_err(PkiError::value("an extension"))?,
    })
}

pub(crate) fn authority_key_identifier(issuer_key: &[u8]) -> Result<Extension, PkiError> {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(key_identifier(issuer_key)?),
        ..AuthorityKeyIdentifier::default()
    };
    extension(false, &identifier)
}

/// The leftmost 160 bits of the SHA-256 of the key.
///
/// Source: RFC 7093 §2, method 1
fn key_identifier(spki: &[u8]) -> Result<OctetString, PkiError> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).map_err(PkiError::value("the public key"))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, spki.subject_public_key.raw_bytes());
    let (identifier, _) = digest.as_ref().split_at(20);
    OctetString::new(identifier).map_err(PkiError::value("the key identifier"))
}

fn basic_constraints(profile: &Profile) -> Result<Extension, PkiError> {
    let path_len_constraint = match profile {
        Profile::Intermediate { path_length } => Some(*path_length),
        _ => None,
    };
    extension(true, &BasicConstraints { ca: profile.is_ca(), path_len_constraint })
}

fn key_usage(profile: &Profile) -> Result<Extension, PkiError> {
    let usages: FlagSet<KeyUsages> =
        if profile.is_ca() { KeyUsages::KeyCertSign | KeyUsages::CRLSign } else { KeyUsages::DigitalSignature.into() };
    extension(true, &KeyUsage(usages))
}

fn extended_key_usage(profile: &Profile) -> Result<Option<Extension>, PkiError> {
    let purposes = match profile {
        Profile::Root | Profile::Intermediate { .. } => return Ok(None),
        // A member both asks and answers: a data holder is also a client of other data holders.
        Profile::Member { .. } => vec![CLIENT_AUTH, SERVER_AUTH],
        Profile::TlsServer { .. } => vec![SERVER_AUTH],
    };
    extension(false, &ExtendedKeyUsage(purposes)).map(Some)
}

fn subject_alternative_names(profile: &Profile) -> Result<Option<Extension>, PkiError> {
    let mut names = Vec::new();
    match profile {
        Profile::Root | Profile::Intermediate { .. } => return Ok(None),
        Profile::Member { uris } => {
            for uri in uris {
                names.push(GeneralName::UniformResourceIdentifier(ia5(uri, "a URI name")?));
            }
        }
        Profile::TlsServer { dns_names, addresses } => {
            for name in dns_names {
                names.push(GeneralName::DnsName(ia5(name, "a DNS name")?));
            }
            for address in addresses {
                let bytes = match address {
                    std::net::IpAddr::V4(address) => address.octets().to_vec(),
                    std::net::IpAddr::V6(address) => address.octets().to_vec(),
                };
                let bytes = OctetString::new(bytes).map_err(PkiError::value("an address"))?;
                names.push(GeneralName::IpAddress(bytes));
            }
        }
    }
    if names.is_empty() {
        return Err(PkiError::Value { what: "a certificate without a name", source: None });
    }
    extension(false, &SubjectAltName(names)).map(Some)
}

fn distribution_points(urls: &[String]) -> Result<Option<Extension>, PkiError> {
    if urls.is_empty() {
        return Ok(None);
    }
    let point = |url: &String| {
        let name = GeneralName::UniformResourceIdentifier(ia5(url, "a CRL address")?);
        Ok(DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![name])),
            reasons: None,
            crl_issuer: None,
        })
    };
    let points = urls.iter().map(point).collect::<Result<_, PkiError>>()?;
    extension(false, &CrlDistributionPoints(points)).map(Some)
}

fn authority_information(urls: &[String]) -> Result<Option<Extension>, PkiError> {
    if urls.is_empty() {
        return Ok(None);
    }
    let access = |url: &String| {
        let access_location = GeneralName::UniformResourceIdentifier(ia5(url, "an AIA address")?);
        Ok(AccessDescription { access_method: CA_ISSUERS, access_location })
    };
    let all = urls.iter().map(access).collect::<Result<_, PkiError>>()?;
    extension(false, &AuthorityInfoAccessSyntax(all)).map(Some)
}

fn raw_extension(raw: &RawExtension) -> Result<Extension, PkiError> {
    let extn_id = ObjectIdentifier::new(&raw.oid)
        .map_err(|_| PkiError::Value { what: "an extension's object identifier", source: None })?;
    let extn_value = OctetString::new(raw.value.clone()).map_err(PkiError::value("an extension"))?;
    Ok(Extension { extn_id, critical: raw.critical, extn_value })
}

fn ia5(text: &str, what: &'static str) -> Result<Ia5String, PkiError> {
    Ia5String::new(text).map_err(PkiError::value(what))
}
