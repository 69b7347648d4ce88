//! Text made fit for a terminal: foreign bytes neutralised, lines cut, columns aligned, numbers grouped.

use std::borrow::Cow;

use crate::style::{Paint, Tone};

/// Foreign text on one line: white space collapsed, and every character that could steer a terminal, hide text or turn its
/// direction shown by its number.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut is_blank = true;
    for char in text.chars() {
        if char.is_whitespace() {
            if !is_blank {
                line.push(' ');
            }
            is_blank = true;
        } else {
            is_blank = false;
            push_safe(&mut line, char);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Foreign text with its lines kept, neutralised as in [`one_line`].
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| {
        let mut safe = String::with_capacity(line.len());
        line.chars().for_each(|char| match char {
            '\t' => safe.push_str("    "),
            char => push_safe(&mut safe, char),
        });
        safe
    })
}

/// A text file's bytes without the byte order mark that some editors put in front.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn push_safe(safe: &mut String, char: char) {
    if is_steering(char) {
        safe.extend(char.escape_unicode());
    } else {
        safe.push(char);
    }
}

/// JSON in which every character that could steer a terminal, hide text or turn its direction stands as `\uXXXX`: the same values, and nothing but them to be
/// seen. White space between values stays.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    let is_told = |char: char| is_steering(char) && !matches!(char, '\n' | '\r' | '\t');
    if !text.contains(is_told) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for char in text.chars() {
        if is_told(char) {
            safe.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(char);
        }
    }
    Cow::Owned(safe)
}

/// Control characters (C0, DEL, C1), and the marks that reorder or hide text (Unicode TR 36, section 2.5).
fn is_steering(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text, or its beginning and an ellipsis where it is wider than `width` characters.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// The words of a text in lines of at most `width` characters; a longer word has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A number with its thousands set apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number and its noun: `1 record`, `2 records`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Bytes in the unit that suits them, one digit after the point.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1_000;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units.get(unit).copied().unwrap_or_default())
}

/// A length of time in seconds, with as many digits as tell something.
pub(crate) fn seconds(time: std::time::Duration) -> String {
    let ms = time.as_millis();
    if ms >= 10_000 {
        return format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    }
    if ms >= 1_000 {
        return format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10);
    }
    format!("{ms} ms")
}

/// A length of time as JSON tells it: seconds, to the millisecond.
pub(crate) fn json_seconds(time: std::time::Duration) -> f64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    std::time::Duration::from_millis(ms).as_secs_f64()
}

/// Characters that the last column of a table has at least, however narrow the terminal.
const WRAPPED_MIN: usize = 20;

/// Rows of cells in aligned columns, two spaces between them.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// One cell of a [`Table`].
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    is_right: bool,
}

impl Cell {
    /// Text at the left of its column. It may be foreign, as names of files are: it is neutralised here.
    pub(crate) fn left(text: impl AsRef<str>, tone: Tone) -> Self {
        let mut safe = String::with_capacity(text.as_ref().len());
        text.as_ref().chars().for_each(|char| push_safe(&mut safe, char));
        Self { text: safe, tone, is_right: false }
    }

    /// A number, at the right of its column.
    pub(crate) fn right(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, is_right: true }
    }
}

impl Table {
    /// Adds a row at the end.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The rows as lines, each behind `indent`, nothing after the last cell. A row of one cell among rows of several is a remark: no column is as wide as it.
    pub(crate) fn lines(&self, indent: &str, paint: Paint) -> Vec<String> {
        let widths = self.widths();
        self.rows.iter().map(|row| line(row, &widths, indent, paint)).collect()
    }

    /// The same in lines of `width` characters, where the words of the last cell fit: what is left of it stands below it.
    pub(crate) fn wrapped(mut self, width: usize, indent: &str, paint: Paint) -> Vec<String> {
        let widths = self.widths();
        let columns = widths.len();
        let before = widths.iter().take(columns.saturating_sub(1)).map(|width| width + 2).sum::<usize>();
        let room = width.saturating_sub(before + indent.chars().count()).max(WRAPPED_MIN);
        let mut rows = Vec::new();
        for mut row in self.rows.drain(..) {
            let last = if row.len() == columns { row.pop() } else { None };
            let Some(Cell { text, tone, is_right }) = last else {
                rows.push(row);
                continue;
            };
            for text in wrapped(&text, room) {
                let blank = (1..columns).map(|_| Cell::left("", tone)).collect();
                let mut row = std::mem::replace(&mut row, blank);
                row.push(Cell { text, tone, is_right });
                rows.push(row);
            }
        }
        rows.iter().map(|row| line(row, &widths, indent, paint)).collect()
    }

