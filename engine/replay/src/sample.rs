//! `--sample`: K segments drawn at random and derived again, and what that is worth.

use rederive_archive::{ReadFault, storage::ReadAt};

use crate::stretch::{Job, Stretch};
use crate::trace::stretches;

/// How many segments to derive again, and the seed that draws them.
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
        // The chance to miss m altered segments is the product over the K drawn of (of - m - i) / (of - i), i = 0..K. Kept as a fraction of
        // 2^64, rounded up at each step, so that the answer is never too good and the same on every machine.
        let one: u128 = 1 << 64;
        (1..=of).find(|altered| {
            let missed = (0..self.segments.min(of)).fold(one, |chance, i| {
                let (left, sound) =
                    (u128::from(of - i), u128::from(of.saturating_sub(*altered).saturating_sub(i)));
                (chance * sound).div_ceil(left)
            });
            missed * 20 <= one
        })
    }
}

/// Derives the drawn segments again, each from the nearest usable snapshot before it, and says how many of how many were drawn. The chain of headers,
/// whose signatures cover every segment, was verified whole.
pub(crate) fn sampled<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    sample: Sample,
) -> Result<(Stretch, Option<(u64, u64)>), ReadFault> {
    let of = job.plan.headers.len() as u64;
    let drawn = sample.draw(of);
    let mut whole = Stretch::nothing();
    for (start, segments) in stretches(job, true)? {
        let last = drawn
            .iter()
            .filter_map(|drawn| u32::try_from(*drawn).ok())
            .rfind(|drawn| segments.contains(drawn));
        if let Some(last) = last {
            whole = whole.then(job.stretch(start, segments.start..last + 1, false)?);
        }
    }
    // The run's end was not reached: nothing may be concluded from where the machine stands.
    whole.end = None;
    Ok((whole, Some((drawn.len() as u64, of))))
}

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
