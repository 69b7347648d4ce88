//! Data about persons, patients and accounts that stand in letters as well as digits.

use std::sync::LazyLock;

use rederive_evidence::kinds::guardrail::DetectedClass::{Financial, Health, Personal};

use super::digits;
use super::patterns::{Pattern, Patterns, always};
use super::spot::Spot;

const TABLE: &[Pattern] = &[
    Pattern {
        rule: "e-mail",
        class: Personal,
        expression: r"(?:^|[^A-Za-z0-9._%+-])(?<it>[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,62})\.){1,8}(?:xn--[A-Za-z0-9-]{1,59}|[A-Za-z\x80-\xff][A-Za-z\x80-\xff-]{1,62}))",
        holds: always,
    },
    Pattern {
        rule: "phone",
        class: Personal,
        // E.164: a plus, a country code and at most 15 digits in all.
        expression: r"(?:^|[^0-9A-Za-z+])(?<it>\+[1-9](?:[ .()/-]{0,2}[0-9]){6,14})(?:[^0-9]|$)",
        holds: always,
    },
    Pattern {
        rule: "phone",
        class: Personal,
        // A national number says nothing by itself; the word before it does.
        expression: r"(?i:\b(?:phone|telephone|tel|mobile|cell|fax|call me (?:at|on))\b[ .:#=]{1,4})(?<it>\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,13})\b",
        holds: always,
    },
    Pattern {
        rule: "iban",
        class: Financial,
        expression: r"\b[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b",
        holds: |text| digits::iban(&compact(text)),
    },
    Pattern {
        rule: "account-number",
        class: Financial,
        expression: r"(?i:\b(?:account|acct|kontonummer|konto)(?: ?(?:number|no\.?|num|#|nr\.?))?[ :=#]{1,3})(?<it>[0-9](?:[ -]?[0-9]){6,16})\b",
        holds: always,
    },
    Pattern {
        rule: "card-code",
        class: Financial,
        expression: r"(?i:\b(?:cvv2?|cvc2?|card (?:security|verification) (?:code|value))[ :=#]{1,3})(?<it>[0-9]{3,4})\b",
        holds: always,
    },
    Pattern {
        rule: "medical-record",
        class: Health,
        expression: r"(?i:\b(?:mrn|medical record(?: (?:number|no\.?))?|patient (?:id|number|no\.?)|hospital number|chart number)[ :=#]{1,3})(?<it>[A-Za-z]{0,4}-?[0-9][A-Za-z0-9-]{3,18})\b",
        holds: always,
    },
    Pattern {
        rule: "health-plan",
        class: Health,
        expression: r"(?i:\b(?:member|subscriber|insurance|health plan|medicaid|policy holder) (?:id|number|no\.?)[ :=#]{1,3})(?<it>[A-Za-z]{0,4}-?[0-9][A-Za-z0-9-]{4,18})\b",
        holds: always,
    },
    Pattern {
        rule: "diagnosis-code",
        class: Health,
        expression: r"(?i:\b(?:icd-?10(?:-cm)?|diagnosis(?: code)?|dx)[ :=#]{1,3})(?<it>[A-TV-Z][0-9][0-9AB](?:\.[0-9A-Z]{1,4})?)\b",
        holds: always,
    },
    Pattern {
        rule: "dni",
        class: Personal,
        expression: r"\b(?:[0-9]{8}|[XYZxyz]-?[0-9]{7})-?[A-Za-z]\b",
        holds: |text| digits::dni(&compact(text)),
    },
    Pattern {
        rule: "codice-fiscale",
        class: Personal,
        expression: r"\b[A-Za-z]{6}[0-9LMNPQRSTUVlmnpqrstuv]{2}[ABCDEHLMPRSTabcdehlmprst][0-9LMNPQRSTUVlmnpqrstuv]{2}[A-Za-z][0-9LMNPQRSTUVlmnpqrstuv]{3}[A-Za-z]\b",
        holds: digits::codice_fiscale,
    },
    Pattern {
        rule: "nric",
        class: Personal,
        expression: r"\b[STFGstfg][0-9]{7}[A-Za-z]\b",
        holds: digits::nric,
    },
    Pattern {
        rule: "resident-cn",
        class: Personal,
        expression: r"\b[1-9][0-9]{16}[0-9Xx]\b",
        holds: digits::resident_cn,
    },
    Pattern {
        rule: "nino",
        class: Personal,
        // The letters that prefixes of the United Kingdom's National Insurance numbers do not have.
        expression: r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b",
        holds: |text| !matches!(text.get(..2), Some(b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ")),
    },
    Pattern {
        rule: "passport",
        class: Personal,
        expression: r"(?i:\b(?:passport|reisepass|passeport)(?: ?(?:number|no\.?|nr\.?|#))?[ :=#]{1,3})(?<it>[A-Za-z]{0,2}[0-9]{6,9}[A-Za-z]?)\b",
        holds: always,
    },
    Pattern {
        rule: "driving-licence",
        class: Personal,
        expression: r"(?i:\bdriv(?:er'?s?|ing) licen[cs]e(?: ?(?:number|no\.?|#))?[ :=#]{1,3})(?<it>[A-Za-z0-9-]{5,20})\b",
        holds: |text| text.iter().any(u8::is_ascii_digit),
    },
    Pattern {
        rule: "birth-date",
        class: Personal,
        expression: r"(?i:\b(?:dob|date of birth|born(?: on)?|birthday)[ :=]{1,3})(?<it>[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})\b",
        holds: always,
    },
];

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::new(TABLE));

/// Adds what is found in `text`.
pub(super) fn find(text: &[u8], found: &mut Vec<Spot>) {
    PATTERNS.find(text, found);
}

/// The text without the separators that people write into numbers.
fn compact(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b' ' | b'-')).collect()
}

