//! The recorder: what it acknowledges is kept whatever the storage does, and what it keeps replays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use rayon::prelude::*;
use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_archive::storage::{Effect, Storage};
use rederive_archive::{Misuse, ReadFault, RecoveryReport, TraceReader, TransferFault, WriteFault};
use rederive_evidence::chain::Head;
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::tool::UnknownReason;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, Record};
use rederive_evidence::rules::{Outcome, Rule};
use rederive_evidence::signed::{Version, sign};
use rederive_evidence::values::{Mode, Place};
use rederive_recorder::{
    AppendError, Durability, ManualClock, OpenCalls, Options, RecordError, Recorder, SealedRun,
};
use rederive_replay::{Gap, Level, Report, Valid, replay};

use crate::runs;
use crate::traces::{self, Block, StoredContent, Trace, add_entry, path, recorded_with, split};

/// Turns of the enforced run that the fault table writes.
const TURNS: u32 = 1;

/// Options whose clock stands after every time of the drafts: what the recorder adds itself has a time.
fn options(durability: Durability, seed: &[u8]) -> Options {
    let clock = Arc::new(ManualClock::new(runs::time(900)));
    Options { clock, ..traces::options(durability, seed) }
}

/// What a recorder was told to be durable before it ended.
struct Told {
    acknowledged: u64,
    is_sealed: bool,
}

/// What is recorded.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// A call through broker and gate, in one segment.
    Enforced,
    /// Prompts with so many tools that they fill two segments.
    Wide,
}

impl Run {
    fn mode(self) -> Mode {
        match self {
            Self::Enforced => Mode::Enforced,
            Self::Wide => Mode::Observed,
        }
    }

    fn drafts<S: Storage>(self, recorder: &Recorder<S>) -> Vec<Draft> {
        match self {
            Self::Enforced => runs::enforced(TURNS, |bytes| recorder.commitment(bytes).unwrap()),
            Self::Wide => wide(),
        }
    }
}

pub(crate) fn wide() -> Vec<Draft> {
    let mut drafts = runs::observed(7);
    drafts.retain(|draft| matches!(draft.body.kind(), Kind::RunOpened | Kind::PromptSent | Kind::RunClosed));
    for draft in &mut drafts {
        draft.causes = Causes::NONE;
        if let Body::PromptSent(sent) = &mut draft.body {
            sent.tools = (0..600).map(|tool| runs::id(&format!("{tool:0100}"))).collect();
        }
    }
    drafts
}

/// A run as it is recorded, from whatever of it is recorded already.
struct Script {
    run: Run,
    durability: Durability,
}

impl Script {
    fn options(&self) -> Options {
        options(self.durability, b"faults")
    }

    /// Records until something fails.
    fn record(&self, storage: &FaultyStorage) -> Told {
        let mut told = Told { acknowledged: 0, is_sealed: false };
        let opening = runs::opening(self.run.mode());
        let Ok(recorder) = Recorder::create(storage.clone(), path(), opening, self.options()) else {
            return told;
        };
        if self.has_commits() {
            told.acknowledged = 1;
        }
        told.is_sealed = self.go_on(recorder, &mut told.acknowledged).is_ok();
        told
    }

    /// Records the rest of the run and seals it.
    fn go_on(
        &self,
        recorder: Recorder<FaultyStorage>,
        acknowledged: &mut u64,
    ) -> Result<SealedRun, RecordError> {
        let recorded = recorder.records()?;
        for draft in self.run.drafts(&recorder).into_iter().skip(recorded as usize) {
            let is_dispatch = draft.body.kind() == Kind::ToolDispatched;
            let appended = recorder.append(draft).inspect_err(|error| assert_stopped(&recorder, error))?;
            assert_eq!(appended.outcome, Outcome::Applied);
            if appended.is_durable {
                *acknowledged = appended.sequence + 1;
            }
            assert!(appended.is_durable || !is_dispatch || !self.has_commits(), "a tool is called then");
        }
        recorder.seal()
    }

    fn has_commits(&self) -> bool {
        matches!(self.durability, Durability::EveryRecord | Durability::Group(_))
    }

    /// The records of the run when nothing fails.
    fn frames(&self) -> Vec<Vec<u8>> {
        let storage = FaultyStorage::new();
        assert!(self.record(&storage).is_sealed);
        Trace::read(&storage.bytes_of(path()).unwrap())
            .parts
            .into_iter()
            .flat_map(|part| part.frames)
            .collect()
    }
}

/// Where it is unknown what was written, the recorder takes nothing more.
fn assert_stopped(recorder: &Recorder<FaultyStorage>, error: &RecordError) {
    if error.effect() == Some(Effect::Unknown) {
        let refused = recorder.append(runs::closing(0, 0)).unwrap_err();
        assert!(matches!(refused, RecordError::Stopped), "{refused}");
    }
}

