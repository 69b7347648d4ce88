//! A segment that is closed while another thread writes it into the trace file: what is acknowledged meanwhile is kept, and where it cannot be
//! written nothing is acknowledged any more.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rederive_archive::storage::faulty::{FaultyFile, FaultyStorage, Survival};
use rederive_archive::storage::{Access, Effect, ReadAt, Storage, StoredFile};
use rederive_archive::{End, TraceReader};
use rederive_recorder::{Durability, RecordError, Recorder};
use rederive_replay::{Level, Valid, replay};

use crate::recorder::wide;
use crate::runs;
use crate::traces::{options, path};

/// How writing a closed segment fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    /// Nothing is written.
    Write,
    /// It is written, and nobody knows whether it lasts.
    Sync,
}

#[derive(Debug, Default)]
struct Course {
    is_held: bool,
    fails: Option<Failing>,
    /// Somebody came to write a closed segment.
    has_come: bool,
}

/// A disk on which closed segments wait, or fail, as the test has it.
#[derive(Clone, Default)]
struct Disk {
    files: FaultyStorage,
    course: Arc<(Mutex<Course>, Condvar)>,
}

struct DiskFile {
    file: FaultyFile,
    is_trace: bool,
    course: Arc<(Mutex<Course>, Condvar)>,
}

impl Disk {
    fn set(&self, is_held: bool, fails: Option<Failing>) {
        let mut course = self.course.0.lock().unwrap();
        (course.is_held, course.fails) = (is_held, fails);
        self.course.1.notify_all();
    }

    fn has_come(&self) -> bool {
        self.course.0.lock().unwrap().has_come
    }
}

/// Nobody waits for a disk whose test is over.
impl Drop for Disk {
    fn drop(&mut self) {
        self.set(false, None);
    }
}

impl Storage for Disk {
    type File = DiskFile;

    fn open(&self, at: &Path, access: Access) -> io::Result<DiskFile> {
        let file = self.files.open(at, access)?;
        Ok(DiskFile { file, is_trace: at == path(), course: Arc::clone(&self.course) })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        self.files.sync_directory_of(path)
    }
}

impl ReadAt for DiskFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

impl StoredFile for DiskFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.is_trace && offset > 0 {
            let mut course = self.course.0.lock().unwrap();
            course.has_come = true;
            let course = self.course.1.wait_while(course, |course| course.is_held).unwrap();
            if course.fails == Some(Failing::Write) {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        self.file.write_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        let fails = self.course.0.lock().unwrap().fails;
        if self.is_trace && fails == Some(Failing::Sync) {
            return Err(io::ErrorKind::Other.into());
        }
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }
}

/// A run whose first segment is closed and waits for the disk, with records of the next one that are acknowledged. How many are.
fn closing(disk: &Disk) -> (Recorder<Disk>, u64) {
    disk.set(true, None);
    let mut drafts = wide().into_iter();
    let recorder = Recorder::create(
        disk.clone(),
        path(),
        drafts.next().unwrap(),
        options(Durability::EveryRecord, b"closing"),
    )
    .unwrap();
    let prompt = drafts.next().unwrap();
    let mut after = 0;
    // Of the records after the one that ends the segment some are taken before the thread comes to write.
    while after < 3 {
        let appended = recorder.append(prompt.clone()).unwrap();
        assert!(appended.is_durable);
        if appended.sequence >= 8 {
            let mut course = disk.course.0.lock().unwrap();
            while !course.has_come {
                drop(course);
                std::thread::sleep(Duration::from_millis(1));
                course = disk.course.0.lock().unwrap();
            }
            after += 1;
        }
    }
    assert!(disk.has_come());
    let records = recorder.records().unwrap();
    (recorder, records)
}

fn assert_reproduced(disk: &Disk, records: u64) {
    let options = rederive_replay::Options { level: Level::Content, ..Default::default() };
    let report = replay(&disk.files, path(), &options).unwrap();
    assert_eq!((report.valid, report.records), (Valid::Reproduced, records), "{report:#?}");
}

