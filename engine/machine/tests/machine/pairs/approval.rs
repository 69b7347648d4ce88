//! APR. Spec: rule-apr-1, rule-apr-2, rule-apr-3, rule-apr-4.

use rederive_evidence::ids::RecordRef;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{
    ApprovalApproved, ApprovalEvidence, ApprovalRequested, ApprovalUnderReview,
};
use rederive_evidence::kinds::decision::{Decision, DecisionMade};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ActorType, ApprovalPolicy, EffectsClass, Layer, Origin};
use rederive_machine::testing::authority::*;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus, request_digest};

use super::{Pair, Twin};
use crate::acts::{block, with_decision};

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Apr1, Reason::Step, |twin| {
        let status = twin.pick(ApprovalStatus::Assembled, ApprovalStatus::Requested);
        (Trial::held_at(status), reviewing("approver"))
    }),
    (Rule::Apr1, Reason::Unknown, |twin| {
        let trial = twin.pick(Trial::held_at(ApprovalStatus::Requested), Trial::gated());
        (trial, withdrawing())
    }),
    // What is asked for is a call that the gate was asked about.
    (Rule::Apr1, Reason::Unknown, |twin| {
        let (trial, _) = Trial::held("mail");
        let mut made = trial.asking(&place(0, 0));
        let call = place(0, twin.pick(0, 1));
        made = with_request(made, |body| body.call = Some(call));
        (trial, made)
    }),
    (Rule::Apr1, Reason::PlaceUsed, |twin| {
        let trial = revised(&["mail", "mail"]);
        let made = trial.asking(&place(0, twin.pick(1, 0)));
        (trial, made)
    }),
    (Rule::Apr1, Reason::ScopeWider, |twin| {
        let trial = revised(&["mail", twin.pick("mail", "edit")]);
        let made = trial.asking(&place(0, 1));
        (trial, made)
    }),
    (Rule::Apr1, Reason::Unlinked, |twin| {
        let trial = Trial::held_at(ApprovalStatus::Denied);
        let last = trial.machine.lineage().len() - 1;
        (trial, logging(last - twin.pick(0, 1)))
    }),
    (Rule::Apr1, Reason::NotOver, |twin| {
        let (mut trial, _) = Trial::held("mail");
        let asked = trial.asking(&place(0, 0));
        let end = trial.now.plus_ms(APPROVAL_MS);
        trial.give(asked);
        let mut before = end;
        before.0 -= 1;
        (trial, expiring().timed(Some(twin.pick(end, before))))
    }),
    (Rule::Apr2, Reason::FieldAbsent, |twin| {
        assembled(|body, _| body.owner = twin.pick(body.owner.clone(), Given::Absent))
    }),
    (Rule::Apr2, Reason::Unlinked, |twin| {
        assembled(|body, held| body.decision = Given::Known(RecordRef(held - twin.pick(0, 1))))
    }),
    // What is shown is no better than what the decision was under.
    (Rule::Apr2, Reason::LabelRaised, |twin| {
        assembled(|body, held| body.influences = twin.pick(vec![RecordRef(held)], vec![]))
    }),
    (Rule::Apr3, Reason::FieldAbsent, |twin| {
        answered(|body| body.word.shown = twin.pick(body.word.shown, Given::Absent))
    }),
    (Rule::Apr3, Reason::NotHuman, |twin| {
        let (trial, made) = answered(|_| {});
        (trial, made.from(twin.pick(Origin::Human, Origin::Code)))
    }),
    // A gate may hand on the word of a person, where that person has signed it.
    (Rule::Apr3, Reason::NotHuman, |twin| {
        let (trial, made) = answered(|body| body.word.signature = twin.pick(body.word.signature, None));
        (trial, made.by("gate").from(Origin::Code))
    }),
    (Rule::Apr3, Reason::SelfApproval, |twin| {
        let (mut trial, held) = held_by(&[Layer::Approval]);
        let asked = trial.asking(&place(0, 0)).by(twin.pick("gate", "approver"));
        trial.give(asked);
        trial.give(assembling(held));
        (trial, reviewing("approver"))
    }),
    (Rule::Apr3, Reason::NotEntitled, |twin| {
        (Trial::held_at(ApprovalStatus::Assembled), reviewing(twin.pick("user", "operator")))
    }),
    // An approver with a scope of their own answers for that alone.
    (Rule::Apr3, Reason::NotEntitled, |twin| {
        let item = twin.pick(scope_item("mail", EffectsClass::Send), scope_item("edit", EffectsClass::Write));
        let mut trial = Trial::gated_with(|opening| {
            let approver = opening.actors.iter_mut().find(|actor| actor.actor_type == ActorType::Approver);
            approver.unwrap().scope = Some(vec![item]);
        });
        let held = hold(&mut trial, &["mail"]);
        trial.approval_to(ApprovalStatus::Assembled, &place(0, 0), held);
        (trial, reviewing("approver"))
    }),
    (Rule::Apr3, Reason::OtherParty, |twin| {
        let approver = twin.pick("approver", "user");
        let (trial, made) = answered(|body| body.word.approver = id(approver));
        (trial, made.by(approver))
    }),
    (Rule::Apr3, Reason::OtherParty, |twin| {
        let (trial, made) = answered(|_| {});
        (trial, made.by(twin.pick("approver", "user")))
    }),
    (Rule::Apr3, Reason::NotAsShown, |twin| {
        let shown = Given::Known(commitment(twin.pick("what was shown", "something else")));
        answered(|body| body.word.shown = shown)
    }),
    (Rule::Apr4, Reason::FieldAbsent, |twin| {
        let (trial, _) = Trial::held("mail");
        let made = trial.asking(&place(0, 0));
        (trial, with_request(made, |body| body.expires = twin.pick(body.expires, Given::Absent)))
    }),
    (Rule::Apr4, Reason::OtherRequest, |twin| {
        let (trial, _) = Trial::held("mail");
        let made = trial.asking(&place(0, 0));
        let other = commitment("another request");
        (trial, with_request(made, |body| body.covers = twin.pick(body.covers, other)))
    }),
    (Rule::Apr4, Reason::OtherRequest, |twin| {
        (approved_write("a fact"), write(twin.pick("a fact", "another fact")))
    }),
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| {
        let status = twin.pick(ApprovalStatus::Approved, ApprovalStatus::UnderReview);
        let trial = Trial::held_at(status);
        let made = trial.approved_judgement(&place(0, 0));
        (trial, made)
    }),
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| {
        let mut trial = Trial::gated_with(|opening| {
            let items = TOOLS.iter().map(|(tool, action)| scope_item(tool, *action));
            let asks = twin.pick(ApprovalPolicy::Notify, ApprovalPolicy::Approve);
            opening.scope = Given::Known(
                items.map(|item| rederive_evidence::values::ScopeItem { approval: asks, ..item }).collect(),
            );
        });
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        let made = trial.judgement(&place(0, 0));
        (trial, made)
    }),
    (Rule::Apr4, Reason::ApprovalUsed, |twin| {
        let mut trial = approved_write("a fact");
        if twin.breaks() {
            trial.give(write("a fact"));
        }
        (trial, write("a fact"))
    }),
    (Rule::Apr4, Reason::ApprovalOver, |twin| {
        let (mut trial, held) = Trial::held("mail");
        let end = trial.now.plus_ms(APPROVAL_MS);
        trial.approval_to(ApprovalStatus::Approved, &place(0, 0), held);
        let mut before = end;
        before.0 -= 1;
        let made = trial.approved_judgement(&place(0, 0));
        (trial, made.timed(Some(twin.pick(before, end))))
    }),
    // Nor is it dispatched after that.
    (Rule::Apr4, Reason::ApprovalOver, |twin| {
        let (mut trial, held) = Trial::held("mail");
        let end = trial.now.plus_ms(APPROVAL_MS);
        trial.approval_to(ApprovalStatus::Approved, &place(0, 0), held);
        let made = trial.approved_judgement(&place(0, 0));
        trial.give(made);
        let mut before = end;
        before.0 -= 1;
        (trial, dispatching(&place(0, 0), "mail").timed(Some(twin.pick(before, end))))
    }),
    // Nor once it was withdrawn, or answered otherwise, after the decision.
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| after_decision(twin, &withdrawing)),
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| after_decision(twin, &denying)),
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| after_decision(twin, &expiring)),
    (Rule::Apr4, Reason::ApprovalNeeded, |twin| after_decision(twin, &revising)),
    // Nor where its life is breached after the decision, and it was approved all the same.
    (Rule::Apr4, Reason::ReliesOnBreach, |twin| after_decision(twin, &approving)),
    (Rule::Apr4, Reason::ReliesOnBreach, |twin| {
        let mut trial = Trial::held_at(ApprovalStatus::UnderReview);
        trial.answer(approving().from(twin.pick(Origin::Human, Origin::Code)));
        let made = trial.approved_judgement(&place(0, 0));
        (trial, made)
    }),
    (Rule::Apr4, Reason::TimeAbsent, |twin| {
        let (mut trial, held) = held_by(&[Layer::Approval]);
        trial.approval_to(ApprovalStatus::Approved, &place(0, 0), held);
        let made = trial.approved_judgement(&place(0, 0));
        let now = trial.now;
        (trial, made.timed(twin.pick(Some(now), None)))
    }),
];

