//! What is signed of a run: the header of each segment, the head of the open one, and the seal.
//!
//! Each header holds the digest of the whole signed header before it and the seal that of the last, so the last signature
//! covers everything before it. Spec: header-chain, seal-covers.

use crate::digest::Digest;
use crate::ids::{PublicKey, RunId};
use crate::limits::{
    FRAME_BLOCK_BYTES, FRAME_BYTES_MAX, SEGMENT_BYTES_MAX, SEGMENT_RECORDS_MAX, SIGNED_BYTES_MAX,
};
use crate::record::Causes;
use crate::signed::{Payload, Version};
use crate::tree::LEAVES_MAX;
use crate::{fault_codes, map};

map! {
    /// The header of a closed segment. Spec: header-chain.
    pub struct Header {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Number of the segment, from 0.
        2 req segment: u32,
        /// Sequence of its first record.
        3 req first: u64,
        /// Number of its records, 1 to 4,096: the count that its tree's paths go by.
        4 req records: u32,
        /// Bytes of all its frames.
        5 req frame_bytes: u32,
        /// Root of its record tree.
        6 req root: Digest,
        /// `header` digest of the signed header before this; 32 zero bytes in segment 0.
        7 req previous: Digest,
        /// State checksum at its end.
        8 req checksum: Digest,
        /// `lineage` digest of its lineage page.
        9 req lineage: Digest,
        /// Number of the rule set that the machine applied.
        10 req rule_set: u16,
        /// State root at its end, where a span ends with it.
        11 opt state_root: Digest,
        /// Records kept after a crash that no signed head covered: ranges in the form of a record's causes.
        12 opt recovered: Causes,
        /// The key that signs from the next header on, where it is another.
        13 opt next_key: PublicKey,
    }

    /// The signed state of the open segment at a commit.
    pub struct Head {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Number of the segment, from 0.
        2 req segment: u32,
        /// Its records so far, 1 to 4,096.
        3 req records: u32,
        /// Root of the tree over them.
        4 req root: Digest,
        /// `header` digest of the last signed header; 32 zero bytes in segment 0.
        5 req previous: Digest,
    }

    /// The signed end of a run. Spec: seal-covers.
    pub struct Seal {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Its segments, 1 to 2^32: the count that the header tree's paths go by.
        2 req segments: u64,
        /// Its records.
        3 req records: u64,
        /// `header` digest of the last signed header.
        4 req last: Digest,
        /// Root of the tree over the `header` digests of all signed headers.
        5 req header_root: Digest,
        /// State root at the end.
        6 req state_root: Digest,
        /// State checksum at the end.
        7 req checksum: Digest,
        /// The key was drawn for this run and is vouched for by nobody.
        8 req ephemeral: bool,
    }
}

/// Fields of a payload that contradict each other. Spec: header-possible, seal-possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadFault {
    /// A segment without records, or with more than a segment may have.
    #[error("{found} records in a segment: 1 to {SEGMENT_RECORDS_MAX} are allowed")]
    Records {
        /// Records stated.
        found: u32,
    },
    /// Frames that so many records cannot have, or more of them than fit a segment.
    #[error("{records} records cannot have frames of {frame_bytes} bytes")]
    FrameBytes {
        /// Records stated.
        records: u32,
        /// Frame bytes stated.
        frame_bytes: u32,
    },
    /// A first record that cannot be the first of this segment.
    #[error("record {first} cannot be the first of segment {segment}")]
    First {
        /// Segment stated.
        segment: u32,
        /// First record stated.
        first: u64,
    },
    /// A previous header named in segment 0, or none in a later segment.
    #[error("segment {segment} names the wrong previous header: only segment 0 has none")]
    Previous {
        /// Segment stated.
        segment: u32,
    },
    /// Recovered records named that the segment does not have, or a list of none.
    #[error("the recovered records are none or not all in the segment")]
    Recovered,
    /// A run without segments, or with more than a run may have.
    #[error("{found} segments in a run: 1 to {LEAVES_MAX} are allowed")]
    Segments {
        /// Segments stated.
        found: u64,
    },
    /// Records that so many segments cannot hold.
    #[error("{segments} segments cannot hold {records} records")]
    SealedRecords {
        /// Segments stated.
        segments: u64,
        /// Records stated.
        records: u64,
    },
    /// One segment, but a header root that is not its header's digest.
    #[error("the header root of a single segment is not its header's digest")]
    HeaderRoot,
}

