//! What a call through the gate costs, on the wall's clock: in memory with a hundred policies, and durable under 1, 16 and 256 concurrent callers beside what
//! the disk's own group commit allows for the same bytes and as many waits. A call waits for the disk twice, by design: the decision with its receipt
//! and the dispatch are durable before the tool is called, what became of it is durable before anybody is told.
//!
//! `cargo bench -p rederive-benches --bench gate`, or a part of it alone: `-- memory`, `-- durable`, `-- durable 16`.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

#[path = "material/gated.rs"]
mod gated;
mod material;
mod table;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use rederive_archive::storage::OsStorage;
use rederive_evidence::kinds::run::RunEnd;
use rederive_recorder::Durability;

use gated::{Reached, call, gate, turn};
use material::clock;
use material::nowhere::Nowhere;
use table::Table;

/// Calls in memory that are measured, after as many that are not.
const CALLS: u16 = 4_000;
/// Calls under concurrent callers, in all.
const DURABLE_CALLS: u16 = 4_096;
/// Concurrent callers.
const CALLERS: [u16; 3] = [1, 16, 256];
/// Times that a call waits for the disk: before the tool is called, and before its result is given.
const WAITS: usize = 2;

fn at(times: &mut [Duration], permille: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * permille / 1_000).min(times.len() - 1);
    times.get(place).copied().unwrap_or_default()
}

/// Calls one after the other, that wait for no disk.
struct InMemory {
    /// From the intent to the tool's door.
    decided: Vec<Duration>,
    /// From the intent to the fate.
    ended: Vec<Duration>,
    /// CPU time of the thread that calls: what other work on the machine does not lengthen.
    of_thread: Vec<Duration>,
    /// CPU time a call, of all threads.
    cpu: Duration,
}

fn in_memory(keeps_time: bool) -> InMemory {
    let tool = Reached { keeps_time, ..Reached::default() };
    let gate = gate(Nowhere, Path::new("run.rdt"), Durability::Group(u32::MAX), tool.clone());
    let (mut decided, mut ended, mut of_thread) = (Vec::new(), Vec::new(), Vec::new());
    let mut cpu = Duration::ZERO;
    for measured in [false, true] {
        let before = clock::of_process();
        let turn_number = u32::from(measured);
        let answer = turn(&gate, turn_number, CALLS);
        for index in 0..CALLS {
            let (begun, of_thread_before) = (Instant::now(), clock::of_thread());
            let took = call(&gate, turn_number, index, answer);
            let used = clock::of_thread() - of_thread_before;
            let reached = tool.door.lock().unwrap().take().unwrap();
            if measured {
                decided.push(reached.duration_since(begun));
                ended.push(took);
                of_thread.push(used);
            }
        }
        cpu = (clock::of_process() - before) / u32::from(CALLS);
    }
    InMemory { decided, ended, of_thread, cpu }
}

fn in_memory_table() {
    let mut table = Table::new([
        "in memory, 100 Cedar policies",
        "to the tool's door, p50 µs",
        "p99 µs",
        "the whole call, p50 µs",
        "p99 µs",
        "its thread's CPU, p50 µs",
        "p99 µs",
        "CPU of all threads, µs",
    ]);
    let cases = [(true, "a tool that keeps time by itself"), (false, "one that the gate keeps time for")];
    for (keeps_time, name) in cases {
        let InMemory { mut decided, mut ended, mut of_thread, cpu } = in_memory(keeps_time);
        let us = |time: Duration| time.as_micros().to_string();
        table.row([
            name.to_owned(),
            us(at(&mut decided, 500)),
            us(at(&mut decided, 990)),
            us(at(&mut ended, 500)),
            us(at(&mut ended, 990)),
            us(at(&mut of_thread, 500)),
            us(at(&mut of_thread, 990)),
            us(cpu),
        ]);
    }
    table.print();
    println!();
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
    let path = folder.join(format!("run-{callers}.rdt"));
    let tool = Reached { keeps_time: true, ..Reached::default() };
    let gate = gate(OsStorage, &path, Durability::Group(u32::MAX), tool);
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
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let callers: Vec<u16> = named.iter().filter_map(|name| name.parse().ok()).collect();
    let is_asked_for = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if is_asked_for("memory") {
        in_memory_table();
    }
    if is_asked_for("durable") {
        durable_table(if callers.is_empty() { &CALLERS } else { &callers });
    }
}

fn durable_table(callers: &[u16]) {
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
    for &callers in callers {
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
