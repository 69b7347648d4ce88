//! One record in full.

use rederive_evidence::record::{ContentEntry, Record};
use rederive_evidence::rules::Breach;
use serde_json::Value;

use crate::args::Failed;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{bytes, counted, cut, lines, one_line};
use crate::time;
use crate::trace::Held;

/// Lines and characters of a content that are shown where it is not asked for whole.
const LINES_MAX: usize = 20;
const LINE_CHARS_MAX: usize = 400;

/// A name and what stands beside it.
pub(crate) type Row = (String, String);

/// Prints a heading, who made the record and when, and these rows.
pub(crate) fn print_head(record: &Record, more: Vec<Row>, terminal: &mut Terminal) {
    let input = &record.input;
    let heading = format!("record {}, {}", input.sequence, input.body.kind());
    terminal.line(&terminal.paint().paint(Tone::Strong, &heading));
    let mut rows: Vec<Row> = vec![
        ("time".to_owned(), input.time.map_or_else(|| "absent".to_owned(), |time| time::utc(time.0))),
        ("actor".to_owned(), format!("{}, origin {}", input.actor, input.origin)),
    ];
    if let Some(place) = &input.place {
        let words =
            format!("{}, turn {}, call {}, attempt {}", place.agent, place.turn, place.index, place.attempt);
        rows.push(("place".to_owned(), words));
    }
    rows.push(("causes".to_owned(), causes(record)));
    rows.extend(more);
    print_rows(&rows, terminal);
}

/// Prints what the record says, what follows from its contents, and what the machine answered.
pub(crate) fn print_parts(record: &Record, terminal: &mut Terminal) {
    let paint = terminal.paint();
    let view = serde_json::to_value(record).unwrap_or(Value::Null);
    for name in ["labels", "identity", "trace", "graph", "body", "extracted"] {
        let rows = view.get(name).map(flat).unwrap_or_default();
        if !rows.is_empty() {
            let note = if name == "body" { " (contents by their number below)" } else { "" };
            terminal.line(&format!("{}{}", paint.paint(Tone::Strong, name), paint.paint(Tone::Faint, note)));
            print_rows(&rows, terminal);
        }
    }
    terminal.line(&paint.paint(Tone::Strong, "derived"));
    let derived = &record.derived;
    let mut rows = vec![("outcome".to_owned(), derived.outcome.to_string())];
    rows.extend(derived.breaches.iter().map(|breach| ("breach".to_owned(), breach_words(breach))));
    rows.push(("delta".to_owned(), derived.delta.to_hex()));
    rows.extend(derived.checksum.map(|checksum| ("checksum".to_owned(), checksum.to_hex())));
    print_rows(&rows, terminal);
}

/// Prints the contents that a record lists, with what `held` says of them; whole, or their first lines.
///
/// # Errors
/// The first that `held` gives.
pub(crate) fn print_contents(
    record: &Record,
    mut held: impl FnMut(&ContentEntry) -> Result<Held, Failed>,
    is_whole: bool,
    terminal: &mut Terminal,
) -> Result<(), Failed> {
    let paint = terminal.paint();
    for (index, entry) in record.input.contents.iter().enumerate() {
        let commitment = entry.commitment.to_hex();
        let about = format!("{}, {}, commitment {commitment}", entry.media, bytes(entry.bytes.0));
        let index = paint.paint(Tone::Name, &index.to_string());
        terminal.line(&format!("  {index}  {}", paint.paint(Tone::Faint, &about)));
        for line in content_lines(&held(entry)?, is_whole) {
            terminal.line(&format!("     {line}"));
        }
    }
    Ok(())
}

fn content_lines(held: &Held, is_whole: bool) -> Vec<String> {
    let text = match held {
        Held::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return vec!["(not text)".to_owned()],
        },
        Held::Absent(why) => return vec![format!("({why})")],
        Held::Wrong => return vec!["(bytes that do not match their commitment)".to_owned()],
    };
    if is_whole {
        return lines(text).collect();
    }
    let mut shown: Vec<String> = lines(text).take(LINES_MAX).map(|line| cut(&line, LINE_CHARS_MAX)).collect();
    let more = text.lines().count().saturating_sub(LINES_MAX) as u64;
    if more > 0 {
        shown.push(format!("… {} more: --content shows all", counted(more, "line")));
    }
    shown
}

/// A rule that is not kept, in words.
pub(crate) fn breach_words(breach: &Breach) -> String {
    let mut words = format!("{} {}", breach.rule, breach.reason);
    if let Some(record) = breach.record {
        words.push_str(&format!(" (record {record})"));
    }
    if let Some(item) = breach.item {
        words.push_str(&format!(" (item {item})"));
    }
    words
}

fn causes(record: &Record) -> String {
    let ranges = record.input.causes.ranges().iter().map(|range| match range.count {
        1 => range.first.to_string(),
        count => format!("{} to {}", range.first, range.first + (count - 1)),
    });
    let ranges: Vec<String> = ranges.collect();
    if ranges.is_empty() { "none".to_owned() } else { ranges.join(", ") }
}

/// The leaves of a JSON value, each with the path that leads to it.
pub(crate) fn flat(value: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    rows
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Row>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), member, rows);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, rows);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(word).collect();
            rows.push((path.to_owned(), if items.is_empty() { "none".to_owned() } else { items.join(", ") }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            rows.push((path.to_owned(), word(value)));
        }
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Prints rows, their names in one column.
pub(crate) fn print_rows(rows: &[Row], terminal: &mut Terminal) {
    let paint = terminal.paint();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in rows {
        let name = paint.paint(Tone::Faint, &format!("{name:width$}"));
        terminal.line(&format!("  {name}  {}", one_line(value)));
    }
}
