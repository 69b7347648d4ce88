//! docs/fail-closed.md, row by row.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::policy::PolicyChanged;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::values::{EffectsClass, Origin};
use rederive_gate::ports::{Component, Payload, Runner, Verdict, Word};
use rederive_gate::{Fate, Gate, Intent, OpenFault, Registration, Setup};
use rederive_policy::request::ToolFacts;
use rederive_recorder::NoClock;

use crate::approvals::held;
use crate::commands::{boxed, in_mood};
use crate::faults::Slow;
use crate::world::{Mood, START, Wires, World, id, intent, opened, options, path, place, setup, word};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Blocks,
    Holds,
    Withholds,
    Unknown,
    Failed,
    NoEffect,
}

impl Then {
    fn of(words: &str) -> Self {
        match words {
            "blocks" => Self::Blocks,
            "holds" => Self::Holds,
            "withholds" => Self::Withholds,
            "unknown" => Self::Unknown,
            "failed" => Self::Failed,
            "no effect" => Self::NoEffect,
            other => panic!("{other}"),
        }
    }
}

/// What is found of a fate, which the tool's own count must agree with.
fn then(world: &World, fate: &Fate) -> Then {
    match fate {
        Fate::Blocked(_) => {
            assert_eq!(world.wires.acted(), 0);
            Then::Blocks
        }
        Fate::Held(_) => {
            assert_eq!(world.wires.acted(), 0);
            Then::Holds
        }
        Fate::Returned(returned) if returned.is_replaced => Then::Withholds,
        Fate::Returned(_) => {
            assert_eq!(world.wires.acted(), 1);
            Then::NoEffect
        }
        Fate::Unknown(_) => Then::Unknown,
        Fate::Failed(_) => {
            assert_eq!(world.wires.acted(), 1);
            assert!(world.kinds(&place(0, 0)).contains(&Kind::ToolFailed));
            Then::Failed
        }
    }
}

fn sent(change: impl FnOnce(&World)) -> Then {
    let world = World::new("row");
    change(&world);
    sent_in(&world)
}

fn sent_in(world: &World) -> Then {
    let answer = world.turn(0, 1);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    then(world, &fate)
}

fn mood(component: &'static str, mood: Mood) -> Then {
    sent_in(&World::in_mood("row", component, mood))
}

/// A command's call whose sandbox is in this mood.
fn run_in(component: &'static str, mood: Mood) -> Then {
    let world = in_mood(component, mood);
    let answer = world.turn(0, 1);
    let fate = world.gate.call(intent("run", 0, 0, answer));
    then(&world, &fate)
}

/// A fault of the store at some call of it, counted from the first of the call.
fn stored(fault: Fault, call: u64) -> Then {
    let world = World::new("row");
    let answer = world.turn(0, 1);
    world.gate.flush().unwrap();
    world.disk.inject(world.disk.calls() + call, fault);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    then(&world, &fate)
}

/// A fault of the store once the tool has acted.
fn stored_after(fault: Fault) -> Then {
    sent(|world| {
        let disk = world.disk.clone();
        *world.wires.inside.lock().unwrap() =
            Some(Arc::new(move |_: &rederive_gate::Dispatch| disk.inject(disk.calls(), fault)));
    })
}

/// The process is stopped at some call of the disk, and another takes up the run.
fn stopped(inside: bool) -> Then {
    let world = World::new("row");
    let answer = world.turn(0, 1);
    world.gate.flush().unwrap();
    if inside {
        let disk = world.disk.clone();
        *world.wires.inside.lock().unwrap() =
            Some(Arc::new(move |_: &rederive_gate::Dispatch| disk.inject(disk.calls(), Fault::Crash)));
    } else {
        // The decision is durable with the first commit; the next one is the dispatch's.
        world.disk.inject(world.disk.calls() + 2, Fault::Crash);
    }
    let _ = world.gate.call(intent("send", 0, 0, answer));
    let acted = world.wires.acted();
    world.disk.restart(Survival::Nothing);
    *world.wires.inside.lock().unwrap() = None;
    let (world, recovered) = world.recovered();
    assert_eq!(world.wires.acted(), acted);
    match (recovered.blocked.as_slice(), recovered.unknown.as_slice()) {
        ([_], []) if acted == 0 => Then::Blocks,
        ([], [_]) if acted == 1 => Then::Unknown,
        other => panic!("{other:?} after {acted} acts"),
    }
}

