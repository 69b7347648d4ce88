//! A trace, read: segment by segment, from several threads at once, without changing a byte of it.

use std::path::Path;
use std::sync::OnceLock;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::RunId;

use crate::block::{BlockBuffer, BlockKind, BlockPlace};
use crate::contents::{Content, Contents};
use crate::damage::{Cause, Damage, Part, Place};
use crate::fault::ReadFault;
use crate::file_header::{self, FILE_HEADER_BYTES, FileHeader};
use crate::index::{ContentPlace, Index};
use crate::long::LongContent;
use crate::open_segment::{OpenContent, OpenSegment};
use crate::paths::log_path;
use crate::segment::Segment;
use crate::settle::{End, LogRole, settle};
use crate::spliced::Spliced;
use crate::storage::{Access, ReadAt, Storage, Stored, open, open_present, real_name};
use crate::trailer::Trailer;
use crate::walk::Walk;

/// Derived data that may be wrong: nothing is concluded from it that is not checked.
/// Spec: archive-hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint<T> {
    /// It has the form of what it should be.
    Usable(T),
    /// There is none.
    Absent,
    /// It is not what it should be, and is ignored.
    Ignored(Damage),
}

impl<T> Hint<T> {
    /// What it holds, where it is usable.
    pub fn usable(self) -> Option<T> {
        match self {
            Self::Usable(held) => Some(held),
            Self::Absent | Self::Ignored(_) => None,
        }
    }

    /// The hint in a damaged block is ignored; a store that fails is an error still.
    pub(crate) fn of(read: Result<T, ReadFault>) -> Result<Self, ReadFault> {
        match read {
            Ok(held) => Ok(Self::Usable(held)),
            Err(ReadFault::Damaged(damage)) => Ok(Self::Ignored(damage)),
            Err(fault) => Err(fault),
        }
    }
}

/// What a whole trace file consists of, every byte of it read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Bytes of the file.
    pub bytes: u64,
    /// Blocks in it; those of a torn or cut tail are not counted.
    pub blocks: u64,
    /// Hints that are not what they should be.
    pub hints_ignored: Vec<Damage>,
}

/// Where a record lies, as the index says. Whoever uses it decodes the frame and finds its sequence number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// The segment.
    pub segment: u32,
    /// The record's number in it, from 0.
    pub record: usize,
    /// Offset of its frame among the segment's frames, in bytes.
    pub frame_at: u32,
}

/// An open trace file, and the open log beside it.
///
/// All reading is by `&self` and at offsets: threads read different segments of one reader at the same time, each with
/// a [`BlockBuffer`] of its own.
#[derive(Debug)]
pub struct TraceReader<F> {
    /// With the segment that is closed in the log alone, where there is one.
    pub(crate) file: Stored<Spliced<F>>,
    pub(crate) walk: Walk,
    /// Bytes of the trace file.
    length: u64,
    end: End,
    pub(crate) log: LogRole<F>,
    index: OnceLock<Hint<Index>>,
    /// Where contents lie, found by reading them all.
    found: OnceLock<Index>,
}

impl<F: ReadAt> TraceReader<F> {
    /// Opens the trace at `path` and the log beside it, and follows its blocks from first to last.
    ///
    /// # Errors
    /// A file that is no trace, cannot be read, or is damaged where it can be seen without reading payloads; of several
    /// damages the lowest. A torn or cut tail is no error: [`Self::end`] says it.
    pub fn open<S: Storage<File = F>>(storage: &S, path: &Path) -> Result<Self, ReadFault> {
        let path = real_name(storage, path)?;
        match Self::open_once(storage, &path) {
            // A writer at work may have closed segments between the two files being opened: look again.
            Err(ReadFault::Damaged(_)) => Self::open_once(storage, &path),
            Ok(reader) if matches!(reader.end, End::Cut(_)) => Self::open_once(storage, &path),
            opened => opened,
        }
    }

