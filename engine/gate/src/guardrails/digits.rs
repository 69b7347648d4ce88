//! Check digits: whether a number can be what it claims to be. Every function takes digits as values 0 to 9 and knows no text.
//!
//! A check digit lets one number in ten (or 11, 23, 97) through by chance; the rules that use these ask for a form or a word beside it where one
//! in ten is too many.

/// Remainder of the weighted sum: digit times weight, one weight a digit; `None` where the lengths differ.
fn weighted(digits: &[u8], weights: &[u32]) -> Option<u32> {
    let terms = || digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight);
    (digits.len() == weights.len()).then(|| terms().sum())
}

/// The Luhn sum of ISO/IEC 7812-1, annex B, over digits that end with the check digit, and a sum of what stands before them.
fn luhn_sum(digits: &[u8]) -> u32 {
    let doubled = |(at, digit): (usize, &u8)| match (at % 2, u32::from(*digit)) {
        (1, digit @ 5..) => digit * 2 - 9,
        (1, digit) => digit * 2,
        (_, digit) => digit,
    };
    digits.iter().rev().enumerate().map(doubled).sum()
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    digits.len() > 1 && luhn_sum(digits).is_multiple_of(10)
}

/// A payment card: Luhn, a length, and a range that an issuer has (ISO/IEC 7812; the ranges that the networks publish).
pub(super) fn card(digits: &[u8]) -> bool {
    let prefix =
        |length: usize| digits.iter().take(length).fold(0_u32, |all, digit| all * 10 + u32::from(*digit));
    let (two, three, four, six) = (prefix(2), prefix(3), prefix(4), prefix(6));
    let issued = match digits.len() {
        13 => prefix(1) == 4,
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131),
        16 => {
            prefix(1) == 4
                || matches!(two, 51..=55 | 62 | 65 | 81)
                || matches!(three, 644..=649)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589 | 6011)
                || matches!(six, 508_500..=508_999 | 606_985..=608_500 | 650_000..=659_999)
                || matches!(four, 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763)
        }
        17 | 18 => matches!(two, 62) || matches!(four, 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763),
        19 => {
            prefix(1) == 4
                || matches!(two, 62)
                || matches!(four, 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763)
        }
        _ => false,
    };
    issued && luhn(digits) && !is_one_digit(digits)
}

