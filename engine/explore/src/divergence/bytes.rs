//! Changes of the file, by whoever can write it.

use crate::blocks::{Block, FILE_HEADER_BYTES};
use crate::draw::Draw;

/// A bit that no hint is free to have otherwise.
pub(super) fn bit_flipped(bytes: &mut [u8], draw: &mut Draw) -> bool {
    let blocks = Block::of(bytes);
    let free = |at: usize| blocks.iter().any(|block| block.free().is_some_and(|free| free.contains(&at)));
    let first = draw.below(bytes.len());
    let found = (first..bytes.len()).chain(0..first).find(|at| !free(*at));
    found.is_some_and(|at| flip(bytes, at, draw))
}

/// A bit of what is evidence, under a new check word.
pub(super) fn bit_flipped_checked(bytes: &mut [u8], draw: &mut Draw) -> bool {
    let mut blocks = Block::of(bytes);
    blocks.retain(|block| !block.is_hint() && !block.payload().is_empty());
    let Some(block) = draw.pick(&blocks).copied() else { return false };
    let payload = block.payload();
    let at = payload.start + draw.below(payload.len());
    let is_flipped = flip(bytes, at, draw);
    block.check_again(bytes);
    is_flipped
}

pub(super) fn hint_changed(bytes: &mut [u8], draw: &mut Draw) -> bool {
    let free: Vec<_> = Block::of(bytes).iter().filter_map(|block| block.free()).collect();
    let Some(free) = draw.pick(&free) else { return false };
    let at = free.start + draw.below(free.len());
    flip(bytes, at, draw)
}

pub(super) fn file_cut(bytes: &mut Vec<u8>, draw: &mut Draw) -> bool {
    let length = draw.below(bytes.len());
    bytes.truncate(length);
    true
}

pub(super) fn seal_cut(bytes: &mut Vec<u8>, _: &mut Draw) -> bool {
    let last = Block::of(bytes).iter().rev().find(|block| block.ends_segment()).map(|block| block.end());
    last.is_some_and(|end| cut_at(bytes, end))
}

pub(super) fn rolled_back(bytes: &mut Vec<u8>, draw: &mut Draw) -> bool {
    let ends = Block::of(bytes).into_iter().filter(|block| block.ends_segment());
    let mut ends: Vec<usize> = ends.map(|block| block.end()).collect();
    let _ = ends.pop();
    draw.pick(&ends).is_some_and(|end| cut_at(bytes, *end))
}

pub(super) fn bytes_appended(bytes: &mut Vec<u8>, draw: &mut Draw) -> bool {
    let more = 1 + draw.below(FILE_HEADER_BYTES * 2);
    bytes.resize(bytes.len() + more, 0);
    true
}

fn cut_at(bytes: &mut Vec<u8>, end: usize) -> bool {
    let is_shorter = end < bytes.len();
    bytes.truncate(end);
    is_shorter
}

fn flip(bytes: &mut [u8], at: usize, draw: &mut Draw) -> bool {
    let bit = draw.below(8);
    bytes.get_mut(at).is_some_and(|byte| {
        *byte ^= 1 << bit;
        true
    })
}
