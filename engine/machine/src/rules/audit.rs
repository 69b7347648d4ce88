//! OBS-1: the chain from effects back to the goal. Spec: rule-obs-1.

use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::lineage::Mark;
use crate::state::Influence;

pub(super) const REASONS: &[Reasons] =
    &[(Rule::Obs1, &[Reason::NoGoal, Reason::ReliesOnBreach, Reason::UnderRefusal])];

/// OBS-1: from an effect the causes reach the goal. In an enforced run, no request relies on a fact that breaches a rule, and nothing
/// happens under a refused request.
pub(super) fn check(case: &Case<'_>, influence: &Influence, found: &mut Breaches) {
    if !case.judges(Layer::Audit) {
        return;
    }
    if is_effect(&case.input.body) && influence.flags & Mark::REACHES_GOAL == 0 {
        found.add(Rule::Obs1, Reason::NoGoal);
    }
    if !case.enforced() {
        return;
    }
    if case.is_request() && influence.flags & Mark::BREACHED != 0 {
        let record = case.lineage.first_with(Mark::BREACHED, &case.input.causes);
        found.add_at(Rule::Obs1, Reason::ReliesOnBreach, record, None);
    }
    if let Some(refused) = refused(case) {
        found.add_at(Rule::Obs1, Reason::UnderRefusal, Some(refused), None);
    }
}

/// What changes something outside the run, or outlives it.
fn is_effect(body: &Body) -> bool {
    if let Body::MemoryWritten(written) = body {
        return matches!(written.item.scope, MemoryScope::Durable | MemoryScope::Shared);
    }
    matches!(body.kind(), Kind::ToolDispatched | Kind::EffectExecuted | Kind::OutputReleased)
}

/// The refused request that an effect or an answer follows.
fn refused(case: &Case<'_>) -> Option<u64> {
    let follows = matches!(
        case.kind,
        Kind::PromptAnswered
            | Kind::ToolReturned
            | Kind::ToolFailed
            | Kind::ToolUnknown
            | Kind::EffectExecuted
    );
    if !follows {
        return None;
    }
    let answered = if let Body::PromptAnswered(answer) = &case.input.body { answer.prompt } else { None };
    let is_refused =
        |record: &u64| case.lineage.get(*record).is_some_and(|mark| mark.flags & Mark::REFUSED != 0);
    let answered = answered.map(|prompt| prompt.0).filter(is_refused);
    answered.or_else(|| case.lineage.first_with(Mark::REFUSED, &case.input.causes))
}
