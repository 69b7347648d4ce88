//! Labels by influence, and what betters them. Spec: influence, default-labels.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::prompt::PromptGiven;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ActorType, EffectsClass, Label, Role, Sensitivity, SourceLabel, Trust};
use rederive_machine::testing::*;
use rederive_machine::{CallStatus, Mark};

use crate::acts::*;

const PUBLIC: Label = label(Trust::Internal, Sensitivity::Public);
const INSIDE: Label = label(Trust::Internal, Sensitivity::Internal);

fn label_of(trial: &Trial, made: &Made) -> Label {
    trial.ask(made).transition.mark().label
}

#[test]
fn an_actor_who_makes_something_of_nothing_has_the_label_of_its_type() {
    let trial = Trial::new();
    let mut text = String::new();
    for (name, actor_type) in ACTORS {
        // A kind that brings nothing from outside, whoever may make it.
        let made = plan().by(name).because([]);
        let label = label_of(&trial, &made);
        text.push_str(&format!("{actor_type} {} {}\n", label.trust, label.sensitivity));
    }
    assert_eq!(
        text,
        "principal user internal\nagent external restricted\nservice internal internal\nworkflow internal internal\n\
         gate control internal\nbroker internal internal\ncredential-broker control internal\nguardrail control internal\n\
         recorder control internal\napprover user internal\npolicy-administrator control internal\n\
         operator control internal\ndownstream external restricted\n"
    );
    assert_eq!(label_of(&trial, &plan().by("nobody").because([])), Label::UNKNOWN);
    assert!(ACTORS.iter().all(|(_, actor_type)| *actor_type != ActorType::SubAgent));
}

#[test]
fn what_is_made_of_something_has_the_lowest_label_of_it() {
    let mut trial = Trial::new();
    let a = trial.give(retrieval_labelled("a page", PUBLIC));
    let b = trial.give(retrieval_labelled("b page", SECRET));
    assert_eq!(label_of(&trial, &plan().because([a])), PUBLIC);
    assert_eq!(label_of(&trial, &plan().because([a, b])), SECRET);
    assert_eq!(label_of(&trial, &plan().because([0])), label(Trust::Control, Sensitivity::Public));
}

/// Nobody gets rid of an influence by leaving out a cause.
#[test]
fn what_the_prompt_held_influences_answer_call_result_and_next_prompt() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    let prompt = trial.prompted(0, &[(item, "a page")]);
    let mut open = answer(0, 1, prompt);
    open.input.causes = rederive_evidence::record::Causes::NONE;
    assert_eq!(label_of(&trial, &open), OUTSIDE);
    trial.give(open);
    let at = place(0, 0);
    assert_eq!(label_of(&trial, &proposal(&at, "mail")), OUTSIDE);
    trial.call_to(CallStatus::Dispatched, &at, "mail", 0);
    assert_eq!(label_of(&trial, &result(&at, "done")), OUTSIDE);
    trial.give(result(&at, "done"));
    assert_eq!(label_of(&trial, &extension(1, 0, &[], &[(0, "the goal")])), OUTSIDE);
    assert_eq!(label_of(&trial, &producing("done").at(at)), OUTSIDE);
    assert_eq!(label_of(&trial, &plan().because([])), OUTSIDE, "the agent has read it");
}

#[test]
fn a_prompt_that_extends_none_starts_anew() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    trial.prompted(0, &[(item, "a page")]);
    assert_eq!(label_of(&trial, &prompt(0, &[(0, "the goal")])).trust, Trust::Control);
}

/// That a content is fresh says nothing of who made the prompt. Found by grafted runs, of which the model said so.
#[test]
fn a_prompt_of_a_content_that_no_record_is_named_for_has_its_agents_default() {
    let mut trial = Trial::new();
    trial.give(retrieval_labelled("a page", PUBLIC));
    let named_ahead = prompt(0, &[(9_999, "a page")]).because([]);
    assert_eq!(label_of(&trial, &named_ahead), Label::UNKNOWN);
}

