//! Which contents a trace stores, and which its records name: so that what was redacted is counted, not passed over.

use rederive_evidence::digest::Digest;
use rederive_evidence::record::ContentEntry;

/// A stored content: commitment (its first 16 bytes tell it apart) and length. Sorted, so that memory stays at 24 bytes a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    commitment: [u8; 16],
    bytes: u64,
}

/// A content that a record names and its own segment does not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    content: Stored,
    record: u64,
}

/// What one stretch of a trace stores and names.
#[derive(Debug, Default)]
pub(crate) struct ContentLedger {
    stored: Vec<Stored>,
    /// Where the current segment's contents begin in `stored`; these are sorted once they are complete.
    segment_at: usize,
    named: Vec<Named>,
}

/// A record that states another length than its content has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongLength {
    pub(crate) record: u64,
    pub(crate) stated: u64,
    pub(crate) stored: u64,
}

impl Stored {
    fn new(commitment: &Digest, bytes: u64) -> Self {
        let (head, _) = commitment.0.split_at(16);
        Self { commitment: head.try_into().unwrap_or_default(), bytes }
    }
}

impl ContentLedger {
    /// A content that the segment at hand stores.
    pub(crate) fn store(&mut self, commitment: &Digest, bytes: u64) {
        self.stored.push(Stored::new(commitment, bytes));
    }

    /// The segment's stored contents are all known: its records come next.
    pub(crate) fn segment_stored(&mut self) {
        if let Some(segment) = self.stored.get_mut(self.segment_at..) {
            segment.sort_unstable();
        }
    }

    /// A content that a record of the segment names.
    pub(crate) fn name(&mut self, record: u64, entry: &ContentEntry) {
        let content = Stored::new(&entry.commitment, entry.bytes.0);
        let segment = self.stored.get(self.segment_at..).unwrap_or_default();
        if segment.binary_search(&content).is_err() {
            self.named.push(Named { content, record });
        }
    }

    /// The segment ends.
    pub(crate) fn segment_ends(&mut self) {
        self.segment_at = self.stored.len();
    }

    /// Adds what a later stretch stores and names.
    pub(crate) fn append(&mut self, later: Self) {
        self.stored.extend(later.stored);
        self.named.extend(later.named);
    }

    /// How many contents records name that the trace does not store, and the lowest record that states a wrong length.
    pub(crate) fn settle(mut self) -> (u64, Option<WrongLength>) {
        self.stored.sort_unstable();
        self.named.sort_unstable_by_key(|named| (named.content, named.record));
        let (mut missing, mut wrong): (Vec<[u8; 16]>, Option<WrongLength>) = (Vec::new(), None);
        for named in &self.named {
            let at = self.stored.partition_point(|stored| stored.commitment < named.content.commitment);
            match self.stored.get(at) {
                Some(stored) if stored.commitment == named.content.commitment => {
                    let is_lower = wrong.is_none_or(|wrong| named.record < wrong.record);
                    if stored.bytes != named.content.bytes && is_lower {
                        let (stated, stored) = (named.content.bytes, stored.bytes);
                        wrong = Some(WrongLength { record: named.record, stated, stored });
                    }
                }
                Some(_) | None => missing.push(named.content.commitment),
            }
        }
        missing.dedup();
        (missing.len() as u64, wrong)
    }
}
