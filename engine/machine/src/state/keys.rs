//! What names the entries of a section, where one identifier or digest does not.

use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::memory::MemoryKey;
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

/// The order of canonical bytes, found without writing them: a text's length comes before it, and numbers ascend in their shortest form.
pub(super) trait ByteOrder {
    fn by_bytes(&self, other: &Self) -> Ordering;
}

impl ByteOrder for Id {
    fn by_bytes(&self, other: &Self) -> Ordering {
        let (text, other) = (self.as_bytes(), other.as_bytes());
        text.len().cmp(&other.len()).then_with(|| text.cmp(other))
    }
}

impl ByteOrder for Digest {
    fn by_bytes(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl ByteOrder for RecordedTime {
    fn by_bytes(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl ByteOrder for TurnKey {
    fn by_bytes(&self, other: &Self) -> Ordering {
        self.agent.by_bytes(&other.agent).then(self.turn.cmp(&other.turn))
    }
}

impl ByteOrder for IndexKey {
    fn by_bytes(&self, other: &Self) -> Ordering {
        let numbers = (self.turn, self.index).cmp(&(other.turn, other.index));
        self.agent.by_bytes(&other.agent).then(numbers)
    }
}

impl ByteOrder for Place {
    fn by_bytes(&self, other: &Self) -> Ordering {
        let numbers = (self.turn, self.index, self.attempt).cmp(&(other.turn, other.index, other.attempt));
        self.agent.by_bytes(&other.agent).then(numbers)
    }
}

impl ByteOrder for PartKey {
    fn by_bytes(&self, other: &Self) -> Ordering {
        self.agent.by_bytes(&other.agent).then(self.number.cmp(&other.number))
    }
}

impl ByteOrder for MemoryKey {
    fn by_bytes(&self, other: &Self) -> Ordering {
        let names =
            || self.namespace.by_bytes(&other.namespace).then_with(|| self.name.by_bytes(&other.name));
        self.scope.code().cmp(&other.scope.code()).then_with(names)
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::arbitrary::{Choices, Sample};
    use rederive_evidence::cbor::Encoder;
    use rederive_evidence::schema::Field;

    use super::*;

    fn bytes_of(key: &impl Field) -> Vec<u8> {
        let mut e = Encoder::new();
        key.encode(&mut e);
        e.into_bytes()
    }

    /// Keys of few values each, so that many share an agent, a turn or a name.
    fn follow_their_bytes<K: ByteOrder + Field + Sample + std::fmt::Debug>(make: impl Fn(&mut Choices) -> K) {
        let mut draw = Choices::full(7);
        let keys: Vec<K> = (0..200)
            .map(|_| make(&mut draw))
            .chain((0..50).map(|n| K::draw(&mut Choices::full(n))))
            .collect();
        for a in &keys {
            for b in &keys {
                assert_eq!(a.by_bytes(b), bytes_of(a).cmp(&bytes_of(b)), "{a:?} {b:?}");
            }
        }
    }

    fn name(draw: &mut Choices) -> Id {
        let text = ["a", "b", "ab", "b/a", "an-agent-of-23-letters-", "an-agent-of-24-letters-x"];
        Id::new(text[draw.below(6) as usize]).unwrap()
    }

    fn number(draw: &mut Choices) -> u64 {
        [0, 1, 23, 24, 255, 256, 65_535][draw.below(7) as usize]
    }

    #[test]
    fn keys_ascend_as_their_bytes_do() {
        follow_their_bytes(name);
        follow_their_bytes(Digest::draw);
        follow_their_bytes(|draw| RecordedTime(number(draw)));
        follow_their_bytes(|draw| TurnKey { agent: name(draw), turn: number(draw) as u32 });
        follow_their_bytes(|draw| IndexKey {
            agent: name(draw),
            turn: number(draw) as u32,
            index: number(draw) as u16,
        });
        follow_their_bytes(|draw| Place {
            agent: name(draw),
            turn: number(draw) as u32,
            index: number(draw) as u16,
            attempt: number(draw) as u16,
        });
        follow_their_bytes(|draw| PartKey {
            agent: name(draw),
            number: number(draw) << (16 * draw.below(3)),
        });
        follow_their_bytes(|draw| MemoryKey {
            scope: Sample::draw(draw),
            namespace: name(draw),
            name: name(draw),
        });
    }
}
