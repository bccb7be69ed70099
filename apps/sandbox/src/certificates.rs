//! Keys and certificates as files: PEM in both directions, and when one is due for renewal.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tessera_jose::key::{KeyKind, SoftwareKey};
use tessera_pki::Validity;
use tessera_trust::{Certificate, CertificateChain, UnixTime, certificates_from_pem};

use crate::folder::Folder;

/// Clocks may differ: what is made now is valid since an hour ago.
const BACKDATED: Duration = Duration::from_secs(3600);
/// A certificate that ends sooner is made anew at the next start.
const SPARE: Duration = Duration::from_secs(31 * 24 * 3600);

/// CAs outlive everything that a sandbox's folder is kept for.
pub(crate) const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Members and web servers; a year, as metadata may be signed for a year.
pub(crate) const LEAF_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// From an hour ago on, for so long from now.
pub(crate) fn validity(now: UnixTime, lifetime: Duration) -> Validity {
    Validity { not_before: now.minus(BACKDATED), not_after: now.plus(lifetime) }
}

/// Certificates in PEM, in their order.
///
/// Source: RFC 7468 §5
pub(crate) fn pem<'a>(ders: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for der in ders {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(der);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            // Base64 is ASCII, so that every place is the border of a character.
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// A key with the chain of its certificate, leaf first.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) key: Arc<SoftwareKey>,
    pub(crate) chain: CertificateChain,
}

impl Credentials {
    /// Makes a key and has a chain made for it.
    ///
    /// # Errors
    /// When the key cannot be made, or `certify` fails.
    pub(crate) fn make(kind: KeyKind, certify: impl FnOnce(&[u8]) -> Result<Vec<Vec<u8>>>) -> Result<Self> {
        use tessera_jose::key::SigningKey as _;
        let key = SoftwareKey::generate(kind)?;
        let chain = CertificateChain::from_ders(&certify(key.public_key())?)?;
        Ok(Self { key: Arc::new(key), chain })
    }

    /// Reads the two files; none when they are not there, or the leaf ends soon.
    ///
    /// # Errors
    /// When a file is there and damaged.
    pub(crate) fn read(folder: &Folder, chain: &str, key: &str, now: UnixTime) -> Result<Option<Self>> {
        let (Some(chain_pem), Some(key_pem)) = (folder.read(chain)?, folder.read(key)?) else {
            return Ok(None);
        };
        let damaged = |name: &str| format!("the file {} is damaged", folder.path(name).display());
        let certificates = certificates_from_pem(&chain_pem).with_context(|| damaged(chain))?;
        let ders: Vec<Vec<u8>> = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
        let chain = CertificateChain::from_ders(&ders).with_context(|| damaged(chain))?;
        let key = SoftwareKey::from_pem(&key_pem).with_context(|| damaged(key))?;
        let lasts = chain.leaf().not_after() > now.plus(SPARE);
        Ok(lasts.then(|| Self { key: Arc::new(key), chain }))
    }

    /// Writes the two files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn write(&self, folder: &Folder, chain: &str, key: &str) -> Result<()> {
        folder.write(key, &self.key.to_pkcs8_pem())?;
        folder.write(chain, &self.chain_pem())
    }

    /// The chain in PEM, leaf first.
    pub(crate) fn chain_pem(&self) -> String {
        pem(self.chain.certificates().iter().map(|certificate| certificate.der()))
    }

    /// The certificate of the key.
    pub(crate) fn leaf(&self) -> &Certificate {
        self.chain.leaf()
    }
}

#[cfg(test)]
mod tests {
    use tessera_pki::{Authority, SoftwareCaKey, Subject};

    use super::*;
    use crate::surroundings::{now, random};

    #[test]
    fn credentials_survive_their_files_until_they_end() {
        let folder = Folder::open(None).unwrap();
        let now = now();
        let key = SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap();
        let made = Credentials::make(KeyKind::P256, |public_key| {
            let root =
                Authority::root(Subject::new("Test", "Root"), validity(now, CA_LIFETIME), random(), Arc::new(key))?;
            let profile = tessera_pki::Profile::Member { uris: vec!["https://a.example".to_owned()] };
            let issue = tessera_pki::Issue::new(
                Subject::new("Test", "App"),
                public_key,
                profile,
                validity(now, LEAF_LIFETIME),
                random(),
            );
            Ok(vec![root.issue(&issue)?, root.certificate().to_vec()])
        })
        .unwrap();
        made.write(&folder, "chain.pem", "key.pem").unwrap();
        let read = |now| Credentials::read(&folder, "chain.pem", "key.pem", now).unwrap();
        assert_eq!(read(now).unwrap().chain.digest(), made.chain.digest());
        assert!(read(now.plus(LEAF_LIFETIME)).is_none());
        assert!(Credentials::read(&folder, "other.pem", "key.pem", now).unwrap().is_none());
        folder.write("chain.pem", "-----BEGIN CERTIFICATE-----\n!").unwrap();
        assert!(Credentials::read(&folder, "chain.pem", "key.pem", now).is_err());
    }
}
