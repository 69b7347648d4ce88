//! MEM. Spec: rule-mem-1, rule-mem-2.

use rederive_evidence::kinds::memory::MemoryScope::{Durable, Session};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Layer, Sensitivity, Trust};
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
];

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
