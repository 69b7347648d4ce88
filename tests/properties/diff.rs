//! Where two traces part.

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{ReadFault, TraceReader, log_path};
use rederive_explore::parts::{Parts, PartsFault};
use rederive_recorder::Durability;
use rederive_replay::{Comparison, Difference, Gap, Level, RecordsFault, Side, diff, replay, replay_bytes};
use serde_json::json;

use crate::replay::{sealed, sealed_with_seed};
use crate::runs;
use crate::tampering::listed_again;
use crate::traces::{StoredContent, Trace, options, path, recorded_with, report};
use crate::verdicts::{of_unknown_kind, stopped};

fn compared(a: &[u8], b: &[u8]) -> rederive_replay::Diff {
    diff(&TraceReader::of(a).unwrap(), &TraceReader::of(b).unwrap()).unwrap()
}

#[test]
fn a_trace_does_not_differ_from_itself() {
    let bytes = sealed(runs::observed(4));
    let found = compared(&bytes, &bytes);
    assert_eq!(found.comparison, Comparison::Bytes);
    assert_eq!(found.difference, Difference::None { records: 2 + 4 * runs::RECORDS_A_TURN });
}

#[test]
fn two_traces_of_one_run_part_at_the_lowest_record_and_field() {
    let mut changed = runs::observed(4);
    changed[8].time = Some(runs::time(12_345));
    let found = compared(&sealed(runs::observed(4)), &sealed(changed));
    let (a, b) = (json!(runs::time(12).0), json!(runs::time(12_345).0));
    assert_eq!(found.difference, Difference::Field { record: 8, segment: 0, field: "time".into(), a, b });
}

#[test]
fn headers_vouch_for_nothing_where_the_frames_are_others() {
    let bytes = sealed(runs::observed(4));
    let mut edited = bytes.clone();
    edited[600] ^= 1;
    let (a, b) = (TraceReader::of(bytes.as_slice()).unwrap(), TraceReader::of(edited.as_slice()).unwrap());
    let fault = diff(&a, &b).unwrap_err();
    assert_eq!(fault.side, Side::Second);
    assert!(matches!(fault.fault, RecordsFault::Read(ReadFault::Damaged(_))), "{fault}");
    assert_eq!(diff(&b, &a).unwrap_err().side, Side::First);
}

#[test]
fn a_content_that_was_edited_parts_and_one_that_is_missing_is_not_called_the_same() {
    let bytes = sealed(runs::observed(2));
    let mut edited = Trace::read(&bytes);
    edited.parts[0].contents[1].bytes[0] ^= 1;
    let found = compared(&bytes, &edited.write());
    assert!(
        matches!(&found.difference, Difference::Field { field, .. } if field == "contents[0]"),
        "{found:?}"
    );

    let mut redacted = Trace::read(&sealed_with_seed(runs::observed(2), b"two"));
    let _ = redacted.parts[0].contents.remove(1);
    let found = compared(&bytes, &redacted.write());
    assert!(matches!(found.difference, Difference::None { .. }), "{found:?}");
    assert!(found.uncompared_contents > 0);
    let mut redacted = Trace::read(&bytes);
    let _ = redacted.parts[0].contents.remove(1);
    assert_eq!(compared(&bytes, &redacted.write()).uncompared_contents, 0, "one commitment, one content");
}

#[test]
fn a_trace_with_a_content_that_no_record_lists_is_not_the_same_as_one_without() {
    let bytes = sealed(runs::observed(2));
    let stuffed = StoredContent::of(b"nobody signed this");
    let mut with = Trace::read(&bytes);
    with.parts[0].contents.push(stuffed.clone());
    let with = with.write();
    let unlisted = |in_first| Difference::Unlisted { segment: 0, in_first, commitment: stuffed.commitment };
    assert_eq!(compared(&bytes, &with).difference, unlisted(false));
    assert_eq!(compared(&with, &bytes).difference, unlisted(true));
    assert!(matches!(compared(&with, &with).difference, Difference::None { .. }), "it is the same as itself");

    // A content that is listed, and stored twice.
    let mut twice = Trace::read(&bytes);
    let again = twice.parts[0].contents[1].clone();
    twice.parts[0].contents.push(again.clone());
    let found = compared(&bytes, &twice.write()).difference;
    assert_eq!(found, Difference::Unlisted { segment: 0, in_first: false, commitment: again.commitment });

    // Two runs are not told to be alike either.
    let other = sealed_with_seed(runs::observed(2), b"two");
    assert_eq!(compared(&other, &with).difference, unlisted(false));
}

