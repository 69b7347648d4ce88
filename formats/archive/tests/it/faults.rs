//! One fault table over every call to the storage: whatever fails, and however the machine stops, what was acknowledged
//! is there afterwards, and the run can be written to its end.

use rederive_archive::storage::Effect;
use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_archive::{
    Durability, End, Misuse, Options, Packing, ReadFault, Recovery, SegmentEnd, TraceReader, TraceWriter,
    TransferFault, WriteFault, log_path,
};

use crate::run::{Closings, Driver, Part, RUN, Record, Script, assert_prefix, frame_bytes, path};

const LOGGED: Options = Options { durability: Durability::EachCommit, packing: Packing::Hot };
const HELD: Options = Options { durability: Durability::OnSeal, packing: Packing::Hot };

/// What the writer was told to be durable.
struct Acknowledged {
    closed: usize,
    records: usize,
    is_sealed: bool,
    /// How the writer ended.
    result: Result<(), WriteFault>,
}

fn write_until_fault(script: &Script, storage: &FaultyStorage, options: Options) -> Acknowledged {
    write_closing(script, storage, options, Closings::AtOnce)
}

fn write_closing(
    script: &Script,
    storage: &FaultyStorage,
    options: Options,
    closings: Closings,
) -> Acknowledged {
    let mut driver = Driver::closing(script, closings);
    let result = TraceWriter::create(storage.clone(), path(), RUN, options).and_then(|mut writer| {
        let result = driver.run(&mut writer);
        if matches!(&result, Err(WriteFault::Store(error)) if error.effect == Effect::Unknown) {
            let refused = writer.append_record(&Record::new(0, 1, vec![]).frame, &[]);
            assert!(matches!(refused, Err(WriteFault::Poisoned)), "unknown stops the writer");
        }
        result
    });
    let is_sealed = driver.sealed_bytes.is_some();
    if options.durability != Durability::EachCommit && !is_sealed {
        // Closing a segment promises nothing there.
        driver.acknowledged = (0, 0);
    }
    let (closed, records) = driver.acknowledged;
    Acknowledged { closed, records, is_sealed, result }
}

fn survivals() -> Vec<Survival> {
    let mut all = vec![Survival::Nothing, Survival::Everything];
    all.extend((0..12).map(Survival::Sectors));
    all
}

/// Asserts that what was acknowledged is in the trace, and nothing that was never written.
#[track_caller]
fn assert_kept(storage: &FaultyStorage, script: &Script, told: &Acknowledged, case: &str) {
    match TraceReader::open(storage, path()) {
        Ok(reader) => {
            assert_prefix(&reader, script);
            let open = reader.open_segment().map_or(0, rederive_archive::OpenSegment::records);
            let found = (reader.segments() as usize, open);
            assert!(found >= (told.closed, told.records), "{case}: {found:?}");
            assert!(!matches!(reader.end(), End::Cut(_)), "{case}: {:?}", reader.end());
            assert!(!told.is_sealed || *reader.end() == End::Sealed, "{case}");
            reader.check().unwrap();
        }
        Err(ReadFault::NeverBegun) => assert_eq!((told.closed, told.records), (0, 0), "{case}"),
        Err(ReadFault::Store(error)) if error.source.kind() == std::io::ErrorKind::NotFound => {
            assert_eq!((told.closed, told.records), (0, 0), "{case}");
        }
        Err(fault) => panic!("{case}: {fault}"),
    }
}

/// Recovers and writes the script to its end.
fn go_on(storage: &FaultyStorage, script: &Script, options: Options) -> Result<(), TransferFault> {
    match Recovery::open(storage.clone(), path()) {
        Ok(recovery) if recovery.report().is_sealed => recovery.remove_leftover_log(RUN),
        Ok(recovery) => {
            let mut driver = Driver::after(script, recovery.reader());
            let mut writer = recovery.resume(RUN, options.packing, frame_bytes)?;
            Ok(driver.run(&mut writer)?)
        }
        Err(
            TransferFault::Read(ReadFault::NeverBegun)
            | TransferFault::Write(WriteFault::Misuse(Misuse::Absent)),
        ) => {
            let mut writer = TraceWriter::create(storage.clone(), path(), RUN, options)?;
            Ok(Driver::new(script).run(&mut writer)?)
        }
        Err(fault) => Err(fault),
    }
}

