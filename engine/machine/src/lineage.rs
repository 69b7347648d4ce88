//! Lineage: what each record was and what influenced it, four bytes a record, outside the state tree.

use std::sync::Arc;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::kinds::Kind;
use rederive_evidence::values::{Label, Sensitivity, Trust};

/// Bytes of a mark in a page.
pub const MARK_BYTES: usize = 4;

/// The lineage of one record. Bytes: kind, trust, sensitivity, flags. Spec: lineage-mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the record is about.
    pub kind: Kind,
    /// Label by influence.
    pub label: Label,
    /// [`Self::REACHES_GOAL`] and [`Self::BREACHED`].
    pub flags: u8,
}

impl Mark {
    /// The chain of causes reaches the goal (OBS-1).
    pub const REACHES_GOAL: u8 = 1;
    /// A fact that breaches a rule (D4).
    pub const BREACHED: u8 = 2;

    fn to_bytes(self) -> [u8; MARK_BYTES] {
        [self.kind.code(), self.label.trust.code(), self.label.sensitivity.code(), self.flags]
    }

    fn from_bytes([kind, trust, sensitivity, flags]: [u8; MARK_BYTES]) -> Option<Self> {
        let label = Label {
            trust: Trust::from_code(u64::from(trust))?,
            sensitivity: Sensitivity::from_code(u64::from(sensitivity))?,
        };
        let known = Self::REACHES_GOAL | Self::BREACHED;
        (flags & !known == 0).then_some(Self { kind: Kind::from_code(u64::from(kind))?, label, flags })
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

/// The marks of all records of a run so far, by sequence number. The part before a resumption is shared.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    base: Option<Arc<[Mark]>>,
    /// Marks of `base` that count.
    base_len: usize,
    own: Vec<Mark>,
}

impl Lineage {
    /// The lineage before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lineage of the first `len` records, of which `base` holds at least as many (else all that it holds).
    pub fn resume(base: Arc<[Mark]>, len: u64) -> Self {
        let base_len = usize::try_from(len).unwrap_or(usize::MAX).min(base.len());
        Self { base: Some(base), base_len, own: Vec::new() }
    }

    /// The mark of a record, or none where there is no such record yet.
    pub fn get(&self, sequence: u64) -> Option<Mark> {
        let at = usize::try_from(sequence).ok()?;
        match at.checked_sub(self.base_len) {
            Some(own) => self.own.get(own).copied(),
            None => self.base.as_ref()?.get(at).copied(),
        }
    }

    /// Number of records.
    pub fn len(&self) -> u64 {
        (self.base_len + self.own.len()) as u64
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, mark: Mark) {
        self.own.push(mark);
    }

    /// The bytes of the marks from record `first` to the last: a segment's page at its end.
    pub fn page(&self, first: u64) -> Vec<u8> {
        (first..self.len()).filter_map(|sequence| self.get(sequence)).flat_map(Mark::to_bytes).collect()
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
