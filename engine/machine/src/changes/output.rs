//! Outputs, and whether guardrails have looked at them. Since rule set 2.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::guardrail::GuardrailTransformed;
use rederive_evidence::values::ActorType;

use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::{Delta, Influence, ProducedOutput};

/// An output is there. Produced again it keeps what is known of it, under the lower label.
pub(super) fn produced(case: &Case<'_>, output: Option<Digest>, influence: Influence, delta: &mut Delta<'_>) {
    let Some(output) = output.filter(|_| case.is_since(RuleSetNumber::Two)) else { return };
    let new = ProducedOutput { label: influence.label, inspected: false, blocked: false };
    let held = case
        .state
        .output(&output)
        .map_or(new, |held| ProducedOutput { label: held.label.join(influence.label), ..*held });
    delta.output(output, Some(held));
}

/// A guardrail has looked at a content: at an output, perhaps.
pub(super) fn inspected(case: &Case<'_>, content: &Digest, delta: &mut Delta<'_>) {
    if let Some(held) = case.state.output(content).filter(|_| is_guardrail(case)) {
        delta.output(*content, Some(ProducedOutput { inspected: true, ..*held }));
    }
}

/// The form that a guardrail puts in the place of an output is one itself, under the label that the guardrail sets.
pub(super) fn transformed(
    case: &Case<'_>,
    transformed: &GuardrailTransformed,
    influence: Influence,
    delta: &mut Delta<'_>,
) {
    let new = case.commitment(transformed.transformed);
    let held = case.state.output(&transformed.inspected).filter(|_| is_guardrail(case));
    if let (Some(new), Some(held)) = (new, held) {
        let label = transformed.label.unwrap_or_else(|| held.label.join(influence.label));
        let form = ProducedOutput { label, inspected: true, blocked: false };
        delta.output(new, Some(form));
        if new != transformed.inspected {
            delta.output(transformed.inspected, Some(ProducedOutput { inspected: true, ..*held }));
        }
    }
}

/// It is not to be released.
pub(super) fn blocked(case: &Case<'_>, output: &Digest, delta: &mut Delta<'_>) {
    if let Some(held) = case.state.output(output) {
        delta.output(*output, Some(ProducedOutput { blocked: true, ..*held }));
    }
}

fn is_guardrail(case: &Case<'_>) -> bool {
    case.actor.is_some_and(|actor| actor.actor_type == ActorType::Guardrail)
}