#[track_caller]
fn assert_ends_as_if_nothing_had_happened(
    storage: &FaultyStorage,
    script: &Script,
    options: Options,
    case: &str,
) {
    go_on(storage, script, options).unwrap_or_else(|fault| panic!("{case}: {fault}"));
    assert_eq!(storage.bytes_of(path()).unwrap(), script.sealed(options.packing), "{case}");
    let left: Vec<_> = storage.paths().into_iter().filter(|left| left != path()).collect();
    assert!(left.is_empty() || options.durability != Durability::EachCommit, "{case}: {left:?}");
}

/// Enough frames that a commit and a segment take several sectors, and segments in a row without a commit.
fn long_script() -> Script {
    let mut script = Script::small();
    let uncommitted = |number| Part { records: vec![Record::new(number, 11, vec![])], ..Part::default() };
    script.parts.truncate(2);
    script.parts.extend([uncommitted(20), uncommitted(21), uncommitted(22)]);
    script.parts.push(Part {
        records: (10..16).map(|number| Record::new(number, 13, vec![])).collect(),
        commits: vec![4, 5],
        has_snapshot: false,
    });
    script
}

fn calls_of(script: &Script, options: Options) -> u64 {
    let storage = FaultyStorage::new();
    script.write(storage.clone(), options).unwrap();
    storage.calls()
}

/// Spec: archive-writing.
#[test]
fn whatever_call_fails_what_was_acknowledged_is_kept_and_the_run_goes_on() {
    let script = long_script();
    for options in [LOGGED, HELD] {
        let calls = calls_of(&script, options);
        for call in 0..calls {
            for fault in Fault::ALL {
                for survival in survivals() {
                    let case = format!("{options:?}, {fault:?} at call {call} of {calls}, {survival:?}");
                    let storage = FaultyStorage::new();
                    storage.inject(call, fault);
                    let told = write_until_fault(&script, &storage, options);
                    storage.restart(survival);
                    assert_kept(&storage, &script, &told, &case);
                    assert_ends_as_if_nothing_had_happened(&storage, &script, options, &case);
                }
            }
        }
    }
}

/// Segments with commits and without, none of them with a snapshot.
fn chained_script() -> Script {
    let mut script = long_script();
    script.parts.iter_mut().for_each(|part| part.has_snapshot = false);
    script
}

/// How a closed segment gets into the trace file: before, between and after the commits of the next one.
const LATE: [Closings; 6] = [
    Closings::After(0),
    Closings::After(2),
    Closings::After(3),
    Closings::After(usize::MAX),
    Closings::HeardOfAfter(3),
    Closings::HeardOfAfter(usize::MAX),
];

/// Spec: archive-writing.
#[test]
fn whatever_call_fails_while_a_closed_segment_is_on_its_way_what_was_acknowledged_is_kept() {
    let script = chained_script();
    let mut in_log = 0;
    for closings in LATE {
        let storage = FaultyStorage::new();
        assert!(write_closing(&script, &storage, LOGGED, closings).is_sealed);
        assert_eq!(storage.bytes_of(path()).unwrap(), script.sealed(Packing::Hot), "{closings:?}");
        for call in 0..storage.calls() {
            for fault in [Fault::Failed, Fault::FailedButDone, Fault::DiskFull, Fault::Crash] {
                let survival = match call % 3 {
                    0 => Survival::Nothing,
                    1 => Survival::Everything,
                    _ => Survival::Sectors(call),
                };
                let case = format!("{closings:?}, {fault:?} at call {call}, {survival:?}");
                let storage = FaultyStorage::new();
                storage.inject(call, fault);
                let told = write_closing(&script, &storage, LOGGED, closings);
                storage.restart(survival);
                assert_kept(&storage, &script, &told, &case);
                in_log += u32::from(is_closed_in_log_alone(&storage));
                assert_ends_as_if_nothing_had_happened(&storage, &script, LOGGED, &case);
            }
        }
    }
    assert!(in_log > 30, "{in_log}");
}

/// Whether the trace file lacks a segment that readers find closed.
fn is_closed_in_log_alone(storage: &FaultyStorage) -> bool {
    let Ok(reader) = TraceReader::open(storage, path()) else { return false };
    let file = storage.bytes_of(path()).unwrap_or_default();
    let header = reader.segments().checked_sub(1).map(crate::run::header).unwrap_or_default();
    !header.is_empty() && !file.windows(header.len()).any(|bytes| bytes == header)
}

