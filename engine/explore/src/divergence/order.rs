//! The same records in another order.

use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Record;
use rederive_evidence::rules::{Outcome, Rule};

use crate::draw::Draw;
use crate::story::Story;
use crate::subject::Subject;

/// Swaps one of the neighbours of which `fits` says so: the places of the first ones.
fn swapped(story: &mut Story, draw: &mut Draw, fits: impl Fn(&Record, &Record, usize) -> bool) -> bool {
    let pairs = story.records().windows(2).enumerate();
    let fitting = pairs.filter_map(|(at, pair)| match pair {
        [first, second] if fits(first, second, at) => Some(at),
        _ => None,
    });
    let fitting: Vec<usize> = fitting.collect();
    draw.pick(&fitting).is_some_and(|at| {
        story.shift(at + 1, *at);
        true
    })
}

fn is_applied(record: &Record) -> bool {
    record.derived.outcome == Outcome::Applied && record.derived.breaches.is_empty()
}

/// Steps of a call that look at nothing but the call: which of two calls takes them first shows nowhere in the state.
fn is_step_alone(record: &Record) -> bool {
    matches!(
        record.input.body.kind(),
        Kind::ToolProposed | Kind::ToolValidated | Kind::ToolReturned | Kind::ToolFailed | Kind::ToolBlocked
    )
}

pub(super) fn independent_swapped(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    swapped(story, draw, |first, second, at| {
        let others = [first, second].map(|record| record.input.place.as_ref());
        let [Some(one), Some(other)] = others else { return false };
        let is_other_call = (&one.agent, one.turn, one.index) != (&other.agent, other.turn, other.index);
        let has_one_time = first.input.time == second.input.time;
        is_other_call
            && has_one_time
            && [first, second].into_iter().all(|record| is_step_alone(record) && is_applied(record))
            && !second.input.causes.contains(at as u64)
    })
}

pub(super) fn dependent_swapped(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    swapped(story, draw, |_, second, at| {
        at > 0 && is_applied(second) && second.input.causes.contains(at as u64)
    })
}

/// Steps that stand next to each other in a grid, and its rule: taken the other way round, the later comes too early.
const NEXT: &[(Rule, Kind, Kind)] = &[
    (Rule::Tol2, Kind::ToolProposed, Kind::ToolValidated),
    (Rule::Tol2, Kind::ToolValidated, Kind::ToolRequested),
    (Rule::Tol2, Kind::DecisionMade, Kind::ToolDispatched),
    (Rule::Tol2, Kind::ToolDispatched, Kind::ToolReturned),
    (Rule::Tol2, Kind::ToolDispatched, Kind::ToolFailed),
    (Rule::Apr1, Kind::ApprovalRequested, Kind::ApprovalEvidence),
    (Rule::Apr1, Kind::ApprovalEvidence, Kind::ApprovalUnderReview),
    (Rule::Apr1, Kind::ApprovalUnderReview, Kind::ApprovalApproved),
    (Rule::Out1, Kind::EffectExecuted, Kind::EffectVerified),
];

pub(super) fn steps_swapped(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let is_next = |first: &Record, second: &Record| {
        let kinds = [first, second].map(|record| record.input.body.kind());
        NEXT.iter().any(|(rule, before, after)| kinds == [*before, *after] && subject.judges(*rule, None))
    };
    let pairs = story.records().windows(2).enumerate();
    let fitting = pairs.filter_map(|(at, pair)| match pair {
        [first, second]
            if is_next(first, second)
                && first.input.place == second.input.place
                && is_applied(first)
                && is_applied(second) =>
        {
            Some(at)
        }
        _ => None,
    });
    let fitting: Vec<usize> = fitting.collect();
    let Some(at) = draw.pick(&fitting).copied() else { return false };
    // The later one follows from what the earlier one followed from, so that no cause points ahead.
    story.antedate(at + 1, at);
    true
}
