//! A turn as a planner records it: what the user says, the prompt that goes to the model, the answer with its calls. Shared by tests, example and
//! bench.

use std::error::Error;

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef};
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Origin, Place, Role};
use rederive_gate::Gate;

/// Records turn `number` of the agent `agent`, in which `ada` says this and `model` answers with so many calls. The number of the answer's record,
/// which is the cause of the calls.
pub(crate) fn turn(gate: &Gate, number: u32, said: &str, calls: u16) -> Result<u64, Box<dyn Error>> {
    let place = Place { agent: Id::new("agent")?, turn: number, index: 0, attempt: 0 };
    let body = PromptGiven { role: Role::User, message: Content(0) };
    let mut given = Draft::new(Id::new("ada")?, Origin::Human, body);
    given.content(MediaType::Text, said)?;
    given.causes = Causes::of([0]);
    let given = gate.record(given)?.sequence;

    let part = Part { role: Role::User, content: Content(0), from: Some(RecordRef(given)) };
    let body = PromptSent {
        model: Id::new("model")?,
        extends: None,
        kept: Vec::new(),
        parts: vec![part],
        tools: Vec::new(),
        parameters: None,
    };
    let mut sent = Draft::new(Id::new("agent")?, Origin::Code, body);
    sent.content(MediaType::Text, said)?;
    sent.place = Some(place.clone());
    sent.causes = Causes::of([given]);
    let sent = gate.record(sent)?.sequence;

    let body = PromptAnswered {
        prompt: Some(RecordRef(sent)),
        raw: Given::Known(Content(0)),
        reasoning: None,
        model: Given::Known(Id::new("model")?),
        version: Given::Known(Id::new("1")?),
        parameters: None,
        tokens_in: Given::Known(10),
        tokens_out: Given::Known(10),
        spend_micros: None,
        stop: Given::Known(StopReason::Calls),
        calls,
    };
    let mut answer = Draft::new(Id::new("agent")?, Origin::Model, body);
    answer.content(MediaType::Text, "calling")?;
    answer.place = Some(place);
    answer.causes = Causes::of([sent]);
    Ok(gate.record(answer)?.sequence)
}
