//! CTX. Spec: rule-ctx-1, rule-ctx-2, rule-ctx-3, rule-ctx-4.

use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Layer, Origin, Role};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::{Pair, Twin};
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Ctx1, Reason::FieldAbsent, |twin| {
        let owner = twin.pick(Given::Known(id("librarian")), Given::Absent);
        (Trial::new(), with_retrieval(retrieval("a page"), |body| body.owner = owner))
    }),
    (Rule::Ctx2, Reason::TenantFilter, |twin| {
        let filter = Given::Known(id(twin.pick(TENANT, "rival")));
        (Trial::new(), with_retrieval(retrieval("a page"), |body| body.tenant_filter = filter))
    }),
    (Rule::Ctx2, Reason::FilterByModel, |twin| {
        let by = Given::Known(twin.pick(Origin::Code, Origin::Model));
        (Trial::new(), with_retrieval(retrieval("a page"), |body| body.filter_origin = by))
    }),
    (Rule::Ctx2, Reason::SourceUnlisted, |twin| {
        let source = Given::Known(id(twin.pick("wiki", "web")));
        (Trial::new(), with_retrieval(retrieval("a page"), |body| body.source = source))
    }),
    (Rule::Ctx3, Reason::Stale, |twin| stale(twin, |trial| trial.give(retrieval("a page")), "a page")),
    // An item without a freshness of its own is stale after the run's.
    (Rule::Ctx3, Reason::Stale, |twin| {
        let mut trial = Trial::opened(|opening| {
            opening.limits.freshness_ms = Some(1_000);
            opening.layers = vec![Layer::Context];
        });
        let page = with_retrieval(retrieval("a page"), |body| body.fresh_until = Given::Absent);
        trial.answer(page);
        let item = trial.machine.lineage().len() - 1;
        let prompt = trial.prompted(0, &[(item, "a page")]);
        trial.answered(0, 1, prompt);
        (trial, proposal(&place(0, 0), "mail").timed(Some(START.plus_ms(twin.pick(999, 1_000)))))
    }),
    // A summary is no fresher than what it is of.
    (Rule::Ctx3, Reason::Stale, |twin| {
        stale(
            twin,
            |trial| {
                let item = trial.give(retrieval("a page"));
                trial.give(summary("in short", &["a page"]).because([item]))
            },
            "in short",
        )
    }),
    // Nor is what a guardrail makes of it.
    (Rule::Ctx3, Reason::Stale, |twin| {
        stale(
            twin,
            |trial| {
                let item = trial.give(retrieval("a page"));
                trial.give(masking("a page", "a masked page", None).because([item]))
            },
            "a masked page",
        )
    }),
    // Fresh when it was proposed, stale when it is dispatched.
    (Rule::Ctx3, Reason::Stale, |twin| {
        let mut trial = judged_by(&[Layer::Context]);
        let item = trial.give(retrieval("a page"));
        let prompt = trial.prompted(0, &[(item, "a page")]);
        let answer = trial.answered(0, 1, prompt);
        trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        (trial, dispatch(&place(0, 0), "mail").timed(Some(START.plus_ms(twin.pick(3_599_999, 3_600_000)))))
    }),
    (Rule::Ctx3, Reason::TimeAbsent, |twin| {
        let mut trial = judged_by(&[Layer::Context]);
        let item = trial.give(retrieval("a page"));
        let prompt = trial.prompted(0, &[(item, "a page")]);
        trial.answered(0, 1, prompt);
        let now = trial.now;
        (trial, proposal(&place(0, 0), "mail").timed(twin.pick(Some(now), None)))
    }),
    (Rule::Ctx4, Reason::DataInstructs, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        let role = twin.pick(Role::Tool, Role::System);
        (trial, with_prompt(prompt(0, &[(item, "a page")]), |body| body.parts[0].role = role))
    }),
    // Masked data is still data.
    (Rule::Ctx4, Reason::DataInstructs, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        let masked = trial.give(masking("a page", "a masked page", None).because([item]));
        let role = twin.pick(Role::Assistant, Role::User);
        (trial, with_prompt(prompt(0, &[(masked, "a masked page")]), |body| body.parts[0].role = role))
    }),
    // A tool is not registered because a document says so.
    (Rule::Ctx4, Reason::DataInstructs, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        (trial, registration("wipe", EffectsClass::Delete).because([twin.pick(0, item)]))
    }),
    // Nor by the model.
    (Rule::Ctx4, Reason::DataInstructs, |twin| {
        let made = registration("wipe", EffectsClass::Delete);
        (Trial::new(), made.from(twin.pick(Origin::Human, Origin::Model)))
    }),
];

