//! The bar over the cases of many runs: how many a run comes to is known once it is taken up.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::progress::Progress;

/// The cases of one run on the bar of all of them.
pub(super) struct Cases<'p> {
    bar: &'p Progress,
    /// Cases that the bar has for the run, and that nobody has spoken of yet.
    expected: AtomicU64,
}

impl<'p> Cases<'p> {
    /// The next run, for which the bar has so many cases.
    pub(super) fn of(bar: &'p Progress, expected: u64) -> Self {
        bar.say("");
        Self { bar, expected: AtomicU64::new(expected) }
    }

    /// From now on what went unnoticed is made smaller.
    pub(super) fn shrink(&self) {
        self.bar.say("(shrinking what goes unnoticed)");
    }
}

impl rederive_explore::Progress for Cases<'_> {
    fn more(&self, tries: u64) {
        let expected = self.expected.swap(0, Ordering::Relaxed);
        self.bar.extend(tries.saturating_sub(expected));
        self.bar.reduce(expected.saturating_sub(tries));
    }

    fn done(&self) {
        self.bar.advance(1);
    }
}

/// What is expected still comes to nothing: the run cannot be explored.
impl Drop for Cases<'_> {
    fn drop(&mut self) {
        self.bar.reduce(self.expected.swap(0, Ordering::Relaxed));
    }
}
