//! A real process that records is killed with SIGKILL at any instant, again and again: what it acknowledged on its standard output is in the
//! trace, the trace replays, and the run goes on and is sealed.
//!
//! The process is this test binary once more: [`writer`] is what it runs. `REDERIVE_FULL` kills many more.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rederive_archive::storage::OsStorage;
use rederive_archive::{End, TraceReader};
use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Causes, Record};
use rederive_evidence::values::{Mode, Place};
use rederive_recorder::{Durability, OpenCalls, Options, RecordError, Recorder, SystemClock};
use rederive_replay::{Gap, Level, Report, Valid, replay};

use crate::runs;
use crate::traces::{key, split};

/// The folder that the writer writes to; without it there is nothing to write.
const FOLDER: &str = "REDERIVE_KILLED_FOLDER";
/// How it writes: a mode's name.
const MODE: &str = "REDERIVE_KILLED_MODE";
/// Records after which the writer closes and seals the run.
const RECORDS: u64 = 600;

/// How the writer makes records durable.
#[derive(Clone, Copy, Debug)]
enum Writing {
    EveryRecord,
    Groups,
    Threads,
}

impl Writing {
    const ALL: [Self; 3] = [Self::EveryRecord, Self::Groups, Self::Threads];

    fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|writing| format!("{writing:?}") == name).unwrap()
    }

    fn options(self) -> Options {
        let durability = match self {
            Self::EveryRecord | Self::Threads => Durability::EveryRecord,
            Self::Groups => Durability::Group(5),
        };
        Options {
            durability,
            signer: Some(Arc::new(key())),
            clock: Arc::new(SystemClock),
            open_calls: OpenCalls::End,
            ..Options::default()
        }
    }
}

fn trace_in(folder: &Path) -> PathBuf {
    folder.join("run.rdt")
}

/// Begins the run or goes on with it.
fn open(folder: &Path, writing: Writing) -> Result<Recorder<OsStorage>, RecordError> {
    let path = trace_in(folder);
    let mut opening = runs::opening(Mode::Observed);
    opening.time = None;
    match Recorder::create(OsStorage, &path, opening, writing.options()) {
        Ok(recorder) => Ok(recorder),
        Err(_) => Recorder::recover(OsStorage, &path, writing.options()).map(|(recorder, _)| recorder),
    }
}

/// A record with a content that no other has; one in eight is so large that segments close often.
fn draft(thread: u32, number: u64) -> (Draft, String) {
    let template = runs::observed(1);
    let mut draft = template[if number.is_multiple_of(8) { 2 } else { 4 }].clone();
    let text = format!("\"{thread}.{number}\"");
    draft.contents[0].bytes = text.clone().into_bytes();
    draft.time = None;
    draft.causes = Causes::of([0]);
    let agent = runs::id(&format!("agent-{thread}"));
    draft.place = Some(Place { agent, turn: number as u32, index: 0, attempt: 0 });
    if let Body::PromptSent(sent) = &mut draft.body {
        sent.tools = (0..500).map(|tool| runs::id(&format!("{tool:0100}"))).collect();
    }
    (draft, text)
}

fn acknowledge(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn append(recorder: &Recorder<OsStorage>, thread: u32, most: u64) {
    // Texts that were taken before the flush of their group are acknowledged with it.
    let mut waiting: Vec<(u64, String)> = Vec::new();
    loop {
        let number = recorder.records().unwrap();
        if number >= most {
            return;
        }
        let (draft, text) = draft(thread, number);
        let appended = recorder.append(draft).unwrap();
        waiting.push((appended.sequence, text));
        if appended.is_durable {
            waiting.drain(..).for_each(|(sequence, text)| acknowledge(&format!("durable {sequence} {text}")));
        }
    }
}

/// The process that is killed. As a test of its own it does nothing.
#[test]
#[ignore = "runs in a process of its own, which the tests below start and kill"]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let writing = Writing::of(&std::env::var(MODE).unwrap());
    let recorder = open(&folder, writing).unwrap();
    acknowledge("open");
    match writing {
        Writing::EveryRecord | Writing::Groups => append(&recorder, 0, RECORDS),
        Writing::Threads => thread::scope(|scope| {
            for thread in 0..4 {
                let recorder = &recorder;
                scope.spawn(move || append(recorder, thread, RECORDS));
            }
        }),
    }
    close(&recorder);
    acknowledge("closed");
    recorder.seal().unwrap();
    acknowledge("sealed");
}

/// Ends the run, unless a writer did that was killed before its seal.
fn close(recorder: &Recorder<OsStorage>) {
    let last = recorder.records().unwrap() - 1;
    let mut closing = runs::closing(last, 0);
    closing.time = None;
    match recorder.append(closing) {
        Ok(_) | Err(RecordError::Append(rederive_recorder::AppendError::Closed)) => {}
        Err(error) => panic!("{error}"),
    }
}

fn start(folder: &Path, writing: Writing) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::writer", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(MODE, format!("{writing:?}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a killed process had acknowledged.
#[derive(Default)]
struct Told {
    durable: Vec<(u64, String)>,
    is_open: bool,
    is_closed: bool,
    is_sealed: bool,
}

/// From when on the time to the kill counts: recovery, too, is to be killed.
#[derive(Clone, Copy, Debug)]
enum Since {
    Start,
    Open,
}

