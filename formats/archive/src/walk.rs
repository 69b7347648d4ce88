//! From block to block through a trace file: which there are, in which order, and where the file stops being one.
//!
//! Nothing is read but the blocks' headers. Spec: archive-order.

use std::ops::Range;

use crate::block::{BlockKind, BlockPlace};
use crate::damage::{Cause, Damage, Expected, Part, Place};
use crate::file_header::FILE_HEADER_BYTES;
use crate::framing::{FRAMING_BYTES, Framing};
use crate::storage::{ReadAt, StoreError, Stored};

/// Bytes read at a time: the headers of a segment's small blocks often lie together.
const WINDOW_BYTES: u64 = 4 << 10;

/// The blocks of a trace file, up to its end or to where it cannot be followed.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) blocks: Vec<BlockPlace>,
    /// Of each whole segment, its blocks.
    pub(crate) segments: Vec<Range<usize>>,
    /// Index, seal and trailer; all of them unless the walk stopped before.
    pub(crate) closing: Range<usize>,
    pub(crate) sealed: bool,
    /// Why the walk did not reach the end of the file, or reached it inside a segment or before the trailer.
    pub(crate) stop: Option<Damage>,
    pub(crate) length: u64,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    SegmentOrSeal,
    /// In a segment, after a block of this kind.
    After(BlockKind),
    Seal,
    Trailer,
    End,
}

impl Turn {
    /// What may come after a block of this kind, if it may come now.
    fn then(self, kind: BlockKind, segments: usize) -> Option<Self> {
        use BlockKind::{Contents, Frames, Header, Index, Lineage, Seal, Snapshot, Trailer};
        match (self, kind) {
            (Self::SegmentOrSeal, Frames) => Some(Self::After(kind)),
            (Self::SegmentOrSeal, Index) if segments > 0 => Some(Self::Seal),
            (Self::SegmentOrSeal, Seal) if segments > 0 => Some(Self::Trailer),
            (Self::After(_), Header) => Some(Self::SegmentOrSeal),
            (Self::After(Frames | Contents), Contents | Lineage | Snapshot)
            | (Self::After(Lineage), Snapshot) => Some(Self::After(kind)),
            (Self::Seal, Seal) => Some(Self::Trailer),
            (Self::Trailer, Trailer) => Some(Self::End),
            (
                Self::SegmentOrSeal | Self::After(_) | Self::Seal | Self::Trailer | Self::End,
                Frames | Contents | Lineage | Snapshot | Header | Index | Seal | Trailer,
            ) => None,
        }
    }

    const fn expected(self) -> Expected {
        match self {
            Self::SegmentOrSeal => Expected::SegmentOrSeal,
            Self::After(_) => Expected::RestOfSegment,
            Self::Seal => Expected::Seal,
            Self::Trailer | Self::End => Expected::Trailer,
        }
    }
}

impl Walk {
    /// Walks a file whose file header has been read.
    pub(crate) fn through<F: ReadAt>(file: &Stored<F>, length: u64) -> Result<Self, StoreError> {
        let mut walk = Self {
            blocks: Vec::new(),
            segments: Vec::new(),
            closing: 0..0,
            sealed: false,
            stop: None,
            length,
        };
        let mut window = Window { file, length, start: 0, bytes: Vec::new() };
        let mut turn = Turn::SegmentOrSeal;
        let mut offset = FILE_HEADER_BYTES as u64;
        while offset < length {
            let header = window.framing_at(offset)?;
            match walk.step(turn, offset, header) {
                Ok((block, next)) => {
                    offset = block.end();
                    walk.take(block);
                    turn = next;
                }
                Err((part, cause)) => {
                    walk.stop = Some(walk.stopped(part, offset, cause));
                    return Ok(walk);
                }
            }
        }
        match turn {
            Turn::SegmentOrSeal => {}
            Turn::End => walk.sealed = true,
            Turn::After(_) | Turn::Seal | Turn::Trailer => {
                let ended = Cause::End { needed: FRAMING_BYTES as u64, available: 0 };
                walk.stop = Some(walk.stopped(Part::Block(None), offset, ended));
            }
        }
        Ok(walk)
    }

