//! What a community's issuing CA has issued and revoked, kept over a restart.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tessera_pki::{Reason, RevocationList, RevokedCertificate};
use tessera_trust::{Certificate, UnixTime};

/// A sandbox is for trying; a folder with more certificates than this is being misused.
const CAPACITY: usize = 10_000;

/// The register of one community.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// The number of the root's latest CRL.
    pub(crate) root_crl: u64,
    /// The number of the issuing CA's latest CRL.
    pub(crate) issuing_crl: u64,
    issued: Vec<Issued>,
}

/// A certificate that was issued; times in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issued {
    /// Its URI name.
    pub(crate) uri: String,
    /// Its serial number, two hexadecimal digits for each octet.
    pub(crate) serial: String,
    /// Its last second.
    pub(crate) until: u64,
    /// Since when it is revoked, if it is.
    pub(crate) revoked_at: Option<u64>,
}

impl Register {
    /// Notes a certificate before it is given out.
    ///
    /// # Errors
    /// When the register is full.
    pub(crate) fn add(&mut self, uri: &str, certificate: &Certificate) -> Result<()> {
        ensure!(
            self.issued.len() < CAPACITY,
            "this sandbox has issued {CAPACITY} certificates; start one with a new folder"
        );
        self.issued.push(Issued {
            uri: uri.to_owned(),
            serial: certificate.serial_hex(),
            until: certificate.not_after().as_secs(),
            revoked_at: None,
        });
        Ok(())
    }

    /// Revokes all certificates of a URI that are not revoked yet; how many that were.
    pub(crate) fn revoke(&mut self, uri: &str, at: UnixTime) -> usize {
        let mut revoked = 0;
        for issued in &mut self.issued {
            if issued.uri == uri && issued.revoked_at.is_none() {
                issued.revoked_at = Some(at.as_secs());
                revoked += 1;
            }
        }
        revoked
    }

    /// Whether a certificate is in good standing: issued here and not revoked.
    pub(crate) fn holds(&self, certificate: &Certificate) -> bool {
        let serial = certificate.serial_hex();
        let is_it = |issued: &&Issued| issued.serial == serial;
        self.issued.iter().find(is_it).is_some_and(|issued| issued.revoked_at.is_none())
    }

    /// All certificates in the order in which they were issued.
    pub(crate) fn issued(&self) -> &[Issued] {
        &self.issued
    }

    /// The issuing CA's list, with the number of its latest CRL.
    pub(crate) fn revocation_list(&self) -> RevocationList {
        let mut list = RevocationList::default();
        for issued in &self.issued {
            let serial = octets(&issued.serial);
            if let (Some(at), Some(serial)) = (issued.revoked_at, serial) {
                let entry = RevokedCertificate { at: UnixTime::from_secs(at), reason: Reason::CessationOfOperation };
                list.revoke(&serial, entry);
            }
        }
        list.with_number(self.issuing_crl)
    }
}

/// Bytes from their hexadecimal digits.
fn octets(hex: &str) -> Option<Vec<u8>> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(uri: &str, serial: &str) -> Issued {
        Issued { uri: uri.to_owned(), serial: serial.to_owned(), until: 2_000_000_000, revoked_at: None }
    }

    #[test]
    fn revokes_every_certificate_of_the_uri_and_no_other() {
        let mut register = Register {
            issued: vec![
                issued("https://a.example", "4a01"),
                issued("https://a.example", "4a02"),
                issued("https://a.example/", "4a03"),
            ],
            issuing_crl: 7,
            ..Register::default()
        };
        let at = UnixTime::from_secs(1_800_000_000);
        assert_eq!(register.revoke("https://a.example", at), 2);
        assert_eq!(register.revoke("https://a.example", at), 0, "once");
        let list = register.revocation_list();
        let serials: Vec<_> = list.entries().map(|(serial, _)| serial.to_vec()).collect();
        assert_eq!(serials, [vec![0x4a, 1], vec![0x4a, 2]]);
        assert_eq!(list.number(), 7);
        let again: Register = serde_json::from_str(&serde_json::to_string(&register).unwrap()).unwrap();
        assert_eq!(again.issued(), register.issued());
    }
}
