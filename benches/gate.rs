//! What a call through the gate costs, on the wall's clock: in memory with a hundred policies, and durable under 1, 16 and 256 concurrent callers beside what
//! the disk's own group commit allows for the same bytes and as many waits.
//!
//! `cargo bench -p rederive-benches --bench gate`
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

mod material;
mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rederive_archive::storage::{OsStorage, Storage};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef, RecordedTime};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Label, Mode, ModelEntry,
    Origin, Place, Role, ScopeItem, Sensitivity, Trust,
};
use rederive_gate::ports::{
    CallFacts, Effects, Expectation, Failure, Observation, Payload, Remedy, Runner, Tool, ToolFailure,
    ToolReply,
};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Intent, Registration, Setup};
use rederive_policy::Bundle;
use rederive_policy::request::{ArgumentRole, ToolFacts};
use rederive_recorder::{Clock as _, Durability, Options, SystemClock, opening};

use material::nowhere::Nowhere;
use table::Table;

/// Policies of the bundle.
const POLICIES: usize = 100;
/// Calls in memory that are measured, after as many that are not.
const CALLS: u16 = 4_000;
/// Calls under concurrent callers, in all.
const DURABLE_CALLS: u16 = 4_096;
/// Times that a call waits for the disk: decision, dispatch, end.
const WAITS: usize = 3;

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

/// Knows the outbox: what is expected of a mail, how it is recalled, and who answers for it.
struct Outbox;

impl Effects for Outbox {
    fn expect(&self, call: &CallFacts) -> Result<Option<Expectation>, Failure> {
        Ok(Some(Expectation {
            system: call.surface.clone(),
            expected: Payload::text("one mail more in the outbox"),
            rollback: Some(Payload::text("recall the mail")),
            containment: Some(Payload::text("hold the outbox")),
            owner: id("olga"),
            amount_micros: None,
        }))
    }

    fn observe(&self, _: &CallFacts, _: &ToolReply) -> Result<Observation, Failure> {
        let observed = Payload::text("one mail more in the outbox");
        Ok(Observation { observed, matches: None, amount_micros: None })
    }

    fn roll_back(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::Done(None))
    }

    fn quarantine(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn compensate(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn notify(&self, _: &CallFacts, _: &Id, _: &Payload) -> Result<(), Failure> {
        Ok(())
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
    setup.effects = Some(Arc::new(Outbox));
    let setup = setup.tool(Registration::new(id("send"), facts, schema, runner));
    Gate::open(storage, path, draft, options, setup).unwrap()
}

/// A turn of this many calls; the answer's number.
fn turn(gate: &Gate, turn: u32, calls: u16) -> u64 {
    let place = Place { agent: id("agent"), turn, index: 0, attempt: 0 };
    let record = |draft| gate.record(draft).unwrap().sequence;
    let body = PromptGiven { role: Role::User, message: Content(0) };
    let mut given = Draft::new(id("ada"), Origin::Human, body);
    given.content(MediaType::Text, format!("send reports to ada@house.example, {turn}")).unwrap();
    given.causes = Causes::of([0]);
    let given = record(given);
    let part = Part { role: Role::User, content: Content(0), from: Some(RecordRef(given)) };
    let body = PromptSent {
        model: id("model"),
        extends: None,
        kept: Vec::new(),
        parts: vec![part],
        tools: Vec::new(),
        parameters: None,
    };
    let mut sent = Draft::new(id("agent"), Origin::Code, body);
    sent.content(MediaType::Text, format!("send reports to ada@house.example, {turn}")).unwrap();
    sent.place = Some(place.clone());
    sent.causes = Causes::of([given]);
    let sent = record(sent);
    let body = PromptAnswered {
        prompt: Some(RecordRef(sent)),
        raw: Given::Known(Content(0)),
        reasoning: None,
        model: Given::Known(id("model")),
        version: Given::Known(id("1")),
        parameters: None,
        tokens_in: Given::Known(1),
        tokens_out: Given::Known(1),
        spend_micros: None,
        stop: Given::Known(StopReason::Calls),
        calls,
    };
    let mut answer = Draft::new(id("agent"), Origin::Model, body);
    answer.content(MediaType::Text, "sending").unwrap();
    answer.place = Some(place);
    answer.causes = Causes::of([sent]);
    record(answer)
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
    let (mut decided, mut ended) = (Vec::new(), Vec::new());
    for measured in [false, true] {
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
    }
    let mut table = Table::new(["in memory, 100 Cedar policies", "p50 µs", "p99 µs"]);
    for (what, times) in [("intent to the tool's door", &mut decided), ("the whole call", &mut ended)] {
        let us = |time: Duration| time.as_micros().to_string();
        table.row([what.to_owned(), us(at(times, 500)), us(at(times, 990))]);
    }
    table.print();
}

/// Calls a second, and their times, under this many callers; bytes that a call makes durable.
fn durable(callers: u16, folder: &Path) -> (f64, Vec<Duration>, usize) {
    let reached = Arc::default();
    let path = folder.join(format!("run-{callers}.rdt"));
    let gate = gate(OsStorage, &path, Durability::Group(u32::MAX), &reached);
    let calls = if callers == 1 { DURABLE_CALLS / 8 } else { DURABLE_CALLS };
    let answer = turn(&gate, 0, calls);
    gate.flush().unwrap();
    let begun = Instant::now();
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
    let took = begun.elapsed();
    let sealed = gate.close(RunEnd::Completed).unwrap();
    let bytes = usize::try_from(sealed.bytes).unwrap() / usize::from(calls);
    (f64::from(calls) / took.as_secs_f64(), times.into_inner().unwrap(), bytes)
}

/// The disk's own group commit: threads append to one buffer, and whoever gets the file writes and syncs what all have appended.
struct Disk {
    buffer: Mutex<(Vec<u8>, u64)>,
    file: Mutex<(File, u64)>,
}

impl Disk {
    fn commit(&self, bytes: &[u8]) {
        let mine = {
            let mut buffer = self.buffer.lock().unwrap();
            buffer.0.extend_from_slice(bytes);
            buffer.1 += 1;
            buffer.1
        };
        let mut file = self.file.lock().unwrap();
        if file.1 >= mine {
            return;
        }
        let (waiting, upto) = {
            let mut buffer = self.buffer.lock().unwrap();
            (std::mem::take(&mut buffer.0), buffer.1)
        };
        file.0.write_all(&waiting).unwrap();
        file.0.sync_data().unwrap();
        file.1 = upto;
    }
}

/// What the disk allows: as many waits for as many bytes, and nothing else.
fn limit(callers: u16, bytes: usize, folder: &Path) -> f64 {
    let file = File::create(folder.join(format!("limit-{callers}"))).unwrap();
    let disk = Disk { buffer: Mutex::default(), file: Mutex::new((file, 0)) };
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
        "bytes a call",
        "the disk's group commit, calls/s",
        "share",
    ]);
    for callers in [1, 16, 256] {
        let (rate, mut times, bytes) = durable(callers, folder.path());
        let most = limit(callers, bytes, folder.path());
        let ms = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1_000.0);
        table.row([
            callers.to_string(),
            format!("{rate:.0}"),
            ms(at(&mut times, 500)),
            ms(at(&mut times, 990)),
            bytes.to_string(),
            format!("{most:.0}"),
            format!("{:.0} %", 100.0 * rate / most),
        ]);
    }
    table.print();
}
