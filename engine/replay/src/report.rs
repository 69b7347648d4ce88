//! What a replay says of one trace: two verdicts, what was not checked, and where recorded and derived part.

use std::collections::BTreeMap;

use rederive_evidence::codes;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RunId;
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::values::{Layer, Mode};
use serde::Serialize;

codes! {
    /// How far a replay goes; each level includes those before it. Spec: levels.
    pub enum Level {
        /// Bytes, digests and signatures.
        Integrity = 0 "integrity",
        /// The machine: every answer, delta, checksum and root again.
        State = 1 "state",
        /// Extracted values again.
        Content = 2 "content",
        /// Every decision again under the bundle it pins; receipts, and the words of approvers.
        Policy = 3 "policy",
    }

    /// Whether what stands in the trace holds. Spec: verdict-valid.
    pub enum Valid {
        /// Everything at this level follows from the records.
        Reproduced = 0 "reproduced",
        /// A derived value differs from the recorded one.
        Diverged = 1 "diverged",
        /// Bytes do not match the digest in their header, head or seal.
        Damaged = 2 "damaged",
        /// Digests agree, but a signature does not, or no allowed key signed.
        Forged = 3 "forged",
        /// It could not be told.
        Undecided = 4 "undecided",
        /// `--sample`: the segments derived again held; the others were not looked at.
        Sampled = 5 "sampled",
    }
}

/// Something that the trace does not have, or that could not be checked. Spec: gaps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Gap {
    /// No outside party attests when the seal was made; a stolen key can back-date (section 16).
    NoWitness,
    /// No trust-root file was given: the key that signed is the one that the trace names itself.
    NoTrustRoot,
    /// The key was drawn for this run alone: nobody answers for it.
    Unattested,
    /// The source cannot give this layer's records; its rules were not evaluated.
    MissingLayer(Layer),
    /// Records have no time; rules that need one were not evaluated.
    NoTimes(u64),
    /// Calls without an end.
    UnpairedCalls(u64),
    /// The trace has no seal.
    Unsealed,
    /// The trace has a seal, and no record closes its run: what is asked at the end of a run was not.
    Unclosed,
    /// The tail after the last whole record was cut: this many bytes.
    CutTail(u64),
    /// The log beside the trace is this other run's: its records are no part of the trace, and were not looked at.
    OtherLog(RunId),
    /// Records were recovered after a crash without a signed head over them.
    RecoveredTail(u64),
    /// Contents of records that the file no longer has.
    Redacted(u64),
    /// Records whose extracted part was taken as recorded, because its content is redacted.
    TakenAsRecorded(u64),
    /// What follows this record could not be derived: its kind is not known to this version.
    UnknownKind(u64),
    /// The rule set is not known to this version.
    UnknownRuleSet(u16),
    /// A bundle that decisions pin is not at hand.
    MissingBundle(Digest),
    /// A registry that decisions rest on is not at hand.
    MissingRegistry(Digest),
    /// Decisions that were taken as recorded: what they were asked about is redacted, or nothing says of which memory item they are.
    DecisionsTaken(u64),
    /// Decisions by which the gate itself withheld something, whatever the policies say.
    DecisionsWithheld(u64),
    /// Decisions without a receipt.
    NoReceipts(u64),
    /// Decisions whose receipt is redacted, so that nobody can check it.
    ReceiptsRedacted(u64),
    /// Words of approvers without a signature, or under a key that the opening record does not have.
    UnsignedWords(u64),
    /// Decisions made under another version of the engine than the one that answered again, and alike.
    OtherEngine(u64),
}

impl Gap {
    /// The gap of so many; none where there is nothing.
    pub(crate) fn counted(gap: fn(u64) -> Self, number: u64) -> Option<Self> {
        (number > 0).then(|| gap(number))
    }

