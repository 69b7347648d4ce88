//! The open log: what is kept of it, what is cut, and what is damage.

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{
    Cause, Damage, End, EntryKind, Misuse, Packing, Part, ReadFault, Recovery, SegmentEnd, TraceReader,
    TraceWriter, TransferFault, WriteFault, log_path,
};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::RunId;

use crate::raw::{self, CLOSING, CONTENT, HEAD, OPENING, RECORD};
use crate::run::{Held, RUN, Record, Script, assert_prefix, frame_bytes, head, header, path};

/// A trace whose first segment has all its records, none of them committed.
fn a_first_segment() -> (Script, FaultyStorage, TraceWriter<FaultyStorage>) {
    let script = Script::small();
    let storage = FaultyStorage::new();
    let options = rederive_archive::Options {
        durability: rederive_archive::Durability::EachCommit,
        packing: Packing::Hot,
    };
    let mut writer = TraceWriter::create(storage.clone(), path(), RUN, options).unwrap();
    append(&mut writer, &script.parts[0].records);
    (script, storage, writer)
}

/// A trace with one closed segment and an open one of five records, four of them under the head of the second commit.
fn an_open_trace() -> FaultyStorage {
    let (script, storage, mut writer) = a_first_segment();
    let (header, lineage) = (header(0), script.parts[0].lineage());
    writer.close_segment(SegmentEnd { header: &header, lineage: &lineage, snapshot: None }).unwrap();
    append(&mut writer, &script.parts[1].records[..2]);
    writer.commit(&head(1, 2)).unwrap();
    append(&mut writer, &script.parts[1].records[2..4]);
    writer.commit(&head(1, 4)).unwrap();
    storage
}

fn append(writer: &mut TraceWriter<FaultyStorage>, records: &[Record]) {
    for record in records {
        let contents: Vec<_> = record.contents.iter().map(Held::content).collect();
        writer.append_record(&record.frame, &contents).unwrap();
    }
}

/// What the entries of the log above take: file header, opening, then twice two records of 128 bytes and a head.
const OPENING_END: usize = 64 + 128;
const RECORD_BYTES: usize = 192;
const HEAD_BYTES: usize = 64;
const COMMIT_BYTES: usize = 2 * RECORD_BYTES + HEAD_BYTES;

fn log_of(storage: &FaultyStorage) -> Vec<u8> {
    storage.bytes_of(&log_path(path())).unwrap()
}

fn read_with_log(
    storage: &FaultyStorage,
    log: Vec<u8>,
) -> Result<TraceReader<impl rederive_archive::storage::ReadAt + use<>>, ReadFault> {
    storage.put(&log_path(path()), log);
    TraceReader::open(storage, path())
}

#[track_caller]
fn damage_with_log(storage: &FaultyStorage, log: Vec<u8>) -> Damage {
    match read_with_log(storage, log).map(|reader| reader.open_segment().unwrap().torn().copied()) {
        Err(ReadFault::Damaged(damage)) => damage,
        Err(fault) => panic!("{fault}"),
        Ok(torn) => panic!("no damage, torn: {torn:?}"),
    }
}

/// Spec: archive-log.
#[test]
fn the_log_has_the_layout_of_the_specification() {
    let storage = an_open_trace();
    let records = &Script::small().parts[1].records;
    let opening = [RUN.0.as_slice(), &digest(Purpose::Header, &header(0)).0].concat();
    let mut expected = raw::file_header(b"RDT-OPEN");
    expected.extend(raw::framed(OPENING, 0, 1, 0, &opening));
    for commit in 1..=2u64 {
        for record in &records[commit as usize * 2 - 2..commit as usize * 2] {
            expected.extend(raw::framed(RECORD, 0, 1, commit, &record.frame));
        }
        expected.extend(raw::framed(HEAD, 0, 1, commit, &head(1, commit as usize * 2)));
    }
    assert_eq!(log_of(&storage), expected);
}