/// The dispatch of a call that was permitted under an approval, to which afterwards this was recorded, which no step leads to.
fn after_decision(twin: Twin, late: &dyn Fn() -> Made) -> (Trial, Made) {
    let (mut trial, held) = Trial::held("mail");
    trial.approval_to(ApprovalStatus::Approved, &place(0, 0), held);
    let made = trial.approved_judgement(&place(0, 0));
    trial.give(made);
    if twin.breaks() {
        trial.answer(late());
    }
    (trial, dispatching(&place(0, 0), "mail"))
}

fn with_request(mut made: Made, change: impl FnOnce(&mut ApprovalRequested)) -> Made {
    let Body::ApprovalRequested(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    made
}

/// Calls of these tools, each held for approval; the number of the last decision.
fn hold(trial: &mut Trial, tools: &[&str]) -> u64 {
    let answer = trial.turn_open(tools.len() as u16);
    let mut held = answer;
    for (index, tool) in (0..).zip(tools) {
        let at = place(0, index);
        trial.gated_to(CallStatus::Requested, &at, tool, answer);
        trial.give(planning(&at, trial.class_of(tool)).because([answer]));
        held = trial.give(trial.holding(&at).because([answer]));
    }
    held
}

/// A call that is held for approval, in a run that is judged by the rules of these layers alone.
fn held_by(layers: &[Layer]) -> (Trial, u64) {
    let mut trial = Trial::gated_with(|opening| opening.layers = layers.to_vec());
    let held = hold(&mut trial, &["mail"]);
    (trial, held)
}

/// Calls of these tools, held; the approval of the first was answered by asking for changes.
fn revised(tools: &[&str]) -> Trial {
    let mut trial = Trial::gated();
    let held = hold(&mut trial, tools);
    trial.approval_to(ApprovalStatus::Revised, &place(0, 0), held);
    trial
}

/// The evidence for an approval of a held call; the number of the decision is given too.
fn assembled(change: impl FnOnce(&mut ApprovalEvidence, u64)) -> (Trial, Made) {
    let (mut trial, held) = Trial::held("mail");
    trial.approval_to(ApprovalStatus::Requested, &place(0, 0), held);
    let mut made = assembling(held);
    let Body::ApprovalEvidence(body) = &mut made.input.body else { panic!("another body") };
    change(body, held);
    (trial, made)
}

/// The approver's yes to a held call.
fn answered(change: impl FnOnce(&mut ApprovalApproved)) -> (Trial, Made) {
    let trial = Trial::held_at(ApprovalStatus::UnderReview);
    let mut made = approving();
    let Body::ApprovalApproved(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    (trial, made)
}

/// A permit, under the approval, of a memory write of this value.
fn write(value: &str) -> Made {
    let end = Some(START.plus_ms(50_000));
    with_decision(memory_decision(value, Decision::Permit, end), whole)
}

/// What rule set 2 asks of a decision, where it is about no call.
fn whole(made: &mut DecisionMade) {
    made.approval = Some(approval());
}

/// A run that is judged by its approvals, in which the write of this value was approved.
fn approved_write(value: &str) -> Trial {
    let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Approval]);
    let Body::DecisionMade(made) = write(value).input.body else { panic!("another body") };
    let held = trial.give(with_decision(memory_decision(value, Decision::Silence, None), |_| {}));
    trial.give(trial.asking_for(None, request_digest(&made.request)));
    trial.give(assembling(held));
    trial.give(reviewing("approver"));
    trial.give(approving());
    trial
}

