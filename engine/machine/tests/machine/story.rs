//! One whole enforced run, act by act: nothing in it breaches a rule.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::output::{OutputProduced, OutputReleased};
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Label, Place, Sensitivity};
use rederive_machine::testing::authority::*;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus, Control};

use crate::acts::{OUTSIDE, pinning, plan, plan_checked, retrieval_labelled, with_tool};

#[test]
fn a_run_that_keeps_every_rule_is_applied_to_its_end() {
    let mut trial = Trial::new();
    let told = trial.told("find it and mail it");
    let item = trial.give(retrieval("a page"));
    let prompt = trial.prompted(0, &[(told, "find it and mail it"), (item, "a page")]);
    let answer = trial.answered(0, 2, prompt);
    let at = place(0, 0);
    let sent = trial.call_to(CallStatus::Dispatched, &at, "mail", answer);
    let other = trial.call_to(CallStatus::Dispatched, &place(0, 1), "search", answer);
    let found = trial.give(result(&place(0, 1), "found").because([other]));
    let mailed = trial.give(result(&at, "mailed").because([sent]));
    let kept = extension(1, 0, &[(0, 2)], &[(answer, "an answer"), (found, "found"), (mailed, "mailed")]);
    let prompt = trial.give(kept);
    let answer = trial.answered(1, 0, prompt);
    trial.give(writing(MemoryScope::Durable, "a fact").at(place(1, 0)).because([answer]));
    let produced = OutputProduced { output: Content(0) };
    let produced = trial.give(Made::new("agent", produced).with(["done"]).at(place(1, 0)).because([answer]));
    let released = OutputReleased { output: commitment("done"), recipients: vec![], bytes_out: Some(4) };
    trial.give(Made::new("agent", released).at(place(1, 0)).because([produced]));
    trial.give(closing());
    assert_eq!(trial.machine.state().open_calls(), 0);
}

/// A run with a gate: a page from outside leads to a search that a guardrail looked into, a mail that a person approved and that acts under a
/// credential of its own, a note that was permitted, and an answer to the user. Nothing in it breaches a rule of set 2.
#[test]
fn a_gated_run_that_keeps_every_rule_is_applied_to_its_end() {
    let mut trial = Trial::gated();
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| {
        (body.reversible, body.credential) = (Given::Known(false), Some(true));
    }));
    trial.give(pinning("bundle", "cedar"));
    let told = trial.told("find it and mail it");
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    let prompt = trial.prompted(0, &[(told, "find it and mail it"), (item, "a page")]);
    let answer = trial.answered(0, 2, prompt);
    let planned = trial.give(plan().at(place(0, 0)).because([answer]));
    trial.give(plan_checked(planned, PlanVerdict::Aligned).at(place(0, 0)).because([planned]));
    let found = searched(&mut trial, &place(0, 0), answer);
    let mailed = mailed(&mut trial, &place(0, 1), answer);

    let prompt = trial.give(extension(
        1,
        0,
        &[(0, 2)],
        &[(answer, "an answer"), (found, "found"), (mailed, "mailed")],
    ));
    let answer = trial.answered(1, 0, prompt);
    noted(&mut trial, answer);
    let produced = trial.give(producing("done").at(place(1, 0)).because([answer]));
    trial.give(looking("done"));
    trial.give(releasing("done", Sensitivity::Restricted).at(place(1, 0)).because([produced]));
    trial.give(closing());
    let state = trial.machine.state();
    assert!(state.calls().is_empty() && state.decisions().is_empty() && state.tracked_effects().is_empty());
    assert_eq!(state.counters().unwrap().refused, 0);
}

/// A read under external influence: looked into, decided, done.
fn searched(trial: &mut Trial, at: &Place, answer: u64) -> u64 {
    trial.give(proposal(at, "search").because([answer]));
    trial.give(inspection(at, "arguments", &[]).because([answer]));
    trial.give(validation(at, "search").because([answer]));
    trial.give(request(at).because([answer]));
    let decided = trial.give(trial.judgement(at).because([answer]));
    assert_eq!(trial.facts(at).signals, [RiskSignal::UntrustedInstruction]);
    let sent = trial.give(dispatch(at, "search").because([decided]));
    trial.give(result(at, "found").because([sent]))
}

/// What cannot be undone: planned, held, approved, decided again, under its own credential, verified.
fn mailed(trial: &mut Trial, at: &Place, answer: u64) -> u64 {
    trial.give(proposal(at, "mail").because([answer]));
    trial.give(inspection(at, "arguments", &[]).because([answer]));
    trial.give(validation(at, "mail").because([answer]));
    trial.give(request(at).because([answer]));
    trial.give(planning(at, EffectsClass::Send).because([answer]));
    assert_eq!(trial.facts(at).least, Control::Approve);
    let held = trial.give(trial.holding(at).because([answer]));
    let approved = trial.approval_to(ApprovalStatus::Approved, at, held);
    trial.give(logging(approved).because([approved]));
    assert_eq!(trial.facts(at).approvals, [approval()]);
    let decided = trial.give(trial.approved_judgement(at).because([approved]));
    assert_eq!(trial.facts(at).record_missing, Some(RiskSignal::EffectCapability));
    trial.give(trial.issuing(at, "mail").because([decided]));
    assert_eq!(trial.facts(at).record_missing, None);
    let sent = trial.give(dispatch(at, "mail").because([decided]));
    trial.give(using(at).because([sent]));
    let seen = trial.give(executing(at).because([sent]));
    let mailed = trial.give(result(at, "mailed").because([sent]));
    trial.give(verifying(at, EffectMatch::Match, "an effect").because([seen]));
    trial.give(revoking().because([sent]));
    mailed
}

/// A durable note under external influence: decided, then written.
fn noted(trial: &mut Trial, answer: u64) {
    let known = trial.machine.write_request(&id("agent")).unwrap();
    let made = redecided(permit("a fact", Some(trial.now.plus_ms(PERMIT_MS))), |body| {
        (body.rules, body.risks, body.reliance) = (vec![id("rule-1")], known.signals, known.reliance);
        (body.explanation, body.receipt) = (Some(Content(0)), Some(Content(1)));
        body.request.scope = Given::Known(scope_item("edit", EffectsClass::Write));
        body.request.carriage = Given::Known(Label::UNKNOWN);
        body.request.influence = Label::UNKNOWN;
    });
    trial.give(made.with(["why", "a receipt"]).because([answer]));
    trial.give(writing(MemoryScope::Durable, "a fact").at(place(1, 0)).because([answer]));
}
