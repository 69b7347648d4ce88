//! MEM-3: what outlives the session under external influence is kept under a PERMIT for exactly this value, or not at all.

use std::sync::Arc;

use rederive_archive::storage::faulty::{FaultyStorage, Survival};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Directive, ReasonCode};
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::kinds::memory::{DeletionPath, MemoryKey, MemoryScope, MemoryWritten};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, MediaType, Record};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Origin, Sensitivity, SourceLabel, Trust};
use rederive_gate::ports::{Finding, Payload, Stage};
use rederive_gate::{Gate, Why};
use rederive_recorder::ManualClock;

use crate::world::{Mood, START, World, id, opened, options, path, setup};

const MINE: Label = Label { trust: Trust::User, sensitivity: Sensitivity::Internal };
pub(crate) const OUTSIDE: Label = Label { trust: Trust::External, sensitivity: Sensitivity::Internal };

/// A write of `value`, led to by something with this label.
fn write(world: &World, scope: MemoryScope, value: &str, from: Label) -> Draft {
    write_in(0, world, scope, value, from)
}

/// The same, in this turn.
pub(crate) fn write_in(turn: u32, world: &World, scope: MemoryScope, value: &str, from: Label) -> Draft {
    let answer = world.turn(turn, 0);
    let body = MemoryWritten {
        item: MemoryKey { scope, namespace: id("facts"), name: id("home") },
        value: Content(0),
        owner: Given::Known(id("ada")),
        reason: Given::Known(Content(1)),
        label: Given::Known(OUTSIDE),
        expires: Given::Known(START.plus_ms(3_600_000)),
        deletion: Given::Known(DeletionPath::Delete),
        provenance: Given::Known(Content(2)),
    };
    let mut draft = Draft::new(id("agent"), Origin::Model, body);
    for text in [value, "it was said", "a letter"] {
        let _ = draft.content(MediaType::Text, text).unwrap();
    }
    draft.labels.push(SourceLabel { content: None, from: None, to: None, label: from });
    draft.causes = Causes::of([answer]);
    draft
}

/// A durable write that only something outside led to.
pub(crate) fn from_outside(world: &World) -> Draft {
    write(world, MemoryScope::Durable, "she lives in Rome", OUTSIDE)
}

fn decisions(records: &[Record]) -> Vec<DecisionMade> {
    let made = |record: &Record| match &record.input.body {
        Body::DecisionMade(made) => Some((**made).clone()),
        _ => None,
    };
    records.iter().filter_map(made).collect()
}

fn writes(records: &[Record]) -> Vec<&Record> {
    records.iter().filter(|record| record.input.body.kind() == Kind::MemoryWritten).collect()
}

/// Spec: rule-mem-3, receipt-durable.
#[test]
fn a_durable_write_under_external_influence_is_decided_on_and_permit_and_write_survive_a_crash() {
    for scope in [MemoryScope::Durable, MemoryScope::Shared] {
        let world = World::new("permitted");
        let draft = write(&world, scope, "she lives in Rome", OUTSIDE);
        let remembered = world.gate.remember(draft).unwrap();
        assert_eq!(
            (remembered.value.bytes(), remembered.is_replaced),
            (b"she lives in Rome".as_slice(), false)
        );
        world.disk.restart(Survival::Nothing);
        let (world, _) = world.recovered();
        let records = world.records();
        let (made, written) = (decisions(&records), writes(&records));
        assert_eq!((made.len(), written.len()), (1, 1));
        assert_eq!((made[0].decision, made[0].request.call.clone()), (Decision::Permit, None));
        assert_eq!(made[0].request.arguments, Given::Known(written[0].input.contents[0].commitment));
        assert!(made[0].receipt.is_some());
        assert!(records.iter().all(|record| record.derived.breaches.is_empty()));
    }
}

#[test]
fn a_write_that_ends_with_the_session_or_came_from_inside_asks_nobody() {
    for (scope, from) in
        [(MemoryScope::Session, OUTSIDE), (MemoryScope::Turn, OUTSIDE), (MemoryScope::Durable, MINE)]
    {
        let world = World::new("free");
        let draft = write(&world, scope, "she lives in Rome", from);
        let _ = world.gate.record(draft).unwrap();
        let records = world.records();
        assert_eq!((decisions(&records).len(), writes(&records).len()), (0, 1), "{scope:?} {from:?}");
    }
}

