//! GRD-1. Spec: rule-grd-1, content-uses.

use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::rules::{Reason, Rule};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::Pair;
use super::prompt::kept_after;
use crate::acts::*;

const BLOCKED: (Rule, Reason) = (Rule::Grd1, Reason::BlockedContent);
const UNTRANSFORMED: (Rule, Reason) = (Rule::Grd1, Reason::UntransformedContent);

pub(crate) const PAIRS: &[Pair] = &[
    (BLOCKED.0, BLOCKED.1, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        trial.give(blocking(twin.pick("another page", "a page")).because([item]));
        (trial, prompt(0, &[(item, "a page")]))
    }),
    (BLOCKED.0, BLOCKED.1, |twin| kept_after(twin, blocking("a page"))),
    (BLOCKED.0, BLOCKED.1, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(1);
        trial.give(blocking(twin.pick("other", "arguments")));
        (trial, proposal(&place(0, 0), "mail"))
    }),
    (BLOCKED.0, BLOCKED.1, |twin| {
        let mut trial = Trial::new();
        trial.give(blocking(twin.pick("other", "a fact")));
        (trial, writing(MemoryScope::Durable, "a fact"))
    }),
    (BLOCKED.0, BLOCKED.1, |twin| {
        let mut trial = Trial::new();
        let produced = trial.give(producing("done").because([0]));
        trial.give(blocking(twin.pick("other", "done")));
        (trial, releasing("done", 4).because([produced]))
    }),
    (UNTRANSFORMED.0, UNTRANSFORMED.1, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        let masked = trial.give(masking("a page", "a masked page", None).because([item]));
        (trial, prompt(0, &[twin.pick((masked, "a masked page"), (item, "a page"))]))
    }),
    (UNTRANSFORMED.0, UNTRANSFORMED.1, |twin| kept_after(twin, masking("a page", "a masked page", None))),
    // What the gate is asked about is the masked form, once there is one.
    (UNTRANSFORMED.0, UNTRANSFORMED.1, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(1);
        trial.call_to(CallStatus::Validated, &place(0, 0), "mail", answer);
        let masked = masking("arguments", "masked arguments", None).because([answer]);
        if twin.breaks() {
            trial.give(masked);
        }
        (trial, request(&place(0, 0)))
    }),
];

#[test]
fn a_form_that_is_the_same_as_before_bars_nothing() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval("a page"));
    trial.give(masking("a page", "a page", None).because([item]));
    assert_eq!(trial.breaches(&prompt(0, &[(item, "a page")])), []);
}

#[test]
fn masked_arguments_take_the_place_of_the_proposed_ones() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Proposed, &place(0, 0), "mail", answer);
    trial.give(masking("arguments", "masked once", None));
    trial.give(masking("masked once", "masked twice", None));
    let validated = |text: &str| {
        with_validation(validation(&place(0, 0), "mail"), |body| body.arguments = commitment(text))
    };
    assert_eq!(trial.breaches(&validated("masked twice")), []);
    assert_eq!(trial.breaches(&validated("masked once")), [UNTRANSFORMED]);
    assert_eq!(trial.breaches(&validated("something else")), [(Rule::Tol3, Reason::NotAsDecided)]);
}