#[test]
fn a_log_cut_at_any_byte_keeps_the_records_before_and_is_never_damaged() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    for length in OPENING_END..=whole.len() {
        let reader = read_with_log(&storage, whole[..length].to_vec()).unwrap();
        assert_prefix(&reader, &Script::small());
        let open = reader.open_segment().unwrap();
        let (commits, rest) = ((length - OPENING_END) / COMMIT_BYTES, (length - OPENING_END) % COMMIT_BYTES);
        assert_eq!(open.attested(), commits * 2, "{length}");
        assert_eq!(open.records(), commits * 2 + (rest / RECORD_BYTES).min(2), "{length}");
        let whole_entries = rest % RECORD_BYTES == 0 && rest < 3 * RECORD_BYTES;
        assert_eq!(open.torn().is_none(), whole_entries, "{length}");
        if let Some(torn) = open.torn() {
            assert_eq!(torn.place.offset + torn.bytes, length as u64);
            assert_eq!(torn.cause.code(), "A-END");
        }
    }
}

#[test]
fn a_log_without_its_opening_is_damaged() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    for length in 0..OPENING_END {
        let damage = damage_with_log(&storage, whole[..length].to_vec());
        assert_eq!(damage.code(), "A-END", "{length}");
    }
}

#[test]
fn a_flipped_byte_is_damage_unless_it_is_in_the_last_entry() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    let last_entry = whole.len() - HEAD_BYTES;
    for at in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut flipped = whole.clone();
            flipped[at] ^= bit;
            match read_with_log(&storage, flipped) {
                Err(ReadFault::Damaged(damage)) => {
                    assert!(at < last_entry, "{at}");
                    let offset = damage.place.offset as usize;
                    assert!(offset <= at && at < offset + RECORD_BYTES, "{at}: {damage}");
                }
                Err(ReadFault::UnknownVersion { .. }) => assert!((8..10).contains(&at)),
                Err(fault) => panic!("{at}: {fault}"),
                Ok(reader) => {
                    assert!(at >= last_entry, "{at}");
                    let open = reader.open_segment().unwrap();
                    assert_eq!((open.records(), open.attested()), (4, 2), "the records stay, unattested");
                    assert_eq!(open.torn().unwrap().place.offset as usize, last_entry);
                }
            }
        }
    }
}

#[test]
fn an_entry_that_is_taken_out_doubled_or_swapped_is_damage() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    let cut = |from: usize, to: usize| [&whole[..from], &whole[to..]].concat();
    let first_head = OPENING_END + 2 * RECORD_BYTES;
    let taken = damage_with_log(&storage, cut(first_head, first_head + HEAD_BYTES));
    assert_eq!(taken.cause, Cause::LogCommit { expected: 1, found: 2 });
    assert_eq!(taken.place.part, Part::Entry(Some(EntryKind::Record)));
    let doubled = [&whole[..first_head + HEAD_BYTES], &whole[first_head..]].concat();
    assert_eq!(damage_with_log(&storage, doubled).code(), "A-LOG-COMMIT");
    let opened_twice = [&whole[..OPENING_END], &whole[64..]].concat();
    assert_eq!(damage_with_log(&storage, opened_twice).code(), "A-LOG-COMMIT");
    let no_opening = cut(64, OPENING_END);
    assert_eq!(damage_with_log(&storage, no_opening).cause, Cause::LogOrder);
}

#[test]
fn a_content_without_its_record_is_cut_at_the_end_and_damage_elsewhere() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    let payload = raw::content([1; 32], [2; 32], 3, b"abc");
    let mut log = whole.clone();
    log.extend(raw::framed(CONTENT, 0, 1, 3, &payload));
    let reader = read_with_log(&storage, log.clone()).unwrap();
    let open = reader.open_segment().unwrap();
    assert_eq!((open.records(), open.attested()), (4, 4));
    assert_eq!(open.torn().unwrap().place.offset, whole.len() as u64);
    log.extend(raw::framed(HEAD, 0, 1, 3, b"head"));
    assert_eq!(damage_with_log(&storage, log).cause, Cause::LogOrder);
}

