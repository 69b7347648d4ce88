//! `diff`: where two traces part, to the record and the field.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use rederive_evidence::ids::RunId;
use rederive_replay::{Comparison, Diff as Compared, DiffFault, Difference, Side, diff};
use serde::Serialize;
use serde_json::Value;

use crate::args::{Failed, record_number};
use crate::exit::Exit;
use crate::paths::{shown, typed_text};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{counted, one_line};
use crate::trace::{self, Held, Trace};
use crate::words::faults;

/// The most characters of a value that are shown, with what stands around the place where two values part.
const VALUE_CHARS_MAX: usize = 160;

/// Say where two traces part, to the record and the field.
#[derive(Args)]
#[command(after_help = "\
Traces of one run are compared by the bytes of their records, of the contents that both have, with their salts, and of what is signed; those of two runs by what happened: run number, key, commitments and what a run was imported from differ by nature, and contents are \
compared by their bytes where both have them. No signature is \
checked here: `replay` does that. Exit status 0 where nothing differs, 1 where they part, 4 where \
contents could not be compared.

Example: rederive diff mine.rdt theirs.rdt")]
pub(crate) struct Diff {
    /// The first trace; `-` for one on standard input.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The second.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Compare this record alone, and list every field that differs.
    #[arg(long, value_name = "N", value_parser = record_number)]
    at: Option<u64>,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// A field that differs.
#[derive(Debug, Serialize)]
struct Parted {
    field: String,
    a: Value,
    b: Value,
}

#[derive(Serialize)]
struct RecordView {
    record: u64,
    fields: Vec<Parted>,
}

impl Diff {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if self.a == self.b && self.a == Path::new("-") {
            return Err(Failed::usage(Problem::error("standard input holds one trace, not both")));
        }
        let (a, b) = (trace::open(&self.a)?, trace::open(&self.b)?);
        match self.at {
            Some(number) => self.record(&a, &b, number, terminal),
            None => self.traces(&a, &b, terminal),
        }
    }

    fn traces(&self, a: &Trace, b: &Trace, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let compared = diff(a, b).map_err(|fault| self.failed(&fault))?;
        let exit = match compared.difference {
            // What could not be compared is not the same.
            Difference::None { .. } if compared.uncompared_contents > 0 => Exit::Unfinished,
            Difference::None { .. } => Exit::AsAsked,
            Difference::Field { .. }
            | Difference::Length { .. }
            | Difference::Unreadable { .. }
            | Difference::Unlisted { .. }
            | Difference::Signed { .. }
            | Difference::End { .. } => Exit::Parted,
        };
        if self.json {
            terminal.json(&compared);
        } else {
            self.print(&compared, terminal);
        }
        Ok(exit)
    }

    fn failed(&self, fault: &DiffFault) -> Failed {
        let path = match fault.side {
            Side::First => &self.a,
            Side::Second => &self.b,
        };
        trace::unreadable(path, &fault.fault)
    }

    fn print(&self, compared: &Compared, terminal: &mut Terminal) {
        let (what, same) = match compared.comparison {
            Comparison::Bytes => ("one run, by the bytes of records, contents and signatures", "the same"),
            Comparison::Acts => ("two runs, by what happened", "what happened is the same"),
        };
        match self.same_records(compared, what) {
            Ok(records) => {
                let same = terminal.paint().paint(Tone::Good, same);
                terminal.tell(&format!("{same}: {}, compared as {what}", counted(records, "record")));
                self.tell_of_what_is_no_difference(compared, terminal);
            }
            Err(parted) => terminal.report(&parted),
        }
    }

