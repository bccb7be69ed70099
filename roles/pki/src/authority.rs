//! A certificate authority: a key with its certificate.

use std::sync::Arc;

use der::Decode as _;
use tessera_trust::{Certificate, UnixTime};
use x509_cert::name::Name;

use crate::crl;
use crate::error::PkiError;
use crate::issue::{self, Issue, Subject, Validity};
use crate::key::CaKey;
use crate::profile::Profile;
use crate::revoke::RevocationList;

/// A CA that issues certificates and lists.
#[derive(Debug, Clone)]
pub struct Authority {
    key: Arc<dyn CaKey>,
    certificate: Vec<u8>,
    name: Name,
}

impl Authority {
    /// A root: a CA that signs its own certificate.
    ///
    /// # Errors
    /// [`PkiError`] when a value does not fit or the key does not sign.
    pub fn root(
        subject: Subject,
        validity: Validity,
        serial_entropy: [u8; 16],
        key: Arc<dyn CaKey>,
    ) -> Result<Self, PkiError> {
        let name = issue::name(&subject)?;
        let issue = Issue::new(subject, key.public_key(), Profile::Root, validity, serial_entropy);
        let certificate = issue::sign(&issue, &name, key.as_ref())?;
        Ok(Self { key, certificate, name })
    }

    /// A CA from its certificate and key, such as one that was issued here or read from files.
    ///
    /// # Errors
    /// [`PkiError::NotThisKey`] when the certificate is another key's or not one that reads.
    pub fn from_parts(certificate: Vec<u8>, key: Arc<dyn CaKey>) -> Result<Self, PkiError> {
        let read = Certificate::from_der(&certificate).map_err(|_| PkiError::NotThisKey)?;
        if read.spki_der() != key.public_key() {
            return Err(PkiError::NotThisKey);
        }
        let name = Name::from_der(read.subject_der()).map_err(PkiError::value("a subject"))?;
        Ok(Self { key, certificate, name })
    }

    /// Issues a certificate; DER.
    ///
    /// # Errors
    /// [`PkiError`] when a value does not fit or the key does not sign.
    pub fn issue(&self, issue: &Issue) -> Result<Vec<u8>, PkiError> {
        issue::sign(issue, &self.name, self.key.as_ref())
    }

    /// Issues the certificate of a CA below this one, and makes it a CA with its key.
    ///
    /// # Errors
    /// As [`Self::issue`]; [`PkiError::NotThisKey`] when `key` is not that of the certificate.
    pub fn issue_authority(&self, issue: &Issue, key: Arc<dyn CaKey>) -> Result<Self, PkiError> {
        Self::from_parts(self.issue(issue)?, key)
    }

    /// Signs the list with the next number; a CRL in DER.
    ///
    /// # Errors
    /// [`PkiError`] when a value does not fit or the key does not sign.
    pub fn crl(
        &self,
        list: &mut RevocationList,
        this_update: UnixTime,
        next_update: UnixTime,
    ) -> Result<Vec<u8>, PkiError> {
        let number = list.next_number();
        crl::sign(list, number, this_update, next_update, &self.name, self.key.as_ref())
    }

    /// Its certificate in DER, as it is also published for AIA.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn CaKey> {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tessera_trust::Crl;

    use super::*;
    use crate::key::{KeyKind, SoftwareCaKey};
    use crate::revoke::{Reason, RevokedCertificate};

    const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    fn key(kind: KeyKind) -> Arc<dyn CaKey> {
        Arc::new(SoftwareCaKey::generate(kind).unwrap())
    }

    fn root(kind: KeyKind) -> Authority {
        Authority::root(Subject::new("Test", "Root"), Validity::starting(NOW, YEAR), [1; 16], key(kind)).unwrap()
    }

    fn member(uri: &str, public_key: &[u8]) -> Issue {
        let profile = Profile::Member { uris: vec![uri.to_owned()] };
        Issue::new(Subject::new("Test", "Member"), public_key, profile, Validity::starting(NOW, YEAR), [3; 16])
    }