/// Spec: default-labels.
#[test]
fn an_item_without_source_owner_provenance_or_time_is_external_and_restricted_whatever_is_said_of_it() {
    let trial = Trial::new();
    let whole = retrieval_labelled("a page", PUBLIC);
    assert_eq!(label_of(&trial, &whole), PUBLIC);
    let without = [
        with_retrieval(whole.clone(), |body| body.source = Given::Absent),
        with_retrieval(whole.clone(), |body| body.owner = Given::Absent),
        with_retrieval(whole.clone(), |body| body.provenance = Given::Absent),
        with_retrieval(whole.clone(), |body| body.retrieved = Given::Absent),
    ];
    for made in without {
        assert_eq!(label_of(&trial, &made), Label::UNKNOWN);
        assert_eq!(label_of(&trial, &made.labelled(PUBLIC)), Label::UNKNOWN);
    }
    let unlabelled = with_retrieval(whole, |body| body.label = Given::Absent);
    assert_eq!(label_of(&trial, &unlabelled), INSIDE, "that of its source");
    let unlisted = with_retrieval(unlabelled, |body| body.source = Given::Known(id("web")));
    assert_eq!(label_of(&trial, &unlisted), Label::UNKNOWN);
    assert_eq!(label_of(&trial, &unlisted.labelled(PUBLIC)), PUBLIC, "the source states another");
}

#[test]
fn a_label_over_a_part_of_a_content_joins_and_does_not_replace() {
    let trial = Trial::new();
    let mut made = message("user", "see below");
    let over = SourceLabel { content: Some(Content(0)), from: Some(4), to: Some(9), label: OUTSIDE };
    made.input.labels.push(over);
    assert_eq!(label_of(&trial, &made), OUTSIDE);
    let data = Made::new("service", PromptGiven { role: Role::Tool, message: Content(0) }).with(["text"]);
    assert_eq!(label_of(&trial, &data), Label::UNKNOWN);
    assert_eq!(label_of(&trial, &data.clone().labelled(PUBLIC)), PUBLIC);
    let bytes_alone = SourceLabel { content: None, from: Some(1), to: None, label: PUBLIC };
    let mut over_bytes = data.clone();
    over_bytes.input.labels.push(bytes_alone);
    assert_eq!(label_of(&trial, &over_bytes), Label::UNKNOWN);
    let mut over_a_part = data;
    over_a_part.input.labels.push(SourceLabel {
        content: Some(Content(0)),
        from: None,
        to: None,
        label: PUBLIC,
    });
    assert_eq!(label_of(&trial, &over_a_part), Label::UNKNOWN);
}

#[test]
fn a_result_has_the_label_of_its_tool_or_a_nearer_one() {
    let mut trial = Trial::new();
    trial.give(with_tool(registration("search", EffectsClass::Read), |body| {
        body.result_label = Given::Known(OUTSIDE);
    }));
    let answer = trial.turn_open(1);
    let at = place(0, 0);
    trial.call_to(CallStatus::Dispatched, &at, "search", answer);
    assert_eq!(label_of(&trial, &result(&at, "found")), OUTSIDE);
    assert_eq!(label_of(&trial, &failure(&at)), OUTSIDE);
    let mut nearer = result(&at, "found");
    let rederive_evidence::kinds::Body::ToolReturned(body) = &mut nearer.input.body else {
        panic!("a result")
    };
    body.label = Some(INSIDE);
    assert_eq!(label_of(&trial, &nearer), label(Trust::Internal, Sensitivity::Internal));
    assert_eq!(label_of(&trial, &result(&place(0, 1), "found").because([])).trust, Trust::External);
}

#[test]
fn trust_rises_and_sensitivity_falls_by_a_guardrails_transform_alone() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", Label::UNKNOWN));
    let masked = |by: &str, label| masking("a page", "a masked page", label).by(by).because([item]);
    assert_eq!(label_of(&trial, &masked("guard", Some(INSIDE))), INSIDE);
    assert_eq!(label_of(&trial, &masked("guard", None)), Label::UNKNOWN);
    assert_eq!(label_of(&trial, &masked("agent", Some(INSIDE))), Label::UNKNOWN, "who is not entitled");
    let form = trial.give(masked("guard", Some(INSIDE)));
    assert_eq!(label_of(&trial, &prompt(0, &[(form, "a masked page")])), INSIDE);
}

/// Spec: rule-mem-2.
#[test]
fn memory_brings_back_the_label_that_it_was_written_with() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    trial.give(permit("a fact", None));
    let scope = MemoryScope::Durable;
    let made = with_writing(writing(scope, "a fact"), |body| body.label = Given::Known(SECRET.join(OUTSIDE)));
    trial.give(made.because([item]));
    let read = reading(scope, Some("a fact"));
    let written = label(Trust::External, Sensitivity::Restricted);
    assert_eq!(label_of(&trial, &read), written);
    assert_eq!(label_of(&trial, &read.labelled(PUBLIC)), written, "whatever the reader says");
    assert_eq!(label_of(&trial, &reading(scope, Some("another"))), Label::UNKNOWN);
}

