//! The blocks of a trace file: kinds, what a block of each kind may be, and reading one.

use std::ops::Range;

use rederive_evidence::limits::{FRAME_BLOCK_BYTES, SEGMENT_BYTES_MAX, SIGNED_BYTES_MAX};

use crate::damage::{Cause, Damage, Part, Place};
use crate::fault::ReadFault;
use crate::framing::{self, FRAMING_BYTES, Framing};
use crate::limits::{
    CONTENT_HEAD_BYTES, CONTENTS_BLOCK_BYTES_MAX, HINT_BYTES_A_PACKED_BYTE, HINT_BYTES_MAX,
    HINT_BYTES_PACKED_FREE, LINEAGE_BYTES_MAX, LONG_BYTES,
};
use crate::pack::{Packer, Steps, unpack};
use crate::storage::{ReadAt, StoreError, Stored};
use crate::trailer::TRAILER_BYTES;

/// What a block holds. Spec: archive-kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// The frames of a whole segment, back to back.
    Frames,
    /// Contents that first appear in the segment, with their salts.
    Contents,
    /// The segment's lineage page. A hint.
    Lineage,
    /// The state's entries at the segment's end. A hint.
    Snapshot,
    /// The signed header. It comes last, so that a segment with one is whole.
    Header,
    /// Where records and contents lie. A hint.
    Index,
    /// The signed end of the run.
    Seal,
    /// The last 64 bytes: where index and seal are.
    Trailer,
}

impl BlockKind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Frames => 1,
            Self::Contents => 2,
            Self::Lineage => 3,
            Self::Snapshot => 4,
            Self::Header => 5,
            Self::Index => 6,
            Self::Seal => 7,
            Self::Trailer => 8,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Frames),
            2 => Some(Self::Contents),
            3 => Some(Self::Lineage),
            4 => Some(Self::Snapshot),
            5 => Some(Self::Header),
            6 => Some(Self::Index),
            7 => Some(Self::Seal),
            8 => Some(Self::Trailer),
            _ => None,
        }
    }

    /// Whether a wrong one is ignored rather than damage: nothing is concluded from it that is not checked.
    pub const fn is_hint(self) -> bool {
        match self {
            Self::Lineage | Self::Snapshot | Self::Index => true,
            Self::Frames | Self::Contents | Self::Header | Self::Seal | Self::Trailer => false,
        }
    }

    /// What is signed, or has to be found without anything else, is never packed.
    const fn may_be_packed(self) -> bool {
        match self {
            Self::Frames | Self::Contents | Self::Lineage | Self::Snapshot | Self::Index => true,
            Self::Header | Self::Seal | Self::Trailer => false,
        }
    }

    /// Most bytes that so many packed ones unpack to. A hint of few bytes cannot say much that is true.
    const fn packed_bytes_max(self, stored: u64) -> u64 {
        let times = stored.saturating_mul(HINT_BYTES_A_PACKED_BYTE);
        match self {
            Self::Lineage | Self::Snapshot | Self::Index if times > HINT_BYTES_PACKED_FREE => times,
            Self::Lineage | Self::Snapshot | Self::Index => HINT_BYTES_PACKED_FREE,
            Self::Frames | Self::Contents | Self::Header | Self::Seal | Self::Trailer => u64::MAX,
        }
    }

    /// Least and most unpacked bytes.
    const fn unpacked_bytes(self) -> (u64, u64) {
        match self {
            Self::Frames => (FRAME_BLOCK_BYTES as u64, SEGMENT_BYTES_MAX as u64),
            Self::Contents => (CONTENT_HEAD_BYTES as u64, CONTENTS_BLOCK_BYTES_MAX),
            Self::Lineage => (1, LINEAGE_BYTES_MAX as u64),
            Self::Snapshot | Self::Index => (1, HINT_BYTES_MAX),
            Self::Header | Self::Seal => (1, SIGNED_BYTES_MAX as u64),
            Self::Trailer => (TRAILER_BYTES as u64, TRAILER_BYTES as u64),
        }
    }
}

