//! What is written is what is read, whichever way it is written and read.

use proptest::prelude::*;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{
    BlockBuffer, Durability, End, Hint, Misuse, Options, Packing, ReadFault, Recovery, SegmentEnd,
    TraceReader, TraceWriter, WriteFault, log_path,
};

use crate::run::{Held, Part, RUN, Record, Script, assert_prefix, frame_bytes, header, path, seal};

const EVERY_WAY: [Options; 6] = {
    const fn way(durability: Durability, packing: Packing) -> Options {
        Options { durability, packing }
    }
    [
        way(Durability::EachCommit, Packing::Hot),
        way(Durability::EachCommit, Packing::Cold),
        way(Durability::OnSeal, Packing::Hot),
        way(Durability::OnSeal, Packing::Cold),
        way(Durability::LeftToSystem, Packing::Hot),
        way(Durability::LeftToSystem, Packing::Cold),
    ]
};

#[track_caller]
fn assert_whole(reader: &TraceReader<impl rederive_archive::storage::ReadAt>, script: &Script) {
    assert_eq!(*reader.end(), End::Sealed);
    assert_eq!(reader.segments() as usize, script.parts.len());
    assert_eq!(reader.seal().unwrap().unwrap(), seal());
    assert_eq!(reader.index_hint().unwrap(), Hint::Usable(()));
    assert_prefix(reader, script);
    let coverage = reader.check().unwrap();
    assert_eq!((coverage.bytes, coverage.hints_ignored.len()), (reader.bytes(), 0));
    let mut contents = reader.content_reader();
    for held in script.contents() {
        assert_eq!(contents.read(&held.commitment()).unwrap().unwrap(), held.content());
    }
}

#[test]
fn a_trace_reads_back_however_it_was_written() {
    for options in EVERY_WAY {
        let storage = FaultyStorage::new();
        let bytes = Script::small().write(storage.clone(), options).unwrap();
        assert_eq!(storage.paths(), [path()], "nothing stays beside a sealed trace");
        assert_whole(&TraceReader::open(&storage, path()).unwrap(), &Script::small());
        let in_memory = storage.bytes_of(path()).unwrap();
        assert_eq!(bytes, in_memory.len() as u64);
        assert_whole(&TraceReader::of(in_memory.as_slice()).unwrap(), &Script::small());
        assert_whole(&TraceReader::of(in_memory).unwrap(), &Script::small());
    }
}

#[test]
fn the_file_is_the_same_whether_it_had_a_log_or_not() {
    for packing in [Packing::Hot, Packing::Cold] {
        let written = |durability| {
            let storage = FaultyStorage::new();
            Script::small().write(storage.clone(), Options { durability, packing }).unwrap();
            storage.bytes_of(path()).unwrap()
        };
        assert_eq!(written(Durability::EachCommit), written(Durability::OnSeal));
        assert_eq!(written(Durability::OnSeal), written(Durability::LeftToSystem));
    }
}

#[test]
fn packed_frames_are_smaller_and_the_same() {
    let script = Script {
        parts: vec![Part {
            records: (0..50).map(|_| Record::new(1, 4, vec![])).collect(),
            ..Part::default()
        }],
    };
    let (hot, cold) = (script.sealed(Packing::Hot), script.sealed(Packing::Cold));
    assert!(cold.len() < hot.len() / 4, "{} and {}", cold.len(), hot.len());
    assert_whole(&TraceReader::of(cold).unwrap(), &script);
}

#[test]
fn blocks_and_their_files_begin_at_multiples_of_64() {
    for packing in [Packing::Hot, Packing::Cold] {
        assert_eq!(Script::small().sealed(packing).len() % 64, 0);
    }
}