#[test]
fn lost_sectors_of_the_last_commit_are_a_torn_tail_and_of_an_earlier_one_damage() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    let mut long = whole.clone();
    let frame = Record::new(9, 20, vec![]).frame;
    let last_commit = long.len();
    long.extend(raw::framed(RECORD, 0, 1, 3, &frame));
    long.extend(raw::framed(RECORD, 0, 1, 3, &frame));
    long.extend(raw::framed(HEAD, 0, 1, 3, &head(1, 6)));
    let lost = last_commit.next_multiple_of(512);
    let mut torn = long.clone();
    torn[lost..lost + 512].fill(0);
    let reader = read_with_log(&storage, torn.clone()).unwrap();
    let open = reader.open_segment().unwrap();
    assert_eq!((open.records(), open.attested()), (4, 4));
    assert_eq!(open.torn().unwrap().place.offset, last_commit as u64);
    let mut flipped = long.clone();
    flipped[lost] ^= 1;
    assert_eq!(damage_with_log(&storage, flipped).place.offset, last_commit as u64);
    let mut later = torn;
    later.extend(raw::framed(RECORD, 0, 1, 4, &frame));
    assert_eq!(damage_with_log(&storage, later).place.offset, last_commit as u64);
}

#[test]
fn what_recovery_cuts_does_not_come_back() {
    let script = Script::small();
    let storage = an_open_trace();
    let mut log = log_of(&storage);
    let kept = log.len();
    log.extend([0xab; 5_000]);
    storage.put(&log_path(path()), log);
    let mut trace = storage.bytes_of(path()).unwrap();
    trace.extend([0xcd; 9_000]);
    storage.put(path(), trace);
    let recovery = Recovery::open(storage.clone(), path()).unwrap();
    let report = recovery.report();
    assert_eq!((report.segments, report.attested, report.unattested), (1, 4, 0));
    assert_eq!((report.torn_log.unwrap().bytes, report.torn_trace.unwrap().bytes), (5_000, 9_000));
    assert!(matches!(recovery.reader().end(), End::Torn(_)));
    let mut writer = recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap();
    assert_eq!(log_of(&storage).len(), kept);
    writer.commit(b"a head after recovery").unwrap();
    let reader = TraceReader::open(&storage, path()).unwrap();
    assert_eq!(*reader.end(), End::Unsealed);
    assert_eq!(reader.open_segment().unwrap().head().unwrap(), b"a head after recovery");
    assert_eq!(reader.open_segment().unwrap().torn(), None);
    append(&mut writer, &script.parts[1].records[4..]);
    let lineage = script.parts[1].lineage();
    writer.close_segment(SegmentEnd { header: &header(1), lineage: &lineage, snapshot: None }).unwrap();
    writer.seal(b"seal").unwrap();
    TraceReader::open(&storage, path()).unwrap().check().unwrap();
}

/// Spec: archive-recovery.
#[test]
fn records_after_the_last_head_are_kept_and_counted() {
    let storage = an_open_trace();
    let whole = log_of(&storage);
    storage.put(&log_path(path()), whole[..whole.len() - HEAD_BYTES].to_vec());
    let recovery = Recovery::open(storage.clone(), path()).unwrap();
    let report = recovery.report();
    assert_eq!((report.attested, report.unattested, report.torn_log), (2, 2, None));
    let mut writer = recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap();
    writer.commit(&head(1, 4)).unwrap();
    assert_eq!(log_of(&storage), whole, "the commit is gone on with");
}

#[test]
fn damage_is_never_cut_off_by_recovery() {
    let storage = an_open_trace();
    let mut log = log_of(&storage);
    log[OPENING_END + 40] ^= 1;
    storage.put(&log_path(path()), log.clone());
    let before = storage.bytes_of(path());
    let refused = Recovery::open(storage.clone(), path()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, TransferFault::Read(ReadFault::Damaged(_))), "{refused}");
    assert_eq!((log_of(&storage), storage.bytes_of(path())), (log, before));
}

