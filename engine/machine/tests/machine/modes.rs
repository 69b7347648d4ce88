//! What enforcing changes: refusals, marks, and what relies on a breach. Spec: mode-enforced, mode-observed.

use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::Mode;
use rederive_machine::testing::*;
use rederive_machine::{CallStatus, Counters, Mark};

use crate::acts::*;

/// The same run in both modes up to a call that stands requested.
fn requested(mode: Mode) -> Trial {
    let mut trial = Trial::opened(|opening| opening.mode = mode);
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Requested, &place(0, 0), "mail", answer);
    trial
}

#[test]
fn a_refused_request_changes_nothing_but_the_count_and_the_time() {
    let mut trial = requested(Mode::Enforced);
    let before = trial.machine.state().clone();
    let answer = trial.answer(dispatch(&place(0, 0), "mail"));
    assert_eq!(answer.outcome, Outcome::Refused);
    assert_eq!(answer.breaches.iter().map(|breach| breach.reason).collect::<Vec<_>>(), [Reason::Step]);
    let after = trial.machine.state();
    let changed: Vec<_> =
        after.entries().filter(|entry| !before.entries().any(|old| old == *entry)).collect();
    assert_eq!(changed.len(), 2, "progress and counters");
    let counted = Counters { refused: 1, ..*before.counters().unwrap() };
    assert_eq!(after.counters(), Some(&counted));
    assert_eq!(after.call(&place(0, 0)), before.call(&place(0, 0)));
}

#[test]
fn an_observed_request_takes_effect_and_is_a_finding() {
    let mut trial = requested(Mode::Observed);
    let answer = trial.answer(dispatch(&place(0, 0), "mail"));
    assert_eq!(answer.outcome, Outcome::Applied);
    assert_eq!(answer.breaches.len(), 1);
    assert_eq!(answer.transition.mark().flags & (Mark::BREACHED | Mark::REFUSED), Mark::BREACHED);
    assert_eq!(trial.machine.state().call(&place(0, 0)).unwrap().status, CallStatus::Dispatched);
    assert_eq!(trial.machine.state().counters().unwrap().refused, 0);
}

/// A result that nobody asked for stands in the trace, is marked, and whatever relies on it is refused.
#[test]
fn a_breaching_fact_is_applied_and_blocks_what_relies_on_it() {
    let mut trial = requested(Mode::Enforced);
    let at = place(0, 0);
    let answer = trial.answer(result(&at, "found"));
    assert_eq!((answer.outcome, answer.breaches[0].reason), (Outcome::Applied, Reason::Step));
    let found = trial.machine.lineage().len() - 1;
    assert_eq!(trial.machine.state().call(&at), None, "it has ended, asked for or not");
    let next = extension(1, 0, &[], &[(found, "found")]);
    assert_eq!(trial.breaches(&next), [(Rule::Obs1, Reason::ReliesOnBreach)]);
    assert_eq!(trial.breaches(&extension(1, 0, &[], &[(0, "the goal")])), [], "others go on");
}

/// What a breaching record brought goes on in what is made of it: an answer, a call, a summary.
#[test]
fn what_is_made_of_a_breach_blocks_too() {
    let mut trial = Trial::new();
    let unfiltered =
        with_retrieval(retrieval("a page"), |body| body.tenant_filter = Given::Known(id("rival")));
    trial.answer(unfiltered);
    let item = trial.machine.lineage().len() - 1;
    let told = trial.give(message("service", "a page").because([item]));
    assert_eq!(trial.breaches(&prompt(0, &[(told, "a page")])), [(Rule::Obs1, Reason::ReliesOnBreach)]);
    let refused = trial.answer(prompt(0, &[(told, "a page")]));
    assert_eq!(refused.outcome, Outcome::Refused);
    let sent = trial.machine.lineage().len() - 1;
    let answered = trial.answer(answer(0, 1, sent));
    assert_eq!(
        answered.breaches.iter().map(|breach| breach.reason).collect::<Vec<_>>(),
        [Reason::UnderRefusal]
    );
    let call = trial.breaches(&proposal(&place(0, 0), "search"));
    assert_eq!(call, [(Rule::Obs1, Reason::ReliesOnBreach)]);
}

