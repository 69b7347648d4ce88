//! The running state checksum.

use rederive_evidence::digest::{Digest, Digester, Purpose};

/// The state checksum inside one segment: the `checksum` digest of the checksum at the segment's start and the delta digests of its
/// records so far. Spec: checksum.
#[derive(Clone, Debug)]
pub struct Checksum {
    start: Digest,
    deltas: Option<Digester>,
}

impl Checksum {
    /// The checksum of a segment that starts where the state checksum is `at`; [`Digest::ZERO`] at the start of a run.
    pub const fn start(at: Digest) -> Self {
        Self { start: at, deltas: None }
    }

    /// Takes the `delta` digest of the next record.
    pub fn push(&mut self, delta: &Digest) {
        let start = &self.start;
        let deltas = self.deltas.get_or_insert_with(|| {
            let mut digester = Digester::new(Purpose::Checksum);
            digester.update(&start.0);
            digester
        });
        deltas.update(&delta.0);
    }

    /// The checksum after the records so far; before the first it is the one at the segment's start. More may follow.
    pub fn value(&self) -> Digest {
        self.deltas.as_ref().map_or(self.start, Digester::digest)
    }
}