/// Spec: gaps, archive-log.
#[test]
fn a_log_left_beside_a_trace_with_records_of_its_run_that_the_trace_does_not_have_is_a_difference() {
    let stopped = stopped(Durability::EveryRecord, 5);
    let log = stopped.bytes_of(&log_path(path())).unwrap();
    let run = runs::observed(2);
    let mut changed = run.clone();
    changed[3].time = Some(runs::time(2_345));
    for (drafts, is_held) in [(run, true), (changed, false)] {
        let trace = recorded_with(drafts, options(Durability::OnSeal, b"stop"));
        let alone = TraceReader::of(trace.as_slice()).unwrap();
        let of_run = replay_bytes(&trace, &Default::default()).unwrap().run.unwrap();
        let storage = FaultyStorage::new();
        storage.put(path(), trace.clone());
        storage.put(&log_path(path()), log.clone());
        let beside = TraceReader::open(&storage, path()).unwrap();
        assert_eq!(beside.leftover_log_run(), Some(of_run));
        let found = diff(&alone, &beside).unwrap().difference;
        if is_held {
            assert_eq!(found, Difference::None { records: 12 });
        } else {
            let Difference::End { field, a, b } = found else { panic!("{found:?}") };
            assert_eq!((field.as_str(), a, &b["run"]), ("other_log", json!(null), &json!(of_run)));
            // Another log of the same run.
            let shorter = self::stopped(Durability::EveryRecord, 4).bytes_of(&log_path(path())).unwrap();
            storage.put(&log_path(path()), shorter);
            let other = TraceReader::open(&storage, path()).unwrap();
            let found = diff(&beside, &other).unwrap().difference;
            assert!(!matches!(found, Difference::None { .. }), "{found:?}");
            storage.put(&log_path(path()), log.clone());
        }
        let report = replay(&storage, path(), &Default::default()).unwrap();
        assert_eq!(report.gaps.contains(&Gap::OtherLog(of_run)), !is_held, "{report:#?}");
    }
}

#[test]
fn a_run_that_goes_on_parts_where_the_other_closes() {
    let found = compared(&sealed(runs::observed(2)), &sealed(runs::observed(3)));
    assert!(matches!(found.difference, Difference::Field { record: 11, .. }), "{found:?}");
}

#[test]
fn two_runs_are_compared_by_what_happened() {
    let (a, b) = (sealed_with_seed(runs::observed(2), b"one"), sealed_with_seed(runs::observed(2), b"two"));
    assert_ne!(a, b);
    let found = compared(&a, &b);
    assert_eq!(found.comparison, Comparison::Acts);
    assert_eq!(found.difference, Difference::None { records: 12 });

    let mut changed = runs::observed(2);
    changed[4].contents[0].bytes = b"{\"query\":\"another\"}".to_vec();
    let found = compared(&a, &sealed_with_seed(changed, b"two"));
    let Difference::Field { record, field, a, b, .. } = found.difference else { panic!("{found:?}") };
    assert_eq!((record, field.as_str()), (4, "contents[0]"));
    assert_eq!((a, b), (json!("{\"query\":\"0\"}"), json!("{\"query\":\"another\"}")));
}

#[test]
fn headers_are_bisected_before_records_are_read() {
    // Enough turns for several segments of about 400 KiB.
    let drafts = runs::observed(1_200);
    let mut changed = drafts.clone();
    let last = changed.len() - 2;
    changed[last].time = Some(runs::time(99_999));
    let found = compared(&sealed(drafts), &sealed(changed));
    assert!(found.same_segments >= 1, "{found:?}");
    assert!(
        matches!(found.difference, Difference::Field { record, .. } if record == last as u64),
        "{found:?}"
    );
}

