//! GRD-3: commands run in the sandbox or not at all, and where they tried to connect to is on record.

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ActorType, ApprovalPolicy, EffectsClass, ScopeItem, Sensitivity};
use rederive_gate::ports::{
    Attempt, Command, Exit, Failure, Finished, Job, Payload, Runner, Sandbox, ToolFailure, ToolReply,
};
use rederive_gate::{Dispatch, Fate, Gate, OpenFault, Registration, Setup};
use rederive_policy::request::ToolFacts;
use rederive_recorder::ManualClock;

use crate::world::{Mood, Plug, START, Wires, World, id, intent, opened, options, path, place, setup};

impl Sandbox for Plug {
    fn name(&self) -> &Id {
        static NAME: LazyLock<Id> = LazyLock::new(|| id("box"));
        &NAME
    }

    fn ready(&self) -> Result<(), Failure> {
        self.0.mood("sandbox").act()
    }

    fn run(&self, job: &Job) -> Result<Finished, Failure> {
        *self.0.acts.lock().unwrap().entry("run".to_owned()).or_default() += 1;
        self.0.mood("sandbox, running").act()?;
        let to = |(host, port): &(String, u16), allowed| Attempt { host: host.clone(), port: *port, allowed };
        let elsewhere = ("exfiltrate.example.net".to_owned(), 53);
        Ok(Finished {
            exit: Exit::Status(0),
            stdout: b"done".to_vec(),
            stderr: Vec::new(),
            is_cut: false,
            connections: job.network.iter().map(|at| to(at, true)).chain([to(&elsewhere, false)]).collect(),
            connections_more: self.0.connections_more.load(Ordering::SeqCst),
            took: Duration::ZERO,
        })
    }
}

struct Fetch;

impl Command for Fetch {
    fn job(&self, dispatch: &Dispatch) -> Result<Job, Failure> {
        Ok(Job {
            command: vec!["fetch".into()],
            input: Vec::new(),
            environment: [].into(),
            writable: None,
            readable: Vec::new(),
            network: vec![("example.org".to_owned(), 443)],
            time: dispatch.time(),
            memory_bytes_max: 1 << 20,
            output_bytes_max: 1 << 10,
            processes_max: 1,
        })
    }

    fn reply(&self, finished: Finished) -> Result<ToolReply, ToolFailure> {
        Ok(ToolReply::new(Payload::text(String::from_utf8_lossy(&finished.stdout))))
    }
}

/// A world with a tool that runs commands, and whatever else a test leaves of it.
pub(crate) fn boxed(
    wires: &Arc<Wires>,
    change: impl FnOnce(Setup) -> Setup,
    unregistered: Option<ActorType>,
) -> Result<World, OpenFault> {
    let clock = Arc::new(ManualClock::new(START));
    let mut opening = opened("acme");
    let Body::RunOpened(body) = &mut opening.body else { panic!("another body") };
    body.actors.retain(|actor| Some(actor.actor_type) != unregistered);
    let item = ScopeItem {
        tool: id("run"),
        action: EffectsClass::Execute,
        resource: None,
        tenant: id("acme"),
        approval: ApprovalPolicy::None,
    };
    body.scope = Given::Known(vec![item]);
    let shell = ToolFacts::of(id("shell"), EffectsClass::Execute);
    let (version, clearance) = (Some(id("1")), Sensitivity::Restricted);
    let facts = ToolFacts { version, clearance, reversible: true, ..shell };
    let mut tool =
        Registration::new(id("run"), facts, Payload::json("{}"), Runner::Sandboxed(Box::new(Fetch)));
    tool.time = wires.time("sandbox");
    let mut setup = setup(wires).tool(tool);
    setup.sandbox = Some(Arc::new(Plug(Arc::clone(wires))));
    setup.times.effects = wires.time("sandbox");
    let (disk, options) = (FaultyStorage::new(), options(&clock, "row", "first"));
    let gate = Gate::open(disk.clone(), &path("row"), opening, options, change(setup))?;
    Ok(World { gate, disk, clock, wires: Arc::clone(wires), name: "row".to_owned() })
}

/// The same, its sandbox in this mood.
pub(crate) fn in_mood(component: &'static str, mood: Mood) -> World {
    let wires = Arc::<Wires>::default();
    *wires.hangs.lock().unwrap() = (mood == Mood::Hangs).then_some(component);
    let world = boxed(&wires, |setup| setup, None).unwrap();
    world.wires.set(component, mood);
    world
}

#[test]
fn where_a_command_tried_to_connect_to_is_on_record_with_or_without_guardrails() {
    for (has_guardrails, more, rest) in [(true, 0, ""), (false, 0, ""), (true, 7, "\nand 7 more")] {
        let without = |mut setup: Setup| {
            if !has_guardrails {
                setup.guardrails.clear();
            }
            setup
        };
        let world = boxed(&Arc::default(), without, None).unwrap();
        world.wires.connections_more.store(more, Ordering::SeqCst);
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("run", 0, 0, answer));
        assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
        assert!(world.kinds(&place(0, 0)).contains(&Kind::GuardrailDetected));
        let records = world.records();
        let found = records.iter().find_map(|record| match &record.input.body {
            Body::GuardrailDetected(found) if found.rule == id("box") => Some((record, found)),
            _ => None,
        });
        let (record, found) = found.unwrap();
        assert_eq!(found.classes, [DetectedClass::Destination], "one was refused");
        let text = world.content(&record.input.contents[0].commitment).unwrap();
        let expected = format!("example.org:443 let through\nexfiltrate.example.net:53 refused{rest}");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}

#[test]
fn a_run_in_which_nobody_could_record_connections_has_no_gate() {
    let no_guardrails = |mut setup: Setup| {
        setup.guardrails.clear();
        setup
    };
    let fault = boxed(&Arc::default(), no_guardrails, Some(ActorType::Guardrail)).map(|_| ()).unwrap_err();
    assert!(matches!(fault, OpenFault::NoActor { actor_type: ActorType::Guardrail }), "{fault}");
}
