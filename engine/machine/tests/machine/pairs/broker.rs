//! TOL. Spec: rule-tol-1, rule-tol-2, rule-tol-3, rule-tol-4, rule-tol-5, rule-tol-6.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::decision::{Decision, Enforcement};
use rederive_evidence::record::SchemaCheck;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Layer, Place};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Tol1, Reason::FieldAbsent, |twin| {
        let version = twin.pick(Given::Known(id("1")), Given::Absent);
        (Trial::new(), with_tool(registration("mail", EffectsClass::Send), |body| body.version = version))
    }),
    (Rule::Tol1, Reason::ToolUnregistered, |twin| {
        let mut trial = Trial::opened(|opening| {
            opening.scope =
                Given::Known(["mail", "ghost"].map(|tool| scope_item(tool, EffectsClass::Send)).into());
        });
        trial.turn_open(1);
        (trial, proposal(&place(0, 0), twin.pick("mail", "ghost")))
    }),
    (Rule::Tol1, Reason::OtherSchema, |twin| {
        let trial = at(CallStatus::Proposed, "mail");
        let schema = Given::Known(commitment(twin.pick("a schema", "another schema")));
        (trial, with_validation(validation(&place(0, 0), "mail"), |body| body.schema = schema))
    }),
    (Rule::Tol1, Reason::OtherSchema, |twin| {
        let trial = at(CallStatus::Proposed, "mail");
        let version = Given::Known(id(twin.pick("1", "2")));
        (trial, with_validation(validation(&place(0, 0), "mail"), |body| body.version = version))
    }),
    // A tool that is registered anew is another one than was decided on.
    (Rule::Tol1, Reason::OtherSchema, |twin| {
        let mut trial = at(CallStatus::Decided, "mail");
        let text = twin.pick("a schema", "another schema");
        let again = registration("mail", EffectsClass::Send).with([text]);
        trial.give(with_tool(again, |body| body.schema = Given::Known(Content(1))));
        (trial, dispatch(&place(0, 0), "mail"))
    }),
    (Rule::Tol1, Reason::InvalidArguments, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(1);
        let check = twin.pick(SchemaCheck::Valid, SchemaCheck::Invalid);
        (trial, proposal(&place(0, 0), "mail").checked(Some(check)))
    }),
    (Rule::Tol1, Reason::InvalidArguments, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(1);
        (trial, proposal(&place(0, 0), "mail").checked(twin.pick(Some(SchemaCheck::Valid), None)))
    }),
    (Rule::Tol2, Reason::Step, |twin| {
        let trial = at(twin.pick(CallStatus::Decided, CallStatus::Requested), "mail");
        (trial, dispatch(&place(0, 0), "mail"))
    }),
    (Rule::Tol2, Reason::PlaceUsed, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(2);
        trial.give(proposal(&place(0, 0), "mail").because([answer]));
        trial.give(block(&place(0, 0)));
        (trial, proposal(&place(0, twin.pick(1, 0)), "mail"))
    }),
    (Rule::Tol2, Reason::NoPlace, |twin| {
        let trial = at(CallStatus::Proposed, "mail");
        let mut made = validation(&place(0, 0), "mail").because([0]);
        made.input.place = twin.pick(made.input.place, None);
        (trial, made)
    }),
    (Rule::Tol2, Reason::Unknown, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(2);
        trial.give(proposal(&place(0, 0), "mail").because([answer]));
        (trial, validation(&place(0, twin.pick(0, 1)), "mail"))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        dispatching(|made| {
            with_dispatch(made, |body| body.arguments = commitment(twin.pick("arguments", "more")))
        })
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let target = twin.pick(Some(commitment("target")), None);
        dispatching(|made| with_dispatch(made, |body| body.target = target))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        dispatching(|made| with_dispatch(made, |body| body.tool = id(twin.pick("mail", "edit"))))
    }),
    // A call that the gate forbade is not dispatched; nor one that it permitted without letting it go ahead.
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let mut trial = at(CallStatus::Requested, "mail");
        trial.give(decision(&place(0, 0), "mail", twin.pick(Decision::Permit, Decision::Silence)));
        (trial, dispatch(&place(0, 0), "mail"))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let mut trial = at(CallStatus::Requested, "mail");
        let enforcement = twin.pick(Enforcement::Executed, Enforcement::Blocked);
        let made = decision(&place(0, 0), "mail", Decision::Permit);
        trial.give(with_decision(made, |body| body.enforcement = enforcement));
        (trial, dispatch(&place(0, 0), "mail"))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        deciding(|made| {
            let arguments = Given::Known(commitment(twin.pick("arguments", "other")));
            with_decision(made, |body| body.request.arguments = arguments)
        })
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let target = Some(commitment(twin.pick("target", "other")));
        deciding(|made| with_decision(made, |body| body.request.target = target))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let action = twin.pick(EffectsClass::Send, EffectsClass::Read);
        deciding(|made| with_decision(made, |body| body.request.action = action))
    }),
    (Rule::Tol3, Reason::NotAsDecided, |twin| {
        let item = twin.pick(scope_item("mail", EffectsClass::Send), scope_item("edit", EffectsClass::Write));
        deciding(|made| with_decision(made, |body| body.request.scope = Given::Known(item)))
    }),
    (Rule::Tol4, Reason::NotBroker, |twin| dispatching(|made| made.by(twin.pick("broker", "agent")))),
    (Rule::Tol5, Reason::RetryUnlinked, |twin| {
        let first = twin.pick(Some(place(0, 0)), None);
        retrying(None, |made| with_proposal(made, |body| body.retry_of = first))
    }),
    (Rule::Tol5, Reason::RetryUnlinked, |twin| {
        let first = Some(place(0, twin.pick(0, 1)));
        retrying(None, |made| with_proposal(made, |body| body.retry_of = first))
    }),
    (Rule::Tol5, Reason::RetryLimit, |twin| retrying(Some(twin.pick(1, 0)), |made| made)),
    (Rule::Tol6, Reason::NoPreview, |twin| {
        let mut trial = Trial::new();
        trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.preview = true));
        let answer = trial.turn_open(1);
        trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        if !twin.breaks() {
            trial.give(preview(&place(0, 0)));
        }
        (trial, dispatch(&place(0, 0), "mail"))
    }),
];

