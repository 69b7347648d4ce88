//! The limits of the trace file beyond those of the evidence in it. Spec: archive-limits.

use rederive_evidence::digest::Digest;
use rederive_evidence::limits::{CONTENT_BYTES_MAX, SEGMENT_RECORDS_MAX};

/// Bytes of contents at which a block of contents is closed; a content that makes a block larger has one of its own.
pub const CONTENTS_BLOCK_BYTES_AIM: usize = 4 << 20;
/// Bytes before a content in a contents block: commitment, salt and length.
pub const CONTENT_HEAD_BYTES: usize = 72;
/// Most contents that are read of a segment whose frames have so many bytes: one more than these have room to list, since who lists a content commits
/// to it in a frame. Where there are as many, it is certain that no record of the segment lists one of them.
pub const fn segment_contents_max(frame_bytes: usize) -> usize {
    frame_bytes / size_of::<Digest>() + 1
}
/// Bytes a record in a lineage page.
pub const LINEAGE_RECORD_BYTES: usize = 4;
/// Most bytes in a lineage page.
pub const LINEAGE_BYTES_MAX: usize = SEGMENT_RECORDS_MAX * LINEAGE_RECORD_BYTES;
/// Most bytes in a snapshot or an index. A state or a run beyond it has none.
pub const HINT_BYTES_MAX: u64 = 256 << 20;
/// Most bytes that a packed hint unpacks to, for each byte stored. Honest ones are far from it: much of them is digests.
pub const HINT_BYTES_A_PACKED_BYTE: u64 = 64;
/// Bytes that a packed hint may unpack to however few are stored.
pub const HINT_BYTES_PACKED_FREE: u64 = 1 << 20;
/// Unpacked bytes of a contents block beyond which it has one content, so that nobody need hold it whole to find another.
pub const LONG_BYTES: u64 = 8 << 20;
/// Base-two logarithm of the most bytes that unpacking such a block may look back.
pub(crate) const LONG_WINDOW_LOG: u32 = 23;
/// Most bytes in an unpacked contents block.
pub(crate) const CONTENTS_BLOCK_BYTES_MAX: u64 = CONTENT_BYTES_MAX + CONTENT_HEAD_BYTES as u64;
