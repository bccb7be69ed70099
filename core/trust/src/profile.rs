//! What a community demands of certificates beyond RFC 5280.

use const_oid::{ObjectIdentifier, db::rfc5280, db::rfc5912};

use crate::signature::KeyKind;

/// A family of keys that a community can accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyFamily {
    /// RSA of 2048 to 4096 bits.
    Rsa,
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
}

impl KeyFamily {
    fn of(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Rsa { .. } => Self::Rsa,
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
        }
    }
}

/// A community's demands on the certificates of its members and CAs.
///
/// The default is what the guide says: URI names of any scheme, an extended key usage that allows TLS server or client
/// authentication (or any purpose, or is absent), and every key that the engine accepts. A profile can only
/// narrow what the engine accepts, never widen it.
///
/// Source: FAST Security STU2 §2.3, §7.1; security invariants 3 and 15
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProfile {
    /// `None`: any scheme.
    uri_schemes: Option<Vec<String>>,
    purposes: Vec<ObjectIdentifier>,
    keys: Vec<KeyFamily>,
}

impl Default for CertificateProfile {
    fn default() -> Self {
        Self {
            uri_schemes: None,
            purposes: vec![rfc5912::ID_KP_SERVER_AUTH, rfc5912::ID_KP_CLIENT_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE],
            keys: vec![KeyFamily::Rsa, KeyFamily::P256, KeyFamily::P384],
        }
    }
}

impl CertificateProfile {
    /// Demands that an end entity has a URI name with one of these schemes (lower case, without colon).
    #[must_use]
    pub fn with_uri_schemes<S: Into<String>>(mut self, schemes: impl IntoIterator<Item = S>) -> Self {
        self.uri_schemes = Some(schemes.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts only keys of these families.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = KeyFamily>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// Whether one of these URI names makes an end entity of the community.
    pub(crate) fn accepts_uri_names(&self, names: &[String]) -> bool {
        names.iter().any(|name| match &self.uri_schemes {
            None => true,
            Some(schemes) => schemes.iter().any(|scheme| {
                let start = name.split_once(':').map_or("", |(start, _)| start);
                start.eq_ignore_ascii_case(scheme)
            }),
        })
    }

    pub(crate) fn accepts_purposes(&self, purposes: Option<&[ObjectIdentifier]>) -> bool {
        purposes.is_none_or(|purposes| purposes.iter().any(|purpose| self.purposes.contains(purpose)))
    }

    pub(crate) fn accepts_key(&self, kind: KeyKind) -> bool {
        self.keys.contains(&KeyFamily::of(kind))
    }

    /// Every demand in one text, equal for equal profiles, for [`crate::PolicyVersion`].
    pub(crate) fn fingerprint(&self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_schemes_without_regard_to_case() {
        let names = ["urn:x:app".to_owned(), "HTTPS://app.example/".to_owned()];
        assert!(CertificateProfile::default().accepts_uri_names(&names));
        assert!(CertificateProfile::default().with_uri_schemes(["https"]).accepts_uri_names(&names));
        assert!(!CertificateProfile::default().with_uri_schemes(["http"]).accepts_uri_names(&names));
        assert!(!CertificateProfile::default().accepts_uri_names(&[]));
    }
}
