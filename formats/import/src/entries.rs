//! The entries of a file: JSON lines, or JSON values one after the other, a list of entries being opened.

use crate::fault::{ENTRY_BYTES_MAX, FaultPlace, ImportFault};
use crate::json::{Json, Kind};

/// The text of one entry and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// One checked JSON value.
    pub(crate) value: Json<'a>,
    /// Line of the file at which the value starts, from 1.
    pub(crate) line: u64,
}

/// An entry, or why there is none where one should be.
pub(crate) type Found<'a> = Result<Text<'a>, (FaultPlace, ImportFault)>;

/// Whether a list is one entry or a list of entries. The first item decides, so that the rest need not be read.
pub(crate) type IsEntry = fn(first: Option<Json<'_>>) -> bool;

/// The entries of a file, in its order; one that is broken does not hide those after it, where its end can be told.
#[derive(Debug)]
pub(crate) enum Texts<'a> {
    /// One value a line.
    Lines(Lines<'a>),
    /// Values one after the other.
    Values(Values<'a>),
}

impl<'a> Texts<'a> {
    /// Splits the file. `name` tells JSON lines by its ending (`.jsonl`, `.ndjson`); without it the text decides.
    pub(crate) fn new(name: &str, bytes: &'a [u8], is_entry: IsEntry) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if holds_lines(name, bytes) {
            Self::Lines(Lines { rest: Some(bytes), line: 1 })
        } else {
            Self::Values(Values::new(bytes, is_entry))
        }
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Values(values) => values.next(),
        }
    }
}

/// Whether each line is a value of its own: by the name, else when the first line is one and something follows,
/// else when the whole is no value but a later line is one.
fn holds_lines(name: &str, bytes: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".jsonl") || name.ends_with(".ndjson") {
        return true;
    }
    let mut lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let Some(first) = lines.next() else { return false };
    if lines.clone().next().is_none() {
        return false;
    }
    let is_value = |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| Json::parse(text).is_ok());
    let is_object = |line: &[u8]| line.trim_ascii_start().starts_with(b"{") && is_value(line);
    is_value(first) || (!is_value(bytes) && lines.any(is_object))
}

/// JSON lines. Empty lines are no entries.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    rest: Option<&'a [u8]>,
    line: u64,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        loop {
            let rest = self.rest?;
            let line = self.line;
            let (text, rest) = match rest.iter().position(|&byte| byte == b'\n') {
                Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end.saturating_add(1)..)),
                None => (rest, None),
            };
            self.rest = rest;
            self.line = line.saturating_add(1);
            if !text.trim_ascii().is_empty() {
                return Some(parse_line(text, line));
            }
        }
    }
}

fn parse_line(bytes: &[u8], line: u64) -> Found<'_> {
    let at = |column: usize| FaultPlace::Text { line, column: column as u64 };
    let found = bytes.len() as u64;
    if found > ENTRY_BYTES_MAX {
        return Err((at(1), ImportFault::Long { found }));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| (at(e.valid_up_to().saturating_add(1)), ImportFault::Utf8))?;
    match Json::parse(text) {
        Ok(value) => Ok(Text { value, line }),
        Err(error) => Err((at(error.column()), ImportFault::Syntax(error))),
    }
}

/// JSON values one after the other, with or without white space between them.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    /// The file up to the first byte that is no UTF-8.
    text: &'a str,
    /// What stands after `text`.
    damage: Option<ImportFault>,
    at: usize,
    /// Line of `at`, and the byte at which that line starts.
    line: u64,
    line_start: usize,
    /// Inside a list of entries; `Some(true)` before its first item.
    list: Option<bool>,
    is_entry: IsEntry,
    done: bool,
}

