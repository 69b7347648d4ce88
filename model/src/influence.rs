//! What influenced a record, and its mark. SPEC.md 10.4.

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{ActorType, Label, Role, Sensitivity, Trust};

use crate::Mark;
use crate::case::{BREACH, Case, DATA, GOAL, REFUSED, UNKNOWN};
use crate::state::Influence;

const fn label(trust: Trust, sensitivity: Sensitivity) -> Label {
    Label { trust, sensitivity }
}

fn plain(label: Label) -> Influence {
    Influence { label, flags: 0, fresh_until: None }
}

/// What a mark hands on: its label, and flags 1 and 2.
fn marked(mark: &Mark) -> Influence {
    Influence { flags: mark.flags & (GOAL | BREACH), ..plain(mark.label) }
}

// quoted: influence
/// The influence of a record. Spec: influence.
pub(crate) fn of(case: &Case<'_>) -> Influence {
    let input = case.input;
    let mut joined: Vec<Influence> = case.causes().map(|(_, mark)| marked(mark)).collect();
    let mut fresh_until = None;
    joined.extend(case.turn().map(|turn| turn.influence));
    joined.extend([case.call(), case.named_call()].into_iter().flatten().map(|call| call.influence));
    let latest = case.state.prompts.get(case.agent()).map(|prompt| prompt.influence);
    if let Body::PromptSent(body) = &input.body {
        joined.extend(latest.filter(|_| body.extends.is_some()));
        for part in &body.parts {
            joined.extend(part.from.and_then(|from| case.mark(from.0)).map(marked));
            let context = case.commitment(part.content).and_then(|content| case.state.contexts.get(&content));
            fresh_until = crate::state::earlier(fresh_until, context.and_then(|context| context.fresh_until));
        }
    } else if case.turn().is_none() && case.call().is_none() {
        joined.extend(latest);
    }
    match brought(case) {
        Some(label) => joined.push(plain(label)),
        None if joined.is_empty() => joined.push(plain(default_label(case))),
        None => {}
    }
    joined.extend(input.labels.iter().map(|stated| plain(stated.label)));
    if let Body::HandedOff(body) = &input.body {
        joined.extend(body.label.known().copied().map(plain));
    }
    let nothing = Influence { fresh_until, ..plain(label(Trust::Control, Sensitivity::Public)) };
    let mut influence = joined.into_iter().fold(nothing, Influence::join);
    influence.flags |= if reaches_goal(case) { GOAL } else { 0 };
    match &input.body {
        Body::GuardrailTransformed(body) if case.actor_is(&[ActorType::Guardrail]) => {
            influence.label = body.label.unwrap_or(influence.label);
        }
        _ => {}
    }
    influence
}
// unquoted

fn reaches_goal(case: &Case<'_>) -> bool {
    match &case.input.body {
        Body::RunOpened(_) => true,
        Body::PromptGiven(body) => {
            let message = case.commitment(body.message);
            message.is_some() && message == case.config.goal
        }
        _ => false,
    }
}