#[test]
fn reading_changes_nothing() {
    let storage = an_open_trace();
    let mut log = log_of(&storage);
    log.extend([1; 100]);
    storage.put(&log_path(path()), log.clone());
    let before = storage.bytes_of(path());
    let reader = TraceReader::open(&storage, path()).unwrap();
    assert!(reader.open_segment().unwrap().torn().is_some());
    drop(Recovery::open(storage.clone(), path()).unwrap());
    assert_eq!((log_of(&storage), storage.bytes_of(path())), (log, before));
}

#[test]
fn a_log_of_another_place_is_refused() {
    let storage = an_open_trace();
    let opening = |segment, previous: Digest| {
        let mut log = raw::file_header(b"RDT-OPEN");
        log.extend(raw::framed(OPENING, 0, segment, 0, &[RUN.0.as_slice(), &previous.0].concat()));
        log
    };
    let previous = digest(Purpose::Header, &header(0));
    assert_eq!(damage_with_log(&storage, opening(2, previous)).cause, Cause::LogAhead { log: 2, closed: 1 });
    let forked = Cause::LogPrevious { recorded: Digest([9; 32]), derived: previous };
    assert_eq!(damage_with_log(&storage, opening(1, Digest([9; 32]))).cause, forked);
    let just_closed = read_with_log(&storage, opening(0, Digest::ZERO)).unwrap();
    assert!(just_closed.open_segment().is_none());
    assert_eq!((just_closed.leftover_log_records(), just_closed.leftover_log_run()), (Some(0), Some(RUN)));
    storage.put(&log_path(path()), opening(1, previous));
    let recovery = Recovery::open(storage.clone(), path()).unwrap();
    let refused = recovery.resume(RunId([8; 16]), Packing::Hot, frame_bytes).map(|_| ()).unwrap_err();
    assert!(matches!(refused, TransferFault::Write(WriteFault::Misuse(Misuse::OtherRun))), "{refused}");
}

/// Spec: archive-log.
#[test]
fn a_log_of_another_run_beside_a_sealed_trace_is_named_and_not_removed() {
    let other = RunId([8; 16]);
    let mut log = raw::file_header(b"RDT-OPEN");
    log.extend(raw::framed(OPENING, 0, 0, 0, &[other.0.as_slice(), &[0; 32]].concat()));
    let storage = FaultyStorage::new();
    storage.put(path(), Script::small().sealed(Packing::Hot));
    storage.put(&log_path(path()), log.clone());
    let reader = TraceReader::open(&storage, path()).unwrap();
    assert_eq!((*reader.end(), reader.leftover_log_run()), (rederive_archive::End::Sealed, Some(other)));
    let recovery = |storage: &FaultyStorage| Recovery::open(storage.clone(), path()).unwrap();
    let refused = recovery(&storage).remove_leftover_log(RUN).unwrap_err();
    assert!(matches!(refused, TransferFault::Write(WriteFault::Misuse(Misuse::OtherRun))), "{refused}");
    assert_eq!(log_of(&storage), log);
    recovery(&storage).remove_leftover_log(other).unwrap();
    assert!(storage.bytes_of(&log_path(path())).is_none());
}

/// Spec: archive-log.
#[test]
fn a_log_with_records_that_stand_nowhere_else_is_not_recovered_over() {
    let other = RunId([8; 16]);
    let record = |frame: &[u8]| raw::framed(RECORD, 0, 0, 1, frame);
    let held = Script::small().parts[0].records[0].frame.clone();
    let log = |run: RunId, frame: &[u8]| {
        let opening = raw::framed(OPENING, 0, 0, 0, &[run.0.as_slice(), &[0; 32]].concat());
        [raw::file_header(b"RDT-OPEN"), opening, record(frame)].concat()
    };
    for (name, log, is_refused) in [
        ("another run's", log(other, &held), true),
        ("the run's own, told otherwise", log(RUN, &[3; 64]), true),
        ("the run's own", log(RUN, &held), false),
    ] {
        let storage = an_open_trace();
        storage.put(&log_path(path()), log.clone());
        let recovery = Recovery::open(storage.clone(), path()).unwrap();
        let resumed = recovery.resume(RUN, Packing::Hot, frame_bytes).map(drop);
        assert_eq!(resumed.is_err(), is_refused, "{name}: {resumed:?}");
        assert!(!is_refused || log_of(&storage) == log, "{name}");
    }
}

