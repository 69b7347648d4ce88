//! A segment's frames against its signed header.

use rederive_evidence::chain::Header;
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
    leaves.clear();
    lanes::digest_many(Purpose::Leaf, frames, leaves);
    let derived = tree::root(leaves).unwrap_or(Digest::ZERO);
    if derived == header.root {
        return Ok(());
    }
    Err(IntegrityFault::Digest { what, field: "root", recorded: header.root, derived })
}

fn same(segment: u32, unit: &'static str, expected: u64, found: u64) -> Result<(), IntegrityFault> {
    if expected == found { Ok(()) } else { Err(IntegrityFault::Frames { segment, unit, expected, found }) }
}
