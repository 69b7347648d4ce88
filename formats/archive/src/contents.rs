//! The payload of a contents block: contents with their commitments and salts, back to back. Spec: archive-contents.

use rederive_evidence::digest::{self, Digest};

use crate::damage::{Cause, Damage, Place};
use crate::framing::take;
use crate::limits::{CONTENT_HEAD_BYTES, CONTENTS_BLOCK_BYTES_AIM, LONG_BYTES};

/// A content and what it takes to check it: opaque bytes, as they were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'b> {
    /// The commitment that records name it by.
    pub commitment: Digest,
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// The bytes.
    pub bytes: &'b [u8],
}

/// A content whose bytes were hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedContent {
    /// The commitment that stands with it.
    pub commitment: Digest,
    /// The commitment of its salt and bytes.
    pub derived: Digest,
    /// How many bytes it has.
    pub bytes: u64,
}

impl HashedContent {
    /// Whether the commitment is that of salt and bytes.
    pub fn is_genuine(&self) -> bool {
        self.derived == self.commitment
    }
}

impl Content<'_> {
    /// Hashes it.
    pub fn hashed(&self) -> HashedContent {
        let derived = digest::commitment(&self.salt, self.bytes);
        HashedContent { commitment: self.commitment, derived, bytes: self.bytes.len() as u64 }
    }

    /// Whether the commitment is that of salt and bytes.
    pub fn is_genuine(&self) -> bool {
        self.hashed().is_genuine()
    }

    /// Bytes that the content takes in a contents block.
    pub(crate) const fn stored_bytes(&self) -> usize {
        CONTENT_HEAD_BYTES + self.bytes.len()
    }

    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.commitment.0);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&(self.bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(self.bytes);
    }
}

/// The contents of one block, in their order. Stops after damage.
#[derive(Clone, Debug)]
pub struct Contents<'b> {
    block: Place,
    rest: &'b [u8],
    inside: u64,
}

impl<'b> Contents<'b> {
    pub(crate) const fn new(block: Place, payload: &'b [u8]) -> Self {
        Self { block, rest: payload, inside: 0 }
    }

    /// The content that begins at this offset in the payload, if one does.
    pub(crate) fn at(payload: &'b [u8], inside: u32) -> Option<Content<'b>> {
        let (content, _) = split(payload.get(usize::try_from(inside).ok()?..)?).ok()?;
        Some(content)
    }

    fn fails(&mut self, stated: u64, available: u64) -> Option<Result<Content<'b>, Damage>> {
        self.rest = &[];
        let cause = Cause::ContentLength { inside: self.inside, stated, available };
        Some(Err(Damage { place: self.block, cause }))
    }

    /// Offset in the payload of the content that comes next.
    pub(crate) const fn inside(&self) -> u64 {
        self.inside
    }
}

impl<'b> Iterator for Contents<'b> {
    type Item = Result<Content<'b>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let is_long = self.rest.len() as u64 > LONG_BYTES;
        match split(self.rest) {
            // A long block has one content.
            Ok((content, rest)) if is_long && self.inside == 0 && !rest.is_empty() => {
                let (stated, available) =
                    (content.bytes.len() as u64, (content.bytes.len() + rest.len()) as u64);
                self.fails(stated, available)
            }
            Ok((content, rest)) => {
                self.inside += content.stored_bytes() as u64;
                self.rest = rest;
                Some(Ok(content))
            }
            Err((stated, available)) => self.fails(stated, available),
        }
    }
}

/// The content that `bytes` begin with and what follows it, or the length that is stated and the bytes there are.
fn split(bytes: &[u8]) -> Result<(Content<'_>, &[u8]), (u64, u64)> {
    let (head, after) = bytes.split_first_chunk().ok_or((CONTENT_HEAD_BYTES as u64, bytes.len() as u64))?;
    let (commitment, salt, length) = split_head(head);
    let (bytes, rest) = usize::try_from(length)
        .ok()
        .and_then(|length| after.split_at_checked(length))
        .ok_or((length, after.len() as u64))?;
    Ok((Content { commitment, salt, bytes }, rest))
}

/// Commitment, salt and length of a content.
pub(crate) fn split_head(head: &[u8; CONTENT_HEAD_BYTES]) -> (Digest, [u8; 32], u64) {
    let mut head = head.as_slice();
    (Digest(take(&mut head)), take(&mut head), u64::from_le_bytes(take(&mut head)))
}

/// Where a content lies among the contents of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaceInSegment {
    pub(crate) commitment: Digest,
    /// Number of the contents block in the segment.
    pub(crate) block: usize,
    /// Offset in the unpacked block.
    pub(crate) inside: u32,
}

/// The contents of a segment that is being written, already laid out as the payloads of its blocks.
#[derive(Default)]
pub(crate) struct ContentsLayout {
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) places: Vec<PlaceInSegment>,
}

impl ContentsLayout {
    /// The content that was added with this number, as it lies in its block.
    pub(crate) fn stored(&self, number: usize) -> &[u8] {
        let Some(place) = self.places.get(number) else { return &[] };
        let payload = self.payloads.get(place.block).map(Vec::as_slice).unwrap_or_default();
        let next = self.places.get(number + 1).filter(|next| next.block == place.block);
        let end = next.map_or(payload.len(), |next| next.inside as usize);
        payload.get(place.inside as usize..end).unwrap_or_default()
    }

    /// Adds a content within the limit for contents.
    pub(crate) fn push(&mut self, content: &Content<'_>) {
        let bytes = content.stored_bytes();
        let has_room =
            self.payloads.last().is_some_and(|payload| payload.len() + bytes <= CONTENTS_BLOCK_BYTES_AIM);
        if !has_room {
            self.payloads.push(Vec::new());
        }
        let block = self.payloads.len().saturating_sub(1);
        if let Some(payload) = self.payloads.last_mut() {
            let inside = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            self.places.push(PlaceInSegment { commitment: content.commitment, block, inside });
            content.append_to(payload);
        }
    }
}