fn changed_bundle(world: &World) {
    let body = PolicyChanged { bundle: Some(Digest([0x2c; 32])), registry: None, reason: Some(Content(0)) };
    let mut changed = Draft::new(id("administrator"), Origin::Human, body);
    changed.content(MediaType::Text, "a new bundle").unwrap();
    changed.causes = Causes::of([0]);
    world.gate.record(changed).unwrap();
}

/// Something that happens while the credential is issued: after the decision and before the dispatch.
fn before_dispatch(happens: impl Fn(&World) + Send + Sync + 'static) -> Then {
    let world = Arc::new(World::new("row"));
    let of = Arc::clone(&world);
    *world.wires.issuing.lock().unwrap() = Some(Arc::new(move || happens(&of)));
    let answer = world.turn(0, 1);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    *world.wires.issuing.lock().unwrap() = None;
    then(&world, &fate)
}

fn answered(change: impl FnOnce(&rederive_gate::ports::Evidence) -> Word) -> Then {
    let (world, desk, approval, _) = held("row");
    assert!(world.gate.answer(&approval, change(&desk.last())).is_err());
    assert_eq!((world.gate.held().len(), world.wires.acted()), (1, 0));
    Then::Holds
}

fn scenario(component: &str, condition: &str) -> Option<Then> {
    Some(match (component, condition) {
        ("planner", "asks for a tool that is not registered") => {
            let world = World::new("row");
            let answer = world.turn(0, 1);
            let fate = world.gate.call(intent("unheard-of", 0, 0, answer));
            then(&world, &fate)
        }
        ("planner", "sends arguments that the schema does not take") => {
            let world = World::new("row");
            let answer = world.turn(0, 1);
            let fate = world
                .gate
                .call(Intent { arguments: Payload::json(r#"{"to":1}"#), ..intent("send", 0, 0, answer) });
            then(&world, &fate)
        }
        ("planner", "repeats a call at a place that was used") => {
            let world = World::new("row");
            let answer = world.turn(0, 1);
            let _ = world.gate.call(intent("look", 0, 0, answer));
            world.wires.acts.lock().unwrap().clear();
            let fate = world.gate.call(intent("send", 0, 0, answer));
            then(&world, &fate)
        }
        ("planner", "writes decisions, approvals or dispatches itself") => {
            let world = World::new("row");
            for kind in [Kind::DecisionMade, Kind::ApprovalApproved, Kind::ToolDispatched] {
                let body = Body::draw_of(kind, &mut rederive_evidence::arbitrary::Choices::new(vec![1; 40]));
                assert!(world.gate.record(Draft::new(id("agent"), Origin::Model, body)).is_err());
            }
            assert_eq!(world.wires.acted(), 0);
            Then::Blocks
        }
        ("planner", "goes away while the call runs") => {
            let world = World::new("row");
            let answer = world.turn(0, 1);
            drop(world.gate.submit(intent("send", 0, 0, answer)));
            let ended = |world: &World| world.kinds(&place(0, 0)).contains(&Kind::CredentialRevoked);
            while !ended(&world) {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(world.wires.acted(), 1);
            Then::NoEffect
        }
        ("broker", "is stopped before the dispatch is durable") => stopped(false),
        ("broker", "is stopped after the dispatch is durable") => stopped(true),
        ("gate", "its receipt key is gone") => {
            sent(|world| world.wires.key_is_gone.store(true, std::sync::atomic::Ordering::SeqCst))
        }
        ("gate", "what the permit relies on changes before the dispatch") => before_dispatch(changed_bundle),
        ("gate", "the permit expires before the dispatch") => {
            before_dispatch(|world| world.clock.set(START.plus_ms(31_000)))
        }
        ("policy engine", "fails") => mood("policy", Mood::Fails),
        ("policy engine", "panics") => mood("policy", Mood::Panics),
        ("policy engine", "does not answer in time") => mood("policy", Mood::Hangs),
        ("policy bundle", "is not the one that the run pins") => {
            sent(|world| *world.wires.bundle.lock().unwrap() = Digest([0x77; 32]))
        }
        ("policy bundle", "is missing when the run is opened") => {
            let wires: Arc<Wires> = Arc::default();
            *wires.bundle.lock().unwrap() = Digest::ZERO;
            let opened = World::try_new("row", FaultyStorage::new(), &wires);
            assert!(matches!(opened, Err(OpenFault::OtherBundle { .. })));
            Then::Blocks
        }
        ("guardrail", "fails before the call") => mood("guardrail", Mood::Fails),
        ("guardrail", "panics before the call") => mood("guardrail", Mood::Panics),
        ("guardrail", "does not answer in time before the call") => mood("guardrail", Mood::Hangs),
        ("guardrail", "fails on the result") => mood("guardrail on the result", Mood::Fails),
        ("guardrail", "panics on the result") => mood("guardrail on the result", Mood::Panics),
        ("guardrail", "does not answer in time on the result") => {
            mood("guardrail on the result", Mood::Hangs)
        }
        ("planner", "keeps in memory what only content from outside led to, and nobody permitted") => {
            let world = World::new("row");
            world.wires.say("memory.write", Decision::Deny, Directive::None, ReasonCode::PolicyForbids);
            assert!(world.gate.record(crate::memory::from_outside(&world)).is_err());
            assert!(world.records().iter().all(|record| record.input.body.kind() != Kind::MemoryWritten));
            Then::Blocks
        }
        ("planner", "asks for more calls than the run may make") => {
            let (wires, clock) =
                (Arc::<Wires>::default(), Arc::new(rederive_recorder::ManualClock::new(START)));
            let mut opening = opened("acme");
            let Body::RunOpened(body) = &mut opening.body else { panic!("another body") };
            body.limits.calls = Some(0);
            let (disk, options) = (FaultyStorage::new(), options(&clock, "row", "first"));
            let gate = Gate::open(disk.clone(), &path("row"), opening, options, setup(&wires)).unwrap();
            let world = World { gate, disk, clock, wires, name: "row".to_owned() };
            let answer = world.turn(0, 1);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            then(&world, &fate)
        }
        ("approver", "cannot be reached") => sent(|world| {
            world.wires.needs_approval("send");
            world.wires.set("approver", Mood::Fails);
        }),
        ("approver", "answers with a signature that does not hold") => answered(|evidence| {
            let yes = word(evidence, "bob", Verdict::Approve);
            Word { signature: Some(rederive_evidence::ids::Signature([7; 64])), ..yes }
        }),
        ("approver", "answers what they asked for themselves") => {
            answered(|evidence| Word { approver: id("ada"), ..word(evidence, "ada", Verdict::Approve) })
        }
        ("approver", "never answers") => {
            let (world, _, _, _) = held("row");
            world.clock.set(START.plus_ms(3_600_001));
            let fates = world.gate.expire().unwrap();
            then(&world, &fates[0])
        }
        ("credential broker", "fails") => mood("credential broker", Mood::Fails),
        ("credential broker", "panics") => mood("credential broker", Mood::Panics),
        ("credential broker", "does not answer in time") => mood("credential broker", Mood::Hangs),
        ("credential broker", "issues a credential that ends later than asked for") => {
            mood("credential broker, lasting", Mood::Fails)
        }
        ("credential broker", "hands out the secret of another call") => {
            let world = World::new("row");
            let answer = world.turn(0, 2);
            let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
            let keep = Arc::clone(&seen);
            *world.wires.inside.lock().unwrap() =
                Some(Arc::new(move |dispatch: &rederive_gate::Dispatch| {
                    let secret = dispatch.credential().map(|(_, secret)| secret.expose().to_vec());
                    keep.lock().unwrap().push(secret.expect("the call has a credential"));
                }));
            let first = world.gate.call(intent("send", 0, 1, answer));
            assert_eq!(then(&world, &first), Then::NoEffect);
            world.wires.acts.lock().unwrap().clear();
            let fate = world.gate.call(intent("send", 0, 0, answer));
            let seen = seen.lock().unwrap();
            assert!(matches!(seen.as_slice(), [one, other] if one == other), "one secret serves both calls");
            then(&world, &fate)
        }
        ("credential broker", "cannot revoke") => mood("credential broker, revoking", Mood::Fails),
        ("effects component", "cannot say what is expected") => mood("effects", Mood::Fails),
        ("effects component", "cannot observe the effect") => mood("effects, observing", Mood::Fails),
        ("tool", "runs code outside of the sandbox") => {
            let wires: Arc<Wires> = Arc::default();
            let facts = ToolFacts::of(id("shell"), EffectsClass::Execute);
            let direct =
                Runner::Direct(Box::new(crate::world::Counting { wires: Arc::clone(&wires), mood: "tool" }));
            let tool = Registration::new(id("direct"), facts, Payload::json("{}"), direct);
            let gate = boxed(&wires, |setup| setup.tool(tool), None);
            assert!(matches!(gate, Err(OpenFault::Tool(_))));
            Then::Blocks
        }
        ("sandbox", "is not there when the run is opened") => {
            let gate = boxed(&Arc::default(), |setup| Setup { sandbox: None, ..setup }, None);
            assert!(matches!(gate, Err(OpenFault::Missing { component: Component::Sandbox })));
            Then::Blocks
        }
        ("sandbox", "is not at hand") => run_in("sandbox", Mood::Fails),
        ("sandbox", "does not answer in time before the call") => run_in("sandbox", Mood::Hangs),
        ("sandbox", "panics while the command runs") => run_in("sandbox, running", Mood::Panics),
        ("sandbox", "does not answer in time while the command runs") => {
            run_in("sandbox, running", Mood::Hangs)
        }
        ("tool", "says that it failed") => mood("tool, by its word", Mood::Fails),
        ("tool", "loses the answer") => mood("tool", Mood::Fails),
        ("tool", "sends back the secret that it was called with") => {
            let world = World::new("row");
            *world.wires.says.lock().unwrap() = Some(("the key is ".to_owned(), ", keep it".to_owned()));
            let answer = world.turn(0, 1);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            let Fate::Returned(returned) = &fate else { panic!("{fate:?}") };
            let secret = world.wires.secret.lock().unwrap().clone();
            let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            let shown = returned.content.bytes();
            assert!(shown.starts_with(b"the key is ") && shown.ends_with(b", keep it"));
            world.gate.flush().unwrap();
            if [shown, &world.bytes(), &world.log_bytes()].into_iter().any(holds) {
                then(&world, &fate)
            } else {
                Then::Withholds
            }
        }
        ("tool", "panics") => mood("tool", Mood::Panics),
        ("tool", "does not answer in time") => mood("tool", Mood::Hangs),
        ("receipt store", "is full") => stored(Fault::DiskFull, 0),
        ("receipt store", "fails before the write") => stored(Fault::Failed, 0),
        ("receipt store", "fails after the write") => stored(Fault::FailedButDone, 0),
        ("receipt store", "fails after the dispatch") => stored_after(Fault::Gone),
        ("receipt store", "is slow") => {
            let wires: Arc<Wires> = Arc::default();
            let clock = Arc::new(rederive_recorder::ManualClock::new(START));
            let disk = FaultyStorage::new();
            let slow = Slow(disk.clone(), Duration::from_millis(10));
            let options = options(&clock, "row", "first");
            let gate = Gate::open(slow, &path("row"), opened("acme"), options, setup(&wires)).unwrap();
            let world = World { gate, disk, clock, wires, name: "row".to_owned() };
            let answer = world.turn(0, 1);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            then(&world, &fate)
        }
        ("clock", "steps back") => {
            let world = World::new("row");
            world.clock.set(START.plus_ms(5_000));
            let answer = world.turn(0, 1);
            world.clock.set(START);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            then(&world, &fate)
        }
        ("clock", "is gone") => {
            let wires: Arc<Wires> = Arc::default();
            let clock = Arc::new(rederive_recorder::ManualClock::new(START));
            let mut options = options(&clock, "row", "first");
            options.clock = Arc::new(NoClock);
            let gate = Gate::open(FaultyStorage::new(), &path("row"), opened("acme"), options, setup(&wires));
            assert!(matches!(gate, Err(OpenFault::Breached { .. })), "{gate:?}");
            Then::Blocks
        }
        _ => return None,
    })
}

/// The rows of docs/fail-closed.md.
fn rows() -> Vec<(String, String, Then)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fail-closed.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, after) = text.split_once("<!-- fail-closed -->").unwrap();
    let (table, _) = after.split_once("<!-- end -->").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [component, condition, then] = cells.as_slice() else { panic!("{row}") };
        ((*component).to_owned(), (*condition).to_owned(), Then::of(then))
    })
    .collect()
}

#[test]
fn every_row_of_the_table_is_so() {
    let mut seen = BTreeMap::new();
    for (component, condition, stated) in rows() {
        let found = scenario(&component, &condition);
        let found = found.unwrap_or_else(|| panic!("no test for: {component} {condition}"));
        assert_eq!(found, stated, "{component} {condition}");
        assert_eq!(seen.insert((component, condition), ()), None, "a row stands twice");
    }
    // An arm without a row would never be asked.
    let arms = include_str!("table.rs").lines().filter(|line| line.starts_with("        (\"")).count();
    assert_eq!(seen.len(), arms, "a test has no row");
}
