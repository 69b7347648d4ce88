//! Runs drawn from choices: the records of a golden trace, bent. What is drawn reaches deep, since most of it is a run that was recorded.

use std::sync::LazyLock;

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, Record};

use crate::project;
use crate::traces::Trace;

/// Most changes of a run.
const CHANGES_MAX: usize = 24;

/// Golden traces that are taken apart: one segment or several, each kind of record, refusals, approvals and credentials.
pub(crate) const GOLDEN: &[&str] = &[
    "three-records",
    "observed",
    "findings",
    "enforced",
    "refusals",
    "gated",
    "segments",
    "every-kind",
    "every-kind-2",
    "key-change",
    "other-tenant",
    "packed",
];

/// The bytes of a golden trace.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    let path = project("fixtures/traces/good").join(name).with_extension("rdt");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A golden trace, taken apart.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) trace: Trace,
    pub(crate) records: Vec<Record>,
}

/// All of [`GOLDEN`].
pub(crate) static BASES: LazyLock<Vec<Base>> = LazyLock::new(|| {
    let base = |name: &&'static str| {
        let bytes = golden(name);
        let trace = Trace::read(&bytes);
        let records = trace.records();
        Base { name, bytes, trace, records }
    };
    GOLDEN.iter().map(base).collect()
});

/// The words that bytes are: eight a word.
pub(crate) fn word_list(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

/// The choices that bytes are.
pub(crate) fn words(bytes: &[u8]) -> Choices {
    Choices::new(word_list(bytes))
}

/// An index below `end`, which is not 0.
pub(crate) fn index(choices: &mut Choices, end: usize) -> usize {
    usize::try_from(choices.below(end as u64)).unwrap_or(0)
}

/// The golden trace that the next choice names.
pub(crate) fn base(choices: &mut Choices) -> &'static Base {
    &BASES[index(choices, BASES.len())]
}

/// Records of a golden trace, bent as the choices say and numbered again. The first is changed only where `opening_too`.
pub(crate) fn bent(base: &Base, choices: &mut Choices, opening_too: bool) -> Vec<Record> {
    let mut records = base.records.clone();
    for _ in 0..CHANGES_MAX {
        let from = if opening_too || records.len() < 2 { 0 } else { 1 };
        let (at, other) =
            (from + index(choices, records.len() - from), from + index(choices, records.len() - from));
        match choices.below(9) {
            0 => break,
            1 if records.len() > from + 1 => drop(records.remove(at)),
            2 => records.insert(at, records[other].clone()),
            3 => records.swap(at, other),
            4 => {
                let kind = records[at].input.body.kind();
                let body = Body::draw_of(kind, choices);
                change(&mut records[at], |record| record.input.body = body);
            }
            5 => {
                let kind = kind(choices);
                records.insert(at, Record::draw_of(kind, choices));
            }
            6 => {
                let taken = records[other].input.clone();
                change(&mut records[at], |record| {
                    record.input.actor = taken.actor;
                    record.input.place = taken.place;
                    record.input.identity = taken.identity;
                    record.input.time = taken.time;
                });
            }
            7 => {
                let taken = records[other].clone();
                change(&mut records[at], |record| {
                    record.input.labels = taken.input.labels;
                    record.input.origin = taken.input.origin;
                    record.extracted = taken.extracted;
                });
            }
            _ => {
                let first = choices.below(at.max(1) as u64);
                change(&mut records[at], |record| record.input.causes = Causes::of([first]));
            }
        }
    }
    for (sequence, record) in (0..).zip(&mut records) {
        record.input.sequence = sequence;
    }
    records.retain(|record| record.append_frame(Vec::new()).is_ok());
    records
}

fn kind(choices: &mut Choices) -> Kind {
    Kind::ALL[index(choices, Kind::ALL.len())]
}

/// Changes a record, unless it would then have no frame.
fn change(record: &mut Record, with: impl FnOnce(&mut Record)) {
    let mut changed = record.clone();
    with(&mut changed);
    if changed.append_frame(Vec::new()).is_ok() {
        *record = changed;
    }
}