#[test]
fn segments_lost_under_an_open_log_are_noticed() {
    let storage = an_open_trace();
    storage.put(path(), raw::file_header(b"REDERIVE"));
    let lost = TraceReader::open(&storage, path()).map(|_| ()).unwrap_err();
    let ReadFault::Damaged(damage) = lost else { panic!("{lost}") };
    assert_eq!(damage.cause, Cause::LogAhead { log: 1, closed: 0 });
}

#[test]
fn entries_beyond_the_limits_of_a_segment_are_damage() {
    let storage = an_open_trace();
    let mut log = log_of(&storage);
    let frame = vec![1; 65_536];
    for _ in 0..16 {
        log.extend(raw::framed(RECORD, 0, 1, 3, &frame));
    }
    assert_eq!(damage_with_log(&storage, log).code(), "A-LIMIT");
    let mut log = log_of(&an_open_trace());
    for _ in 0..4_093 {
        log.extend(raw::framed(RECORD, 0, 1, 3, &[1; 64]));
    }
    assert_eq!(damage_with_log(&storage, log).cause, Cause::Limit { limit: 4_096, found: 4_097 });
}

/// A trace whose first segment is closed in the log alone, with two committed records of the next one.
fn a_chained_trace() -> (FaultyStorage, rederive_archive::Closing<impl rederive_archive::storage::StoredFile>)
{
    let (script, storage, mut writer) = a_first_segment();
    writer.commit(&head(0, 3)).unwrap();
    let (header, lineage) = (header(0), script.parts[0].lineage());
    let end = SegmentEnd { header: &header, lineage: &lineage, snapshot: None };
    let closing = writer.begin_close(end).unwrap();
    append(&mut writer, &script.parts[1].records[..2]);
    writer.commit(&head(1, 2)).unwrap();
    (storage, closing)
}

/// The log of that trace up to the end of its first segment, as the specification has it, and that end.
fn chained_log() -> (Vec<u8>, Vec<u8>) {
    let part = &Script::small().parts[0];
    let mut log = raw::file_header(b"RDT-OPEN");
    log.extend(raw::framed(OPENING, 0, 0, 0, &[RUN.0.as_slice(), &[0; 32]].concat()));
    for record in &part.records {
        for held in &record.contents {
            let content = raw::content(held.commitment().0, held.salt, held.bytes.len() as u64, &held.bytes);
            log.extend(raw::framed(CONTENT, 0, 0, 1, &content));
        }
        log.extend(raw::framed(RECORD, 0, 0, 1, &record.frame));
    }
    log.extend(raw::framed(HEAD, 0, 0, 1, &head(0, 3)));
    (log, closing_of(&part.lineage(), &header(0)))
}

fn closing_of(lineage: &[u8], header: &[u8]) -> Vec<u8> {
    let payload = [&(lineage.len() as u32).to_le_bytes(), lineage, header].concat();
    raw::framed(CLOSING, 0, 0, 2, &payload)
}

/// Spec: archive-log.
#[test]
fn a_segment_closed_in_the_log_has_the_layout_of_the_specification() {
    let (storage, _) = a_chained_trace();
    let (mut expected, end) = chained_log();
    expected.extend(end);
    for record in &Script::small().parts[1].records[..2] {
        expected.extend(raw::framed(RECORD, 0, 1, 2, &record.frame));
    }
    expected.extend(raw::framed(HEAD, 0, 1, 2, &head(1, 2)));
    assert_eq!(log_of(&storage), expected);
}