fn replayed(storage: &FaultyStorage) -> Report {
    let options = rederive_replay::Options { level: Level::Content, ..Default::default() };
    replay(storage, path(), &options).unwrap()
}

/// The frames of closed segments and of the open one.
fn frames_in(storage: &FaultyStorage) -> Vec<Vec<u8>> {
    let reader = TraceReader::open(storage, path()).unwrap();
    let mut frames = Vec::new();
    for number in 0..reader.segments() {
        let mut buffer = rederive_archive::BlockBuffer::new();
        frames.extend(split(reader.segment(number).unwrap().frames(&mut buffer).unwrap()));
    }
    frames.extend(reader.open_segment().map(|open| split(open.frames())).into_iter().flatten());
    frames
}

/// What stands in the storage holds every acknowledged record as it was recorded, replays, and says what it lacks.
#[track_caller]
fn assert_kept(storage: &FaultyStorage, expected: &[Vec<u8>], told: &Told, case: &str) {
    let frames = frames_in(storage);
    assert!(frames.len() as u64 >= told.acknowledged, "{case}: {} records", frames.len());
    assert_eq!(frames, expected[..frames.len()], "{case}");
    let report = replayed(storage);
    if frames.is_empty() {
        assert_eq!(report.valid, Valid::Undecided, "{case}: {report:#?}");
    } else {
        assert_eq!(report.valid, Valid::Reproduced, "{case}: {report:#?}");
    }
    assert!(report.gaps.contains(&Gap::Unsealed) != (told.is_sealed || is_sealed(storage)), "{case}");
}

fn is_sealed(storage: &FaultyStorage) -> bool {
    *TraceReader::open(storage, path()).unwrap().end() == rederive_archive::End::Sealed
}

/// Recovers what stands in the storage, ends the run and seals it. `None` where there is nothing to recover.
#[track_caller]
fn recover(storage: &FaultyStorage, script: &Script, case: &str) -> Option<RecoveryReport> {
    let (recorder, report) = match Recorder::recover(storage.clone(), path(), script.options()) {
        Ok(recovered) => recovered,
        Err(
            RecordError::NothingRecorded
            | RecordError::Transfer(
                TransferFault::Read(ReadFault::NeverBegun)
                | TransferFault::Write(WriteFault::Misuse(Misuse::Absent)),
            ),
        ) => return None,
        Err(error) => panic!("{case}: {error}"),
    };
    // A call that had been dispatched has got its end by the recovery: what the script has next would follow none.
    let last = last_records(storage, 1).swap_remove(0);
    let kept = recorder.records().unwrap();
    if matches!(last.input.body, Body::ToolUnknown(_)) {
        recorder.append(runs::closing(kept - 1, 1_000)).unwrap();
        recorder.seal().unwrap();
    } else {
        assert_eq!(frames_in(storage).len() as u64, kept, "{case}");
        script.go_on(recorder, &mut 0).unwrap_or_else(|error| panic!("{case}: {error}"));
    }
    Some(report)
}

#[track_caller]
fn assert_recovers(storage: &FaultyStorage, script: &Script, expected: &[Vec<u8>], case: &str) {
    if !matches!(TraceReader::open(storage, path()), Ok(reader) if *reader.end() == rederive_archive::End::Sealed)
    {
        match recover(storage, script, case) {
            None => assert!(script.record(storage).is_sealed, "{case}: it can be begun again"),
            Some(report) => {
                let gap = Gap::RecoveredTail(report.unattested as u64);
                let gaps = replayed(storage).gaps;
                assert_eq!(gaps.contains(&gap), report.unattested > 0, "{case}: {gaps:?}");
            }
        }
    }
    let report = replayed(storage);
    assert_eq!(report.valid, Valid::Reproduced, "{case}: {report:#?}");
    assert_eq!(report.failures.total(), 0, "{case}: {report:#?}");
    assert!(report.findings.total() == 0 || matches!(script.run, Run::Wide), "{case}: {report:#?}");
    assert!(!report.gaps.contains(&Gap::Unsealed), "{case}: {:?}", report.gaps);
    let first = frames_in(storage).swap_remove(0);
    assert!(first == expected[0] || report.records as usize == expected.len(), "{case}");
}

/// A short write and a storage that is gone end in what these leave behind.
const FAULTS: [Fault; 4] = [Fault::Failed, Fault::FailedButDone, Fault::DiskFull, Fault::Crash];

/// What a restart leaves, with other sectors for each call.
fn survivals(call: u64) -> [Survival; 3] {
    [Survival::Nothing, Survival::Everything, Survival::Sectors(call)]
}

