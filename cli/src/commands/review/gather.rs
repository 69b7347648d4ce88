//! What the records of a run tell a reviewer: one walk, the machine beside it for the labels.

use std::collections::BTreeMap;
use std::path::Path;

use rederive_archive::storage::OsFile;
use rederive_archive::{ContentReader, ReadFault};
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::decision::{DecisionMade, Directive};
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{MediaType, Record};
use rederive_evidence::rules::{Breach, Outcome};
use rederive_evidence::values::{Label, Place};
use rederive_machine::Machine;

use crate::args::Failed;
use crate::text::{bytes, one_line};
use crate::trace::{self, Held, Trace};
use crate::words::faults;
use crate::words::gist::gist;

/// The most characters quoted of a content.
const QUOTED_MAX: usize = 400;

/// On which side of an action a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// What the model saw, or could.
    Saw,
    /// What was decided about it: what was shown, planned or blocked before anything happened too.
    Decided,
    /// What executed.
    Executed,
}

/// A record as the page lists it.
pub(super) struct Entry {
    pub(super) record: u64,
    pub(super) kind: Kind,
    pub(super) actor: Id,
    pub(super) side: Option<Side>,
    /// Its gist: words of its body, and the beginning of its content.
    pub(super) words: String,
    /// Label of all that influenced it.
    pub(super) label: Label,
    pub(super) is_refused: bool,
    pub(super) breaches: Vec<Breach>,
    /// The records that it names as what is in it, where it is a prompt.
    pub(super) parts: Vec<u64>,
}

/// A call of the run, with all that the records tell of it.
pub(super) struct CallStory {
    pub(super) record: u64,
    pub(super) tool: Id,
    pub(super) arguments: String,
    pub(super) influence: Label,
    /// The decisions on it: record and words.
    pub(super) decisions: Vec<(u64, String)>,
    /// How it ended: record and kind.
    pub(super) end: Option<(u64, Kind, String)>,
}

/// Everything gathered.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) opened: Option<Box<RunOpened>>,
    pub(super) goal: Option<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) calls: Vec<CallStory>,
    live: BTreeMap<Place, usize>,
}

/// Walks the records below `end`.
///
/// # Errors
/// A record cannot be read.
pub(super) fn of(trace: &Trace, path: &Path, end: u64) -> Result<Gathered, Failed> {
    let mut gathered = Gathered::default();
    let (mut machine, mut contents) = (Machine::new(), trace.content_reader());
    // What stands at the end may be no record at all.
    let below = usize::try_from(end).unwrap_or(usize::MAX);
    for record in trace::records(trace, path).take(below) {
        let record = record?;
        let answer = machine.decide(&record.input, record.extracted.as_ref());
        let label = answer.transition.mark().label;
        machine.commit(answer.transition);
        gathered.add(&record, label, &mut contents).map_err(|fault| faults::reading(path, &fault))?;
    }
    Ok(gathered)
}

impl Gathered {
    fn add(
        &mut self,
        record: &Record,
        label: Label,
        contents: &mut ContentReader<'_, OsFile>,
    ) -> Result<(), ReadFault> {
        let input = &record.input;
        if let Body::RunOpened(opened) = &input.body {
            let goal = opened.goal.known().map(|goal| quote(record, *goal, contents)).transpose()?;
            (self.opened, self.goal) = (Some(opened.clone()), goal);
        }
        let gist = gist(&input.body);
        let mut words = one_line(&gist.words);
        if let Some(content) = gist.quoted {
            let quoted = quote(record, content, contents)?;
            if !words.is_empty() && !quoted.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&quoted);
        }
        self.call(record, &words, label);
        let parts = if let Body::PromptSent(sent) = &input.body {
            sent.parts.iter().filter_map(|part| Some(part.from?.0)).collect()
        } else {
            Vec::new()
        };
        let kind = input.body.kind();
        self.entries.push(Entry {
            record: input.sequence,
            kind,
            actor: input.actor.clone(),
            side: side_of(kind),
            words,
            label,
            is_refused: record.derived.outcome == Outcome::Refused,
            breaches: record.derived.breaches.clone(),
            parts,
        });
        Ok(())
    }

    /// What a record tells of a call.
    fn call(&mut self, record: &Record, words: &str, label: Label) {
        let input = &record.input;
        let number = input.sequence;
        if let Body::DecisionMade(made) = &input.body {
            let live = made.request.call.as_ref().and_then(|place| self.live.get(place));
            if let Some(call) = live.and_then(|at| self.calls.get_mut(*at)) {
                call.decisions.push((number, decided(made)));
            }
            return;
        }
        let Some(place) = &input.place else { return };
        if let Body::ToolProposed(proposed) = &input.body {
            let (_, arguments) = words.split_once(": ").unwrap_or_default();
            let _ = self.live.insert(place.clone(), self.calls.len());
            self.calls.push(CallStory {
                record: number,
                tool: proposed.tool.clone(),
                arguments: arguments.to_owned(),
                influence: label,
                decisions: Vec::new(),
                end: None,
            });
            return;
        }
        let kind = input.body.kind();
        if matches!(kind, Kind::ToolReturned | Kind::ToolFailed | Kind::ToolBlocked | Kind::ToolUnknown)
            && let Some(at) = self.live.remove(place)
            && let Some(call) = self.calls.get_mut(at)
        {
            call.end = Some((number, kind, words.to_owned()));
        }
    }

    /// The records of these kinds, ascending.
    pub(super) fn of_kinds<'a>(&'a self, kinds: &'a [Kind]) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| kinds.contains(&entry.kind))
    }
}