/// Spec: archive-end.
#[test]
fn a_segment_closed_in_the_log_reads_the_same_before_and_after_it_is_in_the_trace_file() {
    let script = Script::small();
    let (storage, mut closing) = a_chained_trace();
    let before = storage.bytes_of(path()).unwrap();
    closing.write();
    let whole = storage.bytes_of(path()).unwrap();
    assert!(before.len() < whole.len());
    for length in before.len()..=whole.len() {
        storage.put(path(), whole[..length].to_vec());
        let reader = TraceReader::open(&storage, path()).unwrap();
        assert_prefix(&reader, &script);
        let open = reader.open_segment().unwrap();
        assert_eq!(
            (reader.segments(), open.segment(), open.records(), open.attested()),
            (1, 1, 2, 2),
            "{length}"
        );
        let is_torn = before.len() < length && length < whole.len();
        assert_eq!(matches!(reader.end(), End::Torn(_)), is_torn, "{length}");
        assert_eq!(reader.bytes(), length as u64);
        assert_eq!(reader.check().unwrap().bytes, length as u64);
        let mut contents = reader.content_reader();
        for held in script.parts[0].contents() {
            assert_eq!(contents.read(&held.commitment()).unwrap().unwrap().bytes, held.bytes);
        }
    }
    for sector in (before.len()..whole.len()).step_by(512) {
        let mut torn = whole.clone();
        let end = (sector + 512).min(whole.len());
        torn[sector..end].fill(0);
        storage.put(path(), torn);
        let reader = TraceReader::open(&storage, path()).unwrap();
        assert_prefix(&reader, &script);
        assert_eq!(reader.segments(), 1, "{sector}");
        assert!(matches!(reader.end(), End::Torn(_)), "{sector}");
    }
}

/// The log of a stopped writer ends a segment that the trace file has by now: it takes no second end. What is taken after recovery is in the next log.
#[test]
fn a_run_goes_on_after_a_log_that_ended_a_segment_and_its_next_segments_end_too() {
    let mut script = Script::small();
    script.parts[1].has_snapshot = false;
    for is_written in [false, true] {
        for is_chained in [false, true] {
            let (storage, mut closing) = a_chained_trace();
            if is_written {
                closing.write();
            }
            drop(closing);
            let resume =
                || Recovery::open(storage.clone(), path()).unwrap().resume(RUN, Packing::Hot, frame_bytes);
            let mut writer = resume().unwrap();
            append(&mut writer, &script.parts[1].records[2..]);
            let (header, lineage) = (header(1), script.parts[1].lineage());
            let end = SegmentEnd { header: &header, lineage: &lineage, snapshot: None };
            if is_chained {
                drop(writer.begin_close(end).unwrap());
                append(&mut writer, &script.parts[2].records[..1]);
                writer.commit(&head(2, 1)).unwrap();
            } else {
                writer.close_segment(end).unwrap();
            }
            drop(writer);
            let reader = TraceReader::open(&storage, path()).unwrap();
            assert_prefix(&reader, &script);
            assert_eq!(reader.segments(), 2, "{is_written} {is_chained}");
            drop(reader);
            assert_eq!(resume().unwrap().segment(), 2, "{is_written} {is_chained}");
        }
    }
}

#[test]
fn a_chained_log_cut_at_any_byte_keeps_the_records_before_and_is_never_damaged() {
    let script = Script::small();
    let (storage, _) = a_chained_trace();
    let (whole, (first, end)) = (log_of(&storage), chained_log());
    let closed_at = first.len() + end.len();
    for length in first.len()..=whole.len() {
        let reader = read_with_log(&storage, whole[..length].to_vec()).unwrap();
        assert_prefix(&reader, &script);
        let open = reader.open_segment().unwrap();
        let is_closed = length >= closed_at;
        assert_eq!(
            (reader.segments(), open.segment()),
            (u32::from(is_closed), u32::from(is_closed)),
            "{length}"
        );
        let records = if is_closed { ((length - closed_at) / RECORD_BYTES).min(2) } else { 3 };
        assert_eq!(open.records(), records, "{length}");
        let attested = if !is_closed {
            3
        } else if length == whole.len() {
            2
        } else {
            0
        };
        assert_eq!(open.attested(), attested, "{length}");
        let recovery = Recovery::open(storage.clone(), path()).unwrap();
        drop(recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap());
        let reader = TraceReader::open(&storage, path()).unwrap();
        assert_prefix(&reader, &script);
        assert_eq!((reader.segments(), *reader.end()), (u32::from(is_closed), End::Unsealed), "{length}");
        storage.put(path(), raw::file_header(b"REDERIVE"));
    }
}

