//! The open segment, as its log has it: records that are durable but in no closed segment yet.
//!
//! An append that never ended leaves a torn tail. Bytes that fail their check although what follows was written after
//! them are no torn tail but damage. Spec: archive-log-recovery.

use std::ops::Range;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::RunId;
use rederive_evidence::limits::{SEGMENT_BYTES_MAX, SEGMENT_RECORDS_MAX};

use crate::contents::{Content, Contents};
use crate::damage::{Cause, Damage, Part, Place};
use crate::fault::ReadFault;
use crate::file_header::{self, FILE_HEADER_BYTES, FileHeader};
use crate::framing::{self, ALIGNMENT, FRAMING_BYTES, Framing, take};
use crate::limits::{CONTENT_HEAD_BYTES, LINEAGE_RECORD_BYTES};
use crate::log::{CLOSING_HEAD_BYTES, EntryKind};
use crate::resync::{self, Found};
use crate::storage::{ReadAt, StoreError, Stored};
use crate::writer::SegmentBuilder;

/// A disk writes as many bytes as a whole; those that it never wrote read as zeros.
const SECTOR_BYTES: u64 = 512;

/// Bytes at the end of a file that an append left without ending. Nothing in them was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where it begins.
    pub place: Place,
    /// How many bytes, up to the end of the file.
    pub bytes: u64,
    /// What is wrong where it begins, or where it first goes wrong.
    pub cause: Cause,
}

/// The open segment. Contents stay in the file until they are asked for.
#[derive(Debug)]
pub struct OpenSegment<F> {
    pub(crate) file: Stored<F>,
    pub(crate) segment: u32,
    /// The segment that the log begins with, whether or not the trace file has it by now: no log ends two segments.
    first_segment: u32,
    pub(crate) run: RunId,
    previous: Digest,
    /// Where the entry is that says what the segment follows: the opening, or the end of the segment before.
    begun_at: u64,
    frames: Vec<u8>,
    records: Vec<OpenRecord>,
    contents: Vec<OpenContent>,
    /// The segment before this one, where the log has it too.
    pub(crate) closed: Option<Box<ClosedInLog>>,
    head: Option<Vec<u8>>,
    attested: usize,
    /// The commit that the next entry belongs to.
    pub(crate) commit: u64,
    /// Offset at which the kept entries end.
    pub(crate) kept_bytes: u64,
    torn: Option<TornTail>,
}

/// A segment that the log has whole, and its end. It is part of the trace where the trace file does not have it.
#[derive(Debug)]
pub(crate) struct ClosedInLog {
    pub(crate) segment: u32,
    previous: Digest,
    frames: Vec<u8>,
    records: Vec<OpenRecord>,
    contents: Vec<OpenContent>,
    pub(crate) lineage: Vec<u8>,
    pub(crate) header: Vec<u8>,
}

impl ClosedInLog {
    /// Lineage page and signed header.
    pub(crate) fn end(&self) -> (Vec<u8>, Vec<u8>) {
        (self.lineage.clone(), self.header.clone())
    }
}

#[derive(Debug)]
struct OpenRecord {
    frame: Range<usize>,
    contents: Range<usize>,
}

/// Where a content of the open segment lies in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenContent {
    pub(crate) commitment: Digest,
    /// Offset of the payload of its entry.
    payload_at: u64,
    payload_bytes: u32,
}

/// An entry as read.
struct Entry {
    kind: EntryKind,
    framing: Framing,
    end: u64,
}

impl<F> OpenSegment<F> {
    /// Its number.
    pub const fn segment(&self) -> u32 {
        self.segment
    }

    /// The run that the log says it is of.
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// The digest of the signed header before this segment, as the log says; zeros for segment 0.
    pub const fn previous_header(&self) -> Digest {
        self.previous
    }

    /// Number of the segment that the log begins with.
    pub(crate) const fn first_segment(&self) -> u32 {
        self.first_segment
    }

    /// How many records it has.
    pub const fn records(&self) -> usize {
        self.records.len()
    }

    /// The frames of all its records, back to back.
    pub fn frames(&self) -> &[u8] {
        &self.frames
    }

