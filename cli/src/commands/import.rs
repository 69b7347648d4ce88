//! `import`: foreign recordings become traces, one a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use rayon::prelude::*;
use rederive_archive::storage::OsStorage;
use rederive_evidence::keys::SigningKey;
use rederive_import::{Entry, Format, ImportedRun, NoteKind};
use rederive_recorder::{
    Durability, Entropy, NoClock, OpenCalls, Options, OsEntropy, Packing, RecordError, Recorder, SealedRun,
    SeededEntropy,
};
use serde::Serialize;

use crate::args::{Failed, Jobs};
use crate::exit::Exit;
use crate::names::{self, Names};
use crate::paths::{self, Place};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, bytes, count, counted, json_seconds, seconds};
use crate::trace;
use crate::words::{faults, json};

/// The endings of files that are looked for in folders.
const ENDINGS: &[&str] = &["json", "jsonl", "ndjson"];
/// The most failed entries told in words.
const PROBLEMS_MAX: usize = 20;

/// Make traces of recordings that other systems left.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Import chat transcripts: lists of messages with tool calls.
    Chat(Chat),
    /// Import traces of OpenTelemetry spans (GenAI conventions) as OTLP/JSON.
    Otel(Otel),
}

/// A JSON pointer: empty, or names that each begin with a slash, in which `~` stands in `~0` and `~1` alone (RFC 6901).
fn pointer(text: &str) -> Result<String, String> {
    if !text.is_empty() && !text.starts_with('/') {
        return Err("a JSON pointer begins with a slash".to_owned());
    }
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    if text.split('~').skip(1).all(is_escaped) {
        Ok(text.to_owned())
    } else {
        Err("in a JSON pointer `~` stands in `~0` and `~1` alone".to_owned())
    }
}

#[derive(Args)]
#[command(after_help = "\
Each entry (a JSON value, a line of JSON lines, an item of a list of entries) is one run and becomes one .rdt file, named after its file, its number \
and its own id. Runs of this kind are observed: nothing was enforced, and what a message list cannot tell is a gap. An existing \
file is never written over. An entry that cannot be imported does not stop the others; the exit status is then 2.

Example: rederive import chat runs/ --out traces/ && rederive replay traces/")]
pub(crate) struct Chat {
    /// JSON pointer (RFC 6901) of the message list in an entry; without it /messages, /run/messages, /traj and some more are tried.
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    messages: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
#[command(after_help = "\
A run is a trace: all spans of one trace id in a file. Spans that are neither a model's call nor a tool's are kept as content. An existing file is never \
written over. An entry that cannot be imported does not stop the others; the exit status is then 2.

Example: rederive import otel spans/ --out traces/ && rederive replay traces/")]
pub(crate) struct Otel {
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// Files, folders (*.json, *.jsonl and *.ndjson, at any depth), or `-` for standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Folder for the traces; made where it is absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Key that signs the runs. Without it each run draws one of its own, and nobody answers for it: gap `unattested`.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Draw all that is random from SEED, so that the same import gives the same files.
    ///
    /// Who knows the seed can compute salts and drawn keys: for tests and fixtures.
    #[arg(long, value_name = "SEED")]
    reproducible: Option<String>,
    #[command(flatten)]
    jobs: Jobs,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// An entry that gave no trace.
#[derive(Debug, Serialize)]
struct Failure {
    path: String,
    entry: Option<u64>,
    reason: String,
    #[serde(skip)]
    exit: Exit,
}

/// What became of all entries.
#[derive(Default)]
struct Outcome {
    runs: u64,
    records: u64,
    bytes: u64,
    failed: Vec<Failure>,
    /// Inputs in which no entry is.
    empty: Vec<String>,
    notes: BTreeMap<NoteKind, Noted>,
}

/// Notes of one kind: how many, and where the first was met.
struct Noted {
    count: u64,
    first: String,
}

#[derive(Serialize)]
struct View<'a> {
    runs: u64,
    records: u64,
    failed: &'a [Failure],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    empty: &'a [String],
    seconds: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<&'static str, u64>,
}

impl Import {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        match self {
            Self::Chat(chat) => chat.common.run(&Format::Chat { messages: chat.messages }, terminal),
            Self::Otel(otel) => otel.common.run(&Format::Otel, terminal),
        }
    }
}

