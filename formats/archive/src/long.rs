//! The one content of a block that unpacks to many bytes, read a piece at a time: nobody holds more of it than is asked for. Spec: archive-limits.

use rederive_evidence::digest::{Digest, Digester, Purpose};

use crate::block::{BlockBuffer, BlockPlace};
use crate::contents::{HashedContent, split_head};
use crate::damage::{Cause, Damage};
use crate::fault::ReadFault;
use crate::limits::CONTENT_HEAD_BYTES;
use crate::pack::Steps;
use crate::storage::{ReadAt, Stored};

/// A content of which the head was read, and its bytes were not.
pub(crate) struct LongContent<'b> {
    block: BlockPlace,
    steps: Steps<'b>,
    /// What stands before its bytes, as it stands there.
    head: [u8; CONTENT_HEAD_BYTES],
}

impl<'b> LongContent<'b> {
    /// The content of this block.
    ///
    /// # Errors
    /// Bytes that cannot be read; a content that does not end where the block does.
    pub(crate) fn of<F: ReadAt>(
        file: &Stored<F>,
        block: &BlockPlace,
        buffer: &'b mut BlockBuffer,
    ) -> Result<Self, ReadFault> {
        let mut steps = buffer.steps(file, block)?;
        let mut head = [0; CONTENT_HEAD_BYTES];
        let mut unfilled = head.as_mut_slice();
        while !unfilled.is_empty() {
            let piece = steps.take(unfilled.len() as u64).map_err(|cause| block.damaged(cause))?;
            let Some((filled, rest)) = unfilled.split_at_mut_checked(piece.len()) else { break };
            filled.copy_from_slice(piece);
            unfilled = rest;
        }
        let (_, _, stated) = split_head(&head);
        let available = u64::from(block.unpacked_bytes()).saturating_sub(CONTENT_HEAD_BYTES as u64);
        if stated != available {
            return Err(block.damaged(Cause::ContentLength { inside: 0, stated, available }).into());
        }
        Ok(Self { block: *block, steps, head })
    }

    /// The commitment that stands with it.
    pub(crate) fn commitment(&self) -> Digest {
        split_head(&self.head).0
    }

    /// Its next bytes; none after the last.
    fn piece(&mut self) -> Result<&[u8], Damage> {
        let block = self.block;
        self.steps.take(u64::MAX).map_err(|cause| block.damaged(cause))
    }

    /// Hashes it.
    pub(crate) fn hashed(mut self) -> Result<HashedContent, Damage> {
        let (commitment, salt, bytes) = split_head(&self.head);
        let mut digester = Digester::new(Purpose::Content);
        digester.update(&salt);
        loop {
            match self.piece()? {
                [] => return Ok(HashedContent { commitment, derived: digester.digest(), bytes }),
                piece => digester.update(piece),
            }
        }
    }

    /// Puts it whole, with its head, in the place of these bytes.
    pub(crate) fn hold(mut self, held: &mut Vec<u8>) -> Result<(), Damage> {
        held.clear();
        held.extend_from_slice(&self.head);
        loop {
            match self.piece()? {
                [] => return Ok(()),
                piece => held.extend_from_slice(piece),
            }
        }
    }

    /// Unpacks it to its end, which may not be there.
    pub(crate) fn check(mut self) -> Result<(), Damage> {
        while !self.piece()?.is_empty() {}
        Ok(())
    }
}
