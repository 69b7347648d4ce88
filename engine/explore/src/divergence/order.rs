//! The same records in another order.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Record;
use rederive_evidence::rules::{Outcome, Rule};
use rederive_machine::Machine;

use crate::draw::Draw;
use crate::story::{Story, names};
use crate::subject::Subject;

/// Neighbours that are tried, each with two runs of the machine.
const TRIES_MAX: usize = 16;

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

/// Whether two neighbours are steps of two calls that look at nothing else, told at one time.
fn are_steps_of_two_calls(first: &Record, second: &Record) -> bool {
    let places = [first, second].map(|record| record.input.place.as_ref());
    let [Some(one), Some(other)] = places else { return false };
    (&one.agent, one.turn, one.index) != (&other.agent, other.turn, other.index)
        && first.input.time == second.input.time
        && is_step_alone(first)
        && is_step_alone(second)
}

/// Whether the second of two neighbours names the first.
fn refers(second: &Record, first: usize) -> bool {
    second.input.causes.contains(first as u64) || names(&second.input.body, first as u64)
}

/// The state after a story's first records, where the last two of them take effect and break no rule.
fn root_after(story: &Story, length: usize) -> Option<Digest> {
    let mut machine = Machine::new();
    for (number, record) in story.records().iter().enumerate().take(length) {
        let mut input = record.input.clone();
        input.sequence = number as u64;
        let answer = machine.decide(&input, record.extracted.as_ref());
        let is_clean = answer.outcome == Outcome::Applied && answer.breaches.is_empty();
        if number + 2 >= length && !is_clean {
            return None;
        }
        machine.commit(answer.transition);
    }
    Some(machine.state().root())
}

/// Whether both bring contents: where a value was told first is where the extractor finds it.
fn both_bring(first: &Record, second: &Record) -> bool {
    [first, second].into_iter().all(|record| !record.input.contents.is_empty())
}

/// Whether the machine takes two neighbours in either order and is then in one state.
fn commute(story: &Story, at: usize) -> bool {
    let mut moved = story.clone();
    moved.shift(at + 1, at);
    let after = |story: &Story| root_after(story, at + 2);
    after(story).is_some_and(|root| after(&moved) == Some(root))
}

pub(super) fn independent_swapped(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let pairs = story.records().windows(2).enumerate();
    let fitting = pairs.filter_map(|(at, pair)| match pair {
        [first, second] if is_applied(first) && is_applied(second) && !refers(second, at) => {
            let are_steps = are_steps_of_two_calls(first, second);
            (are_steps || !both_bring(first, second)).then_some((at, are_steps))
        }
        _ => None,
    });
    // The first record opens the run.
    let mut fitting: Vec<(usize, bool)> = fitting.filter(|(at, _)| *at > 0).collect();
    for _ in 0..TRIES_MAX {
        if fitting.is_empty() {
            break;
        }
        let (at, are_steps) = fitting.swap_remove(draw.below(fitting.len()));
        if are_steps || commute(story, at) {
            story.shift(at + 1, at);
            return true;
        }
    }
    false
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