    fn open_once<S: Storage<File = F>>(storage: &S, path: &Path) -> Result<Self, ReadFault> {
        // The log first: a writer closes a segment in the trace before it replaces the log.
        let log = open(storage, &log_path(path), Access::Read)?;
        let file = open_present(storage, path, Access::Read)?;
        Self::read(file, log)
    }

    /// Opens a trace file that has no log beside it, such as one in memory.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(file: F) -> Result<Self, ReadFault> {
        Self::read(Stored { file, path: "trace".into() }, None)
    }

    pub(crate) fn read(file: Stored<F>, log: Option<Stored<F>>) -> Result<Self, ReadFault> {
        let length = file.length()?;
        check_file_header(&file, length, log.is_some())?;
        let file = Stored { file: Spliced::plain(file.file), path: file.path };
        let log = log.map(OpenSegment::read).transpose()?.map(Box::new);
        let walk = Walk::through(&file, length)?;
        let settled = settle(&file, walk, log)?;
        let mut reader = Self {
            file,
            walk: settled.walk,
            length,
            end: settled.end,
            log: settled.log,
            index: OnceLock::new(),
            found: OnceLock::new(),
        };
        reader.check_trailer()?;
        reader.check_log_follows()?;
        if let Some(blocks) = reader.blocks_in_log()? {
            reader.file.file.put(reader.walk.segments_end(), blocks);
            reader.walk = Walk::through(&reader.file, reader.file.length()?)?;
        }
        Ok(reader)
    }

    /// Checks that the open log names the header of the last segment that the trace file has.
    fn check_log_follows(&self) -> Result<(), ReadFault> {
        let Some(open) = self.open_segment() else { return Ok(()) };
        let derived = self.last_header_digest()?;
        open.forked(derived).map_or(Ok(()), |damage| Err(damage.into()))
    }

    /// The blocks of the segment that is closed in the log alone, as they would stand in the trace file, but that none is packed.
    fn blocks_in_log(&self) -> Result<Option<Vec<u8>>, ReadFault> {
        let Some(open) = self.open_segment() else { return Ok(None) };
        let (Some(closed), Some(segment)) = (&open.closed, open.closed_segment()?) else { return Ok(None) };
        let parts = segment.parts(&closed.lineage, None, &closed.header);
        let mut blocks = Vec::new();
        let _ = parts.append_to(&mut blocks, self.walk.segments_end(), None);
        Ok(Some(blocks))
    }

    /// The digest of the last closed segment's header; zeros where there is none.
    pub(crate) fn last_header_digest(&self) -> Result<Digest, ReadFault> {
        match self.segments().checked_sub(1).and_then(|last| self.segment(last)) {
            Some(last) => Ok(digest(Purpose::Header, &last.header()?)),
            None => Ok(Digest::ZERO),
        }
    }

    /// How the trace ends.
    pub const fn end(&self) -> &End {
        &self.end
    }

    /// How many closed segments it has, one that is in the log alone among them.
    pub fn segments(&self) -> u32 {
        self.walk.closed()
    }

    /// A closed segment.
    pub fn segment(&self, number: u32) -> Option<Segment<'_, F>> {
        let range = self.walk.segments.get(usize::try_from(number).ok()?)?;
        Some(Segment::new(self, number, self.walk.blocks_of(range)))
    }

    /// The segment that was not closed yet.
    pub const fn open_segment(&self) -> Option<&OpenSegment<F>> {
        match &self.log {
            LogRole::Open(open) => Some(open),
            LogRole::Absent | LogRole::Leftover(_) => None,
        }
    }

    /// How many records are in a log that is no part of the trace: its segment is closed or the run is sealed, and the
    /// log was not removed. `None` without such a log.
    pub const fn leftover_log_records(&self) -> Option<usize> {
        match &self.log {
            LogRole::Leftover(leftover) => Some(leftover.records),
            LogRole::Absent | LogRole::Open(_) => None,
        }
    }

    /// Whether the trace has the records of such a log, byte for byte, at the place that the log says; so it has of a log that holds none, or is not there.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn has_leftover_records(&self) -> Result<bool, ReadFault> {
        let LogRole::Leftover(leftover) = &self.log else { return Ok(true) };
        if leftover.frames.is_empty() {
            return Ok(true);
        }
        let Some(segment) = self.segment(leftover.segment) else { return Ok(false) };
        Ok(segment.frames(&mut BlockBuffer::new())?.starts_with(&leftover.frames))
    }

    /// The run that such a log says it is of. Another run's than the trace's: its own trace file is not the one that it lies beside.
    pub const fn leftover_log_run(&self) -> Option<RunId> {
        match &self.log {
            LogRole::Leftover(leftover) => Some(leftover.run),
            LogRole::Absent | LogRole::Open(_) => None,
        }
    }

    /// The frames of such a log's records, back to back.
    pub fn leftover_log_frames(&self) -> Option<&[u8]> {
        match &self.log {
            LogRole::Leftover(leftover) => Some(&leftover.frames),
            LogRole::Absent | LogRole::Open(_) => None,
        }
    }

    /// The run of such a log where it is another than `run`, the trace's, or where the log has records that the trace does not have: they stand nowhere
    /// else. Spec: archive-log.
    ///
    /// # Errors
    /// Bytes that cannot be read, so that nobody knows.
    pub fn other_log_run(&self, run: RunId) -> Result<Option<RunId>, ReadFault> {
        let Some(left_by) = self.leftover_log_run() else { return Ok(None) };
        let is_held = left_by == run && self.has_leftover_records()?;
        Ok((!is_held).then_some(left_by))
    }

    /// Bytes of the trace file.
    pub const fn bytes(&self) -> u64 {
        self.length
    }

    /// The signed seal, of a sealed trace.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn seal(&self) -> Result<Option<Vec<u8>>, ReadFault> {
        match self.closing_block(BlockKind::Seal) {
            Some(block) => Ok(Some(BlockBuffer::new().read(&self.file, block)?.to_vec())),
            None => Ok(None),
        }
    }

    fn closing_block(&self, kind: BlockKind) -> Option<&BlockPlace> {
        self.walk.blocks_of(&self.walk.closing).iter().find(|block| block.kind == kind)
    }

    fn check_trailer(&self) -> Result<(), ReadFault> {
        let Some(block) = self.closing_block(BlockKind::Trailer) else { return Ok(()) };
        let mut buffer = BlockBuffer::new();
        let trailer = Trailer::decode(buffer.read(&self.file, block)?);
        let offset_of = |kind| self.closing_block(kind).map_or(0, |block| block.offset);
        let expected = Trailer { index: offset_of(BlockKind::Index), seal: offset_of(BlockKind::Seal) };
        if trailer == Some(expected) { Ok(()) } else { Err(block.damaged(Cause::Trailer).into()) }
    }

    /// The index, read at the first use.
    pub(crate) fn index(&self) -> Result<&Hint<Index>, ReadFault> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = match self.closing_block(BlockKind::Index) {
            Some(block) => Hint::of(self.read_index(block))?,
            None => Hint::Absent,
        };
        Ok(self.index.get_or_init(|| index))
    }

    fn read_index(&self, block: &BlockPlace) -> Result<Index, ReadFault> {
        let mut buffer = BlockBuffer::new();
        let payload = buffer.read(&self.file, block)?;
        Index::load(payload, &self.walk.blocks).map_err(|cause| block.damaged(cause).into())
    }

    /// Whether there is an index, and why it is ignored.
    ///
    /// # Errors
    /// A store that fails.
    pub fn index_hint(&self) -> Result<Hint<()>, ReadFault> {
        Ok(match self.index()? {
            Hint::Usable(_) => Hint::Usable(()),
            Hint::Absent => Hint::Absent,
            Hint::Ignored(damage) => Hint::Ignored(*damage),
        })
    }

    /// Where the record with this sequence number lies, if the index is usable and has it.
    ///
    /// # Errors
    /// A store that fails.
    pub fn find_record(&self, sequence: u64) -> Result<Option<RecordPlace>, ReadFault> {
        let Hint::Usable(index) = self.index()? else { return Ok(None) };
        Ok(index.find_record(sequence))
    }

    /// Reads contents by their commitments. Contents in one block that are asked for in turn are unpacked once.
    pub fn content_reader(&self) -> ContentReader<'_, F> {
        ContentReader { reader: self, buffer: BlockBuffer::new(), held: None, alone: Vec::new() }
    }

    /// Where contents lie, found by reading all contents of the closed segments once.
    fn found_contents(&self) -> Result<&Index, ReadFault> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let mut index = Index::default();
        let mut buffer = BlockBuffer::new();
        for block in self.walk.blocks.iter().filter(|block| block.kind == BlockKind::Contents) {
            index.contents.extend(places_in(&self.file, block, &mut buffer)?);
        }
        index.sort_contents();
        Ok(self.found.get_or_init(|| index))
    }

    /// Reads and checks every byte of the trace file: check words, padding, packed payloads, and that contents tile
    /// their blocks. Signatures, record bytes and commitments are not looked at.
    ///
    /// # Errors
    /// The lowest damage.
    pub fn check(&self) -> Result<Coverage, ReadFault> {
        let mut buffer = BlockBuffer::new();
        let mut hints_ignored = Vec::new();
        for number in 0..self.segments() {
            if let Some(segment) = self.segment(number) {
                hints_ignored.extend(segment.check(&mut buffer)?);
            }
        }
        if let Hint::Ignored(damage) = self.index()? {
            hints_ignored.push(*damage);
        }
        self.seal()?;
        self.check_trailer()?;
        Ok(Coverage { bytes: self.length, blocks: self.walk.blocks.len() as u64, hints_ignored })
    }
}

