//! The steps of a call.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::tool::{
    ToolDispatched, ToolPreviewed, ToolProposed, ToolRequested, ToolValidated,
};
use rederive_evidence::values::Place;

use super::{decision, effect, turn};
use crate::carriage;
use crate::case::Case;
use crate::influence::by_actor;
use crate::place::Standing;
use crate::risk::goes_ahead;
use crate::rule_set::RuleSetNumber;
use crate::state::{Call, CallStatus, Delta, Ended, IndexKey, Influence, Retried, State, Turn, TurnKey};

/// A call is live at its place. A proposal that no answer announced opens its turn, or makes it longer.
pub(super) fn proposed(
    case: &Case<'_>,
    proposed: &ToolProposed,
    influence: Influence,
    delta: &mut Delta<'_>,
) {
    let (Some(place), Some(Standing::Free)) = (&case.input.place, case.standing()) else { return };
    let calls = u32::from(place.index) + 1;
    match case.turn.cloned() {
        None => {
            // The same for whichever call of the turn comes first.
            let influence = Influence { label: by_actor(case.actor), ..Influence::NONE };
            turn::open(case.state, place, Turn { calls, ended: Ended::default(), influence }, delta);
        }
        Some(mut turn) => {
            turn.calls = turn.calls.max(calls);
            turn.ended.set(place.index, false);
            delta.turn(TurnKey::of(place), Some(turn));
        }
    }
    if place.attempt > 0 {
        delta.retried(IndexKey::of(place), Some(Retried { attempt: place.attempt }));
    }
    let tool = case.state.tool(&proposed.tool);
    let is_since_2 = case.is_since(RuleSetNumber::Two);
    let expected = proposed.expected_effect.filter(|_| is_since_2);
    let call = Call {
        status: CallStatus::Proposed,
        tool: proposed.tool.clone(),
        arguments: proposed.arguments.known().and_then(|arguments| case.commitment(*arguments)),
        target: None,
        effects: tool.and_then(|tool| tool.effects),
        schema: tool.and_then(|tool| tool.schema),
        previewed: false,
        permitted: None,
        influence,
        carriage: is_since_2.then(|| carriage::carried(case, &influence)),
        request: None,
        expected_effect: expected.and_then(|expected| case.commitment(expected)),
        inspected: None,
        diff: None,
        planned: None,
    };
    delta.call(place.clone(), Some(Box::new(call)));
}

pub(super) fn validated(case: &Case<'_>, validated: &ToolValidated, delta: &mut Delta<'_>) {
    step(case, delta, |call| {
        call.status = call.status.max(CallStatus::Validated);
        call.arguments = Some(validated.arguments);
    });
}

pub(super) fn requested(case: &Case<'_>, requested: &ToolRequested, delta: &mut Delta<'_>) {
    step(case, delta, |call| {
        call.status = call.status.max(CallStatus::Requested);
        call.arguments = Some(requested.arguments);
        call.target = requested.target;
        call.request = case.is_since(RuleSetNumber::Two).then(|| requested.request.clone());
    });
}

pub(super) fn previewed(case: &Case<'_>, previewed: &ToolPreviewed, delta: &mut Delta<'_>) {
    let diff = case.commitment(previewed.diff).filter(|_| case.is_since(RuleSetNumber::Two));
    step(case, delta, |call| {
        call.previewed = true;
        call.diff = diff;
    });
}

pub(super) fn dispatched(case: &Case<'_>, dispatched: &ToolDispatched, delta: &mut Delta<'_>) {
    step(case, delta, |call| {
        call.status = CallStatus::Dispatched;
        call.arguments = Some(dispatched.arguments);
        call.target = dispatched.target;
    });
}

/// The latest decision stands.
pub(super) fn decided(state: &State, place: &Place, made: &DecisionMade, delta: &mut Delta<'_>) {
    let Some(mut call) = state.call(place).cloned() else { return };
    call.status = call.status.max(CallStatus::Decided);
    call.arguments = made.request.arguments.known().copied().or(call.arguments);
    call.target = made.request.target;
    call.permitted = Some(goes_ahead(made));
    delta.call(place.clone(), Some(call));
}

/// Returned, failed, blocked or unknown: the call is live no more.
pub(super) fn ended(case: &Case<'_>, delta: &mut Delta<'_>) {
    if let (Some(place), Some(call)) = (&case.input.place, case.call) {
        turn::end(case.state, place, delta);
        decision::ended(case, place, delta);
        effect::call_ended(case, place, call, delta);
        delta.call(place.clone(), None);
    }
}

/// A guardrail has looked into a content, and `form` is what it leaves of it. Where the content is the arguments of the live call at its place,
/// or a form of them, they have been looked into.
pub(super) fn inspected(case: &Case<'_>, content: Digest, form: Digest, delta: &mut Delta<'_>) {
    let is_of_call = |call: &Call| [call.arguments, call.inspected].contains(&Some(content));
    if case.call.is_some_and(is_of_call) {
        step(case, delta, |call| call.inspected = Some(form));
    }
}

/// Changes the live call at the record's place. A step that comes late, in an observed run, does not bring a call back to an earlier status.
fn step(case: &Case<'_>, delta: &mut Delta<'_>, change: impl FnOnce(&mut Call)) {
    if let (Some(place), Some(mut call)) = (&case.input.place, case.call.cloned().map(Box::new)) {
        change(&mut call);
        delta.call(place.clone(), Some(call));
    }
}
