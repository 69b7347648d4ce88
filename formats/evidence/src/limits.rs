//! The limits of SPEC.md, "Limits". Input beyond one is a typed fault, never truncated.

/// Largest frame: a record's canonical bytes and padding, contents not counted. Spec: limit-frame.
pub const FRAME_BYTES_MAX: usize = 65_536;
/// Frames are padded to a multiple of this. Spec: frame-padding.
pub const FRAME_BLOCK_BYTES: usize = 64;
/// Most records in a segment. Spec: limit-segment.
pub const SEGMENT_RECORDS_MAX: usize = 4_096;
/// Most frame bytes in a segment. Spec: limit-segment.
pub const SEGMENT_BYTES_MAX: usize = 1 << 20;
/// Frame bytes at which a recorder closes a segment.
pub const SEGMENT_BYTES_AIM: usize = 384 << 10;
/// Most bytes in one content. Spec: limit-content.
pub const CONTENT_BYTES_MAX: u64 = 256 << 20;
/// Most bytes in an identifier. Spec: id-alphabet.
pub const ID_BYTES_MAX: usize = 128;
/// Most ranges in a record's causes. Spec: limit-causes.
pub const CAUSE_RANGES_MAX: u64 = 4_096;
/// Most items in any list of a record. Spec: limit-list.
pub const LIST_ITEMS_MAX: u64 = 4_096;
/// Deepest nesting of arrays and maps. Spec: limit-depth.
pub const DEPTH_MAX: usize = 16;
/// Longest chain of delegations below the opening record's actors. Spec: limit-delegation.
pub const DELEGATION_DEPTH_MAX: u8 = 16;
/// Most bytes in a signed header, head or seal, and in what an approver signs. Spec: limit-signed.
pub const SIGNED_BYTES_MAX: usize = 4_096;
/// Most bytes in a protected header: a content type and a key. Spec: limit-signed.
pub const PROTECTED_BYTES_MAX: u64 = 256;
/// Most bytes in a receipt: what it holds of a record fits the record's frame. Spec: limit-receipt.
pub const RECEIPT_BYTES_MAX: usize = FRAME_BYTES_MAX + 1_024;
/// A span ends when its frames exceed this and [`SPAN_STATE_FACTOR`] times the state bytes. Spec: span-end.
pub const SPAN_BYTES_MIN: u64 = 8 << 20;
/// See [`SPAN_BYTES_MIN`].
pub const SPAN_STATE_FACTOR: u64 = 4;