/// Where the contents of a block lie.
pub(crate) fn places_in<F: ReadAt>(
    file: &Stored<F>,
    block: &BlockPlace,
    buffer: &mut BlockBuffer,
) -> Result<Vec<ContentPlace>, ReadFault> {
    let place = |(commitment, inside): (Digest, u64)| {
        // Within the limit of a block, far below 4 GiB.
        let inside = u32::try_from(inside).unwrap_or(u32::MAX);
        ContentPlace { commitment: commitment.0, block_at: block.offset, inside }
    };
    if block.is_long() {
        let content = LongContent::of(file, block, buffer)?;
        let found = place((content.commitment(), 0));
        content.check()?;
        return Ok(vec![found]);
    }
    let mut contents = Contents::new(block.place(), buffer.read(file, block)?);
    let mut places = Vec::new();
    loop {
        let inside = contents.inside();
        match contents.next() {
            Some(content) => places.push(place((content?.commitment, inside))),
            None => return Ok(places),
        }
    }
}

pub(crate) fn check_file_header<F: ReadAt>(
    file: &Stored<F>,
    length: u64,
    has_log: bool,
) -> Result<(), ReadFault> {
    let expected = file_header::encode(file_header::TRACE_MAGIC);
    let mut header = [0; FILE_HEADER_BYTES];
    let held = usize::try_from(length).map_or(FILE_HEADER_BYTES, |length| length.min(FILE_HEADER_BYTES));
    file.read_exact_at(header.get_mut(..held).unwrap_or_default(), 0)?;
    let damaged = |cause| {
        let place = Place { part: Part::TraceHeader, segment: 0, offset: 0 };
        Err(Damage { place, cause }.into())
    };
    // Made but never synced: the bytes, or the file's length alone, may have reached the disk.
    let is_prefix = header.get(..held) == expected.get(..held);
    let is_zeros = header.iter().all(|byte| *byte == 0);
    let was_begun = has_log || length > FILE_HEADER_BYTES as u64 || (is_prefix && held == FILE_HEADER_BYTES);
    if !was_begun && (is_prefix || is_zeros) {
        return Err(ReadFault::NeverBegun);
    }
    match file_header::decode(&header, file_header::TRACE_MAGIC) {
        _ if held < FILE_HEADER_BYTES && is_prefix => {
            damaged(Cause::End { needed: FILE_HEADER_BYTES as u64, available: length })
        }
        FileHeader::Ours => Ok(()),
        FileHeader::Magic(found) => Err(ReadFault::NotATrace { found }),
        FileHeader::Version(found) => Err(ReadFault::UnknownVersion { part: Part::TraceHeader, found }),
        FileHeader::Broken(cause) => damaged(cause),
    }
}

