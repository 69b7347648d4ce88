//! The contents of a block that unpacks to many bytes, read a piece at a time: nobody holds more of it than is asked for.

use rederive_evidence::digest::Digest;

use crate::block::{BlockBuffer, BlockPlace};
use crate::contents::split_head;
use crate::damage::{Cause, Damage};
use crate::fault::ReadFault;
use crate::limits::CONTENT_HEAD_BYTES;
use crate::pack::Steps;
use crate::storage::{ReadAt, Stored};

/// The contents of one block, in their order.
pub(crate) struct SteppedContents<'b> {
    block: BlockPlace,
    steps: Steps<'b>,
    /// Bytes of the payload that were taken.
    inside: u64,
    /// Bytes of the content at hand that were not.
    left: u64,
}

/// What stands before the bytes of a content.
pub(crate) struct ContentHead {
    pub(crate) commitment: Digest,
    pub(crate) salt: [u8; 32],
    /// Bytes of the content.
    pub(crate) bytes: u64,
    /// Offset in the unpacked payload.
    pub(crate) inside: u64,
    /// As it stands there.
    pub(crate) encoded: [u8; CONTENT_HEAD_BYTES],
}

impl<'b> SteppedContents<'b> {
    /// The contents of this block, of which nothing is unpacked yet.
    pub(crate) fn of<F: ReadAt>(
        file: &Stored<F>,
        block: &BlockPlace,
        buffer: &'b mut BlockBuffer,
    ) -> Result<Self, ReadFault> {
        Ok(Self { block: *block, steps: buffer.steps(file, block)?, inside: 0, left: 0 })
    }

    /// What the next content begins with; none after the last. What is left of the one at hand is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<ContentHead>, Damage> {
        while !self.piece()?.is_empty() {}
        let (inside, available) = (self.inside, u64::from(self.block.unpacked_bytes()) - self.inside);
        if available == 0 {
            // Nothing may come any more.
            return self.taken(1).map(|_| None);
        }
        let mut encoded = [0; CONTENT_HEAD_BYTES];
        let mut unfilled = encoded.as_mut_slice();
        if available < unfilled.len() as u64 {
            return Err(self.too_long(inside, unfilled.len() as u64, available));
        }
        while !unfilled.is_empty() {
            let piece = self.taken(unfilled.len() as u64)?;
            let Some((filled, rest)) = unfilled.split_at_mut_checked(piece.len()) else { break };
            filled.copy_from_slice(piece);
            unfilled = rest;
        }
        let (commitment, salt, bytes) = split_head(&encoded);
        let available = available - CONTENT_HEAD_BYTES as u64;
        if bytes > available {
            return Err(self.too_long(inside, bytes, available));
        }
        self.left = bytes;
        Ok(Some(ContentHead { commitment, salt, bytes, inside, encoded }))
    }

    /// The next bytes of the content at hand; none after its last.
    pub(crate) fn piece(&mut self) -> Result<&[u8], Damage> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let block = self.block;
        let piece = self.steps.take(self.left).map_err(|cause| block.damaged(cause))?;
        self.inside += piece.len() as u64;
        self.left -= piece.len() as u64;
        Ok(piece)
    }

    fn taken(&mut self, most: u64) -> Result<&[u8], Damage> {
        let block = self.block;
        let piece = self.steps.take(most).map_err(|cause| block.damaged(cause))?;
        self.inside += piece.len() as u64;
        Ok(piece)
    }

    const fn too_long(&self, inside: u64, stated: u64, available: u64) -> Damage {
        self.block.damaged(Cause::ContentLength { inside, stated, available })
    }
}
