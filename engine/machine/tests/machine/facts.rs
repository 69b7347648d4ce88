//! What the machine tells of a call, or of a memory write, before it is decided.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Label, ScopeItem};
use rederive_machine::testing::authority::{APPROVAL_MS, CREDENTIAL_MS, approval};
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus, Control, Machine, State};

use crate::acts::*;

/// The same run at this time, told by a message of the user.
fn at(mut trial: Trial, time: RecordedTime) -> Trial {
    trial.now = time;
    trial.give(message("user", "go on").because([0]));
    trial
}

fn just_before(time: RecordedTime) -> RecordedTime {
    RecordedTime(time.0 - 1)
}

#[test]
fn the_policies_in_force_are_told() {
    let trial = Trial::gated_at(CallStatus::Requested, "search");
    let policies = trial.facts(&place(0, 0)).policies;
    assert_eq!(
        (policies.bundle, policies.registry),
        (Some(commitment("bundle")), Some(commitment("registry")))
    );
    assert_eq!(trial.machine.write_request(&id("agent")).unwrap().policies, policies);
}

#[test]
fn approvals_that_are_told_were_granted_are_unused_and_are_live() {
    let told = |trial: &Trial| trial.facts(&place(0, 0)).approvals;
    for status in ApprovalStatus::ALL {
        let expected = if *status == ApprovalStatus::Approved { vec![approval()] } else { vec![] };
        assert_eq!(told(&Trial::held_at(*status)), expected, "{status}");
    }
    let (mut trial, held) = Trial::held("mail");
    let end = trial.now.plus_ms(APPROVAL_MS);
    trial.approval_to(ApprovalStatus::Approved, &place(0, 0), held);
    assert_eq!(told(&at(trial.clone(), just_before(end))), [approval()]);
    assert_eq!(told(&at(trial.clone(), end)), []);

    let mut used = trial.clone();
    let permit = used.approved_judgement(&place(0, 0));
    used.give(permit.because([held]));
    used.give(dispatch(&place(0, 0), "mail").because([held]));
    assert_eq!(told(&used), [], "it has served");

    // Of another surface it is another request.
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| {
        body.surface = Given::Known(id("smtp"));
    }));
    assert_eq!(told(&trial), []);
}

#[test]
fn exceptions_that_are_told_cover_the_call_and_are_in_force() {
    let told = |trial: &Trial| trial.facts(&place(0, 0)).exceptions;
    let asked = Trial::gated_at(CallStatus::Requested, "search");
    assert_eq!(told(&asked), []);
    let end = asked.now.plus_ms(1_000);
    let with = |scope: Vec<ScopeItem>| {
        let mut trial = asked.clone();
        trial.give(excepting(|body| (body.scope, body.expires) = (scope, Given::Known(end))));
        trial
    };
    let trial = with(searching());
    assert_eq!(told(&trial), [id("exception-1")]);
    assert_eq!(told(&at(trial.clone(), just_before(end))), [id("exception-1")]);
    assert_eq!(told(&at(trial.clone(), end)), []);
    let mut ended = trial;
    ended.give(unexcepting("exception-1"));
    assert_eq!(told(&ended), []);

    assert_eq!(told(&with(vec![scope_item("mail", EffectsClass::Send)])), [], "of another tool");
    let narrow = ScopeItem { resource: Some(id("inbox")), ..scope_item("search", EffectsClass::Read) };
    assert_eq!(told(&with(vec![narrow])), [], "of one resource alone");
}

#[test]
fn a_call_of_a_delegate_shows_the_hand_off() {
    let mut trial = Trial::gated();
    trial.give(delegation("agent", "helper", searching()));
    let signals = |actor| trial.machine.write_request(&id(actor)).unwrap().signals;
    assert_eq!(signals("agent"), [RiskSignal::DurableWrite]);
    assert_eq!(signals("helper"), [RiskSignal::DurableWrite, RiskSignal::HandOff]);
}

