//! How long the numbers are that Rego texts and data spell: regorus writes `1e1000000000` out when it reads it. Spec: bundle-limits.

use crate::bundle::BundleFault;
use crate::text::{Language, line_and_column, pieces};

/// Most digits that a number in a Rego text or in data has, those that its exponent stands for included: as many as a JSON reader takes with any features.
pub const DIGITS_MAX: u64 = 308;

/// Whether no number of a text is longer than one may be. Strings and comments have none.
///
/// # Errors
/// The first that is.
pub(super) fn check(path: &str, text: &str) -> Result<(), BundleFault> {
    let numbers =
        pieces(Language::Rego, text).filter(|(_, piece)| piece.starts_with(|c: char| c.is_ascii_digit()));
    for (offset, _) in numbers {
        if digits(text.get(offset..).unwrap_or_default()) > DIGITS_MAX {
            let (line, column) = line_and_column(text, offset);
            return Err(BundleFault::Digits { path: path.to_owned(), line, column, most: DIGITS_MAX });
        }
    }
    Ok(())
}

/// The digits of the number that a text begins with.
pub(super) fn digits(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (mantissa, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let written = mantissa.bytes().filter(u8::is_ascii_digit).count() as u64;
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return written };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let is_ten = |digit: &u8| digit.is_ascii_digit() || *digit == b'_';
    let digits = exponent.bytes().take_while(is_ten).filter(u8::is_ascii_digit);
    let stands_for =
        digits.fold(0, |value: u64, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    written.saturating_add(stands_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_a_number_has_once_it_is_written_out() {
        for (text, expected) in [
            ("7", 1),
            ("1234.50]", 6),
            ("1_000 + 1", 4),
            ("1e3", 4),
            ("1E+30,", 31),
            ("1.5e30", 32),
            ("1e-30", 1),
            ("1e99999999999999999999999", u64::MAX),
            ("1efg", 1),
        ] {
            assert_eq!(digits(text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_wherever_one_may_stand_and_nowhere_else() {
        let long = "9".repeat(DIGITS_MAX as usize + 1);
        for text in [format!("a\n b{long}"), format!("# {long}"), format!("\"{long}\""), format!("`{long}`")]
        {
            assert_eq!(check("p.rego", &text), Ok(()), "{text}");
        }
        let most = DIGITS_MAX;
        let fault = |line, column| Err(BundleFault::Digits { path: "p.rego".to_owned(), line, column, most });
        assert_eq!(check("p.rego", &format!("a :=\n  -{long}")), fault(2, 4));
        assert_eq!(check("p.rego", "x[1e9999]"), fault(1, 3));
        assert_eq!(check("p.rego", &format!("a := {}", &long[1..])), Ok(()), "as many as there may be");
    }
}