/// Spec: approval-steps.
#[test]
fn a_held_call_goes_ahead_once_a_person_has_approved_it() {
    let (mut trial, held) = Trial::held("mail");
    let at = place(0, 0);
    let approved = trial.approval_to(ApprovalStatus::Approved, &at, held);
    trial.give(logging(approved).because([approved]));
    let decision = trial.give(trial.approved_judgement(&at).because([approved]));
    trial.give(dispatch(&at, "mail").because([decision]));
    let approval = trial.machine.state().tracked_approval(&approval()).unwrap();
    assert!(approval.used && approval.logged && !approval.breached && !approval.is_open());
}

/// Spec: approval-steps. That it was logged before anybody answered is a breach of its own.
#[test]
fn an_approval_that_was_logged_is_open_no_longer_although_nobody_answered_it() {
    let mut trial = Trial::held_at(ApprovalStatus::UnderReview);
    trial.give(block(&place(0, 0)).because([0]));
    assert_eq!(trial.breaches(&closing()), [(Rule::Run3, Reason::ApprovalOpen)]);
    let logged = logging(trial.machine.lineage().len() - 1);
    assert_eq!(trial.breaches(&logged), [(Rule::Apr1, Reason::Unlinked), (Rule::Apr1, Reason::Step)]);
    trial.answer(logged);
    assert_eq!(trial.breaches(&closing()), []);
}

