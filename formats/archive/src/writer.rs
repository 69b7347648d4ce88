//! A trace, written: records into the open log, closed segments and the seal into the trace file.
//!
//! What is acknowledged survives a crash at any instant: a commit is in the log before it is acknowledged, a segment is
//! durable in the trace file before the log is replaced, and a new log is whole before it takes the old one's name. A segment
//! may be closed in the log first, and written into the trace file while the next one is filled.
//! Spec: archive-writing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::RunId;
use rederive_evidence::limits::{
    CONTENT_BYTES_MAX, FRAME_BLOCK_BYTES, FRAME_BYTES_MAX, SEGMENT_BYTES_MAX, SEGMENT_RECORDS_MAX,
    SIGNED_BYTES_MAX,
};

use crate::block::{self, BlockKind};
use crate::closing::Closing;
use crate::contents::{Content, ContentsLayout};
use crate::fault::{Limited, Misuse, ReadFault, WriteFault};
use crate::file_header::{self, FILE_HEADER_BYTES};
use crate::index::Index;
use crate::limits::LINEAGE_RECORD_BYTES;
use crate::log::LogEncoder;
use crate::pack::Packer;
use crate::paths::{log_path, new_log_path, unsealed_path};
use crate::reader::check_file_header;
use crate::snapshot::Snapshot;
use crate::storage::{
    Access, Effect, Storage, StoreError, Stored, StoredFile, make_new, open, open_present, real_name, remove,
    rename, sync_directory_of,
};
use crate::trailer::Trailer;

/// Bytes of closed segments that a writer without a log holds before it writes them.
const HELD_BYTES_AIM: usize = 8 << 20;
/// Framing and padding of a block.
const BLOCK_BYTES_BESIDE: usize = 96;
/// Contents of a trace that is being used: fast.
const HOT_LEVEL: i32 = 3;
/// A trace that is kept: smaller, and no slower to unpack.
const COLD_LEVEL: i32 = 9;

/// When what was written survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// At each commit, through the open log.
    EachCommit,
    /// At the seal. There is no log; the trace has another name until it is sealed, so that no half file is seen under
    /// its own. A crash before the seal leaves no trace.
    OnSeal,
    /// When the system pleases. As [`Self::OnSeal`], but nothing waits for the disk: after a crash of the system, not
    /// of the program, the trace may be absent, or torn, which its check words tell. For what can be made again.
    LeftToSystem,
}

/// What is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Contents alone: frames are replayed as they lie in the file.
    Hot,
    /// All but what is signed.
    Cold,
}

impl Packing {
    pub(crate) const fn level(self) -> i32 {
        match self {
            Self::Hot => HOT_LEVEL,
            Self::Cold => COLD_LEVEL,
        }
    }
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When what was written survives a crash.
    pub durability: Durability,
    /// What is packed.
    pub packing: Packing,
}

/// What ends a segment.
#[derive(Clone, Copy, Debug)]
pub struct SegmentEnd<'a> {
    /// The signed header.
    pub header: &'a [u8],
    /// The lineage page: four bytes a record.
    pub lineage: &'a [u8],
    /// The state, where a span ends here.
    pub snapshot: Option<&'a Snapshot>,
}

/// The trace is sealed and durable.
#[derive(Debug)]
pub struct Sealed {
    /// Bytes of the file.
    pub bytes: u64,
    /// Why the log could not be removed. It is no part of the trace any more, and readers pass over it.
    pub leftover_log: Option<StoreError>,
}

/// Writes one trace, and holds its lock until it is dropped.
///
/// An error that says *nothing was written* leaves the writer as it was: the call may be tried again. One that says
/// *unknown* ends it: every later call is [`WriteFault::Poisoned`], and the trace has to be recovered.
pub struct TraceWriter<S: Storage> {
    pub(crate) storage: S,
    pub(crate) path: PathBuf,
    pub(crate) run: RunId,
    pub(crate) durability: Durability,
    pub(crate) packing: Packing,
    pub(crate) packer: Packer,
    pub(crate) trace: Arc<Stored<S::File>>,
    /// Bytes in the trace file, without those of a segment on its way into it.
    pub(crate) trace_bytes: u64,
    /// Whether they are known to survive a crash.
    pub(crate) trace_is_durable: bool,
    /// Whether a segment is on its way into the trace file.
    pub(crate) is_closing: bool,
    /// Bytes that follow them and are not in the file yet.
    pub(crate) held: Vec<u8>,
    pub(crate) log: Option<OpenLog<S::File>>,
    /// Entries of the next commit.
    pub(crate) pending: Vec<u8>,
    pub(crate) commit: u64,
    /// Digest of the last signed header.
    pub(crate) previous: Digest,
    pub(crate) segment: SegmentBuilder,
    /// `None` where records of a recovered trace could not be told apart.
    pub(crate) index: Option<Index>,
    pub(crate) condition: Condition,
}

