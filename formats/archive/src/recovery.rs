//! What a stopped writer left, told as it is and then written on.
//!
//! Recovery reads as every reader does. Nothing is changed before [`Recovery::resume`], and nothing is cut then but what
//! an append left without ending. Spec: archive-recovery.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rederive_evidence::ids::RunId;
use rederive_evidence::limits::{FRAME_BLOCK_BYTES, FRAME_BYTES_MAX};

use crate::block::{BlockBuffer, BlockKind};
use crate::fault::{Misuse, ReadFault, TransferFault};
use crate::index::Index;
use crate::open_segment::{ClosedInLog, OpenSegment, TornTail};
use crate::pack::Packer;
use crate::paths::{log_path, new_log_path};
use crate::reader::{TraceReader, places_in};
use crate::settle::{End, LogRole};
use crate::storage::{
    Access, ReadAt, Storage, Stored, StoredFile, open, real_name, remove, sync_directory_of,
};
use crate::writer::{Condition, Durability, OpenLog, Packing, SegmentBuilder, TraceWriter, check_locked};

/// What recovery found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Whole closed segments.
    pub segments: u32,
    /// Whether the run is sealed: then there is nothing to recover.
    pub is_sealed: bool,
    /// Records of the open segment that a signed head covers.
    pub attested: usize,
    /// Records after the last head: whole, kept, and covered by no signature. Their run is incomplete.
    pub unattested: usize,
    /// The append to the trace file that never ended; the log has its records.
    pub torn_trace: Option<TornTail>,
    /// The append to the log that never ended: less than a commit, and none of it acknowledged.
    pub torn_log: Option<TornTail>,
}

/// A trace whose writer was stopped, under the lock of the next one.
pub struct Recovery<S: Storage> {
    storage: S,
    path: PathBuf,
    reader: TraceReader<S::File>,
}

impl<S: Storage> Recovery<S> {
    /// Opens the trace at `path` to write it on. Nothing is changed.
    ///
    /// # Errors
    /// No trace; another writer; what cannot be read. Damage is never cut off: what follows it was acknowledged.
    pub fn open(storage: S, path: &Path) -> Result<Self, TransferFault> {
        let path = real_name(&storage, path)?;
        let file = open(&storage, &path, Access::Write)?.ok_or(Misuse::Absent)?;
        check_locked(&file)?;
        let log = open(&storage, &log_path(&path), Access::Write)?;
        let reader = TraceReader::read(file, log)?;
        Ok(Self { storage, path, reader })
    }

    /// The trace as it is.
    pub const fn reader(&self) -> &TraceReader<S::File> {
        &self.reader
    }

    /// What was found.
    pub fn report(&self) -> RecoveryReport {
        let open = self.reader.open_segment();
        let attested = open.map_or(0, OpenSegment::attested);
        RecoveryReport {
            segments: self.reader.segments(),
            is_sealed: *self.reader.end() == End::Sealed,
            attested,
            unattested: open.map_or(0, OpenSegment::records) - attested,
            torn_trace: match self.reader.end() {
                End::Torn(tail) | End::Cut(tail) => Some(*tail),
                End::Sealed | End::Unsealed => None,
            },
            torn_log: open.and_then(OpenSegment::torn).copied(),
        }
    }

