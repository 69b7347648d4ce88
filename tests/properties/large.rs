//! Runs of several spans: replay that begins at snapshots, samples, and the memory that a replay of millions of records takes.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use rederive_archive::TraceReader;
use rederive_archive::storage::{OsStorage, ReadAt};
use rederive_evidence::kinds::Body;
use rederive_evidence::limits::SPAN_BYTES_MIN;
use rederive_evidence::record::Record;
use rederive_machine::State;
use rederive_recorder::{Durability, Recorder};
use rederive_replay::{Level, Report, Sample, Valid, replay, replay_bytes, replay_reader};

use crate::runs;
use crate::traces::{Block, Trace, WITHOUT_BUNDLE, key, options, recorded, report};

/// A sealed run of three spans and a bit, whose prompts name so many tools that a span takes few records.
fn long() -> &'static [u8] {
    static LONG: OnceLock<Vec<u8>> = OnceLock::new();
    LONG.get_or_init(|| {
        let mut drafts = runs::observed(512);
        for draft in &mut drafts {
            if let Body::PromptSent(sent) = &mut draft.body {
                sent.tools = (0..500).map(|tool| runs::id(&format!("{tool:0100}"))).collect();
            }
        }
        recorded(drafts)
    })
}

/// Segments that end a span.
fn span_ends(trace: &Trace) -> Vec<usize> {
    (0..trace.parts.len()).filter(|segment| trace.header(*segment).state_root.is_some()).collect()
}

fn on_threads(threads: usize, bytes: &[u8], level: Level) -> Report {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| report(bytes, level))
}

/// Spec: span-end.
#[test]
fn a_long_run_has_spans_with_snapshots_and_replays_the_same_on_any_number_of_threads() {
    let trace = Trace::read(long());
    let ends = span_ends(&trace);
    assert!(ends.len() >= 3 && trace.parts.len() > ends[2] + 1, "{ends:?} of {}", trace.parts.len());
    let mut bytes = 0;
    for (segment, part) in trace.parts.iter().enumerate() {
        bytes += u64::from(trace.header(segment).frame_bytes);
        assert_eq!(part.snapshot.is_some(), bytes > SPAN_BYTES_MIN, "segment {segment}");
        assert_eq!(part.snapshot.is_some(), ends.contains(&segment));
        if part.snapshot.is_some() {
            bytes = 0;
        }
    }
    for level in &WITHOUT_BUNDLE {
        let one = on_threads(1, long(), *level);
        assert_eq!(one.valid, Valid::Reproduced, "{one:#?}");
        let more: &[usize] = if *level == Level::State { &[2, 8] } else { &[2] };
        more.iter().for_each(|threads| assert_eq!(on_threads(*threads, long(), *level), one));
    }
}

/// Something done to the hints of a trace.
type Harm = (&'static str, fn(&mut Trace, usize));

/// Spec: hints.
#[test]
fn a_snapshot_or_lineage_page_that_is_wrong_or_absent_changes_no_verdict() {
    let whole = Trace::read(long());
    let end = span_ends(&whole)[1];
    let sound = on_threads(1, long(), Level::State);
    let harms: [Harm; 6] = [
        ("no snapshot", |trace, end| trace.parts[end].snapshot = None),
        ("an entry missing", |trace, end| drop(trace.parts[end].snapshot.as_mut().unwrap().pop())),
        ("another value", |trace, end| {
            let (_, value) = trace.parts[end].snapshot.as_mut().unwrap().last_mut().unwrap();
            *value.last_mut().unwrap() ^= 1;
        }),
        ("the snapshot of the span before", |trace, end| {
            let before = trace.parts[..end].iter().rfind(|part| part.snapshot.is_some()).unwrap();
            trace.parts[end].snapshot = before.snapshot.clone();
        }),
        ("other marks", |trace, end| trace.parts[end].lineage.reverse()),
        ("no snapshot at all", |trace, _| trace.parts.iter_mut().for_each(|part| part.snapshot = None)),
    ];
    for (name, harm) in harms {
        let mut harmed = whole.clone();
        harm(&mut harmed, end);
        let bytes = harmed.write();
        let found = on_threads(2, &bytes, Level::State);
        assert_eq!(Report { bytes: sound.bytes, ..found }, sound, "{name}");
    }
}

/// A trace in memory that notes where it was read.
struct Watched {
    bytes: Vec<u8>,
    read: Mutex<Vec<Range<u64>>>,
}

impl ReadAt for &Watched {
    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read.lock().unwrap().push(offset..offset + buffer.len() as u64);
        self.bytes.as_slice().read_at(buffer, offset)
    }
}

/// The segments whose frames a replay of this sample reads.
fn segments_read(bytes: Vec<u8>, sample: Sample) -> (Report, Vec<usize>) {
    let frames: Vec<u64> = Block::of(&bytes)
        .iter()
        .filter(|block| block.kind == 1)
        .map(|block| block.payload().start as u64)
        .collect();
    let watched = Watched { bytes, read: Mutex::default() };
    let reader = TraceReader::of(&watched).unwrap();
    watched.read.lock().unwrap().clear();
    let options = rederive_replay::Options { sample: Some(sample), ..Default::default() };
    let report = replay_reader(&reader, &options).unwrap();
    let read = watched.read.lock().unwrap();
    let is_read = |at: &u64| read.iter().any(|range| range.contains(at));
    let segments = frames.iter().enumerate().filter(|(_, at)| is_read(at)).map(|(segment, _)| segment);
    (report, segments.collect())
}

