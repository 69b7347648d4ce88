//! The machine: state and lineage, and the one transition function.

use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_evidence::values::{Label, Mode};

use crate::case::Case;
use crate::lineage::{Lineage, Mark};
use crate::state::{Config, Delta, Influence, Settled, State};
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
        self.settled.write(out);
    }

    /// The record's mark.
    pub fn mark(&self) -> Mark {
        self.mark
    }
}

impl Answer {
    /// Where [`Machine::decide_onto`] writes an answer when there is no earlier one: a refusal that changes nothing.
    pub fn blank() -> Self {
        let mark = Mark { kind: Kind::RunOpened, label: Label::UNKNOWN, flags: Mark::REFUSED };
        let transition = Transition { settled: Settled::default(), mark };
        Self { outcome: Outcome::Refused, breaches: Vec::new(), transition }
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
        let mut answer = Answer::blank();
        self.decide_onto(&mut answer, input, extracted);
        answer
    }

    /// Answers a record as [`Self::decide`] does, in the place of an earlier answer and on its memory.
    pub fn decide_onto(&self, answer: &mut Answer, input: &Input, extracted: Option<&Extracted>) {
        let Some(config) = self.state.config() else {
            if let (Body::RunOpened(opened), true) = (&input.body, self.lineage.is_empty()) {
                return self.open(answer, input, opened);
            }
            return outside(answer, input.body.kind(), Reason::NotOpened, Mode::Enforced);
        };
        if self.state.is_closed() {
            return outside(answer, input.body.kind(), Reason::AfterClose, config.mode);
        }
        let case = Case::new(input, extracted, (&self.state, &self.lineage), config);
        let influence = influence::of(&case);
        answer.breaches = rules::check(&case, &influence).into_sorted();
        let is_breach = !answer.breaches.is_empty();
        answer.outcome = outcome(case.kind, config.mode, is_breach);
        let mark = mark(&case, &influence, answer.outcome, is_breach);
        answer.transition.mark = mark;
        let mut delta = Delta::onto(&mut answer.transition.settled);
        match answer.outcome {
            Outcome::Applied => changes::applied(&case, handed_on(&influence, mark), &mut delta),
            Outcome::Refused => changes::refused(&case, &mut delta),
        }
        delta.settle(&self.state);
    }

    /// Answers the record that opens the run, by what it says itself.
    fn open(&self, answer: &mut Answer, input: &Input, opened: &RunOpened) {
        let commitment = |content: rederive_evidence::ids::Content| {
            input.contents.get(usize::from(content.0)).map(|entry| entry.commitment)
        };
        let config = Config::of(opened, opened.goal.known().and_then(|goal| commitment(*goal)));
        let actor = opened.actors.iter().find(|actor| actor.id == input.actor).map(changes::registered);
        let mut case = Case::new(input, None, (&self.state, &self.lineage), &config);
        case.actor = actor.as_ref();
        let influence = influence::of(&case);
        answer.breaches = rules::check_opening(&case, opened).into_sorted();
        answer.outcome = Outcome::Applied;
        answer.transition.mark = mark(&case, &influence, Outcome::Applied, !answer.breaches.is_empty());
        let mut delta = Delta::onto(&mut answer.transition.settled);
        changes::opened(&case, opened, &mut delta);
        delta.settle(&self.state);
    }

    /// Lets a transition take effect. It must be what [`Self::decide`] answered last, to this machine.
    pub fn commit(&mut self, mut transition: Transition) {
        self.commit_from(&mut transition);
    }

    /// Lets a transition take effect as [`Self::commit`] does. Its changes are taken out, its memory is left for the next answer.
    pub fn commit_from(&mut self, transition: &mut Transition) {
        transition.settled.take_effect(&mut self.state);
        self.lineage.push(transition.mark);
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
fn outside(answer: &mut Answer, kind: Kind, reason: Reason, mode: Mode) {
    answer.outcome = outcome(kind, mode, true);
    answer.breaches = vec![Breach { rule: Rule::Run1, reason, record: None, item: None }];
    let flags = if answer.outcome == Outcome::Refused { Mark::REFUSED } else { Mark::BREACHED };
    answer.transition.mark = Mark { kind, label: Label::UNKNOWN, flags };
    Delta::onto(&mut answer.transition.settled).settle(&State::default());
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