#[test]
fn a_flipped_byte_before_the_last_entry_of_a_chained_log_is_damage() {
    let (storage, _) = a_chained_trace();
    let whole = log_of(&storage);
    for at in 64..whole.len() - HEAD_BYTES {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let damage = damage_with_log(&storage, flipped);
        assert!(damage.place.offset as usize <= at, "{at}: {damage}");
    }
}

#[test]
fn an_end_of_a_segment_that_may_not_stand_there_is_damage() {
    let (storage, _) = a_chained_trace();
    let (first, end) = chained_log();
    let lineage = Script::small().parts[0].lineage();
    let opened = first[..OPENING_END].to_vec();
    let with = |end: Vec<u8>| [first.clone(), end].concat();
    let next = |kind, segment, commit, payload: &[u8]| {
        [with(end.clone()), raw::framed(kind, 0, segment, commit, payload)].concat()
    };
    // Before something that verifies: it is no torn tail.
    let followed = |end| [with(end), raw::framed(RECORD, 0, 0, 2, &[1; 64])].concat();
    let content = raw::content([1; 32], [2; 32], 3, b"abc");
    let empty = [[0u8; 4].as_slice(), &header(0)].concat();
    let cases: [(&str, Vec<u8>, &str); 9] = [
        (
            "no record",
            [opened, raw::framed(CLOSING, 0, 0, 1, &[&empty[..], &[0; 5]].concat())].concat(),
            "A-LOG-ORDER",
        ),
        ("content", [with(raw::framed(CONTENT, 0, 0, 2, &content)), end.clone()].concat(), "A-LOG-ORDER"),
        ("lineage too short", with(closing_of(&lineage[..8], &header(0))), "A-LENGTH"),
        ("lineage too long", with(closing_of(&[&lineage[..], &[0; 4]].concat(), &header(0))), "A-LENGTH"),
        ("no header", with(closing_of(&lineage, b"")), "A-LENGTH"),
        ("too large", followed(closing_of(&lineage, &vec![1; 4 + 16_384 + 4_096])), "A-LIMIT"),
        ("the segment again", next(RECORD, 0, 2, &[1; 64]), "A-SEGMENT"),
        ("another commit", next(RECORD, 1, 3, &[1; 64]), "A-LOG-COMMIT"),
        ("opened again", next(OPENING, 1, 2, &[0; 48]), "A-LOG-ORDER"),
    ];
    for (name, log, code) in cases {
        assert_eq!(damage_with_log(&storage, log).code(), code, "{name}");
    }
    let mut twice = next(RECORD, 1, 2, &[1; 64]);
    let payload = [&4u32.to_le_bytes()[..], &[0; 4], b"header"].concat();
    twice.extend(raw::framed(CLOSING, 0, 1, 2, &payload));
    assert_eq!(damage_with_log(&storage, twice).cause, Cause::LogOrder);
}

#[test]
fn a_log_whose_closed_segment_is_another_than_that_of_the_trace_file_is_refused() {
    let (storage, mut closing) = a_chained_trace();
    closing.write();
    let (first, _) = chained_log();
    let lineage = Script::small().parts[0].lineage();
    let log = [first.clone(), closing_of(&lineage, b"another header")].concat();
    let damage = damage_with_log(&storage, log);
    let recorded = digest(Purpose::Header, b"another header");
    assert_eq!(damage.cause, Cause::LogPrevious { recorded, derived: digest(Purpose::Header, &header(0)) });
    assert_eq!(damage.place.part, Part::Entry(Some(EntryKind::Closing)));
    assert_eq!(damage.place.offset, first.len() as u64);
}
