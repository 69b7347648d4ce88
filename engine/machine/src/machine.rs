//! The machine: state and lineage, and the one transition function.

use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::limits::FRAME_BLOCK_BYTES;
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_evidence::values::{Label, Mode};

use crate::case::Case;
use crate::lineage::{Lineage, Mark};
use crate::state::{Config, Delta, Influence, Memory, Settled, State};
use crate::{changes, influence, rules};

/// One run as a deterministic state machine: its state, which stands in the tree, and its lineage, which does not.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    state: State,
    lineage: Lineage,
}

/// What the machine says to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the record takes effect.
    pub outcome: Outcome,
    /// The rules it does not keep, ascending, each once for a reason.
    pub breaches: Vec<Breach>,
    /// What changes.
    pub transition: Transition,
}

/// What a record changes: entries set or removed, and its mark in the lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    settled: Settled,
    mark: Mark,
}

impl Transition {
    /// Appends the delta's canonical bytes and zeros to a multiple of 64: what the `delta` digest is over. Spec: delta-digest.
    pub fn delta(&self, out: &mut Vec<u8>) {
        let delta = &self.settled.bytes;
        let end = out.len().saturating_add(delta.len().next_multiple_of(FRAME_BLOCK_BYTES));
        out.extend_from_slice(delta);
        // A whole block and then less: a length that is known is written without a call.
        out.extend_from_slice(&[0; FRAME_BLOCK_BYTES]);
        out.truncate(end);
    }

    /// The record's mark.
    pub fn mark(&self) -> Mark {
        self.mark
    }
}

impl Machine {
    /// The machine before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine after the records of `lineage`, with the state they led to.
    pub fn resume(state: State, lineage: Lineage) -> Self {
        Self { state, lineage }
    }

    /// Answers a record. Total: every well-formed record has an answer in every state. Spec: machine-total.
    ///
    /// In an enforced run a request that breaches a rule is refused. All else is applied; what breaches a rule is marked.
    /// Spec: mode-enforced, mode-observed.
    pub fn decide(&self, input: &Input, extracted: Option<&Extracted>) -> Answer {
        self.decide_onto(Memory::default(), input, extracted)
    }

    /// Answers a record as [`Self::decide`] does, on the memory of an earlier answer.
    pub fn decide_onto(&self, memory: Memory, input: &Input, extracted: Option<&Extracted>) -> Answer {
        let Some(config) = self.state.config() else {
            if let (Body::RunOpened(opened), true) = (&input.body, self.lineage.is_empty()) {
                return self.open(memory, input, opened);
            }
            return outside(input.body.kind(), Reason::NotOpened, Mode::Enforced);
        };
        if self.state.progress().is_some_and(|progress| progress.closed) {
            return outside(input.body.kind(), Reason::AfterClose, config.mode);
        }
        let case = Case::new(input, extracted, (&self.state, &self.lineage), config);
        let influence = influence::of(&case);
        let breaches = rules::check(&case, &influence).into_sorted();
        let outcome = outcome(case.kind, config.mode, !breaches.is_empty());
        let mark = mark(&case, &influence, outcome, !breaches.is_empty());
        let mut delta = Delta::onto(memory);
        match outcome {
            Outcome::Applied => changes::applied(&case, handed_on(&influence, mark), &mut delta),
            Outcome::Refused => changes::refused(&case, &mut delta),
        }
        self.answer(outcome, breaches, delta, mark)
    }

    /// Answers the record that opens the run, by what it says itself.
    fn open(&self, memory: Memory, input: &Input, opened: &RunOpened) -> Answer {
        let commitment = |content: rederive_evidence::ids::Content| {
            input.contents.get(usize::from(content.0)).map(|entry| entry.commitment)
        };
        let config = Config::of(opened, opened.goal.known().and_then(|goal| commitment(*goal)));
        let actor = opened.actors.iter().find(|actor| actor.id == input.actor).map(changes::registered);
        let mut case = Case::new(input, None, (&self.state, &self.lineage), &config);
        case.actor = actor.as_ref();
        let influence = influence::of(&case);
        let breaches = rules::check_opening(&case, opened).into_sorted();
        let mark = mark(&case, &influence, Outcome::Applied, !breaches.is_empty());
        let mut delta = Delta::onto(memory);
        changes::opened(&case, opened, &mut delta);
        self.answer(Outcome::Applied, breaches, delta, mark)
    }

    fn answer(&self, outcome: Outcome, breaches: Vec<Breach>, delta: Delta, mark: Mark) -> Answer {
        Answer { outcome, breaches, transition: Transition { settled: delta.settle(&self.state), mark } }
    }

    /// Lets a transition take effect. It must be what [`Self::decide`] answered last, to this machine. Its memory is left for the next answer.
    pub fn commit(&mut self, transition: Transition) -> Memory {
        let Transition { mut settled, mark } = transition;
        settled.changes.drain(..).for_each(|change| self.state.put(change));
        self.lineage.push(mark);
        Memory::of(settled)
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The lineage.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// The state, taken out.
    pub fn into_state(self) -> State {
        self.state
    }
}

fn outcome(kind: Kind, mode: Mode, breaches: bool) -> Outcome {
    match (kind.nature(), mode) {
        (Nature::Request, Mode::Enforced) if breaches => Outcome::Refused,
        (Nature::Request | Nature::Fact, Mode::Enforced | Mode::Observed) => Outcome::Applied,
    }
}

/// The answer to a record before the run is opened or after it is closed: it changes nothing. Spec: not-open.
fn outside(kind: Kind, reason: Reason, mode: Mode) -> Answer {
    let outcome = outcome(kind, mode, true);
    let flags = if outcome == Outcome::Refused { Mark::REFUSED } else { Mark::BREACHED };
    let breach = Breach { rule: Rule::Run1, reason, record: None, item: None };
    let mark = Mark { kind, label: Label::UNKNOWN, flags };
    let settled = Delta::onto(Memory::default()).settle(&State::default());
    Answer { outcome, breaches: vec![breach], transition: Transition { settled, mark } }
}

/// The record's mark: a refused request is only that; a fact carries on what a breaching fact brought. Spec: lineage-mark.
fn mark(case: &Case<'_>, influence: &Influence, outcome: Outcome, breaches: bool) -> Mark {
    let carried =
        case.enforced() && influence::carries_on(case.kind) && influence.flags & Mark::BREACHED != 0;
    let breached = match outcome {
        Outcome::Refused => Mark::REFUSED,
        Outcome::Applied if breaches || carried => Mark::BREACHED,
        Outcome::Applied => 0,
    };
    let data = if influence::is_data(case) { Mark::DATA } else { 0 };
    let goal = influence.flags & Mark::REACHES_GOAL;
    Mark { kind: case.kind, label: influence.label, flags: goal | breached | data }
}

/// What the record hands on to what the state holds of it.
fn handed_on(influence: &Influence, mark: Mark) -> Influence {
    Influence { flags: mark.flags & influence::TRAVELS, ..*influence }
}
