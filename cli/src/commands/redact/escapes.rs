//! What bytes say once JSON's escapes are undone.

use std::borrow::Cow;

/// How often escapes are undone: arguments in a reply are JSON inside JSON, and a reply that is handed on is inside once more.
const UNDONE_MAX: usize = 8;

/// The bytes as they stand, and with their escapes undone, again as long as that changes anything, at most [`UNDONE_MAX`] times.
/// Bytes of any kind: what is no JSON may hold some, and what is no escape stays as it stands.
pub(super) fn readings(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let undone = |reading: &Cow<'_, [u8]>| undone(reading).map(Cow::Owned);
    std::iter::successors(Some(Cow::Borrowed(bytes)), undone).take(UNDONE_MAX + 1)
}

/// Whether bytes stand in others.
pub(super) fn contains(bytes: &[u8], sought: &[u8]) -> bool {
    !sought.is_empty() && bytes.windows(sought.len()).any(|window| window == sought)
}

/// The bytes with each escape undone once; `None` where there is none.
fn undone(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut undone: Vec<u8> = Vec::new();
    let (mut rest, mut is_changed) = (bytes, false);
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, from) = rest.split_at(at);
        undone.extend_from_slice(plain);
        rest = match escape(from) {
            Some((char, behind)) => {
                undone.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                is_changed = true;
                behind
            }
            None => {
                undone.push(b'\\');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    undone.extend_from_slice(rest);
    is_changed.then_some(undone)
}

/// The character that an escape at the beginning stands for, and what is behind it.
fn escape(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (head, behind) = bytes.split_at_checked(2)?;
    let char = match head {
        br#"\""# => '"',
        br"\\" => '\\',
        br"\/" => '/',
        br"\b" => '\u{8}',
        br"\f" => '\u{c}',
        br"\n" => '\n',
        br"\r" => '\r',
        br"\t" => '\t',
        _ => return unicode(bytes),
    };
    Some((char, behind))
}

/// The same of `\uXXXX`, or two of them where the first is half a character.
fn unicode(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (first, behind) = unit(bytes)?;
    if let Some(char) = char::from_u32(u32::from(first)) {
        return Some((char, behind));
    }
    let (second, behind) = unit(behind)?;
    let char = char::decode_utf16([first, second]).next()?.ok()?;
    Some((char, behind))
}

/// The UTF-16 unit of a `\uXXXX`, and what is behind it.
fn unit(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, behind) = bytes.strip_prefix(br"\u")?.split_at_checked(4)?;
    let number = digits
        .iter()
        .try_fold(0, |number, digit| char::from(*digit).to_digit(16).map(|digit| number * 16 + digit))?;
    Some((u16::try_from(number).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_in(bytes: &[u8], text: &str) -> bool {
        readings(bytes).any(|reading| contains(&reading, text.as_bytes()))
    }

    #[test]
    fn a_text_is_found_as_it_stands_and_however_json_writes_it() {
        for (text, written) in [
            ("Zoë", "Zoë"),
            ("Zoë \"Z\"\n🙂", r#"{"x":"Zoë \"Z\"\n🙂"}"#),
            ("Zoë \"Z\"\n🙂", r#"{"x":"Zo\u00eb \"Z\"\n\ud83d\ude42"}"#),
            ("Zoë 🙂", r#"{"x":"Zo\u00EB \uD83d\uDe42"}"#),
            ("José Núñez", r#"{"x":"{\"to\": \"Jos\\u00e9 N\\u00fa\\u00f1ez\"}"}"#),
            ("José Núñez", r#"{"x":"{\"to\": \"José N\\u00fañez\"}"}"#),
            ("line 1\nline 2", r#"{"x":"{\"note\": \"line 1\\nline 2\"}"}"#),
            ("a \"b\" c\\d", r#"{"x":"{\"note\": \"a \\\"b\\\" c\\\\d\"}"}"#),
            ("a/b", r#"{"x":"a\/b"}"#),
            ("plain", r#"{"x":"\u0070lain"}"#),
            ("\\u00e9", r#"{"x":"\u00e9"}"#),
        ] {
            assert!(is_in(written.as_bytes(), text), "{text:?} in {written}");
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_stands() {
        for (text, written) in [
            ("Zoë", r"Zo\u00e"),
            ("Zoë", r"Zo\u00e\u00eb"),
            ("🙂", r"\ud83d"),
            ("🙂", r"\ud83d\n"),
            ("🙂", r"\ude42\ud83d"),
            ("x", r"\x"),
            ("a", ""),
        ] {
            let found = is_in(written.as_bytes(), text);
            assert_eq!(found, written.contains(text), "{text:?} in {written}");
        }
        assert!(is_in(b"\xff\\u00e9\xff", "é"));
        assert!(is_in(br"C:\", r"C:\"));
    }

    #[test]
    fn escapes_inside_each_other_are_undone_a_bounded_number_of_times() {
        let nested = |times| format!("\\{}u0078", "u005c".repeat(times));
        assert!(is_in(nested(UNDONE_MAX - 1).as_bytes(), "x"));
        assert_eq!(readings(nested(UNDONE_MAX * 2).as_bytes()).count(), UNDONE_MAX + 1);
    }

    /// A JSON string of the text, its characters escaped as the choices say.
    fn written(text: &str, choices: &mut impl Iterator<Item = u8>) -> String {
        let mut string = String::from("\"");
        for char in text.chars() {
            let choice = choices.next().unwrap_or_default() % 4;
            let short = serde_json::to_string(&char).unwrap();
            match (choice, char) {
                (0 | 1, '/') => string.push_str(r"\/"),
                (2, _) => {
                    char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| string += &format!("\\u{unit:04x}"))
                }
                (3, _) => {
                    char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| string += &format!("\\u{unit:04X}"))
                }
                _ => string.push_str(
                    short.trim_start_matches('"').strip_suffix('"').filter(|_| char != '"').unwrap_or("\\\""),
                ),
            }
        }
        string + "\""
    }

    proptest! {
        #[test]
        fn a_text_in_a_value_is_found_however_often_and_however_json_wrote_it(
            text in r#"([a-z"\\/\n\u{1}éñ🙂]|\\PC){1,12}"#,
            before in r#"[ -~é\n]{0,8}"#,
            after in r#"[ -~é\n]{0,8}"#,
            times in 0..4_usize,
            choices in prop::collection::vec(any::<u8>(), 1..40),
        ) {
            let mut choices = choices.into_iter().cycle();
            let value = format!("{before}{text}{after}");
            let content = (0..times).fold(value, |value, _| {
                let json = format!("{{\"v\":{}}}", written(&value, &mut choices));
                let read: serde_json::Value = serde_json::from_str(&json).unwrap();
                assert_eq!(read["v"], value);
                json
            });
            prop_assert!(is_in(content.as_bytes(), &text), "{text:?} in {content}");
        }
    }
}