    /// The gap's stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoWitness => "no-witness",
            Self::NoTrustRoot => "no-trust-root",
            Self::Unattested => "unattested",
            Self::MissingLayer(_) => "missing-layer",
            Self::NoTimes(_) => "no-times",
            Self::UnpairedCalls(_) => "unpaired-calls",
            Self::Unsealed => "unsealed",
            Self::Unclosed => "unclosed",
            Self::CutTail(_) => "cut-tail",
            Self::OtherLog(_) => "other-log",
            Self::RecoveredTail(_) => "recovered-tail",
            Self::Redacted(_) => "redacted",
            Self::TakenAsRecorded(_) => "taken-as-recorded",
            Self::UnknownKind(_) => "unknown-kind",
            Self::UnknownRuleSet(_) => "unknown-rule-set",
            Self::MissingBundle(_) => "missing-bundle",
            Self::MissingRegistry(_) => "missing-registry",
            Self::DecisionsTaken(_) => "decisions-taken",
            Self::DecisionsWithheld(_) => "decisions-withheld",
            Self::NoReceipts(_) => "no-receipts",
            Self::ReceiptsRedacted(_) => "receipts-redacted",
            Self::UnsignedWords(_) => "unsigned-words",
            Self::OtherEngine(_) => "other-engine",
        }
    }

    /// Whether the command-line tool's exit status says that something is missing (4) because of it, at this level.
    pub const fn is_torn(&self, level: Level) -> bool {
        match self {
            Self::Unsealed | Self::CutTail(_) | Self::OtherLog(_) | Self::RecoveredTail(_) => true,
            Self::TakenAsRecorded(_) => matches!(level, Level::Content | Level::Policy),
            // Who takes out what a decision rests on must not make it look checked. Spec: not-checked.
            Self::DecisionsTaken(_) | Self::ReceiptsRedacted(_) => matches!(level, Level::Policy),
            Self::NoWitness
            | Self::NoTrustRoot
            | Self::Unattested
            | Self::MissingLayer(_)
            | Self::NoTimes(_)
            | Self::UnpairedCalls(_)
            | Self::Unclosed
            | Self::Redacted(_)
            | Self::UnknownKind(_)
            | Self::UnknownRuleSet(_)
            | Self::MissingBundle(_)
            | Self::MissingRegistry(_)
            | Self::DecisionsWithheld(_)
            | Self::NoReceipts(_)
            | Self::UnsignedWords(_)
            | Self::OtherEngine(_) => false,
        }
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::MissingLayer(layer) => write!(f, " {layer}"),
            Self::NoTimes(n)
            | Self::UnpairedCalls(n)
            | Self::CutTail(n)
            | Self::RecoveredTail(n)
            | Self::Redacted(n)
            | Self::TakenAsRecorded(n)
            | Self::UnknownKind(n)
            | Self::DecisionsTaken(n)
            | Self::DecisionsWithheld(n)
            | Self::NoReceipts(n)
            | Self::ReceiptsRedacted(n)
            | Self::UnsignedWords(n)
            | Self::OtherEngine(n) => write!(f, " {n}"),
            Self::MissingBundle(digest) | Self::MissingRegistry(digest) => write!(f, " {digest}"),
            Self::OtherLog(run) => write!(f, " {}", run.to_hex()),
            Self::UnknownRuleSet(n) => write!(f, " {n}"),
            Self::NoWitness | Self::NoTrustRoot | Self::Unattested | Self::Unsealed | Self::Unclosed => {
                Ok(())
            }
        }
    }
}

impl Serialize for Gap {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A rule that a record does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The record.
    pub record: u64,
    /// The rule.
    pub rule: Rule,
    /// In what way.
    pub reason: Reason,
    /// The earlier record concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<u64>,
}

impl Finding {
    /// The breach of `record` as a finding.
    pub const fn new(record: u64, breach: &Breach) -> Self {
        Self { record, rule: breach.rule, reason: breach.reason, by: breach.record }
    }
}

