//! The leaves of the open segment. Frames wait until there are enough of them to share the lanes, or a root is asked for.

use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::lanes;
use rederive_evidence::tree::Growing;

/// Frames that wait at most: enough to fill the lanes for each of the lengths that frames usually have.
const WAITING_MAX: usize = 128;

/// Leaves of frames in their order, the last of which may not be computed yet.
#[derive(Default)]
pub(crate) struct Leaves {
    digests: Growing,
    waiting: Vec<u8>,
    /// Where each waiting frame ends.
    ends: Vec<usize>,
}

impl Leaves {
    /// Number of frames.
    pub(crate) fn len(&self) -> usize {
        self.digests.count() + self.ends.len()
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        self.waiting.extend_from_slice(frame);
        self.ends.push(self.waiting.len());
        if self.ends.len() >= WAITING_MAX {
            self.settle();
        }
    }

    /// The root over all of them, or none where there is no frame.
    pub(crate) fn root(&mut self) -> Option<Digest> {
        self.settle();
        self.digests.root()
    }

    fn settle(&mut self) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let frames =
            starts.zip(&self.ends).map(|(start, end)| self.waiting.get(start..*end).unwrap_or_default());
        lanes::digest_many(Purpose::Leaf, frames, self.digests.leaves_mut());
        self.waiting.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::tree;

    use super::*;

    #[test]
    fn the_root_is_that_of_each_frame_digested_by_itself_whenever_it_is_asked_for() {
        for asked_every in [1, WAITING_MAX - 1, WAITING_MAX, WAITING_MAX + 1] {
            let (mut leaves, mut each) = (Leaves::default(), Vec::new());
            for number in 0..3 * WAITING_MAX {
                let frame = vec![number as u8; 64 * (1 + number % 18)];
                leaves.push(&frame);
                lanes::digest_each(Purpose::Leaf, [frame.as_slice()], &mut each);
                assert_eq!(leaves.len(), each.len());
                if number % asked_every == 0 {
                    assert_eq!(leaves.root(), tree::root(&each));
                }
            }
            assert_eq!(leaves.root(), tree::root(&each));
        }
        assert_eq!(Leaves::default().root(), None);
    }
}