/// A call above `read` in the last moment before, and in the first after, the end of what `bring` brings into the prompt.
fn stale(twin: Twin, bring: impl FnOnce(&mut Trial) -> u64, text: &str) -> (Trial, Made) {
    let mut trial = Trial::opened(|opening| opening.session.expires = Given::Known(START.plus_ms(9_000_000)));
    let item = bring(&mut trial);
    let prompt = trial.prompted(0, &[(item, text)]);
    trial.answered(0, 1, prompt);
    (trial, proposal(&place(0, 0), "mail").timed(Some(START.plus_ms(twin.pick(3_599_999, 3_600_000)))))
}

#[test]
fn an_item_retrieved_again_is_fresh_for_as_long_as_either_time() {
    for ends in [[1_000, 5_000], [5_000, 1_000]] {
        let mut trial = judged_by(&[Layer::Context]);
        for ms in ends {
            let until = Given::Known(START.plus_ms(ms));
            trial.give(with_retrieval(retrieval("a page"), |body| body.fresh_until = until));
        }
        let item = trial.machine.lineage().len() - 1;
        let prompt = trial.prompted(0, &[(item, "a page")]);
        trial.answered(0, 1, prompt);
        let at = |ms| proposal(&place(0, 0), "mail").timed(Some(START.plus_ms(ms)));
        assert_eq!(trial.breaches(&at(4_999)), []);
        assert_eq!(trial.breaches(&at(5_000)), [(Rule::Ctx3, Reason::Stale)]);
    }
}

#[test]
fn a_call_that_only_reads_may_follow_from_stale_items() {
    let (trial, _) = stale(Twin::Breaks, |trial| trial.give(retrieval("a page")), "a page");
    let at = Some(START.plus_ms(3_600_000));
    assert_eq!(trial.breaches(&proposal(&place(0, 0), "search").timed(at)), []);
    assert_eq!(trial.breaches(&proposal(&place(0, 0), "edit").timed(at)), [(Rule::Ctx3, Reason::Stale)]);
    let unregistered = trial.breaches(&proposal(&place(0, 0), "ghost").timed(at));
    assert!(unregistered.contains(&(Rule::Ctx3, Reason::Stale)), "one that nobody knows can do anything");
}

#[test]
fn a_user_who_quotes_a_document_still_speaks_as_user() {
    let mut trial = Trial::new();
    let told = trial.give(message("user", "see below: ..").labelled(OUTSIDE).because([0]));
    let sent = with_prompt(prompt(0, &[(told, "see below: ..")]), |body| body.parts[0].role = Role::User);
    assert_eq!(trial.breaches(&sent), []);
    assert_eq!(trial.ask(&sent).transition.mark().label.trust, OUTSIDE.trust);
}

/// Spec: rule-ctx-3.
#[test]
fn what_is_stale_bars_a_call_when_it_is_proposed_and_when_it_is_dispatched_and_at_no_other_step() {
    let mut trial = judged_by(&[Layer::Context]);
    let item = trial.give(retrieval("a page"));
    let prompt = trial.prompted(0, &[(item, "a page")]);
    let answer = trial.answered(0, 2, prompt);
    trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    trial.now = START.plus_ms(3_600_000);
    let stale = [(Rule::Ctx3, Reason::Stale)];
    assert_eq!(trial.breaches(&proposal(&place(0, 1), "mail").because([answer])), stale);
    assert_eq!(trial.breaches(&dispatch(&place(0, 0), "mail").because([answer])), stale);
    for step in [validation(&place(0, 0), "mail"), request(&place(0, 0)), block(&place(0, 0))] {
        assert_eq!(trial.breaches(&step.because([answer])), []);
    }
    assert_eq!(trial.breaches(&proposal(&place(0, 1), "search").because([answer])), []);
}
