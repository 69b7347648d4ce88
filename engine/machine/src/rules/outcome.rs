//! OUT: effects, and outputs that leave the run. Since rule set 2. Spec: rule-out-1, rule-out-2, rule-out-3, rule-out-4.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::downstream::{
    EffectExecuted, EffectMatch, EffectNotified, EffectPlanned, EffectVerified,
};
use rederive_evidence::kinds::output::OutputReleased;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Layer, Place};

use super::{Breaches, Reasons};
use crate::carriage;
use crate::case::Case;
use crate::grant::{covering, planned};
use crate::state::{ApprovalStatus, Call, CallStatus, EffectStatus, State, TrackedEffect};

pub(super) const REASONS: &[Reasons] = &[
    (
        Rule::Out1,
        &[
            Reason::FieldAbsent,
            Reason::Unknown,
            Reason::NameTaken,
            Reason::Step,
            Reason::OtherCall,
            Reason::NotAsDecided,
            Reason::OtherValue,
        ],
    ),
    (Rule::Out2, &[Reason::MismatchOpen, Reason::OtherParty]),
    (
        Rule::Out3,
        &[
            Reason::FieldAbsent,
            Reason::NoPlan,
            Reason::NoRollback,
            Reason::NoContainment,
            Reason::ApprovalNeeded,
            Reason::Unverified,
            Reason::AmountExceeded,
        ],
    ),
    (
        Rule::Out4,
        &[
            Reason::FieldAbsent,
            Reason::Unknown,
            Reason::NotInspected,
            Reason::BlockedContent,
            Reason::NoRecipient,
            Reason::Clearance,
        ],
    ),
];

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Outcome) {
        return;
    }
    let body = &case.input.body;
    if let Body::EffectPlanned(planned) = body {
        check_plan(case, planned, found);
    } else if let Body::ToolDispatched(_) = body {
        check_dispatch(case, found);
    } else if let Body::EffectExecuted(executed) = body {
        check_execution(case, executed, found);
    } else if let Body::EffectVerified(verified) = body {
        check_verification(case, verified, found);
    } else if let Some(name) = resolved(body) {
        check_resolution(case, name, found);
    } else if let Body::OutputReleased(released) = body {
        check_release(case, released, found);
    } else if case.kind == Kind::RunClosed {
        check_closing(case, found);
    }
    if let Body::EffectNotified(notified) = body {
        check_notice(case, notified, found);
    }
}

/// The effect that was undone, contained or made good, or of which its owner was told.
fn resolved(body: &Body) -> Option<&Id> {
    if let Body::EffectReverted(body) = body {
        Some(&body.effect)
    } else if let Body::EffectQuarantined(body) = body {
        Some(&body.effect)
    } else if let Body::EffectCompensated(body) = body {
        Some(&body.effect)
    } else if let Body::EffectNotified(body) = body {
        Some(&body.effect)
    } else {
        None
    }
}

/// OUT-1: an effect is planned, once, of a live call that was not dispatched, as what that call was asked to do.
fn check_plan(case: &Case<'_>, planned: &EffectPlanned, found: &mut Breaches) {
    if case.state.tracked_effect(&planned.effect).is_some() {
        found.add(Rule::Out1, Reason::NameTaken);
    }
    let Some(call) = case.named_call() else { return found.add(Rule::Out1, Reason::Unknown) };
    if call.status == CallStatus::Dispatched {
        found.add(Rule::Out1, Reason::Step);
    }
    let target = planned.target.and_then(|target| case.commitment(target));
    let other_target = call.status >= CallStatus::Requested && target.is_some() && target != call.target;
    if call.effects.is_some_and(|effects| effects != planned.action) || other_target {
        found.add(Rule::Out1, Reason::NotAsDecided);
    }
}

/// OUT-3: what is dispatched has a plan; what can be undone, the way to do so; what cannot, a way to contain it, and an approval or a standing grant.
fn check_dispatch(case: &Case<'_>, found: &mut Breaches) {
    let (Some(place), Some(call)) = (&case.input.place, case.call) else { return };
    if !call.is_above_read() {
        return;
    }
    if planned(case.state, call).next().is_none() {
        found.add(Rule::Out3, Reason::NoPlan);
    }
    for (_, effect) in planned(case.state, call) {
        if effect.reversible && !effect.rollback {
            found.add(Rule::Out3, Reason::NoRollback);
        }
        if !effect.reversible && !effect.containment {
            found.add(Rule::Out3, Reason::NoContainment);
        }
    }
    if needs_grant(case.state, place, call) && covering(case.state, call).is_none() {
        found.add(Rule::Out3, Reason::ApprovalNeeded);
    }
}

/// OUT-3: whether what a live call does cannot be undone, as far as anybody knows, and nobody has approved it.
pub(crate) fn needs_grant(state: &State, place: &Place, call: &Call) -> bool {
    let is_irreversible = planned(state, call).any(|(_, effect)| !effect.reversible);
    call.is_above_read() && is_irreversible && !is_approved(state, place)
}

