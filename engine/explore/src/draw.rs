//! Choices by a seed: the same seed makes the same ones, on every machine and thread.

use rederive_evidence::arbitrary::Choices;

/// A source of choices.
#[derive(Clone, Debug)]
pub struct Draw(Choices);

impl Draw {
    /// The choices of case `number` under `seed`.
    pub fn of(seed: u64, number: u64) -> Self {
        // The words of a full value count up from its seed: those of two cases must not meet.
        Self(Choices::full(seed.rotate_left(40).wrapping_add(number << 20)))
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.below(end as u64)).unwrap_or(0)
    }

    /// One of these, if there is any.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
