//! What a JSON parser complains of, in words of ours: what is expected, and what stands there.

/// A parser's message, its place first: `line 2, column 6: the member `id` is not known here`.
pub(crate) fn placed(message: &str) -> String {
    let (complaint, place) = split(message);
    let reason = reworded(complaint).unwrap_or_else(|| complaint.to_owned());
    match place {
        Some((line, column)) => format!("line {line}, column {column}: {reason}"),
        None => reason,
    }
}

/// A parser's message without its place.
pub(crate) fn reason(message: &str) -> String {
    let (complaint, _) = split(message);
    reworded(complaint).unwrap_or_else(|| complaint.to_owned())
}

/// A message, and the line and column that it ends with.
fn split(message: &str) -> (&str, Option<(&str, &str)>) {
    let parts = message.rsplit_once(" at line ").and_then(|(complaint, place)| {
        let (line, column) = place.split_once(" column ")?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(line) && is_number(column)).then_some((complaint, (line, column)))
    });
    parts.map_or((message, None), |(complaint, place)| (complaint, Some(place)))
}

/// Complaints that have no parts, and our words for each.
const WHOLE: &[(&str, &str)] = &[
    ("EOF while parsing a value", "the text ends where a value is expected"),
    ("EOF while parsing a list", "the text ends inside of a list"),
    ("EOF while parsing an object", "the text ends inside of an object"),
    ("EOF while parsing a string", "the text ends inside of a string"),
    ("expected value", "expected a JSON value"),
    ("expected ident", "expected `true`, `false` or `null`"),
    ("key must be a string", "expected a name in double quotes"),
    ("trailing characters", "expected nothing more after the JSON value"),
    ("trailing comma", "expected something more after the comma"),
    (
        "control character (\\u0000-\\u001F) found while parsing a string",
        "expected no control character in a string: JSON writes one as \\u and four digits",
    ),
    (
        "invalid escape",
        "expected an escape that JSON has: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four digits",
    ),
    ("unexpected end of hex escape", "expected the other half of a surrogate pair"),
    ("lone leading surrogate in hex escape", "expected the other half of a surrogate pair"),
    ("invalid number", "expected a number as JSON writes one"),
    ("number out of range", "expected a number that is not as large"),
    ("recursion limit exceeded", "expected values that are nested less deep"),
];

fn reworded(complaint: &str) -> Option<String> {
    if let Some((_, words)) = WHOLE.iter().find(|(known, _)| *known == complaint) {
        return Some((*words).to_owned());
    }
    let after = |start: &str| complaint.strip_prefix(start);
    if let Some(name) = after("missing field ") {
        return Some(format!("the member {name} is missing"));
    }
    if let Some(name) = after("duplicate field ") {
        return Some(format!("the member {name} stands twice"));
    }
    if let Some(rest) = after("unknown field ") {
        let (name, known) = rest.split_once(", ").unwrap_or((rest, "there are no fields"));
        let known = if known == "there are no fields" { "expected none" } else { known };
        return Some(format!("the member {name} is not known here, {known}"));
    }
    if let Some(rest) = after("unknown variant ") {
        let (found, known) = rest.split_once(", expected ")?;
        return Some(format!("expected {known}, found {found}"));
    }
    let mismatch = after("invalid type: ").or_else(|| after("invalid value: "));
    if let Some((is, wanted)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) {
        return Some(format!("expected {}, found {}", expected(wanted), found(is)));
    }
    let (length, wanted) = after("invalid length ")?.split_once(", expected ")?;
    Some(format!("expected {}, found a list of {length}", expected(wanted)))
}

/// What is wanted, without names of our own types.
fn expected(wanted: &str) -> &str {
    match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 to 18446744073709551615",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        "a borrowed string" | "a character" => "a string",
        _ if wanted.starts_with("struct ") => "an object",
        _ if wanted.starts_with("enum ") || wanted.starts_with("variant ") => "a name or an object",
        _ => wanted,
    }
}

