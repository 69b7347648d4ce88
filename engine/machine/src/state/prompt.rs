//! The parts of a prompt, as pieces of numbers that stay with a part for as long as it is kept.

use std::ops::Range;

use rederive_evidence::kinds::prompt::KeptParts;
use rederive_evidence::limits::LIST_ITEMS_MAX;

use super::entries::{Piece, Prompt};

/// Most pieces that kept parts may stand in: with the new parts a list of the most items. Spec: limit-list.
const PIECES_MAX: usize = LIST_ITEMS_MAX as usize - 1;

/// Why parts of an earlier prompt cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CannotKeep {
    /// Index of the kept range that is at fault.
    pub(crate) range: usize,
}

impl Piece {
    /// The numbers of its parts.
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.first..self.first.saturating_add(self.count)
    }
}

impl Prompt {
    /// The pieces that ranges of this prompt's list of parts make.
    ///
    /// # Errors
    /// A range is empty, does not follow the one before it, goes beyond the list, or leads to more than 4,095 pieces.
    pub(crate) fn keep(&self, kept: &[KeptParts]) -> Result<Vec<Piece>, CannotKeep> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut earlier = self.pieces.iter().copied();
        let mut current = earlier.next();
        // Index in the earlier list of the first part of `current`.
        let mut at = 0_u64;
        for (range, kept) in kept.iter().enumerate() {
            let cannot = Err(CannotKeep { range });
            let (mut first, mut left) = (u64::from(kept.first), u64::from(kept.count));
            if left == 0 || first < at {
                return cannot;
            }
            while left > 0 {
                let Some(piece) = current else { return cannot };
                let skipped = first.saturating_sub(at);
                if skipped >= piece.count {
                    at = at.saturating_add(piece.count);
                    current = earlier.next();
                    continue;
                }
                let taken = left.min(piece.count.saturating_sub(skipped));
                push(&mut pieces, Piece { first: piece.first.saturating_add(skipped), count: taken });
                let used = skipped.saturating_add(taken);
                at = at.saturating_add(used);
                first = at;
                left = left.saturating_sub(taken);
                current = Some(Piece {
                    first: piece.first.saturating_add(used),
                    count: piece.count.saturating_sub(used),
                });
            }
            if pieces.len() > PIECES_MAX {
                return cannot;
            }
        }
        Ok(pieces)
    }
}

/// Adds a piece; one that goes on where the last one ends becomes part of it.
pub(crate) fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    if piece.count == 0 {
        return;
    }
    match pieces.last_mut() {
        Some(last) if last.first.saturating_add(last.count) == piece.first => {
            last.count = last.count.saturating_add(piece.count);
        }
        Some(_) | None => pieces.push(piece),
    }
}

/// The numbers of `earlier` pieces that are in none of the `kept` ones. Both ascend, and what is kept was there.
pub(crate) fn dropped(earlier: &[Piece], kept: &[Piece]) -> Vec<Range<u64>> {
    let mut dropped = Vec::new();
    let mut kept = kept.iter().map(Piece::numbers).peekable();
    for piece in earlier {
        let mut next = piece.first;
        while let Some(numbers) = kept.next_if(|numbers| numbers.start < piece.numbers().end) {
            dropped.push(next..numbers.start);
            next = numbers.end;
        }
        dropped.push(next..piece.numbers().end);
    }
    dropped.retain(|numbers| !numbers.is_empty());
    dropped
}