/// Nothing but one digit repeated: a placeholder that many checksums take.
fn is_one_digit(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

/// Length of an IBAN of this country (ISO 13616 registry); `None` where the country issues none.
const fn iban_length(country: [u8; 2]) -> Option<usize> {
    Some(match &country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FK" | b"FO" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL" | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}

/// An IBAN without its spaces: length of its country, and remainder 1 modulo 97 with the first four characters moved to the end (ISO 13616).
pub(super) fn iban(text: &[u8]) -> bool {
    let Some((front @ [first, second, ..], rest)) = text.split_first_chunk::<4>() else { return false };
    let country = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    if iban_length(country) != Some(text.len()) {
        return false;
    }
    let remainder = rest.iter().chain(front).try_fold(0_u32, |all, byte| {
        let value = char::from(*byte).to_digit(36)?;
        Some((if value < 10 { all * 10 } else { all * 100 } + value) % 97)
    });
    remainder == Some(1)
}

/// An NHS number of England: ten digits, modulo 11.
pub(super) fn nhs(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last() else { return false };
    let sum = weighted(rest, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    sum.is_some_and(|sum| (11 - sum % 11) % 11 == u32::from(*check)) && !is_one_digit(digits)
}

/// A National Provider Identifier of the United States: ten digits from 1 or 2, Luhn with 80840 before them.
pub(super) fn npi(digits: &[u8]) -> bool {
    // The Luhn sum of the prefix 80840, which stands at an even distance from the end.
    const PREFIX: u32 = 24;
    digits.len() == 10
        && matches!(digits.first(), Some(1 | 2))
        && (luhn_sum(digits) + PREFIX).is_multiple_of(10)
}

/// A Medicare number of Australia: ten digits (an eleventh names the person), the ninth checks the eight before.
pub(super) fn medicare_au(digits: &[u8]) -> bool {
    let sum = digits.get(..8).and_then(|base| weighted(base, &[1, 3, 7, 9, 1, 3, 7, 9]));
    matches!(digits.len(), 10 | 11)
        && matches!(digits.first(), Some(2..=6))
        && sum.map(|sum| sum % 10) == digits.get(8).map(|check| u32::from(*check))
}

/// A Social Security number of the United States: no area 000, 666 or above 899, no group 00, no serial 0000 (it has no check digit).
pub(super) fn ssn(digits: &[u8]) -> bool {
    let number = digits.iter().fold(0_u32, |all, digit| all * 10 + u32::from(*digit));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    digits.len() == 9 && area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

/// A Social Insurance number of Canada: nine digits, Luhn, not from 0 or 8.
pub(super) fn sin(digits: &[u8]) -> bool {
    digits.len() == 9 && luhn(digits) && !matches!(digits.first(), Some(8)) && !is_one_digit(digits)
}

/// A tax file number of Australia: nine digits, modulo 11.
pub(super) fn tfn(digits: &[u8]) -> bool {
    weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_some_and(|sum| sum % 11 == 0) && !is_one_digit(digits)
}

/// A burgerservicenummer of the Netherlands: nine digits, the eleven test.
pub(super) fn bsn(digits: &[u8]) -> bool {
    // The last digit counts minus one, which is ten modulo 11.
    weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_some_and(|sum| sum % 11 == 0) && !is_one_digit(digits)
}

/// A PESEL of Poland: eleven digits, a date, modulo 10.
pub(super) fn pesel(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    let pair = |at: usize| pair(digits, at);
    sum.is_some_and(|sum| sum % 10 == 0) && is_day(pair(2) % 20, pair(4))
}

/// A personnummer of Sweden: ten digits with the two of the century left out, a date (a coordination number's day is 60 later), Luhn.
pub(super) fn personnummer(digits: &[u8]) -> bool {
    let short = if digits.len() == 12 { digits.get(2..) } else { Some(digits) };
    short.is_some_and(|short| short.len() == 10 && luhn(short) && is_day(pair(short, 2), pair(short, 4) % 60))
}

/// A CPF of Brazil: eleven digits, two check digits modulo 11.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let check = |length: usize| -> Option<bool> {
        let first = u32::try_from(length).ok()? + 1;
        let terms = digits.get(..length)?.iter().zip((2..=first).rev());
        let sum: u32 = terms.map(|(digit, weight)| u32::from(*digit) * weight).sum();
        Some(sum * 10 % 11 % 10 == u32::from(*digits.get(length)?))
    };
    digits.len() == 11 && check(9) == Some(true) && check(10) == Some(true) && !is_one_digit(digits)
}

/// A tax identification number of Germany: eleven digits, not from 0, ISO/IEC 7064 MOD 11,10, and one digit of the first ten twice or three times.
pub(super) fn steuer_id(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last() else { return false };
    let product = rest.iter().fold(10_u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let count = |wanted: u8| rest.iter().filter(|digit| **digit == wanted).count();
    let most = (0..10).map(count).max();
    digits.len() == 11
        && digits.first() != Some(&0)
        && matches!(most, Some(2 | 3))
        && (11 - product) % 10 == u32::from(*check)
}

/// An AHV number of Switzerland: thirteen digits from 756, checked as an EAN-13.
pub(super) fn ahv(digits: &[u8]) -> bool {
    digits.starts_with(&[7, 5, 6])
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_some_and(|sum| sum % 10 == 0)
}

/// A NIR of France: thirteen digits and a key of two, 97 less the remainder of the thirteen (Corsica's letters are not taken).
pub(super) fn nir(digits: &[u8]) -> bool {
    let Some((number, key)) = digits.split_at_checked(13) else { return false };
    let number = number.iter().fold(0_u64, |all, digit| all * 10 + u64::from(*digit));
    let month = number / 100_000_000 % 100;
    key.len() == 2
        && matches!(digits.first(), Some(1 | 2))
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && 97 - number % 97 == u64::from(pair(key, 0))
}

/// A national number of Belgium: eleven digits, 97 less the remainder of the first nine, with a 2 before them for those born from 2000 on.
pub(super) fn rijksregister(digits: &[u8]) -> bool {
    let Some((number, key)) = digits.split_at_checked(9) else { return false };
    let number = number.iter().fold(0_u64, |all, digit| all * 10 + u64::from(*digit));
    let fits = |number: u64| 97 - number % 97 == u64::from(pair(key, 0));
    key.len() == 2
        && is_day(pair(digits, 2) % 20, pair(digits, 4))
        && (fits(number) || fits(2_000_000_000 + number))
}

/// An Aadhaar number of India: twelve digits, not from 0 or 1, Verhoeff.
pub(super) fn aadhaar(digits: &[u8]) -> bool {
    digits.len() == 12 && matches!(digits.first(), Some(2..=9)) && verhoeff(digits) && !is_one_digit(digits)
}

/// Verhoeff, "Error Detecting Decimal Codes" (1969): the product in the dihedral group of order ten is the neutral element.
fn verhoeff(digits: &[u8]) -> bool {
    let permuted = |(at, digit): (usize, &u8)| (0..at % 8).fold(*digit, |digit, _| permute(digit));
    digits.iter().rev().enumerate().map(permuted).fold(0, dihedral) == 0
}

/// The permutation whose powers Verhoeff's check uses.
fn permute(digit: u8) -> u8 {
    const TO: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    TO.get(usize::from(digit)).copied().unwrap_or_default()
}

/// The product of two elements of the dihedral group of order ten: 0 to 4 are turns, 5 to 9 reflections.
const fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// A resident identity number of China: seventeen digits with a date, and a check of ISO/IEC 7064 MOD 11-2, `X` for ten.
pub(super) fn resident_cn(text: &[u8]) -> bool {
    let Some((check, rest)) = text.split_last() else { return false };
    let Some(digits) = values(rest) else { return false };
    let sum = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let expected = sum.and_then(|sum| b"10X98765432".get(sum as usize % 11));
    expected == Some(&check.to_ascii_uppercase())
        && matches!(pair(&digits, 6), 18..=20)
        && is_day(pair(&digits, 10), pair(&digits, 12))
}

/// A DNI or NIE of Spain: eight digits (or X, Y, Z and seven) and a letter, modulo 23.
pub(super) fn dni(text: &[u8]) -> bool {
    let Some((letter, rest)) = text.split_last() else { return false };
    let mut digits = rest.to_vec();
    if let Some(first) = digits.first_mut() {
        *first = match first.to_ascii_uppercase() {
            b'X' => b'0',
            b'Y' => b'1',
            b'Z' => b'2',
            other => other,
        };
    }
    let Some(digits) = values(&digits) else { return false };
    let number = digits.iter().fold(0_u32, |all, digit| all * 10 + u32::from(*digit));
    digits.len() == 8
        && b"TRWAGMYFPDXBNJZSQVHLCKE".get(number as usize % 23) == Some(&letter.to_ascii_uppercase())
}

/// A codice fiscale of Italy: fifteen characters and a letter that checks them, odd and even places valued apart.
pub(super) fn codice_fiscale(text: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some((check, rest)) = text.split_last() else { return false };
    let value = |(at, byte): (usize, &u8)| -> Option<u32> {
        let byte = byte.to_ascii_uppercase();
        let place = if byte.is_ascii_digit() { byte - b'0' } else { byte.checked_sub(b'A')? };
        if at % 2 == 0 { ODD.get(usize::from(place)).copied() } else { Some(u32::from(place)) }
    };
    let sum = rest.iter().enumerate().map(value).try_fold(0, |sum, value| Some(sum + value?));
    text.len() == 16
        && sum.map(|sum| sum % 26) == Some(u32::from(check.to_ascii_uppercase().wrapping_sub(b'A')))
}

/// An NRIC or FIN of Singapore: S, T, F or G, seven digits and a letter, modulo 11.
pub(super) fn nric(text: &[u8]) -> bool {
    let (Some((first, rest)), Some(last)) = (text.split_first(), text.last()) else { return false };
    let Some(digits) = rest.get(..7).and_then(values) else { return false };
    let (letters, offset): (&[u8; 11], u32) = match first.to_ascii_uppercase() {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        _ => return false,
    };
    let sum = weighted(&digits, &[2, 7, 6, 5, 4, 3, 2]).map(|sum| sum + offset);
    text.len() == 9 && sum.and_then(|sum| letters.get(sum as usize % 11)) == Some(&last.to_ascii_uppercase())
}

/// The values of ASCII digits; `None` where another character stands among them.
pub(super) fn values(text: &[u8]) -> Option<Vec<u8>> {
    text.iter().map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect()
}

/// The number that the two digits from `at` make; above 99 where they are not there.
fn pair(digits: &[u8], at: usize) -> u32 {
    match digits.get(at..at + 2) {
        Some([tens, ones]) => u32::from(*tens) * 10 + u32::from(*ones),
        Some(_) | None => u32::MAX,
    }
}

const fn is_day(month: u32, day: u32) -> bool {
    matches!(month, 1..=12) && matches!(day, 1..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&[u8]) -> bool;

    /// Numbers that their issuers, or the standards, publish as examples, or that are used for tests everywhere.
    const DIGITS: &[(&str, Check, &[&str])] = &[
        (
            "card",
            card,
            &[
                "4111111111111111",
                "4012888888881881",
                "4222222222222",
                "5555555555554444",
                "5105105105105100",
                "2223003122003222",
                "378282246310005",
                "371449635398431",
                "30569309025904",
                "38520000023237",
                "6011111111111117",
                "3530111333300000",
                "6304000000000000",
                "6200000000000005",
            ],
        ),
        ("nhs", nhs, &["9434765919", "4505577104"]),
        ("npi", npi, &["1234567893", "1245319599"]),
        ("medicare", medicare_au, &["2123456701", "21234567011"]),
        ("sin", sin, &["046454286"]),
        ("tfn", tfn, &["123456782", "876543210"]),
        ("bsn", bsn, &["111222333", "123456782"]),
        ("pesel", pesel, &["44051401359", "02070803628"]),
        ("personnummer", personnummer, &["8112289874", "198112289874", "6403273813"]),
        ("cpf", cpf, &["52998224725", "11144477735"]),
        ("steuer-id", steuer_id, &["86095742719", "47036892816", "65929970489"]),
        ("ahv", ahv, &["7569217076985", "7561234567897"]),
        ("nir", nir, &["255081416802538", "180126955222380"]),
        ("rijksregister", rijksregister, &["85073003328", "93051822361"]),
        ("aadhaar", aadhaar, &["234123412346"]),
    ];

    const TEXTS: &[(&str, Check, &[&str])] = &[
        (
            "iban",
            iban,
            &[
                "GB82WEST12345698765432",
                "DE89370400440532013000",
                "FR1420041010050500013M02606",
                "NL91ABNA0417164300",
                "CH9300762011623852957",
                "BE68539007547034",
                "NO9386011117947",
                "ES9121000418450200051332",
                "IT60X0542811101000000123456",
                "MT84MALT011000012345MTLCAST001S",
            ],
        ),
        ("resident", resident_cn, &["11010519491231002X", "440524188001010014"]),
        ("dni", dni, &["12345678Z", "X1234567L", "Z1234567R"]),
        ("codice fiscale", codice_fiscale, &["RSSMRA85T10A562S", "MRTMTT91D08F205J"]),
        ("nric", nric, &["S1234567D", "F1234567N", "T0123456G"]),
    ];

    #[test]
    fn published_numbers_are_valid() {
        for (name, check, numbers) in DIGITS {
            for number in *numbers {
                assert!(check(&values(number.as_bytes()).unwrap()), "{name} {number}");
            }
        }
        for (name, check, texts) in TEXTS {
            for text in *texts {
                assert!(check(text.as_bytes()), "{name} {text}");
                assert!(check(text.to_lowercase().as_bytes()), "{name} {text} in lower case");
            }
        }
    }

    /// What a check digit is for: one wrong digit is never valid.
    #[test]
    fn one_digit_changed_makes_a_number_invalid() {
        for (name, check, numbers) in
            DIGITS.iter().filter(|(name, ..)| !matches!(*name, "medicare" | "rijksregister"))
        {
            for number in *numbers {
                let digits = values(number.as_bytes()).unwrap();
                // The century of a personnummer is not checked.
                let unchecked = usize::from(digits.len() == 12 && *name == "personnummer") * 2;
                for at in unchecked..digits.len() {
                    for other in (0..10).filter(|other| *other != digits[at]) {
                        let mut changed = digits.clone();
                        changed[at] = other;
                        assert!(!check(&changed), "{name} {number}: digit {at} as {other}");
                    }
                }
            }
        }
        for (name, check, texts) in TEXTS {
            for text in *texts {
                for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
                    let mut changed = text.as_bytes().to_vec();
                    changed[at] = if byte == b'9' { b'0' } else { byte + 1 };
                    assert!(!check(&changed), "{name} {text}: digit {at}");
                }
            }
        }
    }

    #[test]
    fn no_check_takes_another_length_or_a_placeholder() {
        for (name, check, numbers) in DIGITS {
            assert!(!check(&[]), "{name}");
            let digits = values(numbers[0].as_bytes()).unwrap();
            let shorter = &digits[..digits.len() - 1];
            assert!(!check(shorter), "{name} cut");
            if !matches!(*name, "steuer-id") {
                assert!(!check(&vec![0; digits.len()]), "{name} of zeros");
            }
        }
        for (name, check, texts) in TEXTS {
            assert!(!check(b"") && !check(&texts[0].as_bytes()[1..]), "{name}");
        }
        for (ssn_text, valid) in [
            ("078051120", true),
            ("000123456", false),
            ("666123456", false),
            ("900123456", false),
            ("123006789", false),
            ("123450000", false),
            ("12345678", false),
        ] {
            assert_eq!(ssn(&values(ssn_text.as_bytes()).unwrap()), valid, "{ssn_text}");
        }
    }

    #[test]
    fn the_dihedral_group_is_one() {
        let all = || 0..10_u8;
        for a in all() {
            assert_eq!((dihedral(a, 0), dihedral(0, a)), (a, a));
            assert!(all().any(|b| dihedral(a, b) == 0), "{a} has an inverse");
            for (b, c) in all().flat_map(|b| all().map(move |c| (b, c))) {
                assert_eq!(dihedral(dihedral(a, b), c), dihedral(a, dihedral(b, c)));
            }
        }
        // Not commutative, or swapped neighbours would not be noticed.
        assert_ne!(dihedral(1, 5), dihedral(5, 1));
    }
}