/// The log whose first records are of the segment whose number it has.
pub(crate) struct OpenLog<F> {
    pub(crate) file: Stored<F>,
    pub(crate) segment: u32,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Sound,
    Poisoned,
    Sealed,
}

/// The segment that is being filled.
#[derive(Default)]
pub(crate) struct SegmentBuilder {
    pub(crate) number: u32,
    pub(crate) frames: Vec<u8>,
    /// Offset of each frame in units of 64 bytes.
    pub(crate) frame_units: Vec<u16>,
    pub(crate) contents: ContentsLayout,
    /// After each frame, how many contents there are up to it.
    pub(crate) contents_upto: Vec<usize>,
}

impl SegmentBuilder {
    /// Adds a frame that is within the limits. The contents that it brings were added before.
    pub(crate) fn push_frame(&mut self, frame: &[u8]) {
        self.contents_upto.push(self.contents.places.len());
        // At most 1 MiB / 64 = 16,384.
        self.frame_units.push(u16::try_from(self.frames.len() / FRAME_BLOCK_BYTES).unwrap_or(u16::MAX));
        self.frames.extend_from_slice(frame);
    }

    /// The segment whole.
    pub(crate) fn parts<'a>(
        &'a self,
        lineage: &'a [u8],
        snapshot: Option<&'a Snapshot>,
        header: &'a [u8],
    ) -> SegmentParts<'a> {
        SegmentParts {
            number: self.number,
            frames: &self.frames,
            contents: &self.contents.payloads,
            lineage: Some(lineage),
            snapshot: snapshot.map(Snapshot::payload),
            header,
        }
    }

    /// All its records, as entries of a log.
    fn append_to(&self, log: &mut LogEncoder<'_>) {
        let ends = self.frame_units.iter().skip(1).map(|unit| usize::from(*unit) * FRAME_BLOCK_BYTES);
        let ends = ends.chain(std::iter::once(self.frames.len()));
        let (mut frame_at, mut contents) = (0, 0);
        for (frame_end, upto) in ends.zip(&self.contents_upto) {
            (contents..*upto).for_each(|number| log.stored_content(self.contents.stored(number)));
            log.record(self.frames.get(frame_at..frame_end).unwrap_or_default());
            (frame_at, contents) = (frame_end, *upto);
        }
    }

    fn check_room_for(&self, frame: &[u8]) -> Result<(), WriteFault> {
        if frame.is_empty() || !frame.len().is_multiple_of(FRAME_BLOCK_BYTES) {
            return Err(Misuse::FrameLength.into());
        }
        check_limit(Limited::FrameBytes, FRAME_BYTES_MAX as u64, frame.len() as u64)?;
        let bytes = self.frames.len() + frame.len();
        check_limit(Limited::SegmentBytes, SEGMENT_BYTES_MAX as u64, bytes as u64)?;
        let records = self.frame_units.len() + 1;
        check_limit(Limited::SegmentRecords, SEGMENT_RECORDS_MAX as u64, records as u64)
    }
}

/// A whole segment as it goes into the file.
pub(crate) struct SegmentParts<'a> {
    pub(crate) number: u32,
    pub(crate) frames: &'a [u8],
    pub(crate) contents: &'a [Vec<u8>],
    pub(crate) lineage: Option<&'a [u8]>,
    pub(crate) snapshot: Option<&'a [u8]>,
    pub(crate) header: &'a [u8],
}

/// Offsets in the file of the blocks that an index names.
pub(crate) struct SegmentOffsets {
    frames_at: u64,
    contents_at: Vec<u64>,
}