/// A seed that draws this segment alone.
fn drawing(segment: usize, of: usize) -> Sample {
    let mut samples = (0..).map(|seed| Sample { segments: 1, seed });
    samples.find(|sample| sample.draw(of as u64) == [segment as u64]).unwrap()
}

/// That replay begins at a snapshot shows only in what it does not read.
#[test]
fn replay_begins_at_the_snapshot_before_and_one_span_earlier_where_that_is_wrong() {
    let whole = Trace::read(long());
    let (ends, count) = (span_ends(&whole), whole.parts.len());
    let sample = drawing(ends[2], count);
    // The opening record is read whatever is drawn: it names the rule set.
    let opening_and = |first: usize| [0].into_iter().chain(first..=ends[2]).collect::<BTreeSet<usize>>();
    let read = |trace: &Trace| {
        let (report, read) = segments_read(trace.write(), sample);
        assert_eq!((report.valid, report.sampled), (Valid::Sampled, Some((1, count as u64))), "{report:#?}");
        read.into_iter().collect::<BTreeSet<usize>>()
    };
    assert_eq!(read(&whole), opening_and(ends[1] + 1));
    let mut harmed = whole.clone();
    harmed.parts[ends[1]].snapshot.as_mut().unwrap().pop();
    assert_eq!(read(&harmed), opening_and(ends[0] + 1));
    harmed.parts[ends[0]].snapshot = None;
    assert_eq!(read(&harmed), opening_and(0));
}

/// The run of [`long`] with a derived value of the last record of this segment forged by who has the key.
fn lied_in(segment: usize) -> Vec<u8> {
    let mut trace = Trace::read(long());
    let frame = trace.parts[segment].frames.last_mut().unwrap();
    let (mut record, _) = Record::decode_frame(frame).unwrap();
    record.derived.delta.0[0] ^= 1;
    *frame = record.append_frame(Vec::new()).unwrap();
    trace.resigned(&key()).write()
}

/// Spec: verdict-deterministic.
#[test]
fn a_lie_is_told_alike_wherever_replay_began() {
    let ends = span_ends(&Trace::read(long()));
    // Two lies, so that the ranges of several threads meet them in any order; the lower one stands.
    let mut trace = Trace::read(&lied_in(ends[1] + 2));
    trace.parts[ends[0]].snapshot = None;
    let mut lower = Trace::read(&lied_in(ends[0] + 1));
    lower.parts[ends[1] + 2].frames.clone_from(&trace.parts[ends[1] + 2].frames);
    lower.parts[ends[0]].snapshot = None;
    for (trace, lie) in [(trace, ends[1] + 2), (lower.resigned(&key()), ends[0] + 1)] {
        let bytes = trace.write();
        let one = on_threads(1, &bytes, Level::State);
        assert_eq!(
            (one.valid, one.wrong.as_ref().unwrap().place.segment),
            (Valid::Diverged, Some(lie as u32))
        );
        assert_eq!(on_threads(8, &bytes, Level::State), one);
    }
}

/// Who has the key can sign a state root and give the snapshot that has it. Replay from there goes on as if nothing had happened; replay of what is
/// before it ends elsewhere.
#[test]
fn a_snapshot_forged_together_with_its_root_diverges_at_its_spans_end() {
    let mut trace = Trace::read(long());
    let end = span_ends(&trace)[0];
    let entries = trace.parts[end].snapshot.as_mut().unwrap();
    // A counter of the run's progress, or whatever else stands last.
    let forged: Vec<(Vec<u8>, Vec<u8>)> = entries[..entries.len() - 1].to_vec();
    let state =
        State::from_entries(forged.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))).unwrap();
    *entries = forged;
    trace.change_header(end, &key(), |header| header.state_root = Some(state.root()));
    let bytes = trace.resigned(&key()).write();
    let one = on_threads(1, &bytes, Level::State);
    let wrong = one.wrong.as_ref().unwrap();
    assert_eq!(
        (one.valid, wrong.code, wrong.place.segment),
        (Valid::Diverged, "D-STATE-ROOT", Some(end as u32))
    );
    assert_eq!(on_threads(8, &bytes, Level::State), one);
}

