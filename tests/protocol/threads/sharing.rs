//! One recorder that threads share: what they are told holds, in every order that is tried, and nobody waits for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_archive::{BlockBuffer, TraceReader};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::prompt::PromptGiven;
use rederive_evidence::kinds::run::{RunClosed, RunEnd};
use rederive_evidence::record::{Causes, MediaType, Record, split_frames};
use rederive_evidence::values::{Mode, Origin, Role};
use rederive_replay::{Gap, Level, Valid, replay_bytes};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::clock::NoClock;
use crate::disk::Disk;
use crate::entropy::SeededEntropy;
use crate::error::{AppendError, RecordError};
use crate::orders::in_orders;
use crate::recorder::{Appended, Durability, Options, Recorder};
use crate::sync::Planted;

/// Orders that are tried of each case, by each of two ways to draw them.
const ORDERS: usize = 150;

/// Threads that append, and records that each does.
const THREADS: u64 = 2;
const RECORDS: u64 = 2;

/// Calls of the disk that a case makes at most, of which one is made to fail.
const CALLS: u64 = 40;

fn path() -> &'static Path {
    Path::new("run.rdt")
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn options(durability: Durability) -> Options {
    Options {
        durability,
        signer: Some(Arc::new(SigningKey::from_seed(&[7; 32]))),
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"threads", b"")),
        ..Options::default()
    }
}

fn opened(disk: &Disk, durability: Durability) -> Recorder<Disk> {
    let body = crate::opening::opening(
        Mode::Observed,
        id("acme"),
        id("session"),
        [id("ada"), id("helper"), id("recorder")],
    );
    let draft = Draft::new(id("recorder"), Origin::Code, Box::new(body));
    Recorder::create(disk.clone(), path(), draft, options(durability)).unwrap()
}

/// What a thread says with its record of this number.
fn words(thread: u64, record: u64) -> String {
    format!("thread {thread}, record {record}")
}

fn saying(words: &str) -> Draft {
    let mut draft =
        Draft::new(id("ada"), Origin::Human, PromptGiven { role: Role::User, message: Content(0) });
    draft.content(MediaType::Text, words).unwrap();
    draft.causes = Causes::of([0]);
    draft
}

fn closing() -> Draft {
    let mut draft =
        Draft::new(id("recorder"), Origin::Code, RunClosed { end: RunEnd::Completed, reason: None });
    draft.causes = Causes::of([0]);
    draft
}

/// A record of which a thread was told that it is in the run, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    sequence: u64,
    words: String,
}

/// A thread's records, until one fails; those of which it was told that they survive a crash.
fn append_all(recorder: &Recorder<Disk>, thread: u64) -> Result<Vec<Told>, (Vec<Told>, RecordError)> {
    let mut told = Vec::new();
    for record in 0..RECORDS {
        let words = words(thread, record);
        match lasting(recorder, &words) {
            Ok(appended) => told.push(Told { sequence: appended.sequence, words }),
            Err(error) => return Err((told, error)),
        }
    }
    Ok(told)
}

/// Appends, and returns once the record survives a crash where that is asked for.
fn lasting(recorder: &Recorder<Disk>, words: &str) -> Result<Appended, RecordError> {
    let mut appended = recorder.append(saying(words))?;
    if !appended.is_durable {
        appended.is_durable = recorder.keep(appended.sequence)?;
    }
    Ok(appended)
}

/// Every thread appends to one recorder; meanwhile this happens. What the threads were told.
fn told_while(recorder: &Recorder<Disk>, meanwhile: impl FnOnce() + Send) -> Vec<Told> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || append_all(recorder, number).unwrap_or_else(|(told, _)| told)))
            .collect();
        scope.spawn(meanwhile);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The records of a sealed trace, which reproduces: nothing is wrong, and nothing missing but what is named.
#[track_caller]
fn reproduced(disk: &FaultyStorage, may_be_missing: &[&str]) -> Vec<Record> {
    let bytes = disk.bytes_of(path()).unwrap();
    let options = rederive_replay::Options { level: Level::Content, ..Default::default() };
    let report = replay_bytes(&bytes, &options).unwrap();
    assert_eq!((report.valid, report.failures.total()), (Valid::Reproduced, 0), "{:?}", report.wrong);
    let is_expected = |gap: &str| {
        ["no-trust-root", "no-witness", "no-times"].contains(&gap) || may_be_missing.contains(&gap)
    };
    let gaps: Vec<&str> = report.gaps.iter().map(Gap::name).filter(|gap| !is_expected(gap)).collect();
    assert_eq!(gaps, Vec::<&str>::new());
    let (reader, mut buffer, mut records) =
        (TraceReader::of(&bytes[..]).unwrap(), BlockBuffer::new(), Vec::new());
    for number in 0..reader.segments() {
        let segment = reader.segment(number).unwrap();
        let frames = segment.frames(&mut buffer).unwrap();
        records.extend(split_frames(frames).map(|frame| Record::decode_frame(frame.unwrap()).unwrap().0));
    }
    records
}

