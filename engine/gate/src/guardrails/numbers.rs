//! Numbers that name a person, an account or a patient, found among all other digits by form, check digit and the word before them.

use std::ops::Range;

use rederive_evidence::kinds::guardrail::DetectedClass;

use super::digits;
use super::spot::Spot;

/// What has to stand beside the check digit before a number is taken for what a rule names.
#[derive(Clone, Copy)]
enum Beside {
    /// Nothing: the check and the issuer's ranges are narrow enough.
    Nothing,
    /// A word shortly before it.
    Word(&'static [&'static str]),
    /// One of these groupings (lengths of groups between separators), or a word shortly before it.
    Grouping(&'static [&'static [usize]], &'static [&'static str]),
}

struct Rule {
    name: &'static str,
    class: DetectedClass,
    holds: fn(&[u8]) -> bool,
    lengths: &'static [usize],
    beside: Beside,
}

use Beside::{Grouping, Nothing, Word};
use DetectedClass::{Financial, Health, Personal};

const RULES: &[Rule] = &[
    Rule {
        name: "card",
        class: Financial,
        holds: digits::card,
        lengths: &[13, 14, 15, 16, 17, 18, 19],
        beside: Nothing,
    },
    Rule {
        name: "nhs-number",
        class: Health,
        holds: digits::nhs,
        lengths: &[10],
        beside: Grouping(&[&[3, 3, 4]], &["nhs"]),
    },
    Rule {
        name: "npi",
        class: Health,
        holds: digits::npi,
        lengths: &[10],
        beside: Word(&["npi", "provider identifier"]),
    },
    Rule {
        name: "medicare-au",
        class: Health,
        holds: digits::medicare_au,
        lengths: &[10, 11],
        beside: Grouping(&[&[4, 5, 1], &[4, 5, 1, 1]], &["medicare"]),
    },
    Rule {
        name: "ssn",
        class: Personal,
        holds: digits::ssn,
        lengths: &[9],
        beside: Grouping(&[&[3, 2, 4]], &["ssn", "social security"]),
    },
    Rule {
        name: "sin",
        class: Personal,
        holds: digits::sin,
        lengths: &[9],
        beside: Word(&["sin", "social insurance", "numéro d'assurance sociale"]),
    },
    Rule {
        name: "tfn",
        class: Personal,
        holds: digits::tfn,
        lengths: &[9],
        beside: Word(&["tfn", "tax file"]),
    },
    Rule {
        name: "bsn",
        class: Personal,
        holds: digits::bsn,
        lengths: &[9],
        beside: Word(&["bsn", "burgerservicenummer", "sofinummer", "sofi-nummer"]),
    },
    Rule { name: "pesel", class: Personal, holds: digits::pesel, lengths: &[11], beside: Word(&["pesel"]) },
    Rule {
        name: "personnummer",
        class: Personal,
        holds: digits::personnummer,
        lengths: &[10, 12],
        beside: Grouping(&[&[6, 4], &[8, 4]], &["personnummer", "samordningsnummer"]),
    },
    Rule {
        name: "cpf",
        class: Personal,
        holds: digits::cpf,
        lengths: &[11],
        beside: Grouping(&[&[3, 3, 3, 2]], &["cpf"]),
    },
    Rule {
        name: "steuer-id",
        class: Personal,
        holds: digits::steuer_id,
        lengths: &[11],
        beside: Grouping(&[&[2, 3, 3, 3]], &["steuer", "identifikationsnummer", "idnr", "tin"]),
    },
    Rule { name: "ahv", class: Personal, holds: digits::ahv, lengths: &[13], beside: Nothing },
    Rule { name: "nir", class: Personal, holds: digits::nir, lengths: &[15], beside: Nothing },
    Rule {
        name: "rijksregister",
        class: Personal,
        holds: digits::rijksregister,
        lengths: &[11],
        beside: Grouping(&[&[2, 2, 2, 3, 2]], &["rijksregister", "registre national", "insz", "niss"]),
    },
    Rule {
        name: "aadhaar",
        class: Personal,
        holds: digits::aadhaar,
        lengths: &[12],
        beside: Grouping(&[&[4, 4, 4]], &["aadhaar", "aadhar", "uidai"]),
    },
];

/// Bytes before a number in which its word is looked for.
const WORD_WITHIN: usize = 40;
/// Most digits that any rule takes.
const DIGITS_MAX: usize = 19;

/// Adds what is found in `text`.
pub(super) fn find(text: &[u8], found: &mut Vec<Spot>) {
    let mut at = 0;
    while let Some(run) = next_run(text, at) {
        at = run.end;
        let groups = groups(text, run);
        for first in 0..groups.len() {
            find_from(text, groups.get(first..).unwrap_or_default(), found);
        }
    }
}

