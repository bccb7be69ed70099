//! Dates of any precision as spans of time, and how FHIR compares two of them.
//!
//! `2026` is the whole year, `2026-01-01T09:00Z` one minute. Without an offset a time is taken as UTC.
//!
//! Source: FHIR R4 `datatypes.html#dateTime`, `search.html#date`

use jiff::civil::Date;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// A span of time in milliseconds since 1970 UTC: `from` belongs to it, `until` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Period {
    /// Without beginning and end: what an absent start or end means.
    pub(crate) const ALWAYS: Self = Self { from: i64::MIN, until: i64::MAX };

    /// The one millisecond that begins here.
    pub(crate) const fn instant(millisecond: i64) -> Self {
        Self { from: millisecond, until: millisecond.saturating_add(1) }
    }

    /// Reads `YYYY[-MM[-DD[Thh:mm[:ss[.fff]][Z|+hh:mm|-hh:mm]]]]`; `None` for anything else, impossible days included.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once('T') {
            Some((date, time)) if date.len() == 10 => {
                let offset = offset_in(time)?;
                let start = Self::date(date)?.from + time_of_day(offset.time)? - offset.milliseconds;
                Some(Self { from: start, until: start + precision(offset.time) })
            }
            Some(_) => None,
            None => Self::date(text),
        }
    }

    fn date(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year: i16 = digits(parts.next()?, 4)?.try_into().ok()?;
        let month = parts
            .next()
            .map(|part| digits(part, 2)?.try_into().ok())
            .map_or(Some(None), |part: Option<i8>| part.map(Some))?;
        let day = parts
            .next()
            .map(|part| digits(part, 2)?.try_into().ok())
            .map_or(Some(None), |part: Option<i8>| part.map(Some))?;
        if parts.next().is_some() || year == 0 {
            return None;
        }
        let from = midnight(year, month.unwrap_or(1), day.unwrap_or(1))?;
        let until = match (month, day) {
            (Some(_), Some(_)) => Some(from + DAY),
            (Some(month), None) if month < 12 => midnight(year, month + 1, 1),
            // The end of 9999 is beyond the calendar: no end then.
            _ => midnight(year + 1, 1, 1),
        };
        Some(Self { from, until: until.unwrap_or(i64::MAX) })
    }

    fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }
}

/// How a date in a search compares with a date in a resource.
///
/// Source: FHIR R4 `search.html#prefix`; `ap` is not offered
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
}

impl Comparison {
    /// Splits the prefix off; none means `eq`.
    pub(crate) fn split(text: &str) -> (Self, &str) {
        const PREFIXES: [(&str, Comparison); 8] = [
            ("eq", Comparison::Eq),
            ("ne", Comparison::Ne),
            ("gt", Comparison::Gt),
            ("lt", Comparison::Lt),
            ("ge", Comparison::Ge),
            ("le", Comparison::Le),
            ("sa", Comparison::Sa),
            ("eb", Comparison::Eb),
        ];
        PREFIXES
            .into_iter()
            .find_map(|(prefix, comparison)| Some((comparison, text.strip_prefix(prefix)?)))
            .unwrap_or((Self::Eq, text))
    }

    /// Whether the resource's `actual` meets the `wanted` of the search, as the specification's table puts it.
    pub(crate) fn holds(self, actual: Period, wanted: Period) -> bool {
        match self {
            Self::Eq => wanted.contains(actual),
            Self::Ne => !wanted.contains(actual),
            // The range above (below) the wanted one overlaps the actual one.
            Self::Gt => actual.until > wanted.until,
            Self::Lt => actual.from < wanted.from,
            Self::Ge => actual.until > wanted.until || wanted.contains(actual),
            Self::Le => actual.from < wanted.from || wanted.contains(actual),
            // Nothing of the actual range is on this side.
            Self::Sa => actual.from >= wanted.until,
            Self::Eb => actual.until <= wanted.from,
        }
    }
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn midnight(year: i16, month: i8, day: i8) -> Option<i64> {
    let date = Date::new(year, month, day).ok()?;
    let days = Date::new(1970, 1, 1).ok()?.until(date).ok()?.get_days();
    Some(i64::from(days) * DAY)
}

struct Offset<'a> {
    time: &'a str,
    milliseconds: i64,
}

