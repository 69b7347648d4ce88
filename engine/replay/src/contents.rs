//! Which contents a trace stores, and which its records name: so that what was redacted is counted, not passed over, and what
//! nobody signed is not taken for evidence.

use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::record::ContentEntry;

/// A content of a segment, stored or named there: commitment (its first 16 bytes tell it apart) and length. Sorted, so that memory stays at 24 bytes a
/// content stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// High and low half: a number of 16 bytes would make the whole take 32.
    commitment: [u64; 2],
    bytes: u32,
    segment: u32,
}

/// A content that a record of its segment names and that segment does not store, or not with that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named {
    content: Known,
    record: u64,
}

/// What one stretch of a trace stores and names.
#[derive(Debug, Default)]
pub(crate) struct ContentLedger {
    stored: Vec<Known>,
    named: Vec<Named>,
    /// What segments store of which a record lists nobody knows what, and none of those that can be read lists it.
    unjudged: Vec<Known>,
    /// The segments that have such a record.
    unread: Vec<u32>,
    /// The current segment.
    segment: u32,
    /// Where its contents begin in `stored`; they are sorted once they are complete.
    segment_at: usize,
    /// Of each of the current segment's contents, whether a record has listed it.
    listed: Vec<bool>,
    /// The current segment has a record that lists nobody knows what.
    has_unread_record: bool,
    /// The current segment stores more contents than its frames have room to list.
    is_overfull: bool,
}

/// A record that states another length than its content has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongLength {
    pub(crate) record: u64,
    pub(crate) stated: u64,
    pub(crate) stored: u64,
}

/// A content that a segment stores, though a record of an earlier one lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) segment: u32,
    /// First digits of its commitment.
    pub(crate) content: String,
}

/// What comes of all that a trace stores and names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many contents records name that the trace does not store.
    pub(crate) missing: u64,
    /// The lowest record that states a wrong length.
    pub(crate) wrong_length: Option<WrongLength>,
    /// Of the lowest segment that has one.
    pub(crate) late: Option<Late>,
}

impl Known {
    fn new(commitment: &Digest, bytes: u64, segment: u32) -> Self {
        let (words, _) = commitment.0.as_chunks();
        let commitment = std::array::from_fn(|i| words.get(i).map_or(0, |word| u64::from_be_bytes(*word)));
        // Lengths are within the limit of a content, far below 4 GiB.
        Self { commitment, bytes: u32::try_from(bytes).unwrap_or(u32::MAX), segment }
    }

    /// The commitment as one number: sorting compares it without a branch.
    fn number(&self) -> u128 {
        let [high, low] = self.commitment;
        u128::from(high) << 64 | u128::from(low)
    }

    fn order(&self) -> (u128, u32, u32) {
        (self.number(), self.segment, self.bytes)
    }

    /// The same content in the lowest segment that stores it, of what is sorted.
    fn lowest_of<'a>(&self, stored: &'a [Known]) -> Option<&'a Known> {
        let at = stored.partition_point(|stored| stored.number() < self.number());
        stored.get(at).filter(|stored| stored.commitment == self.commitment)
    }

    fn digits(&self) -> String {
        hex::format(self.commitment.map(u64::to_be_bytes).as_flattened())
    }
}

impl ContentLedger {
    /// A segment begins, the one after the segment before or a later one.
    pub(crate) fn segment_begins(&mut self, segment: u32) {
        self.segment = segment;
    }

    /// A content that the segment at hand stores.
    pub(crate) fn store(&mut self, commitment: &Digest, bytes: u64) {
        self.stored.push(Known::new(commitment, bytes, self.segment));
    }

    /// The segment stores more than are kept: whatever its records say, one of these is listed by none of them.
    pub(crate) fn is_overfull(&mut self) {
        self.is_overfull = true;
    }

    /// The segment's stored contents are all known: its records come next.
    pub(crate) fn segment_stored(&mut self) {
        let segment = self.stored.get_mut(self.segment_at..).unwrap_or_default();
        segment.sort_unstable_by_key(Known::order);
        self.listed.clear();
        self.listed.resize(segment.len(), false);
    }

    /// A content that a record of the segment lists.
    pub(crate) fn name(&mut self, record: u64, entry: &ContentEntry) {
        let content = Known::new(&entry.commitment, entry.bytes.0, self.segment);
        let segment = self.stored.get(self.segment_at..).unwrap_or_default();
        let at = segment.partition_point(|stored| stored.number() < content.number());
        let stored = segment.get(at).filter(|stored| stored.commitment == content.commitment);
        if let (Some(_), Some(listed)) = (stored, self.listed.get_mut(at)) {
            *listed = true;
        }
        if stored != Some(&content) {
            self.named.push(Named { content, record });
        }
    }

    /// A record of the segment cannot be read.
    pub(crate) fn has_unread_record(&mut self) {
        self.has_unread_record = true;
    }

