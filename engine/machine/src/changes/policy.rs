//! Policies and exceptions in force, and plans compared with the task.

use rederive_evidence::kinds::governance::ExceptionGranted;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::kinds::policy::{PolicyChanged, PolicyPinned};

use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::{Delta, GrantedException, Plan, Policies};

/// The engine that the bundle in force was loaded into.
pub(super) fn pinned(case: &Case<'_>, pinned: &PolicyPinned, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) {
        return;
    }
    let mut policies = case.state.policies().cloned().unwrap_or_default();
    policies.engine = pinned.engine.known().cloned();
    policies.engine_version = pinned.engine_version.known().cloned();
    delta.policies(policies);
}

/// Another bundle is loaded anew, and what the old one permitted is permitted no more.
pub(super) fn changed(case: &Case<'_>, changed: &PolicyChanged, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) {
        return;
    }
    let held = case.state.policies().cloned().unwrap_or_default();
    let (engine, engine_version) = match changed.bundle {
        Some(_) => (None, None),
        None => (held.engine, held.engine_version),
    };
    delta.policies(Box::new(Policies {
        bundle: changed.bundle.or(held.bundle),
        registry: changed.registry.or(held.registry),
        engine,
        engine_version,
    }));
    for (value, _) in case.state.permits().iter() {
        delta.permit(*value, None);
    }
}

/// An exception is in force. A name that is in use keeps what it stands for.
pub(super) fn excepted(case: &Case<'_>, granted: &ExceptionGranted, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) || case.state.exception(&granted.exception).is_some() {
        return;
    }
    let mut scope = granted.scope.clone();
    scope.sort_unstable();
    let held = GrantedException {
        approver: granted.approver.clone(),
        scope,
        expires: granted.expires.known().copied(),
    };
    delta.exception(granted.exception.clone(), Some(held));
}

/// An agent has a new plan, which nobody has compared with the task yet.
pub(super) fn planned(case: &Case<'_>, delta: &mut Delta<'_>) {
    if case.is_since(RuleSetNumber::Two) {
        delta.plan(case.agent().clone(), Some(Plan { verdict: None }));
    }
}

/// The plan of the agent whose place it is has been compared with the task.
pub(super) fn checked(case: &Case<'_>, verdict: PlanVerdict, delta: &mut Delta<'_>) {
    if case.state.plan(case.agent()).is_some() {
        delta.plan(case.agent().clone(), Some(Plan { verdict: Some(verdict) }));
    }
}
