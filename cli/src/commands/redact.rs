//! `redact`: a copy of a trace without some contents, which breaks no hash.

mod choice;
mod escapes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use rederive_archive::storage::OsStorage;
use rederive_archive::{Copied, Copying, End, Packing, TransferFault, copy};
use rederive_evidence::digest::Digest;
use rederive_evidence::record::{ContentEntry, frame_length};
use rederive_replay::{Level, Valid, replay_reader};
use serde::Serialize;

use self::choice::{Chosen, Finding};
use crate::args::{Failed, record_number};
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, bytes, counted};
use crate::trace::{self, Trace};
use crate::words::{faults, verdict};

/// What is said of every redaction.
const OUT_OF_REACH: [&str; 4] = [
    "the trace it was made from, copies of it and backups",
    "proofs given out with --content, and receipts",
    "the systems that the contents came from or went to",
    "length and media type of what was removed, and that records named the same content: they stay in the records",
];

/// Copy a trace without some contents; every hash and signature stays.
#[derive(Args)]
#[command(after_help = "\
The input is never changed. --find looks for the text as it is and as JSON writes it, whichever way it escapes it and in JSON inside JSON too, up to eight deep; other forms of it (base64, parts in several contents or in the pieces of a stream) are not found. What \
stands in record bodies (ids, numbers, enums) is no content and cannot be removed.

Examples:
  rederive redact run.rdt --out clean.rdt --find alice@example.com
  rederive redact run.rdt --out bare.rdt --all")]
pub(crate) struct Redact {
    /// The trace; `-` for one on standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File to write the redacted trace to. An existing one is never written over.
    #[arg(long, value_name = "NEW")]
    out: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// What is to be removed.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// The contents with these commitments, as `show` prints them.
    #[arg(long = "commitment", value_name = "HEX", value_delimiter = ',', value_parser = commitment)]
    commitments: Vec<Digest>,
    /// All contents of these records.
    #[arg(long = "record", value_name = "N", value_delimiter = ',', value_parser = record_number)]
    records: Vec<u64>,
    /// Every content that has this text in it.
    #[arg(long, value_name = "TEXT")]
    find: Vec<String>,
    /// Every content.
    #[arg(long)]
    all: bool,
}

/// A commitment as `show` prints it: 64 hexadecimal digits.
fn commitment(text: &str) -> Result<Digest, rederive_evidence::hex::HexFault> {
    rederive_evidence::hex::parse(text).map(Digest)
}

#[derive(Serialize)]
struct View<'a> {
    out: String,
    bytes: u64,
    redacted: Vec<ContentView<'a>>,
    /// Commitments asked for whose contents the trace did not have.
    not_held: Vec<Digest>,
    /// Texts looked for that no content of the trace has.
    not_found: Vec<&'a str>,
    out_of_reach: [&'static str; 4],
}

#[derive(Serialize)]
struct ContentView<'a> {
    #[serde(flatten)]
    entry: &'a ContentEntry,
    records: &'a [u64],
}