impl SegmentParts<'_> {
    /// Bytes that its blocks take where nothing is packed, or more.
    pub(crate) fn bytes(&self) -> usize {
        let contents: usize = self.contents.iter().map(Vec::len).sum();
        let hints = self.lineage.map_or(0, <[u8]>::len) + self.snapshot.map_or(0, <[u8]>::len);
        let blocks = self.contents.len() + 4;
        self.frames.len() + contents + hints + self.header.len() + blocks * BLOCK_BYTES_BESIDE
    }

    /// Appends its blocks, the header last, to bytes that stand at this offset in the file. With a packer they are packed.
    pub(crate) fn append_to(
        &self,
        out: &mut Vec<u8>,
        at: u64,
        mut packer: Option<(Packing, &mut Packer)>,
    ) -> SegmentOffsets {
        let mut block = |kind: BlockKind, payload: &[u8]| {
            let offset = at + out.len() as u64;
            let packs = |packing| match kind {
                BlockKind::Contents => true,
                BlockKind::Frames | BlockKind::Lineage | BlockKind::Snapshot => packing == Packing::Cold,
                BlockKind::Header | BlockKind::Index | BlockKind::Seal | BlockKind::Trailer => false,
            };
            let packer =
                packer.as_mut().filter(|(packing, _)| packs(*packing)).map(|(_, packer)| &mut **packer);
            block::append(out, kind, self.number, payload, packer);
            offset
        };
        let frames_at = block(BlockKind::Frames, self.frames);
        let contents_at = self.contents.iter().map(|payload| block(BlockKind::Contents, payload)).collect();
        if let Some(lineage) = self.lineage {
            block(BlockKind::Lineage, lineage);
        }
        if let Some(snapshot) = self.snapshot {
            block(BlockKind::Snapshot, snapshot);
        }
        block(BlockKind::Header, self.header);
        SegmentOffsets { frames_at, contents_at }
    }
}

impl<S: Storage> TraceWriter<S> {
    /// Begins the trace of `run` at `path`, under its lock.
    ///
    /// # Errors
    /// A trace or an open log that exists already, unless nothing was ever written to it; another writer; the store.
    pub fn create(storage: S, path: &Path, run: RunId, options: Options) -> Result<Self, WriteFault> {
        let path = real_name(&storage, path)?;
        let header = file_header::encode(file_header::TRACE_MAGIC);
        let is_logged = options.durability == Durability::EachCommit;
        let trace =
            if is_logged { begin_logged(&storage, &path, &header)? } else { begin_held(&storage, &path)? };
        Ok(Self {
            storage,
            path,
            run,
            durability: options.durability,
            packing: options.packing,
            packer: Packer::new(options.packing.level()),
            trace: Arc::new(trace),
            trace_is_durable: false,
            is_closing: false,
            trace_bytes: if is_logged { FILE_HEADER_BYTES as u64 } else { 0 },
            held: if is_logged { Vec::new() } else { header.to_vec() },
            log: None,
            pending: Vec::new(),
            commit: 1,
            previous: Digest::ZERO,
            segment: SegmentBuilder::default(),
            index: Some(Index::default()),
            condition: Condition::Sound,
        })
    }

