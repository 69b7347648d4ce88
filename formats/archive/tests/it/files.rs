//! Real files.

use std::io::Write;

use rederive_archive::storage::{OsStorage, ReadAt};
use rederive_archive::{
    BlockBuffer, Durability, End, Misuse, Options, Packing, Recovery, SegmentEnd, TraceReader, TraceWriter,
    TransferFault, WriteFault, log_path,
};

use crate::run::{Driver, Held, RUN, Record, Script, assert_prefix, frame_bytes};

const LOGGED: Options = Options { durability: Durability::EachCommit, packing: Packing::Hot };

#[test]
fn a_trace_in_a_file_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::EachCommit, Durability::OnSeal, Durability::LeftToSystem] {
        let path = folder.path().join(format!("{durability:?}.rdt"));
        let script = Script::small();
        let mut writer =
            TraceWriter::create(OsStorage, &path, RUN, Options { durability, packing: Packing::Hot })
                .unwrap();
        Driver::new(&script).run(&mut writer).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), script.sealed(Packing::Hot));
        let reader = TraceReader::open(&OsStorage, &path).unwrap();
        assert_eq!(*reader.end(), End::Sealed);
        assert_prefix(&reader, &script);
        drop(writer);
        let again = TraceWriter::create(OsStorage, &path, RUN, LOGGED).map(|_| ()).unwrap_err();
        assert!(matches!(again, WriteFault::Misuse(Misuse::Exists)), "{again}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing stays beside them");
}

#[test]
fn a_trace_can_be_read_while_it_is_written_and_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.rdt");
    let mut writer = TraceWriter::create(OsStorage, &path, RUN, LOGGED).unwrap();
    let contents = Held::new(1, "a question");
    writer.append_record(&Record::new(0, 2, vec![]).frame, &[contents.content()]).unwrap();
    writer.commit(b"head").unwrap();
    let other = Recovery::open(OsStorage, &path).map(|_| ()).unwrap_err();
    assert!(matches!(other, TransferFault::Write(WriteFault::Misuse(Misuse::Locked))), "{other}");
    let reader = TraceReader::open(&OsStorage, &path).unwrap();
    assert_eq!(reader.open_segment().unwrap().records(), 1);
    writer.close_segment(SegmentEnd { header: b"header", lineage: &[0; 4], snapshot: None }).unwrap();
    writer.append_record(&Record::new(1, 2, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    assert_eq!(
        reader.content_reader().read(&contents.commitment()).unwrap().unwrap(),
        contents.content(),
        "the log that a reader opened stays readable when another takes its name"
    );
    assert_eq!(TraceReader::open(&OsStorage, &path).unwrap().segments(), 1);
}

#[test]
fn a_stopped_writer_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.rdt");
    let script = Script::small();
    let mut writer = TraceWriter::create(OsStorage, &path, RUN, LOGGED).unwrap();
    for record in &script.parts[0].records[..2] {
        let contents: Vec<_> = record.contents.iter().map(Held::content).collect();
        writer.append_record(&record.frame, &contents).unwrap();
        writer.commit(b"head").unwrap();
    }
    drop(writer);
    let mut log = std::fs::OpenOptions::new().append(true).open(log_path(&path)).unwrap();
    log.write_all(&[0xee; 777]).unwrap();
    let recovery = Recovery::open(OsStorage, &path).unwrap();
    assert_eq!(recovery.report().attested, 2);
    assert_eq!(recovery.report().torn_log.unwrap().bytes, 777);
    let mut driver = Driver::after(&script, recovery.reader());
    let mut writer = recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap();
    driver.run(&mut writer).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), script.sealed(Packing::Hot));
    assert!(!log_path(&path).exists());
}

#[test]
fn threads_read_one_file_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.rdt");
    let script = Script::small();
    let mut writer = TraceWriter::create(OsStorage, &path, RUN, LOGGED).unwrap();
    Driver::new(&script).run(&mut writer).unwrap();
    let reader = TraceReader::open(&OsStorage, &path).unwrap();
    std::thread::scope(|scope| {
        for number in 0..reader.segments() {
            let (reader, script) = (&reader, &script);
            scope.spawn(move || {
                let mut buffer = BlockBuffer::new();
                for _ in 0..200 {
                    let segment = reader.segment(number).unwrap();
                    assert_eq!(segment.frames(&mut buffer).unwrap(), script.parts[number as usize].frames());
                }
            });
        }
    });
}

#[test]
fn a_path_without_a_folder_is_in_the_current_one() {
    assert_eq!(log_path(std::path::Path::new("a.rdt")), std::path::Path::new("a.rdt-open"));
    assert_eq!(log_path(std::path::Path::new("/b/a.rdt")), std::path::Path::new("/b/a.rdt-open"));
}

