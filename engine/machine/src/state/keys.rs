//! What names the entries of a section, where one identifier or digest does not.

use std::ops::{Range, RangeInclusive};

use rederive_evidence::ids::Id;
use rederive_evidence::map;
use rederive_evidence::values::Place;

map! {
    /// A turn of an agent.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct TurnKey {
        /// The agent.
        0 req agent: Id,
        /// Its turn.
        1 req turn: u32,
    }

    /// A call of a turn, whatever its attempt.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct IndexKey {
        /// The agent.
        0 req agent: Id,
        /// Its turn.
        1 req turn: u32,
        /// Index in the turn's list of calls.
        2 req index: u16,
    }

    /// A part of an agent's latest prompt.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct PartKey {
        /// The agent.
        0 req agent: Id,
        /// Number of the part: parts are numbered from 0 since the agent's last prompt that extended none.
        1 req number: u64,
    }
}

impl TurnKey {
    /// The turn that a place belongs to.
    pub fn of(place: &Place) -> Self {
        Self { agent: place.agent.clone(), turn: place.turn }
    }
}

impl IndexKey {
    /// The call that a place is an attempt of.
    pub fn of(place: &Place) -> Self {
        Self { agent: place.agent.clone(), turn: place.turn, index: place.index }
    }

    /// The calls of a turn: from the first key to the last.
    pub(crate) fn of_turn(turn: &TurnKey) -> RangeInclusive<Self> {
        let at = |index| Self { agent: turn.agent.clone(), turn: turn.turn, index };
        at(0)..=at(u16::MAX)
    }
}

impl PartKey {
    /// The parts of an agent's prompt with these numbers.
    pub(crate) fn of_agent(agent: &Id, numbers: Range<u64>) -> Range<Self> {
        let at = |number| Self { agent: agent.clone(), number };
        at(numbers.start)..at(numbers.end)
    }
}
