//! Where a call stands, and what may come: every cell. Spec: call-steps, call-grid.

use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Mode, Place};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use crate::acts::*;

type Standing = fn(Mode) -> Trial;
type Step = fn() -> Made;

/// The rows: how a place comes to stand where it does.
const STANDINGS: &[(&str, Standing)] = &[
    ("not announced", |mode| call_of(mode, 0, None)),
    ("announced", |mode| call_of(mode, 1, None)),
    ("proposed", |mode| call_of(mode, 1, Some(CallStatus::Proposed))),
    ("validated", |mode| call_of(mode, 1, Some(CallStatus::Validated))),
    ("requested", |mode| call_of(mode, 1, Some(CallStatus::Requested))),
    ("decided", |mode| call_of(mode, 1, Some(CallStatus::Decided))),
    ("dispatched", |mode| call_of(mode, 1, Some(CallStatus::Dispatched))),
    ("ended", |mode| {
        let mut trial = call_of(mode, 1, Some(CallStatus::Proposed));
        trial.give(block(&at()));
        trial
    }),
];

/// The columns: what comes.
const STEPS: &[(&str, Step)] = &[
    ("proposed", || proposal(&at(), "mail")),
    ("proposed again", || proposal(&retry(&at()), "mail")),
    ("validated", || validation(&at(), "mail")),
    ("requested", || request(&at())),
    ("previewed", || preview(&at())),
    ("decided", || decision(&at(), "mail", Decision::Permit)),
    ("dispatched", || dispatch(&at(), "mail")),
    ("returned", || result(&at(), "done")),
    ("failed", || failure(&at())),
    ("blocked", || block(&at())),
    ("unknown", || unknown_end(&at())),
];

fn at() -> Place {
    place(0, 0)
}

fn call_of(mode: Mode, calls: u16, status: Option<CallStatus>) -> Trial {
    let mut trial = Trial::opened(|opening| opening.mode = mode);
    let answer = trial.turn_open(calls);
    if let Some(status) = status {
        trial.call_to(status, &at(), "mail", answer);
    }
    trial
}

/// The cell: `yes`, or the reasons for which the step is not one.
fn cell(trial: &Trial, made: &Made) -> String {
    let breaches = trial.breaches(&made.clone().because([0]));
    let of_step = |(rule, reason): &(Rule, Reason)| {
        if *rule == Rule::Tol2 { reason.to_string() } else { format!("{rule} {reason}") }
    };
    let reasons: Vec<String> = breaches.iter().map(of_step).collect();
    if reasons.is_empty() { "yes".to_owned() } else { reasons.join(", ") }
}

/// The grid as SPEC.md prints it, which is where it is compared.
pub(crate) fn table() -> String {
    let mut text = format!("| | {} |\n", STEPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
    text.push_str(&format!("| --- |{}\n", " --- |".repeat(STEPS.len())));
    for (name, standing) in STANDINGS {
        let trial = standing(Mode::Enforced);
        let cells: Vec<String> = STEPS.iter().map(|(_, made)| cell(&trial, &made())).collect();
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    text
}

/// The cells are the same in an observed run; what may not come is applied there.
#[test]
fn an_observed_call_is_judged_by_the_same_grid() {
    for (name, standing) in STANDINGS {
        let (enforced, observed) = (standing(Mode::Enforced), standing(Mode::Observed));
        for (step, made) in STEPS {
            assert_eq!(cell(&enforced, &made()), cell(&observed, &made()), "{name} {step}");
        }
    }
}

/// Where each allowed step leads.
#[test]
fn an_allowed_step_leads_where_its_name_says() {
    let mut text = String::new();
    for (name, standing) in STANDINGS {
        for (step, made) in STEPS {
            let mut trial = standing(Mode::Enforced);
            let made = made().because([0]);
            if !trial.breaches(&made).is_empty() {
                continue;
            }
            let place = made.input.place.clone();
            trial.give(made);
            let call = trial.machine.state().call(&place.unwrap_or_else(at)).map(|call| call.status);
            let now = call.map_or("ended".to_owned(), |status| status.to_string());
            text.push_str(&format!("{name}, {step}: {now}\n"));
        }
    }
    assert_eq!(
        text,
        "announced, proposed: proposed
proposed, validated: validated
proposed, previewed: proposed
proposed, blocked: ended
validated, requested: requested
validated, previewed: validated
validated, blocked: ended
requested, previewed: requested
requested, decided: decided
requested, blocked: ended
decided, previewed: decided
decided, decided: decided
decided, dispatched: dispatched
decided, blocked: ended
dispatched, returned: ended
dispatched, failed: ended
dispatched, unknown: ended
ended, proposed again: proposed
"
    );
}
