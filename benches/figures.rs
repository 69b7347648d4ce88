//! Prints the figures of README.md as tables: each cost beside its limit, measured in turns in one run, in CPU time.
//!
//! `cargo bench -p rederive-benches --bench figures`. With `--memory` only what a replay of two million records takes. With
//! `--profile FILE ROUNDS` nothing is measured: records alone are replayed so often, on one thread, for a profiler to look at; where there is no
//! such file, a run of 4,003 records is written to it first.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

mod material;
mod table;

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rederive_archive::storage::OsStorage;
use rederive_archive::{BlockBuffer, TraceReader};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::draft::Draft;
use rederive_evidence::record::Record;
use rederive_evidence::{lanes, tree};
use rederive_replay::{Level, Options, Valid, replay, replay_bytes};

use material::clock;
use material::nowhere::Nowhere;
use table::Table;

/// Turns of the run that most figures are of: 20,003 records.
const TURNS: u32 = 4_000;
/// Turns of the run that memory is measured with: 2,000,003 records.
const TURNS_LARGE: u32 = 400_000;
/// Turns of the run that a profiler sees: 4,003 records, which it takes seconds for.
const TURNS_PROFILED: u32 = 800;
/// How often each cost is measured, in turns with all others. The least counts: what other work adds is no cost of ours.
const ROUNDS: u32 = 9;
/// Peak memory that a replay of the large run may take. Spec of the project's marks: under 300 MB.
const PEAK_BYTES_MAX: u64 = 300_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--replay-large", path, threads] => {
            replay_large(Path::new(path), threads.parse().unwrap());
            ExitCode::SUCCESS
        }
        ["--profile", path, rounds] => {
            profile(Path::new(path), rounds.parse().unwrap());
            ExitCode::SUCCESS
        }
        _ => {
            if !arguments.contains(&"--memory") {
                costs();
            }
            memory()
        }
    }
}

/// Replays records alone at state level. Reads no clock: not every profiler lets one be read.
fn profile(path: &Path, rounds: u32) {
    if !path.exists() {
        std::fs::write(path, material::without_contents(&material::trace(TURNS_PROFILED))).unwrap();
    }
    let trace = std::fs::read(path).unwrap();
    let pool = pool(1);
    for _ in 0..rounds {
        let report = pool.install(|| replay_bytes(&trace, &Options::default())).unwrap();
        assert_eq!(report.valid, Valid::Reproduced);
    }
}

/// Something whose cost is measured.
struct Cost<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
    least: Duration,
}

impl<'a> Cost<'a> {
    fn new<T>(name: &'static str, mut run: impl FnMut() -> T + 'a) -> Self {
        let run = move || drop(black_box(run()));
        Self { name, run: Box::new(run), least: Duration::MAX }
    }

    /// Nanoseconds a record.
    fn each(&self, records: usize) -> f64 {
        self.least.as_nanos() as f64 / records as f64
    }
}