    /// How many records two traces have that part nowhere, or where they part.
    fn same_records(&self, compared: &Compared, what: &str) -> Result<u64, Problem> {
        let (a, b) = (self.a.display(), self.b.display());
        Err(match &compared.difference {
            Difference::None { records } => return Ok(*records),
            Difference::Field { record, segment, field, a: in_a, b: in_b } => {
                let (in_a, in_b) = values(in_a, in_b);
                Problem::error(format!("the traces part at record {record}"))
                    .row("first", a.to_string())
                    .row("second", b.to_string())
                    .row("compared", what)
                    .row("segment", format!("{segment}, after {}", equal(compared.same_segments)))
                    .row("field", field)
                    .row("in first", in_a)
                    .row("in second", in_b)
                    .hint(format!(
                        "`rederive diff {} {} --at {record}` lists every field of it that differs",
                        typed_text(&a.to_string()),
                        typed_text(&b.to_string())
                    ))
            }
            Difference::Length { record, first_is_longer } => {
                let (longer, shorter) = if *first_is_longer { (&a, &b) } else { (&b, &a) };
                Problem::error(format!("{shorter} ends where {longer} goes on with record {record}"))
                    .row("compared", what)
                    .hint(format!(
                        "`rederive show {} --record {record}` shows what the other does not have",
                        typed_text(&longer.to_string())
                    ))
            }
            Difference::Unreadable { record, reason } => {
                Problem::error(format!("the traces part at record {record}, which cannot be read"))
                    .row("compared", what)
                    .row("reason", reason)
            }
            Difference::Unlisted { segment, in_first, commitment } => {
                let path = if *in_first { &a } else { &b };
                Problem::error(format!(
                    "all records are the same, but {path} stores a content where no record brings it"
                ))
                .row("compared", what)
                .row("segment", segment.to_string())
                .row("content", commitment.to_hex())
                .hint(format!(
                    "nobody signed it, and `rederive replay {}` names such a trace damaged, if all records can be read",
                    typed_text(&path.to_string())
                ))
            }
            Difference::End { field, a: in_a, b: in_b } => {
                let (in_a, in_b) = values(in_a, in_b);
                Problem::error("all records are the same, but the traces do not end alike")
                    .row("compared", what)
                    .row("field", field)
                    .row("in first", in_a)
                    .row("in second", in_b)
                    .hint("what no head signs is worth nothing: `rederive replay A` and `rederive replay B` say what of each holds")
            }
            Difference::Signed { segment } => {
                let signed = match segment {
                    Some(segment) => format!("the header of segment {segment}"),
                    None => "the seal".to_owned(),
                };
                Problem::error(format!("all records are the same, but {signed} is not"))
                    .row("compared", what)
                    .hint("one run sealed or signed twice: `rederive replay A B` says whether both signatures hold")
            }
        })
    }

    /// What two traces that part nowhere do not have in common all the same.
    fn tell_of_what_is_no_difference(&self, compared: &Compared, terminal: &mut Terminal) {
        let alone = compared.alone.unwrap_or_default();
        for (count, path) in [(alone.in_first, &self.a), (alone.in_second, &self.b)] {
            if count > 0 {
                let (stand, them) = if count == 1 { ("stands", "it") } else { ("stand", "them") };
                let contents = counted(count, "content");
                terminal.tell(&format!(
                    "  {contents} {stand} in {} alone: nothing was compared with {them}",
                    shown(path)
                ));
            }
        }
        if compared.other_source {
            terminal.tell("  they were imported from different recordings (file, entry, id or what was not understood of it), which is no act");
        }
        if compared.uncompared_contents > 0 {
            let uncompared = counted(compared.uncompared_contents, "content");
            let them = if compared.uncompared_contents == 1 { "it" } else { "each of them" };
            terminal.report(
                &Problem::warning(format!(
                    "{uncompared} could not be compared: one of the traces does not hold {them}"
                ))
                .hint("in two runs redacted contents have commitments that say nothing of each other"),
            );
        }
    }

    /// Compares one record of both.
    fn record(&self, a: &Trace, b: &Trace, number: u64, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let (in_a, in_b) = (view(a, &self.a, number)?, view(b, &self.b, number)?);
        let mut fields = Vec::new();
        differences(&in_a, &in_b, String::new(), &mut fields);
        if run_of(a) != run_of(b) {
            fields.retain(|parted| !parted.differs_by_nature());
        }
        let exit = if fields.is_empty() { Exit::AsAsked } else { Exit::Parted };
        if self.json {
            terminal.json(&RecordView { record: number, fields });
            return Ok(exit);
        }
        if fields.is_empty() {
            terminal.tell(&format!("{}: record {number}", terminal.paint().paint(Tone::Good, "the same")));
        }
        for Parted { field, a, b } in &fields {
            let (a, b) = values(a, b);
            let paint = terminal.paint();
            terminal.line(&paint.paint(Tone::Strong, field));
            terminal.line(&format!("  {}  {a}", paint.paint(Tone::Faint, "first ")));
            terminal.line(&format!("  {}  {b}", paint.paint(Tone::Faint, "second")));
        }
        Ok(exit)
    }
}