impl Redact {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        trace::is_file_name(&self.out)?;
        let source = trace::open(&self.file)?;
        self.check_integrity(&source)?;
        self.check_copyable(&source)?;
        let finding = Finding { which: &self.which, path: &self.file };
        let chosen = finding.choose(&source)?;
        if chosen.is_nothing() {
            let title = format!("{} holds no such content: nothing was written", self.file.display());
            let hint = format!("`rederive show {} --content` shows what it holds", typed(&self.file));
            return Err(Failed::usage(Problem::error(title).hint(hint)));
        }
        let copying = Copying { leave_out: &chosen.leave_out, packing: Packing::Hot };
        let copied = copy(&source, OsStorage, &self.out, copying, |frames| frame_length(frames).ok())
            .map_err(|fault| self.failed(&fault))?;
        if self.json {
            terminal.json(&self.view(&chosen, &copied));
        } else {
            self.print(&chosen, &copied, terminal);
        }
        Ok(Exit::AsAsked)
    }

    /// A copy of what is damaged or forged would carry it on under a new name.
    fn check_integrity(&self, source: &Trace) -> Result<(), Failed> {
        let options = rederive_replay::Options { level: Level::Integrity, ..Default::default() };
        let report = replay_reader(source, &options).map_err(|fault| faults::reading(&self.file, &fault))?;
        if let (Some(wrong), Valid::Damaged | Valid::Forged) = (&report.wrong, report.valid) {
            let problem = verdict::problem(&shown(&self.file), &report, wrong);
            return Err(Failed::new(Exit::Untrustworthy, problem));
        }
        Ok(())
    }

    /// A trace whose copy would hide that it goes on, or that something was cut off, is not copied.
    fn check_copyable(&self, source: &Trace) -> Result<(), Failed> {
        let refused = |reason: &str, hint: String| {
            let title = format!("{} cannot be redacted: {reason}", self.file.display());
            Err(Failed::new(Exit::Unfinished, Problem::error(title).hint(hint)))
        };
        if source.open_segment().is_some_and(|open| open.records() > 0) {
            return refused("it is still open", faults::closing_hint(&self.file));
        }
        match source.end() {
            End::Cut(_) => refused(
                "its end was cut off, and a copy would hide that",
                "get another copy of it".to_owned(),
            ),
            End::Sealed | End::Unsealed | End::Torn(_) => Ok(()),
        }
    }

    fn failed(&self, fault: &TransferFault) -> Failed {
        match fault {
            TransferFault::Write(fault) => faults::writing(&self.out, fault),
            TransferFault::Read(_) | _ => faults::transferring(&self.file, fault),
        }
    }

    fn view<'a>(&self, chosen: &'a Chosen, copied: &Copied) -> View<'a> {
        let redacted =
            removed(chosen, copied).into_iter().map(|(entry, records)| ContentView { entry, records });
        View {
            out: self.out.display().to_string(),
            bytes: copied.bytes,
            redacted: redacted.collect(),
            not_held: not_held(chosen, copied).copied().collect(),
            not_found: not_found(chosen).collect(),
            out_of_reach: OUT_OF_REACH,
        }
    }

    fn print(&self, chosen: &Chosen, copied: &Copied, terminal: &mut Terminal) {
        let paint = terminal.paint();
        let removed = removed(chosen, copied);
        let length: u64 = removed.iter().map(|(entry, _)| entry.bytes.0).sum();
        let heading = format!(
            "{} removed, {}; {} has {}",
            counted(copied.left_out.len() as u64, "content"),
            bytes(length),
            shown(&self.out),
            bytes(copied.bytes)
        );
        terminal.tell(&paint.paint(Tone::Strong, &heading));
        let mut table = Table::default();
        for (entry, records) in removed {
            table.push(vec![
                Cell::left(entry.commitment.to_hex(), Tone::Name),
                Cell::right(bytes(entry.bytes.0)),
                Cell::left(entry.media.name(), Tone::Plain),
                Cell::left(in_records(records), Tone::Faint),
            ]);
        }
        table.lines("  ", paint).iter().for_each(|line| terminal.tell(line));
        let missing = not_held(chosen, copied).count() as u64;
        if missing > 0 {
            let were = if missing == 1 { "was" } else { "were" };
            terminal.tell(&format!("  {} asked for {were} not in the trace", counted(missing, "content")));
        }
        if !copied.hints_dropped.is_empty() {
            terminal.tell(&format!(
                "  {} that did not check were left out",
                counted(copied.hints_dropped.len() as u64, "hint")
            ));
        }
        for text in not_found(chosen) {
            let title = format!("no content has {text:?}: nothing was removed for it");
            terminal.caution(&Problem::warning(title));
        }
        for sought in chosen.sought.iter().filter(|sought| !sought.in_bodies.is_empty()) {
            let title = format!(
                "{:?} stands in the body of {}, which is no content: it stays",
                sought.text,
                in_records(&sought.in_bodies)
            );
            terminal.caution(&Problem::warning(title));
        }
        terminal.tell(&paint.paint(Tone::Strong, "what this cannot reach"));
        OUT_OF_REACH.iter().for_each(|line| terminal.tell(&format!("  {line}")));
        terminal.remark(&format!("next: rederive replay {}", typed(&self.out)));
    }
}

/// What was removed, in the order of the records that list it first.
fn removed<'a>(chosen: &'a Chosen, copied: &Copied) -> Vec<(&'a ContentEntry, &'a [u64])> {
    let listed = copied.left_out.iter().filter_map(|gone| chosen.listed.get(gone));
    let mut removed: Vec<_> = listed.map(|(entry, records)| (entry, records.as_slice())).collect();
    // Commitments are salted: by them the order would be chance.
    removed.sort_by_key(|(entry, records)| (records.first().copied(), entry.bytes.0, entry.commitment));
    removed
}

fn not_held<'a>(chosen: &'a Chosen, copied: &'a Copied) -> impl Iterator<Item = &'a Digest> {
    chosen.leave_out.difference(&copied.left_out)
}

fn not_found(chosen: &Chosen) -> impl Iterator<Item = &str> {
    chosen.sought.iter().filter(|sought| !sought.is_in_content).map(|sought| sought.text.as_str())
}

/// The records in words; of many the first.
fn in_records(records: &[u64]) -> String {
    let shown: Vec<String> = records.iter().take(8).map(ToString::to_string).collect();
    let more = records.len().saturating_sub(shown.len());
    let noun = if records.len() == 1 { "record" } else { "records" };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{noun} {}{more}", shown.join(", "))
}

/// What records list, by commitment: the entry, and the records that list it.
type Listed = BTreeMap<Digest, (ContentEntry, Vec<u64>)>;

/// Commitments of contents.
type Commitments = BTreeSet<Digest>;