/// A failure of execution integrity: in an enforced run, an effect whose request the machine had refused, or never had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The effect's record.
    pub record: u64,
    /// The rule by which the machine tells.
    pub rule: Rule,
    /// In what way.
    pub reason: Reason,
}

/// The most findings and failures listed for one run; all are counted.
pub const LISTED_MAX: usize = 1_000;

/// What breaks a rule in some way.
pub trait Breaks {
    /// The rule, and in what way.
    fn way(&self) -> (Rule, Reason);
}

impl Breaks for Finding {
    fn way(&self) -> (Rule, Reason) {
        (self.rule, self.reason)
    }
}

impl Breaks for Failure {
    fn way(&self) -> (Rule, Reason) {
        (self.rule, self.reason)
    }
}

/// A list that keeps its first [`LISTED_MAX`] items and counts all, by the way in which they break a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    items: Vec<T>,
    counts: BTreeMap<(Rule, Reason), u64>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), counts: BTreeMap::new() }
    }
}

impl<T: Breaks> Listed<T> {
    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        *self.counts.entry(item.way()).or_default() += 1;
        if self.items.len() < LISTED_MAX {
            self.items.push(item);
        }
    }
}

impl<T> Listed<T> {
    /// Adds the items of a later stretch of the same run.
    pub fn append(&mut self, later: Self) {
        let free = LISTED_MAX - self.items.len();
        self.items.extend(later.items.into_iter().take(free));
        later.counts.into_iter().for_each(|(way, count)| *self.counts.entry(way).or_default() += count);
    }

    /// The items kept.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many break each rule in each way, those included that are not kept.
    pub fn counts(&self) -> &BTreeMap<(Rule, Reason), u64> {
        &self.counts
    }
}

/// Where something is wrong: as much as is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Segment number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<u32>,
    /// Record number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Byte offset: in a segment's frames where a record is named, else in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
}

/// What is wrong at the lowest place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Stable code (SPEC.md, "Codes").
    pub code: &'static str,
    /// Where.
    pub place: Place,
    /// The field, as the JSON view names it.
    pub field: String,
    /// What the trace says.
    pub recorded: String,
    /// What follows from its records and bytes.
    pub derived: String,
}

/// Where an imported run was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceView {
    /// The file, or `null` where its name is redacted.
    pub file: Option<String>,
    /// Number of the entry in it, from 0.
    pub entry: u64,
    /// The entry's own id or path.
    pub id: Option<String>,
}

/// What a replay says of one trace. The same for every number of threads, split and snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The run's number; `None` where not even a header can be read.
    pub run: Option<RunId>,
    /// Where it was imported from.
    pub source: Option<SourceView>,
    /// Whether refusals were enforced.
    pub mode: Option<Mode>,
    /// Records verified.
    pub records: u64,
    /// Segments in the trace.
    pub segments: u64,
    /// Records of the open segment that a signed head covers.
    pub attested_open: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// How far the replay went.
    pub level: Level,
    /// The first verdict.
    pub valid: Valid,
    /// The second verdict: complete where it is empty. Ascending, each once.
    pub gaps: Vec<Gap>,
    /// Rules not kept: in an observed run breaches, in an enforced one breaching facts.
    pub findings: Listed<Finding>,
    /// Effects under refused requests.
    pub failures: Listed<Failure>,
    /// What is wrong, where `valid` is diverged, damaged, forged or undecided.
    pub wrong: Option<Wrong>,
    /// `--sample`: how many segments were derived again, of how many.
    pub sampled: Option<(u64, u64)>,
    /// Policy level: engine and version that answered, where decisions pin another version.
    pub under: Option<String>,
    /// Policy level: decisions that were made again.
    pub decisions: Option<u64>,
}

impl Report {
    /// Whether nothing is missing and nothing was left unchecked.
    pub fn complete(&self) -> bool {
        self.gaps.is_empty()
    }
}
