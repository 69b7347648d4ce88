//! GRD: what guardrails stop, and what must stop before it acts. Spec: rule-grd-1.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::state::{Barred, Influence};

pub(super) const REASONS: &[Reasons] =
    &[(Rule::Grd1, &[Reason::BlockedContent, Reason::UntransformedContent])];

/// What rule set 1 does not have.
pub(super) const SINCE_2: &[Reasons] = &[];

pub(super) fn check_since_2(case: &Case<'_>, _influence: &Influence, _found: &mut Breaches) {
    if !case.judges(Layer::Guardrail) {}
}

/// GRD-1: no record uses a content that a guardrail blocked, or the first form of one that it transformed.
pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Guardrail) || case.state.contexts().is_empty() {
        return;
    }
    for (item, content) in used(case).into_iter().enumerate() {
        let held = content.and_then(|content| case.state.context(&content));
        check_use(Barred::of(held), Some(item), found);
    }
    if let Body::PromptSent(prompt) = &case.input.body
        && let Some(extended) =
            case.state.prompt(case.agent()).filter(|latest| prompt.extends == Some(latest.turn))
        && let Ok(pieces) = extended.keep(&prompt.kept)
    {
        check_use(case.state.barred(case.agent(), &pieces), None, found);
    }
}

fn check_use(held: Barred, item: Option<usize>, found: &mut Breaches) {
    if held.blocked {
        found.add_at(Rule::Grd1, Reason::BlockedContent, None, item);
    }
    if held.transformed {
        found.add_at(Rule::Grd1, Reason::UntransformedContent, None, item);
    }
}

/// The commitments of the contents that a record uses: hands to a model, a tool, the memory, another agent or a recipient.
/// Spec: content-uses.
fn used(case: &Case<'_>) -> Vec<Option<Digest>> {
    let of = |content: Content| case.commitment(content);
    let body = &case.input.body;
    if let Body::PromptSent(body) = body {
        body.parts.iter().map(|part| of(part.content)).collect()
    } else if let Body::ContextSummarised(body) = body {
        body.items.iter().copied().map(Some).chain([of(body.summary)]).collect()
    } else if let Body::ToolProposed(body) = body {
        vec![body.arguments.known().copied().and_then(of)]
    } else if let Body::ToolValidated(body) = body {
        vec![Some(body.arguments)]
    } else if let Body::ToolRequested(body) = body {
        vec![Some(body.arguments), body.target]
    } else if let Body::ToolDispatched(body) = body {
        vec![Some(body.arguments), body.target]
    } else if let Body::MemoryWritten(body) = body {
        vec![of(body.value)]
    } else if let Body::OutputProduced(body) = body {
        vec![of(body.output)]
    } else if let Body::OutputReleased(body) = body {
        vec![Some(body.output)]
    } else if let Body::HandedOff(body) = body {
        vec![of(body.message)]
    } else if let Body::DelegationGranted(body) = body {
        vec![body.task.and_then(of)]
    } else {
        Vec::new()
    }
}
