//! Times as people and programs read them.

use std::time::Duration;

use jiff::SignedDuration;
use tessera_trust::UnixTime;

/// Longer spans are told in days.
const DAYS_FROM: Duration = Duration::from_secs(48 * 3600);

/// The last second of the year 9999.
const END_OF_TIME: UnixTime = UnixTime::from_secs(253_402_300_799);

/// `2027-01-15T08:00:00Z`
pub(crate) fn instant(time: UnixTime) -> String {
    if time > END_OF_TIME { "the end of time".to_owned() } else { time.to_utc_text() }
}

/// `2027-01-15T08:00:00Z (in 14m 58s)`
pub(crate) fn instant_from(time: UnixTime, now: UnixTime) -> String {
    let span = |from: UnixTime, to: UnixTime| {
        let span = to.since(from);
        if span >= DAYS_FROM {
            return format!("{} days", span.as_secs() / (24 * 3600));
        }
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        format!("{:#}", SignedDuration::from_secs(seconds))
    };
    if time >= now {
        format!("{} (in {})", instant(time), span(now, time))
    } else {
        format!("{} ({} ago)", instant(time), span(time, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_instant_and_how_far_it_is() {
        let now = UnixTime::from_secs(1_800_000_000);
        assert_eq!(instant_from(UnixTime::from_secs(1_800_000_898), now), "2027-01-15T08:14:58Z (in 14m 58s)");
        assert_eq!(instant_from(UnixTime::from_secs(1_799_999_999), now), "2027-01-15T07:59:59Z (1s ago)");
        let in_a_year = now.plus(Duration::from_secs(366 * 24 * 3600 + 5));
        assert_eq!(instant_from(in_a_year, now), "2028-01-16T08:00:05Z (in 366 days)");
        assert_eq!(instant(UnixTime::from_secs(u64::MAX)), "the end of time");
    }
}
