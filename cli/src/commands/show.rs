//! `show`: a run as a timeline, one record in full, what led to it, or a decision's receipt.

mod causes;
mod receipt;
mod record;
mod timeline;

use std::path::{Path, PathBuf};

use clap::Args;
use rederive_archive::storage::OsFile;
use rederive_archive::{ContentReader, End};
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{ContentEntry, MediaType, Record};
use serde_json::Value;

use self::timeline::Timeline;
use crate::args::{Failed, record_number};
use crate::exit::Exit;
use crate::paths::typed;
use crate::terminal::Terminal;
use crate::text::bytes;
use crate::trace::{self, Held, Trace};
use crate::words::faults;

/// Show a run as a timeline, one record, or what led to it; or take a receipt out of it. Nothing is verified here: `replay` does that.
#[derive(Args)]
#[command(after_help = "\
Text from the trace is shown with terminal escape sequences, control characters and marks of direction written as numbers.

Examples:
  rederive show run.rdt                    the run, a line a record
  rederive show run.rdt --record 12        one record in full
  rederive show run.rdt --causes 12        what led to it, back to the goal
  rederive show run.rdt --record 12 --receipt call.receipt
                                           the receipt of that decision, for `rederive verify`
  rederive show run.rdt --json | jq .kind  every record as JSON, one a line")]
pub(crate) struct Show {
    /// The trace; `-` for one on standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show this record in full.
    #[arg(long, value_name = "N", value_parser = record_number, conflicts_with = "causes")]
    record: Option<u64>,
    /// Show the chain of causes from this record back to the goal.
    #[arg(long, value_name = "N", value_parser = record_number)]
    causes: Option<u64>,
    /// Write the receipt of the decision that the record is to this file. An existing file is never overwritten.
    #[arg(long, value_name = "RECEIPT", requires = "record", conflicts_with_all = ["causes", "content", "json"])]
    receipt: Option<PathBuf>,
    /// Show contents whole.
    #[arg(long)]
    content: bool,
    /// Write the JSON view of each record, one a line; with --content, with the text of its contents.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let trace = trace::open(&self.file)?;
        let mut shown = Shown { show: self, contents: trace.content_reader(), trace: &trace };
        match (self.record, &self.receipt, self.causes) {
            (Some(number), Some(out), _) => shown.receipt(number, out, terminal)?,
            (Some(number), None, _) => shown.record(number, terminal)?,
            (None, _, Some(number)) => shown.causes(number, terminal)?,
            (None, _, None) => shown.timeline(terminal)?,
        }
        Ok(Exit::AsAsked)
    }
}

/// Records that are read before the first is shown, so that the columns fit them.
const RECORDS_AHEAD: usize = 256;

/// A trace as it is shown.
struct Shown<'t> {
    show: &'t Show,
    trace: &'t Trace,
    contents: ContentReader<'t, OsFile>,
}

impl Shown<'_> {
    fn timeline(&mut self, terminal: &mut Terminal) -> Result<(), Failed> {
        let mut records = trace::records(self.trace, &self.show.file);
        let ahead: Vec<_> = records.by_ref().take(RECORDS_AHEAD).collect();
        let kinds = ahead.iter().flatten().map(|record| record.input.body.kind());
        let mut timeline = Timeline::new(terminal, trace::last_record(self.trace), kinds);
        for record in ahead.into_iter().chain(records) {
            let record = record?;
            if self.show.json {
                let view = self.view(&record)?;
                terminal.json(&view);
            } else {
                if let Body::RunOpened(_) = &record.input.body {
                    timeline.heading(&record, self, terminal)?;
                }
                timeline.row(&record, self, terminal)?;
                if self.show.content {
                    self.print_contents(&record, terminal)?;
                }
            }
            if !terminal.is_read() {
                return Ok(());
            }
        }
        if !self.show.json {
            terminal.tell(&ending(self.trace));
            let verifying = if self.show.file == Path::new("-") {
                "`rederive replay` of the same bytes does that".to_owned()
            } else {
                format!("`rederive replay {}` does that", typed(&self.show.file))
            };
            terminal.tell(&format!("nothing was verified here: {verifying}"));
        }
        Ok(())
    }

    /// The JSON view of a record; where contents are asked for, with what they say.
    fn view(&mut self, record: &Record) -> Result<Value, Failed> {
        let mut view = serde_json::to_value(record).unwrap_or(Value::Null);
        if self.show.content {
            for (index, entry) in record.input.contents.iter().enumerate() {
                let held = self.content(entry)?;
                let Some(shown) =
                    view.pointer_mut(&format!("/contents/{index}")).and_then(Value::as_object_mut)
                else {
                    continue;
                };
                let (name, value) = match held {
                    Held::Bytes(bytes) => match String::from_utf8(bytes) {
                        Ok(text) => ("text", Value::String(text)),
                        Err(error) => {
                            ("hex", Value::String(rederive_evidence::hex::format(error.as_bytes())))
                        }
                    },
                    Held::Absent(_) => ("redacted", Value::Bool(true)),
                    Held::Wrong => ("damaged", Value::Bool(true)),
                };
                let _ = shown.insert(name.to_owned(), value);
            }
        }
        Ok(view)
    }

    fn content(&mut self, entry: &ContentEntry) -> Result<Held, Failed> {
        trace::content(&mut self.contents, &entry.commitment)
            .map_err(|fault| faults::reading(&self.show.file, &fault))
    }

    /// A content on one line: in quotes, or what it is.
    fn quote(&mut self, entry: &ContentEntry) -> Result<String, Failed> {
        Ok(match self.content(entry)? {
            Held::Bytes(held) => match (entry.media, std::str::from_utf8(&held)) {
                (MediaType::Image | MediaType::Audio | MediaType::Cbor | MediaType::Cose, _)
                | (_, Err(_)) => {
                    format!("({}, {})", entry.media, bytes(entry.bytes.0))
                }
                (_, Ok(text)) => crate::text::one_line(text),
            },
            Held::Absent(why) => format!("({why})"),
            Held::Wrong => "(bytes that do not match their commitment)".to_owned(),
        })
    }

    fn missing(&self, number: u64) -> Failed {
        trace::no_record(&self.show.file, number, trace::last_record(self.trace))
    }
}

fn ending(trace: &Trace) -> String {
    match trace.end() {
        End::Sealed => "sealed".to_owned(),
        End::Unsealed => {
            "not sealed: the run is still being recorded, or its recorder was stopped".to_owned()
        }
        End::Torn(tail) => {
            format!("not sealed, and the last append never ended: {} are torn", bytes(tail.bytes))
        }
        End::Cut(tail) => format!("cut: the file ends inside a block, {} of it are left", bytes(tail.bytes)),
    }
}