impl std::fmt::Display for BlockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Frames => "FRAMES",
            Self::Contents => "CONTENTS",
            Self::Lineage => "LINEAGE",
            Self::Snapshot => "SNAPSHOT",
            Self::Header => "HEADER",
            Self::Index => "INDEX",
            Self::Seal => "SEAL",
            Self::Trailer => "TRAILER",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Zstd,
}

impl Codec {
    const fn code(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Zstd => 1,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Plain),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Where a block lies, as its header states it, the lengths found to be within the limits of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockPlace {
    pub(crate) offset: u64,
    pub(crate) segment: u32,
    stored: u32,
    unpacked: u32,
    pub(crate) kind: BlockKind,
    codec: Codec,
}

impl BlockPlace {
    pub(crate) fn new(offset: u64, framing: &Framing) -> Result<Self, Cause> {
        let kind = BlockKind::from_code(framing.kind).ok_or(Cause::Kind { found: framing.kind })?;
        let codec = Codec::from_code(framing.codec)
            .filter(|codec| *codec == Codec::Plain || kind.may_be_packed())
            .ok_or(Cause::Codec { found: framing.codec })?;
        let (least, most) = kind.unpacked_bytes();
        if framing.detail > most {
            return Err(Cause::Limit { limit: most, found: framing.detail });
        }
        let fits = match codec {
            Codec::Plain => framing.stored == framing.detail,
            Codec::Zstd => framing.stored < framing.detail,
        };
        let whole_units =
            kind != BlockKind::Frames || framing.detail.is_multiple_of(FRAME_BLOCK_BYTES as u64);
        let lengths = Cause::Length { stored: framing.stored, unpacked: framing.detail };
        if !fits || !whole_units || framing.detail < least {
            return Err(lengths);
        }
        Ok(Self {
            offset,
            segment: framing.segment,
            // Within the limits above, which are far below 4 GiB.
            stored: u32::try_from(framing.stored).map_err(|_| lengths)?,
            unpacked: u32::try_from(framing.detail).map_err(|_| lengths)?,
            kind,
            codec,
        })
    }

    /// Offset of what follows the block.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(framing::extent(u64::from(self.stored)))
    }

    /// Bytes from its header to the end of its padding.
    fn extent(&self) -> usize {
        // Far below 4 GiB: the lengths are within the limits of the kind.
        usize::try_from(self.end() - self.offset).unwrap_or_default()
    }

    /// Checks check word and padding in little memory, without unpacking.
    pub(crate) fn check_stored<F: ReadAt>(&self, file: &Stored<F>) -> Result<Result<(), Damage>, StoreError> {
        let mut header = [0; FRAMING_BYTES];
        file.read_exact_at(&mut header, self.offset)?;
        let framing = match self.check_header(&header) {
            Ok(framing) => framing,
            Err(cause) => return Ok(Err(self.damaged(cause))),
        };
        let checked = framing::check_stored(file, self.offset, &framing)?;
        Ok(checked.map_err(|cause| self.damaged(cause)))
    }

    /// The block's header, once it is found to be the one that this was made from.
    fn check_header(&self, bytes: &[u8; FRAMING_BYTES]) -> Result<Framing, Cause> {
        let framing = Framing::decode(bytes)?;
        if Self::new(self.offset, &framing)? == *self { Ok(framing) } else { Err(Cause::Changed) }
    }

    pub(crate) const fn place(&self) -> Place {
        Place { part: Part::Block(Some(self.kind)), segment: self.segment, offset: self.offset }
    }

    pub(crate) const fn damaged(&self, cause: Cause) -> Damage {
        Damage { place: self.place(), cause }
    }

    pub(crate) const fn unpacked_bytes(&self) -> u32 {
        self.unpacked
    }

    /// Whether the block has one content, which is unpacked in steps: few bytes may stand for many.
    pub(crate) fn is_long(&self) -> bool {
        let is_long = u64::from(self.unpacked) > LONG_BYTES;
        self.kind == BlockKind::Contents && self.codec == Codec::Zstd && is_long
    }

    /// Checks that a hint unpacks to no more than it may.
    fn check_packed(&self) -> Result<(), Cause> {
        let (limit, found) = (self.kind.packed_bytes_max(u64::from(self.stored)), u64::from(self.unpacked));
        if found > limit { Err(Cause::Limit { limit, found }) } else { Ok(()) }
    }
}