#[test]
fn whatever_call_fails_what_was_acknowledged_is_kept_and_the_run_goes_on() {
    for durability in [Durability::EveryRecord, Durability::Group(4), Durability::OnSeal] {
        let script = Script { run: Run::Enforced, durability };
        let expected = script.frames();
        let storage = FaultyStorage::new();
        assert!(script.record(&storage).is_sealed);
        let calls = storage.calls();
        let cases: Vec<(u64, Fault)> =
            (0..calls).flat_map(|call| Fault::ALL.map(|fault| (call, fault))).collect();
        cases.into_par_iter().for_each(|(call, fault)| {
            for survival in survivals(call) {
                let case = format!("{durability:?}, {fault:?} at call {call} of {calls}, {survival:?}");
                let storage = FaultyStorage::new();
                storage.inject(call, fault);
                let told = script.record(&storage);
                storage.restart(survival);
                match TraceReader::open(&storage, path()) {
                    Ok(_) => assert_kept(&storage, &expected, &told, &case),
                    Err(fault) => {
                        assert_eq!((told.acknowledged, told.is_sealed), (0, false), "{case}: {fault}");
                    }
                }
                assert_recovers(&storage, &script, &expected, &case);
            }
        });
    }
}

/// The same over the end of a segment: its blocks, and the log of the next one.
#[test]
fn whatever_call_fails_around_the_end_of_a_segment_what_was_acknowledged_is_kept() {
    let script = Script { run: Run::Wide, durability: Durability::Group(4) };
    let expected = script.frames();
    let storage = FaultyStorage::new();
    assert!(script.record(&storage).is_sealed);
    assert_eq!(TraceReader::open(&storage, path()).unwrap().segments(), 2);
    let cases: Vec<(u64, Fault)> =
        (0..storage.calls()).flat_map(|call| FAULTS.map(|fault| (call, fault))).collect();
    cases.into_par_iter().for_each(|(call, fault)| {
        let survival = if call.is_multiple_of(3) { Survival::Nothing } else { Survival::Sectors(call) };
        let case = format!("{fault:?} at call {call}, {survival:?}");
        let storage = FaultyStorage::new();
        storage.inject(call, fault);
        let told = script.record(&storage);
        storage.restart(survival);
        match TraceReader::open(&storage, path()) {
            Ok(_) => assert_kept(&storage, &expected, &told, &case),
            Err(fault) => assert_eq!((told.acknowledged, told.is_sealed), (0, false), "{case}: {fault}"),
        }
        assert_recovers(&storage, &script, &expected, &case);
    });
}

/// What is left to the system may be gone after a crash of the system, or torn; it is never taken for what it is not.
#[test]
fn a_trace_left_to_the_system_is_whole_or_shows_that_it_is_not() {
    let script = Script { run: Run::Enforced, durability: Durability::LeftToSystem };
    let storage = FaultyStorage::new();
    assert!(script.record(&storage).is_sealed);
    let (calls, whole) = (storage.calls(), storage.bytes_of(path()).unwrap());
    let mut torn = 0;
    for (call, seed) in (0..=calls).flat_map(|call| (0..20).map(move |seed| (call, seed))) {
        let storage = FaultyStorage::new();
        storage.inject(call, Fault::Crash);
        script.record(&storage);
        storage.restart(Survival::Sectors(seed));
        let Some(bytes) = storage.bytes_of(path()) else { continue };
        let valid = replayed(&storage).valid;
        assert_eq!(valid == Valid::Reproduced, bytes == whole, "call {call}, seed {seed}: {valid}");
        torn += u32::from(bytes != whole);
    }
    assert!(torn > 0, "some were torn");
}

#[test]
fn a_recovery_that_fails_itself_loses_nothing_either() {
    let script = Script { run: Run::Enforced, durability: Durability::EveryRecord };
    let expected = script.frames();
    let interrupted = || {
        let storage = FaultyStorage::new();
        storage.inject(26, Fault::Crash);
        let told = script.record(&storage);
        storage.restart(Survival::Sectors(7));
        (storage, told)
    };
    let calls = {
        let (storage, told) = interrupted();
        assert!(told.acknowledged > 5 && !told.is_sealed);
        let recovered = Recorder::recover(storage.clone(), path(), script.options());
        drop(recovered.unwrap());
        storage.calls()
    };
    assert!(calls > 5);
    let cases: Vec<(u64, Fault)> = (0..calls).flat_map(|call| FAULTS.map(|fault| (call, fault))).collect();
    cases.into_par_iter().for_each(|(call, fault)| {
        for survival in [Survival::Nothing, Survival::Sectors(call)] {
            let case = format!("{fault:?} at call {call} of {calls} of the recovery, {survival:?}");
            let (storage, told) = interrupted();
            storage.inject(call, fault);
            drop(Recorder::recover(storage.clone(), path(), script.options()));
            storage.restart(survival);
            let frames = frames_in(&storage);
            assert!(frames.len() as u64 >= told.acknowledged, "{case}");
            let kept = frames.len().min(told.acknowledged as usize);
            assert_eq!(frames[..kept], expected[..kept], "{case}");
            assert_recovers(&storage, &script, &expected, &case);
        }
    });
}

