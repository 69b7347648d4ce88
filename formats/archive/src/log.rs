//! The entries of the open log: records, their new contents and signed heads, in the order in which they were acknowledged.
//!
//! Entries have the framing of blocks; their last field is the number of the commit that they belong to, counted by
//! the heads before them. Spec: archive-log.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RunId;
use rederive_evidence::limits::{FRAME_BLOCK_BYTES, FRAME_BYTES_MAX, SIGNED_BYTES_MAX};

use crate::contents::Content;
use crate::damage::Cause;
use crate::file_header;
use crate::framing::{self, Framing};
use crate::limits::{CONTENT_HEAD_BYTES, CONTENTS_BLOCK_BYTES_MAX, LINEAGE_BYTES_MAX, LINEAGE_RECORD_BYTES};

/// Bytes of an opening: run and digest of the header before.
const OPENING_BYTES: u64 = 48;
/// Bytes of a closing before its lineage page: the page's length.
pub(crate) const CLOSING_HEAD_BYTES: usize = 4;

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// The run and the digest of the signed header before this segment. The first entry, and no other.
    Opening,
    /// A content that first appears in the record that follows.
    Content,
    /// A record's frame.
    Record,
    /// A signed head over the records of the segment so far. It ends a commit.
    Head,
    /// What ends the segment: its lineage page and its signed header. What follows is of the next one.
    Closing,
}

impl EntryKind {
    const fn code(self) -> u8 {
        match self {
            Self::Opening => 17,
            Self::Content => 18,
            Self::Record => 19,
            Self::Head => 20,
            Self::Closing => 21,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            17 => Some(Self::Opening),
            18 => Some(Self::Content),
            19 => Some(Self::Record),
            20 => Some(Self::Head),
            21 => Some(Self::Closing),
            _ => None,
        }
    }

    /// Least and most bytes of the payload.
    const fn bytes(self) -> (u64, u64) {
        match self {
            Self::Opening => (OPENING_BYTES, OPENING_BYTES),
            Self::Content => (CONTENT_HEAD_BYTES as u64, CONTENTS_BLOCK_BYTES_MAX),
            Self::Record => (FRAME_BLOCK_BYTES as u64, FRAME_BYTES_MAX as u64),
            Self::Head => (1, SIGNED_BYTES_MAX as u64),
            Self::Closing => (
                (CLOSING_HEAD_BYTES + LINEAGE_RECORD_BYTES + 1) as u64,
                (CLOSING_HEAD_BYTES + LINEAGE_BYTES_MAX + SIGNED_BYTES_MAX) as u64,
            ),
        }
    }

    /// The kind of an entry with this framing, its length found to be within the limits of the kind.
    pub(crate) fn of(framing: &Framing) -> Result<Self, Cause> {
        let kind = Self::from_code(framing.kind).ok_or(Cause::Kind { found: framing.kind })?;
        if framing.codec != 0 {
            return Err(Cause::Codec { found: framing.codec });
        }
        let (least, most) = kind.bytes();
        if framing.stored > most {
            return Err(Cause::Limit { limit: most, found: framing.stored });
        }
        let whole_units = kind != Self::Record || framing.stored.is_multiple_of(FRAME_BLOCK_BYTES as u64);
        if framing.stored < least || !whole_units {
            return Err(Cause::Length { stored: framing.stored, unpacked: framing.stored });
        }
        Ok(kind)
    }
}

impl std::fmt::Display for EntryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Opening => "OPENING",
            Self::Content => "CONTENT",
            Self::Record => "RECORD",
            Self::Head => "HEAD",
            Self::Closing => "CLOSING",
        })
    }
}

/// Appends entries of one segment's log to a buffer.
pub(crate) struct LogEncoder<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    pub(crate) segment: u32,
    pub(crate) commit: u64,
}

impl LogEncoder<'_> {
    /// The bytes that a log begins with. The opening belongs to no commit: its number is 0, and the first commit is 1.
    pub(crate) fn opening(&mut self, run: RunId, previous: Digest) {
        self.out.extend_from_slice(&file_header::encode(file_header::LOG_MAGIC));
        framing::append(
            self.out,
            EntryKind::Opening.code(),
            0,
            self.segment,
            0,
            &[run.0.as_slice(), &previous.0],
        );
    }

    pub(crate) fn content(&mut self, content: &Content<'_>) {
        let length = (content.bytes.len() as u64).to_le_bytes();
        self.entry(EntryKind::Content, &[&content.commitment.0, &content.salt, &length, content.bytes]);
    }

    /// A content as it lies in a contents block.
    pub(crate) fn stored_content(&mut self, payload: &[u8]) {
        self.entry(EntryKind::Content, &[payload]);
    }

    pub(crate) fn record(&mut self, frame: &[u8]) {
        self.entry(EntryKind::Record, &[frame]);
    }

    pub(crate) fn head(&mut self, head: &[u8]) {
        self.entry(EntryKind::Head, &[head]);
    }

    /// Ends the segment. What is appended after it is of the next one.
    pub(crate) fn closing(&mut self, lineage: &[u8], header: &[u8]) {
        // At most four bytes for each of 4,096 records.
        let length = u32::try_from(lineage.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.entry(EntryKind::Closing, &[&length, lineage, header]);
        self.segment = self.segment.saturating_add(1);
    }

    fn entry(&mut self, kind: EntryKind, payload: &[&[u8]]) {
        framing::append(self.out, kind.code(), 0, self.segment, self.commit, payload);
    }
}
