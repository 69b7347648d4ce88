//! What generated runs reach: rules, each in every way, and the cells of SPEC.md's grids.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Input;
use rederive_evidence::rules::{Reason, Rule};
use rederive_machine::{Machine, RuleSetNumber};

use crate::strategies::Steps;

/// A cell of a grid: the grid, where a thing stands, and what comes. Spec: call-grid, approval-grid, credential-grid, effect-grid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// What the grid is about.
    pub grid: &'static str,
    /// Where it stands.
    pub row: String,
    /// What comes.
    pub column: Kind,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} / {}", self.grid, self.row, self.column)
    }
}

/// Counts what runs reach.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    breaches: BTreeMap<(Rule, Reason), u64>,
    cells: BTreeMap<Cell, u64>,
    records: u64,
}

impl Coverage {
    /// Takes a run.
    pub fn add(&mut self, steps: &Steps) {
        let mut machine = Machine::new();
        for (input, extracted) in steps {
            if let Some(cell) = cell(&machine, input) {
                *self.cells.entry(cell).or_default() += 1;
            }
            let answer = machine.decide(input, extracted.as_ref());
            for breach in &answer.breaches {
                *self.breaches.entry((breach.rule, breach.reason)).or_default() += 1;
            }
            machine.commit(answer.transition);
            self.records += 1;
        }
    }

    /// Records seen.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ways in which rules of a set can be breached, and how many of them were reached.
    pub fn rules(&self, set: RuleSetNumber) -> (usize, usize) {
        let all = ways(set).count();
        (ways(set).filter(|way| self.breaches.contains_key(way)).count(), all)
    }

    /// Ways in which rules of a set can be breached that were not reached.
    pub fn rules_missed(&self, set: RuleSetNumber) -> Vec<(Rule, Reason)> {
        ways(set).filter(|way| !self.breaches.contains_key(way)).collect()
    }

    /// The cells that were reached.
    pub fn cells(&self) -> BTreeSet<&Cell> {
        self.cells.keys().collect()
    }

    /// The cells that were not reached: of every place where a thing was seen to stand, with everything that can come.
    pub fn cells_missed(&self) -> Vec<Cell> {
        let rows: BTreeSet<(&'static str, &String)> =
            self.cells.keys().map(|cell| (cell.grid, &cell.row)).collect();
        let all = rows.into_iter().flat_map(|(grid, row)| {
            columns(grid).iter().map(move |column| Cell { grid, row: row.clone(), column: *column })
        });
        all.filter(|cell| !self.cells.contains_key(cell)).collect()
    }
}

fn ways(set: RuleSetNumber) -> impl Iterator<Item = (Rule, Reason)> {
    set.rules().flat_map(|(rule, reasons)| reasons.iter().map(move |reason| (rule, *reason)))
}

const CALLS: &[Kind] = &[
    Kind::ToolProposed,
    Kind::ToolValidated,
    Kind::ToolRequested,
    Kind::ToolPreviewed,
    Kind::DecisionMade,
    Kind::ToolDispatched,
    Kind::ToolReturned,
    Kind::ToolFailed,
    Kind::ToolBlocked,
    Kind::ToolUnknown,
];
const APPROVALS: &[Kind] = &[
    Kind::ApprovalRequested,
    Kind::ApprovalEvidence,
    Kind::ApprovalUnderReview,
    Kind::ApprovalApproved,
    Kind::ApprovalDenied,
    Kind::ApprovalRevised,
    Kind::ApprovalExpired,
    Kind::ApprovalWithdrawn,
    Kind::ApprovalLogged,
];
const CREDENTIALS: &[Kind] =
    &[Kind::CredentialIssued, Kind::CredentialUsed, Kind::CredentialRevoked, Kind::CredentialExpired];
const EFFECTS: &[Kind] = &[
    Kind::EffectPlanned,
    Kind::EffectExecuted,
    Kind::EffectVerified,
    Kind::EffectReverted,
    Kind::EffectQuarantined,
    Kind::EffectCompensated,
    Kind::EffectNotified,
];

fn columns(grid: &str) -> &'static [Kind] {
    match grid {
        "call" => CALLS,
        "approval" => APPROVALS,
        "credential" => CREDENTIALS,
        _ => EFFECTS,
    }
}

/// The cell that a record falls into.
fn cell(machine: &Machine, input: &Input) -> Option<Cell> {
    let kind = input.body.kind();
    let state = machine.state();
    if CALLS.contains(&kind) {
        let place = if let Body::DecisionMade(body) = &input.body {
            body.request.call.as_ref()?
        } else {
            input.place.as_ref()?
        };
        let mut calls = state.calls().iter();
        let row = calls.find(|(at, _)| *at == place).map(|(_, call)| format!("{:?}", call.status));
        return Some(Cell { grid: "call", row: row.unwrap_or_else(|| "none".to_owned()), column: kind });
    }
    if APPROVALS.contains(&kind) {
        let row = state.tracked_approvals().iter().next().map(|(_, held)| format!("{:?}", held.status));
        return Some(Cell { grid: "approval", row: row.unwrap_or_else(|| "none".to_owned()), column: kind });
    }
    if CREDENTIALS.contains(&kind) {
        let held = state.tracked_credentials().iter().next();
        let row = held.map_or("none", |(_, held)| match (held.expires, input.time) {
            (Some(expires), Some(now)) if expires <= now => "over",
            _ => "live",
        });
        return Some(Cell { grid: "credential", row: row.to_owned(), column: kind });
    }
    if EFFECTS.contains(&kind) {
        let row = state.tracked_effects().iter().next().map(|(_, held)| format!("{:?}", held.status));
        return Some(Cell { grid: "effect", row: row.unwrap_or_else(|| "none".to_owned()), column: kind });
    }
    None
}