    /// Takes a record and the contents that first appear in it. Durable at the next commit, or with its segment.
    ///
    /// # Errors
    /// A limit, of which nothing was taken.
    pub fn append_record(&mut self, frame: &[u8], contents: &[Content<'_>]) -> Result<(), WriteFault> {
        self.check_condition()?;
        self.segment.check_room_for(frame)?;
        for content in contents {
            check_limit(Limited::ContentBytes, CONTENT_BYTES_MAX, content.bytes.len() as u64)?;
        }
        if self.durability == Durability::EachCommit {
            let mut log = self.log_encoder();
            contents.iter().for_each(|content| log.content(content));
            log.record(frame);
        }
        contents.iter().for_each(|content| self.segment.contents.push(content));
        self.segment.push_frame(frame);
        Ok(())
    }

    /// Makes the records taken so far durable, and the signed head that covers them. The first commit of a segment
    /// makes its log.
    ///
    /// # Errors
    /// A trace without a log; a head beyond its limit; the store.
    pub fn commit(&mut self, head: &[u8]) -> Result<(), WriteFault> {
        self.check_condition()?;
        if self.durability != Durability::EachCommit {
            return Err(Misuse::NoCommits.into());
        }
        check_signed(head)?;
        if self.log_goes_on() {
            let entries = self.pending.len();
            self.log_encoder().head(head);
            let written = self.write_pending();
            // The head of another try covers what is then there.
            if written.is_err() {
                self.pending.truncate(entries);
            }
            self.settle(written)?;
        } else {
            self.begin_log(Some(head))?;
        }
        self.pending.clear();
        self.commit += 1;
        Ok(())
    }

    /// Ends the segment: writes its blocks, and, with a log, makes them durable.
    ///
    /// # Errors
    /// A segment without records; a header or a page beyond its limit; the store.
    pub fn close_segment(&mut self, end: SegmentEnd<'_>) -> Result<(), WriteFault> {
        self.check_condition()?;
        self.check_none_closing()?;
        self.check_segment_end(&end)?;
        if self.durability == Durability::EachCommit {
            self.keep_log()?;
        }
        let segment = std::mem::take(&mut self.segment);
        let parts = segment.parts(end.lineage, end.snapshot, end.header);
        match self.write_segment(&parts, &segment.frame_units, &segment.contents) {
            Ok(()) => {
                self.previous = digest(Purpose::Header, end.header);
                self.pending.clear();
                self.commit = 1;
                Ok(())
            }
            Err(fault) => {
                self.segment = segment;
                Err(fault)
            }
        }
    }

    /// Ends the segment in the log, with the next commit; its blocks are on their way into the trace file. Whoever is given them writes them, with this
    /// writer's lock held, and gives them to [`Self::end_close`]. Until then records are taken and committed, but no segment is closed
    /// and no trace sealed.
    ///
    /// # Errors
    /// A trace without a log; a segment with a snapshot, which the log has no room for, one without records; a header or a page beyond its
    /// limit; another segment on its way; the store.
    pub fn begin_close(&mut self, end: SegmentEnd<'_>) -> Result<Closing<S::File>, WriteFault> {
        self.check_condition()?;
        self.check_none_closing()?;
        self.check_segment_end(&end)?;
        if self.durability != Durability::EachCommit {
            return Err(Misuse::NoCommits.into());
        }
        if end.snapshot.is_some() {
            return Err(Misuse::SnapshotSegment.into());
        }
        let next = next_segment(self.segment.number)?;
        self.keep_log()?;
        self.log_encoder().closing(end.lineage, end.header);
        let segment = std::mem::replace(
            &mut self.segment,
            SegmentBuilder { number: next, ..SegmentBuilder::default() },
        );
        self.previous = digest(Purpose::Header, end.header);
        self.is_closing = true;
        let packer = std::mem::replace(&mut self.packer, Packer::new(self.packing.level()));
        Ok(Closing {
            trace: Arc::clone(&self.trace),
            at: self.trace_bytes,
            packing: self.packing,
            packer,
            segment,
            lineage: end.lineage.to_vec(),
            header: end.header.to_vec(),
            written: None,
        })
    }

    /// Takes note that a segment of [`Self::begin_close`] is in the trace file, durable. One that was not written yet is written now.
    ///
    /// # Errors
    /// The store: where it says *nothing was written*, this may be called again, and then tries to write again.
    pub fn end_close(&mut self, closing: &mut Closing<S::File>) -> Result<(), WriteFault> {
        self.check_condition()?;
        if closing.written.is_none() {
            closing.write();
        }
        let Some(written) = closing.written.take() else { return Ok(()) };
        let written = self.settle(written)?;
        std::mem::swap(&mut self.packer, &mut closing.packer);
        self.trace_bytes += written.bytes;
        (self.trace_is_durable, self.is_closing) = (true, false);
        self.push_to_index(&written.offsets, &closing.segment.frame_units, &closing.segment.contents);
        Ok(())
    }

    const fn check_none_closing(&self) -> Result<(), WriteFault> {
        if self.is_closing { Err(WriteFault::Misuse(Misuse::SegmentClosing)) } else { Ok(()) }
    }

    /// Writes the segment before the one that is filled, which was closed in the log alone.
    pub(crate) fn write_closed(
        &mut self,
        segment: &SegmentBuilder,
        lineage: &[u8],
        header: &[u8],
    ) -> Result<(), WriteFault> {
        let parts = segment.parts(lineage, None, header);
        self.write_segment(&parts, &segment.frame_units, &segment.contents)
    }

    fn check_segment_end(&self, end: &SegmentEnd<'_>) -> Result<(), WriteFault> {
        let records = self.segment.frame_units.len();
        if records == 0 {
            return Err(Misuse::Empty.into());
        }
        if end.lineage.len() != records * LINEAGE_RECORD_BYTES {
            return Err(Misuse::LineageLength.into());
        }
        if end.snapshot.is_some_and(|snapshot| snapshot.segment() != self.segment.number) {
            return Err(Misuse::SnapshotSegment.into());
        }
        check_signed(end.header)
    }

    /// Writes a whole segment whose parts are within their limits; the next one is then the one that is filled.
    pub(crate) fn write_segment(
        &mut self,
        parts: &SegmentParts<'_>,
        frame_units: &[u16],
        contents: &ContentsLayout,
    ) -> Result<(), WriteFault> {
        let next = next_segment(parts.number)?;
        if self.held.len() >= HELD_BYTES_AIM {
            let flushed = self.flush();
            self.settle(flushed)?;
        }
        let start = self.held.len();
        let packer = Some((self.packing, &mut self.packer));
        let offsets = parts.append_to(&mut self.held, self.trace_bytes, packer);
        if self.durability == Durability::EachCommit {
            let written = self.flush().and_then(|()| self.trace.sync());
            if written.is_err() {
                self.held.truncate(start);
            }
            self.settle(written)?;
            self.trace_is_durable = true;
        }
        self.push_to_index(&offsets, frame_units, contents);
        self.segment.number = next;
        Ok(())
    }

    fn push_to_index(&mut self, offsets: &SegmentOffsets, frame_units: &[u16], contents: &ContentsLayout) {
        if let Some(index) = &mut self.index {
            index.push_segment(offsets.frames_at, frame_units.to_vec());
            index.push_contents(&contents.places, &offsets.contents_at);
        }
    }

    /// Appends a block to what is held. Returns its offset in the file.
    fn hold(&mut self, kind: BlockKind, segment: u32, payload: &[u8], packed: bool) -> u64 {
        let offset = self.trace_bytes + self.held.len() as u64;
        let packer = packed.then_some(&mut self.packer);
        block::append(&mut self.held, kind, segment, payload, packer);
        offset
    }

    /// Writes what is held.
    fn flush(&mut self) -> Result<(), StoreError> {
        self.trace.append(self.trace_bytes, &self.held)?;
        self.trace_bytes += self.held.len() as u64;
        self.held.clear();
        Ok(())
    }

    /// Ends the trace with its seal, and makes all of it durable unless that is left to the system.
    ///
    /// # Errors
    /// An open segment with records, or no segment at all; a seal beyond its limit; the store.
    pub fn seal(&mut self, seal: &[u8]) -> Result<Sealed, WriteFault> {
        self.check_condition()?;
        self.check_none_closing()?;
        check_signed(seal)?;
        if !self.segment.frame_units.is_empty() {
            return Err(Misuse::SegmentOpen.into());
        }
        if self.segment.number == 0 {
            return Err(Misuse::Empty.into());
        }
        let start = self.held.len();
        self.hold_closing(seal);
        let flushed = self.flush();
        if flushed.is_err() {
            self.held.truncate(start);
        }
        self.settle(flushed)?;
        self.finish()
    }

    fn hold_closing(&mut self, seal: &[u8]) {
        let segments = self.segment.number;
        let mut trailer = Trailer { index: 0, seal: 0 };
        let index = self.index.as_mut().and_then(|index| {
            index.sort_contents();
            index.encode()
        });
        if let Some(index) = index {
            trailer.index = self.hold(BlockKind::Index, segments, &index, self.packing == Packing::Cold);
        }
        trailer.seal = self.hold(BlockKind::Seal, segments, seal, false);
        self.hold(BlockKind::Trailer, segments, &trailer.encode(), false);
    }

    /// Makes a trace whose last block is in the file durable under its name.
    fn finish(&mut self) -> Result<Sealed, WriteFault> {
        let finished = self.publish();
        self.settle(finished)?;
        self.condition = Condition::Sealed;
        let leftover_log = self.remove_log().err();
        Ok(Sealed { bytes: self.trace_bytes, leftover_log })
    }

    fn publish(&self) -> Result<(), StoreError> {
        let unsealed = unsealed_path(&self.path);
        match self.durability {
            Durability::EachCommit => self.trace.sync(),
            Durability::OnSeal => {
                self.trace.sync()?;
                rename(&self.storage, &unsealed, &self.path)?;
                sync_directory_of(&self.storage, &self.path)
            }
            Durability::LeftToSystem => rename(&self.storage, &unsealed, &self.path),
        }
    }

    fn remove_log(&self) -> Result<(), StoreError> {
        if self.durability != Durability::EachCommit {
            return Ok(());
        }
        remove(&self.storage, &log_path(&self.path))?;
        sync_directory_of(&self.storage, &self.path)
    }

    /// Ends a copy of a trace that has no seal.
    pub(crate) fn finish_unsealed(&mut self) -> Result<Sealed, WriteFault> {
        let flushed = self.flush();
        self.settle(flushed)?;
        self.finish()
    }

    /// Gives up a trace that is not sealed: without a log nothing of it stays; with one all that was acknowledged does.
    ///
    /// # Errors
    /// The store.
    pub fn abandon(self) -> Result<(), WriteFault> {
        Ok(self.remove_unsealed()?)
    }

    fn remove_unsealed(&self) -> Result<(), StoreError> {
        match self.durability {
            Durability::EachCommit => Ok(()),
            Durability::OnSeal | Durability::LeftToSystem if self.condition == Condition::Sealed => Ok(()),
            Durability::OnSeal | Durability::LeftToSystem => {
                remove(&self.storage, &unsealed_path(&self.path))
            }
        }
    }

    /// Number of the segment that is being filled.
    pub const fn segment(&self) -> u32 {
        self.segment.number
    }

    /// Records in the segment that is being filled.
    pub const fn segment_records(&self) -> usize {
        self.segment.frame_units.len()
    }

    /// Bytes of their frames.
    pub const fn segment_bytes(&self) -> usize {
        self.segment.frames.len()
    }

    /// Whether the log takes the next commit: it begins with the segment, or the one before it is on its way into the trace file.
    fn log_goes_on(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.segment == self.segment.number) || self.is_closing
    }