/// What an observed run claims too well is remembered no better than it was.
#[test]
fn a_label_that_was_raised_does_not_stick() {
    let mut trial = Trial::observed();
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    let claim =
        with_writing(writing(MemoryScope::Session, "a fact"), |body| body.label = Given::Known(PUBLIC));
    trial.answer(claim.because([item]));
    let held = trial.machine.state().memory_item(&memory_key(MemoryScope::Session, "fact")).unwrap();
    assert_eq!(held.label, OUTSIDE);
}

#[test]
fn a_message_is_no_better_than_its_sender_says() {
    let mut trial = Trial::new();
    trial.give(delegation("agent", "helper", searching()));
    let said = with_message(handing_off("agent", "helper"), |body| body.label = Given::Known(SECRET));
    assert_eq!(label_of(&trial, &said), SECRET);
}

#[test]
fn an_item_of_an_earlier_run_is_unknown_without_its_proof() {
    let trial = Trial::new();
    let scope = MemoryScope::Durable;
    let read = |is_proven| reading_earlier(scope, "a fact", is_proven).labelled(INSIDE);
    assert_eq!(label_of(&trial, &read(true)), INSIDE);
    assert_eq!(label_of(&trial, &read(false)), Label::UNKNOWN);
}

#[test]
fn the_goal_is_reached_from_its_own_words_and_through_every_record() {
    let mut trial = Trial::new();
    let reaches =
        |trial: &Trial, made: &Made| trial.ask(made).transition.mark().flags & Mark::REACHES_GOAL != 0;
    assert!(reaches(&trial, &message("user", "the goal")));
    assert!(reaches(&trial, &message("user", "the goal").because([0])), "said again");
    assert!(!reaches(&trial, &message("user", "something else")));
    let told = trial.give(message("user", "something else"));
    assert!(!reaches(&trial, &plan().because([told])));
    assert!(reaches(&trial, &plan().because([told, 0])));
}

/// Spec: data-mark.
#[test]
fn what_the_principal_says_is_no_data_even_where_data_led_to_it() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval("a page"));
    let is_data = |made: Made| trial.ask(&made).transition.mark().flags & Mark::DATA != 0;
    assert!(is_data(retrieval("a page")));
    assert!(is_data(failure(&place(0, 0))));
    assert!(is_data(message("service", "a page").because([item])));
    assert!(!is_data(message("user", "a page").because([item])));
    assert!(!is_data(message("service", "a page").because([0])));
    assert!(is_data(message("agent", "please").because([0])), "another agent's message");
    let tool = Made::new("service", PromptGiven { role: Role::Tool, message: Content(0) }).with(["found"]);
    assert!(is_data(tool.because([0])));
    assert!(is_data(masking("a page", "masked", None).because([item])));
}

/// What the agent has read since does not change what led to the call.
#[test]
fn a_call_is_influenced_by_the_answer_that_opened_its_turn_and_by_no_later_prompt() {
    let mut trial = Trial::new();
    trial.turn_open(1);
    let before = label_of(&trial, &proposal(&place(0, 0), "mail"));
    let item = trial.give(retrieval_labelled("a page", OUTSIDE));
    trial.prompted(1, &[(item, "a page")]);
    assert_eq!(label_of(&trial, &proposal(&place(0, 0), "mail")), before);
    assert_eq!(label_of(&trial, &plan().because([])), OUTSIDE);
}

/// Spec: rule-mem-2.
#[test]
fn memory_that_is_read_as_it_was_written_is_no_worse_than_that() {
    let mut trial = Trial::new();
    let item = trial.give(retrieval_labelled("a page", INSIDE));
    let scope = MemoryScope::Session;
    trial.give(
        with_writing(writing(scope, "a fact"), |body| body.label = Given::Known(INSIDE)).because([item]),
    );
    assert_eq!(label_of(&trial, &reading(scope, Some("a fact"))), INSIDE);
    assert_eq!(label_of(&trial, &reading(scope, Some("another"))), Label::UNKNOWN);
    assert_eq!(label_of(&trial, &reading(MemoryScope::Shared, Some("a fact"))), Label::UNKNOWN);
}
