//! Derivation of one segment's records again, and the comparison with what is recorded.

use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::kinds::Kind;
use rederive_evidence::lanes;
use rederive_evidence::record::{Extracted, Record};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_evidence::values::Mode;
use rederive_machine::{Answer, Checksum, Machine};

use crate::codes;
use crate::report::{Failure, Finding, Listed, Place, Wrong};

/// The machine on its way through a run, and what it has found.
#[derive(Debug)]
pub(crate) struct Deriver {
    machine: Machine,
    checksum: Checksum,
    enforced: bool,
    pub(crate) findings: Listed<Finding>,
    pub(crate) failures: Listed<Failure>,
    /// Records whose extracted part could not be computed again.
    pub(crate) taken_as_recorded: u64,
    batch: Batch,
    /// Each answer is written over the last.
    answer: Answer,
    /// Where recorded and derived part: nothing is derived after it.
    pub(crate) parted: Option<Wrong>,
}

/// The records of a segment that were applied: their deltas are digested together, and what was found counts once the segment is whole.
#[derive(Debug, Default)]
struct Batch {
    deltas: Vec<u8>,
    ends: Vec<usize>,
    recorded: Vec<RecordedDelta>,
    digests: Vec<Digest>,
    findings: Vec<Finding>,
    failures: Vec<Failure>,
    taken_as_recorded: Vec<u64>,
}

/// What a record says of the state after, and at a decision before it. Spec: decision-checksum.
#[derive(Debug)]
struct RecordedDelta {
    record: u64,
    byte: u64,
    delta: Digest,
    is_decision: bool,
    checksum: Option<Digest>,
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePlace {
    pub(crate) segment: u32,
    pub(crate) record: u64,
    pub(crate) byte: u64,
}

/// The extracted part, computed again or not.
#[derive(Clone, Debug)]
pub(crate) enum Again {
    /// The level does not ask for it.
    NotAsked,
    /// A content that it depends on is redacted: it is taken as recorded.
    Redacted,
    /// What the content gives.
    Computed(Option<Extracted>),
    /// What the content gives, but for the sources of the arguments: a content that these depend on is redacted, and they are taken as recorded.
    Partly(Extracted),
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
            taken_as_recorded: 0,
            batch: Batch::default(),
            answer: Answer::blank(),
            parted: None,
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn into_machine(self) -> Machine {
        self.machine
    }

    /// Applies a record and compares its answer, unless an earlier one parted.
    pub(crate) fn record(&mut self, at: FramePlace, record: &Record, extracted: Again) {
        self.machine.decide_onto(&mut self.answer, &record.input, record.extracted.as_ref());
        let is_taken = matches!(extracted, Again::Redacted | Again::Partly(_));
        if let Some(wrong) = compare_answer(at, record, &extracted, &self.answer) {
            self.parted = Some(wrong);
            return;
        }
        if is_taken {
            self.batch.taken_as_recorded.push(at.record);
        }
        self.note_breaches(at.record, record);
        self.answer.transition.delta(&mut self.batch.deltas);
        self.batch.ends.push(self.batch.deltas.len());
        self.batch.recorded.push(RecordedDelta {
            record: at.record,
            byte: at.byte,
            delta: record.derived.delta,
            is_decision: record.input.body.kind() == Kind::DecisionMade,
            checksum: record.derived.checksum,
        });
        self.machine.commit_from(&mut self.answer.transition);
    }

    /// Spec: findings.
    fn note_breaches(&mut self, number: u64, record: &Record) {
        // A refusal that reproduces is the machine at work, not something found.
        if record.derived.outcome == Outcome::Refused {
            return;
        }
        let breaches = &record.derived.breaches;
        breaches.iter().for_each(|breach| self.batch.findings.push(Finding::new(number, breach)));
        let kind = record.input.body.kind();
        let failing = |breach: &&Breach| is_effect_without_request(kind, breach.rule, breach.reason);
        // One effect is one failure, however many rules say so.
        if let Some(Breach { rule, reason, .. }) = breaches.iter().find(failing).filter(|_| self.enforced) {
            self.batch.failures.push(Failure { record: number, rule: *rule, reason: *reason });
        }
    }

