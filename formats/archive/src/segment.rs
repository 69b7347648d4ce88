//! A closed segment, read.

use rederive_evidence::digest::Digest;
use rederive_evidence::limits::FRAME_BLOCK_BYTES;

use crate::block::{BlockBuffer, BlockKind, BlockPlace};
use crate::contents::{Contents, HashedContent};
use crate::damage::{Cause, Damage};
use crate::fault::ReadFault;
use crate::limits::LINEAGE_RECORD_BYTES;
use crate::long::LongContent;
use crate::reader::{Hint, TraceReader, places_in};
use crate::snapshot::Snapshot;
use crate::storage::ReadAt;

/// A closed segment of a trace. Each of its blocks is read, checked and unpacked when it is asked for.
#[derive(Debug)]
pub struct Segment<'r, F> {
    reader: &'r TraceReader<F>,
    number: u32,
    blocks: &'r [BlockPlace],
}

impl<'r, F: ReadAt> Segment<'r, F> {
    pub(crate) const fn new(reader: &'r TraceReader<F>, number: u32, blocks: &'r [BlockPlace]) -> Self {
        Self { reader, number, blocks }
    }

    /// Its number, from 0.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The signed header.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn header(&self) -> Result<Vec<u8>, ReadFault> {
        let mut buffer = BlockBuffer::new();
        self.read(BlockKind::Header, &mut buffer).map(<[u8]>::to_vec)
    }

    /// The frames of all its records, back to back: at most 1 MiB.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn frames<'b>(&self, buffer: &'b mut BlockBuffer) -> Result<&'b [u8], ReadFault>
    where
        'r: 'b,
    {
        self.read(BlockKind::Frames, buffer)
    }

    /// Offset of each record's frame among the frames, if the index is usable. Whoever uses them checks by decoding that
    /// the frames so cut tile the segment.
    ///
    /// # Errors
    /// A store that fails.
    pub fn frame_offsets(&self) -> Result<Option<Vec<u32>>, ReadFault> {
        let Hint::Usable(index) = self.reader.index()? else { return Ok(None) };
        let segment = usize::try_from(self.number).ok().and_then(|number| index.segments.get(number));
        let in_bytes = |unit: &u16| u32::from(*unit) * FRAME_BLOCK_BYTES as u32;
        Ok(segment.map(|segment| segment.frame_units.iter().map(in_bytes).collect()))
    }

    /// The blocks of contents that first appear in this segment, in their order.
    pub fn content_blocks(&self) -> impl Iterator<Item = ContentBlock<'r, F>> + use<'r, F> {
        let reader = self.reader;
        let contents = self.blocks.iter().filter(|block| block.kind == BlockKind::Contents);
        contents.map(move |place| ContentBlock { reader, place })
    }

    /// The lineage page: four bytes a record.
    ///
    /// # Errors
    /// A store that fails.
    pub fn lineage(&self, buffer: &mut BlockBuffer) -> Result<Hint<Vec<u8>>, ReadFault> {
        self.hint(BlockKind::Lineage, buffer, |page| {
            let whole = page.len().is_multiple_of(LINEAGE_RECORD_BYTES);
            if whole { Ok(page.to_vec()) } else { Err(Cause::HintFit) }
        })
    }

    /// The state at the segment's end, where a span ends with it.
    ///
    /// # Errors
    /// A store that fails.
    pub fn snapshot(&self, buffer: &mut BlockBuffer) -> Result<Hint<Snapshot>, ReadFault> {
        self.hint(BlockKind::Snapshot, buffer, |payload| {
            let snapshot = Snapshot::load(payload)?;
            if snapshot.segment() == self.number { Ok(snapshot) } else { Err(Cause::HintFit) }
        })
    }

    /// Reads and checks every byte of the segment. Returns its hints that are not what they should be.
    ///
    /// # Errors
    /// The lowest damage in what is no hint.
    pub fn check(&self, buffer: &mut BlockBuffer) -> Result<Vec<Damage>, ReadFault> {
        let mut hints_ignored = Vec::new();
        self.frames(buffer)?;
        for block in self.content_blocks() {
            let _ = places_in(&self.reader.file, block.place, buffer)?;
        }
        if let Hint::Ignored(damage) = self.lineage(buffer)? {
            hints_ignored.push(damage);
        }
        if let Hint::Ignored(damage) = self.snapshot(buffer)? {
            hints_ignored.push(damage);
        }
        self.read(BlockKind::Header, buffer)?;
        Ok(hints_ignored)
    }

    fn block(&self, kind: BlockKind) -> Option<&'r BlockPlace> {
        self.blocks.iter().find(|block| block.kind == kind)
    }

    /// The payload of a block that every segment has.
    fn read<'b>(&self, kind: BlockKind, buffer: &'b mut BlockBuffer) -> Result<&'b [u8], ReadFault>
    where
        'r: 'b,
    {
        match self.block(kind) {
            Some(block) => buffer.read(&self.reader.file, block),
            None => Ok(&[]),
        }
    }

    fn hint<T>(
        &self,
        kind: BlockKind,
        buffer: &mut BlockBuffer,
        load: impl FnOnce(&[u8]) -> Result<T, Cause>,
    ) -> Result<Hint<T>, ReadFault> {
        let Some(block) = self.block(kind) else { return Ok(Hint::Absent) };
        let payload = buffer.read(&self.reader.file, block);
        Hint::of(payload.and_then(|payload| load(payload).map_err(|cause| block.damaged(cause).into())))
    }
}

/// A block of contents of a segment.
#[derive(Debug)]
pub struct ContentBlock<'r, F> {
    reader: &'r TraceReader<F>,
    place: &'r BlockPlace,
}

impl<'r, F: ReadAt> ContentBlock<'r, F> {
    /// Reads the block: its contents in order of first appearance. Some may be missing, because they were redacted.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn contents<'b>(&self, buffer: &'b mut BlockBuffer) -> Result<Contents<'b>, ReadFault>
    where
        'r: 'b,
    {
        Ok(Contents::new(self.place.place(), buffer.read(&self.reader.file, self.place)?))
    }

    /// Reads the block and hashes its contents in turn, in memory that does not grow with what it unpacks to. Spec: archive-limits.
    ///
    /// # Errors
    /// Bytes that cannot be read, and the errors of `each`.
    pub fn hash_each<E: From<ReadFault>>(
        &self,
        buffer: &mut BlockBuffer,
        mut each: impl FnMut(HashedContent) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.place.is_long() {
            let content = LongContent::of(&self.reader.file, self.place, buffer)?;
            return each(content.hashed().map_err(ReadFault::from)?);
        }
        for content in self.contents(buffer)? {
            each(content.map_err(ReadFault::from)?.hashed())?;
        }
        Ok(())
    }

    /// Reads the block for the commitments that stand with its contents, in turn, and hashes none: memory as of [`Self::hash_each`].
    ///
    /// # Errors
    /// Bytes that cannot be read, and the errors of `each`. Of a content that is unpacked in steps the head alone is.
    pub fn each_commitment<E: From<ReadFault>>(
        &self,
        buffer: &mut BlockBuffer,
        mut each: impl FnMut(Digest) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.place.is_long() {
            return each(LongContent::of(&self.reader.file, self.place, buffer)?.commitment());
        }
        for content in self.contents(buffer)? {
            each(content.map_err(ReadFault::from)?.commitment)?;
        }
        Ok(())
    }
}