    /// The characters of each column.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        let has_columns = self.rows.iter().any(|row| row.len() > 1);
        for row in self.rows.iter().filter(|row| row.len() > 1 || !has_columns) {
            for (i, cell) in row.iter().enumerate() {
                let width = cell.text.chars().count();
                match widths.get_mut(i) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        widths
    }
}

fn line(row: &[Cell], widths: &[usize], indent: &str, paint: Paint) -> String {
    let mut line = indent.to_owned();
    for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width.saturating_sub(cell.text.chars().count()));
        let painted = paint.paint(cell.tone, &cell.text);
        let is_last = i + 1 == row.len();
        match (cell.is_right, is_last) {
            (true, _) => line.extend([gap.as_str(), &painted]),
            (false, true) => line.push_str(&painted),
            (false, false) => line.extend([painted.as_str(), &gap]),
        }
        if !is_last {
            line.push_str("  ");
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_sent() {
        assert_eq!(one_line("a\x1b[2J\u{9b}2Jb\x07"), r"a\u{1b}[2J\u{9b}2Jb\u{7}");
        assert_eq!(one_line("user\u{202e}txt.exe\u{200b}"), r"user\u{202e}txt.exe\u{200b}");
        assert_eq!(one_line("  two\r\n\n words\t "), "two words");
        assert_eq!(lines("a\tb\n\x1b]0;t\x07").collect::<Vec<_>>(), ["a    b", r"\u{1b}]0;t\u{7}"]);
        assert_eq!(one_line("Grüße 東京 🙂"), "Grüße 東京 🙂");
    }

    #[test]
    fn json_says_the_same_and_steers_nothing() {
        let value = "a\u{1b}\u{7f}\u{9b}2J\u{202e}x\u{200b}\u{e0041} Grüße 🙂";
        let plain = serde_json::to_string_pretty(&[value]).unwrap();
        let safe = json(&plain);
        assert_eq!(safe, "[\n  \"a\\u001b\\u007f\\u009b2J\\u202ex\\u200b\\udb40\\udc41 Grüße 🙂\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [value]);
        assert!(matches!(json(r#"{"a":"Grüße"}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn long_text_ends_with_an_ellipsis_inside_the_width() {
        assert_eq!(cut("12345", 5), "12345");
        assert_eq!(cut("123456", 5), "1234…");
        assert_eq!(cut("1234567", 1), "…");
    }

    #[test]
    fn words_are_wrapped_and_none_is_broken() {
        assert_eq!(wrapped("one two three fourteen", 8), ["one two", "three", "fourteen"]);
        assert_eq!(wrapped("incomprehensible", 4), ["incomprehensible"]);
    }

    #[test]
    fn numbers_are_grouped_and_sizes_keep_one_digit() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [999, 1_000, 999_999, 1_000_000, u64::MAX].map(bytes),
            ["999 B", "1.0 kB", "999.9 kB", "1.0 MB", "18.4 EB"]
        );
        assert_eq!(counted(1, "run"), "1 run");
    }

    #[test]
    fn a_remark_below_the_columns_does_not_push_them_apart() {
        let mut table = Table::default();
        table.push(vec![Cell::left("a", Tone::Plain), Cell::left("x", Tone::Plain)]);
        table.push(vec![Cell::left("and 13 more: --json lists them", Tone::Plain)]);
        assert_eq!(table.lines("", Paint::new(false)), ["a  x", "and 13 more: --json lists them"]);
        let mut list = Table::default();
        for number in ["1", "23"] {
            list.push(vec![Cell::right(number)]);
        }
        assert_eq!(list.lines("", Paint::new(false)), [" 1", "23"]);
    }

    #[test]
    fn what_does_not_fit_into_the_last_column_stands_below_it() {
        let mut table = Table::default();
        table.push(vec![
            Cell::left("call 1", Tone::Plain),
            Cell::left("if the user names what the mail says", Tone::Plain),
        ]);
        table.push(vec![Cell::left("call 22", Tone::Plain), Cell::left("nothing", Tone::Plain)]);
        assert_eq!(
            table.wrapped(37, "  ", Paint::new(false)),
            ["  call 1   if the user names what the", "           mail says", "  call 22  nothing"]
        );
    }

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let mut table = Table::default();
        table.push(vec![Cell::left("a", Tone::Good), Cell::right("1"), Cell::left("x", Tone::Plain)]);
        table.push(vec![Cell::left("bcd", Tone::Bad), Cell::right("23"), Cell::left("", Tone::Plain)]);
        assert_eq!(table.lines("  ", Paint::new(false)), ["  a     1  x", "  bcd  23"]);
        assert_eq!(
            table.lines("", Paint::new(true)),
            ["\u{1b}[32ma\u{1b}[0m     1  x", "\u{1b}[1;31mbcd\u{1b}[0m  23"]
        );
    }
}
