//! Foreign recordings of agent runs in, drafts of records out: chat transcripts and OpenTelemetry traces.
//!
//! Pure: it is given a file's name and bytes and yields runs; the recorder makes the traces. [`Format::entries`] splits a
//! file into entries without reading more of each than where it ends, and [`Format::import`] makes one run of an entry,
//! whatever becomes of the others, so that entries can be imported in any order and on any thread:
//!
//! ```
//! use rederive_import::Format;
//!
//! let file = br#"{"id":"a","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}
//! {"id":"b","messages":[}"#;
//! let format = Format::Chat { messages: None };
//! let runs: Vec<_> = format.entries("runs.jsonl", file).map(|entry| format.import(entry)).collect();
//! assert_eq!(runs[0].as_ref().unwrap().drafts.len(), 6);
//! assert_eq!(runs[1].as_ref().unwrap_err().to_string(), "runs.jsonl: entry 1, line 2, column 23: expected value");
//! ```
//!
//! The same bytes give the same drafts. Everything in an entry becomes a field or a content of some record; what was not
//! understood is named by a [`Note`] as well.

mod chat;
mod entries;
mod fault;
mod json;
mod message;
mod names;
mod otel;
mod pairing;
mod transcript;
mod weave;

pub use chat::MESSAGES_DEFAULT;
pub use fault::{
    ENTRY_BYTES_MAX, Expected, FaultPlace, ImportError, ImportFault, NOTES_MAX, Note, NoteKind, Noted,
};
pub use json::Kind;

use std::collections::BTreeMap;

use rederive_evidence::draft::Draft;

use entries::Texts;
use fault::Notes;
use transcript::Transcript;
use weave::Origins;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chat transcripts: a run is a list of messages.
    Chat {
        /// JSON pointer (RFC 6901) of the list in an entry, empty where the entry is the list; without it the [`MESSAGES_DEFAULT`] are tried.
        messages: Option<String>,
    },
    /// Traces of spans with the OpenTelemetry GenAI conventions: a run is a trace, wherever in the file its spans stand.
    Otel,
}

/// One entry of a file, not looked into yet: a run's text, or the spans of its trace.
#[derive(Debug)]
pub struct Entry<'a> {
    file: &'a str,
    number: u64,
    found: Found<'a>,
}

#[derive(Debug)]
enum Found<'a> {
    Text(entries::Text<'a>),
    Trace(otel::Trace<'a>),
    Fault(FaultPlace, ImportFault),
}

impl Entry<'_> {
    /// Number of the entry in its file, from 0. Traces that begin in one entry have one number, and differ in their ids.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// The run that an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRun {
    /// Number of the entry in its file, from 0.
    pub entry: u64,
    /// The entry's own id or path.
    pub id: Option<String>,
    /// The records in order: the run's opening first, its closing last. Number, key, rule set and name of the recorder
    /// in the opening record are the recorder's to write.
    pub drafts: Vec<Draft>,
    /// What was not understood, in the order in which it was met: the first [`NOTES_MAX`] of it.
    pub notes: Vec<Note>,
    /// All of it by its kind.
    pub noted: BTreeMap<NoteKind, Noted>,
}

impl Format {
    /// The entries of a file, broken ones included, in the file's order. For [`Format::Otel`] the spans of the whole file
    /// are sorted by trace before the first is returned, without being read.
    pub fn entries<'a>(
        &self,
        file: &'a str,
        bytes: &'a [u8],
    ) -> Box<dyn Iterator<Item = Entry<'a>> + Send + 'a> {
        match self {
            Self::Chat { messages } => {
                // The empty pointer says that an entry is its messages: then no list is one of entries.
                let is_whole = messages.as_deref() == Some("");
                let is_entry: entries::IsEntry = if is_whole { |_| true } else { entries::starts_messages };
                let texts = (0..).zip(Texts::new(file, bytes, is_entry));
                Box::new(texts.map(move |(number, text)| {
                    let found = text.map_or_else(|(at, fault)| Found::Fault(at, fault), Found::Text);
                    Entry { file, number, found }
                }))
            }
            Self::Otel => {
                let traces = otel::traces(Texts::new(file, bytes, |_| true));
                Box::new(traces.into_iter().map(move |(number, trace)| {
                    let found = trace.map_or_else(|(at, fault)| Found::Fault(at, fault), Found::Trace);
                    Entry { file, number, found }
                }))
            }
        }
    }

    /// The run of an entry.
    ///
    /// # Errors
    /// Why there is none, with file, entry and place.
    pub fn import(&self, entry: Entry<'_>) -> Result<ImportedRun, ImportError> {
        let Entry { file, number, found } = entry;
        let origins = Origins { file, entry: number };
        let mut notes = Notes::default();
        let run = match found {
            Found::Text(text) => chat::read(text.value, self.messages(), &mut notes)
                .and_then(|transcript| run(transcript, origins, notes))
                .map_err(|(pointer, fault)| (FaultPlace::Value { line: text.line, pointer }, fault)),
            Found::Trace(trace) => {
                let texts = otel::Texts::new();
                run(otel::read(&trace, &texts, &mut notes), origins, notes)
                    .map_err(|(pointer, fault)| (FaultPlace::Value { line: trace.line, pointer }, fault))
            }
            Found::Fault(place, fault) => Err((place, fault)),
        };
        run.map_err(|(place, fault)| ImportError { file: file.to_owned(), entry: number, place, fault })
    }

    /// Where the list of messages stands, if that is given.
    fn messages(&self) -> Option<&str> {
        match self {
            Self::Chat { messages } => messages.as_deref(),
            Self::Otel => None,
        }
    }
}

fn run(
    transcript: Transcript<'_>,
    origins: Origins<'_>,
    mut notes: Notes,
) -> Result<ImportedRun, fault::ValueFault> {
    let id = transcript.id.as_ref().map(|id| String::from_utf8_lossy(id).into_owned());
    let drafts = weave::weave(transcript, origins, &mut notes)?;
    let (notes, noted) = notes.into_parts();
    Ok(ImportedRun { entry: origins.entry, id, drafts, notes, noted })
}
