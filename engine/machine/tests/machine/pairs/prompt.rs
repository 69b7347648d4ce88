//! PRM. Spec: rule-prm-1, rule-prm-2, rule-prm-3.

use rederive_evidence::ids::RecordRef;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Mode, Sensitivity, Trust};
use rederive_machine::testing::*;

use super::{Pair, Twin};
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Prm1, Reason::PartNotCause, |twin| {
        let mut trial = Trial::new();
        let told = trial.told("hello");
        (trial, prompt(0, &[(told, "hello")]).because([twin.pick(told, 0)]))
    }),
    // What speaks as data names its record.
    (Rule::Prm1, Reason::PartNotCause, |twin| {
        let from = twin.pick(Some(RecordRef(0)), None);
        (Trial::new(), with_prompt(prompt(0, &[(0, "the goal")]), |body| body.parts[0].from = from))
    }),
    (Rule::Prm1, Reason::NoSuchPrompt, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(0);
        (trial, extension(1, twin.pick(0, 1), &[(0, 1)], &[(0, "the goal")]))
    }),
    (Rule::Prm1, Reason::NoSuchPrompt, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(0);
        (trial, extension(1, 0, &[(0, twin.pick(1, 2))], &[(0, "the goal")]))
    }),
    // Kept ranges ascend.
    (Rule::Prm1, Reason::NoSuchPrompt, |twin| {
        let mut trial = Trial::new();
        let prompt = trial.prompted(0, &[(0, "the goal"), (0, "more"), (0, "most")]);
        trial.answered(0, 0, prompt);
        let kept = twin.pick([(0, 1), (1, 1)], [(1, 1), (0, 1)]);
        (trial, extension(1, 0, &kept, &[(0, "the goal")]))
    }),
    (Rule::Prm1, Reason::NoSuchPrompt, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(0);
        let made = prompt(1, &[(0, "the goal")]);
        let nothing = extension(1, 0, &[(0, 1)], &[(0, "the goal")]);
        (trial, twin.pick(made, with_prompt(nothing, |body| body.extends = None)))
    }),
    (Rule::Prm1, Reason::BlockedContent, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        trial.give(withholding(twin.pick("another page", "a page")).because([item]));
        (trial, prompt(0, &[(item, "a page")]))
    }),
    (Rule::Prm1, Reason::BlockedContent, |twin| kept_after(twin, withholding("a page"))),
    (Rule::Prm1, Reason::BlockedContent, |twin| {
        let mut trial = Trial::new();
        let item = trial.give(retrieval("a page"));
        trial.give(withholding(twin.pick("another page", "a page")).because([item]));
        (trial, summary("in short", &["a page"]).because([item]))
    }),
    (Rule::Prm1, Reason::PlaceUsed, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(0);
        (trial, prompt(twin.pick(1, 0), &[(0, "the goal")]))
    }),
    (Rule::Prm1, Reason::NoPlace, |twin| {
        let mut made = prompt(0, &[(0, "the goal")]);
        if twin.breaks() {
            made.input.place = None;
        }
        (Trial::new(), made)
    }),
    (Rule::Prm2, Reason::Clearance, |twin| {
        let mut trial = Trial::new();
        let sensitivity = twin.pick(Sensitivity::Confidential, Sensitivity::Restricted);
        let item = trial.give(retrieval_labelled("a page", label(Trust::Internal, sensitivity)));
        (trial, prompt(0, &[(item, "a page")]))
    }),
    (Rule::Prm2, Reason::Clearance, |twin| {
        let model = id(twin.pick("model", "another"));
        (Trial::new(), with_prompt(prompt(0, &[(0, "the goal")]), |body| body.model = model))
    }),
    // A model of which nobody said what it may be sent may be sent what is public.
    (Rule::Prm2, Reason::Clearance, |twin| {
        let mut trial = Trial::opened(|opening| {
            opening.layers = vec![rederive_evidence::values::Layer::Prompt];
            opening.models[0].clearance = Given::Absent;
        });
        let sensitivity = twin.pick(Sensitivity::Public, Sensitivity::Internal);
        let item = trial.give(retrieval_labelled("a page", label(Trust::Internal, sensitivity)));
        (trial, prompt(0, &[(item, "a page")]))
    }),
    (Rule::Prm3, Reason::FieldAbsent, |twin| {
        answering(|made| with_answer(made, |body| body.tokens_in = twin.pick(Given::Known(1), Given::Absent)))
    }),
    (Rule::Prm3, Reason::Unlinked, |twin| {
        answering(|made| with_answer(made, |body| body.prompt = twin.pick(body.prompt, Some(RecordRef(0)))))
    }),
    (Rule::Prm3, Reason::Unlinked, |twin| {
        answering(|made| with_answer(made, |body| body.prompt = twin.pick(body.prompt, None)))
    }),
    // A call is one of those that its turn's answer announced.
    (Rule::Prm3, Reason::Unlinked, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(1);
        (trial, proposal(&place(0, twin.pick(0, 1)), "mail"))
    }),
    (Rule::Prm3, Reason::PlaceUsed, |twin| {
        let mut trial = Trial::new();
        let prompt = trial.prompted(0, &[(0, "the goal")]);
        trial.answered(0, 0, prompt);
        (trial, answer(twin.pick(1, 0), 0, prompt))
    }),
    (Rule::Prm3, Reason::NoPlace, |twin| {
        answering(|mut made| {
            made.input.place = twin.pick(made.input.place, None);
            made
        })
    }),
];

fn answering(change: impl FnOnce(Made) -> Made) -> (Trial, Made) {
    let mut trial = Trial::new();
    let prompt = trial.prompted(0, &[(0, "the goal")]);
    (trial, change(answer(0, 0, prompt)))
}

/// A prompt that keeps, or does not keep, a part whose content was barred after it was sent.
pub(crate) fn kept_after(twin: Twin, barring: Made) -> (Trial, Made) {
    let mut trial = Trial::new();
    let item = trial.give(retrieval("a page"));
    let prompt = trial.prompted(0, &[(0, "the goal"), (item, "a page"), (0, "more")]);
    let answer = trial.answered(0, 0, prompt);
    trial.give(barring.because([item]));
    let kept: &[(u32, u32)] = twin.pick(&[(0, 1), (2, 1)], &[(0, 3)]);
    (trial, extension(1, 0, kept, &[(answer, "an answer")]))
}

#[test]
fn an_observed_run_that_lists_no_models_does_not_know_their_clearance() {
    let listed = |count: usize| {
        let mut trial = Trial::opened(|opening| {
            opening.mode = Mode::Observed;
            opening.models.truncate(count);
        });
        let item = trial.give(retrieval_labelled("a page", SECRET));
        trial.breaches(&with_prompt(prompt(0, &[(item, "a page")]), |body| body.model = id("another")))
    };
    assert_eq!(listed(0), []);
    assert_eq!(listed(1), [(Rule::Prm2, Reason::Clearance)]);
}

#[test]
fn a_workflow_proposes_calls_that_no_answer_announced() {
    let trial = Trial::new();
    let at = place_of("workflow", 0, 3);
    assert_eq!(trial.breaches(&proposal(&at, "mail").by("workflow").because([0])), []);
    let at = place_of("agent", 0, 3);
    assert_eq!(trial.breaches(&proposal(&at, "mail").because([0])), [(Rule::Prm3, Reason::Unlinked)]);
}
