//! GRD. Spec: rule-grd-1, rule-grd-2, rule-grd-3, rule-grd-4, content-uses.

use rederive_evidence::ids::{Content, RecordRef};
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::plan::{PlanRevised, PlanVerdict};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{EffectsClass, Layer, Sensitivity, Trust};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::prompt::kept_after;
use super::{Pair, Twin};
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

/// GRD-2 to GRD-4.
pub(crate) const SINCE_2: &[Pair] = &[
    (Rule::Grd2, Reason::Clearance, |twin| {
        let mut trial = Trial::gated();
        let clearance = Some(twin.pick(Sensitivity::Internal, Sensitivity::Public));
        trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.clearance = clearance));
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Proposed, &place(0, 0), "mail", answer);
        (trial, validation(&place(0, 0), "mail").because([answer]))
    }),
    // Reads are no exception; a tool of which nobody says it is cleared for what is public.
    (Rule::Grd2, Reason::Clearance, |twin| {
        let mut trial = Trial::gated();
        let clearance = twin.pick(Some(Sensitivity::Internal), None);
        trial.give(with_tool(registration("search", EffectsClass::Read), |body| body.clearance = clearance));
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Proposed, &place(0, 0), "search", answer);
        (trial, validation(&place(0, 0), "search").because([answer]))
    }),
    // What a guardrail finds in the arguments makes them as sensitive.
    (Rule::Grd2, Reason::Clearance, |twin| inspected(twin, DetectedClass::Personal, DetectedClass::Secret)),
    (Rule::Grd2, Reason::Clearance, |twin| {
        inspected(twin, DetectedClass::Instruction, DetectedClass::Destination)
    }),
    (Rule::Grd3, Reason::NoSandbox, |twin| sandboxed(twin.pick(Some("box"), None), Some("box"))),
    (Rule::Grd3, Reason::NoSandbox, |twin| sandboxed(Some("box"), twin.pick(Some("box"), Some("vault")))),
    (Rule::Grd3, Reason::NoSandbox, |twin| sandboxed(Some("box"), twin.pick(Some("box"), None))),
    (Rule::Grd4, Reason::Departure, |twin| {
        let mut trial = Trial::gated();
        let class = twin.pick(DetectedClass::Personal, DetectedClass::Departure);
        trial.give(inspection(&place(0, 0), "a fact", &[class]).because([0]));
        (trial, writing(MemoryScope::Session, "a fact"))
    }),
    (Rule::Grd4, Reason::Departure, |twin| inspected(twin, DetectedClass::Health, DetectedClass::Departure)),
    (Rule::Grd4, Reason::Departure, |twin| {
        planned(Some(twin.pick(PlanVerdict::Aligned, PlanVerdict::Revise)))
    }),
    (Rule::Grd4, Reason::Departure, |twin| {
        planned(Some(twin.pick(PlanVerdict::Aligned, PlanVerdict::Refused)))
    }),
    (Rule::Grd4, Reason::PlanUnchecked, |twin| planned(twin.pick(Some(PlanVerdict::Aligned), None))),
];

/// The validation of a mail in whose arguments a guardrail has found something.
fn inspected(twin: Twin, keeps: DetectedClass, breaks: DetectedClass) -> (Trial, Made) {
    let mut trial = Trial::gated_at(CallStatus::Proposed, "mail");
    trial.give(inspection(&place(0, 0), "arguments", &[twin.pick(keeps, breaks)]).because([0]));
    (trial, validation(&place(0, 0), "mail").because([0]))
}

/// The dispatch, in a sandbox, of a mail whose arguments are a dangerous command, its tool registered with another one.
fn sandboxed(in_sandbox: Option<&str>, named: Option<&str>) -> (Trial, Made) {
    let mut trial = Trial::gated();
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.sandbox = named.map(id)));
    let answer = trial.turn_open(1);
    trial.gated_to(CallStatus::Proposed, &place(0, 0), "mail", answer);
    trial.give(inspection(&place(0, 0), "arguments", &[DetectedClass::Command]).because([0]));
    for made in [validation(&place(0, 0), "mail"), request(&place(0, 0))] {
        trial.give(made.because([0]));
    }
    trial.give(planning(&place(0, 0), EffectsClass::Send).because([0]));
    let made = trial.judgement(&place(0, 0)).because([0]);
    trial.give(made);
    let made = dispatch(&place(0, 0), "mail").because([0]);
    (trial, with_dispatch(made, |body| body.sandbox = in_sandbox.map(id)))
}