fault_codes! { PayloadFault {
    Self::Records { .. } => "S-RECORDS" "a segment without records, or with more than a segment may have",
    Self::FrameBytes { .. } => "S-FRAME-BYTES" "frame bytes that so many records cannot have",
    Self::First { .. } => "S-FIRST" "a first record that cannot be the first of this segment",
    Self::Previous { .. } => "S-PREVIOUS" "a previous header named in segment 0, or none in a later one",
    Self::Recovered => "S-RECOVERED" "recovered records that are none, or not all in the segment",
    Self::Segments { .. } => "S-SEGMENTS" "a run without segments, or with more than a run may have",
    Self::SealedRecords { .. } => "S-SEALED-RECORDS" "records that so many segments cannot hold",
    Self::HeaderRoot => "S-HEADER-ROOT" "the header root of a single segment is not its header's digest",
} }

/// Err unless `holds`.
fn ensure(holds: bool, fault: PayloadFault) -> Result<(), PayloadFault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn check_records(found: u32) -> Result<(), PayloadFault> {
    ensure((1..=SEGMENT_RECORDS_MAX as u32).contains(&found), PayloadFault::Records { found })
}

fn check_previous(segment: u32, previous: &Digest) -> Result<(), PayloadFault> {
    ensure((segment == 0) == (*previous == Digest::ZERO), PayloadFault::Previous { segment })
}

impl Payload for Header {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.header+cbor";
    const BYTES_MAX: usize = SIGNED_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        let Self { segment, first, records, frame_bytes, .. } = *self;
        check_records(records)?;

        let (each, all) = (u64::from(records), u64::from(frame_bytes));
        let least = each * FRAME_BLOCK_BYTES as u64;
        let most = (each * FRAME_BYTES_MAX as u64).min(SEGMENT_BYTES_MAX as u64);
        let fits = (least..=most).contains(&all) && all.is_multiple_of(FRAME_BLOCK_BYTES as u64);
        ensure(fits, PayloadFault::FrameBytes { records, frame_bytes })?;

        let before = u64::from(segment);
        let reachable = before..=before * SEGMENT_RECORDS_MAX as u64;
        ensure(reachable.contains(&first), PayloadFault::First { segment, first })?;
        check_previous(segment, &self.previous)?;

        let in_segment = |ranges: &Causes| {
            let starts = ranges.ranges().first().is_some_and(|range| range.first >= first);
            starts && ranges.last().is_some_and(|last| last < first + each)
        };
        ensure(self.recovered.as_ref().is_none_or(in_segment), PayloadFault::Recovered)
    }
}

impl Payload for Head {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.head+cbor";
    const BYTES_MAX: usize = SIGNED_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        check_records(self.records)?;
        check_previous(self.segment, &self.previous)
    }
}

impl Payload for Seal {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.seal+cbor";
    const BYTES_MAX: usize = SIGNED_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        let Self { segments, records, .. } = *self;
        ensure((1..=LEAVES_MAX).contains(&segments), PayloadFault::Segments { found: segments })?;
        let holds = (segments..=segments * SEGMENT_RECORDS_MAX as u64).contains(&records);
        ensure(holds, PayloadFault::SealedRecords { segments, records })?;
        ensure(segments > 1 || self.header_root == self.last, PayloadFault::HeaderRoot)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::schema::{from_bytes, to_bytes};

    pub(crate) fn header() -> Header {
        Header {
            version: Version::One,
            run: RunId([7; 16]),
            segment: 2,
            first: 1500,
            records: 10,
            frame_bytes: 4480,
            root: Digest([1; 32]),
            previous: Digest([2; 32]),
            checksum: Digest([3; 32]),
            lineage: Digest([4; 32]),
            rule_set: 1,
            state_root: None,
            recovered: None,
            next_key: None,
        }
    }

    pub(crate) fn head() -> Head {
        Head {
            version: Version::One,
            run: RunId([7; 16]),
            segment: 0,
            records: 1,
            root: Digest([1; 32]),
            previous: Digest::ZERO,
        }
    }

    pub(crate) fn seal() -> Seal {
        Seal {
            version: Version::One,
            run: RunId([7; 16]),
            segments: 3,
            records: 1510,
            last: Digest([5; 32]),
            header_root: Digest([6; 32]),
            state_root: Digest([8; 32]),
            checksum: Digest([3; 32]),
            ephemeral: false,
        }
    }