#[test]
fn a_fault_that_wrote_nothing_is_passed_by_flushing_again() {
    let script = Script { run: Run::Enforced, durability: Durability::EveryRecord };
    let expected = script.frames();
    let calls = {
        let storage = FaultyStorage::new();
        assert!(script.record(&storage).is_sealed);
        storage.calls()
    };
    let mut passed = 0;
    for (call, fault) in (0..calls).flat_map(|call| [(call, Fault::Failed), (call, Fault::Short)]) {
        let storage = FaultyStorage::new();
        let opening = runs::opening(Mode::Enforced);
        let recorder = Recorder::create(storage.clone(), path(), opening, script.options()).unwrap();
        storage.inject(call, fault);
        let (mut failed, mut unknown) = (false, false);
        for draft in Run::Enforced.drafts(&recorder).into_iter().skip(1) {
            let Err(error) = recorder.append(draft) else { continue };
            failed = true;
            match error.effect() {
                Some(Effect::NothingWritten) => recorder.flush().unwrap(),
                Some(Effect::Unknown) | None => {
                    unknown = true;
                    break;
                }
            }
        }
        if failed && !unknown {
            let _ = recorder.seal().unwrap();
            assert_eq!(frames_in(&storage), expected, "{fault:?} at call {call}: each record once");
            assert_eq!(replayed(&storage).valid, Valid::Reproduced);
            passed += 1;
        }
    }
    assert!(passed > 10, "{passed}");
}

#[test]
fn threads_that_share_a_recorder_make_one_run_that_replays() {
    const THREADS: u32 = 8;
    const TURNS: u32 = 12;
    for durability in [Durability::EveryRecord, Durability::Group(7), Durability::OnSeal] {
        let storage = FaultyStorage::new();
        let opening = runs::opening(Mode::Observed);
        let options =
            Options { clock: Arc::new(ManualClock::new(runs::time(1))), ..options(durability, b"threads") };
        let recorder = Recorder::create(storage.clone(), path(), opening, options).unwrap();
        let taken: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let recorder = &recorder;
                    scope.spawn(move || append_calls(recorder, thread, TURNS))
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let distinct: BTreeSet<u64> = taken.iter().copied().collect();
        let records = 1 + u64::from(THREADS * TURNS * 2);
        assert_eq!(distinct, (1..records).collect(), "numbers are dense, each once");
        recorder.append(runs::closing(records - 1, 2)).unwrap();
        recorder.seal().unwrap();
        let report = replayed(&storage);
        assert_eq!((report.valid, report.records), (Valid::Reproduced, records + 1), "{report:#?}");
    }
}

/// Other threads propose calls all the while: none gets in between the ends of the open calls and the closing record.
#[test]
fn a_run_that_closes_while_threads_append_closes_over_no_open_call() {
    for _ in 0..20 {
        let storage = FaultyStorage::new();
        let with = Options { open_calls: OpenCalls::End, ..options(Durability::Group(50), b"closing") };
        let opening = runs::opening(Mode::Observed);
        let recorder = Recorder::create(storage.clone(), path(), opening, with).unwrap();
        thread::scope(|scope| {
            for thread in 0..3 {
                let recorder = &recorder;
                scope.spawn(move || append_until_stopped(recorder, thread));
            }
            while recorder.records().unwrap() < 20 {
                thread::yield_now();
            }
            recorder.append(runs::closing(0, 1_000)).unwrap();
        });
        recorder.seal().unwrap();
        let report = replayed(&storage);
        assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
        let unpaired = report.gaps.iter().find(|gap| matches!(gap, Gap::UnpairedCalls(_)));
        assert_eq!(unpaired, None);
        assert!(report.findings.items().iter().all(|finding| finding.rule != Rule::Run3), "{report:#?}");
    }
}

/// Appends calls and their results at places of their own; returns the numbers of their records.
fn append_calls(recorder: &Recorder<FaultyStorage>, thread: u32, turns: u32) -> Vec<u64> {
    let mut taken = Vec::new();
    for turn in 0..turns {
        let template = runs::observed(1);
        let place = Place { agent: runs::id(&format!("agent-{thread}")), turn, index: 0, attempt: 0 };
        for mut draft in [template[4].clone(), template[5].clone()] {
            draft.place = Some(place.clone());
            draft.time = None;
            draft.causes = Causes::of([0]);
            taken.push(recorder.append(draft).unwrap().sequence);
        }
    }
    taken
}