/// Every record of which somebody was told stands where it was said to, with what it said; and a thread's records stand in its order.
#[track_caller]
fn assert_kept(disk: &FaultyStorage, records: &[Record], told: &[Told]) {
    let bytes = disk.bytes_of(path()).unwrap();
    let reader = TraceReader::of(&bytes[..]).unwrap();
    let mut contents = reader.content_reader();
    for Told { sequence, words } in told {
        let entry = records.get(*sequence as usize).and_then(|record| record.input.contents.first());
        let said = entry.and_then(|entry| contents.read(&entry.commitment).unwrap());
        let said = said.map(|content| String::from_utf8(content.bytes.to_vec()).unwrap());
        assert_eq!(said.as_deref(), Some(words.as_str()), "record {sequence} is lost");
    }
    for thread in 0..THREADS {
        let starts = format!("thread {thread},");
        let own = told.iter().filter(|told| told.words.starts_with(&starts));
        assert!(own.is_sorted(), "{told:?}");
    }
    let mut sequences: Vec<u64> = told.iter().map(|told| told.sequence).collect();
    sequences.sort_unstable();
    assert!(sequences.is_sorted_by(|one, next| one < next), "no number is given twice: {told:?}");
}

/// After whatever happened: another recorder takes the run up, finds what was told, ends the run and seals it.
fn taken_up(disk: &Disk, told: &[Told], durability: Durability) {
    let recovered = Recorder::recover(disk.started_again(), path(), options(durability));
    let (recorder, _) = match recovered {
        Err(RecordError::OtherKey { .. }) => {
            let signer: Option<Arc<dyn Signer + Send + Sync>> = Some(Arc::new(next_key()));
            let options = Options { signer, ..options(durability) };
            Recorder::recover(disk.started_again(), path(), options).unwrap()
        }
        recovered => recovered.unwrap(),
    };
    recorder.append(closing()).unwrap();
    recorder.seal().unwrap();
    let records = reproduced(&disk.0, &["recovered-tail", "unattested-records"]);
    assert_kept(&disk.0, &records, told);
}

