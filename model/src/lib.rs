//! The machine a second time, slow and obvious, written from SPEC.md alone: what `engine/machine` is compared with.
//!
//! It shares the formats with the engine (records, canonical bytes, digests) and nothing else. It keeps a map a section, writes all of them out
//! before and after each record, and takes the difference for the delta. Where the two machines differ, SPEC.md says which is right; where
//! it does not say, that is the finding.
//!
//! - `case`: a record and the words of 10.2 and 10.3; `influence`: 10.4;
//! - `breaches`, `run`, `call`, `decision`, `approval`: what a record breaches; `changes`: what it changes; `state`: what is remembered;
//! - [`compare`]: the first difference between this machine and another.

#![allow(clippy::indexing_slicing, reason = "a JSON value is null at a name or place that it does not have")]

mod approval;
mod breaches;
mod call;
mod case;
mod changes;
mod compare;
mod decision;
mod fault;
mod influence;
mod run;
mod state;

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_evidence::values::Label;
use serde_json::{Value, json};

use crate::case::{BREACH, Case, GOAL, REFUSED, number, unknown};
use crate::state::{PROGRESS, State};

pub use crate::compare::{Difference, Field, Roots, compare};
pub use crate::fault::Fault;

/// A record's mark in the lineage. Spec: lineage-mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The record's kind.
    pub kind: Kind,
    /// Its effective label.
    pub label: Label,
    /// Its flags.
    pub flags: u8,
}

/// What a machine says to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the record takes effect.
    pub outcome: Outcome,
    /// The rules that it breaches, ascending, with their evidence.
    pub breaches: Vec<Breach>,
    /// The delta's canonical bytes, and zeros to a multiple of 64.
    pub delta: Vec<u8>,
    /// The record's mark.
    pub mark: Mark,
}

/// A run as SPEC.md says, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Model {
    state: State,
    marks: Vec<Value>,
    fault: Option<Fault>,
}

impl Model {
    /// The machine before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine that is wrong in one way.
    pub fn with(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// The state root. Spec: state-tree.
    pub fn root(&self) -> Digest {
        self.state.root()
    }

    /// Number of entries in the state.
    pub fn entries(&self) -> usize {
        self.state.0.len()
    }

    /// Answers a record and takes it in. Spec: machine-total.
    pub fn apply(&mut self, input: &Input, extracted: Option<&Extracted>) -> Answer {
        let case = Case::new(input, extracted, &self.state, &self.marks);
        let mut answered = self.answer(&case);
        if let Some(fault) = self.fault {
            answered = fault.in_answer(&case, answered);
        }
        let (outcome, breaches, state, mark) = answered;
        let delta = state::delta(&self.state, &state);
        let answer = Answer { outcome, breaches, delta, mark: typed(input.body.kind(), &mark) };
        self.state = state;
        self.marks.push(mark);
        answer
    }

    // quoted: answer
    fn answer(&self, case: &Case<'_>) -> (Outcome, Vec<Breach>, State, Value) {
        if case.config.is_null() {
            return self.no_run(case, case.is_request, Reason::NotOpened);
        }
        if self.state.one(PROGRESS)["closed"] == true {
            return self.no_run(case, case.is_request && case.is_enforced(), Reason::AfterClose);
        }
        let influence = influence::of(case);
        let breaches = breaches::of(case, &influence);
        concluded(case, influence, breaches)
    }
    // unquoted

    /// Before the run is opened, and after it is closed. Spec: not-open.
    fn no_run(
        &self,
        case: &Case<'_>,
        is_refused: bool,
        reason: Reason,
    ) -> (Outcome, Vec<Breach>, State, Value) {
        let breach = Breach { rule: Rule::Run1, reason, record: None, item: None };
        let (outcome, flags) =
            if is_refused { (Outcome::Refused, REFUSED) } else { (Outcome::Applied, BREACH) };
        let mark = json!({"kind": case.kind, "label": unknown(), "flags": flags});
        (outcome, vec![breach], self.state.clone(), mark)
    }
}

// quoted: concluded
fn concluded(
    case: &Case<'_>,
    mut influence: Value,
    breaches: Vec<Breach>,
) -> (Outcome, Vec<Breach>, State, Value) {
    let is_breached = !breaches.is_empty();
    let is_refused = case.is_enforced() && case.is_request && is_breached;
    let outcome = if is_refused { Outcome::Refused } else { Outcome::Applied };
    let mark = influence::mark(case, &influence, outcome, is_breached);
    influence["flags"] = json!(number(&mark["flags"]) & (GOAL | BREACH));
    let after = changes::of(case, influence, outcome, is_breached);
    (outcome, breaches, after, mark)
}
// unquoted

/// A mark as others have it.
fn typed(kind: Kind, mark: &Value) -> Mark {
    let label = serde_json::from_value(mark["label"].clone()).unwrap_or(Label::UNKNOWN);
    Mark { kind, label, flags: number(&mark["flags"]) as u8 }
}
