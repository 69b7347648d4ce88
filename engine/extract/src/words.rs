//! Words: what texts are compared by, so that case, spacing, punctuation and the way a number is written do not matter.
//!
//! Spec: words.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Most bytes of one word; a longer run is cut into words of that length.
pub(crate) const WORD_BYTES_MAX: usize = 64;

/// Hands out the words of a text, in order.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let folded = fold(text);
    let mut reader = Reader { text: &folded, at: 0 };
    let mut number = String::new();
    while let Some(run) = reader.run() {
        if run.is_empty() {
            continue;
        }
        if !run.bytes().all(|byte| byte.is_ascii_digit()) {
            cut(run, &mut take);
            continue;
        }
        reader.number(run, &mut number);
        cut(&number, &mut take);
    }
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, |word| words.push(word.to_owned()));
    words
}

/// NFKC and lower case. Nearly all texts are ASCII, which only the case changes.
fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return text.nfkc().flat_map(char::to_lowercase).collect::<String>().into();
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text.to_ascii_lowercase().into();
    }
    text.into()
}

fn cut(run: &str, take: &mut impl FnMut(&str)) {
    let mut rest = run;
    while rest.len() > WORD_BYTES_MAX {
        let end = (0..=WORD_BYTES_MAX).rfind(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        take(word);
        rest = after;
    }
    take(rest);
}

/// Whether a character is a word by itself: of scripts that put no space between words.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A folded text, read from its start.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next run of letters and digits, empty where something else stands; none at the end.
    fn run(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        if !first.is_alphanumeric() {
            // An escape that stands for white space, left over from a text inside a text.
            let is_escape = first == '\\' && rest.as_bytes().get(1).is_some_and(|c| b"nrt".contains(c));
            self.at += if is_escape { 2 } else { first.len_utf8() };
            return Some("");
        }
        let length = if stands_alone(first) {
            first.len_utf8()
        } else {
            rest.find(|c: char| !c.is_alphanumeric() || stands_alone(c)).unwrap_or(rest.len())
        };
        self.at += length;
        rest.get(..length)
    }

    /// The number that begins with this run of digits, without separators of thousands, final zeros of a fraction, and a single leading zero.
    fn number(&mut self, digits: &str, number: &mut String) {
        let follows_point = self
            .at
            .checked_sub(digits.len() + 1)
            .is_some_and(|before| self.text.as_bytes().get(before) == Some(&b'.'));
        number.clear();
        number.push_str(if digits.len() == 2 { digits.strip_prefix('0').unwrap_or(digits) } else { digits });
        if digits.len() <= 3 {
            while let Some(group) = group_of_three(self.rest()) {
                number.push_str(group);
                self.at += 1 + group.len();
            }
        }
        let Some(fraction) = fraction(self.rest()).filter(|_| !follows_point) else { return };
        self.at += 1 + fraction.len();
        let kept = fraction.trim_end_matches('0');
        if !kept.is_empty() {
            number.push('.');
            number.push_str(kept);
        }
    }
}

/// The digits at the start of a text.
fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Three digits behind a comma, where no letter or digit follows.
fn group_of_three(rest: &str) -> Option<&str> {
    let after = rest.strip_prefix(',')?;
    let digits = leading_digits(after);
    let ends = after.get(digits.len()..)?.chars().next().is_none_or(|c| !c.is_alphanumeric());
    (digits.len() == 3 && ends).then_some(digits)
}

/// The digits behind a point, where neither a letter nor another point with a digit follows.
fn fraction(rest: &str) -> Option<&str> {
    let after = rest.strip_prefix('.')?;
    let digits = leading_digits(after);
    let mut next = after.get(digits.len()..)?.chars();
    let ends = match next.next() {
        Some('.') => next.next().is_none_or(|c| !c.is_ascii_digit()),
        Some(c) => !c.is_alphanumeric(),
        None => true,
    };
    (!digits.is_empty() && ends).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: words.
    #[test]
    fn words_do_not_depend_on_case_spacing_punctuation_or_the_form_of_a_number() {
        for (text, expected) in [
            ("", &[][..]),
            ("  - !", &[]),
            ("Pay the BILL, now.", &["pay", "the", "bill", "now"]),
            ("Ｆｕｌｌ ｗｉｄｔｈ ﬁle", &["full", "width", "file"]),
            ("ÉCOLE café", &["école", "café"]),
            ("cafe\u{301}", &["café"]),
            ("Zürich–Bern", &["zürich", "bern"]),
            ("bob@mail.com", &["bob", "mail", "com"]),
            ("1,200.50 and 1200.5", &["1200.5", "and", "1200.5"]),
            ("$1,050.00", &["1050"]),
            ("1,234,567", &["1234567"]),
            ("12,34", &["12", "34"]),
            ("1234,567", &["1234", "567"]),
            ("2200.0 2200", &["2200", "2200"]),
            ("2022-04-04 09:05", &["2022", "4", "4", "9", "5"]),
            ("007 00 0", &["007", "0", "0"]),
            ("10.0.0.1", &["10", "0", "0", "1"]),
            ("v1.2.3 1.5x", &["v1", "2", "3", "1", "5x"]),
            ("It cost 5. Then", &["it", "cost", "5", "then"]),
            ("one\\ntwo\\tthree", &["one", "two", "three"]),
            ("請匯款 now", &["請", "匯", "款", "now"]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_run_is_cut_at_characters() {
        let cut = words(&"é".repeat(70));
        assert_eq!(cut.iter().map(String::len).collect::<Vec<_>>(), [64, 64, 12]);
        assert_eq!(words(&"a".repeat(WORD_BYTES_MAX)).len(), 1);
        assert_eq!(words(&"a".repeat(WORD_BYTES_MAX + 1)).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn words_of_words_are_the_same_words(text in ".{0,80}") {
            let once = words(&text);
            let again = words(&once.join(" "));
            proptest::prop_assert_eq!(again, once);
        }

        #[test]
        fn case_and_spacing_never_matter(text in "[a-zA-Z0-9 ]{0,60}") {
            let spread = text.to_uppercase().replace(' ', " \n ");
            proptest::prop_assert_eq!(words(&spread), words(&text));
        }
    }
}
