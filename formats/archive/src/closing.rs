//! A segment on its way into the trace file: packed, appended and made durable by whoever has the time, while the records of the next
//! one are taken.

use std::sync::Arc;

use crate::pack::Packer;
use crate::storage::{StoreError, Stored, StoredFile};
use crate::writer::{Packing, SegmentBuilder, SegmentOffsets};

/// A closed segment that is not in the trace file yet. The open log has it until it is.
///
/// [`Self::write`] may run on any thread; then [`crate::TraceWriter::end_close`] takes what became of it.
pub struct Closing<F> {
    pub(crate) trace: Arc<Stored<F>>,
    /// Offset in the trace file at which its blocks begin.
    pub(crate) at: u64,
    pub(crate) packing: Packing,
    pub(crate) packer: Packer,
    pub(crate) segment: SegmentBuilder,
    pub(crate) lineage: Vec<u8>,
    pub(crate) header: Vec<u8>,
    /// What the last try to write it came to.
    pub(crate) written: Option<Result<Written, StoreError>>,
}

/// Where the blocks of a segment are, all of them durable.
pub(crate) struct Written {
    pub(crate) offsets: SegmentOffsets,
    pub(crate) bytes: u64,
}

impl<F: StoredFile> Closing<F> {
    /// Packs the segment, appends its blocks to the trace file and makes them durable. What that came to the writer is told.
    pub fn write(&mut self) {
        self.written = Some(self.try_write());
    }

    fn try_write(&mut self) -> Result<Written, StoreError> {
        let parts = self.segment.parts(&self.lineage, None, &self.header);
        let mut blocks = Vec::with_capacity(parts.bytes());
        let offsets = parts.append_to(&mut blocks, self.at, Some((self.packing, &mut self.packer)));
        self.trace.append(self.at, &blocks)?;
        self.trace.sync()?;
        Ok(Written { offsets, bytes: blocks.len() as u64 })
    }
}
