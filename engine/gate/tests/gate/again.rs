//! What a gate decided follows from its trace, the bundle and the registry alone: policy replay decides it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{Copying, Packing, TraceReader, copy};
use rederive_evidence::kinds::decision::{Decision, DecisionMade};
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::frame_length;
use rederive_evidence::schema::Given;
use rederive_gate::{BundlePolicy, Fate, Gate, Setup};
use rederive_policy::assemble::MEMORY_WRITE;
use rederive_policy::registry::Entry;
use rederive_policy::{Archive, Bundle, Registry, compile};
use rederive_recorder::ManualClock;
use rederive_replay::{
    Change, Gap, Level, Options, Report, StandingGrant, Valid, WhatIf, replay_bytes, whatif_bytes,
};

use crate::memory::{OUTSIDE, from_outside, write_in};
use crate::world::{START, World, id, intent, opened, options, path, setup};

/// What is asked for may be done, what is not is held for a person, and facts are remembered while the run is young.
const POLICIES: &str = r#"
@id("reads") permit (principal, action in Effect::Action::"read", resource);
@id("asked") permit (principal, action in Effect::Action::"change", resource) when { context.asked.contains(context.action) };
@id("unasked") @directive("require-approval") permit (principal, action in Effect::Action::"change", resource)
unless { context.asked.contains(context.action) || context.tool.name == "memory.write" };
@id("remembered") permit (principal, action in Effect::Action::"write", resource)
when { context.tool.name == "memory.write" && context.text.hasTag("/namespace") && context.text.getTag("/namespace") == "facts" && context.counters.calls == 0 };
"#;

fn bundle() -> Bundle {
    bundle_of(POLICIES)
}

pub(crate) fn bundle_of(policies: &str) -> Bundle {
    let files = BTreeMap::from([("policies/all.cedar".to_owned(), policies.as_bytes().to_vec())]);
    Bundle::of_files(id("again"), id("1"), id("cedar"), files).unwrap()
}

/// What the tools and the memory of a gate are, as a registry has it.
pub(crate) fn registry(setup: &Setup) -> Registry {
    let entry = |facts| Entry { facts, schema: None, reasons: BTreeMap::new() };
    let tools = setup.tools.iter().map(|tool| (tool.tool.clone(), entry(tool.facts.clone())));
    let memory = setup.memory.clone().map(|facts| (id(MEMORY_WRITE), entry(facts)));
    Registry { tools: tools.chain(memory).collect(), ..Registry::default() }
}

/// A gate that asks the bundle, and what its run pins.
fn gated() -> (World, Archive) {
    let (wires, clock, disk) = (Arc::default(), Arc::new(ManualClock::new(START)), FaultyStorage::new());
    let policy = Arc::new(BundlePolicy::new(&bundle()).unwrap());
    let setup = Setup { policy, ..setup(&wires) };
    let registry = Arc::new(registry(&setup));
    let mut draft = opened("acme");
    let Body::RunOpened(body) = &mut draft.body else { panic!("no opening") };
    body.bundle = Given::Known(bundle().digest());
    body.registry = Given::Known(registry.digest());
    let gate =
        Gate::open(disk.clone(), &path("again"), draft, options(&clock, "again", "first"), setup).unwrap();
    let compiled = Arc::new(compile(&bundle()).unwrap());
    (World { gate, disk, clock, wires, name: "again".to_owned() }, Archive::holding(compiled, registry))
}

/// Spec: policy-level, policy-compare, policy-request, rule-pol-4.
#[test]
fn decisions_on_calls_and_on_memory_follow_from_the_trace() {
    let (world, at_hand) = gated();
    let _ = world.gate.remember(from_outside(&world)).unwrap();
    let answer = crate::turn::turn(&world.gate, 1, "please send a mail to eve", 3).unwrap();
    let fate = |tool: &str, index| world.gate.call(intent(tool, 1, index, answer));
    assert!(matches!(fate("look", 0), Fate::Returned(_)));
    assert!(matches!(fate("send", 1), Fate::Returned(_)));
    assert!(!matches!(fate("edit", 2), Fate::Returned(_)));
    let decisions: Vec<DecisionMade> = world
        .records()
        .into_iter()
        .filter_map(|record| match record.input.body {
            Body::DecisionMade(made) => Some(*made),
            _ => None,
        })
        .collect();
    let rules: Vec<&str> = decisions.iter().map(|made| made.rules[0].as_str()).collect();
    assert_eq!(rules, ["remembered", "reads", "asked", "unasked"]);
    assert_eq!((decisions[0].decision, &decisions[0].request.call), (Decision::Permit, &None));
    let _ = follows(world, &at_hand, 4);
}

