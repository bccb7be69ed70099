//! Canonical, unpadded base64url: one text for one value, so that a signed segment cannot be respelt.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Text that is not the canonical unpadded base64url form of any bytes.
///
/// It does not say where: the text is foreign, and the position helps nobody who did not write an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical unpadded base64url")]
pub struct Base64UrlError;

/// Encodes bytes with the URL-safe alphabet and without padding.
///
/// Source: RFC 7515 §2
#[must_use]
pub fn base64url_encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes unpadded base64url and accepts only the text that [`base64url_encode`] would write.
///
/// The caller has bounded the length of `text`.
///
/// # Errors
/// [`Base64UrlError`] for padding, another alphabet, white space, an impossible length, or unused bits that are set.
///
/// Source: RFC 7515 §2; RFC 4648 §3.5
pub fn base64url_decode(text: &str) -> Result<Vec<u8>, Base64UrlError> {
    // This engine refuses padding and set trailing bits; the tests below hold it to that.
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Base64UrlError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_every_length() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(base64url_decode(&base64url_encode(&bytes)), Ok(bytes));
        }
    }

    /// Shows: JWT-1
    #[test]
    fn refuses_every_other_spelling() {
        assert_eq!(base64url_decode("AA"), Ok(vec![0]));
        for other in ["AA==", "AA=", "AB", "A", "A+", "A/", "A A", "AA\n", "\u{e4}A", "AAA\u{0}"] {
            assert_eq!(base64url_decode(other), Err(Base64UrlError), "{other:?}");
        }
    }
}