    fn step(
        &self,
        turn: Turn,
        offset: u64,
        header: Option<[u8; FRAMING_BYTES]>,
    ) -> Result<(BlockPlace, Turn), (Part, Cause)> {
        let unread = Part::Block(None);
        let available = self.length - offset;
        if turn == Turn::End {
            return Err((unread, Cause::Trailing { bytes: available }));
        }
        let header = header.ok_or((unread, Cause::End { needed: FRAMING_BYTES as u64, available }))?;
        let framing = Framing::decode(&header).map_err(|cause| (unread, cause))?;
        let part = Part::Block(BlockKind::from_code(framing.kind));
        let block = BlockPlace::new(offset, &framing).map_err(|cause| (part, cause))?;
        let next = turn
            .then(block.kind, self.segments.len())
            .ok_or((part, Cause::Order { expected: turn.expected() }))?;
        if block.segment != self.segment() {
            return Err((part, Cause::Segment { expected: self.segment(), found: block.segment }));
        }
        let needed = block.end() - offset;
        if needed > available {
            return Err((part, Cause::End { needed, available }));
        }
        Ok((block, next))
    }

    fn take(&mut self, block: BlockPlace) {
        self.blocks.push(block);
        let taken = self.blocks.len();
        if block.kind == BlockKind::Header {
            self.segments.push(self.closing.end..taken);
            self.closing = taken..taken;
        } else if matches!(block.kind, BlockKind::Index | BlockKind::Seal | BlockKind::Trailer) {
            self.closing.end = taken;
        }
    }

    /// Number of the segment that is walked now, or that would come next.
    fn segment(&self) -> u32 {
        u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }

    fn stopped(&self, part: Part, offset: u64, cause: Cause) -> Damage {
        Damage { place: Place { part, segment: self.segment(), offset }, cause }
    }

    /// Number of whole segments.
    pub(crate) fn closed(&self) -> u32 {
        self.segment()
    }

    pub(crate) fn blocks_of(&self, range: &Range<usize>) -> &[BlockPlace] {
        self.blocks.get(range.clone()).unwrap_or_default()
    }

    /// Offset at which the last whole segment ends.
    pub(crate) fn segments_end(&self) -> u64 {
        let last = self.segments.last().and_then(|range| self.blocks_of(range).last());
        last.map_or(FILE_HEADER_BYTES as u64, BlockPlace::end)
    }

    /// Forgets all that stands after the last whole segment.
    pub(crate) fn drop_tail(&mut self) {
        let kept = self.segments.last().map_or(0, |range| range.end);
        self.blocks.truncate(kept);
        self.closing = kept..kept;
        self.sealed = false;
        self.stop = None;
    }

    /// Forgets the last whole segment and all that stands after it.
    pub(crate) fn drop_last_segment(&mut self) {
        self.segments.pop();
        self.drop_tail();
    }
}

/// Some bytes of the file, read ahead.
struct Window<'f, F> {
    file: &'f Stored<F>,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<F: ReadAt> Window<'_, F> {
    /// The 32 bytes at `offset`, or `None` where the file ends before.
    fn framing_at(&mut self, offset: u64) -> Result<Option<[u8; FRAMING_BYTES]>, StoreError> {
        if let Some(held) = self.held(offset) {
            return Ok(Some(held));
        }
        let size = (self.length - offset).min(WINDOW_BYTES);
        self.bytes.resize(usize::try_from(size).unwrap_or_default(), 0);
        self.start = offset;
        self.file.read_exact_at(&mut self.bytes, offset)?;
        Ok(self.held(offset))
    }

    fn held(&self, offset: u64) -> Option<[u8; FRAMING_BYTES]> {
        let inside = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(inside..)?.first_chunk().copied()
    }
}