    /// Compares the deltas and checksums of the records applied since the segment began. Returns the checksum after them.
    pub(crate) fn settle(&mut self, segment: u32) -> Digest {
        let Self { batch, checksum, .. } = self;
        batch.digests.clear();
        let starts = std::iter::once(0).chain(batch.ends.iter().copied());
        let deltas =
            starts.zip(&batch.ends).map(|(start, end)| batch.deltas.get(start..*end).unwrap_or_default());
        lanes::digest_many(Purpose::Delta, deltas, &mut batch.digests);
        let mut derived = batch.digests.iter();
        let lowest = batch.recorded.iter().find_map(|recorded| {
            let Some(derived) = derived.next() else { return Some(recorded.underived(segment)) };
            let wrong = recorded.compare(segment, derived, checksum);
            checksum.push(derived);
            wrong
        });
        let end = lowest.as_ref().and_then(|wrong| wrong.place.record).unwrap_or(u64::MAX);
        let findings = batch.findings.drain(..).filter(|found| found.record < end);
        findings.for_each(|found| self.findings.push(found));
        let failures = batch.failures.drain(..).filter(|failed| failed.record < end);
        failures.for_each(|failed| self.failures.push(failed));
        let taken = batch.taken_as_recorded.drain(..).filter(|record| *record < end);
        self.taken_as_recorded += taken.count() as u64;
        batch.deltas.clear();
        batch.ends.clear();
        batch.recorded.clear();
        let value = checksum.value();
        if lowest.is_some() {
            self.parted = lowest;
        }
        value
    }

    /// A new segment begins where the checksum is `at`.
    pub(crate) fn begin_segment(&mut self, at: Digest) {
        self.checksum = Checksum::start(at);
    }
}

/// Where a record's extracted part, outcome or breaches are not those that follow.
fn compare_answer(at: FramePlace, record: &Record, extracted: &Again, answer: &Answer) -> Option<Wrong> {
    let computed = match extracted {
        Again::NotAsked | Again::Redacted => None,
        Again::Computed(computed) => Some(computed.clone()),
        Again::Partly(computed) => {
            let arguments = record.extracted.as_ref().and_then(|recorded| recorded.arguments.clone());
            Some(Some(Extracted { arguments, ..computed.clone() }))
        }
    };
    if let Some(computed) = computed.filter(|computed| *computed != record.extracted) {
        let (recorded, derived) = (json(&record.extracted), json(&computed));
        return Some(at.wrong(codes::EXTRACTED, "extracted", recorded, derived));
    }
    let recorded = &record.derived;
    if answer.outcome != recorded.outcome {
        let (recorded, derived) = (recorded.outcome.to_string(), answer.outcome.to_string());
        return Some(at.wrong(codes::OUTCOME, "derived.outcome", recorded, derived));
    }
    if answer.breaches != recorded.breaches {
        let (recorded, derived) = (json(&recorded.breaches), json(&answer.breaches));
        return Some(at.wrong(codes::BREACHES, "derived.breaches", recorded, derived));
    }
    None
}

impl RecordedDelta {
    /// Nothing was derived that the record could be compared with.
    fn underived(&self, segment: u32) -> Wrong {
        let at = FramePlace { segment, record: self.record, byte: self.byte };
        at.wrong(codes::DELTA, "derived.delta", self.delta.to_hex(), "none".to_owned())
    }

    /// `derived` is the delta digest that follows, `checksum` stands before the record.
    fn compare(&self, segment: u32, derived: &Digest, checksum: &mut Checksum) -> Option<Wrong> {
        let at = FramePlace { segment, record: self.record, byte: self.byte };
        if self.delta != *derived {
            return Some(at.wrong(codes::DELTA, "derived.delta", self.delta.to_hex(), derived.to_hex()));
        }
        let expected = self.is_decision.then(|| checksum.value());
        if self.checksum == expected {
            return None;
        }
        let show =
            |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), |digest| digest.to_hex());
        Some(at.wrong(codes::CHECKSUM, "derived.checksum", show(self.checksum), show(expected)))
    }
}

/// Whether the breach says that something took effect which the machine had not let through: nothing else may lead to such a fact in an
/// enforced run. Spec: failures.
fn is_effect_without_request(kind: Kind, rule: Rule, reason: Reason) -> bool {
    let is_effect = matches!(
        kind,
        Kind::ToolReturned
            | Kind::ToolFailed
            | Kind::ToolUnknown
            | Kind::EffectExecuted
            | Kind::PromptAnswered
    );
    let was_refused = matches!((rule, reason), (Rule::Obs1, Reason::UnderRefusal));
    let was_never_made = matches!(rule, Rule::Tol2 | Rule::Prm3 | Rule::Out1)
        && matches!(reason, Reason::Step | Reason::Unknown | Reason::Unlinked | Reason::PlaceUsed);
    is_effect && (was_refused || was_never_made)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_derived_delta_does_not_pass() {
        let mut deriver = Deriver::new(Machine::new(), Digest::ZERO, None);
        let (delta, checksum) = (Digest::ZERO, None);
        deriver.batch.recorded.push(RecordedDelta {
            record: 7,
            byte: 0,
            delta,
            is_decision: false,
            checksum,
        });
        let _ = deriver.settle(0);
        let parted = deriver.parted.map(|wrong| (wrong.code, wrong.place.record));
        assert_eq!(parted, Some((codes::DELTA, Some(7))));
    }
}