#[cfg(test)]
mod tests {
    use super::super::spot::testing::assert_found;
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), TABLE.len());
    }

    #[test]
    fn persons_and_accounts_are_found_and_what_looks_like_them_is_not() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("Mail <ada.l+x@mail.example.org>.", &[("e-mail", "ada.l+x@mail.example.org")]),
            ("ada@localhost, @ada, a@b.c1 and user@.com", &[]),
            ("+44 20 7946 0958", &[("phone", "+44 20 7946 0958")]),
            ("+1 (415) 555-2671, 1+2345678", &[("phone", "+1 (415) 555-2671")]),
            ("tel: 020 7946 0958", &[("phone", "020 7946 0958")]),
            ("+123", &[]),
            ("+1234567890123456", &[]),
            ("to GB82 WEST 1234 5698 7654 32 today", &[("iban", "GB82 WEST 1234 5698 7654 32")]),
            ("de89370400440532013000", &[("iban", "de89370400440532013000")]),
            ("GB82 WEST 1234 5698 7654 33", &[]),
            ("account number: 12345678", &[("account-number", "12345678")]),
            ("CVV 123", &[("card-code", "123")]),
            ("MRN: H-0012345", &[("medical-record", "H-0012345")]),
            ("patient id 4471-22", &[("medical-record", "4471-22")]),
            ("the patient identified 3 mistakes", &[]),
            ("ICD-10: E11.9", &[("diagnosis-code", "E11.9")]),
            ("12345678Z and 12345678A", &[("dni", "12345678Z")]),
            ("RSSMRA85T10A562S", &[("codice-fiscale", "RSSMRA85T10A562S")]),
            ("S1234567D S1234567E", &[("nric", "S1234567D")]),
            ("11010519491231002X", &[("resident-cn", "11010519491231002X")]),
            ("AB 12 34 56 C, GB123456A", &[("nino", "AB 12 34 56 C")]),
            ("Passport no. X1234567", &[("passport", "X1234567")]),
            ("born on 1990-01-02", &[("birth-date", "1990-01-02")]),
        ];
        assert_found(find, table);
    }
}
