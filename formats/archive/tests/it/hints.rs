//! Index, lineage and snapshots are hints: absent, wrong or made to mislead, they are reported and change no answer.

use proptest::prelude::*;
use rederive_archive::{BlockBuffer, Hint, Packing, Snapshot, SnapshotBuilder, TraceReader};
use rederive_evidence::digest::Digest;

use crate::raw::{self, FRAMES, HEADER, INDEX, LINEAGE, SEAL, SNAPSHOT, TRAILER, plain};
use crate::run::{Held, Part, Record, Script};

/// A sealed trace of one segment of two records and two contents, with these hints.
fn with_hints(lineage: Option<&[u8]>, snapshot: Option<&[u8]>, index: Option<&[u8]>) -> Vec<u8> {
    let part = part();
    let contents: Vec<u8> = part
        .contents()
        .iter()
        .flat_map(|held| raw::content(held.commitment().0, held.salt, held.bytes.len() as u64, &held.bytes))
        .collect();
    let mut bytes = raw::trace(&[plain(FRAMES, 0, &part.frames()), plain(raw::CONTENTS, 0, &contents)]);
    if let Some(lineage) = lineage {
        bytes.extend(plain(LINEAGE, 0, lineage));
    }
    if let Some(snapshot) = snapshot {
        bytes.extend(plain(SNAPSHOT, 0, snapshot));
    }
    bytes.extend(plain(HEADER, 0, b"header"));
    let index_at = index.map_or(0, |_| bytes.len() as u64);
    if let Some(index) = index {
        bytes.extend(plain(INDEX, 1, index));
    }
    let seal_at = bytes.len() as u64;
    bytes.extend(plain(SEAL, 1, b"seal"));
    bytes.extend(plain(TRAILER, 1, &raw::trailer(index_at, seal_at)));
    bytes
}

fn part() -> Part {
    let contents = vec![Held::new(1, "one"), Held::new(2, "two")];
    Part { records: vec![Record::new(0, 2, contents), Record::new(1, 1, vec![])], ..Part::default() }
}

/// The index of a good trace with the same contents and frames, whose contents block lies elsewhere.
fn a_good_index() -> Vec<u8> {
    let whole = Script { parts: vec![part()] }.sealed(Packing::Hot);
    let trailer = &whole[whole.len() - 32..];
    let index_at = u64::from_le_bytes(trailer[8..16].try_into().unwrap()) as usize;
    let length = u64::from_le_bytes(whole[index_at + 8..index_at + 16].try_into().unwrap()) as usize;
    whole[index_at + 32..index_at + 32 + length].to_vec()
}

#[track_caller]
fn assert_answers_are_right(bytes: Vec<u8>) {
    let reader = TraceReader::of(bytes).unwrap();
    reader.check().unwrap();
    let mut contents = reader.content_reader();
    for held in part().contents() {
        assert_eq!(contents.read(&held.commitment()).unwrap().unwrap(), held.content());
    }
    assert_eq!(contents.read(&Digest([3; 32])).unwrap(), None);
    let mut buffer = BlockBuffer::new();
    assert_eq!(reader.segment(0).unwrap().frames(&mut buffer).unwrap(), part().frames());
}

#[test]
fn a_trace_without_hints_is_read_in_full() {
    let bytes = with_hints(None, None, None);
    let reader = TraceReader::of(bytes.clone()).unwrap();
    let mut buffer = BlockBuffer::new();
    let segment = reader.segment(0).unwrap();
    assert_eq!(segment.lineage(&mut buffer).unwrap(), Hint::Absent);
    assert!(matches!(segment.snapshot(&mut buffer).unwrap(), Hint::Absent));
    assert_eq!(reader.index_hint().unwrap(), Hint::Absent);
    assert_eq!(segment.frame_offsets().unwrap(), None);
    assert_eq!(reader.find_record(0).unwrap(), None);
    assert_answers_are_right(bytes);
}

/// Spec: archive-hints, hints.
#[test]
fn garbage_in_place_of_a_hint_is_ignored_and_reported() {
    let garbage = [0xff; 100];
    let bytes = with_hints(Some(&garbage[..99]), Some(&garbage), Some(&garbage));
    let reader = TraceReader::of(bytes.clone()).unwrap();
    let ignored = reader.check().unwrap().hints_ignored;
    let codes: Vec<_> = ignored.iter().map(|damage| damage.code()).collect();
    assert_eq!(codes, ["A-HINT-FIT", "A-HINT-ARCHIVE", "A-HINT-ARCHIVE"]);
    assert_answers_are_right(bytes);
}