#[test]
fn an_enforced_run_whose_opening_breaches_a_rule_does_nothing() {
    let mut trial = Trial::opened(|opening| opening.owner = Given::Absent);
    let told = trial.answer(message("user", "hello").because([0]));
    assert_eq!(told.transition.mark().flags & Mark::BREACHED, Mark::BREACHED);
    let said = trial.machine.lineage().len() - 1;
    assert_eq!(trial.breaches(&prompt(0, &[(said, "hello")])), [(Rule::Obs1, Reason::ReliesOnBreach)]);
}

/// In an observed run nothing was enforced, so nothing goes on but the influence itself.
#[test]
fn an_observed_breach_marks_its_own_record_alone() {
    for (mode, flag) in [(Mode::Enforced, Mark::BREACHED), (Mode::Observed, 0)] {
        let mut trial = Trial::opened(|opening| opening.mode = mode);
        let other = |body: &mut rederive_evidence::kinds::context::ContextRetrieved| {
            body.tenant_filter = Given::Known(id("rival"));
        };
        let brought = trial.answer(with_retrieval(retrieval("a page"), other));
        assert_eq!(brought.transition.mark().flags & Mark::BREACHED, Mark::BREACHED);
        let item = trial.machine.lineage().len() - 1;
        let told = trial.ask(&message("service", "a page").because([item]));
        assert_eq!(told.transition.mark().flags & Mark::BREACHED, flag, "{mode}");
    }
}

#[test]
fn the_latest_time_is_kept_whatever_comes_after_it() {
    let mut trial = Trial::observed();
    let latest = |trial: &Trial| trial.machine.state().progress().unwrap().time;
    let before = latest(&trial);
    trial.answer(message("user", "hello").timed(Some(START)));
    assert_eq!(latest(&trial), before, "an earlier time");
    trial.answer(message("user", "hello").timed(None));
    assert_eq!(latest(&trial), before, "no time");
}

#[test]
fn absent_fields_and_times_are_breaches_of_enforced_runs_alone() {
    for (mode, count) in [(Mode::Enforced, 1), (Mode::Observed, 0)] {
        let trial = Trial::opened(|opening| opening.mode = mode);
        let made = with_retrieval(retrieval("a page"), |body| body.owner = Given::Absent);
        assert_eq!(trial.breaches(&made).len(), count, "{mode}");
        assert_eq!(trial.breaches(&message("user", "hello").timed(None)).len(), count, "{mode}");
    }
}

/// Spec: layers-judged.
#[test]
fn a_layer_that_the_source_cannot_give_is_not_judged() {
    let mut trial = judged_by(&[rederive_evidence::values::Layer::Run]);
    trial.turn_open(0);
    assert_eq!(trial.breaches(&dispatch(&place(3, 3), "ghost").by("nobody")), []);
    let permit = decision(&place(3, 3), "mail", Decision::Permit);
    assert_eq!(trial.breaches(&permit), []);
}

/// Before it is opened a run takes nothing in: fail closed, whatever comes. Spec: not-open.
#[test]
fn what_comes_before_the_opening_record_changes_nothing() {
    let mut trial = Trial::unopened();
    let answer = trial.answer(prompt(0, &[]));
    assert_eq!((answer.outcome, answer.breaches[0].reason), (Outcome::Refused, Reason::NotOpened));
    let answer = trial.answer(message("user", "hello"));
    assert_eq!((answer.outcome, answer.breaches[0].reason), (Outcome::Applied, Reason::NotOpened));
    assert_eq!(trial.answer(opening_record(opening())).breaches[0].reason, Reason::NotOpened, "too late");
    assert_eq!(trial.machine.state().entries().count(), 0);
}
