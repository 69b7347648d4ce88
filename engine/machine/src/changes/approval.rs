//! The life of an approval. Under rule set 1 it is known by its name alone.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::approval::{ApprovalRequested, ApprovalUnderReview};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::values::Place;

use crate::case::Case;
use crate::lineage::Mark;
use crate::rule_set::RuleSetNumber;
use crate::rules::approval_step;
use crate::state::{ApprovalStatus, Delta, Influence, Present, TrackedApproval};

/// A step of an approval, whether it may be taken or not: what has happened has happened.
pub(super) fn stepped(case: &Case<'_>, influence: Influence, delta: &mut Delta<'_>) {
    let Some((_, name)) = approval_step(&case.input.body) else { return };
    if !case.is_since(RuleSetNumber::Two) {
        return known_by_name(case.kind, name, delta);
    }
    let breached = influence.flags & Mark::BREACHED != 0;
    let held = case.state.tracked_approval(name);
    if let Body::ApprovalRequested(requested) = &case.input.body {
        let asked = requested_now(case, requested, held.map(Box::as_ref), breached);
        return delta.tracked_approval(name.clone(), Some(Box::new(asked)));
    }
    let Some(mut approval) = held.cloned() else { return };
    approval.breached |= breached;
    if let Body::ApprovalUnderReview(review) = &case.input.body {
        shown(&mut approval, review);
    }
    if case.kind == Kind::ApprovalLogged {
        approval.logged = true;
    }
    approval.status = status_after(case.kind).unwrap_or(approval.status);
    delta.tracked_approval(name.clone(), Some(approval));
}

fn known_by_name(kind: Kind, name: &Id, delta: &mut Delta<'_>) {
    if kind == Kind::ApprovalRequested {
        delta.approval(name.clone(), Some(Present {}));
    }
    let ends = [Kind::ApprovalApproved, Kind::ApprovalDenied, Kind::ApprovalExpired, Kind::ApprovalWithdrawn];
    if ends.contains(&kind) {
        delta.approval(name.clone(), None);
    }
}

/// The approval asked for, or asked for again: within the scope first asked for.
fn requested_now(
    case: &Case<'_>,
    requested: &ApprovalRequested,
    before: Option<&TrackedApproval>,
    breached: bool,
) -> TrackedApproval {
    let decided = requested.call.as_ref().and_then(|place| case.state.decision(place));
    let first = before.and_then(|before| before.scope.clone());
    TrackedApproval {
        status: ApprovalStatus::Requested,
        logged: false,
        used: false,
        breached: breached || before.is_some_and(|before| before.breached),
        requester: case.input.actor.clone(),
        covers: requested.covers,
        call: requested.call.clone(),
        expires: requested.expires.known().copied(),
        scope: first.or_else(|| decided.and_then(|decided| decided.scope.clone())),
        reviewer: None,
        shown: None,
    }
}

fn shown(approval: &mut TrackedApproval, review: &ApprovalUnderReview) {
    approval.reviewer = Some(review.reviewer.clone());
    approval.shown = Some(review.shown);
}

fn status_after(kind: Kind) -> Option<ApprovalStatus> {
    let after = [
        (Kind::ApprovalEvidence, ApprovalStatus::Assembled),
        (Kind::ApprovalUnderReview, ApprovalStatus::UnderReview),
        (Kind::ApprovalApproved, ApprovalStatus::Approved),
        (Kind::ApprovalDenied, ApprovalStatus::Denied),
        (Kind::ApprovalRevised, ApprovalStatus::Revised),
        (Kind::ApprovalExpired, ApprovalStatus::Expired),
        (Kind::ApprovalWithdrawn, ApprovalStatus::Withdrawn),
    ];
    after.into_iter().find(|(of, _)| *of == kind).map(|(_, status)| status)
}

/// The approval under which the call at this place was permitted has served it.
pub(super) fn served(case: &Case<'_>, place: &Place, delta: &mut Delta<'_>) {
    let decided = case.state.decision(place).filter(|decided| decided.goes_ahead());
    if let Some(name) = decided.and_then(|decided| decided.approval.as_ref()) {
        used(case, name, delta);
    }
}

/// The approval has served its request.
pub(super) fn used(case: &Case<'_>, name: &Id, delta: &mut Delta<'_>) {
    if let Some(mut approval) = case.state.tracked_approval(name).cloned() {
        approval.used = true;
        delta.tracked_approval(name.clone(), Some(approval));
    }
}