/// The longest number that begins with the first of these groups, for each rule that it can be of.
fn find_from(text: &[u8], groups: &[Range<usize>], found: &mut Vec<Spot>) {
    let Some(start) = groups.first().map(|group| group.start) else { return };
    let mut number = Vec::with_capacity(DIGITS_MAX);
    let mut lengths = Vec::new();
    for group in groups {
        if number.len() + group.len() > DIGITS_MAX {
            return;
        }
        number.extend(text.get(group.clone()).and_then(digits::values).unwrap_or_default());
        lengths.push(group.len());
        for rule in RULES.iter().filter(|rule| rule.lengths.contains(&number.len())) {
            if (rule.holds)(&number) && rule.beside.holds(text, start, &lengths) {
                found.push(Spot { range: start..group.end, class: rule.class, rule: rule.name });
            }
        }
    }
}

impl Beside {
    fn holds(self, text: &[u8], start: usize, lengths: &[usize]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Word(words) => has_word_before(text, start, words),
            Self::Grouping(groupings, words) => {
                groupings.contains(&lengths) || has_word_before(text, start, words)
            }
        }
    }
}

/// Whether one of these words, in lower case, stands within [`WORD_WITHIN`] bytes before `start`.
pub(super) fn has_word_before(text: &[u8], start: usize, words: &[&str]) -> bool {
    let before = text.get(start.saturating_sub(WORD_WITHIN)..start).unwrap_or_default().to_ascii_lowercase();
    words.iter().any(|word| {
        let stands = |(at, window): (usize, &[u8])| {
            let is_outside = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphabetic());
            let earlier = at.checked_sub(1).and_then(|at| before.get(at));
            window == word.as_bytes() && is_outside(earlier)
        };
        before.windows(word.len()).enumerate().any(stands)
    })
}

/// The next run of digits from `at` on that letters do not touch: digits, and between two of them at most one separator.
fn next_run(text: &[u8], at: usize) -> Option<Range<usize>> {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let mut start = at;
    loop {
        start += text.get(start..)?.iter().position(u8::is_ascii_digit)?;
        let mut end = start;
        while digit(end) || (separates(text.get(end)) && digit(end + 1)) {
            end += 1;
        }
        let touches =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let before = start.checked_sub(1).and_then(|before| text.get(before));
        if !touches(before) || separates(text.get(start)) {
            return Some(start..end);
        }
        // The digits that a letter touches belong to a word; what follows a separator does not.
        let word = text.get(start..end)?.iter().position(|byte| !byte.is_ascii_digit());
        start = word.map_or(end, |length| start + length);
    }
}

const fn separates(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'-' | b'.' | b'/'))
}

/// The groups of digits in a run. A group that a letter follows belongs to a word and is left out.
fn groups(text: &[u8], run: Range<usize>) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = run.start;
    for at in run.start..=run.end {
        let is_digit = at < run.end && text.get(at).is_some_and(u8::is_ascii_digit);
        if !is_digit {
            if start < at {
                groups.push(start..at);
            }
            start = at + 1;
        }
    }
    if text.get(run.end).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        groups.pop();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::spot::testing::assert_found;
    use super::*;

    #[test]
    fn numbers_are_found_by_form_check_digit_and_word() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("pay with 4111 1111 1111 1111 123 now", &[("card", "4111 1111 1111 1111")]),
            ("4111-1111-1111-1111", &[("card", "4111-1111-1111-1111")]),
            ("4111111111111112", &[]),
            ("order 9434765919", &[]),
            ("NHS no. 9434765919", &[("nhs-number", "9434765919")]),
            ("943 476 5919", &[("nhs-number", "943 476 5919")]),
            ("NPI: 1234567893", &[("npi", "1234567893")]),
            ("ring 1234567893", &[]),
            ("078-05-1120", &[("ssn", "078-05-1120")]),
            ("000-05-1120 and 078051120", &[]),
            ("SSN 078051120", &[("ssn", "078051120")]),
            ("sin 046 454 286", &[("sin", "046 454 286")]),
            ("using 046454286", &[]),
            ("BSN:111222333", &[("bsn", "111222333")]),
            ("PESEL 44051401359", &[("pesel", "44051401359")]),
            ("811228-9874", &[("personnummer", "811228-9874")]),
            ("529.982.247-25", &[("cpf", "529.982.247-25")]),
            ("86 095 742 719", &[("steuer-id", "86 095 742 719")]),
            ("756.9217.0769.85", &[("ahv", "756.9217.0769.85")]),
            ("2 55 08 14 168 025 38", &[("nir", "2 55 08 14 168 025 38")]),
            ("85.07.30-033.28", &[("rijksregister", "85.07.30-033.28")]),
            ("2341 2341 2346", &[("aadhaar", "2341 2341 2346")]),
            ("v4111111111111111 4111111111111111x a_4111111111111111", &[]),
            ("2024-01-15 10.30 and 3.14159265358979", &[]),
        ];
        assert_found(find, table);
    }
}
