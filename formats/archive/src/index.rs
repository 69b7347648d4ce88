//! Where records and contents lie, so that one can be read without those before it. A hint: it can be rebuilt from the
//! rest of the file, and what it says is checked where it is used. Spec: archive-index.

use rederive_evidence::digest::Digest;
use rederive_evidence::limits::{FRAME_BLOCK_BYTES, SEGMENT_RECORDS_MAX};
use rkyv::util::AlignedVec;

use crate::block::{BlockKind, BlockPlace};
use crate::contents::PlaceInSegment;
use crate::damage::Cause;
use crate::limits::HINT_BYTES_MAX;
use crate::reader::RecordPlace;

/// The index of a whole trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct Index {
    /// Every segment in turn.
    pub(crate) segments: Vec<SegmentIndex>,
    /// Every content, by ascending commitment; of equal ones the first in the file alone.
    pub(crate) contents: Vec<ContentPlace>,
}

/// Where the records of a segment lie.
#[derive(Clone, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct SegmentIndex {
    /// Offset of the block of its frames in the file.
    pub(crate) frames_at: u64,
    /// Sequence number of its first record.
    pub(crate) first_sequence: u64,
    /// Offset of each record's frame among the segment's frames, in units of 64 bytes.
    pub(crate) frame_units: Vec<u16>,
}

/// Where a content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct ContentPlace {
    pub(crate) commitment: [u8; 32],
    /// Offset of its contents block in the file.
    pub(crate) block_at: u64,
    /// Offset in the unpacked block.
    pub(crate) inside: u32,
}

impl Index {
    /// Adds the segment that follows.
    pub(crate) fn push_segment(&mut self, frames_at: u64, frame_units: Vec<u16>) {
        let first_sequence = self.records();
        self.segments.push(SegmentIndex { frames_at, first_sequence, frame_units });
    }

    /// Adds contents of a segment whose contents blocks lie at these offsets.
    pub(crate) fn push_contents(&mut self, places: &[PlaceInSegment], blocks_at: &[u64]) {
        self.contents.extend(places.iter().filter_map(|place| {
            let block_at = *blocks_at.get(place.block)?;
            Some(ContentPlace { commitment: place.commitment.0, block_at, inside: place.inside })
        }));
    }

    /// Brings the contents into the order that a search needs. The sort is stable: of equal ones the first stays.
    pub(crate) fn sort_contents(&mut self) {
        self.contents.sort_by_key(|place| place.commitment);
        self.contents.dedup_by_key(|place| place.commitment);
    }

    pub(crate) fn find_content(&self, commitment: &Digest) -> Option<&ContentPlace> {
        let at = self.contents.binary_search_by_key(&commitment.0, |place| place.commitment).ok()?;
        self.contents.get(at)
    }

    pub(crate) fn find_record(&self, sequence: u64) -> Option<RecordPlace> {
        let after = self.segments.partition_point(|segment| segment.first_sequence <= sequence);
        let number = after.checked_sub(1)?;
        let segment = self.segments.get(number)?;
        let record = usize::try_from(sequence - segment.first_sequence).ok()?;
        let units = u32::from(*segment.frame_units.get(record)?);
        let frame_at = units * FRAME_BLOCK_BYTES as u32;
        Some(RecordPlace { segment: u32::try_from(number).ok()?, record, frame_at })
    }

    /// Records of all segments.
    pub(crate) fn records(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.first_sequence + last.frame_units.len() as u64)
    }

    /// The payload of an index block, or `None` where it is beyond its limit.
    pub(crate) fn encode(&self) -> Option<AlignedVec> {
        let least = self.contents.len() as u64 * 48 + self.records() * 2;
        if least > HINT_BYTES_MAX {
            return None;
        }
        let bytes = rkyv::to_bytes::<rkyv::rancor::Failure>(self).ok()?;
        (bytes.len() as u64 <= HINT_BYTES_MAX).then_some(bytes)
    }

    /// Loads an index and checks what can be checked without reading anything else.
    pub(crate) fn load(payload: &[u8], blocks: &[BlockPlace]) -> Result<Self, Cause> {
        let mut bytes = AlignedVec::<16>::with_capacity(payload.len());
        bytes.extend_from_slice(payload);
        let index: Self =
            rkyv::from_bytes::<_, rkyv::rancor::Failure>(&bytes).map_err(|_| Cause::HintArchive)?;
        if index.fits(blocks) { Ok(index) } else { Err(Cause::HintFit) }
    }

    fn fits(&self, blocks: &[BlockPlace]) -> bool {
        let frames = blocks.iter().filter(|block| block.kind == BlockKind::Frames);
        let mut first_sequence = 0;
        let segments_fit = self.segments.len() == frames.clone().count()
            && self.segments.iter().zip(frames).all(|(segment, frames)| {
                let dense = segment.first_sequence == first_sequence;
                first_sequence += segment.frame_units.len() as u64;
                dense && segment.fits(frames)
            });
        segments_fit
            && self.contents.is_sorted_by(|place, next| place.commitment < next.commitment)
            && self.contents.iter().all(|place| {
                blocks
                    .binary_search_by_key(&place.block_at, |block| block.offset)
                    .ok()
                    .and_then(|at| blocks.get(at))
                    .is_some_and(|block| block.kind == BlockKind::Contents)
            })
    }
}

impl SegmentIndex {
    /// Whether the offsets could be those of frames that tile this block.
    fn fits(&self, frames: &BlockPlace) -> bool {
        let units = frames.unpacked_bytes() as usize / FRAME_BLOCK_BYTES;
        self.frames_at == frames.offset
            && self.frame_units.first() == Some(&0)
            && self.frame_units.len() <= SEGMENT_RECORDS_MAX
            && self.frame_units.is_sorted_by(|unit, next| unit < next)
            && self.frame_units.last().is_some_and(|unit| usize::from(*unit) < units)
    }
}
