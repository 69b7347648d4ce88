//! What a call through the gate costs, on the wall's clock: in memory with a hundred policies, and durable under 1, 16 and 256 concurrent callers beside what
//! the disk's own group commit allows for the same bytes and as many waits. A call waits for the disk twice, by design: the decision with its receipt
//! and the dispatch are durable before the tool is called, what became of it is durable before anybody is told.
//!
//! `cargo bench -p rederive-benches --bench gate`
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

mod material;
#[path = "../engine/gate/samples/outbox.rs"]
mod outbox;
mod table;
#[path = "../engine/gate/samples/turn.rs"]
mod turn;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rederive_archive::storage::{OsStorage, Storage};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Label, Mode, ModelEntry,
    Origin, Place, ScopeItem, Sensitivity, Trust,
};
use rederive_gate::ports::{Payload, Runner, Tool, ToolFailure, ToolReply};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Intent, Registration, Setup};
use rederive_policy::Bundle;
use rederive_policy::request::{ArgumentRole, ToolFacts};
use rederive_recorder::{Clock as _, Durability, Options, SystemClock, opening};

use material::clock;
use material::nowhere::Nowhere;
use table::Table;

/// Policies of the bundle.
const POLICIES: usize = 100;
/// Calls in memory that are measured, after as many that are not.
const CALLS: u16 = 4_000;
/// Calls under concurrent callers, in all.
const DURABLE_CALLS: u16 = 4_096;
/// Times that a call waits for the disk: before the tool is called, and before its result is given.
const WAITS: usize = 2;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A tool that does nothing, and notes when it was reached.
struct Reached(Arc<Mutex<Option<Instant>>>);

impl Tool for Reached {
    fn call(&self, _: Dispatch) -> Result<ToolReply, ToolFailure> {
        *self.0.lock().unwrap() = Some(Instant::now());
        Ok(ToolReply::new(Payload::json("{\"sent\":true}")))
    }
}

/// A hundred policies: ninety-nine of other tools, and the one that permits.
fn bundle() -> Bundle {
    let mut text =
        String::from("@id(\"send\")\npermit (principal, action in Effect::Action::\"send\", resource);\n");
    for policy in 1..POLICIES {
        text.push_str(&format!(
            "@id(\"rule-{policy}\")\nforbid (principal, action in Effect::Action::\"send\", resource)\nwhen {{ context has target && context.target like \"*@blocked-{policy}.example\" }};\n"
        ));
    }
    let files = BTreeMap::from([("policies/bench.cedar".to_owned(), text.into_bytes())]);
    Bundle::of_files(id("bench"), id("1"), id("cedar"), files).unwrap()
}

fn gate<S>(storage: S, path: &Path, durability: Durability, reached: &Arc<Mutex<Option<Instant>>>) -> Gate
where
    S: Storage + Send + Sync + 'static,
    S::File: Send + Sync,
{
    let bundle = bundle();
    let mut body =
        opening(Mode::Enforced, id("acme"), id("session"), [id("ada"), id("agent"), id("recorder")]);
    let actor = |name, actor_type| Actor { id: id(name), actor_type, key: None, owner: None, scope: None };
    body.actors.extend([actor("gate", ActorType::Gate), actor("broker", ActorType::Broker)]);
    let now = SystemClock.now().unwrap_or(RecordedTime(0));
    body.environment = Given::Known(Environment::Test);
    body.session.expires = Given::Known(now.plus_ms(36_000_000));
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1"));
    body.persona.digest = Given::Known(bundle.digest());
    body.build.version = Given::Known(id("1"));
    body.build.digest = Given::Known(bundle.digest());
    body.owner = Given::Known(id("ada"));
    body.goal = Given::Known(Content(0));
    body.scope = Given::Known(vec![ScopeItem {
        tool: id("send"),
        action: EffectsClass::Send,
        resource: None,
        tenant: id("acme"),
        approval: ApprovalPolicy::None,
    }]);
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(bundle.digest());
    body.models = vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Restricted) }];
    let mut draft = Draft::new(id("recorder"), Origin::Code, Box::new(body));
    draft.content(MediaType::Text, "send reports").unwrap();
    let options =
        Options { durability, signer: Some(Arc::new(SigningKey::from_seed(&[1; 32]))), ..Options::default() };
    let policy = Arc::new(BundlePolicy::new(&bundle).unwrap());
    let facts = ToolFacts {
        version: Some(id("1")),
        reversible: true,
        result: Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal },
        clearance: Sensitivity::Restricted,
        roles: BTreeMap::from([("/to".to_owned(), ArgumentRole::Destination)]),
        ..ToolFacts::of(id("mail"), EffectsClass::Send)
    };
    let schema = Payload::json(r#"{"type":"object","properties":{"to":{"type":"string"}}}"#);
    let runner = Runner::Direct(Box::new(Reached(Arc::clone(reached))));
    let mut setup = Setup::new(policy, Arc::new(SigningKey::from_seed(&[2; 32])));
    setup.effects = Some(Arc::new(outbox::Outbox));
    let setup = setup.tool(Registration::new(id("send"), facts, schema, runner));
    Gate::open(storage, path, draft, options, setup).unwrap()
}

/// A turn of this many calls; the answer's number.
fn turn(gate: &Gate, number: u32, calls: u16) -> u64 {
    turn::turn(gate, number, &format!("send reports to ada@house.example, {number}"), calls).unwrap()
}

/// One call; how long it took.
fn call(gate: &Gate, turn: u32, index: u16, answer: u64) -> Duration {
    let place = Place { agent: id("agent"), turn, index, attempt: 0 };
    let arguments = Payload::json(format!("{{\"to\":\"ada@house.example\",\"n\":{index}}}"));
    let intent = Intent::new(id("send"), arguments, place, Causes::of([answer]));
    let begun = Instant::now();
    let fate = gate.call(intent);
    let took = begun.elapsed();
    assert!(
        matches!(fate, Fate::Returned(_)),
        "a call that is not permitted is no call to measure: {fate:?}"
    );
    took
}

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