    /// Spec: limit-segment, header-possible.
    #[test]
    fn a_header_holds_only_what_a_segment_can_have() {
        let ok = Ok(());
        let recovered =
            |records: &[u64]| Header { recovered: Some(Causes::of(records.iter().copied())), ..header() };
        let sized = |records, frame_bytes| Header { records, frame_bytes, ..header() };
        let at = |segment, first| Header { segment, first, ..header() };
        let first = Header { segment: 0, first: 0, previous: Digest::ZERO, ..header() };
        let bytes = |records, frame_bytes| Err(PayloadFault::FrameBytes { records, frame_bytes });
        let table = [
            (header(), ok),
            (first.clone(), ok),
            (sized(0, 0), Err(PayloadFault::Records { found: 0 })),
            (sized(4097, 4097 * 64), Err(PayloadFault::Records { found: 4097 })),
            (sized(4096, 4096 * 64), ok),
            (sized(4096, 1 << 20), ok),
            (sized(4096, (1 << 20) + 64), bytes(4096, (1 << 20) + 64)),
            (sized(2, 64), bytes(2, 64)),
            (sized(2, 129), bytes(2, 129)),
            (sized(2, 2 * 65_536), ok),
            (sized(2, 2 * 65_536 + 64), bytes(2, 2 * 65_536 + 64)),
            (at(2, 1), Err(PayloadFault::First { segment: 2, first: 1 })),
            (at(2, 2), ok),
            (at(2, 8192), ok),
            (at(2, 8193), Err(PayloadFault::First { segment: 2, first: 8193 })),
            (Header { first: 1, ..first.clone() }, Err(PayloadFault::First { segment: 0, first: 1 })),
            (Header { previous: Digest([2; 32]), ..first }, Err(PayloadFault::Previous { segment: 0 })),
            (Header { previous: Digest::ZERO, ..header() }, Err(PayloadFault::Previous { segment: 2 })),
            (recovered(&[1500, 1509]), ok),
            (recovered(&[]), Err(PayloadFault::Recovered)),
            (recovered(&[1499, 1500]), Err(PayloadFault::Recovered)),
            (recovered(&[1509, 1510]), Err(PayloadFault::Recovered)),
        ];
        for (i, (header, expected)) in table.into_iter().enumerate() {
            assert_eq!(header.check(), expected, "row {i}");
        }
    }

    #[test]
    fn a_head_has_records_and_the_header_before_it() {
        assert_eq!(head().check(), Ok(()));
        assert_eq!(Head { records: 0, ..head() }.check(), Err(PayloadFault::Records { found: 0 }));
        assert_eq!(Head { segment: 1, ..head() }.check(), Err(PayloadFault::Previous { segment: 1 }));
    }

    #[test]
    fn a_seal_holds_only_what_a_run_can_have() {
        let of = |segments, records| Seal { segments, records, ..seal() };
        let held = |segments, records| Err(PayloadFault::SealedRecords { segments, records });
        let single = Seal { header_root: Digest([5; 32]), ..of(1, 1) };
        let table = [
            (seal(), Ok(())),
            (single, Ok(())),
            (of(1, 1), Err(PayloadFault::HeaderRoot)),
            (of(0, 0), Err(PayloadFault::Segments { found: 0 })),
            (of(LEAVES_MAX, LEAVES_MAX), Ok(())),
            (of(LEAVES_MAX + 1, LEAVES_MAX + 1), Err(PayloadFault::Segments { found: LEAVES_MAX + 1 })),
            (of(3, 2), held(3, 2)),
            (of(3, 3 * 4096), Ok(())),
            (of(3, 3 * 4096 + 1), held(3, 3 * 4096 + 1)),
        ];
        for (i, (seal, expected)) in table.into_iter().enumerate() {
            assert_eq!(seal.check(), expected, "row {i}");
        }
    }

    #[test]
    fn each_field_is_in_the_bytes() {
        let full = Header {
            state_root: Some(Digest([9; 32])),
            recovered: Some(Causes::of([1500, 1502])),
            next_key: Some(PublicKey([10; 32])),
            ..header()
        };
        assert_eq!(from_bytes(&to_bytes(&full)), Ok(full.clone()));
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Header>(&json).unwrap(), full);
    }
}