#[test]
fn slices_and_vectors_are_read_like_files() {
    let bytes = [1u8, 2, 3];
    let mut buffer = [0; 2];
    assert_eq!(bytes.as_slice().read_at(&mut buffer, 2).unwrap(), 1);
    assert_eq!(buffer[0], 3);
    for beyond in [3, 4, u64::MAX] {
        assert_eq!(bytes.as_slice().read_at(&mut buffer, beyond).unwrap(), 0);
    }
    assert_eq!(bytes.to_vec().length().unwrap(), 3);
}

#[cfg(unix)]
#[test]
fn a_trace_behind_a_link_is_the_same_trace_with_the_same_log() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("inside/demo.rdt"), folder.path().join("link.rdt"));
    std::fs::create_dir(folder.path().join("inside")).unwrap();
    symlink("inside/demo.rdt", &link).unwrap();
    let dangling = TraceWriter::create(OsStorage, &link, RUN, LOGGED).map(|_| ()).unwrap_err();
    assert!(matches!(dangling, WriteFault::Store(_)), "{dangling}");
    let mut writer = TraceWriter::create(OsStorage, &path, RUN, LOGGED).unwrap();
    writer.append_record(&Record::new(0, 2, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    drop(writer);
    let reader = TraceReader::open(&OsStorage, &link).unwrap();
    assert_eq!(reader.open_segment().unwrap().records(), 1);
    for durability in [Durability::EachCommit, Durability::OnSeal, Durability::LeftToSystem] {
        let options = Options { durability, packing: Packing::Hot };
        let again = TraceWriter::create(OsStorage, &link, RUN, options).map(|_| ()).unwrap_err();
        assert!(matches!(again, WriteFault::Misuse(Misuse::Exists)), "{again}");
    }
    let recovery = Recovery::open(OsStorage, &link).unwrap();
    assert_eq!(recovery.report().attested, 1);
    let mut writer = recovery.resume(RUN, Packing::Hot, frame_bytes).unwrap();
    writer.append_record(&Record::new(1, 2, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    drop(writer);
    assert_eq!(TraceReader::open(&OsStorage, &path).unwrap().open_segment().unwrap().records(), 2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing lies beside the link");
}

#[cfg(unix)]
#[test]
fn no_run_is_begun_in_a_file_that_has_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["demo.rdt", "other.rdt"].map(|name| folder.path().join(name));
    let mut writer = TraceWriter::create(OsStorage, &path, RUN, LOGGED).unwrap();
    writer.append_record(&Record::new(0, 2, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    drop(writer);
    std::fs::hard_link(&path, &other).unwrap();
    let refused = TraceWriter::create(OsStorage, &other, RUN, LOGGED).map(|_| ()).unwrap_err();
    assert!(matches!(refused, WriteFault::Store(_)), "{refused}");
    assert_eq!(TraceReader::open(&OsStorage, &path).unwrap().open_segment().unwrap().records(), 1);
}

#[cfg(unix)]
#[test]
fn what_stands_under_a_temporary_name_is_never_written_into() {
    use std::os::unix::fs::symlink;

    let run = |path: &std::path::Path, durability| {
        let script = Script::small();
        let options = Options { durability, packing: Packing::Hot };
        let mut writer = TraceWriter::create(OsStorage, path, RUN, options)?;
        Driver::new(&script).run(&mut writer)
    };
    for durability in [Durability::EachCommit, Durability::OnSeal, Durability::LeftToSystem] {
        for is_hard in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let [path, victim] = ["demo.rdt", "victim"].map(|name| folder.path().join(name));
            std::fs::write(&victim, b"worth something").unwrap();
            for ending in ["-new", "-open-new"] {
                let trap = folder.path().join(format!("demo.rdt{ending}"));
                if is_hard { std::fs::hard_link(&victim, trap) } else { symlink(&victim, trap) }.unwrap();
            }
            let ran = run(&path, durability);
            assert_eq!(ran.is_ok(), durability == Durability::EachCommit, "{durability:?}: {ran:?}");
            assert_eq!(std::fs::read(&victim).unwrap(), b"worth something", "{durability:?} {is_hard}");
        }
    }
    // A file of a stopped writer stands in nobody's way.
    for durability in [Durability::EachCommit, Durability::OnSeal, Durability::LeftToSystem] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.rdt");
        for ending in ["-new", "-open-new"] {
            std::fs::write(folder.path().join(format!("demo.rdt{ending}")), b"left").unwrap();
        }
        run(&path, durability).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), Script::small().sealed(Packing::Hot));
    }
}
