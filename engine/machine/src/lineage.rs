//! Lineage: what each record was and what influenced it, four bytes a record, outside the state tree.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Causes;
use rederive_evidence::values::{Label, Sensitivity, Trust};

use crate::state::Influence;

/// Bytes of a mark in a page.
pub const MARK_BYTES: usize = 4;

/// Marks that one summary covers, and summaries that one of the level above covers.
const BLOCK: usize = 64;

/// The lineage of one record. Bytes: kind, trust, sensitivity, flags. Spec: lineage-mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the record is about.
    pub kind: Kind,
    /// Label by influence.
    pub label: Label,
    /// The flags below.
    pub flags: u8,
}

impl Mark {
    /// The chain of causes reaches the goal (OBS-1).
    pub const REACHES_GOAL: u8 = 1;
    /// A fact that breaches a rule, or that carries on what such a fact brought.
    pub const BREACHED: u8 = 2;
    /// A refused request.
    pub const REFUSED: u8 = 4;
    /// It brings data, which instructs nobody (CTX-4).
    pub const DATA: u8 = 8;

    const FLAGS: u8 = Self::REACHES_GOAL | Self::BREACHED | Self::REFUSED | Self::DATA;

    fn to_bytes(self) -> [u8; MARK_BYTES] {
        [self.kind.code(), self.label.trust.code(), self.label.sensitivity.code(), self.flags]
    }

    fn from_bytes([kind, trust, sensitivity, flags]: [u8; MARK_BYTES]) -> Option<Self> {
        let label = Label {
            trust: Trust::from_code(u64::from(trust))?,
            sensitivity: Sensitivity::from_code(u64::from(sensitivity))?,
        };
        (flags & !Self::FLAGS == 0).then_some(Self { kind: Kind::from_code(u64::from(kind))?, label, flags })
    }
}

/// Why bytes are no lineage page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageFault {
    /// The length is not a multiple of four.
    #[error("a lineage page of {bytes} bytes does not hold whole marks of {MARK_BYTES}")]
    Length {
        /// Bytes of the page.
        bytes: usize,
    },
    /// A code or flag that the registries do not have.
    #[error("mark {mark} of the lineage page has a code that is not registered")]
    Registry {
        /// Index of the mark in the page.
        mark: usize,
    },
}

/// The marks of several records together: labels joined, flags united.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) label: Label,
    pub(crate) flags: u8,
}

impl Summary {
    const NONE: Self = Self { label: Influence::NONE.label, flags: 0 };

    fn join(self, other: Self) -> Self {
        Self { label: self.label.join(other.label), flags: self.flags | other.flags }
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl From<Mark> for Summary {
    fn from(mark: Mark) -> Self {
        Self { label: mark.label, flags: mark.flags }
    }
}

/// Summaries of each whole block of marks, and of each whole block of those: a range of any length is summed up over few of them, so
/// that a record that names a million causes costs little more than one that names a hundred.
#[derive(Clone, Debug, Default)]
struct Blocks {
    of_marks: Vec<Summary>,
    of_blocks: Vec<Summary>,
}

impl Blocks {
    /// Sums up the blocks that have become whole since the last time.
    fn extend(&mut self, marks: &[Mark]) {
        let (whole, _) = marks.as_chunks::<BLOCK>();
        let new = whole.get(self.of_marks.len()..).unwrap_or_default();
        self.of_marks.extend(new.iter().map(|block| joined(block, 0..BLOCK)));
        let (whole, _) = self.of_marks.as_chunks::<BLOCK>();
        let new = whole.get(self.of_blocks.len()..).unwrap_or_default();
        self.of_blocks.extend(new.iter().map(|block| joined(block, 0..BLOCK)));
    }

    fn sum(&self, marks: &[Mark], range: Range<usize>) -> Summary {
        let (head, blocks, tail) = split(range);
        let ends = joined(marks, head).join(joined(marks, tail));
        let (head, whole, tail) = split(blocks);
        let middle = joined(&self.of_marks, head).join(joined(&self.of_marks, tail));
        ends.join(middle).join(joined(&self.of_blocks, whole))
    }
}

/// A range as items before the first whole block, whole blocks, and items after the last.
fn split(range: Range<usize>) -> (Range<usize>, Range<usize>, Range<usize>) {
    let (first, last) = (range.start.div_ceil(BLOCK), range.end / BLOCK);
    if first >= last {
        return (range, 0..0, 0..0);
    }
    (range.start..first * BLOCK, first..last, last * BLOCK..range.end)
}

fn joined<T: Copy + Into<Summary>>(items: &[T], range: Range<usize>) -> Summary {
    let items = items.get(range).unwrap_or_default();
    items.iter().fold(Summary::NONE, |sum, item| sum.join((*item).into()))
}

/// The marks of all records of a run so far, by sequence number. The part before a resumption is shared.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    base: Option<Arc<[Mark]>>,
    /// Marks of `base` that count.
    base_len: usize,
    /// Summed up when a long range is first asked for: most runs never do.
    base_blocks: OnceLock<Blocks>,
    own: Vec<Mark>,
    own_blocks: Blocks,
}

impl Lineage {
    /// The lineage before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lineage of the first `len` records, of which `base` holds at least as many (else all that it holds).
    pub fn resume(base: Arc<[Mark]>, len: u64) -> Self {
        let base_len = usize::try_from(len).unwrap_or(usize::MAX).min(base.len());
        Self { base: Some(base), base_len, ..Self::default() }
    }

