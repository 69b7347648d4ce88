//! What is remembered of contents: freshness, blocks and transformations.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::context::{ContextRetrieved, ContextSummarised};
use rederive_evidence::kinds::guardrail::{GuardrailDetected, GuardrailTransformed};
use rederive_evidence::values::ActorType;

use super::call;
use crate::carriage;
use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::{Context, Delta, earlier};

/// An item is fresh until its own time, or for the run's `freshness_ms` from its retrieval. Retrieved again it is fresh for longer.
pub(super) fn retrieved(case: &Case<'_>, retrieved: &ContextRetrieved, delta: &mut Delta<'_>) {
    let own = retrieved.fresh_until.known().copied();
    let since = retrieved.retrieved.known().zip(case.config.limits.freshness_ms);
    let fresh_until = own.or(since.map(|(retrieved, ms)| retrieved.plus_ms(ms)));
    if let Some(item) = case.commitment(retrieved.item) {
        change(case, item, delta, |content| content.fresh_until = content.fresh_until.max(fresh_until));
    }
}

/// A summary is fresh for as long as every item in it.
pub(super) fn summarised(case: &Case<'_>, summary: &ContextSummarised, delta: &mut Delta<'_>) {
    let items = summary.items.iter().filter_map(|item| case.state.context(item));
    let fresh_until = items.fold(None, |fresh, item| earlier(fresh, item.fresh_until));
    if let Some(summary) = case.commitment(summary.summary) {
        change(case, summary, delta, |content| {
            content.fresh_until = earlier(content.fresh_until, fresh_until)
        });
    }
}

pub(super) fn withheld(case: &Case<'_>, item: Digest, delta: &mut Delta<'_>) {
    change(case, item, delta, |content| content.withheld = true);
}

pub(super) fn blocked(case: &Case<'_>, item: Digest, delta: &mut Delta<'_>) {
    change(case, item, delta, |content| content.blocked = true);
}

/// What guardrails found in a content, all together; and that one has looked into the arguments of a call.
pub(super) fn detected(case: &Case<'_>, detected: &GuardrailDetected, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) {
        return;
    }
    let found = carriage::bits(&detected.classes);
    change(case, detected.inspected, delta, |content| {
        content.detected = content.detected.map_or(found, |held| Some(held | found.unwrap_or(0)));
    });
    if is_guardrail(case) {
        call::inspected(case, detected.inspected, detected.inspected, delta);
    }
}

fn is_guardrail(case: &Case<'_>) -> bool {
    case.actor.is_some_and(|actor| actor.actor_type == ActorType::Guardrail)
}

/// From here on only the new form is used, which is fresh for no longer than the first. One that is the same as before changes nothing.
pub(super) fn transformed(case: &Case<'_>, transformed: &GuardrailTransformed, delta: &mut Delta<'_>) {
    let new = case.commitment(transformed.transformed).filter(|new| *new != transformed.inspected);
    if let Some(new) = new {
        let fresh_until = case.state.context(&transformed.inspected).and_then(|content| content.fresh_until);
        change(case, transformed.inspected, delta, |content| content.transformed = Some(new));
        let label = transformed.label.filter(|_| case.is_since(RuleSetNumber::Two) && is_guardrail(case));
        change(case, new, delta, |content| {
            content.fresh_until = earlier(content.fresh_until, fresh_until);
            // Whichever of two guardrails speaks first.
            content.label = label
                .map_or(content.label, |label| Some(content.label.map_or(label, |held| held.join(label))));
        });
        if case.is_since(RuleSetNumber::Two) && is_guardrail(case) {
            call::inspected(case, transformed.inspected, new, delta);
        }
    }
}

fn change(case: &Case<'_>, item: Digest, delta: &mut Delta<'_>, change: impl FnOnce(&mut Context)) {
    let mut content = case.state.context(&item).copied().unwrap_or_default();
    change(&mut content);
    delta.context(item, content.is_needed().then_some(content));
}
