//! How far a CA had come with its revocation lists.

use std::{cmp::Ordering, fmt};

use super::CrlNumber;
use crate::time::UnixTime;

/// The number and the date of a revocation list: what the next list of the same place must not fall behind.
///
/// Whoever keeps lists remembers it also when the list itself had to go, for an older list that is still fresh would
/// otherwise bring back certificates that are known to be revoked.
///
/// Source: RFC 5280 §5.1.2.4, §5.2.3; security invariant 16
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrlAge {
    /// The list's number; `None` without one.
    pub number: Option<CrlNumber>,
    /// When it was issued.
    pub this_update: UnixTime,
}

impl CrlAge {
    /// Whether a list of this age goes back behind one of the `other` age, by its number or by its date.
    ///
    /// A list that has lost its number is older than one that has it: `None` is less than any number.
    #[must_use]
    pub fn goes_back_behind(&self, other: &Self) -> bool {
        self.number.cmp(&other.number) == Ordering::Less || self.this_update < other.this_update
    }
}

impl fmt::Display for CrlAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "number {number} of {}", self.this_update.to_utc_text()),
            None => write!(f, "without number, of {}", self.this_update.to_utc_text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(number: Option<u8>, this_update: u64) -> CrlAge {
        let number = number.map(|number| {
            let mut bytes = [0; 20];
            bytes[19] = number;
            CrlNumber::from_bytes(bytes)
        });
        CrlAge { number, this_update: UnixTime::from_secs(this_update) }
    }

    #[test]
    fn goes_back_by_number_or_by_date() {
        let floor = age(Some(5), 1000);
        for (other, goes_back) in [
            (age(Some(5), 1000), false),
            (age(Some(6), 1000), false),
            (age(Some(5), 1001), false),
            (age(Some(4), 2000), true),
            (age(Some(6), 999), true),
            (age(None, 2000), true),
        ] {
            assert_eq!(other.goes_back_behind(&floor), goes_back, "{other}");
        }
        assert!(!age(Some(1), 1000).goes_back_behind(&age(None, 1000)), "a CA may begin to number");
    }

    #[test]
    fn says_number_and_date() {
        assert_eq!(age(Some(0x1f), 0).to_string(), "number 1f of 1970-01-01T00:00:00Z");
        assert_eq!(age(None, 0).to_string(), "without number, of 1970-01-01T00:00:00Z");
    }
}