/// Reads contents by their commitments. See [`TraceReader::content_reader`].
pub struct ContentReader<'r, F> {
    reader: &'r TraceReader<F>,
    buffer: BlockBuffer,
    /// Offset of the block in the buffer.
    held: Option<u64>,
    /// A content that is held alone: of the open segment, or of a long block.
    alone: Vec<u8>,
}

/// Where a content was found.
enum Located<'r> {
    /// In the block held, at this offset.
    Block(u32),
    /// Alone.
    Alone,
    Open(&'r OpenContent),
}

impl<'r, F: ReadAt> ContentReader<'r, F> {
    /// The content with this commitment, or `None` where the trace does not hold it, because it was redacted.
    ///
    /// What the index says is checked, and a content that it does not name is looked for in the whole file, once. The
    /// commitment is not computed: [`Content::is_genuine`] does.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn read(&mut self, commitment: &Digest) -> Result<Option<Content<'_>>, ReadFault> {
        match self.locate(commitment)? {
            Some(Located::Block(inside)) => Ok(Contents::at(self.buffer.payload(), inside)),
            Some(Located::Alone) => Ok(Contents::at(&self.alone, 0)),
            Some(Located::Open(content)) => {
                let Some(open) = self.reader.open_segment() else { return Ok(None) };
                open.read_content(content, &mut self.alone).map(Some)
            }
            None => Ok(None),
        }
    }

    fn locate(&mut self, commitment: &Digest) -> Result<Option<Located<'r>>, ReadFault> {
        if let Hint::Usable(index) = self.reader.index()?
            && let Some(located) = self.hold(index.find_content(commitment))?
        {
            return Ok(Some(located));
        }
        if let Some(content) = self.reader.open_segment().and_then(|open| open.find_content(commitment)) {
            return Ok(Some(Located::Open(content)));
        }
        self.hold(self.reader.found_contents()?.find_content(commitment))
    }

    /// Brings the block of a place into the buffer, or the content alone; where it is then, if it stands there.
    fn hold(&mut self, place: Option<&ContentPlace>) -> Result<Option<Located<'r>>, ReadFault> {
        let Some(place) = place else { return Ok(None) };
        if self.held != Some(place.block_at) {
            self.held = None;
            let blocks = &self.reader.walk.blocks;
            let at = blocks.binary_search_by_key(&place.block_at, |block| block.offset);
            let Some(block) = at.ok().and_then(|at| blocks.get(at)) else { return Ok(None) };
            if block.is_long() {
                let content = LongContent::of(&self.reader.file, block, &mut self.buffer)?;
                if place.inside != 0 || content.commitment().0 != place.commitment {
                    return Ok(None);
                }
                content.hold(&mut self.alone)?;
                return Ok(Some(Located::Alone));
            }
            self.buffer.hold(&self.reader.file, block)?;
            self.held = Some(place.block_at);
        }
        let content = Contents::at(self.buffer.payload(), place.inside);
        let is_there = content.is_some_and(|content| content.commitment.0 == place.commitment);
        Ok(is_there.then_some(Located::Block(place.inside)))
    }
}
