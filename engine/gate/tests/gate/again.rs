//! What a gate decided follows from its trace, the bundle and the registry alone: policy replay decides it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, DecisionMade};
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::schema::Given;
use rederive_gate::{BundlePolicy, Fate, Gate, Setup};
use rederive_policy::assemble::MEMORY_WRITE;
use rederive_policy::registry::Entry;
use rederive_policy::{Archive, Bundle, Registry, compile};
use rederive_recorder::ManualClock;
use rederive_replay::{Gap, Level, Options, Valid, replay_bytes};

use crate::memory::from_outside;
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
    let files = BTreeMap::from([("policies/all.cedar".to_owned(), POLICIES.as_bytes().to_vec())]);
    Bundle::of_files(id("again"), id("1"), id("cedar"), files).unwrap()
}

/// What the tools and the memory of a gate are, as a registry has it.
fn registry(setup: &Setup) -> Registry {
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
    let _ = world.gate.close(RunEnd::Completed).unwrap();
    let options = Options { level: Level::Policy, pinned: Some(&at_hand), ..Options::default() };
    let report = replay_bytes(&world.bytes(), &options).unwrap();
    assert_eq!((report.valid, &report.wrong), (Valid::Reproduced, &None));
    assert_eq!(report.decisions, Some(4));
    assert!(!report.gaps.iter().any(|gap| matches!(gap, Gap::DecisionsTaken(_))), "{:?}", report.gaps);
}
