//! HND-1. Spec: rule-hnd-1.

use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Layer, Sensitivity, Trust};
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Hnd1, Reason::FieldAbsent, |twin| {
        let to = twin.pick(Given::Known(id("helper")), Given::Absent);
        handing(|made| with_message(made, |body| body.to = to))
    }),
    (Rule::Hnd1, Reason::OtherParty, |twin| {
        let to = Given::Known(id(twin.pick("helper", "workflow")));
        handing(|made| with_message(made, |body| body.to = to))
    }),
    (Rule::Hnd1, Reason::OtherParty, |twin| {
        let from = Given::Known(id(twin.pick("agent", "workflow")));
        handing(|made| with_message(made, |body| body.from = from))
    }),
    (Rule::Hnd1, Reason::Unknown, |twin| {
        let name = Given::Known(id(twin.pick("agent-to-helper", "nothing")));
        handing(|made| with_message(made, |body| body.delegation = name))
    }),
    (Rule::Hnd1, Reason::DelegationOver, |twin| {
        let (mut trial, made) = handing(|made| made);
        if twin.breaks() {
            trial.give(ending("agent-to-helper"));
        }
        (trial, made)
    }),
    (Rule::Hnd1, Reason::DelegationOver, |twin| {
        handing(|made| made.timed(Some(START.plus_ms(twin.pick(1_799_999, 1_800_000)))))
    }),
    (Rule::Hnd1, Reason::LabelRaised, |twin| {
        let (mut trial, made) = handing(|made| made);
        let item = trial.give(retrieval_labelled("a page", OUTSIDE));
        let claimed = twin.pick(OUTSIDE, label(Trust::User, Sensitivity::Internal));
        (trial, with_message(made.because([item]), |body| body.label = Given::Known(claimed)))
    }),
    (Rule::Hnd1, Reason::TimeAbsent, |twin| {
        let mut trial = judged_by(&[Layer::HandOff]);
        trial.give(delegation("agent", "helper", searching()));
        let now = trial.now;
        (trial, handing_off("agent", "helper").timed(twin.pick(Some(now), None)))
    }),
];

fn handing(change: impl FnOnce(Made) -> Made) -> (Trial, Made) {
    let mut trial = Trial::new();
    trial.give(delegation("agent", "helper", searching()));
    (trial, change(handing_off("agent", "helper")))
}

#[test]
fn a_delegate_answers_under_the_delegation_that_it_was_asked_under() {
    let (trial, _) = handing(|made| made);
    let back = with_message(handing_off("helper", "agent"), |body| {
        body.delegation = Given::Known(id("agent-to-helper"));
    });
    assert_eq!(trial.breaches(&back), []);
}

/// Spec: expiry.
#[test]
fn a_delegation_that_was_ended_is_asked_for_its_end_too() {
    let mut trial = judged_by(&[Layer::HandOff]);
    trial.give(delegation("agent", "helper", searching()));
    trial.give(ending("agent-to-helper"));
    let untimed = handing_off("agent", "helper").timed(None);
    let over = [(Rule::Hnd1, Reason::DelegationOver), (Rule::Hnd1, Reason::TimeAbsent)];
    assert_eq!(trial.breaches(&untimed), over);
}
