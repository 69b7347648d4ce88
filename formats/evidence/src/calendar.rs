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
