//! The blocks of a trace file, as whoever can write the file sees them: by their headers alone.

use std::ops::Range;

use rederive_archive::CheckWord;

/// Bytes of the file's own header.
pub(crate) const FILE_HEADER_BYTES: usize = 64;
const HEADER_BYTES: usize = 32;
const ALIGNMENT: usize = 64;
/// Bytes of a block's header that say what and how long it is; the check word follows.
const MEANT_BYTES: usize = 24;

const LINEAGE: u8 = 3;
const SNAPSHOT: u8 = 4;
/// A signed header, which ends a segment.
const SEGMENT_END: u8 = 5;
const INDEX: u8 = 6;

/// A block of a trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    kind: u8,
    offset: usize,
    /// Bytes of the payload as stored.
    stored: usize,
}

impl Block {
    /// The blocks that tile a sound file.
    pub(crate) fn of(bytes: &[u8]) -> Vec<Self> {
        let (mut offset, mut blocks) = (FILE_HEADER_BYTES, Vec::new());
        while let Some(block) = Self::at(bytes, offset) {
            offset = block.end();
            blocks.push(block);
        }
        blocks
    }

    fn at(bytes: &[u8], offset: usize) -> Option<Self> {
        let header = bytes.get(offset..offset.checked_add(HEADER_BYTES)?)?;
        let stored = u64::from_le_bytes(*header.get(8..16)?.first_chunk()?);
        let block = Self { kind: *header.first()?, offset, stored: usize::try_from(stored).ok()? };
        (block.payload().end <= bytes.len()).then_some(block)
    }

    /// Whether what the block holds can be made again from the rest of the file.
    pub(crate) fn is_hint(self) -> bool {
        matches!(self.kind, LINEAGE | SNAPSHOT | INDEX)
    }

    /// Whether a segment ends with it.
    pub(crate) fn ends_segment(self) -> bool {
        self.kind == SEGMENT_END
    }

    /// The bytes of the payload as stored.
    pub(crate) fn payload(self) -> Range<usize> {
        let first = self.offset + HEADER_BYTES;
        first..first.saturating_add(self.stored)
    }

    /// The bytes that may change without changing an answer: a hint's but for what says what and how long it is.
    pub(crate) fn free(self) -> Option<Range<usize>> {
        self.is_hint().then(|| self.offset + MEANT_BYTES..self.end())
    }

    /// Where the next block begins.
    pub(crate) fn end(self) -> usize {
        self.payload().end.next_multiple_of(ALIGNMENT)
    }

    /// Makes the block's check word again: whoever can write the file can.
    pub(crate) fn check_again(self, bytes: &mut [u8]) {
        let Some(block) = bytes.get(self.offset..self.payload().end) else { return };
        let check = CheckWord::of(block);
        if let Some(word) = bytes.get_mut(self.offset + MEANT_BYTES..self.offset + HEADER_BYTES) {
            word.copy_from_slice(&check.0);
        }
    }
}