    /// Makes sure that there is a log that begins with the segment: by it a torn append to the trace file is told from a loss.
    fn keep_log(&mut self) -> Result<(), WriteFault> {
        if self.log_goes_on() {
            return Ok(());
        }
        self.begin_log(None)?;
        self.pending.clear();
        Ok(())
    }

    fn log_encoder(&mut self) -> LogEncoder<'_> {
        LogEncoder { out: &mut self.pending, segment: self.segment.number, commit: self.commit }
    }

    /// Makes the pending entries durable in the log.
    fn write_pending(&mut self) -> Result<(), StoreError> {
        if let Some(log) = &mut self.log {
            log.file.append(log.bytes, &self.pending)?;
            log.file.sync()?;
            log.bytes += self.pending.len() as u64;
        }
        Ok(())
    }

    /// Makes the log that begins with the segment: with all its records, in one commit.
    fn begin_log(&mut self, head: Option<&[u8]>) -> Result<(), WriteFault> {
        let begun = self.start_log(head);
        self.log = Some(self.settle(begun)?);
        (self.commit, self.trace_is_durable) = (1, true);
        Ok(())
    }

    /// Makes the log of the segment with all its records in it, and puts it in the place of the one before.
    fn start_log(&self, head: Option<&[u8]>) -> Result<OpenLog<S::File>, StoreError> {
        let mut bytes = Vec::with_capacity(self.pending.len() + 256);
        let segment = self.segment.number;
        let mut log = LogEncoder { out: &mut bytes, segment, commit: 1 };
        log.opening(self.run, self.previous);
        self.segment.append_to(&mut log);
        if let Some(head) = head {
            log.head(head);
        }
        // Who finds the log must find what the trace has before it too.
        if !self.trace_is_durable {
            self.trace.sync()?;
        }
        let new = new_log_path(&self.path);
        let mut file = make_new(&self.storage, &new)?;
        file.append(0, &bytes)?;
        file.sync()?;
        let path = log_path(&self.path);
        rename(&self.storage, &new, &path)?;
        sync_directory_of(&self.storage, &path)?;
        file.path = path;
        Ok(OpenLog { file, segment, bytes: bytes.len() as u64 })
    }

    const fn check_condition(&self) -> Result<(), WriteFault> {
        match self.condition {
            Condition::Sound => Ok(()),
            Condition::Poisoned => Err(WriteFault::Poisoned),
            Condition::Sealed => Err(WriteFault::Misuse(Misuse::Sealed)),
        }
    }

    /// Stops the writer where the store's error leaves it unknown what was written.
    fn settle<T>(&mut self, result: Result<T, StoreError>) -> Result<T, WriteFault> {
        if let Err(error) = &result
            && error.effect == Effect::Unknown
        {
            self.condition = Condition::Poisoned;
        }
        Ok(result?)
    }
}

