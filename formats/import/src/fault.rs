//! Why an entry could not be imported, and what in an imported one was not understood.

use std::collections::BTreeMap;

use crate::json::Kind;

/// Most bytes in one entry. Spec: limit-content; an entry's leftover is one content.
pub const ENTRY_BYTES_MAX: u64 = rederive_evidence::limits::CONTENT_BYTES_MAX;

/// An entry that yields no run. Other entries of the file are not touched by it.
#[derive(Debug, thiserror::Error)]
#[error("{file}: entry {entry}, {place}: {fault}")]
pub struct ImportError {
    /// Name of the file.
    pub file: String,
    /// Number of the entry in it, from 0.
    pub entry: u64,
    /// Where in the file or in the entry.
    pub place: FaultPlace,
    /// Why.
    pub fault: ImportFault,
}

/// Where a fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// In the file's text.
    Text {
        /// Line of the file, from 1.
        line: u64,
        /// Byte in the line, from 1.
        column: u64,
    },
    /// In a well-formed entry.
    Value {
        /// Line of the file on which the entry starts, from 1.
        line: u64,
        /// JSON pointer in the entry (RFC 6901).
        pointer: String,
    },
}

impl std::fmt::Display for FaultPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text { line, column } => write!(f, "line {line}, column {column}"),
            Self::Value { line, pointer } if pointer.is_empty() => write!(f, "line {line}"),
            Self::Value { line, pointer } => write!(f, "line {line}, at {pointer}"),
        }
    }
}

/// A fault of a value, and the JSON pointer at which it stands.
pub(crate) type ValueFault = (String, ImportFault);

/// Why an entry yields no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportFault {
    /// It is no JSON.
    #[error("{}", words(.0))]
    Syntax(#[source] serde_json::Error),
    /// It is no UTF-8.
    #[error("this byte is not part of UTF-8 text")]
    Utf8,
    /// The file starts with the byte order mark of UTF-16.
    #[error("the file is UTF-16, expected UTF-8")]
    Utf16,
    /// It is longer than [`ENTRY_BYTES_MAX`].
    #[error("the entry has {found} bytes, at most {ENTRY_BYTES_MAX} are taken")]
    Long {
        /// Its bytes.
        found: u64,
    },
    /// Something else stands where this is needed.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// What is needed.
        expected: Expected,
        /// What stands there.
        found: Kind,
    },
    /// The model is said to have proposed more calls in one answer than a turn can number.
    #[error("{found} calls in one answer, at most {} are taken", u16::MAX)]
    Calls {
        /// How many.
        found: usize,
    },
    /// The entry holds no span of a trace.
    #[error(
        "no span of a trace found: expected OTLP/JSON, spans with a trace id, a Jaeger or a Langfuse export"
    )]
    NoSpans,
    /// A list of spans has something else in it.
    #[error("this is no span: it has no span id, or no name")]
    NoSpan,
    /// The place is deeper in the document than spans are looked for.
    #[error("spans are looked for {} levels deep, and this is deeper", crate::otel::DEPTH_MAX)]
    Deep,
    /// A span names no trace, so that nobody can say which run it belongs to.
    #[error("the span has no trace id")]
    NoTrace,
}

/// What an entry needs at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// An entry.
    Entry,
    /// A list of messages.
    Messages,
    /// A message.
    Message,
    /// A list of spans.
    Spans,
    /// A span.
    Span,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Entry => "an object or a list whose first item is a message, with its role",
            Self::Messages => "a list of messages",
            Self::Message => "a message: an object",
            Self::Spans => "a list of spans",
            Self::Span => "a span: an object",
        })
    }
}

/// The words of a syntax error without the place, which counts from the entry's start and not from the file's.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or_else(|| text.clone(), str::to_owned)
}

/// Something in an imported entry that was not understood. It is kept as content all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where it stands in the entry: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is unclear about it.
    pub kind: NoteKind,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pointer, self.kind)
    }
}

/// What the importer could not make sense of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NoteKind {
    /// No list of messages was found: the run has an opening and a closing record only.
    NoMessages,
    /// A role that is none of the known ones: taken as data from outside.
    UnknownRole,
    /// A member that has no field in a record.
    UnknownMember,
    /// A part of a message of a type that is not known.
    UnknownPart,
    /// A value of another type than the format has here.
    UnexpectedValue,
    /// A member's name stands twice in one object: the last is taken.
    RepeatedMember,
    /// A string with half of a surrogate pair: its bytes are not UTF-8.
    LoneSurrogate,
    /// The arguments of a call are a string that is no JSON.
    ArgumentsNotJson,
    /// Several calls that could be meant have this id: the order decides.
    RepeatedCallId,
    /// A result that belongs to no call.
    ResultWithoutCall,
    /// A call that has no result.
    CallWithoutResult,
    /// A name that is no identifier: one is derived from its digest.
    NameDerived,
    /// A time that does not fit the order of the records: it is absent from the record.
    TimeOutOfOrder,
    /// A span that is neither a call of a model nor of a tool: it makes no record of its own.
    OtherSpan,
    /// A model's call without the messages that it was sent.
    PromptNotGiven,
    /// A model's call without the answer.
    AnswerNotGiven,
    /// More parts than one record can list: the surplus is one part.
    PartsJoined,
    /// More tools offered than a prompt can list: it lists none, and their names are kept.
    ToolsNotListed,
}