impl<'a> Values<'a> {
    fn new(bytes: &'a [u8], is_entry: IsEntry) -> Self {
        let (text, damage) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
                let fault = if utf16 { ImportFault::Utf16 } else { ImportFault::Utf8 };
                (std::str::from_utf8(valid).unwrap_or_default(), Some(fault))
            }
        };
        Self { text, damage, at: 0, line: 1, line_start: 0, list: None, is_entry, done: false }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on to a byte of the text, counting lines.
    fn go_to(&mut self, to: usize) {
        let passed = self.text.as_bytes().get(self.at..to).unwrap_or_default();
        for (i, _) in passed.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.line = self.line.saturating_add(1);
            self.line_start = self.at.saturating_add(i).saturating_add(1);
        }
        self.at = to;
    }

    fn skip_white(&mut self) {
        let rest = self.rest();
        let white = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.go_to(self.at.saturating_add(white));
    }

    fn place(&self) -> FaultPlace {
        let column = self.at.saturating_sub(self.line_start).saturating_add(1);
        FaultPlace::Text { line: self.line, column: column as u64 }
    }

    /// The rest of the file cannot be split any more.
    fn stop(&mut self, fault: ImportFault) -> Found<'a> {
        self.done = true;
        Err((self.place(), fault))
    }

    /// Stops at the place of a syntax error, or at the byte that ends the text where that is nearer the cause.
    fn stop_at(&mut self, error: serde_json::Error) -> Found<'a> {
        if error.is_eof() {
            self.go_to(self.text.len());
            let fault = self.damage.take().unwrap_or(ImportFault::Syntax(error));
            return self.stop(fault);
        }
        for _ in 1..error.line() {
            let line = self
                .rest()
                .find('\n')
                .map_or(self.text.len(), |i| self.at.saturating_add(i).saturating_add(1));
            self.go_to(line);
        }
        // The library counts columns from 1 in its first line from where it started, in others from the line's start.
        self.at = self.at.saturating_add(error.column().saturating_sub(1));
        self.stop(ImportFault::Syntax(error))
    }

    /// Takes the next value whole.
    fn value(&mut self) -> Found<'a> {
        let start = self.at;
        let mut values =
            serde_json::Deserializer::from_str(self.rest()).into_iter::<&'a serde_json::value::RawValue>();
        match values.next() {
            Some(Ok(raw)) => {
                let line = self.line;
                let (value, length) = (Json::from(raw), values.byte_offset());
                self.go_to(start.saturating_add(length));
                let found = value.text().len() as u64;
                if found > ENTRY_BYTES_MAX {
                    return Err((FaultPlace::Text { line, column: 1 }, ImportFault::Long { found }));
                }
                Ok(Text { value, line })
            }
            Some(Err(error)) => self.stop_at(error),
            None => {
                use serde::de::Error as _;
                self.stop(ImportFault::Syntax(serde_json::Error::custom("expected value")))
            }
        }
    }

    /// Enters a list whose items are entries.
    fn enters_list(&mut self) -> bool {
        let rest = self.rest();
        let Some(inner) = rest.strip_prefix('[') else { return false };
        let inner = inner.trim_start_matches([' ', '\t', '\r', '\n']);
        let first = (!inner.starts_with(']')).then(|| {
            let mut values =
                serde_json::Deserializer::from_str(inner).into_iter::<&'a serde_json::value::RawValue>();
            values.next().and_then(Result::ok).map(Json::from)
        });
        let is_list = match first {
            None => !(self.is_entry)(None),
            // An unreadable first item: the list is opened so that the fault is named at its place.
            Some(first) => first.is_none_or(|first| !(self.is_entry)(Some(first))),
        };
        if is_list {
            self.list = Some(true);
            self.go_to(self.at.saturating_add(1));
        }
        is_list
    }

    /// Inside a list: the next item, or none at the list's end.
    fn item(&mut self, first: bool) -> Option<Found<'a>> {
        use serde::de::Error as _;
        self.skip_white();
        let rest = self.rest();
        if rest.starts_with(']') {
            self.list = None;
            self.go_to(self.at.saturating_add(1));
            return None;
        }
        if !first {
            if !rest.starts_with(',') {
                let fault = self.damage.take().unwrap_or_else(|| {
                    ImportFault::Syntax(serde_json::Error::custom("expected `,` or `]` in a list of entries"))
                });
                return Some(self.stop(fault));
            }
            self.go_to(self.at.saturating_add(1));
            self.skip_white();
        }
        self.list = Some(false);
        Some(self.value())
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        while !self.done {
            if let Some(first) = self.list {
                if let Some(found) = self.item(first) {
                    return Some(found);
                }
                continue;
            }
            self.skip_white();
            if self.rest().is_empty() {
                self.done = true;
                return self.damage.take().map(|fault| Err((self.place(), fault)));
            }
            if !self.enters_list() {
                return Some(self.value());
            }
        }
        None
    }
}