/// A proposal by an agent whose plan was compared with the task so.
fn planned(verdict: Option<PlanVerdict>) -> (Trial, Made) {
    let mut trial = Trial::gated();
    let answer = trial.turn_open(1);
    let planned = trial.give(plan().at(place(0, 0)).because([answer]));
    if let Some(verdict) = verdict {
        trial.give(plan_checked(planned, verdict).at(place(0, 0)).because([planned]));
    }
    (trial, proposal(&place(0, 0), "search").because([answer]))
}

/// Spec: rule-grd-4.
#[test]
fn a_revised_plan_has_to_be_compared_again() {
    let (mut trial, proposal) = planned(Some(PlanVerdict::Aligned));
    let body = PlanRevised { plan: RecordRef(0), revised: Content(0) };
    trial.give(Made::new("agent", body).with(["a new plan"]).at(place(0, 0)).because([0]));
    assert_eq!(trial.breaches(&proposal), [(Rule::Grd4, Reason::PlanUnchecked)]);
}

/// Spec: rule-grd-2.
#[test]
fn a_masked_form_carries_what_the_guardrail_says() {
    let (mut trial, validated) = inspected(Twin::Breaks, DetectedClass::Personal, DetectedClass::Secret);
    assert_eq!(trial.facts(&place(0, 0)).carriage.sensitivity, Sensitivity::Restricted);
    let masked = label(Trust::User, Sensitivity::Internal);
    trial.give(masking("arguments", "masked", Some(masked)).at(place(0, 0)).because([0]));
    let validated = with_validation(validated, |body| body.arguments = commitment("masked"));
    trial.give(validated);
    assert_eq!(trial.facts(&place(0, 0)).carriage, masked);
}

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

/// GRD-4: the model may see it; nobody may act on it.
#[test]
fn what_departs_from_the_task_is_shown_to_the_model_and_kept_by_nobody() {
    let mut trial = Trial::gated();
    let told = trial.told("a fact");
    let mut found = inspection(&place(0, 0), "a fact", &[DetectedClass::Departure]).because([0]);
    found.input.place = None;
    trial.give(found);
    let departs = |made: &Made| trial.breaches(made).contains(&(Rule::Grd4, Reason::Departure));
    assert!(!departs(&prompt(1, &[(told, "a fact")])));
    assert!(departs(&writing(MemoryScope::Session, "a fact")));
}

#[test]
fn a_class_that_a_guardrail_names_twice_is_found_once() {
    let mut trial = Trial::gated_at(CallStatus::Requested, "search");
    let at = place(0, 0);
    use DetectedClass::{Health, Secret};
    trial.give(inspection(&at, "arguments", &[Secret, Health, Secret]).because([0]));
    let mut expected = vec![Health, Secret];
    expected.sort();
    assert_eq!(trial.facts(&at).detected, expected);
}

#[test]
fn what_guardrails_find_in_a_content_one_after_the_other_is_found_together() {
    let mut trial = Trial::gated_at(CallStatus::Requested, "search");
    let at = place(0, 0);
    use DetectedClass::{Health, Personal, Secret};
    for classes in [&[Personal, Health][..], &[], &[Personal, Secret]] {
        trial.give(inspection(&at, "arguments", classes).because([0]));
    }
    let mut expected = vec![Personal, Health, Secret];
    expected.sort();
    assert_eq!(trial.facts(&at).detected, expected);
}

/// Spec: default-labels.
#[test]
fn the_label_of_a_form_is_set_by_guardrails_and_since_rule_set_2() {
    let label = |mut trial: Trial, by: &str| {
        let item = trial.give(retrieval("a page"));
        trial.answer(masking("a page", "masked", Some(SECRET)).by(by).because([item]));
        trial.machine.state().context(&commitment("masked")).and_then(|content| content.label)
    };
    assert_eq!(label(Trial::gated(), "guard"), Some(SECRET));
    assert_eq!(label(Trial::gated(), "agent"), None);
    assert_eq!(label(Trial::new(), "guard"), None);
}

#[test]
fn contents_are_barred_where_guardrails_are_judged_alone() {
    let breaches = |layers: &[Layer]| {
        let mut trial = judged_by(layers);
        let item = trial.give(retrieval("a page"));
        trial.give(blocking("a page").because([item]));
        trial.breaches(&prompt(0, &[(item, "a page")]))
    };
    assert_eq!(breaches(&[Layer::Guardrail]), [BLOCKED]);
    assert_eq!(breaches(&[Layer::Outcome]), []);
}