/// A writer without a log that never came to its seal leaves nothing: nobody can go on with what it wrote. Where it is unknown what is in the file, it stays.
impl<S: Storage> Drop for TraceWriter<S> {
    fn drop(&mut self) {
        if self.condition == Condition::Sound {
            // Whoever looks for the reason has been told it already; the next writer takes over what is left.
            let _ = self.remove_unsealed();
        }
    }
}

/// Makes the trace file under its own name.
fn begin_logged<S: Storage>(storage: &S, path: &Path, header: &[u8]) -> Result<Stored<S::File>, WriteFault> {
    check_absent(storage, &log_path(path))?;
    let trace = match open_present(storage, path, Access::CreateNew) {
        Ok(trace) => trace,
        Err(error) if error.source.kind() == std::io::ErrorKind::AlreadyExists => {
            return begin_again(storage, path, header);
        }
        Err(error) => return Err(error.into()),
    };
    check_locked(&trace)?;
    trace.append(0, header)?;
    Ok(trace)
}

/// Takes over a trace file whose writer was stopped before it could acknowledge anything: it holds no more than the file header, and has no
/// log.
fn begin_again<S: Storage>(storage: &S, path: &Path, header: &[u8]) -> Result<Stored<S::File>, WriteFault> {
    // Of a file that has another name too, the log lies beside that.
    let trace = open_present(storage, path, Access::OpenOrCreate)?;
    check_locked(&trace)?;
    let length = trace.length()?;
    match check_file_header(&trace, length, false) {
        Ok(()) if length == FILE_HEADER_BYTES as u64 => {}
        Err(ReadFault::NeverBegun) => {}
        Err(ReadFault::Store(error)) => return Err(error.into()),
        Ok(()) | Err(_) => return Err(Misuse::Exists.into()),
    }
    trace.truncate(0)?;
    trace.append(0, header)?;
    Ok(trace)
}