#[test]
fn what_threads_were_told_is_durable_is_kept_when_the_machine_stops() {
    for call in [60, 90, 130] {
        for durability in [Durability::EveryRecord, Durability::Group(3)] {
            let storage = FaultyStorage::new();
            let opening = runs::opening(Mode::Observed);
            let recorder =
                Recorder::create(storage.clone(), path(), opening, options(durability, b"threads")).unwrap();
            storage.inject(call, Fault::Crash);
            let told: u64 = thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|thread| {
                        let recorder = &recorder;
                        scope.spawn(move || append_until_stopped(recorder, thread))
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
            });
            drop(recorder);
            storage.restart(Survival::Nothing);
            assert!(told > 5);
            assert!(frames_in(&storage).len() as u64 >= told, "{durability:?}, call {call}");
            assert_eq!(replayed(&storage).valid, Valid::Reproduced);
        }
    }
}

/// Appends until the recorder fails; returns how many records it was told to be durable.
fn append_until_stopped(recorder: &Recorder<FaultyStorage>, thread: u32) -> u64 {
    let mut told = 0;
    for turn in 0..100_000 {
        let mut draft = runs::observed(1).swap_remove(4);
        draft.place = Some(Place { agent: runs::id(&format!("agent-{thread}")), turn, index: 0, attempt: 0 });
        match recorder.append(draft) {
            Ok(appended) if appended.is_durable => told = appended.sequence + 1,
            Ok(_) => {}
            Err(_) => return told,
        }
    }
    panic!("the recorder was to stop");
}

/// The records of a group commit together: before it a crash takes all of them, after it none.
#[test]
fn a_group_of_records_is_durable_together() {
    let recorded = |appended: usize, flush: bool| {
        let storage = FaultyStorage::new();
        let opening = runs::opening(Mode::Observed);
        let recorder =
            Recorder::create(storage.clone(), path(), opening, options(Durability::Group(3), b"group"))
                .unwrap();
        let drafts = runs::observed(2).into_iter().skip(1).take(appended);
        let durable: Vec<bool> = drafts.map(|draft| recorder.append(draft).unwrap().is_durable).collect();
        if flush {
            recorder.flush().unwrap();
        }
        drop(recorder);
        storage.restart(Survival::Nothing);
        (durable, frames_in(&storage).len())
    };
    assert_eq!(recorded(0, false), (vec![], 1), "the opening record is durable when the run is open");
    assert_eq!(recorded(2, false), (vec![false, false], 1));
    assert_eq!(recorded(2, true), (vec![false, false], 3));
    assert_eq!(recorded(3, false), (vec![false, false, true], 4));
    assert_eq!(recorded(5, false), (vec![false, false, true, false, false], 4));
}

#[test]
fn every_commit_ends_with_a_signed_head_over_all_records_so_far() {
    let storage = FaultyStorage::new();
    let opening = runs::opening(Mode::Observed);
    let recorder =
        Recorder::create(storage.clone(), path(), opening, options(Durability::EveryRecord, b"head"))
            .unwrap();
    for (taken, draft) in (1..).zip(runs::observed(2).into_iter().skip(1)) {
        let reader = TraceReader::open(&storage, path()).unwrap();
        let open = reader.open_segment().unwrap();
        assert_eq!((open.records(), open.attested()), (taken, taken));
        recorder.append(draft).unwrap();
    }
}

/// A permit may be used when the decision was taken, and the tool called when the dispatch was: so they are durable, with what stands before
/// them.
#[test]
fn decisions_and_dispatches_wait_for_no_group() {
    let storage = FaultyStorage::new();
    let opening = runs::opening(Mode::Enforced);
    let recorder =
        Recorder::create(storage.clone(), path(), opening, options(Durability::Group(1_000), b"dispatch"))
            .unwrap();
    for draft in Run::Enforced.drafts(&recorder).into_iter().skip(1) {
        let is_relied_on = matches!(draft.body.kind(), Kind::DecisionMade | Kind::ToolDispatched);
        let appended = recorder.append(draft).unwrap();
        assert_eq!(appended.is_durable, is_relied_on, "record {}", appended.sequence);
    }
}

/// A run of [`runs::enforced`] stopped after the record of this kind.
fn stopped_after(kind: Kind) -> FaultyStorage {
    let storage = FaultyStorage::new();
    let opening = runs::opening(Mode::Enforced);
    let recorder =
        Recorder::create(storage.clone(), path(), opening, options(Durability::EveryRecord, b"stop"))
            .unwrap();
    append_up_to(&recorder, kind);
    drop(recorder);
    storage.restart(Survival::Nothing);
    storage
}

/// Appends drafts of the run up to the one of this kind.
fn append_up_to(recorder: &Recorder<FaultyStorage>, kind: Kind) {
    let drafts = Run::Enforced.drafts(recorder);
    let end = drafts.iter().position(|draft| draft.body.kind() == kind).unwrap();
    drafts.into_iter().take(end + 1).skip(1).for_each(|draft| drop(recorder.append(draft).unwrap()));
}

fn last_records(storage: &FaultyStorage, count: usize) -> Vec<Record> {
    let frames = frames_in(storage);
    frames[frames.len() - count..].iter().map(|frame| Record::decode_frame(frame).unwrap().0).collect()
}