    /// The frame of one record, counted from 0 in this segment.
    pub fn frame(&self, record: usize) -> Option<&[u8]> {
        self.frames.get(self.records.get(record)?.frame.clone())
    }

    /// The last signed head that is whole.
    pub fn head(&self) -> Option<&[u8]> {
        self.head.as_deref()
    }

    /// Records before the last head; those after it are whole, but no signature covers them.
    pub const fn attested(&self) -> usize {
        self.attested
    }

    /// The bytes at the end of the log that an append left without ending.
    pub const fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }
}

impl<F: ReadAt> OpenSegment<F> {
    /// Reads a log: frames and heads into memory, contents to be checked alone.
    ///
    /// A log is made whole under another name, so that one without its opening is damaged.
    pub(crate) fn read(file: Stored<F>) -> Result<Self, ReadFault> {
        let length = file.length()?;
        check_file_header(&file, length)?;
        let mut open = Self {
            file,
            segment: 0,
            first_segment: 0,
            run: RunId([0; 16]),
            previous: Digest::ZERO,
            begun_at: FILE_HEADER_BYTES as u64,
            frames: Vec::new(),
            records: Vec::new(),
            contents: Vec::new(),
            closed: None,
            head: None,
            attested: 0,
            commit: 1,
            kept_bytes: FILE_HEADER_BYTES as u64,
            torn: None,
        };
        open.read_opening(length)?;
        open.read_entries(length)?;
        Ok(open)
    }

    fn read_opening(&mut self, length: u64) -> Result<(), ReadFault> {
        let offset = self.kept_bytes;
        let entry =
            self.entry_at(offset, length)?.map_err(|(part, cause)| self.damaged(part, offset, cause))?;
        let part = Part::Entry(Some(entry.kind));
        if entry.kind != EntryKind::Opening {
            return Err(self.damaged(part, offset, Cause::LogOrder).into());
        }
        if entry.framing.detail != 0 {
            let cause = Cause::LogCommit { expected: 0, found: entry.framing.detail };
            return Err(self.damaged(part, offset, cause).into());
        }
        let payload = self.payload_of(offset, &entry)?;
        let mut rest = payload.as_slice();
        self.run = RunId(take(&mut rest));
        self.previous = Digest(take(&mut rest));
        (self.segment, self.first_segment) = (entry.framing.segment, entry.framing.segment);
        self.kept_bytes = entry.end;
        Ok(())
    }

    fn read_entries(&mut self, length: u64) -> Result<(), ReadFault> {
        let mut offset = self.kept_bytes;
        let mut contents_taken = 0;
        while offset < length {
            let entry = match self.entry_at(offset, length)? {
                Ok(entry) => entry,
                Err((part, cause)) => {
                    self.settle_tail(self.damaged(part, offset, cause), length)?;
                    break;
                }
            };
            let part = Part::Entry(Some(entry.kind));
            if let Some(cause) = self.misplaced(&entry, contents_taken) {
                return Err(self.damaged(part, offset, cause).into());
            }
            self.take(offset, &entry, &mut contents_taken)?;
            offset = entry.end;
        }
        self.drop_contents_without_record(contents_taken, length);
        Ok(())
    }

    /// Why a good entry may not stand here.
    fn misplaced(&self, entry: &Entry, contents_taken: usize) -> Option<Cause> {
        if entry.framing.segment != self.segment {
            return Some(Cause::Segment { expected: self.segment, found: entry.framing.segment });
        }
        if entry.framing.detail != self.commit {
            return Some(Cause::LogCommit { expected: self.commit, found: entry.framing.detail });
        }
        let frame_bytes = self.frames.len() as u64 + entry.framing.stored;
        match entry.kind {
            EntryKind::Opening => Some(Cause::LogOrder),
            EntryKind::Head | EntryKind::Closing if contents_taken < self.contents.len() => {
                Some(Cause::LogOrder)
            }
            EntryKind::Closing if self.closed.is_some() || self.records.is_empty() => Some(Cause::LogOrder),
            EntryKind::Record if self.records.len() >= SEGMENT_RECORDS_MAX => {
                Some(Cause::Limit { limit: SEGMENT_RECORDS_MAX as u64, found: self.records.len() as u64 + 1 })
            }
            EntryKind::Record if frame_bytes > SEGMENT_BYTES_MAX as u64 => {
                Some(Cause::Limit { limit: SEGMENT_BYTES_MAX as u64, found: frame_bytes })
            }
            EntryKind::Content | EntryKind::Record | EntryKind::Head | EntryKind::Closing => None,
        }
    }

