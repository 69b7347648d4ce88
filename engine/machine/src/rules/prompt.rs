//! PRM: prompts and answers. Spec: rule-prm-1, rule-prm-2, rule-prm-3.

use rederive_evidence::kinds::prompt::{PromptAnswered, PromptSent};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{ActorType, Layer, Mode, Role, Sensitivity};

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::place::{Standing, turn_is_used};
use crate::state::{Influence, Prompt};

pub(super) const REASONS: &[Reasons] = &[
    (
        Rule::Prm1,
        &[
            Reason::PartNotCause,
            Reason::NoSuchPrompt,
            Reason::BlockedContent,
            Reason::PlaceUsed,
            Reason::NoPlace,
        ],
    ),
    (Rule::Prm2, &[Reason::Clearance]),
    (Rule::Prm3, &[Reason::FieldAbsent, Reason::Unlinked, Reason::PlaceUsed, Reason::NoPlace]),
];

pub(super) fn check(case: &Case<'_>, influence: &Influence, found: &mut Breaches) {
    if !case.judges(Layer::Prompt) {
        return;
    }
    if let Body::PromptSent(prompt) = &case.input.body {
        check_place(case, Rule::Prm1, found);
        check_parts(case, prompt, found);
        check_clearance(case, prompt, influence, found);
    }
    if let Body::PromptAnswered(answer) = &case.input.body {
        check_place(case, Rule::Prm3, found);
        check_answer(case, answer, found);
    }
    if case.kind == Kind::ToolProposed {
        check_proposal(case, found);
    }
    if let Body::ContextSummarised(summary) = &case.input.body {
        for (item, content) in summary.items.iter().enumerate() {
            if case.state.context(content).is_some_and(|content| content.withheld) {
                found.add_at(Rule::Prm1, Reason::BlockedContent, None, Some(item));
            }
        }
    }
}

/// A prompt and its answer have a place, in a turn after all that their agent has opened.
fn check_place(case: &Case<'_>, rule: Rule, found: &mut Breaches) {
    match &case.input.place {
        None => found.add(rule, Reason::NoPlace),
        Some(place) if turn_is_used(case.state, place) => found.add(rule, Reason::PlaceUsed),
        Some(_) => {}
    }
}

/// PRM-1: each new part's record is a cause, kept parts are parts of the agent's latest prompt, and nothing in it was withheld. Data came from
/// some record; in an observed run nobody may know from which.
fn check_parts(case: &Case<'_>, prompt: &PromptSent, found: &mut Breaches) {
    for (item, part) in prompt.parts.iter().enumerate() {
        let is_cause = part.from.map(|from| case.input.causes.contains(from.0));
        if !is_cause.unwrap_or(part.role != Role::Tool || !case.enforced()) {
            found.add_at(Rule::Prm1, Reason::PartNotCause, part.from.map(|from| from.0), Some(item));
        }
        let content = case.commitment(part.content).and_then(|content| case.state.context(&content));
        if content.is_some_and(|content| content.withheld) {
            found.add_at(Rule::Prm1, Reason::BlockedContent, None, Some(item));
        }
    }
    match extended(case, prompt) {
        None if prompt.extends.is_none() && prompt.kept.is_empty() => {}
        None => found.add(Rule::Prm1, Reason::NoSuchPrompt),
        Some(extended) => match extended.keep(&prompt.kept) {
            Err(cannot) => found.add_at(Rule::Prm1, Reason::NoSuchPrompt, None, Some(cannot.range)),
            Ok(pieces) => {
                if case.state.barred(case.agent(), &pieces).withheld {
                    found.add(Rule::Prm1, Reason::BlockedContent);
                }
            }
        },
    }
}

/// The prompt that is extended, where it is the agent's latest.
fn extended<'a>(case: &Case<'a>, prompt: &PromptSent) -> Option<&'a Prompt> {
    let latest = case.state.prompt(case.agent());
    latest.filter(|latest| prompt.extends == Some(latest.turn))
}

/// PRM-2: the prompt is no more sensitive than its model is cleared for. An observed run that lists no models does not know them.
fn check_clearance(case: &Case<'_>, prompt: &PromptSent, influence: &Influence, found: &mut Breaches) {
    let observed = case.config.mode == Mode::Observed;
    let clearance = match case.state.model(&prompt.model) {
        Some(model) => model.clearance.or((!observed).then_some(Sensitivity::Public)),
        None if observed && case.state.models().is_empty() => None,
        None => return found.add(Rule::Prm2, Reason::Clearance),
    };
    if clearance.is_some_and(|clearance| influence.label.sensitivity > clearance) {
        found.add(Rule::Prm2, Reason::Clearance);
    }
}

/// PRM-3: an answer names the prompt that it answers. In an observed run it may name none.
fn check_answer(case: &Case<'_>, answer: &PromptAnswered, found: &mut Breaches) {
    let linked = match answer.prompt {
        None => !case.enforced(),
        Some(prompt) => case.lineage.get(prompt.0).is_some_and(|mark| mark.kind == Kind::PromptSent),
    };
    if !linked {
        found.add_at(Rule::Prm3, Reason::Unlinked, answer.prompt.map(|prompt| prompt.0), None);
    }
}

/// PRM-3: a call is proposed in a turn that an answer has opened, and is one of the calls that it announced. A workflow has no answers.
fn check_proposal(case: &Case<'_>, found: &mut Breaches) {
    let (Some(place), Some(standing)) = (&case.input.place, case.standing()) else { return };
    let announced = case.turn.is_some_and(|turn| u32::from(place.index) < turn.calls);
    let is_workflow = case.actor.is_some_and(|actor| actor.actor_type == ActorType::Workflow);
    let is_used = matches!(standing, Standing::Used | Standing::Live(_));
    if !announced && !is_workflow && !is_used {
        found.add(Rule::Prm3, Reason::Unlinked);
    }
}
