//! `--sample`: K segments drawn at random and derived again, and what that is worth.

use std::ops::Range;

use crate::plan::Plan;

/// How many segments to derive again, and the seed that draws them. Spec: sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Number of segments.
    pub segments: u64,
    /// Seed of the draw; it is printed, so that a reviewer can draw the same.
    pub seed: u64,
}

impl Sample {
    /// The segments drawn among `of`, ascending, each once. Uniform over all choices up to the quality of splitmix64 (Steele, Lea and Flood,
    /// OOPSLA 2014); the selection is Floyd's (Bentley, CACM 30(9), 1987).
    pub fn draw(&self, of: u64) -> Vec<u64> {
        let mut generator = SplitMix(self.seed);
        let mut drawn = std::collections::BTreeSet::new();
        for last in of.saturating_sub(self.segments)..of {
            let candidate = generator.below(last + 1);
            if !drawn.insert(candidate) {
                let _ = drawn.insert(last);
            }
        }
        drawn.into_iter().collect()
    }

    /// The smallest number of altered segments, among `of`, that a draw of this size misses with a chance of at most one in twenty.
    /// `None` where even all of them together could hide from it (nothing was drawn).
    pub fn noticed_at_95_percent(&self, of: u64) -> Option<u64> {
        // The chance falls with each altered segment: halve the range in which it falls to one in twenty.
        let is_noticed = |altered| self.chance_to_miss(altered, of) * 20 <= ONE;
        let (mut missed, mut noticed) = (0, of);
        if !is_noticed(noticed) {
            return None;
        }
        while missed + 1 < noticed {
            let middle = missed + (noticed - missed) / 2;
            if is_noticed(middle) { noticed = middle } else { missed = middle }
        }
        Some(noticed)
    }

    /// The chance that no altered segment is drawn, as a fraction of [`ONE`]: the product over the K drawn of
    /// (of - altered - i) / (of - i), i = 0..K. Rounded up at each step, so that it is never too good, and the same on every machine.
    fn chance_to_miss(&self, altered: u64, of: u64) -> u128 {
        (0..self.segments.min(of)).fold(ONE, |chance, i| {
            let (left, sound) = (u128::from(of - i), u128::from((of - altered).saturating_sub(i)));
            (chance * sound).div_ceil(left)
        })
    }

    /// The spans that have segments drawn, each up to the last of them: replay begins at the nearest usable snapshot before it. The chain of
    /// headers, whose signatures cover every segment, is verified whole.
    pub(crate) fn ranges(&self, plan: &Plan) -> Vec<Range<u32>> {
        let drawn = self.drawn(plan);
        let up_to_last = |span: Range<u32>| {
            let last = drawn.iter().rfind(|drawn| span.contains(drawn))?;
            Some(span.start..last + 1)
        };
        plan.spans().into_iter().filter_map(up_to_last).collect()
    }

    /// The segments of a run that are drawn, ascending.
    pub(crate) fn drawn(&self, plan: &Plan) -> Vec<u32> {
        // A segment's number has 32 bits, and the draw is among them.
        self.draw(plan.headers.len() as u64).into_iter().map(|drawn| drawn as u32).collect()
    }

    /// How many segments are drawn, of how many.
    pub(crate) fn of(&self, segments: u64) -> (u64, u64) {
        (self.segments.min(segments), segments)
    }
}

/// Certainty, as a fraction.
const ONE: u128 = 1 << 64;

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, without favour: draws that would favour the low ones are thrown away.
    fn below(&mut self, bound: u64) -> u64 {
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.next();
            if drawn < fair {
                return drawn % bound;
            }
        }
    }
}