/// Makes the file that gets the trace's name at the seal.
///
/// Whoever holds its lock may cut it, but a writer that sealed meanwhile has given it the trace's name: so the name is
/// looked for again under the lock.
fn begin_held<S: Storage>(storage: &S, path: &Path) -> Result<Stored<S::File>, WriteFault> {
    check_absent(storage, path)?;
    check_absent(storage, &log_path(path))?;
    let trace = open_present(storage, &unsealed_path(path), Access::OpenOrCreate)?;
    check_locked(&trace)?;
    check_absent(storage, path)?;
    if trace.length()? > 0 {
        trace.truncate(0)?;
    }
    Ok(trace)
}

fn check_absent<S: Storage>(storage: &S, path: &Path) -> Result<(), WriteFault> {
    match open(storage, path, Access::Read)? {
        Some(_) => Err(Misuse::Exists.into()),
        None => Ok(()),
    }
}

pub(crate) fn check_locked<F: StoredFile>(file: &Stored<F>) -> Result<(), WriteFault> {
    if file.try_lock()? { Ok(()) } else { Err(Misuse::Locked.into()) }
}

fn check_signed(bytes: &[u8]) -> Result<(), WriteFault> {
    if bytes.is_empty() {
        return Err(Misuse::Unsigned.into());
    }
    check_limit(Limited::SignedBytes, SIGNED_BYTES_MAX as u64, bytes.len() as u64)
}

const fn check_limit(what: Limited, limit: u64, found: u64) -> Result<(), WriteFault> {
    if found <= limit { Ok(()) } else { Err(WriteFault::Limit { what, limit, found }) }
}

fn next_segment(number: u32) -> Result<u32, WriteFault> {
    number.checked_add(1).ok_or(WriteFault::Limit {
        what: Limited::Segments,
        limit: u64::from(u32::MAX),
        found: u64::from(number) + 1,
    })
}