impl Common {
    fn run(&self, format: &Format, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let key = self.key.as_deref().map(trace::signing_key).transpose()?.map(Arc::new);
        trace::make_folder(&self.out)?;
        let start = Instant::now();
        let found = paths::find(&self.paths, ENDINGS);
        let stems = Names::of(&found.places);
        let progress = Progress::new(terminal, found.places.len() as u64, "files and entries");
        let import = Importing {
            format,
            key,
            seed: self.reproducible.as_deref(),
            out: &self.out,
            progress: &progress,
        };
        let sources = names::sources(&found.places);
        let named = stems.into_iter().zip(sources).map(|(stem, source)| Named { stem, source });
        let files: Vec<(Place, Named)> = found.places.into_iter().zip(named).collect();
        let imported: Vec<Outcome> = self.jobs.run(|| {
            let each = files.into_par_iter().with_max_len(1);
            each.map(|(place, named)| import.file(&place, &named)).collect()
        })?;
        progress.finish();
        let mut outcome = Outcome::default();
        outcome.failed.extend(found.missing.iter().map(|missing| Failure {
            path: missing.path(),
            entry: None,
            reason: missing.reason(),
            exit: missing.exit(),
        }));
        imported.into_iter().for_each(|file| outcome.append(file));
        if self.json {
            terminal.json(&outcome.view(start.elapsed()));
        } else {
            outcome.print(&self.out, start.elapsed(), terminal);
        }
        Ok(outcome.failed.iter().map(|failure| failure.exit).fold(Exit::AsAsked, Exit::and))
    }
}

/// What runs of a file are called by.
struct Named {
    /// The beginning of the names of their traces.
    stem: String,
    /// The file that they are said to come from.
    source: String,
}

/// What the import of every entry needs.
struct Importing<'a> {
    format: &'a Format,
    key: Option<Arc<SigningKey>>,
    seed: Option<&'a str>,
    out: &'a Path,
    progress: &'a Progress,
}

impl Importing<'_> {
    /// Imports all entries of a file.
    fn file(&self, place: &Place, named: &Named) -> Outcome {
        let bytes = match paths::read(place) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (reason, exit) = (paths::words(&error), paths::exit_of(&error));
                let failure = Failure { path: place.shown(), entry: None, reason, exit };
                return Outcome { failed: vec![failure], ..Outcome::default() };
            }
        };
        let entries: Vec<Entry<'_>> = self.format.entries(&named.source, &bytes).collect();
        if entries.is_empty() {
            self.progress.advance(1);
            return Outcome { empty: vec![place.shown()], ..Outcome::default() };
        }
        self.progress.extend(entries.len() as u64);
        self.progress.advance(1);
        let imported: Vec<Outcome> =
            entries.into_par_iter().with_max_len(1).map(|entry| self.entry(place, named, entry)).collect();
        let mut outcome = Outcome::default();
        imported.into_iter().for_each(|entry| outcome.append(entry));
        outcome
    }

    fn entry(&self, place: &Place, named: &Named, entry: Entry<'_>) -> Outcome {
        let number = entry.number();
        let outcome = match self.format.import(entry) {
            Ok(run) => self.imported(place, named, run),
            Err(error) => {
                let reason = format!("{}: {}", error.place, json::reason(&error.fault.to_string()));
                Outcome::failed(place, number, reason, Exit::Usage)
            }
        };
        self.progress.advance(1);
        outcome
    }

    fn imported(&self, place: &Place, named: &Named, run: ImportedRun) -> Outcome {
        let number = run.entry;
        let path = self.out.join(names::file(&named.stem, number, run.id.as_deref()));
        let told = |noted: &rederive_import::Noted| Noted {
            count: noted.count,
            first: format!("{} entry {number}{}", place.shown(), at(&noted.first)),
        };
        let notes = run.noted.iter().map(|(kind, noted)| (*kind, told(noted))).collect();
        match self.record(named, &path, run) {
            Ok(sealed) => {
                let SealedRun { records, bytes, .. } = sealed;
                Outcome { runs: 1, records, bytes, notes, ..Outcome::default() }
            }
            Err(error) => {
                let (exit, reason) = faults::unrecorded(&error);
                Outcome::failed(place, number, format!("{}: {reason}", path.display()), exit)
            }
        }
    }

    /// Makes the trace of a run.
    fn record(&self, named: &Named, path: &Path, run: ImportedRun) -> Result<SealedRun, RecordError> {
        let entropy: Box<dyn Entropy> = match self.seed {
            Some(seed) => {
                // Traces that begin in one entry have one number, and differ in their ids.
                let trace = run.id.as_ref().filter(|_| *self.format == Format::Otel);
                let trace = trace.map(|id| format!("\n{id}")).unwrap_or_default();
                let label = format!("{}\n{}{trace}", named.source, run.entry);
                Box::new(SeededEntropy::new(seed.as_bytes(), label.as_bytes()))
            }
            None => Box::new(OsEntropy),
        };
        let options = Options {
            // It can be made again from what was imported.
            durability: Durability::LeftToSystem,
            packing: Packing::Hot,
            signer: self.key.clone().map(|key| key as _),
            clock: Arc::new(NoClock),
            entropy,
            open_calls: OpenCalls::Leave,
            extractor: None,
        };
        let mut drafts = run.drafts.into_iter();
        let opening = drafts.next().ok_or(RecordError::NotAnOpening)?;
        let recorder = Recorder::create(OsStorage, path, opening, options)?;
        for draft in drafts {
            recorder.append(draft)?;
        }
        recorder.seal()
    }
}

