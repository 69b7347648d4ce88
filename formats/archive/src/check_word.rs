//! The check word of framed bytes: whether they are those that were written. Spec: archive-check-word.

use crc_fast::{CrcAlgorithm, Digest};

use crate::framing::COVERED_BYTES;

/// A CRC-64/NVME over a block or an entry. It finds accidents; whoever can write the file can make it anew, and what
/// proves are the digests and signatures of what the block holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CheckWord(pub [u8; 8]);

impl CheckWord {
    /// The check word of these 32 bytes of framing and the payload after them, whatever stands in its own place.
    pub fn of(framed: &[u8]) -> Self {
        let (covered, rest) = framed.split_at(framed.len().min(COVERED_BYTES));
        let mut checker = Checker::new(covered);
        checker.update(rest.get(8..).unwrap_or_default());
        checker.word()
    }
}

impl std::fmt::Display for CheckWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for CheckWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Makes a check word of a payload that comes in pieces.
pub(crate) struct Checker(Digest);

impl Checker {
    /// Takes what stands before the check word, and zeros in its own place. The payload comes next.
    pub(crate) fn new(covered: &[u8]) -> Self {
        let mut checker = Self(Digest::new(CrcAlgorithm::Crc64Nvme));
        checker.update(covered);
        checker.update(&[0; 8]);
        checker
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn word(&self) -> CheckWord {
        CheckWord(self.0.finalize().to_le_bytes())
    }
}
