//! The time as it comes in from outside.

use std::{fmt, time::Duration};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds, never negative.
///
/// Arithmetic saturates: a time that cannot be represented is the nearest one that can, so that hostile times reach
/// the end of the scale and not a panic.
///
/// Source: RFC 7519 §2 (NumericDate); POSIX
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time `seconds` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This time and `span` later, in whole seconds, at most the end of the scale.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }

    /// This time and `span` earlier, in whole seconds, at least 1970.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.as_secs()))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// This time in words a certificate officer reads: `2026-01-31T12:00:00Z`.
    #[must_use]
    pub fn to_utc_text(self) -> String {
        let (year, month, day) = civil_from_days(self.0 / DAY);
        let second = self.0 % DAY;
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }

    /// The time of a proleptic Gregorian date in UTC; times before 1970 become 1970, `None` when there is no such date.
    pub(crate) fn from_civil(date: Civil) -> Option<Self> {
        let Civil { year, month, day, hour, minute, second } = date;
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !valid {
            return None;
        }
        let Some(days) = days_from_civil(year, month, day) else {
            return Some(Self(0));
        };
        Some(Self(days * DAY + hour * 3600 + minute * 60 + second))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A date and time of day as ASN.1 writes it.
#[derive(Clone, Copy)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

const DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;
/// Days in 400 Gregorian years.
const ERA: u64 = 146_097;

/// Days from 1970-01-01; the year is counted from March, so that the leap day is its last day.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let year_of_era = year % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (year / 400 * ERA + day_of_era).checked_sub(EPOCH)
}

/// The inverse of [`days_from_civil`]; years beyond the scale of [`u64`] seconds cannot occur.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH;
    let day_of_era = days % ERA;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + days / ERA * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn midnight(year: u64, month: u64, day: u64) -> Option<UnixTime> {
        UnixTime::from_civil(Civil { year, month, day, hour: 0, minute: 0, second: 0 })
    }

    #[test]
    fn counts_days_as_the_gregorian_calendar_does() {
        assert_eq!(midnight(1970, 1, 1), Some(UnixTime::from_secs(0)));
        assert_eq!(midnight(2000, 2, 29), Some(UnixTime::from_secs(951_782_400)));
        assert_eq!(midnight(2026, 1, 1), Some(UnixTime::from_secs(1_767_225_600)));
        assert_eq!(midnight(9999, 12, 31), Some(UnixTime::from_secs(253_402_214_400)));
        assert_eq!(midnight(1950, 1, 1), Some(UnixTime::from_secs(0)));
        assert_eq!(midnight(0, 1, 1), Some(UnixTime::from_secs(0)));
    }

    #[test]
    fn refuses_dates_that_do_not_exist() {
        for (year, month, day) in
            [(2026, 2, 29), (1900, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2026, 1, 0)]
        {
            assert_eq!(midnight(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn writes_the_date_it_has_read() {
        for (year, month, day) in [(1970, 1, 1), (2000, 2, 29), (2024, 12, 31), (2026, 3, 1), (9999, 12, 31)] {
            let text = midnight(year, month, day).unwrap().to_utc_text();
            assert_eq!(text, format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
        }
        assert!(!UnixTime::from_secs(u64::MAX).to_utc_text().is_empty());
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_scale() {
        let end = UnixTime::from_secs(u64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(UnixTime::from_secs(1).minus(Duration::from_secs(2)), UnixTime::from_secs(0));
        assert_eq!(UnixTime::from_secs(1).since(end), Duration::ZERO);
    }
}