/// A place in an entry; its root needs no words.
fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(", at {pointer}") }
}

impl Outcome {
    fn failed(place: &Place, entry: u64, reason: String, exit: Exit) -> Self {
        let failure = Failure { path: place.shown(), entry: Some(entry), reason, exit };
        Self { failed: vec![failure], ..Self::default() }
    }

    fn append(&mut self, other: Self) {
        self.runs += other.runs;
        self.records += other.records;
        self.bytes += other.bytes;
        self.failed.extend(other.failed);
        self.empty.extend(other.empty);
        for (kind, noted) in other.notes {
            self.notes.entry(kind).or_insert_with(|| Noted { count: 0, first: noted.first.clone() }).count +=
                noted.count;
        }
    }

    fn view(&self, elapsed: Duration) -> View<'_> {
        View {
            runs: self.runs,
            records: self.records,
            failed: &self.failed,
            empty: &self.empty,
            seconds: json_seconds(elapsed),
            notes: self.notes.iter().map(|(kind, noted)| (kind.name(), noted.count)).collect(),
        }
    }

    /// A run of nothing but an opening and an end replays as well as any: that nothing was read of it is said.
    fn tell_of_entries_without_messages(&self, terminal: &mut Terminal) {
        let Some(noted) = self.notes.get(&NoteKind::NoMessages) else { return };
        let title = if noted.count == self.runs {
            "no entry had messages: the traces say nothing of what happened".to_owned()
        } else {
            format!("{} of {} had no messages", count(noted.count), counted(self.runs, "run"))
        };
        terminal.caution(&Problem::warning(title).row("first", &noted.first).hint(
            "--messages POINTER says where in an entry they stand; `rederive import otel` reads spans",
        ));
    }

    fn print(&self, out: &Path, elapsed: Duration, terminal: &mut Terminal) {
        let all =
            [counted(self.runs, "run"), counted(self.records, "record"), bytes(self.bytes), seconds(elapsed)];
        let paint = terminal.paint();
        terminal.tell(&format!("{} in {}", paint.paint(Tone::Strong, &all.join(", ")), paths::shown(out)));
        if !self.notes.is_empty() {
            terminal.tell(&paint.paint(Tone::Strong, "notes: what is not understood is kept as content"));
            let mut table = Table::default();
            for (kind, noted) in &self.notes {
                let first = format!("first: {}", noted.first);
                table.push(vec![
                    Cell::left(kind.name(), Tone::Notice),
                    Cell::right(count(noted.count)),
                    Cell::left(first, Tone::Faint),
                ]);
            }
            table.lines("  ", paint).iter().for_each(|line| terminal.tell(line));
        }
        for failure in self.failed.iter().take(PROBLEMS_MAX) {
            let entry = failure.entry.map(|entry| format!(", entry {entry}")).unwrap_or_default();
            terminal.complain(&Problem::error(format!("{}{entry}: {}", failure.path, failure.reason)));
        }
        let more = self.failed.len().saturating_sub(PROBLEMS_MAX) as u64;
        if more > 0 {
            terminal.remark(&format!("and {} more that failed: --json lists all", count(more)));
        }
        if let [first, more @ ..] = self.empty.as_slice() {
            let others = match more.len() as u64 {
                0 => String::new(),
                others => format!(", and {} more", count(others)),
            };
            terminal
                .caution(&Problem::warning(format!("{first} has no entries{others}: no run is made of it")));
        }
        self.tell_of_entries_without_messages(terminal);
        if self.runs > 0 {
            terminal.remark(&format!("next: rederive replay {}", paths::typed(out)));
        }
    }
}
