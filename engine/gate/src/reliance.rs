//! What a decision read of the state, and whether it still stands.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Reliance;
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::values::Place;
use rederive_machine::Machine;

/// What a decision is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum For {
    Call(Place),
    /// A memory write by this agent.
    Write(Id),
}

/// What the machine says that a decision reads. A call's own entries are not in it: TOL-2 checks its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relied {
    by: For,
    read: Vec<Reliance>,
}

impl Relied {
    /// What is read for the call at this place now.
    pub(crate) fn on(machine: &Machine, place: &Place) -> Self {
        Self::of(machine, For::Call(place.clone()))
    }

    /// What is read for a memory write of this agent now.
    pub(crate) fn on_write(machine: &Machine, agent: &Id) -> Self {
        Self::of(machine, For::Write(agent.clone()))
    }

    fn of(machine: &Machine, by: For) -> Self {
        let read = match &by {
            For::Call(place) => machine.reliance(place),
            For::Write(agent) => machine.write_request(agent).map(|known| known.reliance).unwrap_or_default(),
        };
        Self { by, read }
    }

    /// Whether the same is read again, entry for entry. That counters stay under their bounds is the machine's to say, at each step.
    pub(crate) fn holds(&self, machine: &Machine) -> bool {
        *self == Self::of(machine, self.by.clone())
    }

    /// As a decision states it.
    pub(crate) fn stated(&self) -> Vec<Reliance> {
        self.read.clone()
    }

    /// As a decision states it where a limit is reached: that a counter is not under its bound is nothing to rely on.
    pub(crate) fn without_bounds(&self) -> Vec<Reliance> {
        self.read.iter().filter(|read| read.below.is_none()).cloned().collect()
    }
}

/// The limit, of those that a permit relies on, that the run has reached: what it permitted would be one call too many (LIM-1).
pub(crate) fn reached(machine: &Machine) -> Option<LimitKind> {
    let state = machine.state();
    let (limits, counters) = (&state.config()?.limits, state.counters().copied().unwrap_or_default());
    let counted = [
        (LimitKind::Calls, counters.calls, limits.calls),
        (LimitKind::SpendMicros, counters.spend_micros, limits.spend_micros),
    ];
    let reached =
        counted.into_iter().find(|(_, counter, limit)| limit.is_some_and(|limit| *counter >= limit));
    reached.map(|(limit, ..)| limit)
}