#[test]
fn an_index_of_another_trace_is_ignored() {
    let good = a_good_index();
    let matching = with_hints(Some(&[0; 8]), None, Some(&good));
    assert_eq!(TraceReader::of(matching.clone()).unwrap().index_hint().unwrap(), Hint::Usable(()));
    assert_answers_are_right(matching);
    let other = with_hints(None, None, Some(&good));
    let reader = TraceReader::of(other.clone()).unwrap();
    assert_eq!(reader.index_hint().unwrap(), Hint::Usable(()), "it names the same offsets");
    assert_answers_are_right(other);
    let mut longer = part();
    longer.records.push(Record::new(5, 1, vec![Held::new(9, "more")]));
    let whole = Script { parts: vec![longer.clone(), longer] }.sealed(Packing::Hot);
    let index_at = u64::from_le_bytes(whole[whole.len() - 24..whole.len() - 16].try_into().unwrap()) as usize;
    let length = u64::from_le_bytes(whole[index_at + 8..index_at + 16].try_into().unwrap()) as usize;
    let foreign = with_hints(None, None, Some(&whole[index_at + 32..index_at + 32 + length]));
    let hint = TraceReader::of(foreign.clone()).unwrap().index_hint().unwrap();
    assert!(matches!(hint, Hint::Ignored(damage) if damage.code() == "A-HINT-FIT"));
    assert_answers_are_right(foreign);
}

/// Spec: archive-snapshot.
#[test]
fn a_snapshot_of_another_segment_is_ignored() {
    let payload = |segment| {
        let part = Part { has_snapshot: true, ..part() };
        let filler = Part { has_snapshot: false, ..part.clone() };
        let parts = (0..=segment).map(|number| if number == segment { part.clone() } else { filler.clone() });
        let whole = Script { parts: parts.collect() }.sealed(Packing::Hot);
        let mut at = 64;
        loop {
            let stored = u64::from_le_bytes(whole[at + 8..at + 16].try_into().unwrap()) as usize;
            if whole[at] == SNAPSHOT {
                return whole[at + 32..at + 32 + stored].to_vec();
            }
            at += (32 + stored).next_multiple_of(64);
        }
    };
    let mut buffer = BlockBuffer::new();
    let mut loaded =
        |bytes| TraceReader::of(bytes).unwrap().segment(0).unwrap().snapshot(&mut buffer).unwrap();
    assert!(matches!(loaded(with_hints(None, Some(&payload(0)), None)), Hint::Usable(_)));
    let other = loaded(with_hints(None, Some(&payload(1)), None));
    assert!(matches!(other, Hint::Ignored(damage) if damage.code() == "A-HINT-FIT"));
}

fn entries(snapshot: &Snapshot) -> Vec<(Vec<u8>, Vec<u8>)> {
    snapshot.entries().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_snapshot_holds_its_entries_in_their_order(
        held in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
        segment: u32,
        root: [u8; 32],
    ) {
        let mut builder = SnapshotBuilder::new(segment, Digest(root));
        held.iter().for_each(|(key, value)| builder.push(key, value));
        let snapshot = builder.finish().unwrap();
        prop_assert_eq!(entries(&snapshot), held);
        prop_assert_eq!((snapshot.segment(), snapshot.root()), (segment, Digest(root)));
    }

    /// Spec: archive-index.
    #[test]
    fn a_changed_index_misleads_nobody(at: prop::sample::Index, changed: u8, cut: prop::sample::Index) {
        let mut index = a_good_index();
        let at = at.index(index.len());
        index[at] = changed;
        assert_answers_are_right(with_hints(Some(&[0; 8]), None, Some(&index)));
        index.truncate(cut.index(index.len()).max(1));
        assert_answers_are_right(with_hints(Some(&[0; 8]), None, Some(&index)));
    }

    #[test]
    fn any_bytes_in_place_of_hints_are_survived(
        lineage in prop::collection::vec(any::<u8>(), 1..200),
        snapshot in prop::collection::vec(any::<u8>(), 1..200),
        index in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let bytes = with_hints(Some(&lineage), Some(&snapshot), Some(&index));
        let reader = TraceReader::of(bytes.clone()).unwrap();
        let segment = reader.segment(0).unwrap();
        let mut buffer = BlockBuffer::new();
        if let Hint::Usable(snapshot) = segment.snapshot(&mut buffer).unwrap() {
            entries(&snapshot);
        }
        assert_answers_are_right(bytes);
    }
}
