//! Signing the list of what is revoked.
//!
//! Source: RFC 5280 §5

use der::Encode as _;
use der::asn1::Uint;
use tessera_trust::UnixTime;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::error::PkiError;
use crate::extensions::{authority_key_identifier, extension};
use crate::issue::time;
use crate::key::{CaKey, sign_der};
use crate::revoke::{Reason, RevocationList, RevokedCertificate};

/// Signs a list; the CRL in DER.
pub(crate) fn sign(
    list: &RevocationList,
    number: u64,
    this_update: UnixTime,
    next_update: UnixTime,
    issuer: &Name,
    key: &dyn CaKey,
) -> Result<Vec<u8>, PkiError> {
    let algorithm = key.kind().signature_algorithm();
    let revoked: Vec<RevokedCert> =
        list.entries().map(|(serial, certificate)| entry(serial, certificate)).collect::<Result<_, _>>()?;
    let number = Uint::new(&number.to_be_bytes()).map_err(PkiError::value("the CRL number"))?;
    let tbs_cert_list = TbsCertList {
        version: Version::V2,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        this_update: time(this_update)?,
        next_update: Some(time(next_update)?),
        revoked_certificates: (!revoked.is_empty()).then_some(revoked),
        crl_extensions: Some(vec![authority_key_identifier(key.public_key())?, extension(false, &CrlNumber(number))?]),
    };
    let signature = sign_der(key, &tbs_cert_list)?;
    let list: CertificateList = CertificateList { tbs_cert_list, signature_algorithm: algorithm, signature };
    list.to_der().map_err(PkiError::value("the CRL"))
}

fn entry(serial: &[u8], certificate: &RevokedCertificate) -> Result<RevokedCert, PkiError> {
    let reason = match certificate.reason {
        Reason::Unspecified => None,
        Reason::KeyCompromise => Some(CrlReason::KeyCompromise),
        Reason::CaCompromise => Some(CrlReason::CaCompromise),
        Reason::AffiliationChanged => Some(CrlReason::AffiliationChanged),
        Reason::Superseded => Some(CrlReason::Superseded),
        Reason::CessationOfOperation => Some(CrlReason::CessationOfOperation),
    };
    let extensions = reason.map(|reason| extension(false, &reason)).transpose()?;
    Ok(RevokedCert {
        serial_number: SerialNumber::new(serial).map_err(PkiError::value("a serial number"))?,
        revocation_date: time(certificate.at)?,
        crl_entry_extensions: extensions.map(|extension| vec![extension]),
    })
}
