//! Where approvals, credentials, effects and delegations stand under rule set 2, and what may come: every cell.
//! Spec: approval-grid, credential-grid, effect-grid, delegation-grid.

use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::EffectsClass;
use rederive_machine::testing::authority::*;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus, EffectStatus};

use crate::acts::{delegation, ending, searching};

/// A row: how something comes to stand where it does.
type Row = (&'static str, fn() -> Trial);
/// A column: what comes then.
type Column = (&'static str, fn(&Trial) -> Made);

/// A grid, and which breaches its cells show: all of a rule by their reasons alone, those of others with their rule.
struct Grid {
    rows: &'static [Row],
    columns: &'static [Column],
    rule: Rule,
}

impl Grid {
    fn cell(&self, trial: &Trial, made: Made) -> String {
        let shown = |(rule, reason): &(Rule, Reason)| {
            if *rule == self.rule { reason.to_string() } else { format!("{rule} {reason}") }
        };
        let breaches = trial.breaches(&made.because([0]));
        let reasons: Vec<String> = breaches.iter().map(shown).collect();
        if reasons.is_empty() { "yes".to_owned() } else { reasons.join(", ") }
    }

    fn table(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut text = format!("| | {} |\n| --- |{}\n", names.join(" | "), " --- |".repeat(names.len()));
        for (name, row) in self.rows {
            let trial = row();
            let cells: Vec<String> =
                self.columns.iter().map(|(_, made)| self.cell(&trial, made(&trial))).collect();
            text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
        }
        text
    }
}

/// The grids by the names of their blocks in SPEC.md.
pub(crate) fn tables() -> Vec<(&'static str, String)> {
    [
        ("approvals", APPROVALS),
        ("credentials", CREDENTIALS),
        ("effects", EFFECTS),
        ("delegations", DELEGATIONS),
    ]
    .map(|(name, grid)| (name, grid.table()))
    .into()
}

const APPROVALS: Grid = Grid {
    rows: &[
        ("not requested", || approval_of(None)),
        ("requested", || approval_of(Some(ApprovalStatus::Requested))),
        ("evidence assembled", || approval_of(Some(ApprovalStatus::Assembled))),
        ("under review", || approval_of(Some(ApprovalStatus::UnderReview))),
        ("approved", || approval_of(Some(ApprovalStatus::Approved))),
        ("denied", || approval_of(Some(ApprovalStatus::Denied))),
        ("approved or denied, logged", || {
            let mut trial = approval_of(Some(ApprovalStatus::Approved));
            trial.give(logging(last(&trial)).because([0]));
            trial
        }),
        ("revised", || approval_of(Some(ApprovalStatus::Revised))),
        ("expired", || approval_of(Some(ApprovalStatus::Expired))),
        ("withdrawn", || approval_of(Some(ApprovalStatus::Withdrawn))),
    ],
    columns: &[
        ("requested", |trial| trial.asking(&place(0, 1))),
        ("evidence assembled", |trial| assembling(held(trial))),
        ("under review", |_| reviewing("approver")),
        ("approved", |_| approving()),
        ("denied", |_| denying()),
        ("revised", |_| revising()),
        ("expired", |trial| expiring().timed(Some(trial.now.plus_ms(APPROVAL_MS)))),
        ("withdrawn", |_| withdrawing()),
        ("logged", |trial| logging(answer_of(trial))),
    ],
    rule: Rule::Apr1,
};

const CREDENTIALS: Grid = Grid {
    rows: &[
        ("not issued, revoked or expired", || Trial::gated_at(CallStatus::Decided, "mail")),
        ("live", || credential_of(0)),
        ("over", || credential_of(CREDENTIAL_MS)),
    ],
    columns: &[
        ("issued", |trial| trial.issuing(&place(0, 0), "mail")),
        ("used", |_| using(&place(0, 0))),
        ("revoked", |_| revoking()),
        ("expired", |_| lapsing()),
    ],
    rule: Rule::Crd2,
};

const EFFECTS: Grid = Grid {
    rows: &[
        ("not planned, or resolved", || Trial::gated_at(CallStatus::Requested, "mail")),
        ("planned", || Trial::gated_at(CallStatus::Decided, "mail")),
        ("under way", || Trial::gated_at(CallStatus::Dispatched, "mail")),
        ("executed", || Trial::executed("mail")),
        ("mismatched", || {
            let mut trial = Trial::executed("mail");
            trial.give(verifying(&place(0, 0), EffectMatch::Mismatch, "an effect"));
            trial
        }),
    ],
    columns: &[
        ("planned", |_| planning(&place(0, 0), EffectsClass::Send)),
        ("executed", |_| executing(&place(0, 0))),
        ("verified: match", |_| verifying(&place(0, 0), EffectMatch::Match, "an effect")),
        ("verified: mismatch", |_| verifying(&place(0, 0), EffectMatch::Mismatch, "an effect")),
        ("verified: unobserved", |_| verifying(&place(0, 0), EffectMatch::Unobserved, "an effect")),
        ("reverted", |_| resolving(&place(0, 0))[0].clone()),
        ("quarantined", |_| resolving(&place(0, 0))[1].clone()),
        ("compensated", |_| resolving(&place(0, 0))[2].clone()),
        ("notified", |_| resolving(&place(0, 0))[3].clone()),
    ],
    rule: Rule::Out1,
};

const DELEGATIONS: Grid = Grid {
    rows: &[
        ("not granted", Trial::gated),
        ("live", || delegated(0)),
        ("over", || delegated(1_800_000)),
        ("ended", || {
            let mut trial = delegated(0);
            trial.give(ending("agent-to-helper"));
            trial
        }),
    ],
    columns: &[
        ("granted", |_| delegation("agent", "helper", searching())),
        ("handed off", |_| handing_off("agent", "helper")),
        ("acted under", |_| retrieval("a page").by("helper")),
        ("ended", |_| ending("agent-to-helper")),
    ],
    rule: Rule::Idn3,
};

/// Two calls that are held for approval; the approval of the first has come so far.
fn approval_of(status: Option<ApprovalStatus>) -> Trial {
    let mut trial = Trial::gated();
    let answer = trial.turn_open(2);
    for index in 0..2 {
        let at = place(0, index);
        trial.gated_to(CallStatus::Requested, &at, "mail", answer);
        trial.give(planning(&at, EffectsClass::Send).because([answer]));
        trial.give(trial.holding(&at).because([answer]));
    }
    if let Some(status) = status {
        let held = held(&trial);
        trial.approval_to(status, &place(0, 0), held);
    }
    trial
}

/// The decision by which the first of the calls is held.
fn held(trial: &Trial) -> u64 {
    let is_decision = |number: &u64| {
        let mark = trial.machine.lineage().get(*number).unwrap();
        mark.kind == rederive_evidence::kinds::Kind::DecisionMade
    };
    (0..trial.machine.lineage().len()).find(is_decision).unwrap()
}

fn last(trial: &Trial) -> u64 {
    trial.machine.lineage().len() - 1
}

/// The record by which the approval was answered; else the last one.
fn answer_of(trial: &Trial) -> u64 {
    use rederive_evidence::kinds::Kind;
    let is_answer = |number: &u64| {
        let mark = trial.machine.lineage().get(*number).unwrap();
        matches!(mark.kind, Kind::ApprovalApproved | Kind::ApprovalDenied)
    };
    (0..=last(trial)).find(is_answer).unwrap_or_else(|| last(trial))
}

/// A credential of a permitted call, so many milliseconds after it was issued.
fn credential_of(later_ms: u64) -> Trial {
    let mut trial = Trial::gated_at(CallStatus::Decided, "mail");
    trial.give(trial.issuing(&place(0, 0), "mail"));
    trial.now = trial.now.plus_ms(later_ms);
    trial
}

fn delegated(later_ms: u64) -> Trial {
    let mut trial = Trial::gated();
    trial.give(delegation("agent", "helper", searching()));
    trial.now = trial.now.plus_ms(later_ms);
    trial
}

/// Where each allowed step of an effect leads. Spec: effect-steps.
#[test]
fn an_allowed_step_of_an_effect_leads_where_its_name_says() {
    let mut text = String::new();
    for (name, row) in EFFECTS.rows {
        for (step, made) in EFFECTS.columns {
            let mut trial = row();
            let made = made(&trial).because([0]);
            if !trial.breaches(&made).is_empty() {
                continue;
            }
            trial.give(made);
            let status =
                trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).map(|effect| effect.status);
            let now = status.map_or("resolved".to_owned(), |status: EffectStatus| status.to_string());
            text.push_str(&format!("{name}, {step}: {now}\n"));
        }
    }
    assert_eq!(
        text,
        "not planned, or resolved, planned: planned
under way, executed: executed
under way, verified: match: resolved
under way, verified: mismatch: mismatched
under way, verified: unobserved: mismatched
under way, reverted: resolved
under way, quarantined: resolved
under way, compensated: resolved
under way, notified: resolved
executed, verified: match: resolved
executed, verified: mismatch: mismatched
executed, verified: unobserved: mismatched
executed, reverted: resolved
executed, quarantined: resolved
executed, compensated: resolved
executed, notified: resolved
mismatched, reverted: resolved
mismatched, quarantined: resolved
mismatched, compensated: resolved
mismatched, notified: resolved
"
    );
}