impl NoteKind {
    /// The note's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMessages => "no-messages",
            Self::UnknownRole => "unknown-role",
            Self::UnknownMember => "unknown-member",
            Self::UnknownPart => "unknown-part",
            Self::UnexpectedValue => "unexpected-value",
            Self::RepeatedMember => "repeated-member",
            Self::LoneSurrogate => "lone-surrogate",
            Self::ArgumentsNotJson => "arguments-not-json",
            Self::RepeatedCallId => "repeated-call-id",
            Self::ResultWithoutCall => "result-without-call",
            Self::CallWithoutResult => "call-without-result",
            Self::NameDerived => "name-derived",
            Self::TimeOutOfOrder => "time-out-of-order",
            Self::OtherSpan => "other-span",
            Self::PromptNotGiven => "prompt-not-given",
            Self::AnswerNotGiven => "answer-not-given",
            Self::PartsJoined => "parts-joined",
            Self::ToolsNotListed => "tools-not-listed",
        }
    }
}

impl std::fmt::Display for NoteKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The place of a value in its entry, as a chain of steps up to the entry; written out only for a note or a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'p> {
    above: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    /// Pointer text as it stands.
    Pointer(&'p str),
    Member(&'p str),
    Item(usize),
}

impl<'p> Path<'p> {
    /// The place that this JSON pointer names.
    pub(crate) const fn at(pointer: &'p str) -> Self {
        Self { above: None, step: Step::Pointer(pointer) }
    }

    pub(crate) const fn member(&'p self, name: &'p str) -> Self {
        Self { above: Some(self), step: Step::Member(name) }
    }

    pub(crate) const fn item(&'p self, index: usize) -> Self {
        Self { above: Some(self), step: Step::Item(index) }
    }

    /// The JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(path) = here {
            steps.push(match path.step {
                Step::Pointer(pointer) => pointer.to_owned(),
                Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
                Step::Item(index) => format!("/{index}"),
            });
            here = path.above;
        }
        steps.into_iter().rev().collect()
    }
}

/// Most notes listed of one entry; a hostile entry could have one a byte. All are counted: [`crate::ImportedRun::noted`].
pub const NOTES_MAX: usize = 10_000;

/// The notes of one entry, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: Vec<Note>,
    counted: BTreeMap<NoteKind, Noted>,
}

/// The notes of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// How many there are, listed or not.
    pub count: u64,
    /// JSON pointer of what the first of them is about.
    pub first: String,
}

impl Notes {
    pub(crate) fn add(&mut self, path: &Path<'_>, kind: NoteKind) {
        if self.list.len() < NOTES_MAX {
            self.list.push(Note { pointer: path.pointer(), kind });
        }
        let noted = self.counted.entry(kind).or_insert_with(|| Noted { count: 0, first: path.pointer() });
        noted.count = noted.count.saturating_add(1);
    }

    /// The notes listed, and all of them counted.
    pub(crate) fn into_parts(self) -> (Vec<Note>, BTreeMap<NoteKind, Noted>) {
        (self.list, self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_a_json_pointer() {
        let list = Path::at("/run/messages");
        let message = list.item(3);
        assert_eq!(message.member("a/b~c").pointer(), "/run/messages/3/a~1b~0c");
        assert_eq!(Path::at("").pointer(), "");
    }

    /// Every kind; the match stops the build when there is a new one.
    fn kinds() -> Vec<NoteKind> {
        use NoteKind::*;
        let after = |kind: &NoteKind| match kind {
            NoMessages => Some(UnknownRole),
            UnknownRole => Some(UnknownMember),
            UnknownMember => Some(UnknownPart),
            UnknownPart => Some(UnexpectedValue),
            UnexpectedValue => Some(RepeatedMember),
            RepeatedMember => Some(LoneSurrogate),
            LoneSurrogate => Some(ArgumentsNotJson),
            ArgumentsNotJson => Some(RepeatedCallId),
            RepeatedCallId => Some(ResultWithoutCall),
            ResultWithoutCall => Some(CallWithoutResult),
            CallWithoutResult => Some(NameDerived),
            NameDerived => Some(TimeOutOfOrder),
            TimeOutOfOrder => Some(OtherSpan),
            OtherSpan => Some(PromptNotGiven),
            PromptNotGiven => Some(AnswerNotGiven),
            AnswerNotGiven => Some(PartsJoined),
            PartsJoined => Some(ToolsNotListed),
            ToolsNotListed => None,
        };
        std::iter::successors(Some(NoMessages), after).collect()
    }

    #[test]
    fn the_manual_lists_every_note_and_no_other() {
        let manual = include_str!("../../../docs/import.md");
        let table = manual.split("| note | |").nth(1).unwrap().split("\n\n").next().unwrap();
        let listed: Vec<&str> =
            table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(listed, kinds().into_iter().map(NoteKind::name).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_names_file_entry_place_and_reason() {
        let syntax = serde_json::from_str::<serde_json::Value>("{\"a\":}").unwrap_err();
        let error = ImportError {
            file: "a.jsonl".to_owned(),
            entry: 7,
            place: FaultPlace::Text { line: 8, column: 6 },
            fault: ImportFault::Syntax(syntax),
        };
        assert_eq!(error.to_string(), "a.jsonl: entry 7, line 8, column 6: expected value");
    }
}
