//! OBS-1. Spec: rule-obs-1.

use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::Mode;
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Obs1, Reason::NoGoal, |twin| {
        let made = writing(MemoryScope::Durable, "a fact");
        let mut trial = Trial::new();
        trial.give(permit("a fact", None));
        (trial, made.because(twin.pick(vec![0], vec![])))
    }),
    (Rule::Obs1, Reason::NoGoal, |twin| {
        (Trial::new(), releasing("done", 4).because(twin.pick(vec![0], vec![])))
    }),
    (Rule::Obs1, Reason::NoGoal, |twin| {
        (Trial::new(), effect(&place(0, 0)).because(twin.pick(vec![0], vec![])))
    }),
    (Rule::Obs1, Reason::NoGoal, |twin| {
        let mut trial = Trial::new();
        let at = place_of("workflow", 0, 0);
        let cause = twin.pick(vec![0], vec![]);
        trial.give(proposal(&at, "mail").by("workflow").because(cause));
        trial.give(validation(&at, "mail"));
        trial.give(request(&at));
        trial.give(decision(&at, "mail", rederive_evidence::kinds::decision::Decision::Permit));
        (trial, dispatch(&at, "mail"))
    }),
    (Rule::Obs1, Reason::ReliesOnBreach, |twin| {
        let mut trial = Trial::new();
        let filter = Given::Known(id(twin.pick(TENANT, "rival")));
        trial.answer(with_retrieval(retrieval("a page"), |body| body.tenant_filter = filter));
        let item = trial.machine.lineage().len() - 1;
        (trial, prompt(0, &[(item, "a page")]))
    }),
    // A summary carries on what its items breach.
    (Rule::Obs1, Reason::ReliesOnBreach, |twin| {
        let mut trial = Trial::new();
        let filter = Given::Known(id(twin.pick(TENANT, "rival")));
        trial.answer(with_retrieval(retrieval("a page"), |body| body.tenant_filter = filter));
        let item = trial.machine.lineage().len() - 1;
        let short = trial.give(summary("in short", &["a page"]).because([item]));
        (trial, prompt(0, &[(short, "in short")]))
    }),
    (Rule::Obs1, Reason::UnderRefusal, |twin| {
        let mut trial = Trial::new();
        let model = id(twin.pick("model", "another"));
        trial.answer(with_prompt(prompt(0, &[(0, "the goal")]), |body| body.model = model));
        let sent = trial.machine.lineage().len() - 1;
        (trial, answer(0, 0, sent))
    }),
    // An effect of a dispatch that was refused.
    (Rule::Obs1, Reason::UnderRefusal, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(1);
        trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        let actor = twin.pick("broker", "agent");
        trial.answer(dispatch(&place(0, 0), "mail").by(actor));
        let sent = trial.machine.lineage().len() - 1;
        (trial, effect(&place(0, 0)).because([sent]))
    }),
];

#[test]
fn the_breach_names_the_first_record_that_is_relied_on() {
    let mut trial = Trial::new();
    let other = |body: &mut rederive_evidence::kinds::context::ContextRetrieved| {
        body.tenant_filter = Given::Known(id("rival"));
    };
    let good = trial.give(retrieval("a page"));
    trial.answer(with_retrieval(retrieval("b page"), other));
    trial.answer(with_retrieval(retrieval("c page"), other));
    let made = prompt(0, &[(good, "a page"), (good + 1, "b page"), (good + 2, "c page")]);
    assert_eq!(trial.ask(&made).breaches[0].record, Some(good + 1));
}

#[test]
fn an_observed_run_is_not_judged_by_what_nobody_enforced() {
    let mut trial = Trial::opened(|opening| opening.mode = Mode::Observed);
    let filter = Given::Known(id("rival"));
    trial.answer(with_retrieval(retrieval("a page"), |body| body.tenant_filter = filter));
    let item = trial.machine.lineage().len() - 1;
    assert_eq!(trial.breaches(&prompt(0, &[(item, "a page")])), []);
}
