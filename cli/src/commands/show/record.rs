//! One record in full.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::record::{ContentEntry, Record};
use serde_json::Value;

use super::Shown;
use super::timeline::breach_words;
use crate::args::Failed;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{bytes, counted, lines};
use crate::time;
use crate::trace::{self, Held};

/// Lines and characters of a content that are shown without `--content`.
const LINES_MAX: usize = 20;
const LINE_CHARS_MAX: usize = 400;

impl Shown<'_> {
    pub(super) fn record(&mut self, number: u64, terminal: &mut Terminal) -> Result<(), Failed> {
        let Some((frame, record)) = trace::record(self.trace, &self.show.file, number)? else {
            return Err(self.missing(number));
        };
        if self.show.json {
            let view = self.view(&record)?;
            terminal.json(&view);
            return Ok(());
        }
        let paint = terminal.paint();
        let heading = format!("record {number}, {}", record.input.body.kind());
        terminal.line(&paint.paint(Tone::Strong, &heading));
        let input = &record.input;
        let mut rows: Vec<(String, String)> = vec![
            ("time".to_owned(), input.time.map_or_else(|| "absent".to_owned(), |time| time::utc(time.0))),
            ("actor".to_owned(), format!("{}, origin {}", input.actor, input.origin)),
        ];
        if let Some(place) = &input.place {
            let words = format!(
                "{}, turn {}, call {}, attempt {}",
                place.agent, place.turn, place.index, place.attempt
            );
            rows.push(("place".to_owned(), words));
        }
        rows.push(("causes".to_owned(), causes(&record)));
        let place = format!(
            "segment {}, byte {} of its frames, {}",
            frame.segment,
            frame.byte,
            bytes(frame.bytes.len() as u64)
        );
        rows.push(("stands in".to_owned(), place));
        rows.push(("leaf".to_owned(), digest(Purpose::Leaf, &frame.bytes).to_hex()));
        print_rows(&rows, terminal);
        self.print_parts(&record, terminal);
        terminal.line(&paint.paint(Tone::Strong, "contents"));
        self.print_contents(&record, terminal)
    }

    /// What the record says, what follows from its contents, and what the machine answered.
    fn print_parts(&self, record: &Record, terminal: &mut Terminal) {
        let paint = terminal.paint();
        let view = serde_json::to_value(record).unwrap_or(Value::Null);
        for name in ["labels", "identity", "trace", "graph", "body", "extracted"] {
            let mut rows = Vec::new();
            if let Some(value) = view.get(name) {
                flatten("", value, &mut rows);
            }
            if !rows.is_empty() {
                let note = if name == "body" { " (contents by their number below)" } else { "" };
                terminal.line(&format!(
                    "{}{}",
                    paint.paint(Tone::Strong, name),
                    paint.paint(Tone::Faint, note)
                ));
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

    /// The contents that a record lists, with what they say.
    pub(super) fn print_contents(&mut self, record: &Record, terminal: &mut Terminal) -> Result<(), Failed> {
        for (index, entry) in record.input.contents.iter().enumerate() {
            let paint = terminal.paint();
            let commitment = entry.commitment.to_hex();
            let about = format!("{}, {}, commitment {commitment}", entry.media, bytes(entry.bytes.0));
            terminal.line(&format!(
                "  {}  {}",
                paint.paint(Tone::Name, &index.to_string()),
                paint.paint(Tone::Faint, &about)
            ));
            for line in self.content_lines(entry)? {
                terminal.line(&format!("     {line}"));
            }
        }
        Ok(())
    }

    fn content_lines(&mut self, entry: &ContentEntry) -> Result<Vec<String>, Failed> {
        let held = match self.content(entry)? {
            Held::Bytes(held) => held,
            Held::Redacted => return Ok(vec!["(redacted)".to_owned()]),
            Held::Wrong => return Ok(vec!["(bytes that do not match their commitment)".to_owned()]),
        };
        let Ok(text) = std::str::from_utf8(&held) else {
            return Ok(vec!["(not text)".to_owned()]);
        };
        if self.show.content {
            return Ok(lines(text).collect());
        }
        let mut shown: Vec<String> =
            lines(text).take(LINES_MAX).map(|line| crate::text::cut(&line, LINE_CHARS_MAX)).collect();
        let more = text.lines().count().saturating_sub(LINES_MAX) as u64;
        if more > 0 {
            shown.push(format!("… {} more: --content shows all", counted(more, "line")));
        }
        Ok(shown)
    }
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
fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
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

fn print_rows(rows: &[(String, String)], terminal: &mut Terminal) {
    let paint = terminal.paint();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in rows {
        let name = paint.paint(Tone::Faint, &format!("{name:width$}"));
        terminal.line(&format!("  {name}  {}", crate::text::one_line(value)));
    }
}