/// Starts the writer, kills it after this time, and reads what it had said.
fn killed_after(since: Since, delay: Duration, folder: &Path, writing: Writing) -> Told {
    let mut child = start(folder, writing);
    let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (says, said) = std::sync::mpsc::channel();
    let lines = thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.inspect(|line| says.send(line.ends_with("open")).unwrap_or_default()).collect::<Vec<_>>()
    });
    if let Since::Open = since {
        while let Ok(false) = said.recv() {}
    }
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut errors = String::new();
    stderr.read_to_string(&mut errors).unwrap();
    assert!(!errors.contains("panicked"), "{errors}");
    let mut told = Told::default();
    for line in lines.join().unwrap() {
        // The harness writes what it runs in front of the first line.
        let line = line.rsplit("... ").next().unwrap();
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["durable", sequence, text] => told.durable.push((sequence.parse().unwrap(), (*text).to_owned())),
            ["open"] => told.is_open = true,
            ["closed"] => told.is_closed = true,
            ["sealed"] => told.is_sealed = true,
            _ => {}
        }
    }
    told
}

fn replayed(folder: &Path) -> Report {
    let options = rederive_replay::Options { level: Level::State, ..Default::default() };
    replay(&OsStorage, &trace_in(folder), &options).unwrap()
}

/// Everything acknowledged stands in the trace, at its number and with its content, and the trace replays.
fn assert_kept(folder: &Path, told: &Told, case: &str) {
    let report = replayed(folder);
    if !told.is_open && report.records == 0 {
        return;
    }
    assert_eq!(report.valid, Valid::Reproduced, "{case}: {report:#?}");
    assert_eq!(report.failures.total(), 0, "{case}");
    let reader = TraceReader::open(&OsStorage, &trace_in(folder)).unwrap();
    assert!(!told.is_sealed || *reader.end() == End::Sealed, "{case}");
    let mut frames = Vec::new();
    let mut stored = std::collections::BTreeMap::new();
    for number in 0..reader.segments() {
        let segment = reader.segment(number).unwrap();
        let mut buffer = rederive_archive::BlockBuffer::new();
        frames.extend(split(segment.frames(&mut buffer).unwrap()));
        for block in segment.content_blocks() {
            for content in block.contents(&mut buffer).unwrap() {
                let content = content.unwrap();
                stored.insert(content.commitment, content.bytes.to_vec());
            }
        }
    }
    if let Some(open) = reader.open_segment() {
        frames.extend(split(open.frames()));
        for record in 0..open.records() {
            open.read_contents_of::<rederive_archive::ReadFault>(record, |content| {
                stored.insert(content.commitment, content.bytes.to_vec());
                Ok(())
            })
            .unwrap();
        }
    }
    assert!(!told.is_closed || frames.len() as u64 >= RECORDS, "{case}");
    for (sequence, text) in &told.durable {
        let frame =
            frames.get(*sequence as usize).unwrap_or_else(|| panic!("{case}: record {sequence} is lost"));
        let (record, _) = Record::decode_frame(frame).unwrap();
        assert_eq!(
            stored[&record.input.contents[0].commitment],
            text.as_bytes(),
            "{case}: record {sequence}"
        );
    }
}

/// Times that have no rhythm (SplitMix64).
struct Delays(u64);

impl Delays {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// Kills writers of one trace one after the other, then seals it.
fn kill_again_and_again(writing: Writing, kills: u32, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut delays = Delays(seed);
    let mut acknowledged = 0;
    for kill in 0..kills {
        let since = if kill % 2 == 0 { Since::Start } else { Since::Open };
        let delay = Duration::from_micros(delays.next(150_000));
        let case = format!("{writing:?}, seed {seed}, kill {kill}, {delay:?} after {since:?}");
        let told = killed_after(since, delay, folder.path(), writing);
        if trace_in(folder.path()).exists() {
            assert_kept(folder.path(), &told, &case);
        }
        acknowledged += told.durable.len();
        if told.is_sealed
            || (told.is_closed && replayed(folder.path()).gaps.iter().all(|gap| *gap != Gap::Unsealed))
        {
            break;
        }
    }
    let report = sealed(folder.path(), writing);
    assert_eq!(report.valid, Valid::Reproduced, "{writing:?}, seed {seed}: {report:#?}");
    assert!(!report.gaps.contains(&Gap::Unsealed), "{:?}", report.gaps);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["run.rdt"], "nothing stays beside a sealed trace");
    assert!(acknowledged > 0, "{writing:?}, seed {seed}: no kill came after an acknowledgement");
}

/// Ends the run and seals it, if the writer had not.
fn sealed(folder: &Path, writing: Writing) -> Report {
    let is_sealed =
        TraceReader::open(&OsStorage, &trace_in(folder)).is_ok_and(|reader| *reader.end() == End::Sealed);
    if is_sealed {
        // The log of a run that was killed right after its seal is no part of it.
        let recovery = rederive_archive::Recovery::open(OsStorage, &trace_in(folder)).unwrap();
        let left_by = recovery.reader().leftover_log_run();
        left_by.map_or(Ok(()), |run| recovery.remove_leftover_log(run)).unwrap();
        return replayed(folder);
    }
    let recorder = open(folder, writing).unwrap();
    close(&recorder);
    recorder.seal().unwrap();
    replayed(folder)
}

fn rounds() -> u64 {
    if std::env::var_os("REDERIVE_FULL").is_some() { 20 } else { 1 }
}

#[test]
fn a_writer_of_single_records_killed_at_any_instant_loses_nothing_acknowledged() {
    (0..rounds()).for_each(|seed| kill_again_and_again(Writing::EveryRecord, 12, seed));
}

#[test]
fn a_writer_of_groups_killed_at_any_instant_loses_nothing_acknowledged() {
    (0..rounds()).for_each(|seed| kill_again_and_again(Writing::Groups, 12, 100 + seed));
}

#[test]
fn a_writer_of_several_threads_killed_at_any_instant_loses_nothing_acknowledged() {
    (0..rounds()).for_each(|seed| kill_again_and_again(Writing::Threads, 12, 200 + seed));
}
