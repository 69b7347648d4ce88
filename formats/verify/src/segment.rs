//! A segment's frames against its signed header, or its head while it is open.

use rederive_evidence::chain::{Head, Header};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::lanes;
use rederive_evidence::tree;

use crate::fault::{IntegrityFault, Signature};

/// Checks that these frames, in this order, are those that the header commits to: number, bytes and root. `leaves` is scratch space that
/// holds the leaves afterwards. Spec: leaf-tag, tree-layout, frames-tile.
///
/// # Errors
/// What differs.
pub fn verify_frames<'a>(
    header: &Header,
    frames: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    leaves: &mut Vec<Digest>,
) -> Result<(), IntegrityFault> {
    let what = Signature::Header(header.segment);
    let bytes: u64 = frames.clone().map(|frame| frame.len() as u64).sum();
    same(header.segment, "records", u64::from(header.records), frames.len() as u64)?;
    same(header.segment, "bytes", u64::from(header.frame_bytes), bytes)?;
    same_root(what, header.root, frames, leaves)
}

/// Checks that the first frames of an open segment are those that its head commits to; what follows them no signature covers. Returns how many
/// they are. Spec: leaf-tag, tree-layout.
///
/// # Errors
/// Fewer frames than the head counts, or other ones.
pub fn verify_head<'a>(
    head: &Head,
    frames: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
) -> Result<usize, IntegrityFault> {
    let covered = head.records as usize;
    if frames.len() < covered {
        same(head.segment, "records", u64::from(head.records), frames.len() as u64)?;
    }
    same_root(Signature::Head, head.root, frames.take(covered), &mut Vec::with_capacity(covered))?;
    Ok(covered)
}

fn same_root<'a>(
    what: Signature,
    recorded: Digest,
    frames: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    leaves: &mut Vec<Digest>,
) -> Result<(), IntegrityFault> {
    leaves.clear();
    lanes::digest_many(Purpose::Leaf, frames, leaves);
    let derived = tree::root(leaves).unwrap_or(Digest::ZERO);
    if derived == recorded {
        return Ok(());
    }
    Err(IntegrityFault::Digest { what, field: "root", recorded, derived })
}

fn same(segment: u32, unit: &'static str, expected: u64, found: u64) -> Result<(), IntegrityFault> {
    if expected == found { Ok(()) } else { Err(IntegrityFault::Frames { segment, unit, expected, found }) }
}