    /// Cuts torn tails off, writes the segment that is closed in the log alone into the trace file, and goes on writing, after the records of the
    /// open segment.
    ///
    /// `frame_bytes` tells the length of the frame that bytes begin with; it is used for the index alone, which is left
    /// out where it fails.
    ///
    /// # Errors
    /// A sealed trace, one that was cut, a log of another run or with records that the trace does not have; what cannot be read; the store.
    pub fn resume(
        self,
        run: RunId,
        packing: Packing,
        frame_bytes: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<TraceWriter<S>, TransferFault> {
        match self.reader.end() {
            End::Sealed => return Err(Misuse::Sealed.into()),
            End::Cut(_) => return Err(Misuse::Cut.into()),
            End::Unsealed | End::Torn(_) => {}
        }
        self.check_log(run)?;
        let previous = self.reader.last_header_digest()?;
        let (index, trace_bytes) = rebuild_index(&self.reader, frame_bytes)?;
        let Self { storage, path, reader } = self;
        let mut segment = SegmentBuilder { number: reader.segments(), ..SegmentBuilder::default() };
        let trace = Stored { file: reader.file.file.into_file(), path: reader.file.path };
        cut(&trace, trace_bytes)?;
        let mut commit = 1;
        let mut log = None;
        let mut closed = None;
        if let LogRole::Open(open) = reader.log {
            segment = open.open_segment()?;
            closed = open.closed_segment()?.zip(open.closed.as_deref().map(ClosedInLog::end));
            cut(&open.file, open.kept_bytes)?;
            commit = open.commit;
            let segment = open.first_segment();
            let OpenSegment { file, kept_bytes, .. } = *open;
            log = Some(OpenLog { file, segment, bytes: kept_bytes });
        }
        remove(&storage, &new_log_path(&path))?;
        let mut writer = TraceWriter {
            storage,
            path,
            run,
            durability: Durability::EachCommit,
            packing,
            packer: Packer::new(packing.level()),
            trace: Arc::new(trace),
            trace_bytes,
            // What is whole may stand in the system's memory alone.
            trace_is_durable: false,
            is_closing: false,
            held: Vec::new(),
            log,
            pending: Vec::new(),
            commit,
            previous,
            segment,
            index,
            condition: Condition::Sound,
        };
        if let Some((closed, (lineage, header))) = closed {
            writer.write_closed(&closed, &lineage, &header)?;
        }
        Ok(writer)
    }

    /// Removes the log that a writer of this run left which was stopped between the seal and the end. Does nothing to a trace that is
    /// not sealed.
    ///
    /// # Errors
    /// A log of another run or with records that the trace does not have, which stand nowhere else; the store.
    pub fn remove_leftover_log(self, run: RunId) -> Result<(), TransferFault> {
        self.check_log(run)?;
        if *self.reader.end() == End::Sealed && self.reader.leftover_log_run().is_some() {
            remove(&self.storage, &log_path(&self.path))?;
            sync_directory_of(&self.storage, &self.path)?;
        }
        Ok(())
    }

    /// The log beside the trace, if there is one, is of this run, and is part of the trace or has nothing that the trace does not have.
    fn check_log(&self, run: RunId) -> Result<(), TransferFault> {
        let is_of_other = self.reader.open_segment().is_some_and(|open| open.run != run);
        if is_of_other || self.reader.other_log_run(run)?.is_some() {
            return Err(Misuse::OtherRun.into());
        }
        Ok(())
    }
}

fn cut<F: StoredFile>(file: &Stored<F>, bytes: u64) -> Result<(), TransferFault> {
    if file.length()? > bytes {
        file.truncate(bytes)?;
        file.sync()?;
    }
    Ok(())
}

/// The index of the segments that the trace file has, or `None` where their frames cannot be told apart; and where the last of them ends.
fn rebuild_index<F: ReadAt>(
    reader: &TraceReader<F>,
    frame_bytes: impl Fn(&[u8]) -> Option<usize>,
) -> Result<(Option<Index>, u64), ReadFault> {
    let mut index = Index::default();
    let mut buffer = BlockBuffer::new();
    let end = reader.file.file.put_at().unwrap_or(reader.walk.segments_end());
    for block in reader.walk.blocks.iter().filter(|block| block.offset < end) {
        match block.kind {
            BlockKind::Frames => {
                let Some(units) = frame_units(buffer.read(&reader.file, block)?, &frame_bytes) else {
                    return Ok((None, end));
                };
                index.push_segment(block.offset, units);
            }
            BlockKind::Contents => {
                index.contents.extend(places_in(&reader.file, block, &mut buffer)?);
            }
            BlockKind::Lineage
            | BlockKind::Snapshot
            | BlockKind::Header
            | BlockKind::Index
            | BlockKind::Seal
            | BlockKind::Trailer => {}
        }
    }
    Ok((Some(index), end))
}

/// Offsets of the frames that tile these bytes, in units of 64 bytes.
pub(crate) fn frame_units(frames: &[u8], frame_bytes: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u16>> {
    let mut units = Vec::new();
    let mut rest = frames;
    while !rest.is_empty() {
        let taken = frames.len() - rest.len();
        units.push(u16::try_from(taken / FRAME_BLOCK_BYTES).ok()?);
        let length = frame_bytes(rest)?;
        let fits = (1..=FRAME_BYTES_MAX).contains(&length) && length.is_multiple_of(FRAME_BLOCK_BYTES);
        rest = fits.then(|| rest.get(length..)).flatten()?;
    }
    Some(units)
}
