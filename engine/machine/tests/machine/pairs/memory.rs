//! MEM. Spec: rule-mem-1, rule-mem-2, rule-mem-3.

use rederive_evidence::kinds::decision::{Decision, Enforcement};
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::memory::MemoryScope::{Durable, Session, Shared, Turn};
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Layer, Mode, Sensitivity, Trust};
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Mem1, Reason::FieldAbsent, |twin| {
        let made = writing(Durable, "a fact");
        let owner = twin.pick(Given::Known(id("owner")), Given::Absent);
        (Trial::new(), with_writing(made, |body| body.owner = owner))
    }),
    (Rule::Mem1, Reason::LabelRaised, |twin| {
        raising(twin.pick(OUTSIDE, label(Trust::Internal, Sensitivity::Internal)))
    }),
    (Rule::Mem1, Reason::LabelRaised, |twin| {
        raising(twin.pick(OUTSIDE, label(Trust::External, Sensitivity::Public)))
    }),
    (Rule::Mem2, Reason::OtherValue, |twin| {
        (holding(), reading(Durable, Some(twin.pick("a fact", "another fact"))))
    }),
    (Rule::Mem2, Reason::OtherValue, |twin| (holding(), reading(Durable, twin.pick(Some("a fact"), None)))),
    (Rule::Mem2, Reason::Gone, |twin| {
        let mut trial = holding();
        if twin.breaks() {
            trial.give(deletion());
        }
        (trial, reading(Durable, Some("a fact")))
    }),
    (Rule::Mem2, Reason::Gone, |twin| {
        let mut trial =
            Trial::opened(|opening| opening.session.expires = Given::Known(START.plus_ms(9_000_000)));
        trial.give(writing(Durable, "a fact"));
        let at = START.plus_ms(twin.pick(3_599_999, 3_600_000));
        (trial, reading(Durable, Some("a fact")).timed(Some(at)))
    }),
    // A deletion is remembered: no proof of an earlier run brings the item back.
    (Rule::Mem2, Reason::Gone, |twin| {
        let mut trial = Trial::new();
        if twin.breaks() {
            trial.give(deletion());
        }
        (trial, reading_earlier(Durable, "a fact", true))
    }),
    (Rule::Mem2, Reason::NoProof, |twin| (Trial::new(), reading_earlier(Durable, "a fact", !twin.breaks()))),
    (Rule::Mem2, Reason::NoProof, |twin| (Trial::new(), reading(Durable, twin.pick(None, Some("a fact"))))),
    (Rule::Mem2, Reason::TimeAbsent, |twin| {
        let mut trial = judged_by(&[Layer::Memory]);
        trial.give(writing(Durable, "a fact"));
        let now = trial.now;
        (trial, reading(Durable, Some("a fact")).timed(twin.pick(Some(now), None)))
    }),
    (Rule::Mem3, Reason::NoDecision, |twin| learning(twin.pick(Session, Durable), &[])),
    (Rule::Mem3, Reason::NoDecision, |twin| learning(twin.pick(Turn, Shared), &[])),
    (Rule::Mem3, Reason::NoDecision, |twin| learning(Durable, twin.pick(&[permit("a fact", None)], &[]))),
    (Rule::Mem3, Reason::NoDecision, |twin| {
        learning(Shared, &[permit(twin.pick("a fact", "another fact"), None)])
    }),
    // Trust alone asks for a decision: what somebody inside said, however secret, does not.
    (Rule::Mem3, Reason::NoDecision, |twin| {
        learning_from(twin.pick(label(Trust::Internal, Sensitivity::Internal), OUTSIDE), Durable, &[])
    }),
    // The latest decision on the value stands.
    (Rule::Mem3, Reason::NoDecision, |twin| {
        let next = twin.pick(Decision::Permit, Decision::Deny);
        learning(Durable, &[permit("a fact", None), memory_decision("a fact", next, None)])
    }),
    (Rule::Mem3, Reason::NoDecision, |twin| {
        let decision = twin.pick(Decision::Permit, Decision::Silence);
        learning(Durable, &[memory_decision("a fact", decision, None)])
    }),
    (Rule::Mem3, Reason::NoDecision, |twin| {
        let enforcement = twin.pick(Enforcement::Executed, Enforcement::Blocked);
        learning(Durable, &[with_decision(permit("a fact", None), |body| body.enforcement = enforcement)])
    }),
    // A permit serves one write that needs it; a write that needs none leaves it.
    (Rule::Mem3, Reason::NoDecision, |twin| {
        let (mut trial, made) = learning(Durable, &[permit("a fact", None)]);
        trial.give(twin.pick(writing(Durable, "a fact"), made.clone()));
        (trial, made)
    }),
    (Rule::Mem3, Reason::NoDecision, |twin| {
        let (trial, made) = learning(Durable, &[permit("a fact", Some(START.plus_ms(1_000)))]);
        (trial, made.timed(Some(START.plus_ms(twin.pick(999, 1_000)))))
    }),
    (Rule::Mem3, Reason::TimeAbsent, |twin| {
        let mut trial = judged_by(&[Layer::Memory]);
        let item = trial.give(retrieval_labelled("a page", OUTSIDE));
        trial.give(permit("a fact", twin.pick(None, Some(START.plus_ms(1_000)))));
        (trial, writing(Durable, "a fact").because([item]).timed(None))
    }),
];

