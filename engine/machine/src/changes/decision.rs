//! Decisions: on a live call, or on one memory write.

use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::values::Place;

use super::{approval, call};
use crate::case::Case;
use crate::facts::request_digest;
use crate::risk::{control, goes_ahead};
use crate::rule_set::RuleSetNumber;
use crate::state::{Decided, Delta, Permit};

/// A decision on a call stands with the call; one without a call, on a value, permits one memory write of it or takes the permit back.
pub(super) fn made(case: &Case<'_>, made: &DecisionMade, delta: &mut Delta<'_>) {
    if let Some(place) = &made.request.call {
        call::decided(case.state, place, made, delta);
        if case.is_since(RuleSetNumber::Two) && case.state.call(place).is_some() {
            delta.decision(place.clone(), Some(Box::new(decided(case, made))));
        }
        return;
    }
    if let Some(name) = made.approval.as_ref().filter(|_| goes_ahead(made)) {
        // Of a call it serves at the dispatch.
        approval::used(case, name, delta);
    }
    if let Some(value) = made.request.arguments.known() {
        delta.permit(*value, goes_ahead(made).then(|| permit(case, made)));
    }
}

fn decided(case: &Case<'_>, made: &DecisionMade) -> Decided {
    Decided {
        request: request_digest(&made.request),
        decision: made.decision,
        directive: made.directive,
        enforcement: made.enforcement,
        expires: made.expires,
        scope: made.request.scope.known().cloned(),
        exception: made.exception.clone(),
        approval: made.approval.clone(),
        reliance: made.reliance.clone(),
        control: control(case.state, made),
    }
}

fn permit(case: &Case<'_>, made: &DecisionMade) -> Permit {
    let is_told = case.is_since(RuleSetNumber::Two);
    Permit {
        expires: made.expires,
        actor: is_told.then(|| made.request.actor.clone()),
        influence: is_told.then_some(made.request.influence),
    }
}

/// The decision on a call that has ended serves nothing more.
pub(super) fn ended(case: &Case<'_>, place: &Place, delta: &mut Delta<'_>) {
    if case.state.decision(place).is_some() {
        delta.decision(place.clone(), None);
    }
}
