//! Certificates from the text files that operators keep.

use super::{Certificate, CertificateError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The longest PEM text that is read, in bytes.
///
/// Provenance: a bundle of the anchors of all public web CAs has about 220 KiB.
pub const PEM_SIZE_LIMIT: usize = 1024 * 1024;

/// Reads every certificate of a PEM text in its order; text between the blocks is passed over, and so are blocks of
/// other types. Empty when there is no certificate.
///
/// # Errors
/// [`CertificateError::TooLong`] for a text above [`PEM_SIZE_LIMIT`], [`CertificateError::Pem`] for a block that is
/// cut off or not base64, and what [`Certificate::from_der`] refuses.
///
/// Source: RFC 7468 §5
pub fn certificates_from_pem(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    if text.len() > PEM_SIZE_LIMIT {
        return Err(CertificateError::TooLong { size: text.len() });
    }
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some((_, from_begin)) = rest.split_once(BEGIN) {
        let (body, after) = from_begin.split_once(END).ok_or(CertificateError::Pem)?;
        let block = format!("{BEGIN}{body}{END}\n");
        let (_, der) = der::pem::decode_vec(block.as_bytes()).map_err(|_| CertificateError::Pem)?;
        certificates.push(Certificate::from_der(&der)?);
        rest = after;
    }
    Ok(certificates)
}