/// Spec: sample.
#[test]
fn a_sample_finds_a_lie_where_it_looks_and_never_says_reproduced() {
    let trace = Trace::read(long());
    let (ends, count) = (span_ends(&trace), trace.parts.len());
    let lie = ends[0] + 2;
    let bytes = lied_in(lie);
    let whole = report(&bytes, Level::State);
    assert_eq!((whole.valid, whole.wrong.unwrap().place.segment), (Valid::Diverged, Some(lie as u32)));
    let mut found = 0;
    for seed in 0..12 {
        let sample = Sample { segments: 4, seed };
        // A segment is derived from the snapshot before its span on: what stands between is derived too.
        let is_derived =
            sample.draw(count as u64).iter().any(|drawn| (lie..=ends[1]).contains(&(*drawn as usize)));
        let options = rederive_replay::Options { sample: Some(sample), ..Default::default() };
        let report = replay_bytes(&bytes, &options).unwrap();
        let expected = if is_derived { Valid::Diverged } else { Valid::Sampled };
        assert_eq!(report.valid, expected, "seed {seed}: {:?}", report.wrong);
        found += u32::from(is_derived);
    }
    assert!((2..12).contains(&found), "{found} of 12");
}

/// The number stated is the smallest that a draw misses with a chance of at most one in twenty: counted, over many draws.
#[test]
fn the_confidence_that_a_sample_states_is_the_one_it_has() {
    const DRAWS: u64 = 4_000;
    for (segments, of) in [(1, 20), (4, 60), (10, 60), (30, 200), (59, 60), (60, 60)] {
        let stated = Sample { segments, seed: 0 }.noticed_at_95_percent(of).unwrap();
        let missed = |altered: u64| {
            let missed = (0..DRAWS).filter(|seed| {
                Sample { segments, seed: *seed }.draw(of).iter().all(|drawn| *drawn >= altered)
            });
            missed.count() as u64
        };
        // Three standard deviations of a share of one in twenty over these draws.
        let (limit, slack) = (DRAWS / 20, 42);
        assert!(missed(stated) <= limit + slack, "{segments} of {of}: {stated} missed {}", missed(stated));
        assert!(
            stated == 1 || missed(stated - 1) + slack > limit,
            "{segments} of {of}: {stated} is not the smallest"
        );
    }
    assert_eq!(Sample { segments: 0, seed: 0 }.noticed_at_95_percent(60), None);
    for seed in 0..100 {
        let drawn = Sample { segments: 7, seed }.draw(20);
        assert!(drawn.len() == 7 && drawn.is_sorted() && drawn.iter().all(|segment| *segment < 20));
    }
}

/// Where the replayer finds the trace that it replays alone in its process.
const TRACE: &str = "REDERIVE_LARGE_TRACE";

/// The process whose memory is measured. As a test of its own it does nothing.
#[test]
#[ignore = "runs in a process of its own, which the test below starts"]
fn replayer() {
    let Some(path) = std::env::var_os(TRACE).map(PathBuf::from) else { return };
    let report = replay(&OsStorage, &path, &rederive_replay::Options::default()).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    println!("\nreplayed {} {} {}", report.valid, report.records, peak.split_whitespace().nth(1).unwrap());
}

/// Verdict, records and peak memory in KiB of a replay in a process of its own.
fn replayed_alone(path: &Path) -> (String, u64, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["large::replayer", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(TRACE, path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line =
        said.lines().find_map(|line| line.strip_prefix("replayed ")).unwrap_or_else(|| panic!("{said}"));
    let words: Vec<&str> = line.split(' ').collect();
    (words[0].to_owned(), words[1].parse().unwrap(), words[2].parse().unwrap())
}

/// Records a run of so many turns into a file. Returns how many records and bytes it has.
fn recorded_into(path: &Path, turns: u32) -> (u64, u64) {
    let mut drafts = runs::observed_on_and_on();
    let opening = drafts.next().unwrap();
    let recorder =
        Recorder::create(OsStorage, path, opening, options(Durability::LeftToSystem, b"large")).unwrap();
    let records = 1 + u64::from(turns) * runs::RECORDS_A_TURN;
    for draft in drafts.take(records as usize - 1) {
        recorder.append(draft).unwrap();
    }
    recorder.append(runs::closing(records - 1, u64::from(turns) * 10)).unwrap();
    (records + 1, recorder.seal().unwrap().bytes)
}

/// Memory of a replay is bounded by lineage, live state and segments in flight, not by the trace. Two million records where `REDERIVE_FULL` is
/// set.
#[test]
fn the_memory_of_a_replay_does_not_grow_with_the_trace() {
    if !Path::new("/proc/self/status").exists() {
        eprintln!("SKIPPED: this system does not tell how much memory a process had");
        return;
    }
    let is_full = std::env::var_os("REDERIVE_FULL").is_some();
    let (short, long) = if is_full { (40_000, 400_000) } else { (1_000, 8_000) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.rdt");
    let [(short, short_peak), (long, long_peak)] = [short, long].map(|turns| {
        let (records, bytes) = recorded_into(&path, turns);
        let (valid, replayed, peak) = replayed_alone(&path);
        assert_eq!((valid.as_str(), replayed), ("reproduced", records));
        eprintln!("{records} records, {bytes} bytes: {peak} KiB at most");
        std::fs::remove_file(&path).unwrap();
        (bytes, peak << 10)
    });
    assert!(long_peak < 300 << 20, "{long_peak} bytes for a trace of {long}");
    let (grown, longer) = (long_peak.saturating_sub(short_peak), long - short);
    assert!(grown < longer / 4, "{grown} bytes more for {longer} bytes more of trace");
}