#[test]
fn a_call_whose_planned_effect_cannot_be_undone_asks_for_an_approval() {
    let least = |reversible| {
        let mut trial = Trial::gated_at(CallStatus::Requested, "mail");
        let mut plan = planning(&place(0, 0), EffectsClass::Send);
        if let rederive_evidence::kinds::Body::EffectPlanned(body) = &mut plan.input.body {
            body.reversible = Given::Known(reversible);
        }
        trial.give(plan);
        trial.facts(&place(0, 0)).least
    };
    assert_eq!((least(true), least(false)), (Control::Log, Control::Approve));
}

/// Spec: expiry.
#[test]
fn a_credential_is_missed_from_the_moment_at_which_it_ends() {
    let mut trial = Trial::gated();
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.credential = Some(true)));
    let answer = trial.turn_open(1);
    trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    let missing = |trial: &Trial| trial.facts(&place(0, 0)).record_missing;
    assert_eq!(missing(&trial), Some(RiskSignal::EffectCapability));
    let end = trial.now.plus_ms(CREDENTIAL_MS);
    trial.give(trial.issuing(&place(0, 0), "mail"));
    assert_eq!(missing(&trial), None);
    assert_eq!(missing(&at(trial.clone(), just_before(end))), None);
    assert_eq!(missing(&at(trial, end)), Some(RiskSignal::EffectCapability));
}

#[test]
fn a_memory_write_is_told_under_what_it_would_stand() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    let told = |trial: &Trial, scope, cause: u64| {
        let made = writing(scope, "a fact").because([cause]);
        let told = trial.machine.write_influence(&trial.input(&made)).unwrap();
        (told.label, told.needs_permit)
    };
    assert_eq!(told(&trial, MemoryScope::Durable, item), (OUTSIDE, true));
    assert_eq!(told(&trial, MemoryScope::Shared, item), (OUTSIDE, true));
    assert_eq!(told(&trial, MemoryScope::Session, item), (OUTSIDE, false));
    let (label, needs_permit) = told(&trial, MemoryScope::Durable, 0);
    assert!(label != Label::UNKNOWN && !needs_permit);
    assert_eq!(trial.machine.write_influence(&trial.input(&plan())), None);
    let unopened = Trial::unopened();
    let early = unopened.input(&writing(MemoryScope::Durable, "a fact"));
    assert_eq!(unopened.machine.write_influence(&early), None);
}

#[test]
fn a_state_that_is_taken_out_is_the_machines() {
    let trial = Trial::gated_at(CallStatus::Decided, "mail");
    let state = trial.machine.state().clone();
    assert_ne!(state.root(), Digest::ZERO);
    assert_eq!(trial.machine.into_state(), state);
    let sections = (state.tools().len(), state.calls().len(), state.exceptions().len());
    assert_eq!(sections, (TOOLS.len(), 1, 0));
}

/// What follows from the entries of a snapshot is found again.
#[test]
fn a_state_that_was_loaded_tells_of_a_call_as_the_one_that_was_stored() {
    let trial = Trial::held_at(ApprovalStatus::Approved);
    let state = State::from_entries(trial.machine.state().entries()).unwrap();
    assert_eq!(&state, trial.machine.state());
    let loaded = Machine::resume(state, trial.machine.lineage().clone());
    assert_eq!(loaded.request(&place(0, 0)), Some(trial.facts(&place(0, 0))));
    assert_eq!(loaded.request(&place(0, 0)).unwrap().approvals, [approval()]);
}

#[test]
fn arguments_were_looked_into_by_guardrails_alone_and_since_rule_set_2() {
    let inspected = |mut trial: Trial, by: &str| {
        let answer = trial.turn_open(1);
        trial.call_to(CallStatus::Proposed, &place(0, 0), "search", answer);
        trial.answer(masking("arguments", "masked", None).by(by).at(place(0, 0)).because([answer]));
        trial.machine.state().call(&place(0, 0)).unwrap().inspected
    };
    assert_eq!(inspected(Trial::gated(), "guard"), Some(commitment("masked")));
    assert_eq!(inspected(Trial::gated(), "agent"), None);
    assert_eq!(inspected(Trial::new(), "guard"), None);
}
