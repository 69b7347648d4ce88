//! Choices by a seed: the same seed makes the same ones, on every machine and thread.

use std::collections::BTreeMap;

use rederive_evidence::arbitrary::Choices;

use crate::divergence::Divergence;

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

/// The places at which the divergences of a case are made: one that is made again without the others is made at its own.
pub(crate) struct Places {
    next: Draw,
    /// The choices by which each was made.
    made: BTreeMap<Divergence, Draw>,
    are_told: bool,
}

impl Places {
    /// Those of case `number` under `seed`, in the run as it is told under the explorer's key, or in the one that was found.
    pub(crate) fn of(seed: u64, number: u64, are_told: bool) -> Self {
        Self { next: Draw::of(seed, number), made: BTreeMap::new(), are_told }
    }

    /// Whether it is the run under the explorer's key that is changed.
    pub(crate) fn are_told(&self) -> bool {
        self.are_told
    }

    /// Makes a divergence by its choices: the next ones, where it was not made yet.
    pub(crate) fn draw<T>(&mut self, divergence: Divergence, make: impl FnOnce(&mut Draw) -> T) -> T {
        match self.made.get(&divergence) {
            Some(choices) => make(&mut choices.clone()),
            None => {
                let _ = self.made.insert(divergence, self.next.clone());
                make(&mut self.next)
            }
        }
    }
}
