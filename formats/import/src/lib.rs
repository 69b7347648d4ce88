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
//! assert_eq!(runs[1].as_ref().unwrap_err().to_string(), "runs.jsonl: entry 1, line 2, column 22: expected value");
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
mod pairing;
mod transcript;
mod weave;

pub use chat::MESSAGES_DEFAULT;
pub use fault::{ENTRY_BYTES_MAX, Expected, FaultPlace, ImportError, ImportFault, NOTES_MAX, Note, NoteKind};
pub use json::Kind;

use rederive_evidence::draft::Draft;

use entries::Texts;
use fault::Notes;
use weave::Origins;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chat transcripts: a run is a list of messages.
    Chat {
        /// JSON pointer of the list in an entry; without it the [`MESSAGES_DEFAULT`] are tried.
        messages: Option<String>,
    },
}

/// One entry of a file, not looked into yet.
#[derive(Debug)]
pub struct Entry<'a> {
    file: &'a str,
    number: u64,
    found: entries::Found<'a>,
}

impl Entry<'_> {
    /// Number of the entry in its file, from 0.
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
    /// What was not understood, in the order in which it was met.
    pub notes: Vec<Note>,
}

impl Format {
    /// The entries of a file, broken ones included, in the file's order.
    pub fn entries<'a>(&self, file: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        match self {
            Self::Chat { .. } => {
                let texts = Texts::new(file, bytes, |first| entries::starts_messages(first));
                (0..).zip(texts).map(move |(number, found)| Entry { file, number, found })
            }
        }
    }

    /// The run of an entry.
    ///
    /// # Errors
    /// Why there is none, with file, entry and place.
    pub fn import(&self, entry: Entry<'_>) -> Result<ImportedRun, ImportError> {
        let (file, number) = (entry.file, entry.number);
        let run = self.run_of(entry);
        run.map_err(|(place, fault)| ImportError { file: file.to_owned(), entry: number, place, fault })
    }

    fn run_of(&self, entry: Entry<'_>) -> Result<ImportedRun, (FaultPlace, ImportFault)> {
        let text = entry.found?;
        let mut notes = Notes::default();
        let transcript = match self {
            Self::Chat { messages } => chat::read(text.value, messages.as_deref(), &mut notes)?,
        };
        let id = transcript.id.as_ref().map(|id| String::from_utf8_lossy(id).into_owned());
        let origins = Origins { file: entry.file, entry: entry.number };
        let drafts = weave::weave(transcript, origins, &mut notes)?;
        Ok(ImportedRun { entry: entry.number, id, drafts, notes: notes.into_list() })
    }
}
