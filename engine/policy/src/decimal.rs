//! Numbers of arguments as exact decimals. No floating point: what is rounded is rounded up, away from zero.

use serde_json::Value;

/// A decimal number's magnitude times ten to the `places`, rounded up, and whether it is negative; `None` where the text is no plain decimal
/// number or the magnitude has more than 128 bits.
fn scaled(text: &str, places: i32) -> Option<(bool, u128)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let fraction = i32::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_sub(fraction)?.checked_add(places)?;
    if digits.is_empty() {
        return Some((negative, 0));
    }
    if shift >= 0 {
        let factor = 10_u128.checked_pow(shift.unsigned_abs())?;
        return Some((negative, digits.parse::<u128>().ok()?.checked_mul(factor)?));
    }
    let dropped = usize::try_from(shift.unsigned_abs()).ok()?;
    let (kept, rest) = match digits.len().checked_sub(dropped) {
        Some(at) => digits.split_at(at),
        None => ("", digits),
    };
    let kept = if kept.is_empty() { 0 } else { kept.parse::<u128>().ok()? };
    let over = rest.bytes().any(|byte| byte != b'0');
    Some((negative, kept.checked_add(u128::from(over))?))
}

/// The magnitude of an amount in millionths: of a number, or of a text that is one but for a currency before or behind it. `u64::MAX` for
/// anything else: an amount that nobody can read is the largest.
pub(crate) fn micros(value: &Value) -> u64 {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => bare(text).to_owned(),
        Value::Null | Value::Bool(_) => return 0,
        Value::Array(_) | Value::Object(_) => return u64::MAX,
    };
    scaled(&text, 6).and_then(|(_, micros)| u64::try_from(micros).ok()).unwrap_or(u64::MAX)
}

/// The text without what stands before the first digit and behind the last, a point and a sign excepted.
fn bare(text: &str) -> &str {
    let is_currency = |c: char| !c.is_ascii_digit() && c != '.' && c != '-';
    let all = text.trim_matches(is_currency);
    if all.is_empty() { text } else { all }
}

/// A number as a whole one, rounded away from zero; the furthest that fits where it does not.
#[cfg(feature = "cedar")]
pub(crate) fn whole(number: &serde_json::Number) -> i64 {
    let (negative, magnitude) = scaled(&number.to_string(), 0).unwrap_or((false, u128::MAX));
    let whole = i64::try_from(magnitude).unwrap_or(i64::MAX);
    if negative { -whole } else { whole }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_exact_and_what_cannot_be_read_is_the_largest() {
        for (value, expected) in [
            (json!(0), 0),
            (json!(10), 10_000_000),
            (json!(10.5), 10_500_000),
            (json!(-3.25), 3_250_000),
            (json!(0.000_000_1), 1),
            (json!(1e-30), 1),
            (json!(1e300), u64::MAX),
            (json!(u64::MAX), u64::MAX),
            (json!("10.50"), 10_500_000),
            (json!("$ 10"), 10_000_000),
            (json!("10 EUR"), 10_000_000),
            (json!("-7"), 7_000_000),
            (json!("1,000"), u64::MAX),
            (json!("ten"), u64::MAX),
            (json!(""), u64::MAX),
            (json!([1]), u64::MAX),
            (json!(null), 0),
        ] {
            assert_eq!(micros(&value), expected, "{value}");
        }
    }

    #[cfg(feature = "cedar")]
    #[test]
    fn whole_numbers_are_rounded_away_from_zero() {
        for (value, expected) in
            [(json!(3), 3), (json!(2.1), 3), (json!(-2.1), -3), (json!(1e300), i64::MAX), (json!(-0.0), 0)]
        {
            let Value::Number(number) = &value else { unreachable!() };
            assert_eq!(whole(number), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader_and_rounding_is_never_down(whole in 0_u32.., millionths in 0_u64..10_000_000) {
            let text = format!("{whole}.{millionths:07}");
            let tenths = u64::from(whole) * 10_000_000 + millionths;
            prop_assert_eq!(micros(&Value::String(text)), tenths.div_ceil(10));
        }

        #[test]
        fn any_text_has_an_amount(text: String) {
            micros(&Value::String(text));
        }
    }
}