/// A closed segment that cannot be written stops nothing that is durable by the log, and everything that asks for it.
#[test]
fn a_closed_segment_that_cannot_be_written_is_written_when_there_is_room() {
    let script = chained_script();
    let storage = FaultyStorage::new();
    let mut writer = TraceWriter::create(storage.clone(), path(), RUN, LOGGED).unwrap();
    let append = |writer: &mut TraceWriter<FaultyStorage>, record: &Record| {
        let contents: Vec<_> = record.contents.iter().map(crate::run::Held::content).collect();
        writer.append_record(&record.frame, &contents).unwrap();
    };
    script.parts[0].records.iter().for_each(|record| append(&mut writer, record));
    let lineage = script.parts[0].lineage();
    let end = SegmentEnd { header: &crate::run::header(0), lineage: &lineage, snapshot: None };
    let mut closing = writer.begin_close(end).unwrap();
    storage.inject(storage.calls(), Fault::DiskFull);
    closing.write();
    storage.free_space();
    append(&mut writer, &script.parts[1].records[0]);
    writer.commit(&crate::run::head(1, 1)).unwrap();
    let next = SegmentEnd { header: b"header", lineage: &[0; 4], snapshot: None };
    for refused in [writer.begin_close(next).map(|_| ()), writer.close_segment(next)] {
        assert!(matches!(refused, Err(WriteFault::Misuse(Misuse::SegmentClosing))), "{refused:?}");
    }
    let sealing = writer.seal(b"seal").map(|_| ());
    assert!(matches!(sealing, Err(WriteFault::Misuse(Misuse::SegmentClosing))), "{sealing:?}");
    let told = writer.end_close(&mut closing).unwrap_err();
    assert_eq!(told.effect(), Effect::NothingWritten, "{told}");
    assert_prefix(&TraceReader::open(&storage, path()).unwrap(), &script);
    assert!(is_closed_in_log_alone(&storage));
    writer.end_close(&mut closing).unwrap();
    assert!(!is_closed_in_log_alone(&storage));
    assert_prefix(&TraceReader::open(&storage, path()).unwrap(), &script);
    writer.close_segment(next).unwrap();
    writer.seal(b"seal").unwrap();
}

#[test]
fn a_closed_segment_of_which_nobody_knows_whether_it_was_written_stops_the_writer() {
    let script = chained_script();
    let storage = FaultyStorage::new();
    let mut writer = TraceWriter::create(storage.clone(), path(), RUN, LOGGED).unwrap();
    writer.append_record(&script.parts[0].records[1].frame, &[]).unwrap();
    let end = SegmentEnd { header: b"header", lineage: &[0; 4], snapshot: None };
    let mut closing = writer.begin_close(end).unwrap();
    storage.inject(storage.calls() + 1, Fault::Failed);
    closing.write();
    let told = writer.end_close(&mut closing).unwrap_err();
    assert_eq!(told.effect(), Effect::Unknown, "{told}");
    let refused = [writer.commit(b"head"), writer.seal(b"seal").map(|_| ()), writer.end_close(&mut closing)];
    for refused in refused {
        assert!(matches!(refused, Err(WriteFault::Poisoned)), "{refused:?}");
    }
}

#[test]
fn a_fault_that_writes_nothing_is_passed_by_trying_again() {
    let script = long_script();
    let mut passed = 0;
    for call in 0..calls_of(&script, LOGGED) {
        for fault in [Fault::Failed, Fault::Short] {
            let storage = FaultyStorage::new();
            storage.inject(call, fault);
            let told = write_until_fault(&script, &storage, LOGGED);
            if told.result.is_ok() {
                passed += 1;
                assert_eq!(
                    storage.bytes_of(path()).unwrap(),
                    script.sealed(Packing::Hot),
                    "{fault:?} at {call}"
                );
            }
        }
    }
    assert!(passed > 20, "{passed}");
}

