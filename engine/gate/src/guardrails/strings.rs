//! The strings and numbers of a JSON text, each at its bytes, so that one can be changed and the rest stays as it is written.

use std::ops::Range;

use crate::guardrails::strings::TokenKind::{Name, Number, Value};

/// A string or number of a JSON text.
#[derive(Debug)]
pub(super) struct Token {
    /// Its bytes, quotes included.
    pub(super) range: Range<usize>,
    /// What it says: escapes undone. A number's digits.
    pub(super) text: Vec<u8>,
    pub(super) kind: TokenKind,
    /// The name of the member whose value it is.
    pub(super) name: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A member's name.
    Name,
    /// A string that is a value.
    Value,
    /// A number.
    Number,
}

/// Longest name that is kept with its values.
const NAME_BYTES_MAX: usize = 64;

/// All strings and numbers in order; `None` where the text is not JSON.
pub(super) fn tokens(json: &[u8]) -> Option<Vec<Token>> {
    // The library checks the grammar (and bounds the depth); what follows may then be simple.
    serde_json::from_slice::<serde::de::IgnoredAny>(json).ok()?;
    std::str::from_utf8(json).ok()?;
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    let mut name = None;
    while let Some(byte) = json.get(at) {
        let start = at;
        match byte {
            b'"' => {
                at = string_end(json, start)?;
                let text = serde_json::from_slice::<String>(json.get(start..at)?).ok()?.into_bytes();
                let is_name = next_sign(json, at) == Some(b':');
                let (kind, of) = if is_name { (Name, None) } else { (Value, name.clone()) };
                if is_name {
                    name = Some(text.clone()).filter(|name| name.len() <= NAME_BYTES_MAX);
                }
                tokens.push(Token { range: start..at, text, kind, name: of });
            }
            b'-' | b'0'..=b'9' => {
                let length = json.get(start..)?.iter().take_while(|byte| is_number(**byte)).count();
                at += length;
                tokens.push(Token {
                    range: start..at,
                    text: json.get(start..at)?.to_vec(),
                    kind: Number,
                    name: name.clone(),
                });
            }
            // An array's items are all values of its member; an object's have names of their own.
            b'{' | b'}' => {
                name = None;
                at += 1;
            }
            _ => at += 1,
        }
    }
    Some(tokens)
}

const fn is_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The byte after the string that begins at `start`.
fn string_end(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match json.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The next byte that is no white space.
fn next_sign(json: &[u8], at: usize) -> Option<u8> {
    json.get(at..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// A JSON string that says this. Bytes that are no UTF-8 become U+FFFD; there are none in what [`tokens`] gave.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    // Writing a string to memory cannot fail.
    serde_json::to_vec(&text).unwrap_or_else(|_| b"\"\"".to_vec())
}