#[test]
fn a_dispatched_call_becomes_unknown_at_recovery_and_is_not_dispatched_again() {
    let storage = stopped_after(Kind::ToolDispatched);
    let (recorder, report) =
        Recorder::recover(storage.clone(), path(), options(Durability::EveryRecord, b"again")).unwrap();
    assert_eq!((report.attested, report.unattested), (10, 0));
    let last = last_records(&storage, 1).swap_remove(0);
    let Body::ToolUnknown(unknown) = &last.input.body else { panic!("{last:?}") };
    assert_eq!(unknown.reason, UnknownReason::Crash);
    assert!(last.derived.breaches.is_empty(), "{:?}", last.derived.breaches);

    let dispatch =
        Run::Enforced.drafts(&recorder).into_iter().find(|draft| draft.body.kind() == Kind::ToolDispatched);
    assert_eq!(recorder.append(dispatch.unwrap()).unwrap().outcome, Outcome::Refused);
    recorder.append(runs::closing(11, 1_000)).unwrap();
    recorder.seal().unwrap();
    let report = replayed(&storage);
    assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
    assert_eq!((report.failures.total(), report.findings.total()), (0, 0), "{report:#?}");
}

#[test]
fn a_call_that_was_not_dispatched_goes_on_after_recovery() {
    for kind in [Kind::ToolProposed, Kind::ToolValidated, Kind::ToolRequested, Kind::DecisionMade] {
        let storage = stopped_after(kind);
        let script = Script { run: Run::Enforced, durability: Durability::EveryRecord };
        let options = options(Durability::EveryRecord, b"stop");
        let (recorder, _) = Recorder::recover(storage.clone(), path(), options).unwrap();
        script.go_on(recorder, &mut 0).unwrap();
        assert_eq!(replayed(&storage).valid, Valid::Reproduced);
        assert_eq!(frames_in(&storage).len(), script.frames().len(), "{kind}: nothing was added");
    }
}

#[test]
fn calls_that_are_open_when_the_run_closes_are_ended_first() {
    for (kind, ended) in [(Kind::ToolProposed, Kind::ToolBlocked), (Kind::ToolDispatched, Kind::ToolUnknown)]
    {
        let storage = stopped_after(Kind::RunOpened);
        let options = Options { open_calls: OpenCalls::End, ..options(Durability::EveryRecord, b"stop") };
        let (recorder, _) = Recorder::recover(storage.clone(), path(), options).unwrap();
        append_up_to(&recorder, kind);
        recorder.append(runs::closing(0, 1_000)).unwrap();
        recorder.seal().unwrap();
        let last: Vec<Kind> =
            last_records(&storage, 2).iter().map(|record| record.input.body.kind()).collect();
        assert_eq!(last, [ended, Kind::RunClosed]);
        let report = replayed(&storage);
        assert_eq!((report.valid, report.findings.total()), (Valid::Reproduced, 0), "{report:#?}");
    }
}

/// Spec: recovery-verified.
#[test]
fn a_trace_that_stores_what_nobody_signed_is_not_gone_on_with() {
    let go_on = |storage: &FaultyStorage| {
        let options = options(Durability::EveryRecord, b"again");
        Recorder::recover(storage.clone(), path(), options).map(drop)
    };
    let whole = Trace::read(&recorded_with(runs::observed(2), options(Durability::OnSeal, b"stop")));
    for (name, content, is_refused) in [
        ("nothing more", None, false),
        ("a content that no record lists", Some(StoredContent::of(b"nobody signed this")), true),
        ("a content twice", Some(whole.parts[0].contents[0].clone()), true),
    ] {
        let mut trace = whole.clone();
        trace.parts[0].contents.extend(content);
        let bytes = trace.write();
        let end = Block::of(&bytes).into_iter().find(|block| block.kind == Block::HEADER).unwrap().end();
        let storage = FaultyStorage::new();
        storage.put(path(), bytes[..end].to_vec());
        let before = storage.bytes_of(path());
        let found = go_on(&storage);
        assert_eq!(matches!(found, Err(RecordError::Unlisted { .. })), is_refused, "{name}: {found:?}");
        assert!(!is_refused || storage.bytes_of(path()) == before, "{name}");
    }

    // The same in the log.
    let storage = stopped_after(Kind::ToolProposed);
    let stuffed = StoredContent::of(b"nobody signed this");
    add_entry(&storage, 18, |entry| {
        let length = (stuffed.bytes.len() as u64).to_le_bytes();
        *entry = [&stuffed.commitment.0[..], &stuffed.salt, &length, &stuffed.bytes].concat();
    });
    let found = go_on(&storage);
    assert!(matches!(found, Err(RecordError::Unlisted { .. })), "{found:?}");
}

