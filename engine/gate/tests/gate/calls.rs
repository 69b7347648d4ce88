//! The thirteen steps of a call, and what stops it at each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::receipt::Receipt;
use rederive_evidence::rules::Outcome;
use rederive_evidence::signed::UncheckedSigned;
use rederive_evidence::values::EffectsClass;
use rederive_gate::ports::{Finding, Payload, Stage};
use rederive_gate::{Fate, Gate, Pending, Why};
use rederive_recorder::ManualClock;

use crate::steps::CALL;
use crate::world::{START, World, id, intent, opened, options, path, place, receipt_key, setup};

fn blocked(fate: Fate) -> (BlockReason, Why) {
    match fate {
        Fate::Blocked(blocked) => (blocked.reason, blocked.why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_leaves_a_record_a_step_and_each_is_the_cause_of_the_next() {
    let world = World::new("steps");
    let answer = world.turn(0, 1);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
    assert_eq!(returned.content, Payload::json(r#"{"done":{"to":"eve"}}"#));
    assert_eq!((returned.is_replaced, returned.effect), (false, Some(EffectMatch::Match)));
    assert_eq!(world.kinds(&place(0, 0)), CALL);
    let records = world.records();
    for record in &records {
        assert_eq!((record.derived.outcome, &record.derived.breaches), (Outcome::Applied, &Vec::new()));
    }
    let of_call: Vec<_> = records.iter().filter(|record| record.input.place == Some(place(0, 0))).collect();
    for pair in of_call.windows(2) {
        assert!(pair[1].input.causes.contains(pair[0].input.sequence), "{:?}", pair[1].input.body.kind());
    }
    assert_eq!(world.wires.acted(), 1);
    assert_eq!(*world.wires.issued.lock().unwrap(), *world.wires.revoked.lock().unwrap());
}

/// Spec: receipt, receipt-durable.
#[test]
fn every_decision_has_a_receipt_that_verifies_and_is_of_that_very_record() {
    let world = World::new("receipts");
    world.wires.say("send", Decision::Deny, Directive::None, ReasonCode::PolicyForbids);
    let answer = world.turn(0, 2);
    let _ = world.gate.call(intent("look", 0, 0, answer));
    let _ = world.gate.call(intent("send", 0, 1, answer));
    let run = world.gate.run().unwrap();
    let mut decisions = Vec::new();
    for record in world.records() {
        let Body::DecisionMade(decision) = &record.input.body else { continue };
        let at = decision.receipt.expect("a receipt");
        let entry = record.input.contents[usize::from(at.0)];
        let bytes = world.content(&entry.commitment).expect("the receipt's bytes");
        let receipt = UncheckedSigned::<Receipt>::parse(&bytes).unwrap();
        let key = rederive_evidence::keys::Signer::public_key(&receipt_key());
        let receipt = receipt.verify(&key).unwrap();
        let made = Receipt::of(run, id("acme"), record.derived.checksum.unwrap(), &record.input);
        assert_eq!(Some(receipt.payload()), made.as_ref());
        assert!(!decision.reliance.is_empty());
        decisions.push(decision.decision);
    }
    assert_eq!(decisions, [Decision::Permit, Decision::Deny]);
    assert_eq!(world.wires.acted(), 1);
}

#[test]
fn nothing_but_permit_reaches_a_tool() {
    let table = [
        (Decision::Permit, Directive::None, 1),
        (Decision::Deny, Directive::None, 0),
        (Decision::Deny, Directive::RollBack, 0),
        (Decision::Silence, Directive::None, 0),
        (Decision::Silence, Directive::Revise, 0),
        (Decision::Silence, Directive::NarrowScope, 0),
        (Decision::Silence, Directive::Route, 0),
    ];
    for (decision, directive, acts) in table {
        let world = World::new("answers");
        let reason = match decision {
            Decision::Permit => ReasonCode::PolicyPermits,
            Decision::Deny => ReasonCode::PolicyForbids,
            Decision::Silence => ReasonCode::NoPolicy,
        };
        world.wires.say("send", decision, directive, reason);
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        assert_eq!(world.wires.acted(), acts, "{decision} {directive}: {fate:?}");
        assert_eq!(world.wires.issued.lock().unwrap().len() as u64, acts);
        if acts == 0 {
            let (reason, why) = blocked(fate);
            assert_eq!(reason, BlockReason::Decision);
            let said = matches!(why, Why::Decision { decision: d, directive: e, .. } if (d, e) == (decision, directive));
            assert!(said, "{why}");
            assert_eq!(world.kinds(&place(0, 0)).last(), Some(&Kind::ToolBlocked));
        }
    }
}

#[test]
fn what_the_machine_refuses_ends_there() {
    let world = World::new("refused");
    let answer = world.turn(0, 3);
    let table = [
        intent("unheard-of", 0, 0, answer),
        rederive_gate::Intent { arguments: Payload::json(r#"{"to":7}"#), ..intent("send", 0, 1, answer) },
        rederive_gate::Intent { arguments: Payload::json("{"), ..intent("send", 0, 2, answer) },
        intent("send", 7, 0, answer),
    ];
    for intent in table {
        let (reason, why) = blocked(world.gate.call(intent));
        assert_eq!(reason, BlockReason::Rule, "{why}");
    }
    assert_eq!((world.wires.acted(), world.wires.judged.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn a_place_is_used_once_and_nobody_ends_the_call_of_another() {
    let world = World::new("twice");
    let answer = world.turn(0, 1);
    let again = world.gate.clone();
    let inside = move |_: &rederive_gate::Dispatch| {
        let fate = again.call(intent("send", 0, 0, answer));
        assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
    };
    *world.wires.inside.lock().unwrap() = Some(Arc::new(inside));
    let fate = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    assert_eq!(world.wires.acted(), 1);
    assert!(!world.kinds(&place(0, 0)).contains(&Kind::ToolBlocked));
}

#[test]
fn a_guardrail_stops_arguments_before_the_gate_is_asked() {
    for stage in [Stage::Arguments, Stage::Destination, Stage::Task] {
        let world = World::new("guarded");
        let finding = Finding::Blocked {
            classes: vec![DetectedClass::Secret],
            reason: BlockReason::Guardrail,
            notice: Some(Payload::text("no")),
        };
        *world.wires.finding.lock().unwrap() = Some((stage, finding));
        let answer = world.turn(0, 1);
        let (reason, why) = blocked(world.gate.call(intent("send", 0, 0, answer)));
        assert!(matches!((reason, &why), (BlockReason::Guardrail, Why::Guardrail { .. })), "{why}");
        assert_eq!((world.wires.acted(), world.wires.judged.load(Ordering::SeqCst)), (0, 0), "{stage:?}");
    }
}

#[test]
fn what_a_guardrail_made_of_the_arguments_is_what_is_sent_if_the_tool_takes_it() {
    let masked = |content: &str| Finding::Transformed {
        classes: vec![DetectedClass::Personal],
        content: Payload::json(content),
        label: None,
    };
    let world = World::new("masked");
    *world.wires.finding.lock().unwrap() = Some((Stage::Arguments, masked(r#"{"to":"[person]"}"#)));
    let answer = world.turn(0, 2);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
    assert_eq!(returned.content, Payload::json(r#"{"done":{"to":"[person]"}}"#));
    *world.wires.finding.lock().unwrap() = Some((Stage::Arguments, masked(r#"{"to":0}"#)));
    // Other arguments: those of the first call are not to be used again in the form that was transformed.
    let other = rederive_gate::Intent {
        arguments: Payload::json(r#"{"to":"mallory"}"#),
        ..intent("send", 0, 1, answer)
    };
    let (reason, why) = blocked(world.gate.call(other));
    assert_eq!((reason, world.wires.acted()), (BlockReason::Invalid, 1), "{why}");
}

#[test]
fn a_result_reaches_the_model_only_as_guardrails_left_it() {
    let table = [
        (
            Finding::Transformed {
                classes: vec![DetectedClass::Secret],
                content: Payload::text("[masked]"),
                label: None,
            },
            "[masked]",
        ),
        (
            Finding::Blocked {
                classes: vec![DetectedClass::Instruction],
                reason: BlockReason::Guardrail,
                notice: Some(Payload::text("it was an instruction")),
            },
            "it was an instruction",
        ),
    ];
    for (finding, shown) in table {
        let world = World::new("result");
        *world.wires.finding.lock().unwrap() = Some((Stage::Result, finding));
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("look", 0, 0, answer));
        let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
        assert_eq!((returned.content, returned.is_replaced), (Payload::text(shown), true));
    }
}

#[test]
fn a_tool_that_offers_a_preview_is_previewed_before_it_is_decided_on() {
    let world = World::new("preview");
    let answer = world.turn(0, 1);
    let fate = world.gate.call(intent("edit", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    let kinds = world.kinds(&place(0, 0));
    let at = |kind| kinds.iter().position(|of| *of == kind).unwrap();
    assert!(at(Kind::ToolPreviewed) < at(Kind::DecisionMade));
    let _ = world.gate.close(RunEnd::Completed).unwrap();
    assert!(world.records().iter().all(|record| record.derived.breaches.is_empty()));
}

#[test]
fn an_effect_that_is_not_the_one_expected_is_undone_or_its_owner_told() {
    let world = World::new("effects");
    *world.wires.observed.lock().unwrap() = Some(Payload::text("it went elsewhere"));
    let answer = world.turn(0, 2);
    let fate = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(&fate, Fate::Returned(r) if r.effect == Some(EffectMatch::Mismatch)), "{fate:?}");
    assert!(world.kinds(&place(0, 0)).contains(&Kind::EffectReverted));
    world.wires.set("effects, rolling back", crate::world::Mood::Fails);
    let _ = world.gate.call(intent("send", 0, 1, answer));
    assert!(world.kinds(&place(0, 1)).contains(&Kind::EffectNotified));
}

/// Wakes nobody but remembers that it was to.
struct Bell(std::sync::mpsc::Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

pub(crate) fn block_on<F: Future + Unpin>(mut pending: F) -> F::Output {
    let (rings, rung) = std::sync::mpsc::channel();
    let waker = Waker::from(Arc::new(Bell(rings)));
    loop {
        match Pin::new(&mut pending).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(fate) => return fate,
            Poll::Pending => rung.recv().unwrap(),
        }
    }
}

#[test]
fn callers_may_block_poll_or_wait_from_many_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Gate>();
    let world = World::new("callers");
    let answer = world.turn(0, 40);
    let pending: Vec<Pending> =
        (0..20).map(|index| world.gate.submit(intent("look", 0, index, answer))).collect();
    for (index, pending) in pending.into_iter().enumerate() {
        let fate = if index % 2 == 0 { pending.wait() } else { block_on(pending) };
        assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    }
    std::thread::scope(|scope| {
        for index in 20..40 {
            let gate = world.gate.clone();
            scope.spawn(move || {
                let fate = gate.call(intent("look", 0, index, answer));
                assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
            });
        }
    });
    assert_eq!(world.wires.acted(), 40);
    world.gate.close(rederive_evidence::kinds::run::RunEnd::Completed).unwrap();
}

#[test]
fn a_call_that_was_cancelled_before_its_dispatch_does_not_happen() {
    let world = World::new("cancelled");
    let answer = world.turn(0, 1);
    world.wires.set("policy", crate::world::Mood::Hangs);
    let pending = world.gate.submit(intent("send", 0, 0, answer));
    pending.cancel();
    let (reason, why) = blocked(pending.wait());
    assert!(matches!((reason, &why), (BlockReason::Withdrawn, Why::Cancelled)), "{why}");
    assert_eq!(world.wires.acted(), 0);
    assert_eq!(world.kinds(&place(0, 0)).last(), Some(&Kind::ToolBlocked));
}

/// After the dispatch nobody can take a call back: its tool is told, and what it did is on record.
#[test]
fn a_call_that_is_cancelled_while_its_tool_works_is_told_to_the_tool_and_recorded_as_it_ended() {
    let world = World::new("cancelled late");
    let answer = world.turn(0, 1);
    let (begun, begins) = std::sync::mpsc::sync_channel(1);
    let (told, hears) = std::sync::mpsc::sync_channel(1);
    *world.wires.inside.lock().unwrap() = Some(Arc::new(move |dispatch: &rederive_gate::Dispatch| {
        let before = dispatch.is_cancelled();
        begun.send(()).unwrap();
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !dispatch.is_cancelled() && std::time::Instant::now() < limit {
            std::thread::yield_now();
        }
        told.send((before, dispatch.is_cancelled())).unwrap();
    }));
    let pending = world.gate.submit(intent("send", 0, 0, answer));
    begins.recv().unwrap();
    pending.cancel();
    let fate = pending.wait();
    assert_eq!(hears.recv().unwrap(), (false, true));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    assert_eq!(world.kinds(&place(0, 0)).iter().filter(|kind| **kind == Kind::ToolReturned).count(), 1);
}

/// A future that nobody polls any more cancels nothing.
#[test]
fn a_call_whose_future_was_dropped_goes_on_to_its_end() {
    let world = World::new("dropped");
    let answer = world.turn(0, 1);
    drop(world.gate.submit(intent("send", 0, 0, answer)));
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !world.kinds(&place(0, 0)).contains(&Kind::ToolReturned) {
        assert!(std::time::Instant::now() < limit, "it ends");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(world.wires.acted(), 1);
}

#[test]
fn nobody_but_the_gate_says_what_only_the_gate_may_say() {
    let world = World::new("bypass");
    let _ = world.turn(0, 1);
    let kinds = [Kind::DecisionMade, Kind::ToolDispatched, Kind::ApprovalApproved, Kind::CredentialIssued];
    for kind in kinds {
        let body = Body::draw_of(kind, &mut rederive_evidence::arbitrary::Choices::new(vec![1; 40]));
        let draft =
            rederive_evidence::draft::Draft::new(id("agent"), rederive_evidence::values::Origin::Model, body);
        assert!(world.gate.record(draft).is_err(), "{kind}");
    }
    assert!(!world.records().iter().any(|record| kinds.contains(&record.input.body.kind())));
}

/// Spec: rule-out-4.
#[test]
fn an_output_leaves_only_after_its_guardrails_and_to_those_who_may_have_it() {
    use rederive_evidence::kinds::output::Recipient;
    use rederive_evidence::record::Causes;
    use rederive_evidence::schema::Given;
    use rederive_evidence::values::Sensitivity;
    use rederive_gate::Output;

    let world = World::new("output");
    let answer = world.turn(0, 0);
    let output = |text: &str, clearance| Output {
        agent: id("agent"),
        content: Payload::text(text),
        causes: Causes::of([answer]),
        recipients: vec![Recipient { id: id("ada"), clearance: Given::Known(clearance) }],
    };
    let masked = Finding::Transformed {
        classes: vec![DetectedClass::Personal],
        content: Payload::text("the report of [person]"),
        label: None,
    };
    *world.wires.finding.lock().unwrap() = Some((Stage::Output, masked));
    let released = world.gate.release(output("the report of Eve", Sensitivity::Restricted)).unwrap();
    assert_eq!(released.content, Payload::text("the report of [person]"));
    let stopped = Finding::Blocked {
        classes: vec![DetectedClass::Secret],
        reason: BlockReason::Guardrail,
        notice: None,
    };
    *world.wires.finding.lock().unwrap() = Some((Stage::Output, stopped));
    let refused = world.gate.release(output("the key is 7", Sensitivity::Restricted));
    assert!(matches!(refused, Err(Why::Guardrail { .. })), "{refused:?}");
    *world.wires.finding.lock().unwrap() = None;
    world.wires.set("guardrail", crate::world::Mood::Fails);
    *world.wires.finding.lock().unwrap() = Some((Stage::Output, Finding::Clean));
    assert!(world.gate.release(output("anything", Sensitivity::Restricted)).is_err());
    let kinds: Vec<Kind> = world.records().iter().map(|record| record.input.body.kind()).collect();
    let count = |kind| kinds.iter().filter(|of| **of == kind).count();
    assert_eq!(
        (count(Kind::OutputProduced), count(Kind::OutputReleased), count(Kind::OutputBlocked)),
        (3, 1, 2)
    );
}

/// Spec: rule-grd-4.
#[test]
fn an_agent_with_a_plan_acts_once_guardrails_have_compared_it_with_the_task() {
    use rederive_evidence::draft::Draft;
    use rederive_evidence::ids::{Content, RecordRef};
    use rederive_evidence::kinds::plan::{PlanProposed, PlanVerdict};
    use rederive_evidence::record::{Causes, MediaType};
    use rederive_evidence::values::Origin;

    let world = World::new("plan");
    let answer = world.turn(0, 4);
    let mut proposed = Draft::new(id("agent"), Origin::Model, PlanProposed { plan: Content(0), steps: None });
    proposed.content(MediaType::Text, "look, then send").unwrap();
    proposed.place = Some(place(0, 0));
    proposed.causes = Causes::of([answer]);
    let plan = RecordRef(world.gate.record(proposed).unwrap().sequence);
    let check = || world.gate.check_plan(plan, place(0, 0), Payload::text("look, then send"));
    let acts = |index| world.gate.call(intent("look", 0, index, answer));

    assert!(matches!(acts(0), Fate::Blocked(_)), "nobody has looked at the plan");
    assert!(check().is_err(), "no guardrail compares plans");
    let found = |finding| *world.wires.finding.lock().unwrap() = Some((Stage::Plan, finding));
    found(Finding::Detected { classes: vec![DetectedClass::Departure], detail: None });
    assert_eq!(check().unwrap(), PlanVerdict::Revise);
    assert!(matches!(acts(1), Fate::Blocked(_)), "the plan departs from the task");
    world.wires.set("guardrail", crate::world::Mood::Panics);
    assert!(check().is_err(), "a guardrail that cannot tell has not found it aligned");
    world.wires.set("guardrail", crate::world::Mood::Fine);
    let mut again = Draft::new(id("agent"), Origin::Model, PlanProposed { plan: Content(0), steps: None });
    again.content(MediaType::Text, "only look").unwrap();
    again.place = Some(place(0, 0));
    again.causes = Causes::of([answer]);
    let plan = RecordRef(world.gate.record(again).unwrap().sequence);
    found(Finding::Clean);
    let checked = world.gate.check_plan(plan, place(0, 0), Payload::text("only look"));
    assert_eq!(checked.unwrap(), PlanVerdict::Aligned);
    assert!(matches!(acts(2), Fate::Returned(_)));
}

/// LIM-1: the machine counts, and of a call that would be one too many the gate's answer is DENY, on record with its receipt; no tool hears of it.
#[test]
fn a_call_above_a_limit_of_the_run_reaches_no_tool() {
    let (disk, wires, clock) = (FaultyStorage::new(), Arc::default(), Arc::new(ManualClock::new(START)));
    let mut opening = opened("acme");
    let Body::RunOpened(body) = &mut opening.body else { panic!("another body") };
    body.limits.calls = Some(1);
    let options = options(&clock, "limit", "first");
    let gate = Gate::open(disk.clone(), &path("limit"), opening, options, setup(&wires)).unwrap();
    let world = World { gate, disk, clock, wires, name: "limit".to_owned() };
    let answer = world.turn(0, 2);
    let first = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(first, Fate::Returned(_)), "{first:?}");
    let (reason, why) = blocked(world.gate.call(intent("send", 0, 1, answer)));
    assert_eq!(reason, BlockReason::Rule);
    assert!(matches!(why, Why::Limit { limit: LimitKind::Calls }), "{why:?}");
    assert_eq!(world.wires.acted(), 1);
    let decided = world.records().into_iter().find_map(|record| match record.input.body {
        Body::DecisionMade(made) if made.request.call == Some(place(0, 1)) => Some((made, record.derived)),
        _ => None,
    });
    let (made, derived) = decided.expect("a denial is a decision too");
    assert_eq!((made.decision, made.reason), (Decision::Deny, ReasonCode::Rule));
    assert_eq!(derived.outcome, Outcome::Applied, "{derived:?}");
    assert!(made.receipt.is_some());
}

/// What the user asks for is part of the question: replay asks with every message before the decision's record.
#[test]
fn a_request_is_judged_again_where_the_user_speaks_while_it_is_judged() {
    let world = World::new("spoken");
    let answer = world.turn(0, 1);
    let (gate, asked) = (world.gate.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let heard = Arc::clone(&asked);
    *world.wires.judging.lock().unwrap() = Some(Arc::new(move |request: &rederive_policy::PolicyRequest| {
        let mut heard = heard.lock().unwrap();
        heard.push(request.asked.clone());
        if heard.len() == 1 {
            let _ = crate::turn::turn(&gate, 1, "please delete all of it", 0).unwrap();
        }
    }));
    let fate = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "judged again");
    assert!(
        !asked[0].contains(&EffectsClass::Delete) && asked[1].contains(&EffectsClass::Delete),
        "{asked:?}"
    );
    let kinds: Vec<Kind> = world.records().iter().map(|record| record.input.body.kind()).collect();
    let last_said = kinds.iter().rposition(|kind| *kind == Kind::PromptGiven);
    assert!(last_said < kinds.iter().position(|kind| *kind == Kind::DecisionMade));
}

/// RSK-1: what is known of a tool before any call is registered with it.
#[test]
fn a_registration_says_whether_its_tool_acts_under_a_credential() {
    for opens in [None, Some(true), Some(false)] {
        let wires: Arc<crate::world::Wires> = Arc::default();
        *wires.opens.lock().unwrap() = opens;
        let world = World::try_new("opens", FaultyStorage::new(), &wires).unwrap();
        let registered = world.records().into_iter().filter_map(|record| match record.input.body {
            Body::ToolRegistered(registered) => Some(registered.credential),
            _ => None,
        });
        assert_eq!(registered.collect::<Vec<_>>(), [opens; 3]);
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    }
}

/// Spec: rule-tol-5.
#[test]
fn a_retry_has_the_key_of_the_call_that_it_tries_again_and_no_other_call_has_it() {
    let world = idempotent("retried");
    let answer = world.turn(0, 2);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    *world.wires.inside.lock().unwrap() = Some(Arc::new(move |dispatch: &rederive_gate::Dispatch| {
        keep.lock().unwrap().push(dispatch.idempotency().expect("the tool knows such keys").clone());
    }));
    world.wires.set("tool, by its word", crate::world::Mood::Fails);
    let retry = |arguments: &str, index, attempt| {
        let place = rederive_evidence::values::Place { attempt, ..place(0, index) };
        let fate = world.gate.call(rederive_gate::Intent {
            arguments: Payload::json(arguments),
            place,
            ..intent("send", 0, index, answer)
        });
        assert!(matches!(fate, Fate::Failed(_)), "{fate:?}");
    };
    retry(r#"{"to":"eve"}"#, 0, 0);
    retry(r#"{"to":"eve"}"#, 0, 1);
    retry(r#"{"to":"mallory"}"#, 0, 2);
    retry(r#"{"to":"eve"}"#, 1, 0);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], seen[1], "the same call, tried again");
    let apart: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), apart.len()), (4, 3), "{seen:?}");
    let recorded = world.records().into_iter().filter_map(|record| match record.input.body {
        Body::ToolDispatched(dispatched) => dispatched.idempotency,
        _ => None,
    });
    assert_eq!(recorded.collect::<Vec<_>>(), *seen);
}

/// A world whose tools know keys that make a repetition harmless.
fn idempotent(name: &str) -> World {
    let (disk, wires, clock) = (FaultyStorage::new(), Arc::default(), Arc::new(ManualClock::new(START)));
    let mut setup = setup(&wires);
    for tool in &mut setup.tools {
        tool.is_idempotent = true;
    }
    let options = options(&clock, name, "first");
    let gate = Gate::open(disk.clone(), &path(name), opened("acme"), options, setup).unwrap();
    World { gate, disk, clock, wires, name: name.to_owned() }
}

/// A clock on which a millisecond passes whenever somebody looks.
struct Ticking(std::sync::atomic::AtomicU64);

impl rederive_recorder::Clock for Ticking {
    fn now(&self) -> Option<rederive_evidence::ids::RecordedTime> {
        Some(START.plus_ms(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

/// CRD-2: that a credential held when it was taken out says nothing of the dispatch.
#[test]
fn no_call_is_dispatched_under_a_credential_that_has_ended_since_it_was_used() {
    let (mut late, mut in_time) = (0, 0);
    for lifetime_ms in 1..40 {
        let (disk, wires, clock) = (FaultyStorage::new(), Arc::default(), Arc::new(ManualClock::new(START)));
        let mut options = options(&clock, "ending", "first");
        options.clock = Arc::new(Ticking(0.into()));
        let mut setup = setup(&wires);
        setup.times.credential_ms = lifetime_ms;
        let gate = Gate::open(disk.clone(), &path("ending"), opened("acme"), options, setup).unwrap();
        let world = World { gate, disk, clock, wires, name: "ending".to_owned() };
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        let (mut ends, mut used, mut dispatched) = (None, false, None);
        for record in world.records() {
            match record.input.body {
                Body::CredentialIssued(issued) => ends = issued.expires.known().copied(),
                Body::CredentialUsed(_) => used |= record.derived.outcome == Outcome::Applied,
                Body::ToolDispatched(_) => dispatched = record.input.time,
                _ => {}
            }
        }
        match dispatched {
            // The look is one tick before the record.
            Some(at) => assert!(at < ends.unwrap().plus_ms(1), "{lifetime_ms}: {fate:?}"),
            None => assert_eq!(world.wires.acted(), 0),
        }
        late += usize::from(used && dispatched.is_none());
        in_time += usize::from(dispatched.is_some());
    }
    assert!(late > 0 && in_time > 0, "{late} late, {in_time} in time");
}