/// The JSON view of a record of one trace, with the text of its contents where the trace has it.
fn view(trace: &Trace, path: &Path, number: u64) -> Result<Value, Failed> {
    let Some((_, record)) = trace::record(trace, path, number)? else {
        return Err(trace::no_record(path, number, trace::last_record(trace)));
    };
    let mut view = serde_json::to_value(&record).unwrap_or(Value::Null);
    let mut contents = trace.content_reader();
    for (index, entry) in record.input.contents.iter().enumerate() {
        let held = trace::content(&mut contents, &entry.commitment)
            .map_err(|fault| faults::reading(path, &fault))?;
        let shown = view.pointer_mut(&format!("/contents/{index}")).and_then(Value::as_object_mut);
        if let (Held::Bytes(bytes), Some(shown)) = (held, shown) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = shown.insert("text".to_owned(), Value::String(text));
        }
    }
    Ok(view)
}

/// The run that the first header, or the open log, names.
fn run_of(trace: &Trace) -> Option<RunId> {
    let header = trace::headers(trace).next().map(|header| header.run);
    header.or_else(|| trace.open_segment().map(|open| open.run()))
}

impl Parted {
    /// Whether a field of two runs differs by nature: run number and key, salted commitments, and what is derived from them.
    fn differs_by_nature(&self) -> bool {
        let field = self.field.as_str();
        let is_digest = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let is_commitment = is_digest(&self.a) && is_digest(&self.b);
        let is_salted =
            field.starts_with("body.") || field.ends_with(".commitment") || field.starts_with("derived.");
        let is_of_source = field == "body.source" || field.starts_with("body.source.");
        field == "body.run" || is_of_source || (is_commitment && is_salted)
    }
}

/// Every leaf in which two values differ, in the order of their names.
fn differences(a: &Value, b: &Value, path: String, found: &mut Vec<Parted>) {
    match (a, b) {
        (a, b) if a == b => {}
        (Value::Object(in_a), Value::Object(in_b)) => {
            let names: BTreeSet<&String> = in_a.keys().chain(in_b.keys()).collect();
            let dot = if path.is_empty() { "" } else { "." };
            for name in names {
                let of = |members: &serde_json::Map<String, Value>| {
                    members.get(name).cloned().unwrap_or(Value::Null)
                };
                differences(&of(in_a), &of(in_b), format!("{path}{dot}{name}"), found);
            }
        }
        (Value::Array(in_a), Value::Array(in_b)) => {
            for index in 0..in_a.len().max(in_b.len()) {
                let of = |items: &[Value]| items.get(index).cloned().unwrap_or(Value::Null);
                differences(&of(in_a), &of(in_b), format!("{path}[{index}]"), found);
            }
        }
        (a, b) => found.push(Parted { field: path, a: a.clone(), b: b.clone() }),
    }
}

fn equal(segments: u32) -> String {
    match segments {
        0 => "no equal one".to_owned(),
        segments => counted(u64::from(segments), "equal segment"),
    }
}

/// Both values on one line each; long ones from a little before the place where they part.
pub(super) fn values(a: &Value, b: &Value) -> (String, String) {
    let (a, b) = (word(a), word(b));
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let from = if a.chars().count().max(b.chars().count()) <= VALUE_CHARS_MAX {
        0
    } else {
        common.saturating_sub(40)
    };
    (part(&a, from), part(&b, from))
}

fn part(text: &str, from: usize) -> String {
    let rest: String = text.chars().skip(from).collect();
    let start = if from > 0 { "…" } else { "" };
    format!("{start}{}", crate::text::cut(&rest, VALUE_CHARS_MAX))
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => one_line(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            one_line(&value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_leaf_that_differs_is_named() {
        let mut found = Vec::new();
        let (a, b) = (json!({"x": {"y": [1, 2]}, "z": 1}), json!({"x": {"y": [1, 3, 4]}, "z": 1, "w": null}));
        differences(&a, &b, String::new(), &mut found);
        let fields: Vec<&str> = found.iter().map(|parted| parted.field.as_str()).collect();
        assert_eq!(fields, ["x.y[1]", "x.y[2]"]);
    }

    #[test]
    fn long_values_are_shown_from_before_where_they_part() {
        let long = |end: &str| Value::String(format!("{}{end}", "x".repeat(300)));
        let (a, b) = values(&long("one"), &long("two"));
        assert!(a.starts_with("…x") && a.ends_with("one") && b.ends_with("two"), "{a} {b}");
        assert!(a.chars().count() < 60);
        assert_eq!(values(&json!(1), &Value::Null), ("1".to_owned(), "absent".to_owned()));
    }
}