/// Appends until it is told that it cannot. What is acknowledged before that is kept by the log.
fn first_refusal(recorder: &Recorder<Disk>) -> RecordError {
    let prompt = wide().swap_remove(1);
    for _ in 0..1_000 {
        match recorder.append(prompt.clone()) {
            Ok(appended) => assert!(appended.is_durable),
            Err(error) => return error,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("nobody was told that a closed segment could not be written");
}

#[test]
fn records_of_the_next_segment_are_acknowledged_and_kept_while_a_closed_one_waits_for_the_disk() {
    let disk = Disk::default();
    let (recorder, records) = closing(&disk);
    assert_reproduced(&disk, records);
    for survival in [Survival::Nothing, Survival::Everything] {
        disk.files.restart(survival);
        let reader = TraceReader::open(&disk.files, path()).unwrap();
        assert_eq!((reader.segments(), reader.bytes()), (1, 64), "{survival:?}: it is in the log alone");
        assert!(reader.open_segment().unwrap().records() > 0);
        assert_reproduced(&disk, records);
    }
    disk.set(false, None);
    drop(recorder);
    let again = options(Durability::EveryRecord, b"again");
    let (recorder, report) = Recorder::recover(disk.clone(), path(), again).unwrap();
    assert_eq!((report.segments, report.unattested), (1, 0));
    assert_eq!(recorder.records().unwrap(), records);
    assert!(TraceReader::open(&disk.files, path()).unwrap().bytes() > 64, "now it is in the trace file");
    recorder.append(runs::closing(records - 1, 1_000)).unwrap();
    recorder.seal().unwrap();
    assert_reproduced(&disk, records + 1);
}

#[test]
fn a_run_whose_closed_segment_was_late_is_the_same_file_as_one_whose_was_not() {
    let files = [true, false].map(|is_held| {
        let disk = Disk::default();
        let (recorder, records) = closing(&disk);
        if is_held {
            let released = disk.clone();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                released.set(false, None);
            });
            recorder.append(runs::closing(records - 1, 1_000)).unwrap();
            recorder.seal().unwrap();
            thread.join().unwrap();
        } else {
            disk.set(false, None);
            recorder.append(runs::closing(records - 1, 1_000)).unwrap();
            recorder.seal().unwrap();
        }
        disk.files.bytes_of(path()).unwrap()
    });
    let mut drafts = wide();
    drafts.truncate(1);
    let prompt = wide().swap_remove(1);
    let sealed = rederive_replay::replay_bytes(&files[0], &rederive_replay::Options::default()).unwrap();
    drafts.extend(std::iter::repeat_n(prompt, sealed.records as usize - 2));
    drafts.push(runs::closing(sealed.records - 2, 1_000));
    let at_seal = crate::traces::recorded_with(drafts, options(Durability::OnSeal, b"closing"));
    assert!(files.iter().all(|file| *file == at_seal));
}

#[test]
fn where_a_closed_segment_cannot_be_written_nothing_is_acknowledged_until_it_is() {
    let disk = Disk::default();
    let (recorder, _) = closing(&disk);
    disk.set(false, Some(Failing::Write));
    for _ in 0..3 {
        let refused = first_refusal(&recorder);
        assert_eq!(refused.effect(), Some(Effect::NothingWritten), "{refused}");
        assert!(recorder.flush().is_err(), "and so is the next");
    }
    disk.set(false, None);
    recorder.flush().unwrap();
    let records = recorder.records().unwrap();
    let closed = recorder.append(runs::closing(records - 1, 1_000)).unwrap();
    assert!(closed.is_durable);
    recorder.seal().unwrap();
    assert_reproduced(&disk, records + 1);
}

#[test]
fn where_nobody_knows_whether_a_closed_segment_was_written_the_recorder_stops_and_the_run_is_recovered() {
    let disk = Disk::default();
    let (recorder, _) = closing(&disk);
    disk.set(false, Some(Failing::Sync));
    let refused = first_refusal(&recorder);
    assert_eq!(refused.effect(), Some(Effect::Unknown), "{refused}");
    let stopped = recorder.append(runs::closing(0, 1_000)).unwrap_err();
    assert!(matches!(stopped, RecordError::Stopped), "{stopped}");
    let taken = recorder.records().unwrap();
    drop(recorder);
    disk.set(false, None);
    for survival in [Survival::Everything, Survival::Sectors(5)] {
        disk.files.restart(survival);
        assert!(!matches!(TraceReader::open(&disk.files, path()).unwrap().end(), End::Cut(_)));
    }
    let again = options(Durability::EveryRecord, b"again");
    let (recorder, _) = Recorder::recover(disk.clone(), path(), again).unwrap();
    let kept = recorder.records().unwrap();
    assert!(kept >= taken - 1, "all but the one that was refused: {kept} of {taken}");
    recorder.append(runs::closing(kept - 1, 1_000)).unwrap();
    recorder.seal().unwrap();
    assert_reproduced(&disk, kept + 1);
}

#[test]
fn a_closed_segment_that_cannot_be_written_is_not_sealed_over() {
    let disk = Disk::default();
    let (recorder, records) = closing(&disk);
    recorder.append(runs::closing(records - 1, 1_000)).unwrap();
    disk.set(false, Some(Failing::Write));
    let refused = recorder.seal().unwrap_err();
    assert_eq!(refused.effect(), Some(Effect::NothingWritten), "{refused}");
    let reader = TraceReader::open(&disk.files, path()).unwrap();
    assert_eq!(*reader.end(), End::Unsealed);
    assert_reproduced(&disk, records + 1);
}