/// The label of what a record brings from outside, where it brings something. Spec: default-labels.
fn brought(case: &Case<'_>) -> Option<Label> {
    let covers_all = |label: &&rederive_evidence::values::SourceLabel| {
        label.content.is_none() && label.from.is_none() && label.to.is_none()
    };
    let stated = case.input.labels.iter().filter(covers_all).map(|stated| stated.label).reduce(Label::join);
    let call = case.call().or_else(|| case.named_call());
    let registered = call.and_then(|call| case.state.tools.get(&call.tool)?.result_label);
    Some(match &case.input.body {
        Body::RunOpened(_) => stated.unwrap_or(label(Trust::Control, Sensitivity::Public)),
        Body::PromptGiven(body) if body.role == Role::Tool => stated.unwrap_or(UNKNOWN),
        Body::PromptGiven(_) => stated.unwrap_or(default_label(case)),
        Body::ContextRetrieved(body) => {
            let is_told = body.source.known().is_some()
                && body.provenance.known().is_some()
                && body.owner.known().is_some()
                && body.retrieved.known().is_some();
            let source = body.source.known().and_then(|source| case.state.sources.get(source));
            let known = stated.or(body.label.known().copied()).or(source.map(|source| source.label));
            known.filter(|_| is_told).unwrap_or(UNKNOWN)
        }
        Body::ContextSummarised(_) if case.causes().next().is_none() => stated.unwrap_or(UNKNOWN),
        Body::ToolReturned(body) => stated.or(body.label).or(registered).unwrap_or(UNKNOWN),
        Body::ToolFailed(_) | Body::EffectExecuted(_) => stated.or(registered).unwrap_or(UNKNOWN),
        Body::MemoryRead(body) => {
            let value = body.value.and_then(|value| case.commitment(value));
            let is_proved = body.earlier.as_ref().is_some_and(|earlier| earlier.proof.is_some());
            match (value, case.state.memory.get(&body.item)) {
                (None, _) => label(Trust::Control, Sensitivity::Public),
                (value, Some(item)) if item.commitment == value => item.label,
                (Some(_), None) if is_proved => stated.unwrap_or(UNKNOWN),
                (Some(_), _) => UNKNOWN,
            }
        }
        _ => return None,
    })
}

/// The default of its actor. Spec: default-labels.
pub(crate) fn default_label(case: &Case<'_>) -> Label {
    use ActorType::{
        Agent, Approver, Broker, CredentialBroker, Downstream, Gate, Guardrail, Operator,
        PolicyAdministrator, Principal, Recorder, Service, SubAgent, Workflow,
    };
    match case.actor.as_ref().map(|actor| actor.actor_type) {
        Some(Operator | PolicyAdministrator | Gate | CredentialBroker | Guardrail | Recorder) => {
            label(Trust::Control, Sensitivity::Internal)
        }
        Some(Principal | Approver) => label(Trust::User, Sensitivity::Internal),
        Some(Service | Workflow | Broker) => label(Trust::Internal, Sensitivity::Internal),
        Some(Agent | SubAgent | Downstream) | None => UNKNOWN,
    }
}

/// Whether a record is data. Spec: data-mark.
fn is_data(case: &Case<'_>) -> bool {
    let brings_data = || case.cause_with(DATA).is_some();
    match &case.input.body {
        Body::ContextRetrieved(_)
        | Body::ContextSummarised(_)
        | Body::ToolReturned(_)
        | Body::ToolFailed(_)
        | Body::MemoryRead(_)
        | Body::HandedOff(_) => true,
        Body::PromptGiven(body) => {
            body.role == Role::Tool
                || case.actor_is(&[ActorType::Agent, ActorType::SubAgent])
                || !case.actor_is(&[ActorType::Principal, ActorType::Operator]) && brings_data()
        }
        Body::GuardrailTransformed(body) => {
            let named = body.record.and_then(|record| case.mark(record.0));
            brings_data() || named.is_some_and(|mark| mark.flags & DATA != 0)
        }
        _ => false,
    }
}

/// The mark of a record. Spec: data-mark.
pub(crate) fn mark(case: &Case<'_>, influence: &Influence, outcome: Outcome, is_breached: bool) -> Mark {
    let hands_on = matches!(
        case.kind(),
        Kind::ContextRetrieved
            | Kind::ContextSummarised
            | Kind::ToolReturned
            | Kind::ToolFailed
            | Kind::MemoryRead
            | Kind::HandedOff
            | Kind::PromptGiven
            | Kind::PromptAnswered
            | Kind::PlanProposed
            | Kind::PlanRevised
            | Kind::GuardrailTransformed
            | Kind::OutputProduced
            | Kind::EffectExecuted
    );
    let is_tainted = case.is_enforced() && influence.flags & BREACH != 0 && hands_on;
    let mut flags = influence.flags & GOAL;
    match outcome {
        Outcome::Refused => flags |= REFUSED,
        Outcome::Applied if is_breached || is_tainted => flags |= BREACH,
        Outcome::Applied => {}
    }
    if is_data(case) {
        flags |= DATA;
    }
    Mark { kind: case.kind(), label: influence.label, flags }
}