/// A decision in words.
fn decided(made: &DecisionMade) -> String {
    let mut words = made.decision.to_string();
    if made.directive != Directive::None {
        words.push_str(&format!(" {}", made.directive));
    }
    words.push_str(&format!(" ({})", made.reason));
    if !made.rules.is_empty() {
        let rules: Vec<&str> = made.rules.iter().map(Id::as_str).collect();
        words.push_str(&format!(" by {}", rules.join(", ")));
    }
    if let Some(approval) = &made.approval {
        words.push_str(&format!(", approval {approval}"));
    }
    words
}

/// The beginning of a content on one line, or why there is none.
fn quote(
    record: &Record,
    content: Content,
    contents: &mut ContentReader<'_, OsFile>,
) -> Result<String, ReadFault> {
    let Some(entry) = record.input.contents.get(usize::from(content.0)) else { return Ok(String::new()) };
    let held = trace::content(contents, &entry.commitment)?;
    Ok(match held {
        Held::Absent(why) => format!("({why})"),
        Held::Wrong => "(bytes that do not match their commitment)".to_owned(),
        Held::Bytes(held) => match (entry.media, std::str::from_utf8(&held)) {
            (MediaType::Image | MediaType::Audio | MediaType::Cbor | MediaType::Cose, _) | (_, Err(_)) => {
                format!("({}, {})", entry.media, bytes(entry.bytes.0))
            }
            (_, Ok(text)) => crate::text::cut(&one_line(text), QUOTED_MAX),
        },
    })
}

/// Where a record of this kind stands. Others frame the action: opening and closing, registrations, limits, governance.
fn side_of(kind: Kind) -> Option<Side> {
    let of = |kinds: &[Kind]| kinds.contains(&kind);
    if of(SAW) {
        Some(Side::Saw)
    } else if of(DECIDED) {
        Some(Side::Decided)
    } else if of(EXECUTED) {
        Some(Side::Executed)
    } else {
        None
    }
}

const SAW: &[Kind] = &[
    Kind::PromptGiven,
    Kind::PromptSent,
    Kind::ContextRetrieved,
    Kind::ContextSummarised,
    Kind::ContextBlocked,
    Kind::MemoryRead,
];

const DECIDED: &[Kind] = &[
    Kind::PromptAnswered,
    Kind::PlanProposed,
    Kind::PlanChecked,
    Kind::PlanRevised,
    Kind::ToolProposed,
    Kind::ToolValidated,
    Kind::ToolRequested,
    Kind::ToolPreviewed,
    Kind::ToolBlocked,
    Kind::OutputBlocked,
    Kind::EffectPlanned,
    Kind::DecisionMade,
    Kind::GuardrailDetected,
    Kind::GuardrailTransformed,
    Kind::GuardrailBlocked,
    Kind::ApprovalRequested,
    Kind::ApprovalEvidence,
    Kind::ApprovalUnderReview,
    Kind::ApprovalApproved,
    Kind::ApprovalDenied,
    Kind::ApprovalRevised,
    Kind::ApprovalExpired,
    Kind::ApprovalWithdrawn,
    Kind::ApprovalLogged,
    Kind::DelegationGranted,
    Kind::ExceptionGranted,
    Kind::PolicyPinned,
    Kind::PolicyChanged,
];

const EXECUTED: &[Kind] = &[
    Kind::CredentialIssued,
    Kind::CredentialUsed,
    Kind::CredentialRevoked,
    Kind::CredentialExpired,
    Kind::ToolDispatched,
    Kind::ToolReturned,
    Kind::ToolFailed,
    Kind::ToolUnknown,
    Kind::MemoryWritten,
    Kind::MemoryDeleted,
    Kind::MemoryExpired,
    Kind::OutputProduced,
    Kind::OutputReleased,
    Kind::EffectExecuted,
    Kind::EffectVerified,
    Kind::EffectReverted,
    Kind::EffectQuarantined,
    Kind::EffectCompensated,
    Kind::EffectNotified,
    Kind::HandedOff,
];
