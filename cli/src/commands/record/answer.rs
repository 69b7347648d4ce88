//! What `record` says to each line: its answers are part of the language, and members are added, never changed.

use rederive_evidence::ids::RunId;
use rederive_evidence::rules::{Breach, Outcome};
use rederive_recorder::{Appended, SealedRun};
use serde::Serialize;

use super::line::LineFault;
use crate::problem::Problem;

/// The answer to a draft that became a record.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// The record's number.
    pub(super) sequence: u64,
    outcome: Outcome,
    breaches: Vec<Breach>,
    /// Whether it, and all before it, survives a crash already.
    durable: bool,
}

impl From<Appended> for Answer {
    fn from(appended: Appended) -> Self {
        Self {
            sequence: appended.sequence,
            outcome: appended.outcome,
            breaches: appended.breaches,
            durable: appended.is_durable,
        }
    }
}

/// The answer to a line that is no draft, or whose draft did not become a record.
#[derive(Debug, Serialize)]
pub(super) struct LineError {
    error: ErrorView,
}

#[derive(Debug, Serialize)]
struct ErrorView {
    line: u64,
    /// From 1, in bytes; `null` where the fault has no one place.
    column: Option<usize>,
    reason: String,
}

impl LineError {
    pub(super) fn new(line: u64, fault: &LineFault) -> Self {
        let (column, reason) = (fault.column(), fault.to_string());
        Self { error: ErrorView { line, column, reason } }
    }

    pub(super) fn problem(&self) -> Problem {
        let ErrorView { line, column, reason } = &self.error;
        let column = column.map(|column| format!(", column {column}")).unwrap_or_default();
        Problem::error(format!("standard input, line {line}{column}: {reason}"))
    }
}

/// The last answer, once the run is sealed.
#[derive(Debug, Serialize)]
pub(super) struct Sealed {
    sealed: SealedView,
}

#[derive(Debug, Serialize)]
struct SealedView {
    run: RunId,
    records: u64,
    bytes: u64,
}

impl Sealed {
    pub(super) const fn of(sealed: &SealedRun) -> Self {
        Self { sealed: SealedView { run: sealed.run, records: sealed.records, bytes: sealed.bytes } }
    }
}