#[test]
fn what_the_policy_does_not_permit_is_not_kept_by_either_door_and_the_answer_is_on_record() {
    let answers = [
        (Decision::Deny, Directive::None, ReasonCode::PolicyForbids),
        (Decision::Silence, Directive::None, ReasonCode::NoPolicy),
        (Decision::Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded),
    ];
    for (decision, directive, reason) in answers {
        let world = World::new("denied");
        world.wires.say("memory.write", decision, directive, reason);
        let draft = |turn| write_in(turn, &world, MemoryScope::Durable, "she lives in Rome", OUTSIDE);
        let whys = [world.gate.remember(draft(0)).err(), world.gate.record(draft(1)).err()];
        for why in whys {
            let is_told = matches!(&why, Some(Why::Decision { decision: said, .. }) if *said == decision);
            assert!(is_told, "{why:?}");
        }
        let records = world.records();
        assert_eq!((decisions(&records).len(), writes(&records).len()), (2, 0));
    }
}

#[test]
fn a_policy_that_gives_no_answer_and_memory_that_no_registry_lists_keep_nothing() {
    for mood in Mood::BAD {
        let world = World::in_mood("engine", "policy", mood);
        let why = world.gate.remember(write(&world, MemoryScope::Durable, "Rome", OUTSIDE)).unwrap_err();
        assert!(matches!(why, Why::Decision { reason: ReasonCode::EngineFault, .. }), "{mood:?}: {why}");
        assert!(writes(&world.records()).is_empty());
    }
    let (disk, wires, clock) = (FaultyStorage::new(), Arc::default(), Arc::new(ManualClock::new(START)));
    let options = options(&clock, "unlisted", "first");
    let setup = rederive_gate::Setup { memory: None, ..setup(&wires) };
    let gate = Gate::open(disk.clone(), &path("unlisted"), opened("acme"), options, setup).unwrap();
    let world = World { gate, disk, clock, wires, name: "unlisted".to_owned() };
    let why = world.gate.remember(write(&world, MemoryScope::Durable, "Rome", OUTSIDE)).unwrap_err();
    assert!(matches!(why, Why::Decision { reason: ReasonCode::UnknownTool, .. }), "{why}");
    assert!(writes(&world.records()).is_empty());
}

#[test]
fn guardrails_look_at_a_value_before_it_is_kept() {
    let finding = |finding: Finding| {
        let world = World::new("looked at");
        *world.wires.finding.lock().unwrap() = Some((Stage::MemoryWrite, finding));
        let remembered = world.gate.remember(write(&world, MemoryScope::Durable, "call 555-0100", OUTSIDE));
        (world, remembered)
    };
    let (world, masked) = finding(Finding::Transformed {
        classes: vec![DetectedClass::Personal],
        content: Payload::text("call [phone]"),
        label: None,
    });
    let masked = masked.unwrap();
    assert_eq!((masked.value.bytes(), masked.is_replaced), (b"call [phone]".as_slice(), true));
    let records = world.records();
    let kept = writes(&records)[0].input.contents[0].commitment;
    assert_eq!(decisions(&records)[0].request.arguments, Given::Known(kept), "what is kept was decided on");
    assert_eq!(world.content(&kept).unwrap(), b"call [phone]");

    let (world, blocked) =
        finding(Finding::Blocked { classes: Vec::new(), reason: BlockReason::Guardrail, notice: None });
    assert!(matches!(blocked, Err(Why::Guardrail { .. })), "{blocked:?}");
    assert!(writes(&world.records()).is_empty() && decisions(&world.records()).is_empty());

    for mood in Mood::BAD {
        let world = World::in_mood("mood", "guardrail", mood);
        *world.wires.finding.lock().unwrap() = Some((Stage::MemoryWrite, Finding::Clean));
        let kept = world.gate.remember(write(&world, MemoryScope::Durable, "Rome", OUTSIDE));
        assert!(matches!(kept, Err(Why::Component(_))), "{mood:?}: {kept:?}");
        assert!(writes(&world.records()).is_empty());
    }
}

#[test]
fn what_is_no_memory_write_is_not_remembered() {
    let world = World::new("other");
    let draft = Draft::new(
        id("agent"),
        Origin::Model,
        rederive_evidence::kinds::output::OutputProduced { output: Content(0) },
    );
    assert!(matches!(world.gate.remember(draft), Err(Why::NoWrite { kind: Kind::OutputProduced })));
}
