//! What names the entries of a section, where one identifier or digest does not.

use rederive_evidence::digest::Digest;
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
        /// Commitment of what the part says.
        1 req content: Digest,
        /// Number of the part: parts are numbered from 0 since the agent's last prompt that extended none.
        2 req number: u64,
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
    pub(crate) fn of_turn(turn: &TurnKey) -> std::ops::RangeInclusive<Self> {
        let at = |index| Self { agent: turn.agent.clone(), turn: turn.turn, index };
        at(0)..=at(u16::MAX)
    }
}

impl PartKey {
    /// The parts of an agent's prompt that say this content: from the first key to the last.
    pub(crate) fn saying(agent: &Id, content: Digest) -> std::ops::RangeInclusive<Self> {
        let at = |number| Self { agent: agent.clone(), content, number };
        at(0)..=at(u64::MAX)
    }

    /// All parts of an agent's prompt: from the first key to the last.
    pub(crate) fn of_agent(agent: &Id) -> std::ops::RangeInclusive<Self> {
        let at = |content, number| Self { agent: agent.clone(), content, number };
        at(Digest::ZERO, 0)..=at(Digest([0xff; 32]), u64::MAX)
    }
}