#[test]
fn a_full_disk_writes_nothing_and_the_writer_goes_on_when_there_is_room() {
    let script = long_script();
    let mut refused = 0;
    for call in 0..calls_of(&script, LOGGED) {
        let storage = FaultyStorage::new();
        storage.inject(call, Fault::DiskFull);
        let mut driver = Driver::new(&script);
        let Ok(mut writer) = TraceWriter::create(storage.clone(), path(), RUN, LOGGED) else { continue };
        match driver.run(&mut writer) {
            Ok(()) => {}
            Err(fault) => {
                refused += 1;
                assert_eq!(fault.effect(), Effect::NothingWritten, "{call}: {fault}");
                storage.free_space();
                driver.run(&mut writer).unwrap();
            }
        }
        assert_eq!(storage.bytes_of(path()).unwrap(), script.sealed(Packing::Hot), "{call}");
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_commit_that_is_made_again_has_one_head() {
    let first = Record::new(1, 9, vec![]).frame;
    for fault in Fault::ALL {
        let storage = FaultyStorage::new();
        let mut writer = TraceWriter::create(storage.clone(), path(), RUN, LOGGED).unwrap();
        writer.append_record(&first, &[]).unwrap();
        writer.commit(b"a head").unwrap();
        writer.append_record(&first, &[]).unwrap();
        storage.inject(storage.calls(), fault);
        let told = writer.commit(b"another head");
        if matches!(&told, Err(fault) if fault.effect() == Effect::NothingWritten) {
            let log = storage.bytes_of(&log_path(path())).unwrap();
            assert_eq!(log.len(), 64 + 128 + 640 + 64, "{fault:?}: nothing of it is in the log");
            storage.free_space();
            writer.commit(b"the head that counts").unwrap();
            let reader = TraceReader::open(&storage, path()).unwrap();
            let open = reader.open_segment().unwrap();
            assert_eq!((open.records(), open.attested(), open.torn()), (2, 2, None), "{fault:?}");
            assert_eq!(open.head().unwrap(), b"the head that counts");
        }
    }
}

#[test]
fn a_crash_between_the_seal_and_the_end_leaves_a_sealed_trace() {
    let storage = FaultyStorage::new();
    let sealing = |storage: &FaultyStorage| {
        let mut writer = TraceWriter::create(storage.clone(), path(), RUN, LOGGED).unwrap();
        writer.append_record(&Record::new(1, 1, vec![]).frame, &[]).unwrap();
        let end = SegmentEnd { header: b"header", lineage: &[0; 4], snapshot: None };
        writer.close_segment(end).unwrap();
        // A log of the segment after the last one.
        writer.commit(b"head over nothing").unwrap();
        let before = storage.calls();
        (writer.seal(b"seal"), before)
    };
    let (sealed, before) = sealing(&storage);
    assert!(sealed.unwrap().leftover_log.is_none());
    for call in before..storage.calls() {
        let storage = FaultyStorage::new();
        storage.inject(call, Fault::Crash);
        let (sealed, _) = sealing(&storage);
        storage.restart(Survival::Everything);
        let reader = TraceReader::open(&storage, path()).unwrap();
        assert_eq!(*reader.end(), End::Sealed);
        let left = reader.leftover_log_records();
        assert_eq!(left.is_some(), storage.paths().len() == 2);
        assert_eq!(sealed.is_ok(), call >= before + 2, "after append and sync the run is sealed");
        Recovery::open(storage.clone(), path()).unwrap().remove_leftover_log(RUN).unwrap();
        assert_eq!(storage.paths(), [path()]);
    }
}

#[test]
fn recovery_may_be_stopped_anywhere_too() {
    let script = long_script();
    recovery_stops_anywhere(&script, Closings::AtOnce, 3);
    recovery_stops_anywhere(&chained_script(), Closings::After(usize::MAX), 11);
}

fn recovery_stops_anywhere(script: &Script, closings: Closings, every: usize) {
    let calls = calls_of(script, LOGGED);
    for first in (0..calls).step_by(every) {
        let crashed = |seed| {
            let storage = FaultyStorage::new();
            storage.inject(first, Fault::Crash);
            let told = write_closing(script, &storage, LOGGED, closings);
            storage.restart(Survival::Sectors(seed));
            (storage, told)
        };
        let (storage, _) = crashed(first);
        let _ = go_on(&storage, script, LOGGED);
        for second in 0..storage.calls() {
            let (storage, told) = crashed(first);
            storage.inject(second, Fault::Crash);
            let stopped = go_on(&storage, script, LOGGED);
            assert!(stopped.is_err() || second + 4 > storage.calls(), "{first}, {second}");
            storage.restart(Survival::Sectors(second));
            let case = format!("crash at call {first}, then at call {second} of the recovery");
            assert_kept(&storage, script, &told, &case);
            assert_ends_as_if_nothing_had_happened(&storage, script, LOGGED, &case);
        }
    }
}

#[test]
fn a_trace_that_is_made_durable_at_its_seal_is_whole_or_absent() {
    let script = long_script();
    for call in 0..calls_of(&script, HELD) {
        for fault in Fault::ALL {
            for survival in survivals() {
                let storage = FaultyStorage::new();
                storage.inject(call, fault);
                let told = write_until_fault(&script, &storage, HELD);
                storage.restart(survival);
                match storage.bytes_of(path()) {
                    Some(bytes) => assert_eq!(bytes, script.sealed(Packing::Hot)),
                    None => assert!(!told.is_sealed),
                }
            }
        }
    }
}