/// MEM-3 as it is since rule set 2.
pub(crate) const SINCE_2: &[Pair] = &[
    (Rule::Mem3, Reason::NotAsDecided, |twin| permitted(twin.pick(OUTSIDE, INSIDE), "agent")),
    (Rule::Mem3, Reason::NotAsDecided, |twin| permitted(OUTSIDE, twin.pick("agent", "service"))),
];

const INSIDE: Label = label(Trust::Internal, Sensitivity::Internal);

/// A write that was permitted to this actor under this influence.
fn permitted(influence: Label, actor: &str) -> (Trial, Made) {
    let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Memory]);
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    trial.give(with_decision(permit("a fact", None), |body| {
        (body.request.influence, body.request.actor) = (influence, id(actor));
    }));
    (trial, writing(Durable, "a fact").because([item, 0]))
}

fn holding() -> Trial {
    let mut trial = Trial::new();
    trial.give(writing(Durable, "a fact"));
    trial
}

fn deletion() -> Made {
    use rederive_evidence::kinds::memory::MemoryDeleted;
    Made::new("agent", MemoryDeleted { item: memory_key(Durable, "fact"), reason: None })
}

/// A write, under external influence, that claims this label.
fn raising(claimed: Label) -> (Trial, Made) {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    let made = with_writing(writing(Session, "a fact"), |body| body.label = Given::Known(claimed));
    (trial, made.because([item]))
}

/// A write of "a fact" that something external led to, after these decisions.
fn learning(scope: MemoryScope, decisions: &[Made]) -> (Trial, Made) {
    learning_from(OUTSIDE, scope, decisions)
}

fn learning_from(source: Label, scope: MemoryScope, decisions: &[Made]) -> (Trial, Made) {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", source));
    for decision in decisions {
        trial.give(decision.clone());
    }
    (trial, writing(scope, "a fact").because([item, 0]))
}

/// Spec: rule-mem-3.
#[test]
fn a_write_that_needs_a_permit_uses_it_up_and_a_refused_one_does_not() {
    let (mut trial, made) = learning(Durable, &[permit("a fact", Some(START.plus_ms(1_000)))]);
    let held =
        |trial: &Trial| trial.machine.state().permit(&commitment("a fact")).map(|permit| permit.expires);
    assert_eq!(held(&trial), Some(Some(START.plus_ms(1_000))));
    let late = made.clone().timed(Some(START.plus_ms(1_000)));
    assert_eq!(Trial::answer(&mut trial.clone(), late).outcome, Outcome::Refused);
    assert_eq!(trial.answer(made).outcome, Outcome::Applied);
    assert_eq!(held(&trial), None);
}

/// Spec: rule-mem-3.
#[test]
fn a_decision_on_a_call_permits_no_memory_write() {
    let call = place(0, 0);
    let decided = with_decision(permit("a fact", None), |body| body.request.call = Some(call));
    let mut trial = Trial::opened(|opening| opening.mode = Mode::Observed);
    trial.answer(decided);
    assert!(trial.machine.state().permits().is_empty());
}

#[test]
fn one_name_in_two_scopes_is_two_items() {
    let trial = holding();
    assert_eq!(trial.breaches(&reading(Session, None)), []);
    assert_eq!(trial.breaches(&reading(Session, Some("a fact"))), [(Rule::Mem2, Reason::NoProof)]);
}

/// Spec: expiry.
#[test]
fn an_expired_item_may_be_found_gone() {
    let mut trial = Trial::opened(|opening| opening.session.expires = Given::Known(START.plus_ms(9_000_000)));
    trial.give(writing(Durable, "a fact"));
    let nothing = |ms| reading(Durable, None).timed(Some(START.plus_ms(ms)));
    assert_eq!(trial.breaches(&nothing(3_599_999)), [(Rule::Mem2, Reason::OtherValue)]);
    assert_eq!(trial.breaches(&nothing(3_600_000)), []);
}