#[test]
fn what_gives_two_traces_of_one_run_two_verdicts_parts_them() {
    let bytes = sealed(runs::observed(2));
    let mut salted = Trace::read(&bytes);
    salted.parts[0].contents[1].salt[0] ^= 1;
    let found = compared(&bytes, &salted.write()).difference;
    assert!(matches!(&found, Difference::Field { field, .. } if field == "contents[0].salt"), "{found:?}");

    // Where a record cannot be read, the contents that none of the others lists are held against each other.
    let unread = |content: Option<StoredContent>| {
        let mut trace = Trace::read(&bytes);
        let frame = &mut trace.parts[0].frames[5];
        *frame = of_unknown_kind(frame);
        trace.parts[0].contents.extend(content);
        trace.write()
    };
    let stuffed = StoredContent::of(b"nobody knows who signed this");
    let found = compared(&unread(None), &unread(Some(stuffed.clone()))).difference;
    assert_eq!(found, Difference::Unlisted { segment: 0, in_first: false, commitment: stuffed.commitment });
}

#[test]
fn a_content_that_is_moved_doubled_or_forged_in_a_later_segment_parts_two_traces() {
    let (base, from, at, to) = listed_again();
    let content = base.parts[from].contents[at].clone();
    let with = |stored: StoredContent| {
        let mut trace = base.clone();
        trace.parts[to].contents.push(stored);
        trace
    };
    let (twice, mut forged) = (with(content.clone()), with(content.clone()));
    forged.parts[to].contents.last_mut().unwrap().bytes = b"forged".to_vec();
    let mut otherwise = forged.clone();
    otherwise.parts[to].contents.last_mut().unwrap().bytes = b"forged otherwise".to_vec();
    let mut moved = twice.clone();
    moved.parts[from].contents.remove(at);
    let all = [&base, &twice, &forged, &otherwise, &moved].map(Trace::write);
    for (i, a) in all.iter().enumerate() {
        for (j, b) in all.iter().enumerate() {
            let found = compared(a, b).difference;
            if i == j {
                assert!(matches!(found, Difference::None { .. }), "{i}: {found:?}");
            } else {
                let is_content = matches!(&found, Difference::Unlisted { commitment, .. } if *commitment == content.commitment);
                assert!(is_content, "{i} {j}: {found:?}");
            }
        }
    }
}

/// Spec: archive-limits.
#[test]
fn a_segment_that_stores_more_than_its_records_can_list_is_not_compared_to_its_end() {
    let bytes = sealed(runs::observed(2));
    let mut overfull = Trace::read(&bytes);
    let room = overfull.parts[0].frames.iter().map(Vec::len).sum::<usize>() / 32 + 1;
    let stuffed = StoredContent::of(b"");
    overfull.parts[0].contents.resize(room, stuffed);
    let overfull = overfull.write();
    let (a, b) = (TraceReader::of(bytes.as_slice()).unwrap(), TraceReader::of(overfull.as_slice()).unwrap());
    let fault = diff(&a, &b).unwrap_err();
    assert_eq!(fault.side, Side::Second);
    assert!(matches!(fault.fault, RecordsFault::Overfull { segment: 0 }), "{fault}");
    assert!(Parts::of(&overfull).is_ok(), "one more is what it takes to know");
    let more = [StoredContent::of(b""), StoredContent::of(b"")];
    let mut overfull = Trace::read(&overfull);
    overfull.parts[0].contents.extend(more);
    let overfull = overfull.write();
    assert!(matches!(Parts::of(&overfull), Err(PartsFault::Overfull { segment: 0 })));
    let found = report(&overfull, Level::Integrity);
    assert_eq!(found.wrong.map(|wrong| wrong.code), Some("V-UNLISTED"));
}