    /// The mark of a record, or none where there is no such record yet.
    pub fn get(&self, sequence: u64) -> Option<Mark> {
        let at = usize::try_from(sequence).ok()?;
        match at.checked_sub(self.base_len) {
            Some(own) => self.own.get(own).copied(),
            None => self.base().get(at).copied(),
        }
    }

    /// Number of records.
    pub fn len(&self) -> u64 {
        self.records() as u64
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    fn records(&self) -> usize {
        self.base_len.saturating_add(self.own.len())
    }

    fn base(&self) -> &[Mark] {
        self.base.as_deref().and_then(|base| base.get(..self.base_len)).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, mark: Mark) {
        self.own.push(mark);
        if self.own.len().is_multiple_of(BLOCK) {
            self.own_blocks.extend(&self.own);
        }
    }

    /// The causes that are earlier records, summed up; none where there is none among them.
    pub(crate) fn sum(&self, causes: &Causes) -> Option<Summary> {
        let mut sum = None;
        for range in causes.ranges() {
            let Ok(first) = usize::try_from(range.first) else { break };
            let count = usize::try_from(range.count).unwrap_or(usize::MAX);
            let end = first.saturating_add(count).min(self.records());
            if first < end {
                sum = Some(sum.unwrap_or(Summary::NONE).join(self.sum_range(first..end)));
            }
        }
        sum
    }

    fn sum_range(&self, range: Range<usize>) -> Summary {
        // Most records have one cause.
        if range.len() == 1 {
            return self.get(range.start as u64).map_or(Summary::NONE, Summary::from);
        }
        let own = range.start.saturating_sub(self.base_len)..range.end.saturating_sub(self.base_len);
        let base = range.start.min(self.base_len)..range.end.min(self.base_len);
        // Most causes are few: summing up blocks would cost more than the marks themselves.
        let own =
            if own.len() <= BLOCK { joined(&self.own, own) } else { self.own_blocks.sum(&self.own, own) };
        if base.len() <= BLOCK {
            return own.join(joined(self.base(), base));
        }
        let blocks = self.base_blocks.get_or_init(|| {
            let mut blocks = Blocks::default();
            blocks.extend(self.base());
            blocks
        });
        own.join(blocks.sum(self.base(), base))
    }

    /// The lowest of the causes that has this flag.
    pub(crate) fn first_with(&self, flag: u8, causes: &Causes) -> Option<u64> {
        let range = |range: &rederive_evidence::record::CauseRange| {
            let end = range.first.saturating_add(range.count).min(self.len());
            let first = usize::try_from(range.first).ok()?;
            self.first_in(flag, first..usize::try_from(end).ok()?)
        };
        causes.ranges().iter().find_map(range)
    }

    /// The lowest record of a range that has this flag, by halving the range.
    fn first_in(&self, flag: u8, mut range: Range<usize>) -> Option<u64> {
        if range.is_empty() || !self.sum_range(range.clone()).has(flag) {
            return None;
        }
        while range.len() > 1 {
            let middle = range.start + range.len() / 2;
            let lower = range.start..middle;
            range = if self.sum_range(lower.clone()).has(flag) { lower } else { middle..range.end };
        }
        Some(range.start as u64)
    }

    /// The bytes of the marks from record `first` to the last: a segment's page at its end.
    /// Spec: lineage-page.
    pub fn page(&self, first: u64) -> Vec<u8> {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let base = self.base().get(first..).unwrap_or_default();
        let own = self.own.get(first.saturating_sub(self.base_len)..).unwrap_or_default();
        let mut page = Vec::with_capacity((base.len() + own.len()) * MARK_BYTES);
        base.iter().chain(own).for_each(|mark| page.extend_from_slice(&mark.to_bytes()));
        page
    }

    /// The marks that a page holds.
    ///
    /// # Errors
    /// Why the bytes are no page.
    pub fn parse_page(bytes: &[u8]) -> Result<Vec<Mark>, PageFault> {
        let (marks, rest) = bytes.as_chunks::<MARK_BYTES>();
        if !rest.is_empty() {
            return Err(PageFault::Length { bytes: bytes.len() });
        }
        let parsed = marks.iter().enumerate();
        parsed.map(|(mark, bytes)| Mark::from_bytes(*bytes).ok_or(PageFault::Registry { mark })).collect()
    }

    /// The `lineage` digest of a page.
    pub fn page_digest(page: &[u8]) -> Digest {
        digest(Purpose::Lineage, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_split_into_whole_blocks_and_what_stands_around_them() {
        for start in (0..4 * BLOCK).step_by(7).chain([BLOCK, 2 * BLOCK, 3 * BLOCK]) {
            for end in start..5 * BLOCK {
                let (head, blocks, tail) = split(start..end);
                let whole = blocks.start * BLOCK..blocks.end * BLOCK;
                let tiles: Vec<usize> = head.clone().chain(whole).chain(tail.clone()).collect();
                assert_eq!(tiles, (start..end).collect::<Vec<_>>());
                assert!(tail.len() < BLOCK && head.len() < 2 * BLOCK);
            }
        }
    }
}