#[test]
fn a_run_that_was_closed_before_the_stop_is_sealed_after_it() {
    for open_calls in [OpenCalls::Leave, OpenCalls::End] {
        let storage = stopped_after(Kind::ToolDispatched);
        let with = || Options { open_calls, ..options(Durability::EveryRecord, b"stop") };
        let (recorder, _) = Recorder::recover(storage.clone(), path(), with()).unwrap();
        recorder.append(runs::closing(0, 1_000)).unwrap();
        drop(recorder);
        storage.restart(Survival::Nothing);
        let (recorder, _) = Recorder::recover(storage.clone(), path(), with()).unwrap();
        let refused = recorder.append(runs::closing(0, 1_001)).unwrap_err();
        assert!(matches!(refused, RecordError::Append(AppendError::Closed)), "{refused}");
        recorder.seal().unwrap();
        assert_eq!(replayed(&storage).valid, Valid::Reproduced);
    }
}

/// An observed run closed over a call that had been dispatched, as an importer leaves it: there is no end to add after the closing record.
#[test]
fn a_closed_run_with_an_open_call_is_sealed_after_a_stop() {
    let storage = FaultyStorage::new();
    let with = || options(Durability::EveryRecord, b"closed");
    let recorder = Recorder::create(storage.clone(), path(), runs::opening(Mode::Enforced), with()).unwrap();
    append_up_to(&recorder, Kind::ToolDispatched);
    recorder.append(runs::closing(8, 1_000)).unwrap();
    drop(recorder);
    storage.restart(Survival::Everything);
    let (recorder, _) = Recorder::recover(storage.clone(), path(), with()).unwrap();
    recorder.seal().unwrap();
    let report = replayed(&storage);
    assert_eq!(report.valid, Valid::Reproduced);
    assert!(report.gaps.contains(&Gap::UnpairedCalls(1)), "{:?}", report.gaps);
}

#[test]
fn a_run_is_sealed_once_closed_and_only_then() {
    let recorder = |durability| {
        let storage = FaultyStorage::new();
        let opening = runs::opening(Mode::Observed);
        (storage.clone(), Recorder::create(storage, path(), opening, options(durability, b"seal")).unwrap())
    };
    let (_, open) = recorder(Durability::EveryRecord);
    assert!(matches!(open.seal().unwrap_err(), RecordError::NotClosed));

    let (storage, closed) = recorder(Durability::EveryRecord);
    closed.append(runs::closing(0, 1)).unwrap();
    let after = closed.append(runs::closing(1, 2)).unwrap_err();
    assert!(matches!(after, RecordError::Append(AppendError::Closed)));
    let sealed = closed.seal().unwrap();
    assert_eq!((sealed.records, sealed.bytes), (2, storage.bytes_of(path()).unwrap().len() as u64));
    assert_eq!(storage.paths(), [path()], "the log is gone");
    let again = Recorder::recover(storage, path(), options(Durability::EveryRecord, b"seal"));
    assert!(again.is_err(), "a sealed run is not written on");
}

#[test]
fn a_run_has_one_recorder_at_a_time() {
    let storage = FaultyStorage::new();
    let with = || options(Durability::EveryRecord, b"one");
    let opening = || runs::opening(Mode::Observed);
    let first = Recorder::create(storage.clone(), path(), opening(), with()).unwrap();
    let again = Recorder::create(storage.clone(), path(), opening(), with()).err().unwrap();
    assert!(matches!(again, RecordError::Write(WriteFault::Misuse(Misuse::Exists))), "{again}");
    let locked = Recorder::recover(storage.clone(), path(), with()).err().unwrap();
    let is_locked =
        matches!(locked, RecordError::Transfer(TransferFault::Write(WriteFault::Misuse(Misuse::Locked))));
    assert!(is_locked, "{locked}");
    drop(first);
    assert!(Recorder::recover(storage, path(), with()).is_ok());
}

/// Under rules that it does not have, a recorder could only guess.
#[test]
fn a_run_under_an_unknown_rule_set_is_not_gone_on_with() {
    let storage = FaultyStorage::new();
    let (disk, signer) = (rederive_archive::Durability::EachCommit, traces::key());
    let trace = Trace::read(&traces::recorded(runs::observed(1)));
    let mut record = trace.records().swap_remove(0);
    let Body::RunOpened(opening) = &mut record.input.body else { panic!() };
    opening.rule_set.number = 9;
    let run = opening.run;
    let frame = record.append_frame(Vec::new()).unwrap();
    let disk = rederive_archive::Options { durability: disk, packing: rederive_archive::Packing::Hot };
    let mut writer = rederive_archive::TraceWriter::create(storage.clone(), path(), run, disk).unwrap();
    writer.append_record(&frame, &[]).unwrap();
    let head = Head {
        version: Version::One,
        run,
        segment: 0,
        records: 1,
        root: digest(Purpose::Leaf, &frame),
        previous: Digest::ZERO,
    };
    writer.commit(sign(head, &signer).unwrap().as_bytes()).unwrap();
    drop(writer);
    let refused =
        Recorder::recover(storage, path(), options(Durability::EveryRecord, b"nine")).err().unwrap();
    assert!(matches!(refused, RecordError::UnknownRuleSet { number: 9 }), "{refused}");
}