/// A run whose only call stands here.
fn at(status: CallStatus, tool: &str) -> Trial {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.call_to(status, &place(0, 0), tool, answer);
    trial
}

fn dispatching(change: impl FnOnce(Made) -> Made) -> (Trial, Made) {
    // The tool that is dispatched instead is in scope and registered too.
    (at(CallStatus::Decided, "mail"), change(dispatch(&place(0, 0), "mail")))
}

fn deciding(change: impl FnOnce(Made) -> Made) -> (Trial, Made) {
    (at(CallStatus::Requested, "mail"), change(decision(&place(0, 0), "mail", Decision::Permit)))
}

/// The second attempt of a call that failed, where so many retries are allowed.
fn retrying(limit: Option<u16>, change: impl FnOnce(Made) -> Made) -> (Trial, Made) {
    let mut trial = Trial::opened(|opening| opening.limits.retries = limit);
    let answer = trial.turn_open(1);
    let sent = trial.call_to(CallStatus::Dispatched, &place(0, 0), "mail", answer);
    trial.give(failure(&place(0, 0)).because([sent]));
    (trial, change(proposal(&retry(&place(0, 0)), "mail")))
}

#[test]
fn a_call_held_for_approval_is_decided_again() {
    let mut trial = at(CallStatus::Requested, "mail");
    trial.give(decision(&place(0, 0), "mail", Decision::Silence));
    trial.give(decision(&place(0, 0), "mail", Decision::Permit));
    trial.give(dispatch(&place(0, 0), "mail"));
}

#[test]
fn a_decision_on_no_call_is_no_step_of_one() {
    let made =
        with_decision(decision(&place(0, 0), "mail", Decision::Permit), |body| body.request.call = None);
    assert_eq!(Trial::new().breaches(&made), []);
}

#[test]
fn the_next_attempt_comes_after_the_last_one_has_ended_and_none_is_left_out() {
    let (trial, made) = retrying(None, |made| made);
    let mut second = trial.clone();
    second.give(made);
    let third = |trial: &Trial| trial.breaches(&proposal(&Place { attempt: 2, ..place(0, 0) }, "mail"));
    assert_eq!(third(&trial), [(Rule::Tol2, Reason::Step)]);
    assert_eq!(third(&second), [(Rule::Tol2, Reason::Step)]);
    second.give(block(&retry(&place(0, 0))));
    assert_eq!(third(&second), []);
}

#[test]
fn an_unknown_actor_is_no_broker() {
    let mut trial = judged_by(&[Layer::ToolBroker]);
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    let made = dispatch(&place(0, 0), "mail").by("nobody");
    assert_eq!(trial.breaches(&made), [(Rule::Tol4, Reason::NotBroker)]);
}

/// Spec: rule-tol-5.
#[test]
fn a_first_attempt_is_no_retry_of_itself() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    let at = place(0, 0);
    let made =
        |retry_of| with_proposal(proposal(&at, "mail"), |body| body.retry_of = retry_of).because([answer]);
    assert_eq!(trial.breaches(&made(None)), []);
    assert_eq!(trial.breaches(&made(Some(at.clone()))), [(Rule::Tol5, Reason::RetryUnlinked)]);
}