/// The word of somebody who was shown something else counts for nothing, whatever the record of it caused.
#[test]
fn an_approval_with_a_breach_in_its_life_stays_unsound_when_it_is_asked_for_again() {
    let mut trial = revised(&["mail", "mail"]);
    let approval_of = |trial: &Trial| trial.machine.state().tracked_approval(&approval()).unwrap().breached;
    assert!(!approval_of(&trial));
    trial.answer(expiring());
    assert!(approval_of(&trial));
}

#[test]
fn a_reviewer_is_somebody_registered() {
    let mut made = reviewing("approver");
    let Body::ApprovalUnderReview(ApprovalUnderReview { reviewer, .. }) = &mut made.input.body else {
        panic!()
    };
    *reviewer = id("nobody");
    let trial = Trial::held_at(ApprovalStatus::Assembled);
    assert_eq!(trial.breaches(&made), [(Rule::Apr3, Reason::NotEntitled)]);
}

/// Under rule set 1 none of it is judged.
#[test]
fn rule_set_1_knows_an_approval_by_its_name() {
    let mut trial = Trial::new();
    trial.give(trial.asking_for(None, commitment("a request")));
    trial.give(approving().by("gate").from(Origin::Code));
    let state = trial.machine.state();
    assert!(state.approvals().is_empty() && state.tracked_approvals().is_empty());
}
