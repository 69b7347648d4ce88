//! What influenced a record: its label, whether its causes reach the goal, and until when all that led to it is fresh.
//!
//! A record's influence is the join of what its causes are marked with, of what the state holds of its place, and of the labels that
//! stand in the record. Nobody gets rid of an influence by leaving out a cause: an answer is influenced by its agent's latest prompt, a
//! call by the answer that opened its turn, a prompt by the one that it extends. Spec: influence.

use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::context::ContextRetrieved;
use rederive_evidence::kinds::memory::MemoryRead;
use rederive_evidence::kinds::prompt::{Part, PromptSent};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::values::{ActorType, Label, Role, Sensitivity, SourceLabel, Trust};

use crate::case::Case;
use crate::lineage::{Mark, Summary};
use crate::state::{Influence, RegisteredActor, earlier};

/// Flags that travel from a record to what it influences.
pub(crate) const TRAVELS: u8 = Mark::REACHES_GOAL | Mark::BREACHED;

/// What influenced the record, before it is known whether it breaches a rule itself.
pub(crate) fn of(case: &Case<'_>) -> Influence {
    let led = led(case);
    let base = led.unwrap_or(Influence::NONE);
    let stated = case.input.labels.iter().map(|stated| stated.label).chain(claimed(&case.input.body));
    let own = match brought(case) {
        Some(Brought::Default(_)) if case.input.labels.iter().any(covers_all) => Influence::NONE.label,
        Some(Brought::Default(label) | Brought::Fixed(label)) => label,
        None if led.is_none() => by_actor(case.actor),
        None => Influence::NONE.label,
    };
    let label = stated.fold(base.label.join(own), Label::join);
    let goal = if starts_at_goal(case) { Mark::REACHES_GOAL } else { 0 };
    Influence {
        label: replaced(case).unwrap_or(label),
        flags: base.flags | goal,
        fresh_until: earlier(base.fresh_until, parts_fresh_until(case)),
    }
}

/// The label of what a record brings from outside the run.
enum Brought {
    /// A source label over all that the record brings stands instead.
    Default(Label),
    /// Nothing that the record states betters it.
    Fixed(Label),
}

/// What causes and the state say of the record; none where they say nothing.
fn led(case: &Case<'_>) -> Option<Influence> {
    let at_place = if let Body::PromptSent(prompt) = &case.input.body {
        sent(case, prompt)
    } else if case.call.is_none() && case.turn.is_none() {
        case.state.prompt(case.agent()).map(|prompt| prompt.influence)
    } else {
        None
    };
    let calls = case.call.into_iter().chain(case.named_call()).map(|call| call.influence);
    let turn = case.turn.map(|turn| turn.influence);
    let causes = case.causes.map(of_marks);
    causes.into_iter().chain(at_place).chain(turn).chain(calls).reduce(Influence::join)
}

fn of_marks(sum: Summary) -> Influence {
    Influence { label: sum.label, flags: sum.flags & TRAVELS, fresh_until: None }
}

/// The prompt that this one extends, and the records of its new parts.
fn sent(case: &Case<'_>, prompt: &PromptSent) -> Option<Influence> {
    let extended = prompt.extends.and_then(|_| case.state.prompt(case.agent()));
    let from =
        |part: &Part| part.from.and_then(|from| case.lineage.get(from.0)).map(|mark| of_marks(mark.into()));
    let extended = extended.map(|extended| extended.influence);
    extended.into_iter().chain(prompt.parts.iter().filter_map(from)).reduce(Influence::join)
}

/// Until when the contents of a prompt's new parts are fresh. It says nothing of what led to them: a prompt of such contents alone still carries
/// its actor's default.
fn parts_fresh_until(case: &Case<'_>) -> Option<RecordedTime> {
    let Body::PromptSent(prompt) = &case.input.body else { return None };
    let content =
        |part: &Part| case.commitment(part.content).and_then(|content| case.state.context(&content));
    prompt.parts.iter().filter_map(content).fold(None, |end, content| earlier(end, content.fresh_until))
}

/// The label of what a record brings from outside the run, where it does. All other records are made in the run, of what is there.
/// Spec: default-labels.
fn brought(case: &Case<'_>) -> Option<Brought> {
    let body = &case.input.body;
    if let Body::PromptGiven(body) = body {
        let is_data = body.role == Role::Tool;
        Some(Brought::Default(if is_data { Label::UNKNOWN } else { by_actor(case.actor) }))
    } else if let Body::ContextRetrieved(body) = body {
        Some(retrieved(case, body))
    } else if let Body::ContextSummarised(_) = body {
        // A summary that names nothing it is of could be one of anything.
        case.causes.is_none().then_some(Brought::Default(Label::UNKNOWN))
    } else if let Body::ToolReturned(body) = body {
        Some(Brought::Default(body.label.unwrap_or_else(|| result_label(case))))
    } else if let Body::ToolFailed(_) | Body::EffectExecuted(_) = body {
        Some(Brought::Default(result_label(case)))
    } else if let Body::MemoryRead(body) = body {
        Some(read(case, body))
    } else if let Body::RunOpened(_) = body {
        Some(Brought::Default(Influence::NONE.label))
    } else {
        None
    }
}

