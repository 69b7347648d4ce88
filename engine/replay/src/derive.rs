//! Derivation of one segment's records again, and the comparison with what is recorded.

use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::kinds::Kind;
use rederive_evidence::lanes;
use rederive_evidence::record::{Extracted, Record};
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_evidence::values::Mode;
use rederive_machine::{Checksum, Machine};

use crate::report::{Failure, Finding, Listed, Place, Wrong};

/// The machine on its way through a run, and what it has found.
#[derive(Debug)]
pub(crate) struct Deriver {
    machine: Machine,
    checksum: Checksum,
    enforced: bool,
    pub(crate) findings: Listed<Finding>,
    pub(crate) failures: Listed<Failure>,
    batch: Batch,
    /// Where recorded and derived part: nothing is derived after it.
    pub(crate) parted: Option<Wrong>,
}

/// The records of a segment that were applied and whose deltas are not compared yet.
#[derive(Debug, Default)]
struct Batch {
    deltas: Vec<u8>,
    ends: Vec<usize>,
    recorded: Vec<RecordedDelta>,
    digests: Vec<Digest>,
    findings: Vec<Finding>,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct RecordedDelta {
    record: u64,
    byte: u64,
    delta: Digest,
    /// At a decision: the checksum recorded, or that none is.
    decision: Option<Option<Digest>>,
    /// Another kind states a checksum.
    stray: Option<Digest>,
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePlace {
    pub(crate) segment: u32,
    pub(crate) record: u64,
    pub(crate) byte: u64,
}

impl FramePlace {
    pub(crate) fn wrong(self, code: &'static str, field: &str, recorded: String, derived: String) -> Wrong {
        let place = Place { segment: Some(self.segment), record: Some(self.record), byte: Some(self.byte) };
        Wrong { code, place, field: field.to_owned(), recorded, derived }
    }
}

impl Deriver {
    /// A deriver that goes on with `machine`, where the state checksum is `checksum`.
    pub(crate) fn new(machine: Machine, checksum: Digest, mode: Option<Mode>) -> Self {
        Self {
            machine,
            checksum: Checksum::start(checksum),
            enforced: mode == Some(Mode::Enforced),
            findings: Listed::default(),
            failures: Listed::default(),
            batch: Batch::default(),
            parted: None,
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn into_machine(self) -> Machine {
        self.machine
    }

    /// Applies a record and compares its answer. `extracted` is what the record's content gives, where it was computed again.
    pub(crate) fn record(&mut self, at: FramePlace, record: &Record, extracted: Again) {
        if self.parted.is_some() {
            return;
        }
        if let Again::Computed(computed) = extracted
            && computed != record.extracted
        {
            let (recorded, derived) = (json(&record.extracted), json(&computed));
            self.parted = Some(at.wrong("D-EXTRACTED", "extracted", recorded, derived));
            return;
        }
        let answer = self.machine.decide(&record.input, record.extracted.as_ref());
        let recorded = &record.derived;
        if answer.outcome != recorded.outcome {
            let (recorded, derived) = (recorded.outcome.to_string(), answer.outcome.to_string());
            self.parted = Some(at.wrong("D-OUTCOME", "derived.outcome", recorded, derived));
            return;
        }
        if answer.breaches != recorded.breaches {
            let (recorded, derived) = (json(&recorded.breaches), json(&answer.breaches));
            self.parted = Some(at.wrong("D-BREACHES", "derived.breaches", recorded, derived));
            return;
        }
        self.note_breaches(at.record, record, answer.outcome);
        answer.transition.delta(&mut self.batch.deltas);
        self.batch.ends.push(self.batch.deltas.len());
        let is_decision = record.input.body.kind() == Kind::DecisionMade;
        self.batch.recorded.push(RecordedDelta {
            record: at.record,
            byte: at.byte,
            delta: recorded.delta,
            decision: is_decision.then_some(recorded.checksum),
            stray: if is_decision { None } else { recorded.checksum },
        });
        self.machine.commit(answer.transition);
    }

    fn note_breaches(&mut self, number: u64, record: &Record, outcome: Outcome) {
        // A refusal that reproduces is the machine at work, not something found.
        if outcome == Outcome::Refused {
            return;
        }
        for breach in &record.derived.breaches {
            self.batch.findings.push(Finding::new(number, breach));
            if self.enforced
                && is_effect_without_request(record.input.body.kind(), breach.rule, breach.reason)
            {
                self.batch.failures.push(Failure {
                    record: number,
                    rule: breach.rule,
                    reason: breach.reason,
                });
            }
        }
    }

    /// Compares the deltas and checksums of the records applied since the segment began. Returns the checksum after them.
    pub(crate) fn settle(&mut self, segment: u32) -> Digest {
        let batch = &mut self.batch;
        batch.digests.clear();
        let starts = std::iter::once(0).chain(batch.ends.iter().copied());
        let deltas =
            starts.zip(&batch.ends).map(|(start, end)| batch.deltas.get(start..*end).unwrap_or_default());
        lanes::digest_many(Purpose::Delta, deltas, &mut batch.digests);
        let mut lowest = None;
        for (derived, recorded) in batch.digests.iter().zip(&batch.recorded) {
            let at = FramePlace { segment, record: recorded.record, byte: recorded.byte };
            if let Some(wrong) = compare(at, recorded, derived, &self.checksum) {
                lowest = Some(wrong);
                break;
            }
            self.checksum.push(derived);
        }
        let last = lowest.as_ref().and_then(|wrong| wrong.place.record).unwrap_or(u64::MAX);
        batch
            .findings
            .drain(..)
            .filter(|found| found.record < last)
            .for_each(|found| self.findings.push(found));
        batch
            .failures
            .drain(..)
            .filter(|failed| failed.record < last)
            .for_each(|failed| self.failures.push(failed));
        batch.deltas.clear();
        batch.ends.clear();
        batch.recorded.clear();
        if lowest.is_some() {
            self.parted = lowest;
        }
        self.checksum.value()
    }

    /// A new segment begins where the checksum is `at`.
    pub(crate) fn begin_segment(&mut self, at: Digest) {
        self.checksum = Checksum::start(at);
    }
}

/// The extracted part, computed again or not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Again {
    /// The level does not ask for it, or its content is redacted.
    AsRecorded,
    /// What the content gives.
    Computed(Option<Extracted>),
}

fn compare(at: FramePlace, recorded: &RecordedDelta, derived: &Digest, checksum: &Checksum) -> Option<Wrong> {
    if recorded.delta != *derived {
        return Some(at.wrong("D-DELTA", "derived.delta", recorded.delta.to_hex(), derived.to_hex()));
    }
    let expected = recorded.decision.map(|_| checksum.value());
    let found = recorded.decision.flatten().or(recorded.stray);
    if expected == found {
        return None;
    }
    let show = |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), |digest| digest.to_hex());
    Some(at.wrong("D-CHECKSUM", "derived.checksum", show(found), show(expected)))
}

/// Whether the breach says that something took effect which the machine had not let through: nothing else may lead to such a fact in an
/// enforced run (D4, D9).
fn is_effect_without_request(kind: Kind, rule: Rule, reason: Reason) -> bool {
    let is_effect = matches!(
        kind,
        Kind::ToolReturned
            | Kind::ToolFailed
            | Kind::ToolUnknown
            | Kind::EffectExecuted
            | Kind::PromptAnswered
    );
    let has_no_request =
        matches!(reason, Reason::Step | Reason::Unknown | Reason::Unlinked | Reason::PlaceUsed);
    is_effect && has_no_request && matches!(rule, Rule::Tol2 | Rule::Prm3 | Rule::Out1)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
