//! What a call through the gate costs, on the wall's clock: in memory with a hundred policies, and durable under 1, 16 and 256 concurrent callers beside what
//! the disk's own group commit allows for the same bytes and as many waits. A call waits for the disk twice, by design: the decision with its receipt
//! and the dispatch are durable before the tool is called, what became of it is durable before anybody is told.
//!
//! `cargo bench -p rederive-benches --bench gate`
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

#[path = "material/gated.rs"]
mod gated;
mod material;
mod table;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rederive_archive::storage::OsStorage;
use rederive_evidence::kinds::run::RunEnd;
use rederive_recorder::Durability;

use gated::{call, gate, turn};
use material::clock;
use material::nowhere::Nowhere;
use table::Table;

/// Calls in memory that are measured, after as many that are not.
const CALLS: u16 = 4_000;
/// Calls under concurrent callers, in all.
const DURABLE_CALLS: u16 = 4_096;
/// Times that a call waits for the disk: before the tool is called, and before its result is given.
const WAITS: usize = 2;

fn at(times: &mut [Duration], permille: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * permille / 1_000).min(times.len() - 1);
    times.get(place).copied().unwrap_or_default()
}

fn in_memory() {
    let reached = Arc::default();
    let gate = gate(Nowhere, Path::new("run.rdt"), Durability::Group(u32::MAX), &reached);
    let (mut decided, mut ended, mut cpu) = (Vec::new(), Vec::new(), Duration::ZERO);
    for measured in [false, true] {
        let before = clock::of_process();
        let turn_number = u32::from(measured);
        let answer = turn(&gate, turn_number, CALLS);
        for index in 0..CALLS {
            let begun = Instant::now();
            let took = call(&gate, turn_number, index, answer);
            let reached = reached.lock().unwrap().take().unwrap();
            if measured {
                decided.push(reached.duration_since(begun));
                ended.push(took);
            }
        }
        cpu = (clock::of_process() - before) / u32::from(CALLS);
    }
    let mut table = Table::new(["in memory, 100 Cedar policies", "p50 µs", "p99 µs"]);
    for (what, times) in [("intent to the tool's door", &mut decided), ("the whole call", &mut ended)] {
        let us = |time: Duration| time.as_micros().to_string();
        table.row([what.to_owned(), us(at(times, 500)), us(at(times, 990))]);
    }
    table.print();
    println!("CPU time a call, of all threads: {} µs\n", cpu.as_micros());
}

/// A run under concurrent callers.
struct Durable {
    calls_a_second: f64,
    times: Vec<Duration>,
    /// CPU time a call, of all threads.
    cpu: Duration,
    /// Bytes that a call makes durable.
    bytes: usize,
}

fn durable(callers: u16, folder: &Path) -> Durable {
    let reached = Arc::default();
    let path = folder.join(format!("run-{callers}.rdt"));
    let gate = gate(OsStorage, &path, Durability::Group(u32::MAX), &reached);
    let calls = if callers == 1 { DURABLE_CALLS / 8 } else { DURABLE_CALLS };
    let answer = turn(&gate, 0, calls);
    gate.flush().unwrap();
    let (begun, cpu) = (Instant::now(), clock::of_process());
    let times = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let (gate, times) = (gate.clone(), &times);
            scope.spawn(move || {
                let own: Vec<Duration> = (caller..calls)
                    .step_by(usize::from(callers))
                    .map(|index| call(&gate, 0, index, answer))
                    .collect();
                times.lock().unwrap().extend(own);
            });
        }
    });
    let (took, cpu) = (begun.elapsed(), (clock::of_process() - cpu) / u32::from(calls));
    let sealed = gate.close(RunEnd::Completed).unwrap();
    let bytes = usize::try_from(sealed.bytes).unwrap() / usize::from(calls);
    let calls_a_second = f64::from(calls) / took.as_secs_f64();
    Durable { calls_a_second, times: times.into_inner().unwrap(), cpu, bytes }
}

/// The disk's own group commit: threads append to one buffer; one of those that wait writes and syncs what all have appended.
struct Disk {
    file: File,
    inside: Mutex<Inside>,
    written: Condvar,
}

#[derive(Default)]
struct Inside {
    waiting: Vec<u8>,
    /// Appended and synced, counted in commits.
    appended: u64,
    synced: u64,
    is_led: bool,
}

impl Disk {
    fn commit(&self, bytes: &[u8]) {
        let mut inside = self.inside.lock().unwrap();
        inside.waiting.extend_from_slice(bytes);
        inside.appended += 1;
        let mine = inside.appended;
        while inside.synced < mine {
            if inside.is_led {
                inside = self.written.wait(inside).unwrap();
                continue;
            }
            inside.is_led = true;
            let (bytes, upto) = (std::mem::take(&mut inside.waiting), inside.appended);
            drop(inside);
            (&self.file).write_all(&bytes).unwrap();
            self.file.sync_data().unwrap();
            inside = self.inside.lock().unwrap();
            (inside.is_led, inside.synced) = (false, upto);
            self.written.notify_all();
        }
    }
}

/// What the disk allows: as many waits for as many bytes, and nothing else.
fn limit(callers: u16, bytes: usize, folder: &Path) -> f64 {
    let file = File::create(folder.join(format!("limit-{callers}"))).unwrap();
    let disk = Disk { file, inside: Mutex::default(), written: Condvar::new() };
    let calls = if callers == 1 { DURABLE_CALLS / 8 } else { DURABLE_CALLS };
    let part = vec![0x5a; bytes / WAITS];
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let (disk, part) = (&disk, &part);
            scope.spawn(move || {
                for _ in (caller..calls).step_by(usize::from(callers)) {
                    (0..WAITS).for_each(|_| disk.commit(part));
                }
            });
        }
    });
    f64::from(calls) / begun.elapsed().as_secs_f64()
}

fn main() {
    in_memory();
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::new([
        "durable receipts, callers",
        "calls/s",
        "p50 ms",
        "p99 ms",
        "CPU µs a call",
        "bytes a call",
        "the disk's group commit, calls/s",
        "share",
    ]);
    for callers in [1, 16, 256] {
        let mut found = durable(callers, folder.path());
        let most = limit(callers, found.bytes, folder.path());
        let ms = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1_000.0);
        table.row([
            callers.to_string(),
            format!("{:.0}", found.calls_a_second),
            ms(at(&mut found.times, 500)),
            ms(at(&mut found.times, 990)),
            found.cpu.as_micros().to_string(),
            found.bytes.to_string(),
            format!("{most:.0}"),
            format!("{:.0} %", 100.0 * found.calls_a_second / most),
        ]);
    }
    table.print();
}