/// CTX-1: an item without source, provenance, owner or time of retrieval is external and restricted, whatever is said of it.
fn retrieved(case: &Case<'_>, body: &ContextRetrieved) -> Brought {
    let is_whole = body.source.known().is_some()
        && body.provenance.known().is_some()
        && body.owner.known().is_some()
        && body.retrieved.known().is_some();
    if !is_whole {
        return Brought::Fixed(Label::UNKNOWN);
    }
    let source = body.source.known().and_then(|source| case.state.source(source)).map(|source| source.label);
    Brought::Default(body.label.known().copied().or(source).unwrap_or(Label::UNKNOWN))
}

/// MEM-2: what the state holds brings its label back. Of an item of an earlier run that comes with its proof, the record may state the label;
/// without one, or where it is not the value held, it is external and restricted.
fn read(case: &Case<'_>, body: &MemoryRead) -> Brought {
    let Some(value) = body.value else { return Brought::Fixed(Influence::NONE.label) };
    let is_proven = body.earlier.as_ref().is_some_and(|earlier| earlier.proof.is_some());
    match case.state.memory_item(&body.item) {
        Some(held) if held.commitment.is_some() && held.commitment == case.commitment(value) => {
            Brought::Fixed(held.label)
        }
        None if is_proven => Brought::Default(Label::UNKNOWN),
        Some(_) | None => Brought::Fixed(Label::UNKNOWN),
    }
}

/// The registered label of the results of the tool whose call the record belongs to.
fn result_label(case: &Case<'_>) -> Label {
    let tool = case.call.or(case.named_call()).and_then(|call| case.state.tool(&call.tool));
    tool.and_then(|tool| tool.result_label).unwrap_or(Label::UNKNOWN)
}

/// Whether a source label is over everything that the record brings, and so stands instead of the default.
fn covers_all(stated: &SourceLabel) -> bool {
    stated.content.is_none() && stated.from.is_none() && stated.to.is_none()
}

/// The label that the sender of a message claims for it.
fn claimed(body: &Body) -> Option<Label> {
    if let Body::HandedOff(message) = body { message.label.known().copied() } else { None }
}

/// The label that a guardrail sets for the form it puts in the place of another: one named item, not what led to it.
fn replaced(case: &Case<'_>) -> Option<Label> {
    let is_entitled = case.actor.is_some_and(|actor| actor.actor_type == ActorType::Guardrail);
    if let Body::GuardrailTransformed(transformed) = &case.input.body {
        transformed.label.filter(|_| is_entitled)
    } else {
        None
    }
}

/// The label of what an actor makes of nothing that is known. Spec: default-labels.
pub(crate) fn by_actor(actor: Option<&RegisteredActor>) -> Label {
    let trust = match actor.map(|actor| actor.actor_type) {
        Some(
            ActorType::Operator
            | ActorType::PolicyAdministrator
            | ActorType::Gate
            | ActorType::CredentialBroker
            | ActorType::Guardrail
            | ActorType::Recorder,
        ) => Trust::Control,
        Some(ActorType::Principal | ActorType::Approver) => Trust::User,
        Some(ActorType::Service | ActorType::Workflow | ActorType::Broker) => Trust::Internal,
        Some(ActorType::Agent | ActorType::SubAgent | ActorType::Downstream) | None => return Label::UNKNOWN,
    };
    Label { trust, sensitivity: Sensitivity::Internal }
}

/// Whether the goal itself stands in the record: it opens the run, or gives the goal's content as a message.
fn starts_at_goal(case: &Case<'_>) -> bool {
    if let Body::PromptGiven(body) = &case.input.body {
        case.config.goal.is_some() && case.commitment(body.message) == case.config.goal
    } else {
        case.kind == Kind::RunOpened
    }
}

/// Whether the record brings data, which instructs nobody (CTX-4): by its kind, or because it hands on what does. Spec: data-mark.
pub(crate) fn is_data(case: &Case<'_>) -> bool {
    let inspected = if let Body::GuardrailTransformed(body) = &case.input.body {
        body.record.and_then(|record| case.lineage.get(record.0))
    } else {
        None
    };
    let mut sources = case.causes.into_iter().chain(inspected.map(Summary::from));
    is_data_kind(case.kind)
        || is_others_word(case)
        || (hands_on(case) && sources.any(|source| source.has(Mark::DATA)))
}

/// Whether the record is a message that speaks as data, or that another agent gives.
fn is_others_word(case: &Case<'_>) -> bool {
    let is_agent =
        case.actor.is_some_and(|actor| matches!(actor.actor_type, ActorType::Agent | ActorType::SubAgent));
    if let Body::PromptGiven(given) = &case.input.body { given.role == Role::Tool || is_agent } else { false }
}

/// Whether the record's content is that of its causes in another form. What the principal or the operator says is their own word.
fn hands_on(case: &Case<'_>) -> bool {
    let own_word = case
        .actor
        .is_some_and(|actor| matches!(actor.actor_type, ActorType::Principal | ActorType::Operator));
    case.kind == Kind::GuardrailTransformed || (case.kind == Kind::PromptGiven && !own_word)
}

fn is_data_kind(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ContextRetrieved
            | Kind::ContextSummarised
            | Kind::ToolReturned
            | Kind::ToolFailed
            | Kind::MemoryRead
            | Kind::HandedOff
    )
}

/// Whether the content of such a fact comes from its causes, so that what one of them breaches is in it.
pub(crate) fn carries_on(kind: Kind) -> bool {
    is_data_kind(kind)
        || matches!(
            kind,
            Kind::PromptGiven
                | Kind::PromptAnswered
                | Kind::PlanProposed
                | Kind::PlanRevised
                | Kind::GuardrailTransformed
                | Kind::OutputProduced
                | Kind::EffectExecuted
        )
}