#[test]
fn the_index_finds_every_record() {
    let script = Script::small();
    let reader = TraceReader::of(script.sealed(Packing::Hot)).unwrap();
    let mut sequence = 0;
    for (segment, part) in script.parts.iter().enumerate() {
        let mut frame_at = 0;
        let offsets = reader.segment(segment as u32).unwrap().frame_offsets().unwrap().unwrap();
        assert_eq!(offsets.len(), part.records.len());
        for (record, Record { frame, .. }) in part.records.iter().enumerate() {
            let place = reader.find_record(sequence).unwrap().unwrap();
            assert_eq!((place.segment as usize, place.record), (segment, record));
            assert_eq!((place.frame_at, offsets[record]), (frame_at, frame_at));
            frame_at += frame.len() as u32;
            sequence += 1;
        }
    }
    assert_eq!(reader.find_record(sequence).unwrap(), None);
    assert_eq!(reader.find_record(u64::MAX).unwrap(), None);
}

#[test]
fn contents_are_split_into_blocks_by_size() {
    let contents = |sizes: &[usize]| -> Vec<Held> {
        let sizes = sizes.iter().enumerate();
        sizes.map(|(number, size)| Held::new(number as u32, vec![number as u8; *size])).collect()
    };
    let mib = 1 << 20;
    let cases: [(&[usize], usize); 4] = [
        (&[0, 1, 2], 1),
        (&[4 * mib - 72], 1),
        (&[4 * mib - 72, 1], 2),
        (&[1, 5 * mib, 1, 3 * mib, mib, 1], 4),
    ];
    for (sizes, blocks) in cases {
        let records = vec![Record::new(0, 1, contents(sizes))];
        let script = Script { parts: vec![Part { records, ..Part::default() }] };
        let reader = TraceReader::of(script.sealed(Packing::Hot)).unwrap();
        assert_eq!(reader.segment(0).unwrap().content_blocks().count(), blocks, "{sizes:?}");
        assert_whole(&reader, &script);
    }
}

#[test]
fn a_content_that_the_trace_does_not_hold_is_none() {
    let reader = TraceReader::of(Script::small().sealed(Packing::Hot)).unwrap();
    let absent = Held::new(99, "never given");
    assert_eq!(reader.content_reader().read(&absent.commitment()).unwrap(), None);
}

#[test]
fn two_threads_read_different_segments_of_one_reader() {
    let script = Script::small();
    let storage = FaultyStorage::new();
    script.write(storage.clone(), EVERY_WAY[0]).unwrap();
    let reader = TraceReader::open(&storage, path()).unwrap();
    std::thread::scope(|scope| {
        for number in 0..reader.segments() {
            let (reader, script) = (&reader, &script);
            scope.spawn(move || {
                let mut buffer = BlockBuffer::new();
                for _ in 0..50 {
                    let frames = reader.segment(number).unwrap().frames(&mut buffer).unwrap().to_vec();
                    assert_eq!(frames, script.parts[number as usize].frames());
                }
            });
        }
    });
}

#[test]
fn a_sealed_or_existing_trace_is_never_written_over() {
    for first in EVERY_WAY {
        let storage = FaultyStorage::new();
        Script::small().write(storage.clone(), first).unwrap();
        let before = storage.bytes_of(path()).unwrap();
        for second in EVERY_WAY {
            let refused = TraceWriter::create(storage.clone(), path(), RUN, second).map(|_| ()).unwrap_err();
            assert!(matches!(refused, WriteFault::Misuse(Misuse::Exists)), "{refused}");
        }
        assert_eq!(storage.bytes_of(path()).unwrap(), before);
    }
}

#[test]
fn a_log_without_its_trace_is_not_written_over() {
    for options in EVERY_WAY {
        let storage = FaultyStorage::new();
        storage.put(&log_path(path()), b"records of somebody".to_vec());
        let refused = TraceWriter::create(storage, path(), RUN, options).map(|_| ()).unwrap_err();
        assert!(matches!(refused, WriteFault::Misuse(Misuse::Exists)), "{refused}");
    }
}