/// Whether the live call at this place is permitted under an approval that covers exactly what was decided.
fn is_approved(state: &State, place: &Place) -> bool {
    let Some(decided) = state.decision(place).filter(|decided| decided.goes_ahead()) else { return false };
    let approval = decided.approval.as_ref().and_then(|name| state.tracked_approval(name));
    approval.is_some_and(|approval| {
        approval.status == ApprovalStatus::Approved && approval.covers == decided.request
    })
}

/// OUT-1: what is seen was planned, of this call, and was not seen before. Spec: effect-grid, effect-steps. OUT-3: it costs no more than planned.
fn check_execution(case: &Case<'_>, executed: &EffectExecuted, found: &mut Breaches) {
    let Some(held) = case.state.tracked_effect(&executed.effect) else {
        return found.add(Rule::Out1, Reason::Unknown);
    };
    if held.call != executed.call {
        found.add(Rule::Out1, Reason::OtherCall);
    }
    if held.status != EffectStatus::UnderWay {
        found.add(Rule::Out1, Reason::Step);
    }
    let most = held.amount_micros.unwrap_or(0);
    if executed.amount_micros.is_some_and(|amount| amount > most) {
        found.add(Rule::Out3, Reason::AmountExceeded);
    }
}

/// OUT-1: what is compared is what was planned and what was seen, and a match is one.
fn check_verification(case: &Case<'_>, verified: &EffectVerified, found: &mut Breaches) {
    let Some(held) = case.state.tracked_effect(&verified.effect) else {
        return found.add(Rule::Out1, Reason::Unknown);
    };
    if !matches!(held.status, EffectStatus::UnderWay | EffectStatus::Executed) {
        found.add(Rule::Out1, Reason::Step);
    }
    let is_other = |stated: &Given<_>, held: Option<_>| {
        held.is_some_and(|held| stated.known().is_some_and(|stated| *stated != held))
    };
    let is_other = is_other(&verified.expected, held.expected) || is_other(&verified.observed, held.observed);
    if is_other || (verified.result == EffectMatch::Match && !is_as_expected(verified, held)) {
        found.add(Rule::Out1, Reason::OtherValue);
    }
}

/// Whether a verification shows that the effect is as expected: it says so, and what was expected and what was observed have one commitment, which
/// is the planned one. Spec: effect-match.
pub(crate) fn is_as_expected(verified: &EffectVerified, held: &TrackedEffect) -> bool {
    let observed = verified.observed.known().copied().or(held.observed);
    let expected = verified.expected.known().copied().or(held.expected);
    let fits = |stated: Option<_>, held: Option<_>| held.is_none() || stated == held;
    verified.result == EffectMatch::Match
        && expected.is_some()
        && expected == observed
        && fits(expected, held.expected)
        && fits(observed, held.observed)
}

/// OUT-1: what is resolved has begun. OUT-3: of what cannot be undone observed and expected state were compared first.
fn check_resolution(case: &Case<'_>, name: &Id, found: &mut Breaches) {
    let Some(held) = case.state.tracked_effect(name) else { return found.add(Rule::Out1, Reason::Unknown) };
    if held.status == EffectStatus::Planned {
        found.add(Rule::Out1, Reason::Step);
    } else if !held.reversible && !held.verified {
        found.add(Rule::Out3, Reason::Unverified);
    }
}

/// OUT-2: who is told is the effect's owner.
fn check_notice(case: &Case<'_>, notified: &EffectNotified, found: &mut Breaches) {
    let held = case.state.tracked_effect(&notified.effect);
    if held.and_then(|held| held.owner.as_ref()).is_some_and(|owner| *owner != notified.owner) {
        found.add(Rule::Out2, Reason::OtherParty);
    }
}

/// OUT-2: nothing that is otherwise than expected is left so.
fn check_closing(case: &Case<'_>, found: &mut Breaches) {
    if case.state.tracked_effects().iter().any(|(_, effect)| effect.status == EffectStatus::Mismatched) {
        found.add(Rule::Out2, Reason::MismatchOpen);
    }
}

/// OUT-4: what is released was produced, looked at by a guardrail and not blocked, and goes to named recipients who are cleared for it.
fn check_release(case: &Case<'_>, released: &OutputReleased, found: &mut Breaches) {
    if released.recipients.is_empty() {
        found.add(Rule::Out4, Reason::NoRecipient);
    }
    let Some(held) = case.state.output(&released.output) else {
        return found.add(Rule::Out4, Reason::Unknown);
    };
    if !held.inspected {
        found.add(Rule::Out4, Reason::NotInspected);
    }
    if held.blocked {
        found.add(Rule::Out4, Reason::BlockedContent);
    }
    let label = carriage::of_content(case.state, Some(&released.output), held.label);
    let is_cleared =
        |clearance: &Given<_>| clearance.known().is_none_or(|clearance| *clearance >= label.sensitivity);
    if let Some(item) = released.recipients.iter().position(|recipient| !is_cleared(&recipient.clearance)) {
        found.add_at(Rule::Out4, Reason::Clearance, None, Some(item));
    }
}
