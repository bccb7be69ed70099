//! Which certificates of a CA are revoked.

use std::collections::BTreeMap;

use tessera_trust::UnixTime;

/// What a CA has revoked; becomes a CRL by [`crate::Authority::crl`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationList {
    number: u64,
    entries: BTreeMap<Vec<u8>, RevokedCertificate>,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Since when.
    pub at: UnixTime,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate is revoked.
///
/// Source: RFC 5280 §5.3.1
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reason {
    /// No reason given.
    #[default]
    Unspecified,
    /// The private key is in other hands.
    KeyCompromise,
    /// The CA's private key is in other hands.
    CaCompromise,
    /// The subject has left.
    AffiliationChanged,
    /// Another certificate takes its place.
    Superseded,
    /// The subject has stopped.
    CessationOfOperation,
}

impl RevocationList {
    /// Adds a certificate by its serial number (big-endian, as in the certificate); a second time changes nothing.
    pub fn revoke(&mut self, serial: &[u8], entry: RevokedCertificate) {
        let start = serial.iter().position(|byte| *byte != 0).unwrap_or(serial.len());
        let canonical = serial.get(start..).unwrap_or_default().to_vec();
        self.entries.entry(canonical).or_insert(entry);
    }

    /// The entries with their serial numbers, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &RevokedCertificate)> {
        self.entries.iter().map(|(serial, entry)| (serial.as_slice(), entry))
    }

    /// The number of the latest list; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Sets the number, for a list that is taken up again from storage.
    #[must_use]
    pub fn with_number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// The number of the next list. CRL numbers only grow (RFC 5280 §5.2.3).
    pub(crate) fn next_number(&mut self) -> u64 {
        self.number = self.number.saturating_add(1);
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_one_number_however_it_is_padded() {
        let mut list = RevocationList::default();
        let entry = RevokedCertificate { at: UnixTime::from_secs(1), reason: Reason::KeyCompromise };
        list.revoke(&[0, 5], entry);
        list.revoke(&[5], RevokedCertificate { reason: Reason::Superseded, ..entry });
        assert_eq!(list.entries().collect::<Vec<_>>(), [(&[5_u8][..], &entry)]);
    }
}