fn offset_in(text: &str) -> Option<Offset<'_>> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some(Offset { time, milliseconds: 0 });
    }
    let Some(position) = text.find(['+', '-']) else {
        return Some(Offset { time: text, milliseconds: 0 });
    };
    let (time, offset) = text.split_at_checked(position)?;
    let (sign, clock) = offset.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let ahead = i64::from(hours * 60 + minutes) * MINUTE;
    Some(Offset { time, milliseconds: if sign == "-" { -ahead } else { ahead } })
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hours = digits(parts.next()?, 2)?;
    let minutes = digits(parts.next()?, 2)?;
    let (seconds, milliseconds) = match parts.next() {
        None => (0, 0),
        Some(part) => match part.split_once('.') {
            None => (digits(part, 2)?, 0),
            Some((seconds, fraction)) => (digits(seconds, 2)?, thousandths(fraction)?),
        },
    };
    // 60 is the leap second.
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    Some(i64::from(hours * 60 + minutes) * MINUTE + i64::from(seconds) * SECOND + i64::from(milliseconds))
}

/// A fraction of 1 to 9 digits; what is finer than a millisecond is cut.
fn thousandths(fraction: &str) -> Option<u32> {
    if !(1..=9).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("00".chars()).take(3).collect();
    padded.parse().ok()
}

/// How long the span is that a time of day of this precision names.
fn precision(time: &str) -> i64 {
    match (time.contains('.'), time.matches(':').count()) {
        (true, _) => 1,
        (false, 2) => SECOND,
        (false, _) => MINUTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        Period::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn reads_every_precision() {
        assert_eq!(period("1970"), Period { from: 0, until: 365 * DAY });
        assert_eq!(period("1970-02"), Period { from: 31 * DAY, until: 59 * DAY });
        assert_eq!(period("1970-12").until, 365 * DAY);
        assert_eq!(period("1970-01-02"), Period { from: DAY, until: 2 * DAY });
        assert_eq!(period("1970-01-01T00:01Z"), Period { from: MINUTE, until: 2 * MINUTE });
        assert_eq!(period("1970-01-01T00:00:01Z"), Period { from: SECOND, until: 2 * SECOND });
        assert_eq!(period("1970-01-01T00:00:00.5Z"), Period { from: 500, until: 501 });
        assert_eq!(period("1970-01-01T00:00:00.123456789Z").from, 123);
        assert_eq!(period("1970-01-01T02:00:00+02:00").from, 0);
        assert_eq!(period("1969-12-31T23:30:00-00:30").from, 0);
        assert_eq!(period("1970-01-01T00:00:01").from, SECOND);
        assert_eq!(period("9999").until, i64::MAX);
        assert_eq!(period("9999-12-31").from + DAY, period("9999-12-31").until);
        assert!(period("0001").from < 0);
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "26",
            "20260",
            "2026-1",
            "2026-13",
            "2026-00",
            "2026-02-30",
            "2026-01-01-01",
            "2026-01-01T",
            "2026T10:00Z",
            "0000",
            "2026-01T10:00Z",
            "2026-01-01T10Z",
            "2026-01-01T24:00Z",
            "2026-01-01T10:60Z",
            "2026-01-01T10:00:61Z",
            "+2026",
            "2026-01-01T10:00:00.Z",
            "2026-01-01T10:00:00+15:00",
            "2026-01-01T10:00:00+2:00",
            "2026-01-01T10:00:00.1234567890Z",
            "2026-01-01T10:00:00:00Z",
            "２０２６",
            "2026-01-01T10:00é",
            "é",
            "T",
            "2026-",
            "-2026",
        ] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn compares_as_the_specification_says() {
        use Comparison::{Eb, Eq, Ge, Gt, Le, Lt, Ne, Sa};
        let year = period("2025");
        let inside = period("2025-06-01");
        let across = Period { from: period("2024-12-01").from, until: period("2025-02-01").from };
        let before = period("2024-03-03");
        let after = period("2026-03-03");
        let holding = |actual| {
            [Eq, Ne, Gt, Lt, Ge, Le, Sa, Eb].into_iter().filter(|one| one.holds(actual, year)).collect::<Vec<_>>()
        };
        assert_eq!(holding(inside), [Eq, Ge, Le]);
        assert_eq!(holding(across), [Ne, Lt, Le]);
        assert_eq!(holding(before), [Ne, Lt, Le, Eb]);
        assert_eq!(holding(after), [Ne, Gt, Ge, Sa]);
        assert_eq!(holding(Period::ALWAYS), [Ne, Gt, Lt, Ge, Le]);
    }

    #[test]
    fn splits_the_prefix() {
        assert_eq!(Comparison::split("ge2025"), (Comparison::Ge, "2025"));
        assert_eq!(Comparison::split("2025"), (Comparison::Eq, "2025"));
        assert_eq!(Comparison::split("ap2025"), (Comparison::Eq, "ap2025"));
    }
}