#[test]
fn a_trace_has_one_writer() {
    for options in EVERY_WAY {
        let storage = FaultyStorage::new();
        let first = TraceWriter::create(storage.clone(), path(), RUN, options).unwrap();
        let second = TraceWriter::create(storage.clone(), path(), RUN, options).map(|_| ()).unwrap_err();
        assert!(matches!(second, WriteFault::Misuse(Misuse::Locked | Misuse::Exists)), "{second}");
        drop(first);
    }
    let storage = FaultyStorage::new();
    let mut writer = TraceWriter::create(storage.clone(), path(), RUN, EVERY_WAY[0]).unwrap();
    writer.append_record(&Record::new(0, 1, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    assert!(Recovery::open(storage.clone(), path()).is_err(), "while the writer lives");
    drop(writer);
    assert!(Recovery::open(storage, path()).is_ok());
}

#[test]
fn an_abandoned_trace_leaves_nothing_unless_it_was_acknowledged() {
    for options in EVERY_WAY {
        let storage = FaultyStorage::new();
        let mut writer = TraceWriter::create(storage.clone(), path(), RUN, options).unwrap();
        writer.append_record(&Record::new(0, 1, vec![]).frame, &[]).unwrap();
        let is_logged = writer.commit(b"head").is_ok();
        writer.abandon().unwrap();
        assert_eq!(storage.paths().is_empty(), !is_logged);
        if is_logged {
            let reader = TraceReader::open(&storage, path()).unwrap();
            assert_eq!(reader.open_segment().unwrap().records(), 1);
        }
    }
}

#[test]
fn limits_and_misuse_are_refused_and_nothing_is_taken() {
    let storage = FaultyStorage::new();
    let mut writer = TraceWriter::create(storage, path(), RUN, EVERY_WAY[0]).unwrap();
    let frame = Record::new(0, 1, vec![]).frame;
    let end = SegmentEnd { header: &header(0), lineage: &[0; 4], snapshot: None };
    assert!(matches!(writer.close_segment(end), Err(WriteFault::Misuse(Misuse::Empty))));
    assert!(matches!(writer.seal(&seal()), Err(WriteFault::Misuse(Misuse::Empty))));
    assert!(matches!(writer.append_record(&[], &[]), Err(WriteFault::Misuse(Misuse::FrameLength))));
    assert!(matches!(writer.append_record(&[1; 65], &[]), Err(WriteFault::Misuse(Misuse::FrameLength))));
    assert!(matches!(writer.append_record(&[1; 65_600], &[]), Err(WriteFault::Limit { .. })));
    writer.append_record(&vec![1; 65_536], &[]).unwrap();
    assert!(matches!(writer.commit(&[]), Err(WriteFault::Misuse(Misuse::Unsigned))));
    assert!(matches!(writer.commit(&[1; 4_097]), Err(WriteFault::Limit { .. })));
    assert!(matches!(writer.seal(&seal()), Err(WriteFault::Misuse(Misuse::SegmentOpen))));
    let short = SegmentEnd { lineage: &[0; 3], ..end };
    assert!(matches!(writer.close_segment(short), Err(WriteFault::Misuse(Misuse::LineageLength))));
    let other = crate::run::snapshot(1);
    let foreign = SegmentEnd { snapshot: Some(&other), ..end };
    assert!(matches!(writer.close_segment(foreign), Err(WriteFault::Misuse(Misuse::SnapshotSegment))));
    for _ in 0..15 {
        writer.append_record(&vec![1; 65_536], &[]).unwrap();
    }
    assert!(matches!(writer.append_record(&frame, &[]), Err(WriteFault::Limit { .. })), "1 MiB is full");
    assert_eq!((writer.segment_records(), writer.segment_bytes()), (16, 1 << 20));
    let end = SegmentEnd { lineage: &[0; 64], ..end };
    writer.close_segment(end).unwrap();
    for _ in 0..4_096 {
        writer.append_record(&frame, &[]).unwrap();
    }
    assert!(matches!(writer.append_record(&frame, &[]), Err(WriteFault::Limit { .. })), "4,096 records");
    writer.close_segment(SegmentEnd { header: &header(1), lineage: &[0; 16_384], snapshot: None }).unwrap();
    writer.seal(&seal()).unwrap();
    assert!(matches!(writer.append_record(&frame, &[]), Err(WriteFault::Misuse(Misuse::Sealed))));
    assert!(matches!(writer.seal(&seal()), Err(WriteFault::Misuse(Misuse::Sealed))));
}

#[test]
fn other_files_are_told_from_damaged_ones() {
    let opened = |bytes: &[u8]| TraceReader::of(bytes).map(|_| ()).unwrap_err();
    assert!(matches!(opened(b""), ReadFault::NeverBegun));
    assert!(matches!(opened(b"REDER"), ReadFault::NeverBegun));
    assert!(matches!(opened(&[0; 64]), ReadFault::NeverBegun));
    assert!(matches!(opened(&[0; 128]), ReadFault::NotATrace { .. }));
    assert!(matches!(opened(&[b'x'; 80]), ReadFault::NotATrace { found } if found == [b'x'; 8]));
    let mut later = Script::small().sealed(Packing::Hot);
    later[8] = 2;
    assert!(matches!(opened(&later), ReadFault::UnknownVersion { found: 2, .. }));
}

fn a_part() -> impl Strategy<Value = Part> {
    let content = prop::collection::vec(any::<u8>(), 0..200);
    let record = (any::<u32>(), 1u8..6, prop::collection::vec((any::<u32>(), content), 0..3));
    (prop::collection::vec(record, 1..12), prop::collection::vec(1usize..12, 0..4), any::<bool>()).prop_map(
        |(records, commits, has_snapshot)| {
            let records = records.into_iter().map(|(number, units, contents)| {
                let held = contents.into_iter().map(|(number, bytes)| Held::new(number, bytes));
                Record::new(number, units, held.collect())
            });
            Part { records: records.collect(), commits, has_snapshot }
        },
    )
}

pub(crate) fn a_script() -> impl Strategy<Value = Script> {
    prop::collection::vec(a_part(), 1..5).prop_map(|parts| Script { parts })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_run_reads_back(script in a_script(), way in 0usize..6) {
        let storage = FaultyStorage::new();
        script.write(storage.clone(), EVERY_WAY[way]).unwrap();
        assert_whole(&TraceReader::open(&storage, path()).unwrap(), &script);
    }

    #[test]
    fn any_run_goes_on_from_any_record(script in a_script(), stop in 0usize..40) {
        let storage = FaultyStorage::new();
        let mut writer = TraceWriter::create(storage.clone(), path(), RUN, EVERY_WAY[0]).unwrap();
        let mut left = stop;
        'stopped: for (number, part) in script.parts.iter().enumerate() {
            for (taken, record) in part.records.iter().enumerate() {
                if left == 0 {
                    break 'stopped;
                }
                left -= 1;
                let contents: Vec<_> = record.contents.iter().map(Held::content).collect();
                writer.append_record(&record.frame, &contents).unwrap();
                writer.commit(&crate::run::head(number as u32, taken + 1)).unwrap();
            }
            if left == 0 {
                break 'stopped;
            }
            let snapshot = part.has_snapshot.then(|| crate::run::snapshot(number as u32));
            let (header, lineage) = (header(number as u32), part.lineage());
            let end = SegmentEnd { header: &header, lineage: &lineage, snapshot: snapshot.as_ref() };
            writer.close_segment(end).unwrap();
        }
        drop(writer);
        let recovery = Recovery::open(storage.clone(), path()).unwrap();
        prop_assert_eq!(recovery.report().unattested, 0);
        let mut driver = crate::run::Driver::after(&script, recovery.reader());
        let mut writer = recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap();
        driver.run(&mut writer).unwrap();
        assert_whole(&TraceReader::open(&storage, path()).unwrap(), &script);
        let unstopped = FaultyStorage::new();
        script.write(unstopped.clone(), EVERY_WAY[0]).unwrap();
        prop_assert!(storage.bytes_of(path()) == unstopped.bytes_of(path()), "byte for byte the same file");
    }
}