    /// The segment ends. The first digits of a content that it stores and none of its records lists: a content stands in the segment of
    /// the record that brings it, and what no record commits to, nobody signed.
    pub(crate) fn segment_ends(&mut self) -> Option<String> {
        let segment = self.stored.get(self.segment_at..).unwrap_or_default();
        let unlisted =
            segment.iter().zip(&self.listed).filter(|(_, listed)| !**listed).map(|(stored, _)| stored);
        let shown = if self.has_unread_record && !self.is_overfull {
            self.unjudged.extend(unlisted);
            self.unread.push(self.segment);
            None
        } else {
            unlisted.map(Known::digits).next()
        };
        self.segment_at = self.stored.len();
        self.listed.clear();
        (self.has_unread_record, self.is_overfull) = (false, false);
        shown
    }

    /// Adds what a later stretch stores and names.
    pub(crate) fn append(&mut self, later: Self) {
        self.stored.extend(later.stored);
        self.named.extend(later.named);
        self.unjudged.extend(later.unjudged);
        self.unread.extend(later.unread);
    }

    /// Holds what records name against what is stored, over all segments.
    pub(crate) fn settle(mut self) -> Settled {
        self.stored.sort_unstable_by_key(Known::order);
        self.unjudged.sort_unstable_by_key(Known::order);
        self.unread.sort_unstable();
        let mut late = self.lowest_twice();
        let judged = self.judged();
        let (mut missing, mut wrong_length) = (Vec::with_capacity(self.named.len()), None::<WrongLength>);
        for Named { content, record } in &self.named {
            let again = content.lowest_of(judged.as_ref().unwrap_or(&self.stored));
            late = lower(late, again.filter(|stored| stored.segment > content.segment));
            match content.lowest_of(&self.stored) {
                None => missing.push(content.number()),
                Some(stored) if stored.bytes == content.bytes => {}
                Some(_) if wrong_length.is_some_and(|wrong| wrong.record <= *record) => {}
                Some(stored) => {
                    let (stated, stored) = (u64::from(content.bytes), u64::from(stored.bytes));
                    wrong_length = Some(WrongLength { record: *record, stated, stored });
                }
            }
        }
        let late = late.map(|late| Late { segment: late.segment, content: late.digits() });
        Settled { missing: distinct(&missing), wrong_length, late }
    }

    /// The content of the lowest segment that stores what an earlier one stores and lists.
    fn lowest_twice(&self) -> Option<&Known> {
        let is_listed =
            |stored: &Known| self.unjudged.binary_search_by_key(&stored.order(), Known::order).is_err();
        let mut lowest = None;
        for copies in
            self.stored.chunk_by(|a, b| a.commitment == b.commitment).filter(|copies| copies.len() > 1)
        {
            let Some(first) = copies.iter().find(|copy| is_listed(copy)) else { continue };
            let late = copies.iter().find(|copy| copy.segment > first.segment && self.judges(copy));
            lowest = lower(lowest, late);
        }
        lowest
    }

    /// What is stored, as it is sorted, without the segments that have an unread record; none where no segment has one.
    fn judged(&self) -> Option<Vec<Known>> {
        let judged = || self.stored.iter().filter(|stored| self.judges(stored)).copied().collect();
        (!self.unread.is_empty()).then(judged)
    }

    /// Whether of this content's segment it is known what all records list.
    fn judges(&self, stored: &Known) -> bool {
        self.unread.binary_search(&stored.segment).is_err()
    }
}

/// The one of the lower segment.
fn lower<'a>(a: Option<&'a Known>, b: Option<&'a Known>) -> Option<&'a Known> {
    a.into_iter().chain(b).min_by_key(|known| (known.segment, known.number()))
}

/// How many different numbers there are. These are digests, which spread evenly: by its first bits each has a place of its own, but for a few
/// that are sorted.
fn distinct(numbers: &[u128]) -> u64 {
    let bits = numbers.len().checked_ilog2().unwrap_or(0) + 2;
    // One more than the index of the number whose place it is.
    let mut places = vec![0_u32; 1 << bits];
    let mut others = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        match places.get_mut(((number >> 64) as u64 >> (u64::BITS - bits)) as usize) {
            Some(place @ 0) if at < u32::MAX as usize => *place = at as u32 + 1,
            Some(place) if numbers.get((*place as usize).wrapping_sub(1)) == Some(number) => {}
            Some(_) | None => others.push(*number),
        }
    }
    others.sort_unstable();
    let placed = places.iter().filter(|place| **place != 0).count();
    (placed + others.chunk_by(|a, b| a == b).count()) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_are_counted_once_each_however_they_spread() {
        for count in [0_u128, 1, 2, 3, 100, 1_000] {
            for spread in [1, 7, 1 << 64, u128::MAX / 1_000] {
                for different in [1, 2, 3, count.max(1)] {
                    let numbers: Vec<u128> =
                        (0..count).map(|n| (n % different).wrapping_mul(spread)).collect();
                    let expected = numbers.iter().collect::<BTreeSet<_>>().len() as u64;
                    assert_eq!(distinct(&numbers), expected, "{count} {spread} {different}");
                }
            }
        }
    }
}
