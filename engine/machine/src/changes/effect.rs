//! Effects, from their plan to their end. Under rule set 1 an effect is known by its name alone.

use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::downstream::{EffectExecuted, EffectMatch, EffectPlanned, EffectVerified};
use rederive_evidence::kinds::tool::FailureClass;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::schema::Given;
use rederive_evidence::values::Place;

use super::{approval, counts};
use crate::case::Case;
use crate::grant::{self, Draw};
use crate::rule_set::RuleSetNumber;
use crate::rules::{is_as_expected, needs_grant};
use crate::state::{Call, CallStatus, Delta, EffectStatus, Grant, Influence, Present, TrackedEffect};

/// An effect is expected of a live call. One that is tracked already stays what it is.
pub(super) fn planned(case: &Case<'_>, planned: &EffectPlanned, influence: Influence, delta: &mut Delta<'_>) {
    let Some(mut call) = case.state.call(&planned.call).cloned() else { return };
    let is_tracked = case.state.tracked_effect(&planned.effect).is_some();
    if !case.is_since(RuleSetNumber::Two) || is_tracked || !counts(case, influence) {
        return;
    }
    let given = |content: &Given<Content>| content.known().and_then(|content| case.commitment(*content));
    let registered = case.state.tool(&call.tool).and_then(|tool| tool.reversible);
    let effect = TrackedEffect {
        status: if call.status < CallStatus::Dispatched {
            EffectStatus::Planned
        } else {
            EffectStatus::UnderWay
        },
        call: planned.call.clone(),
        reversible: planned.reversible.known() == Some(&true) && registered == Some(true),
        rollback: planned.rollback.is_some(),
        containment: planned.containment.is_some(),
        verified: false,
        owner: planned.owner.known().cloned(),
        expected: given(&planned.expected),
        observed: None,
        amount_micros: planned.amount_micros,
        grant: None,
    };
    let names = call.planned.get_or_insert_default();
    if let Err(at) = names.binary_search(&planned.effect) {
        names.insert(at, planned.effect.clone());
    }
    delta.call(planned.call.clone(), Some(call));
    delta.tracked_effect(planned.effect.clone(), Some(Box::new(effect)));
}

/// What was planned for the call is under way; the approval that it is permitted under has served it, or else what it needs is drawn from a
/// standing grant.
pub(super) fn dispatched(case: &Case<'_>, delta: &mut Delta<'_>) {
    let (Some(place), Some(call)) = (&case.input.place, case.call) else { return };
    if !case.is_since(RuleSetNumber::Two) {
        return;
    }
    approval::served(case, place, delta);
    let drawn = grant::covering(case.state, call).filter(|_| needs_grant(case.state, place, call));
    let draw = Draw::of(case.state, call);
    if let (Some((name, grant)), Some(draw)) = (drawn, draw) {
        delta.grant(name.clone(), Some(draw.taken_from(grant)));
    }
    for (name, effect) in grant::planned(case.state, call) {
        let grant = drawn.map(|(grant, _)| grant.clone()).or_else(|| effect.grant.clone());
        let effect = TrackedEffect { status: EffectStatus::UnderWay, grant, ..effect.clone() };
        delta.tracked_effect(name.clone(), Some(Box::new(effect)));
    }
}

/// What was planned for a call that never reached its tool will not be.
pub(super) fn call_ended(case: &Case<'_>, place: &Place, call: &Call, delta: &mut Delta<'_>) {
    let never_reached = if let Body::ToolFailed(failed) = &case.input.body {
        matches!(failed.class, FailureClass::Unreachable | FailureClass::Refused | FailureClass::Arguments)
    } else {
        case.kind == Kind::ToolBlocked
    };
    if !never_reached {
        return;
    }
    for (name, effect) in grant::planned(case.state, call) {
        let is_unseen = matches!(effect.status, EffectStatus::Planned | EffectStatus::UnderWay);
        if is_unseen && effect.call == *place {
            delta.tracked_effect(name.clone(), None);
        }
    }
}

/// It was seen. One that nobody planned is tracked from here on, as one that cannot be undone.
pub(super) fn executed(case: &Case<'_>, executed: &EffectExecuted, delta: &mut Delta<'_>) {
    let name = executed.effect.clone();
    if !case.is_since(RuleSetNumber::Two) {
        return delta.effect(name, Some(Present {}));
    }
    let observed = executed.observed.known().and_then(|content| case.commitment(*content));
    let mut effect = match case.state.tracked_effect(&name) {
        Some(held) => held.clone(),
        None => Box::new(unplanned(executed)),
    };
    let is_first = matches!(effect.status, EffectStatus::Planned | EffectStatus::UnderWay)
        || case.state.tracked_effect(&name).is_none();
    if !is_first {
        return;
    }
    effect.status = EffectStatus::Executed;
    effect.observed = observed;
    overdraw(case, executed, &effect, delta);
    delta.tracked_effect(name, Some(effect));
}

fn unplanned(executed: &EffectExecuted) -> TrackedEffect {
    TrackedEffect {
        status: EffectStatus::Executed,
        call: executed.call.clone(),
        reversible: false,
        rollback: false,
        containment: false,
        verified: false,
        owner: None,
        expected: None,
        observed: None,
        amount_micros: None,
        grant: None,
    }
}

/// What was spent above the plan is drawn from the grant as well.
fn overdraw(case: &Case<'_>, executed: &EffectExecuted, effect: &TrackedEffect, delta: &mut Delta<'_>) {
    let Some(name) = &effect.grant else { return };
    let Some(grant) = case.state.grant(name) else { return };
    let above = executed.amount_micros.unwrap_or(0).saturating_sub(effect.amount_micros.unwrap_or(0));
    let left = grant.amount_micros_left.map(|left| left.saturating_sub(above));
    delta.grant(name.clone(), Some(Grant { amount_micros_left: left, ..*grant }));
}

/// As expected, it is resolved; otherwise something has to be done about it. Once it is known to be otherwise, it stays so.
pub(super) fn verified(
    case: &Case<'_>,
    verified: &EffectVerified,
    influence: Influence,
    delta: &mut Delta<'_>,
) {
    let name = verified.effect.clone();
    if !case.is_since(RuleSetNumber::Two) {
        if verified.result == EffectMatch::Match {
            delta.effect(name, None);
        }
        return;
    }
    let Some(mut effect) = case.state.tracked_effect(&name).cloned() else { return };
    let is_match = counts(case, influence) && is_as_expected(verified, &effect);
    if effect.status != EffectStatus::Mismatched && is_match {
        return delta.tracked_effect(name, None);
    }
    effect.status = EffectStatus::Mismatched;
    effect.verified = true;
    delta.tracked_effect(name, Some(effect));
}

/// It was undone, contained, made good, or its owner was told.
pub(super) fn resolved(case: &Case<'_>, name: &Id, influence: Influence, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) {
        delta.effect(name.clone(), None);
    } else if counts(case, influence) {
        delta.tracked_effect(name.clone(), None);
    }
}
