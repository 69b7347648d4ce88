//! Times as exporters write them, in microseconds since 1970.

use crate::json::{Json, Kind};

/// OTLP: nanoseconds, as a number or a string of digits.
pub(super) fn nanoseconds(value: Json<'_>) -> Option<u64> {
    value.unsigned().filter(|time| *time > 0).map(|time| time / 1_000)
}

/// JavaScript SDK: `[seconds, nanoseconds]`, or what the others write.
pub(super) fn any(value: Json<'_>) -> Option<u64> {
    match value.kind() {
        Kind::Array => {
            let pair = value.array()?;
            let (seconds, nanoseconds) = (pair.first()?.unsigned()?, pair.get(1)?.unsigned()?);
            seconds.checked_mul(1_000_000)?.checked_add(nanoseconds / 1_000)
        }
        Kind::String => value.str().and_then(|text| calendar(&text)).or_else(|| nanoseconds(value)),
        Kind::Number => nanoseconds(value),
        Kind::Null | Kind::Bool | Kind::Object => None,
    }
}

/// RFC 3339 in universal time, `2025-06-11T14:01:32.598Z`; what a leap second or another zone would add is not guessed.
pub(super) fn calendar(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, clock) = text.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_valid {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + microseconds(fraction)?)
}

fn digits(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (1..=4).contains(&text.len());
    is_number.then(|| text.parse().ok())?
}

/// A fraction of a second; digits beyond the sixth are cut.
fn microseconds(fraction: &str) -> Option<u64> {
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let six: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    is_number.then(|| six.parse().ok())?
}

/// Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day ends one.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_BEFORE_1970
}

/// Days from the 1st of March of year 0 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_times_are_microseconds_since_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01 00:00:00.000001+00:00", Some(1)),
            ("2000-02-29T23:59:59.9999999Z", Some(951_868_799_999_999)),
            ("2025-06-11T14:01:32.598Z", Some(1_749_650_492_598_000)),
            ("2025-06-11T14:01:32.598", None),
            ("2025-06-11T14:01:32+02:00", None),
            ("2025-13-11T14:01:32Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2025-06-11Z", None),
            ("+2025-06-11T14:01:32Z", None),
        ] {
            assert_eq!(calendar(text), expected, "{text}");
        }
    }

    #[test]
    fn every_way_of_writing_a_time_is_read() {
        for (text, expected) in [
            ("\"1795222289657535603\"", Some(1_795_222_289_657_535)),
            ("1795222289657535603", Some(1_795_222_289_657_535)),
            ("[1770131992,242000000]", Some(1_770_131_992_242_000)),
            ("\"2025-06-11T14:01:32.598Z\"", Some(1_749_650_492_598_000)),
            ("0", None),
            ("-5", None),
            ("{}", None),
        ] {
            assert_eq!(any(Json::parse(text).unwrap()), expected, "{text}");
        }
    }
}
