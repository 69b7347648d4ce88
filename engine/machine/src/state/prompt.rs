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
    let mut leave_out = |numbers: Range<u64>| dropped.extend((!numbers.is_empty()).then_some(numbers));
    let mut kept = kept.iter().map(Piece::numbers).peekable();
    for piece in earlier {
        let mut next = piece.first;
        while let Some(numbers) = kept.next_if(|numbers| numbers.start < piece.numbers().end) {
            leave_out(next..numbers.start);
            next = numbers.end;
        }
        leave_out(next..piece.numbers().end);
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Influence;

    const fn piece(first: u64, count: u64) -> Piece {
        Piece { first, count }
    }

    fn prompt(pieces: &[Piece]) -> Prompt {
        Prompt { turn: 0, next: 0, pieces: pieces.to_vec(), influence: Influence::NONE }
    }

    #[test]
    fn pieces_that_touch_are_one_and_an_empty_one_is_none() {
        let mut pieces = Vec::new();
        for next in [piece(3, 2), piece(5, 0), piece(5, 1), piece(7, 1)] {
            push(&mut pieces, next);
        }
        assert_eq!(pieces, [piece(3, 3), piece(7, 1)]);
    }

    #[test]
    fn what_is_kept_stands_in_4_095_pieces_at_most() {
        let whole = prompt(&[piece(0, 10_000)]);
        let every_other = |ranges: u32| -> Vec<KeptParts> {
            (0..ranges).map(|range| KeptParts { first: 2 * range, count: 1 }).collect()
        };
        assert_eq!(whole.keep(&every_other(4_095)).map(|pieces| pieces.len()), Ok(4_095));
        assert_eq!(whole.keep(&every_other(4_096)), Err(CannotKeep { range: 4_095 }));
        // One range over many pieces counts as many.
        let pieces = |count: u64| (0..count).map(|at| piece(2 * at, 1)).collect::<Vec<_>>();
        let kept = |count: u32| prompt(&pieces(u64::from(count))).keep(&[KeptParts { first: 0, count }]);
        assert_eq!(kept(4_095), Ok(pieces(4_095)));
        assert_eq!((kept(4_096), kept(5_000)), (Err(CannotKeep { range: 0 }), Err(CannotKeep { range: 0 })));
    }

    #[test]
    fn what_is_dropped_is_all_that_is_not_kept() {
        let table = [
            (vec![piece(0, 4)], vec![piece(1, 2)], vec![0..1, 3..4]),
            (vec![piece(0, 2), piece(2, 2)], vec![piece(2, 1)], vec![0..2, 3..4]),
            (vec![piece(0, 2), piece(5, 3)], vec![piece(0, 2), piece(6, 1)], vec![5..6, 7..8]),
            (vec![piece(0, 9), piece(20, 2)], vec![], vec![0..9, 20..22]),
            (vec![piece(4, 2)], vec![piece(4, 2)], vec![]),
        ];
        for (earlier, kept, expected) in table {
            assert_eq!(dropped(&earlier, &kept), expected, "{earlier:?} {kept:?}");
        }
    }
}