    #[test]
    fn issues_what_our_own_reader_accepts() {
        for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384] {
            let root = root(kind);
            let leaf_key = key(KeyKind::P256);
            let mut issue = member("https://app.example/a", leaf_key.public_key());
            issue.crl_urls = vec!["http://ca.example/root.crl".to_owned()];
            issue.ca_issuer_urls = vec!["http://ca.example/root.cer".to_owned()];
            let leaf = Certificate::from_der(&root.issue(&issue).unwrap()).unwrap();
            let anchor = Certificate::from_der(root.certificate()).unwrap();
            assert!(leaf.is_signed_by(&anchor) && anchor.is_signed_by(&anchor));
            assert!(anchor.is_ca() && !leaf.is_ca());
            assert_eq!(leaf.uri_names(), ["https://app.example/a"]);
            assert_eq!(leaf.crl_urls(), ["http://ca.example/root.crl"]);
            assert_eq!(leaf.ca_issuer_urls(), ["http://ca.example/root.cer"]);
            assert_eq!((leaf.not_before(), leaf.not_after()), (NOW, NOW.plus(YEAR)));
        }
    }

    #[test]
    fn an_intermediate_issues_under_its_own_name() {
        let root = root(KeyKind::P256);
        let ca_key = key(KeyKind::P256);
        let profile = Profile::Intermediate { path_length: 0 };
        let issue = Issue::new(
            Subject::new("Test", "CA"),
            ca_key.public_key(),
            profile,
            Validity::starting(NOW, YEAR),
            [2; 16],
        );
        let ca = root.issue_authority(&issue, ca_key).unwrap();
        let leaf =
            Certificate::from_der(&ca.issue(&member("https://a.example", key(KeyKind::P256).public_key())).unwrap());
        let ca_certificate = Certificate::from_der(ca.certificate()).unwrap();
        assert_eq!(leaf.unwrap().issuer_der(), ca_certificate.subject_der());
        assert!(root.issue_authority(&issue, key(KeyKind::P256)).is_err(), "another key");
    }

    #[test]
    fn lists_what_is_revoked_under_growing_numbers() {
        let root = root(KeyKind::P256);
        let mut list = RevocationList::default();
        let empty = Crl::from_der(&root.crl(&mut list, NOW, NOW.plus(YEAR)).unwrap()).unwrap();
        list.revoke(&[0x41; 16], RevokedCertificate { at: NOW, reason: Reason::KeyCompromise });
        let full = Crl::from_der(&root.crl(&mut list, NOW, NOW.plus(YEAR)).unwrap()).unwrap();
        assert_eq!(list.number(), 2);
        assert!(empty.number() < full.number());
    }

    #[test]
    fn a_member_without_a_name_is_not_issued() {
        let mut issue = member("x", key(KeyKind::P256).public_key());
        issue.profile = Profile::Member { uris: Vec::new() };
        assert!(root(KeyKind::P256).issue(&issue).is_err());
        issue.profile = Profile::Member { uris: vec!["https://ünicode.example".to_owned()] };
        assert!(root(KeyKind::P256).issue(&issue).is_err());
    }

    #[test]
    fn dangerous_extensions_replace_add_and_leave_out() {
        let root = root(KeyKind::P256);
        let mut issue = member("https://a.example", key(KeyKind::P256).public_key());
        let raw = |oid: &str, value: &[u8]| issue::RawExtension {
            oid: oid.to_owned(),
            critical: true,
            value: value.to_vec(),
        };
        issue.dangerous_extensions = vec![raw("1.2.3.4", &[5, 0]), raw("2.5.29.17", &[])];
        let leaf = Certificate::from_der(&root.issue(&issue).unwrap()).unwrap();
        assert!(leaf.uri_names().is_empty());
    }
}