#[test]
fn a_draft_that_cannot_be_recorded_changes_nothing() {
    let storage = FaultyStorage::new();
    let opening = runs::opening(Mode::Observed);
    let recorder =
        Recorder::create(storage.clone(), path(), opening, options(Durability::EveryRecord, b"bad")).unwrap();
    let mut without_content = runs::observed(1).swap_remove(1);
    without_content.contents.clear();
    let refused = recorder.append(without_content).unwrap_err();
    assert!(matches!(refused, RecordError::Append(AppendError::NoSuchContent { index: 0, listed: 0 })));
    let mut large = runs::observed(1).swap_remove(2);
    let Body::PromptSent(sent) = &mut large.body else { panic!() };
    sent.tools = (0..4_000).map(|tool| runs::id(&format!("a-tool-with-a-long-name-{tool}"))).collect();
    let refused = recorder.append(large).unwrap_err();
    assert!(matches!(refused, RecordError::Append(AppendError::RecordTooLarge { .. })), "{refused}");
    assert_eq!(refused.effect(), Some(Effect::NothingWritten));
    assert_eq!(recorder.records().unwrap(), 1);
    recorder.append(runs::closing(0, 1)).unwrap();
    recorder.seal().unwrap();
    assert_eq!(replayed(&storage).valid, Valid::Reproduced);
}

/// Time never runs backwards in a record that the recorder timed; the step is flagged.
#[test]
fn a_clock_that_steps_back_is_flagged_and_not_followed() {
    let storage = FaultyStorage::new();
    let clock = Arc::new(ManualClock::new(runs::time(10)));
    let options = Options { clock: Arc::clone(&clock) as _, ..options(Durability::EveryRecord, b"clock") };
    let mut opening = runs::opening(Mode::Observed);
    opening.time = None;
    let recorder = Recorder::create(storage.clone(), path(), opening, options).unwrap();
    let mut given = runs::observed(1).swap_remove(1);
    given.time = None;
    clock.set(runs::time(5));
    recorder.append(given.clone()).unwrap();
    clock.set(runs::time(11));
    recorder.append(given).unwrap();
    let records = last_records(&storage, 3);
    let times: Vec<_> =
        records.iter().map(|record| (record.input.time.unwrap(), record.input.clock_stepped)).collect();
    assert_eq!(times, [(runs::time(10), false), (runs::time(10), true), (runs::time(11), false)]);
}

/// Spec: content-once.
/// The secret of the run is gone; contents that the trace has keep their commitments, others get theirs under a new one.
#[test]
fn contents_keep_their_commitments_over_a_recovery() {
    let storage = stopped_after(Kind::ToolProposed);
    let with = |seed: &[u8]| options(Durability::EveryRecord, seed);
    let commitments = |seed: &[u8]| {
        let (recorder, _) = Recorder::recover(storage.clone(), path(), with(seed)).unwrap();
        [b"question 0".as_slice(), b"a new one"].map(|bytes| recorder.commitment(bytes).unwrap())
    };
    let (one, other) = (commitments(b"one"), commitments(b"other"));
    assert_eq!(one[0], other[0]);
    assert_ne!(one[1], other[1]);
    let listed = last_records(&storage, 4).swap_remove(0).input.contents[0].commitment;
    assert_eq!(one[0], listed, "the question's");
}

#[test]
fn equal_content_is_committed_to_once_in_a_run_and_otherwise_in_another() {
    let storage = FaultyStorage::new();
    let opening = || runs::opening(Mode::Observed);
    let recorder =
        Recorder::create(storage.clone(), path(), opening(), options(Durability::EveryRecord, b"one"))
            .unwrap();
    let before = recorder.commitment(b"question 0").unwrap();
    for draft in runs::observed(1).into_iter().skip(1) {
        recorder.append(draft).unwrap();
    }
    assert_eq!(recorder.commitment(b"question 0").unwrap(), before);
    recorder.seal().unwrap();
    let trace = Trace::read(&storage.bytes_of(path()).unwrap());
    let listed = trace
        .records()
        .iter()
        .flat_map(|r| r.input.contents.clone())
        .filter(|c| c.commitment == before)
        .count();
    let stored = trace.parts[0].contents.iter().filter(|content| content.commitment == before).count();
    assert_eq!((listed, stored), (2, 1), "two records name it, the file has it once");

    let other =
        Recorder::create(FaultyStorage::new(), path(), opening(), options(Durability::EveryRecord, b"two"))
            .unwrap();
    assert_ne!(other.commitment(b"question 0").unwrap(), before);
    assert_ne!(before, Digest::ZERO);
}