/// The disk after a power failure: nothing that was not synced, or any of it.
fn survival() -> Survival {
    if thread_rng().gen_bool(0.5) { Survival::Nothing } else { Survival::Sectors(thread_rng().r#gen()) }
}

fn power_fails_at_any_instant(durability: Durability) {
    let disk = Disk::default();
    let recorder = opened(&disk, durability);
    let told = told_while(&recorder, || disk.restart(survival()));
    drop(recorder);
    taken_up(&disk, &told, durability);
}

/// Some call of the disk fails in some way while threads append and this is done; then the power fails.
fn some_call_fails(meanwhile: impl Fn(&Recorder<Disk>) + Sync) {
    let disk = Disk::default();
    let recorder = opened(&disk, Durability::EveryRecord);
    let fault = Fault::ALL[thread_rng().gen_range(0..Fault::ALL.len())];
    disk.0.inject(disk.0.calls() + thread_rng().gen_range(0..CALLS), fault);
    let told = told_while(&recorder, || meanwhile(&recorder));
    drop(recorder);
    disk.restart(survival());
    taken_up(&disk, &told, Durability::EveryRecord);
}

/// The key that the run is handed over to, where it is.
fn next_key() -> SigningKey {
    SigningKey::from_seed(&[8; 32])
}

/// A segment is closed, and written by a thread of its own, while others append and the power fails. Whether it was in the log alone then.
fn power_fails_while_a_segment_is_closed() -> bool {
    let disk = Disk::default();
    let recorder = opened(&disk, Durability::EveryRecord);
    let told = told_while(&recorder, || {
        thread::scope(|scope| {
            scope.spawn(|| drop(recorder.change_key(Arc::new(next_key()))));
            // The thread that closes the segment gets some way before it.
            (0..thread_rng().gen_range(0..2 * CALLS)).for_each(|_| thread::yield_now());
            disk.restart(survival());
        });
    });
    drop(recorder);
    let reader = TraceReader::open(&disk.0, path()).unwrap();
    let has_header = |bytes: &[u8]| TraceReader::of(bytes).is_ok_and(|file| file.segments() > 0);
    let in_log_alone = reader.segments() > 0 && !has_header(&disk.0.bytes_of(path()).unwrap());
    taken_up(&disk, &told, Durability::EveryRecord);
    in_log_alone
}

#[test]
fn what_was_acknowledged_survives_a_crash_while_a_closed_segment_is_on_its_way() {
    static SEEN: AtomicBool = AtomicBool::new(false);
    // Drawn orders may miss what seldom happens, and do once in some hundred times: then others are drawn.
    for _ in 0..10 {
        in_orders(ORDERS, || {
            if power_fails_while_a_segment_is_closed() {
                SEEN.store(true, Ordering::Relaxed);
            }
        });
        if SEEN.load(Ordering::Relaxed) {
            break;
        }
    }
    assert!(SEEN.load(Ordering::Relaxed), "in some order the segment is in the log alone");
}

/// Some call of the disk fails while a segment is closed: nobody is told what is not so, and nobody waits for ever.
#[test]
fn a_call_of_the_disk_that_fails_while_a_segment_is_closed_loses_nothing_that_was_acknowledged() {
    in_orders(ORDERS, || some_call_fails(|recorder| drop(recorder.change_key(Arc::new(next_key())))));
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_any_instant_in_its_order() {
    for durability in [Durability::EveryRecord, Durability::Group(3)] {
        in_orders(ORDERS, move || power_fails_at_any_instant(durability));
    }
}

/// Some call of the disk fails in some way; whoever was not told of it goes on.
#[test]
fn a_call_of_the_disk_that_fails_loses_nothing_that_was_acknowledged_and_keeps_nobody_waiting() {
    in_orders(ORDERS, || some_call_fails(|_| {}));
}

/// One thread closes the run while others append: a record is before the closing one, or was refused.
#[test]
fn a_run_that_is_closed_while_threads_append_has_what_they_were_told_and_nothing_else() {
    for durability in [Durability::EveryRecord, Durability::Group(3), Durability::OnSeal] {
        in_orders(ORDERS, move || {
            let disk = Disk::default();
            let recorder = opened(&disk, durability);
            let told: Vec<Told> = thread::scope(|scope| {
                let recorder = &recorder;
                let close = scope.spawn(move || recorder.append(closing()).unwrap().sequence);
                let threads: Vec<_> =
                    (0..THREADS).map(|number| scope.spawn(move || append_all(recorder, number))).collect();
                let told = threads.into_iter().flat_map(|thread| match thread.join().unwrap() {
                    Ok(told) => told,
                    Err((told, RecordError::Append(AppendError::Closed))) => told,
                    Err((_, other)) => panic!("{other}"),
                });
                let told: Vec<Told> = told.collect();
                let closed = close.join().unwrap();
                assert!(told.iter().all(|told| told.sequence < closed));
                assert_eq!(closed, told.len() as u64 + 1, "all that was taken was told");
                told
            });
            // By type nobody shares a recorder that is sealed.
            assert_eq!(recorder.seal().unwrap().records, told.len() as u64 + 2);
            let records = reproduced(&disk.0, &[]);
            assert_eq!(records.last().map(|record| record.input.body.kind()), Some(Kind::RunClosed));
            assert_kept(&disk.0, &records, &told);
        });
    }
}

/// A key is handed over while others append, and somebody looks at the run: each segment is signed by the key that was due.
#[test]
fn a_key_that_changes_while_threads_append_signs_what_comes_after_it() {
    in_orders(ORDERS, || {
        let disk = Disk::default();
        let recorder = opened(&disk, Durability::EveryRecord);
        let told = told_while(&recorder, || {
            recorder.change_key(Arc::new(next_key())).unwrap();
            let taken = recorder.records().unwrap();
            assert!(recorder.read(|machine| machine.lineage().len()).unwrap() >= taken);
        });
        assert_eq!(told.len() as u64, THREADS * RECORDS);
        recorder.append(closing()).unwrap();
        recorder.seal().unwrap();
        let records = reproduced(&disk.0, &[]);
        assert_kept(&disk.0, &records, &told);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn threads_that_nobody_wakes_are_found() {
    Planted::NobodyWoken.plant();
    in_orders(ORDERS, || power_fails_at_any_instant(Durability::EveryRecord));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_wake_up_of_some_threads_where_all_should_be_woken_is_found() {
    Planted::EveryOtherWoken.plant();
    in_orders(ORDERS, || {
        let recorder = opened(&Disk::default(), Durability::EveryRecord);
        let _ = told_while(&recorder, || drop(append_all(&recorder, THREADS)));
    });
}

#[test]
#[should_panic(expected = "is lost")]
fn a_disk_that_says_that_it_has_what_it_does_not_have_is_found() {
    in_orders(ORDERS, || {
        let disk = Disk::default();
        let recorder = opened(&disk, Durability::EveryRecord);
        Planted::DiskLies.plant();
        let told = told_while(&recorder, || {});
        drop(recorder);
        disk.restart(Survival::Nothing);
        taken_up(&disk, &told, Durability::EveryRecord);
    });
}