/// Measures all costs in turns, so that what slows the machine down for a while slows down all.
fn measure(costs: &mut [Cost<'_>]) {
    for _ in 0..ROUNDS {
        for cost in &mut *costs {
            let start = clock::of_process();
            (cost.run)();
            cost.least = cost.least.min(clock::of_process() - start);
        }
    }
}

fn costs() {
    let trace = material::trace(TURNS);
    let records_alone = material::without_contents(&trace);
    let (frame_bytes, contents) = (material::frame_bytes(&trace), material::content_bytes(&trace));
    let frames = material::split(&frame_bytes);
    let records = frames.len();
    println!(
        "{records} records: frames of {} bytes, contents of {} bytes a record; one thread; CPU time, least of {ROUNDS} rounds.\n",
        frame_bytes.len() / records,
        contents.len() / records
    );
    codec(&frames, &frame_bytes);
    recording(&frame_bytes, &contents, records);
    replaying(&trace, &records_alone, (&frame_bytes, &contents), records);
    importing();
}

fn codec(frames: &[&[u8]], frame_bytes: &[u8]) {
    let decoded: Vec<Record> = frames.iter().map(|frame| Record::decode_frame(frame).unwrap().0).collect();
    let mut leaves: Vec<Digest> = Vec::new();
    lanes::digest_many(Purpose::Leaf, frames.iter().copied(), &mut leaves);
    let (mut out, mut again) = (Vec::with_capacity(frame_bytes.len()), Vec::with_capacity(frames.len()));
    let mut costs = [
        Cost::new("one hash over all frames (limit)", || blake3::hash(black_box(frame_bytes))),
        Cost::new("encode", || {
            out.clear();
            for record in &decoded {
                out = record.append_frame(std::mem::take(&mut out)).unwrap();
            }
        }),
        Cost::new("decode", || frames.iter().for_each(|f| drop(black_box(Record::decode_frame(f).unwrap())))),
        Cost::new("leaf digest, in lanes", || {
            again.clear();
            lanes::digest_many(Purpose::Leaf, frames.iter().copied(), &mut again);
        }),
        Cost::new("Merkle root, trees of 1,024", || {
            leaves.chunks(1_024).for_each(|leaves| _ = black_box(tree::root(leaves)));
        }),
    ];
    measure(&mut costs);
    print("codec", &costs, frames.len());
}

fn recording(frame_bytes: &[u8], contents: &[u8], records: usize) {
    let drafts: Vec<Draft> = material::runs::observed(TURNS).collect();
    let mut rounds: Vec<Vec<Draft>> = (0..ROUNDS).map(|_| drafts.clone()).collect();
    let mut costs = [
        Cost::new("one hash over all frames, one over all contents (limit)", || {
            (blake3::hash(black_box(frame_bytes)), blake3::hash(black_box(contents)))
        }),
        Cost::new("record, without waiting for the disk", || {
            material::record(Nowhere, Path::new("run.rdt"), rounds.pop().unwrap());
        }),
    ];
    measure(&mut costs);
    print("recording", &costs, records);
}

fn replaying(trace: &[u8], records_alone: &[u8], (frames, contents): (&[u8], &[u8]), records: usize) {
    let pool = pool(1);
    let replay = |trace: &[u8], level| {
        let options = Options { level, ..Options::default() };
        let report = pool.install(|| replay_bytes(trace, &options)).unwrap();
        assert_eq!(report.valid, Valid::Reproduced);
    };
    let reader = TraceReader::of(trace).unwrap();
    let mut buffer = BlockBuffer::new();
    let mut costs = [
        Cost::new("one hash over all frames (limit)", || blake3::hash(black_box(frames))),
        Cost::new("replay of records alone, integrity", || replay(records_alone, Level::Integrity)),
        Cost::new("replay of records alone, state", || replay(records_alone, Level::State)),
        Cost::new("unpacking all contents, one hash over them and over all frames (limit)", || {
            let unpacked = material::unpack_contents(&reader, &mut buffer);
            (unpacked, blake3::hash(black_box(frames)), blake3::hash(black_box(contents)))
        }),
        Cost::new("replay with contents, integrity", || replay(trace, Level::Integrity)),
        Cost::new("replay with contents, state", || replay(trace, Level::State)),
        Cost::new("replay with contents, content", || replay(trace, Level::Content)),
    ];
    measure(&mut costs);
    print("replay", &costs, records);
}

fn importing() {
    let file = material::transcripts::file(200);
    let records = material::import_drafts(&file);
    let mut costs = [
        Cost::new("one hash over the file (limit)", || blake3::hash(black_box(&file))),
        Cost::new("the file's JSON parsed", || material::parse_lines(&file)),
        Cost::new("import to drafts", || material::import_drafts(&file)),
        Cost::new("import to traces, without waiting for the disk", || material::import_traces(&file)),
    ];
    measure(&mut costs);
    print("import of chat transcripts", &costs, records);
}

/// Prints each cost a record, and how many times the limit before it that is.
fn print(head: &str, costs: &[Cost<'_>], records: usize) {
    let mut table = Table::new([head, "ns a record", "times the limit"]);
    let mut limit = 1.0;
    for cost in costs {
        let each = cost.each(records);
        if cost.name.ends_with("(limit)") {
            limit = each;
        }
        table.row([cost.name.to_owned(), format!("{each:.0}"), format!("{:.1}", each / limit)]);
    }
    table.print();
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Records the large run to a file, and replays it in processes of their own: their peak is that of a replay and of nothing else.
fn memory() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.rdt");
    material::record(OsStorage, &path, material::runs::observed(TURNS_LARGE));
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("A run of two million records, a file of {} MB, state level:\n", bytes / 1_000_000);
    let mut table = Table::new(["threads", "records a second", "CPU ns a record", "peak memory, MB"]);
    let mut is_within = true;
    for threads in ["1", "2"] {
        let this = std::env::current_exe().unwrap();
        let child = Command::new(this).arg("--replay-large").arg(&path).arg(threads).output().unwrap();
        let printed = String::from_utf8(child.stdout).unwrap();
        let figures: Vec<u64> = printed.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        let [a_second, cpu, peak] = figures.as_slice() else {
            eprintln!("replay failed: {}", String::from_utf8_lossy(&child.stderr));
            return ExitCode::FAILURE;
        };
        is_within &= *peak < PEAK_BYTES_MAX;
        let row = [*a_second, *cpu, peak / 1_000_000].map(|figure| figure.to_string());
        let [a_second, cpu, peak] = row;
        table.row([threads.to_owned(), a_second, cpu, peak]);
    }
    table.print();
    if !is_within {
        eprintln!("a replay of two million records takes more than {} MB", PEAK_BYTES_MAX / 1_000_000);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Replays a file and prints records a second, CPU nanoseconds a record and the peak of resident memory in bytes.
fn replay_large(path: &Path, threads: usize) {
    let (wall, start) = (std::time::Instant::now(), clock::of_process());
    let report = pool(threads).install(|| replay(&OsStorage, path, &Options::default())).unwrap();
    let (wall, cpu) = (wall.elapsed(), clock::of_process() - start);
    assert_eq!(report.valid, Valid::Reproduced);
    let records = u128::from(report.records);
    let a_second = records * 1_000_000_000 / wall.as_nanos().max(1);
    println!("{a_second} {} {}", cpu.as_nanos() / records.max(1), peak_bytes());
}

/// The most resident memory this process has had, as Linux counts it.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}