    fn take(&mut self, offset: u64, entry: &Entry, contents_taken: &mut usize) -> Result<(), ReadFault> {
        let payload_at = offset + FRAMING_BYTES as u64;
        match entry.kind {
            EntryKind::Opening => {}
            EntryKind::Content => {
                let mut commitment = [0; 32];
                self.file.read_exact_at(&mut commitment, payload_at)?;
                // Within the limit of contents, far below 4 GiB.
                let payload_bytes = u32::try_from(entry.framing.stored).unwrap_or(u32::MAX);
                self.contents.push(OpenContent { commitment: Digest(commitment), payload_at, payload_bytes });
            }
            EntryKind::Record => {
                let frame = self.payload_of(offset, entry)?;
                let start = self.frames.len();
                self.frames.extend_from_slice(&frame);
                let contents = *contents_taken..self.contents.len();
                self.records.push(OpenRecord { frame: start..self.frames.len(), contents });
                *contents_taken = self.contents.len();
            }
            EntryKind::Head => {
                self.head = Some(self.payload_of(offset, entry)?);
                self.attested = self.records.len();
                self.commit += 1;
            }
            EntryKind::Closing => {
                self.close(offset, entry)?;
                *contents_taken = 0;
            }
        }
        // A content is kept with its record.
        if entry.kind != EntryKind::Content {
            self.kept_bytes = entry.end;
        }
        Ok(())
    }

    /// The segment ends, and the next one begins.
    fn close(&mut self, offset: u64, entry: &Entry) -> Result<(), ReadFault> {
        let payload = self.payload_of(offset, entry)?;
        let Some((lineage, header)) = split_closing(&payload, self.records.len()) else {
            let cause = Cause::Length { stored: entry.framing.stored, unpacked: entry.framing.stored };
            return Err(self.damaged(Part::Entry(Some(entry.kind)), offset, cause).into());
        };
        let previous = std::mem::replace(&mut self.previous, digest(Purpose::Header, header));
        self.closed = Some(Box::new(ClosedInLog {
            segment: self.segment,
            previous,
            frames: std::mem::take(&mut self.frames),
            records: std::mem::take(&mut self.records),
            contents: std::mem::take(&mut self.contents),
            lineage: lineage.to_vec(),
            header: header.to_vec(),
        }));
        self.begun_at = offset;
        self.segment = self.segment.saturating_add(1);
        (self.head, self.attested) = (None, 0);
        Ok(())
    }

    /// Says whether the bad entry begins a torn tail; an error where it is damage.
    fn settle_tail(&mut self, damage: Damage, length: u64) -> Result<(), ReadFault> {
        let offset = damage.place.offset;
        let found = resync::find_good(&self.file, offset + ALIGNMENT, length, |_, framing| {
            let may_be_next = self.closed.is_none() && framing.segment.checked_sub(1) == Some(self.segment);
            (framing.segment == self.segment || may_be_next) && EntryKind::of(framing).is_ok()
        })?;
        let torn = match found {
            Found::Nothing => true,
            // A later commit is begun only once this one is durable.
            Found::Good { detail_max, .. } if detail_max > self.commit => false,
            Found::Good { first, .. } => has_lost_sector(&self.file, offset, first)?,
            Found::Unclear => false,
        };
        if !torn {
            return Err(damage.into());
        }
        self.torn = Some(self.tail(damage, length));
        Ok(())
    }

    fn tail(&self, damage: Damage, length: u64) -> TornTail {
        TornTail {
            place: damage.place,
            bytes: length.saturating_sub(damage.place.offset),
            cause: damage.cause,
        }
    }