/// Whether a list with this first item is a list of messages: an object with a role, or LangChain's type of a message with what
/// it says. An empty list is not.
pub(crate) fn starts_messages(first: Option<Json<'_>>) -> bool {
    let Some(first) = first.and_then(Json::object) else { return false };
    let is_role = |role: Json<'_>| role.kind() == Kind::String;
    let is_typed =
        |named: Json<'_>| matches!(named.text(), r#""human""# | r#""ai""# | r#""system""# | r#""tool""#);
    first.get("role").is_some_and(is_role)
        || (first.get("type").is_some_and(is_typed) && (first.has("content") || first.has("data")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each entry as its line and text, or as the place and words of its fault.
    fn split(name: &str, bytes: &[u8]) -> Vec<String> {
        Texts::new(name, bytes, starts_messages)
            .map(|found| match found {
                Ok(text) => format!("{} {}", text.line, text.value.text()),
                Err((place, fault)) => format!("{place}: {fault}"),
            })
            .collect()
    }

    #[test]
    fn files_split_into_entries() {
        for (name, bytes, expected) in [
            ("a.json", &b""[..], &[][..]),
            ("a.json", b"\xef\xbb\xbf  \r\n", &[]),
            ("a.json", b"\xef\xbb\xbf{}", &["1 {}"]),
            ("a.json", b"{\r\n}\r\n", &["1 {\r\n}"]),
            ("a.json", b"{}\n{}\n", &["1 {}", "2 {}"]),
            ("a.jsonl", b"{}\r\n\r\n[]\n1", &["1 {}", "3 []", "4 1"]),
            ("a.json", b"[ {\"a\":1},\n {\"a\":2} ]", &["1 {\"a\":1}", "2 {\"a\":2}"]),
            ("a.json", b"[]", &[]),
            ("a.json", b"[[{\"role\":\"user\"}],3]", &["1 [{\"role\":\"user\"}]", "1 3"]),
            ("a.json", b"[{\"role\":\"user\"}]", &["1 [{\"role\":\"user\"}]"]),
            ("a.json", b"{\n}{\n}", &["1 {\n}", "2 {\n}"]),
        ] {
            assert_eq!(split(name, bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_broken_entry_is_named_and_does_not_hide_the_others() {
        for (name, bytes, expected) in [
            ("a.jsonl", &b"{}\n{\"a\":}\n{}"[..], &["1 {}", "line 2, column 6: expected value", "3 {}"][..]),
            ("a.txt", b"{\"a\":}\n{}", &["line 1, column 6: expected value", "2 {}"]),
            ("a.jsonl", b"{}{}\n{}", &["line 1, column 3: trailing characters", "2 {}"]),
            ("a.jsonl", b"\xff\n{}", &["line 1, column 1: this byte is not part of UTF-8 text", "2 {}"]),
            ("a.json", b"{\n} x", &["1 {\n}", "line 2, column 3: expected value"]),
            ("a.json", b"[{}, {\"a\"\n:x}, {}]", &["1 {}", "line 2, column 2: expected value"]),
            ("a.json", b"[{} {}]", &["1 {}", "line 1, column 5: expected `,` or `]` in a list of entries"]),
            ("a.json", b"[{},", &["1 {}", "line 1, column 5: expected value"]),
            ("a.json", b"{\n\"a\":\"\xff\"}", &["line 2, column 6: this byte is not part of UTF-8 text"]),
            ("a.json", b"\xff\xfe{\0}\0", &["line 1, column 1: the file is UTF-16, expected UTF-8"]),
            ("a.json", b"{\n", &["line 2, column 1: EOF while parsing an object"]),
        ] {
            assert_eq!(split(name, bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