/// What stands there, without names of the parser's types.
fn found(is: &str) -> String {
    let inside = |start: &str| is.strip_prefix(start).map(|rest| rest.trim_matches('`'));
    match is {
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        "null" => "`null`".to_owned(),
        _ => match inside("integer ").or_else(|| inside("floating point ")) {
            Some(number) => format!("the number {number}"),
            None => match is.strip_prefix("string ") {
                Some(string) => format!("the string {string}"),
                None => is.strip_prefix("boolean ").unwrap_or(is).to_owned(),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read for the sake of its faults")]
    struct Form {
        name: String,
        #[serde(default)]
        number: u16,
        #[serde(default)]
        items: Vec<u64>,
        #[serde(default)]
        is_set: bool,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        One,
        Two,
    }

    /// Names of the parser and of our types, which no user knows.
    const JARGON: &[&str] = &[
        "EOF", "struct", "variant", "field", "u16", "u64", "sequence", "ident", "invalid", "trailing", "enum",
    ];

    #[test]
    fn what_a_parser_says_becomes_what_was_expected_and_found() {
        let table = [
            ("", "line 1, column 0: the text ends where a value is expected"),
            ("{", "line 1, column 1: the text ends inside of an object"),
            ("{\"name\":\"a", "line 1, column 10: the text ends inside of a string"),
            ("[1", "line 1, column 2: expected a string, found the number 1"),
            ("null", "line 1, column 4: expected an object, found `null`"),
            ("\"x\"", "line 1, column 3: expected an object, found the string \"x\""),
            ("[]", "line 1, column 2: expected an object, found a list of 0"),
            ("{}", "line 1, column 2: the member `name` is missing"),
            ("{'a':1}", "line 1, column 2: expected a name in double quotes"),
            ("{\"name\":\"a\"} x", "line 1, column 14: expected nothing more after the JSON value"),
            ("{\"name\":\"a\",}", "line 1, column 13: expected something more after the comma"),
            ("{\"name\":\"a\",\"name\":\"b\"}", "line 1, column 18: the member `name` stands twice"),
            (
                "{\"name\":\"a\",\"number\":-1}",
                "line 1, column 23: expected a whole number from 0 to 65535, found the number -1",
            ),
            (
                "{\"name\":\"a\",\"number\":0.5}",
                "line 1, column 24: expected a whole number from 0 to 65535, found the number 0.5",
            ),
            (
                "{\"name\":\"a\",\"items\":\"b\"}",
                "line 1, column 23: expected a list, found the string \"b\"",
            ),
            ("{\"name\":\"a\",\"items\":{}}", "line 1, column 20: expected a list, found an object"),
            ("{\"name\":\"a\",\"is_set\":[]}", "line 1, column 21: expected `true` or `false`, found a list"),
            ("{\"name\":true}", "line 1, column 12: expected a string, found `true`"),
            ("{\"name\":\"a\",\"kind\":\"six\"}", "line 1, column 24: expected `one` or `two`, found `six`"),
            (
                "{\"name\":\"a\",\"nam\":1}",
                "line 1, column 17: the member `nam` is not known here, expected one of `name`, `number`, `items`, `is_set`, `kind`",
            ),
            ("{\"name\":tru}", "line 1, column 12: expected `true`, `false` or `null`"),
        ];
        for (text, words) in table {
            let error = serde_json::from_str::<Form>(text).unwrap_err();
            assert_eq!(placed(&error.to_string()), words, "{text}: {error}");
            assert!(words.ends_with(&reason(&error.to_string())), "{text}");
            for word in JARGON {
                assert!(!words.contains(word), "{text}: {words}");
            }
        }
    }

    #[test]
    fn what_is_no_parsers_message_stays_as_it_is() {
        for text in ["tool a at line 3", "a fault", "x at line 1 column b", ""] {
            assert_eq!(placed(text), text);
            assert_eq!(reason(text), text);
        }
    }
}
