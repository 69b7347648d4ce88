//! GRD: what guardrails stop, and what must be stopped before it acts. Spec: rule-grd-1, rule-grd-2, rule-grd-3, rule-grd-4.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::kinds::tool::ToolDispatched;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{EffectsClass, Layer, Sensitivity};

use super::{Breaches, Reasons};
use crate::carriage;
use crate::case::Case;
use crate::state::Barred;

pub(super) const REASONS: &[Reasons] =
    &[(Rule::Grd1, &[Reason::BlockedContent, Reason::UntransformedContent])];

/// What rule set 1 does not have.
pub(super) const SINCE_2: &[Reasons] = &[
    (Rule::Grd2, &[Reason::Clearance]),
    (Rule::Grd3, &[Reason::NoSandbox]),
    (Rule::Grd4, &[Reason::Departure, Reason::PlanUnchecked]),
];

pub(super) fn check_since_2(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Guardrail) {
        return;
    }
    check_task(case, found);
    let body = &case.input.body;
    if let Body::ToolProposed(_) = body {
        check_plan(case, found);
    } else if let Body::ToolValidated(validated) = body {
        check_clearance(case, validated.arguments, None, found);
    } else if let Body::ToolRequested(requested) = body {
        check_clearance(case, requested.arguments, requested.target, found);
    } else if let Body::ToolDispatched(dispatched) = body {
        check_clearance(case, dispatched.arguments, dispatched.target, found);
        check_sandbox(case, dispatched, found);
    }
}

/// GRD-2: a tool is sent nothing above its clearance, and no destination that a guardrail finds not allowed. A tool without a clearance is
/// cleared for what is public in an enforced run.
fn check_clearance(case: &Case<'_>, arguments: Digest, target: Option<Digest>, found: &mut Breaches) {
    let Some(call) = case.call else { return };
    let Some(tool) = case.state.tool(&call.tool) else { return };
    let clearance = tool.clearance.or(case.enforced().then_some(Sensitivity::Public));
    let carried = carriage::effective(case.state, call, Some(&arguments)).sensitivity;
    let is_above = clearance.is_some_and(|clearance| carried > clearance);
    let contents = [Some(arguments), target];
    let is_barred =
        contents.into_iter().flatten().any(|content| finds(case, &content, DetectedClass::Destination));
    if is_above || is_barred {
        found.add(Rule::Grd2, Reason::Clearance);
    }
}

/// GRD-3: what runs code, or was found to be a dangerous command, runs in the sandbox that its tool names.
fn check_sandbox(case: &Case<'_>, dispatched: &ToolDispatched, found: &mut Breaches) {
    let Some(call) = case.call else { return };
    let is_dangerous = call.effects == Some(EffectsClass::Execute)
        || finds(case, &dispatched.arguments, DetectedClass::Command);
    let named = case.state.tool(&call.tool).and_then(|tool| tool.sandbox.as_ref());
    let is_held = match (&dispatched.sandbox, named) {
        (Some(sandbox), Some(named)) => sandbox == named,
        (Some(_), None) => !case.enforced(),
        (None, _) => false,
    };
    if is_dangerous && !is_held {
        found.add(Rule::Grd3, Reason::NoSandbox);
    }
}

/// GRD-4: nothing is done with a content in which a guardrail found a departure from the task. It may still be shown to the model.
fn check_task(case: &Case<'_>, found: &mut Breaches) {
    if case.state.contexts().is_empty() || matches!(case.kind, Kind::PromptSent | Kind::ContextSummarised) {
        return;
    }
    let departs = |content: &Option<Digest>| {
        content.is_some_and(|content| finds(case, &content, DetectedClass::Departure))
    };
    if let Some(item) = used(case).iter().position(departs) {
        found.add_at(Rule::Grd4, Reason::Departure, None, Some(item));
    }
}

/// GRD-4: an agent that has a plan acts on it once somebody has compared it with the task, and found it within.
fn check_plan(case: &Case<'_>, found: &mut Breaches) {
    let Some(plan) = case.state.plan(case.agent()) else { return };
    match plan.verdict {
        Some(PlanVerdict::Aligned) => {}
        Some(PlanVerdict::Revise | PlanVerdict::Refused) => found.add(Rule::Grd4, Reason::Departure),
        None => found.add(Rule::Grd4, Reason::PlanUnchecked),
    }
}

fn finds(case: &Case<'_>, content: &Digest, class: DetectedClass) -> bool {
    case.state.context(content).is_some_and(|content| carriage::finds(content.detected, class))
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