    /// Contents whose record never came belong to the torn tail.
    fn drop_contents_without_record(&mut self, contents_taken: usize, length: u64) {
        let Some(first) = self.contents.get(contents_taken) else { return };
        let offset = first.payload_at - FRAMING_BYTES as u64;
        let part = Part::Entry(Some(EntryKind::Content));
        let cause =
            self.torn.map_or(Cause::End { needed: FRAMING_BYTES as u64, available: 0 }, |torn| torn.cause);
        self.torn = Some(self.tail(self.damaged(part, offset, cause), length));
        self.contents.truncate(contents_taken);
    }

    /// The entry at `offset`, its check word and padding checked.
    fn entry_at(&self, offset: u64, length: u64) -> Result<Result<Entry, (Part, Cause)>, StoreError> {
        let unread = Part::Entry(None);
        let available = length - offset;
        if available < FRAMING_BYTES as u64 {
            return Ok(Err((unread, Cause::End { needed: FRAMING_BYTES as u64, available })));
        }
        let mut header = [0; FRAMING_BYTES];
        self.file.read_exact_at(&mut header, offset)?;
        let framing = match Framing::decode(&header) {
            Ok(framing) => framing,
            Err(cause) => return Ok(Err((unread, cause))),
        };
        let part = Part::Entry(EntryKind::from_code(framing.kind));
        let kind = match EntryKind::of(&framing) {
            Ok(kind) => kind,
            Err(cause) => return Ok(Err((part, cause))),
        };
        let needed = framing.extent();
        if needed > available {
            return Ok(Err((part, Cause::End { needed, available })));
        }
        let checked = framing::check_stored(&self.file, offset, &framing)?;
        Ok(checked.map(|()| Entry { kind, framing, end: offset + needed }).map_err(|cause| (part, cause)))
    }

    /// The payload of an entry other than a content: its limit is small.
    fn payload_of(&self, offset: u64, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let mut payload = vec![0; usize::try_from(entry.framing.stored).unwrap_or_default()];
        self.file.read_exact_at(&mut payload, offset + FRAMING_BYTES as u64)?;
        Ok(payload)
    }

    /// The damage that the log follows another header than the one with this digest, which is that of the last segment in the trace file.
    pub(crate) fn forked(&self, derived: Digest) -> Option<Damage> {
        let (recorded, offset) = match &self.closed {
            Some(closed) => (closed.previous, FILE_HEADER_BYTES as u64),
            None => (self.previous, self.begun_at),
        };
        let is_opening = offset == FILE_HEADER_BYTES as u64;
        let kind = if is_opening { EntryKind::Opening } else { EntryKind::Closing };
        let damage = self.damaged(Part::Entry(Some(kind)), offset, Cause::LogPrevious { recorded, derived });
        (recorded != derived).then_some(damage)
    }

    /// Forgets the closed segment where the trace file has it: it has every one before the one with this number.
    pub(crate) fn drop_closed_before(&mut self, number: u32) {
        self.closed = self.closed.take().filter(|closed| closed.segment >= number);
    }

    /// The segment that the log has whole, as a writer has it before it closes it.
    pub(crate) fn closed_segment(&self) -> Result<Option<SegmentBuilder>, ReadFault> {
        let Some(closed) = &self.closed else { return Ok(None) };
        self.filled(closed.segment, &closed.frames, &closed.records, &closed.contents).map(Some)
    }

    /// The open segment, as a writer has it.
    pub(crate) fn open_segment(&self) -> Result<SegmentBuilder, ReadFault> {
        self.filled(self.segment, &self.frames, &self.records, &self.contents)
    }

    fn filled(
        &self,
        number: u32,
        frames: &[u8],
        records: &[OpenRecord],
        contents: &[OpenContent],
    ) -> Result<SegmentBuilder, ReadFault> {
        let mut segment = SegmentBuilder { number, ..SegmentBuilder::default() };
        let mut buffer = Vec::new();
        for record in records {
            for content in contents.get(record.contents.clone()).unwrap_or_default() {
                segment.contents.push(&self.read_content(content, &mut buffer)?);
            }
            segment.push_frame(frames.get(record.frame.clone()).unwrap_or_default());
        }
        Ok(segment)
    }