/// The trace of the run, whose decisions, so many, are all made again.
fn follows(world: World, at_hand: &Archive, decisions: u64) -> Vec<u8> {
    let _ = world.gate.close(RunEnd::Completed).unwrap();
    let trace = world.bytes();
    let report = replayed(&trace, at_hand);
    assert_eq!((report.valid, &report.wrong), (Valid::Reproduced, &None));
    assert_eq!(report.decisions, Some(decisions));
    assert!(!report.gaps.iter().any(|gap| matches!(gap, Gap::DecisionsTaken(_))), "{:?}", report.gaps);
    trace
}

pub(crate) fn replayed(trace: &[u8], at_hand: &Archive) -> Report {
    let options = Options { level: Level::Policy, pinned: Some(at_hand), ..Options::default() };
    replay_bytes(trace, &options).unwrap()
}

/// Spec: memory-target, rule-pol-4.
#[test]
fn a_memory_write_that_was_not_permitted_is_asked_about_again_too() {
    let (world, at_hand) = gated();
    let kept = |turn, text| {
        let draft = write_in(turn, &world, MemoryScope::Durable, text, OUTSIDE);
        world.gate.remember(draft).is_ok()
    };
    assert!(kept(0, "she lives in Rome"));
    let answer = world.turn(1, 1);
    assert!(matches!(world.gate.call(intent("look", 1, 0, answer)), Fate::Returned(_)));
    // Facts are remembered before the first call alone.
    assert!(!kept(2, "she lives in Rome") && !kept(3, "she moved to Oslo"));
    let trace = follows(world, &at_hand, 4);

    let always = POLICIES.replace(" && context.counters.calls == 0", "");
    assert_ne!(always, POLICIES);
    for (policies, changes) in [(POLICIES, [Change::None; 4]), (&always, ALWAYS)] {
        let judge = compile(&bundle_of(policies)).unwrap();
        let grant = StandingGrant::Nothing;
        let ask = WhatIf { judge: &judge, registries: &at_hand, grant, trust: None };
        let judged = whatif_bytes(&trace, &ask).unwrap().judged;
        assert_eq!(judged.iter().map(|judged| judged.change).collect::<Vec<_>>(), changes);
    }
}

/// What changes of the writes and the read where facts are always remembered.
const ALWAYS: [Change; 4] = [Change::None, Change::None, Change::Answer, Change::Answer];

/// Spec: memory-target.
#[test]
fn a_decision_on_a_memory_write_is_taken_as_recorded_where_item_or_value_is_redacted() {
    for which in 0..2 {
        let (world, at_hand) = gated();
        let answer = world.turn(0, 1);
        assert!(matches!(world.gate.call(intent("look", 0, 0, answer)), Fate::Returned(_)));
        let draft = write_in(1, &world, MemoryScope::Durable, "she moved to Oslo", OUTSIDE);
        assert!(world.gate.remember(draft).is_err());
        let decided =
            world.records().into_iter().rev().find(|record| record.input.body.kind() == Kind::DecisionMade);
        let contents = decided.unwrap().input.contents;
        let trace = follows(world, &at_hand, 2);
        let reader = TraceReader::of(trace.as_slice()).unwrap();
        let leave_out = BTreeSet::from([contents[which].commitment]);
        let (disk, copied) = (FaultyStorage::new(), path("redacted"));
        let copying = Copying { leave_out: &leave_out, packing: Packing::Hot };
        let length = |frames: &[u8]| frame_length(frames).ok();
        assert_eq!(copy(&reader, disk.clone(), &copied, copying, length).unwrap().left_out, leave_out);
        let report = replayed(&disk.bytes_of(&copied).unwrap(), &at_hand);
        assert_eq!((report.valid, report.decisions), (Valid::Reproduced, Some(2)));
        assert!(report.gaps.contains(&Gap::DecisionsTaken(1)), "{:?}", report.gaps);
    }
}