/// Appends a block to `out`. With a packer the payload is packed where that makes it smaller.
pub(crate) fn append(
    out: &mut Vec<u8>,
    kind: BlockKind,
    segment: u32,
    payload: &[u8],
    packer: Option<&mut Packer>,
) {
    let unpacked = payload.len() as u64;
    let packed = packer.and_then(|packer| packer.pack(payload));
    match packed.filter(|packed| unpacked <= kind.packed_bytes_max(packed.len() as u64)) {
        Some(packed) => framing::append(out, kind.code(), Codec::Zstd.code(), segment, unpacked, &[packed]),
        None => framing::append(out, kind.code(), Codec::Plain.code(), segment, unpacked, &[payload]),
    }
}

/// The memory that blocks are read into, one after the other. Each reading thread has its own.
#[derive(Default)]
pub struct BlockBuffer {
    stored: Vec<u8>,
    unpacked: Vec<u8>,
    held: Held,
}

/// Where the payload held is.
#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    /// Among the stored bytes.
    Plain(Range<usize>),
    Unpacked,
}

impl BlockBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a block, checks its check word and padding, and unpacks it. What lies plain in memory stays where it is.
    pub(crate) fn read<'b, F: ReadAt>(
        &'b mut self,
        file: &'b Stored<F>,
        place: &BlockPlace,
    ) -> Result<&'b [u8], ReadFault> {
        if place.codec == Codec::Plain
            && let Some(bytes) = file.file.in_memory(place.offset, place.extent())
        {
            return check(bytes, place).map_err(|cause| place.damaged(cause).into());
        }
        self.hold(file, place)?;
        Ok(self.payload())
    }

    /// Reads a block as [`Self::read`] does, and keeps its payload.
    pub(crate) fn hold<F: ReadAt>(&mut self, file: &Stored<F>, place: &BlockPlace) -> Result<(), ReadFault> {
        self.held = Held::Nothing;
        let payload = read_stored(&mut self.stored, file, place)?;
        self.held = match place.codec {
            Codec::Plain => Held::Plain(FRAMING_BYTES..FRAMING_BYTES + payload.len()),
            Codec::Zstd => {
                place.check_packed().map_err(|cause| place.damaged(cause))?;
                unpack(payload, place.unpacked as usize, &mut self.unpacked)
                    .map_err(|cause| place.damaged(cause))?;
                Held::Unpacked
            }
        };
        Ok(())
    }

    /// Reads a packed block and checks its check word and padding, to be unpacked in steps.
    pub(crate) fn steps<F: ReadAt>(
        &mut self,
        file: &Stored<F>,
        place: &BlockPlace,
    ) -> Result<Steps<'_>, ReadFault> {
        self.held = Held::Nothing;
        let payload = read_stored(&mut self.stored, file, place)?;
        Steps::new(payload, u64::from(place.unpacked)).map_err(|cause| place.damaged(cause).into())
    }

    /// The payload held; nothing where reading it failed.
    pub(crate) fn payload(&self) -> &[u8] {
        match &self.held {
            Held::Nothing => &[],
            Held::Plain(range) => self.stored.get(range.clone()).unwrap_or_default(),
            Held::Unpacked => &self.unpacked,
        }
    }
}

/// Reads a block into `stored`, and gives the payload as stored.
fn read_stored<'b, F: ReadAt>(
    stored: &'b mut Vec<u8>,
    file: &Stored<F>,
    place: &BlockPlace,
) -> Result<&'b [u8], ReadFault> {
    let extent = place.extent();
    if stored.len() < extent {
        stored.resize(extent, 0);
    }
    let bytes = stored.get_mut(..extent).unwrap_or_default();
    file.read_exact_at(bytes, place.offset)?;
    check(bytes, place).map_err(|cause| place.damaged(cause).into())
}

/// The payload as stored, once it is found to be the block that `place` was made from.
fn check<'b>(bytes: &'b [u8], place: &BlockPlace) -> Result<&'b [u8], Cause> {
    let header = bytes.first_chunk().ok_or(Cause::Changed)?;
    let framing = place.check_header(header)?;
    framing::checked_payload(&framing, bytes, place.offset)
}