    const fn damaged(&self, part: Part, offset: u64, cause: Cause) -> Damage {
        Damage { place: Place { part, segment: self.segment, offset }, cause }
    }

    /// Where the contents that first appear in this record lie.
    pub(crate) fn contents_of(&self, record: usize) -> &[OpenContent] {
        let range = self.records.get(record).map(|record| record.contents.clone());
        range.and_then(|range| self.contents.get(range)).unwrap_or_default()
    }

    /// Where the content with this commitment lies.
    pub(crate) fn find_content(&self, commitment: &Digest) -> Option<&OpenContent> {
        self.contents.iter().find(|content| content.commitment == *commitment)
    }

    /// Reads one content into `buffer`.
    pub(crate) fn read_content<'b>(
        &self,
        content: &OpenContent,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Content<'b>, ReadFault> {
        buffer.clear();
        buffer.resize(content.payload_bytes as usize, 0);
        self.file.read_exact_at(buffer, content.payload_at)?;
        let offset = content.payload_at - FRAMING_BYTES as u64;
        let place = Place { part: Part::Entry(Some(EntryKind::Content)), segment: self.segment, offset };
        let mut contents = Contents::new(place, buffer);
        match (contents.next(), contents.next()) {
            (Some(Ok(content)), None) => Ok(content),
            (Some(Err(damage)), _) => Err(damage.into()),
            (Some(Ok(first)), Some(_)) => {
                let stated = first.bytes.len() as u64;
                let available = u64::from(content.payload_bytes).saturating_sub(CONTENT_HEAD_BYTES as u64);
                Err(Damage { place, cause: Cause::ContentLength { inside: 0, stated, available } }.into())
            }
            (None, _) => Err(Damage { place, cause: Cause::Changed }.into()),
        }
    }

    /// Calls `each` with every content that first appears in this record, counted from 0 in this segment.
    ///
    /// # Errors
    /// Bytes that cannot be read, and the errors of `each`.
    pub fn read_contents_of<E: From<ReadFault>>(
        &self,
        record: usize,
        mut each: impl FnMut(Content<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = Vec::new();
        for content in self.contents_of(record) {
            each(self.read_content(content, &mut buffer)?)?;
        }
        Ok(())
    }
}

fn check_file_header<F: ReadAt>(file: &Stored<F>, length: u64) -> Result<(), ReadFault> {
    let damaged = |cause| Damage { place: Place { part: Part::LogHeader, segment: 0, offset: 0 }, cause };
    let mut header = [0; FILE_HEADER_BYTES];
    if length < FILE_HEADER_BYTES as u64 {
        return Err(damaged(Cause::End { needed: FILE_HEADER_BYTES as u64, available: length }).into());
    }
    file.read_exact_at(&mut header, 0)?;
    match file_header::decode(&header, file_header::LOG_MAGIC) {
        FileHeader::Ours => Ok(()),
        FileHeader::Magic(_) => Err(damaged(Cause::LogMagic).into()),
        FileHeader::Version(found) => Err(ReadFault::UnknownVersion { part: Part::LogHeader, found }),
        FileHeader::Broken(cause) => Err(damaged(cause).into()),
    }
}

/// Lineage page and signed header of a segment of so many records.
fn split_closing(payload: &[u8], records: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<CLOSING_HEAD_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (lineage, header) = rest.split_at_checked(length)?;
    (length == records * LINEAGE_RECORD_BYTES && !header.is_empty()).then_some((lineage, header))
}

/// Whether a sector between the two offsets, from the first on, is all zeros: a write that a crash cut short leaves
/// such ones, even where later sectors of the same write reached the disk. The sector that `to` lies in did reach it.
fn has_lost_sector<F: ReadAt>(file: &Stored<F>, from: u64, to: u64) -> Result<bool, StoreError> {
    let mut sector = [0; SECTOR_BYTES as usize];
    let mut start = from;
    loop {
        let end = (start + 1).next_multiple_of(SECTOR_BYTES);
        if end > to {
            return Ok(false);
        }
        let bytes = sector.get_mut(..usize::try_from(end - start).unwrap_or_default()).unwrap_or_default();
        file.read_exact_at(bytes, start)?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        start = end;
    }
}
