//! The machine a second time, slow and obvious, written from SPEC.md alone: what `engine/machine` is compared with.
//!
//! It shares the formats with the engine (records, canonical bytes, digests) and nothing else. It keeps a map a section, writes all of them out
//! before and after each record, and takes the difference for the delta. Where the two machines differ, SPEC.md says which is right; where
//! it does not say, that is the finding.
//!
//! - `case`: a record and the words of 10.2 and 10.3; `influence`: 10.4;
//! - `rules`, `rules_2`: what a record breaches; `changes`: what it changes; `state`: what is remembered;
//! - [`compare`]: the first difference between this machine and another.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a rule speaks of some kinds and says nothing of the others; that the engine matches every kind is what this is compared with"
)]

mod case;
mod changes;
mod compare;
mod influence;
mod rules;
mod rules_2;
mod state;

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_evidence::values::{Label, Mode, Sensitivity, Trust};

use crate::case::{BREACH, Case, GOAL, REFUSED};
use crate::state::{Entries, Influence, State};

pub use crate::compare::{Difference, Field, Roots, compare};

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

/// A machine with one fault: for tests that a comparison finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not judge this rule.
    Rule(Rule),
    /// It keeps no entries of this section of the state.
    Section(u8),
    /// It sets none of these flags in marks.
    Flags(u8),
}

/// A run as SPEC.md says, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Model {
    state: State,
    entries: Entries,
    marks: Vec<Mark>,
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
        state::root(&self.entries)
    }

    /// Number of entries in the state.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Answers a record and takes it in. Spec: machine-total.
    pub fn apply(&mut self, input: &Input, extracted: Option<&Extracted>) -> Answer {
        let (outcome, breaches, state, mark) = self.answer(input, extracted);
        let mut entries = state.entries();
        if let Some(Fault::Section(section)) = self.fault {
            entries.retain(|key, _| state::section(key) != Some(section));
        }
        let delta = state::delta(&self.entries, &entries);
        (self.state, self.entries) = (state, entries);
        self.marks.push(mark);
        Answer { outcome, breaches, delta, mark }
    }

    // quoted: answer
    fn answer(&self, input: &Input, extracted: Option<&Extracted>) -> (Outcome, Vec<Breach>, State, Mark) {
        let kind = input.body.kind();
        let opens = match &input.body {
            Body::RunOpened(body) if self.marks.is_empty() => Some((body, changes::config(input, body))),
            _ => None,
        };
        let (config, actor) = match (&self.state.config, &opens) {
            (Some(config), _) => (config, self.state.actors.get(&input.actor).cloned()),
            (None, Some((body, config))) => {
                let listed = body.actors.iter().find(|actor| actor.id == input.actor);
                (config, listed.map(changes::listed))
            }
            (None, None) => return self.no_run(kind, Mode::Enforced, Reason::NotOpened),
        };
        if self.state.progress.as_ref().is_some_and(|progress| progress.closed) {
            return self.no_run(kind, config.mode, Reason::AfterClose);
        }
        let (state, entries, marks) = (&self.state, &self.entries, self.marks.as_slice());
        let case = Case { input, extracted, state, entries, marks, config, actor };
        let influence = influence::of(&case);
        let mut breaches = match &opens {
            Some((body, _)) => rules::opening(&case, body),
            None => rules::breaches(&case, &influence),
        };
        breaches.retain(|breach| self.fault != Some(Fault::Rule(breach.rule)));
        let outcome = outcome(kind, config.mode, !breaches.is_empty());
        let mut mark = influence::mark(&case, &influence, outcome, !breaches.is_empty());
        if let Some(Fault::Flags(flags)) = self.fault {
            mark.flags &= !flags;
        }
        let kept = Influence { flags: mark.flags & (GOAL | BREACH), ..influence };
        let after = match &opens {
            Some((body, _)) => changes::open(&case, body),
            None => changes::apply(&case, kept, outcome, !breaches.is_empty()),
        };
        (outcome, breaches, after, mark)
    }
    // unquoted

    /// Before the run is opened, and after it is closed. Spec: not-open.
    fn no_run(&self, kind: Kind, mode: Mode, reason: Reason) -> (Outcome, Vec<Breach>, State, Mark) {
        let outcome = outcome(kind, mode, true);
        let breach = Breach { rule: Rule::Run1, reason, record: None, item: None };
        let label = Label { trust: Trust::External, sensitivity: Sensitivity::Restricted };
        let flags = if outcome == Outcome::Refused { REFUSED } else { BREACH };
        (outcome, vec![breach], self.state.clone(), Mark { kind, label, flags })
    }
}

/// In an enforced run a request that breaches a rule is refused; all else is applied. Spec: mode-enforced, mode-observed.
fn outcome(kind: Kind, mode: Mode, is_breached: bool) -> Outcome {
    match (mode, kind.nature()) {
        (Mode::Enforced, Nature::Request) if is_breached => Outcome::Refused,
        (Mode::Enforced | Mode::Observed, Nature::Request | Nature::Fact) => Outcome::Applied,
    }
}
