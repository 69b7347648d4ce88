//! The running state checksum.

use rederive_evidence::digest::{Digest, Digester, Purpose};

/// The state checksum inside one segment: the `checksum` digest of the checksum at the segment's start and the delta digests of its
/// records so far. Spec: checksum.
#[derive(Clone, Debug)]
pub struct Checksum(Digester);

impl Checksum {
    /// The checksum of a segment that starts where the state checksum is `at`; [`Digest::ZERO`] at the start of a run.
    pub fn start(at: Digest) -> Self {
        let mut digester = Digester::new(Purpose::Checksum);
        digester.update(&at.0);
        Self(digester)
    }

    /// Takes the `delta` digest of the next record.
    pub fn push(&mut self, delta: &Digest) {
        self.0.update(&delta.0);
    }

    /// The checksum after the records so far; more may follow.
    pub fn value(&self) -> Digest {
        self.0.digest()
    }
}
