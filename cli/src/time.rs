//! Recorded times in words. No clock is read here.

use rederive_evidence::calendar::Calendar;
use rederive_evidence::ids::RecordedTime;

/// The time in UTC, to the microsecond: `2025-07-25 02:17:25.000000 UTC`.
pub(crate) fn utc(us: u64) -> String {
    let Calendar { year, month, day, hour, minute, second, micros } = RecordedTime(us).calendar();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} UTC")
}

/// How long after `began`: `+3.250`, `+1:02:03.000`.
pub(crate) fn since(began: u64, us: u64) -> String {
    let sign = if us < began { '-' } else { '+' };
    let ms = us.abs_diff(began) / 1_000;
    let (seconds, fraction) = (ms / 1_000, ms % 1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, second) => format!("{sign}{second}.{fraction:03}"),
        (0, minute, second) => format!("{sign}{minute}:{second:02}.{fraction:03}"),
        (hour, minute, second) => format!("{sign}{hour}:{minute:02}:{second:02}.{fraction:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_calendar_days_in_utc_through_leap_years_and_to_the_end_of_time() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000000 UTC");
        assert_eq!(utc(951_782_399_999_999), "2000-02-28 23:59:59.999999 UTC");
        assert_eq!(utc(951_782_400_000_000), "2000-02-29 00:00:00.000000 UTC");
        assert_eq!(utc(1_753_409_845_000_001), "2025-07-25 02:17:25.000001 UTC");
        assert_eq!(utc(4_107_542_400_000_000), "2100-03-01 00:00:00.000000 UTC");
        assert!(utc(u64::MAX).starts_with("586524-"));
    }

    #[test]
    fn spans_of_time_are_as_short_as_they_can_be() {
        assert_eq!(since(0, 3_250_000), "+3.250");
        assert_eq!(since(1_000_000, 0), "-1.000");
        assert_eq!(since(0, 62_000_000), "+1:02.000");
        assert_eq!(since(0, 3_723_000_000), "+1:02:03.000");
    }
}
