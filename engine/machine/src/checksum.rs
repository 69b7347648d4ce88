//! The running state checksum.

use rederive_evidence::digest::{Digest, Digester, Purpose};

/// The state checksum inside one segment: the `checksum` digest of the checksum at the segment's start and the delta digests of its
/// records so far. Spec: checksum.
#[derive(Clone, Debug)]
pub struct Checksum {
    start: Digest,
    deltas: Option<Digester>,
    /// Digests that the digester has not taken: many at once cost a fraction of what each by itself would.
    waiting: Vec<u8>,
}

/// Bytes that wait at most: enough to fill the lanes.
const WAITING_BYTES_MAX: usize = 16 << 10;

impl Checksum {
    /// The checksum of a segment that starts where the state checksum is `at`; [`Digest::ZERO`] at the start of a run.
    pub const fn start(at: Digest) -> Self {
        Self { start: at, deltas: None, waiting: Vec::new() }
    }

    /// Takes the `delta` digest of the next record.
    pub fn push(&mut self, delta: &Digest) {
        self.waiting.extend_from_slice(&delta.0);
        if self.waiting.len() >= WAITING_BYTES_MAX {
            self.settle();
        }
    }

    /// The checksum after the records so far; before the first it is the one at the segment's start. More may follow.
    pub fn value(&mut self) -> Digest {
        self.settle();
        self.deltas.as_ref().map_or(self.start, Digester::digest)
    }

    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let start = &self.start;
        let deltas = self.deltas.get_or_insert_with(|| {
            let mut digester = Digester::new(Purpose::Checksum);
            digester.update(&start.0);
            digester
        });
        deltas.update(&self.waiting);
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::digest::digest;

    use super::*;

    #[test]
    fn it_is_the_digest_of_start_and_deltas_whenever_it_is_asked_for() {
        for asked_every in [1, 7, 512, usize::MAX] {
            let mut checksum = Checksum::start(Digest([1; 32]));
            assert_eq!(checksum.value(), Digest([1; 32]));
            let mut bytes = vec![1; 32];
            for number in 0..1_200_usize {
                let delta = Digest([number as u8; 32]);
                checksum.push(&delta);
                bytes.extend_from_slice(&delta.0);
                if number % asked_every == 0 {
                    assert_eq!(checksum.value(), digest(Purpose::Checksum, &bytes));
                }
            }
            assert_eq!(checksum.value(), digest(Purpose::Checksum, &bytes));
        }
    }

    /// So that neither each delta is hashed by itself nor all of a segment's wait for its end.
    #[test]
    fn deltas_wait_until_they_fill_the_lanes_and_no_longer() {
        let mut checksum = Checksum::start(Digest::ZERO);
        // 16 chunks of 1,024 bytes.
        let many = 512;
        for number in 1..=3 * many {
            checksum.push(&Digest([7; 32]));
            assert_eq!(checksum.waiting.len(), number % many * 32);
        }
    }
}
