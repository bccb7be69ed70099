//! The US National Provider Identifier.

/// Whether a text is an NPI: ten digits, the first 1 or 2, with the right check digit.
///
/// The check digit is that of the Luhn algorithm over `80840` and the number; those five digits contribute 24.
///
/// Source: 45 CFR §162.406; ISO/IEC 7812-1 annex B
#[must_use]
pub fn is_npi(text: &str) -> bool {
    let is_number = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && text.starts_with(['1', '2']) && (24 + luhn_sum(text)).is_multiple_of(10)
}

/// The sum of the digits, every second one from the right doubled and its own digits added; the last counts once.
fn luhn_sum(digits: &str) -> u32 {
    digits
        .bytes()
        .rev()
        .map(|byte| u32::from(byte.saturating_sub(b'0')))
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows: B2B-5
    #[test]
    fn knows_an_npi_by_its_check_digit() {
        // The first is the example of the NPI standard; the second begins with the other digit allowed.
        for good in ["1234567893", "2000000002"] {
            assert!(is_npi(good), "{good}");
        }
        let bad = [
            "1234567890",
            "1234567892",
            "1234567983",
            "123456789",
            "12345678930",
            "0234567893",
            "1234567 93",
            "",
            "\u{0661}234567893",
            "-234567893",
        ];
        for bad in bad {
            assert!(!is_npi(bad), "{bad:?}");
        }
    }

    #[test]
    fn exactly_one_check_digit_fits() {
        for start in ["123456789", "200000000", "198765432"] {
            let fitting = (0..10).filter(|digit| is_npi(&format!("{start}{digit}")));
            assert_eq!(fitting.count(), 1, "{start}");
        }
    }
}
