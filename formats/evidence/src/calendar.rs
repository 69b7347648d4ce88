//! Recorded time as people read it. No clock is read here.

use crate::ids::RecordedTime;

/// Date and time of day in UTC, in the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Year: 1970 and later.
    pub year: u64,
    /// Month: 1 to 12.
    pub month: u64,
    /// Day of the month: 1 to 31.
    pub day: u64,
    /// Hour: 0 to 23.
    pub hour: u64,
    /// Minute: 0 to 59.
    pub minute: u64,
    /// Second: 0 to 59.
    pub second: u64,
    /// Microsecond: 0 to 999,999.
    pub micros: u64,
}

impl RecordedTime {
    /// When this was, as people write it (Hinnant, "chrono-compatible low-level date algorithms", civil_from_days). Days are counted in years that
    /// begin in March, so that a leap day ends one.
    pub const fn calendar(self) -> Calendar {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let (month, years) = if shifted < 10 { (shifted + 3, 0) } else { (shifted - 9, 1) };
        Calendar {
            year: era * 400 + year_of_era + years,
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: u64 = 86_400_000_000;

    fn date(days: u64) -> (u64, u64, u64) {
        let Calendar { year, month, day, .. } = RecordedTime(days * DAY_US).calendar();
        (year, month, day)
    }

    fn days_of(year: u64, month: u64) -> u64 {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        match month {
            2 => 28 + u64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Four hundred years are one round of the calendar; a few more, as people count them.
    #[test]
    fn every_day_is_the_one_after_the_day_before() {
        let mut expected = (1970, 1, 1);
        for days in 0..450 * 366 {
            assert_eq!(date(days), expected, "day {days}");
            let (year, month, day) = expected;
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if day == days_of(year, month) => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn a_day_has_hours_minutes_seconds_and_microseconds() {
        let last = RecordedTime(19_782 * DAY_US + DAY_US - 1).calendar();
        assert_eq!((last.year, last.month, last.day), (2024, 2, 29));
        assert_eq!((last.hour, last.minute, last.second, last.micros), (23, 59, 59, 999_999));
        let time = RecordedTime(((13 * 60 + 7) * 60 + 5) * 1_000_000 + 42).calendar();
        assert_eq!((time.hour, time.minute, time.second, time.micros), (13, 7, 5, 42));
    }

    #[test]
    fn the_last_time_there_is_has_a_date() {
        assert_eq!(RecordedTime(u64::MAX).calendar().year, 586_524);
    }
}
