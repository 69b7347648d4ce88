//! Messages of one conversation: every answer was given to all messages before it.

use std::borrow::Cow;

use rederive_evidence::draft::DraftContent;
use rederive_evidence::ids::RecordRef;
use rederive_evidence::kinds::prompt::{KeptParts, PromptAnswered};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Origin, Place, Role};

use super::answer::{Facts, raw_of};
use super::bag::Bag;
use super::calls::parts_of;
use super::prompt::{Part, Prompt, Sent};
use super::{Moment, Weaver, Woven};
use crate::fault::{NoteKind, Path};
use crate::message::{Message, Piece, Section, Speaker};
use crate::names;
use crate::transcript::stop_reason;

impl<'a> Weaver<'a, '_> {
    /// Records a message of the conversation.
    pub(super) fn message(&mut self, message: Message<'a>) -> Woven<()> {
        match message.speaker {
            Speaker::Assistant => self.assistant(std::slice::from_ref(&message)),
            Speaker::System | Speaker::User | Speaker::Tool | Speaker::Other => {
                self.told(message);
                Ok(())
            }
        }
    }

    /// What the operator, the user, a tool or somebody unknown says.
    fn told(&mut self, message: Message<'a>) {
        let first = self.drafts.len();
        let role = match message.speaker {
            Speaker::System => Role::System,
            Speaker::User => Role::User,
            Speaker::Assistant | Speaker::Tool | Speaker::Other => Role::Tool,
        };
        for section in message.sections {
            match section {
                Section::Says(piece) | Section::Reasons(piece) => {
                    let from = match role {
                        Role::System | Role::User => self.give(role, &piece, &Moment::default()),
                        Role::Assistant | Role::Tool => {
                            self.retrieve(&piece, Bag::default(), Origin::Outside, &Moment::default())
                        }
                    };
                    self.pending.push(Part { role, piece, about: None, from: Some(from) });
                }
                Section::Returns(returned) => {
                    let from = self.end(self.calls.find(&returned), &returned, &Moment::default());
                    self.pending.extend(parts_of(&returned, Some(from)));
                }
                // The reader gives calls to the model alone.
                Section::Calls(_) => {}
            }
        }
        if let (Some(rest), Some(draft)) = (message.rest, self.drafts.get_mut(first)) {
            draft.contents.push(DraftContent { media: MediaType::Json, bytes: rest.into_owned() });
        }
    }

    /// An answer of the model to everything before it: one message, or the items of one answer.
    pub(super) fn assistant(&mut self, messages: &[Message<'a>]) -> Woven<()> {
        let pointer = messages.first().map_or("", |message| message.pointer.as_str());
        let agent = self.agent(Cow::Borrowed(b""), pointer);
        let place = self.open_turn(agent);
        let model = messages.iter().find_map(|message| message.model.as_ref());
        let prompt = self.whole_prompt(agent, place.clone(), model, pointer);
        let model = model.or(self.model.as_ref()).cloned();
        let model = model.map(|name| self.name(names::of(&name), &name, pointer));
        let stop = messages.iter().find_map(|message| message.stop.as_deref());
        let body = PromptAnswered {
            prompt: prompt.map(RecordRef),
            raw: Given::Absent,
            reasoning: None,
            model: model.into(),
            version: Given::Absent,
            parameters: None,
            tokens_in: Given::Absent,
            tokens_out: Given::Absent,
            spend_micros: None,
            stop: stop.map(stop_reason).into(),
            calls: 0,
        };
        let facts = Facts { place, prompt, body };
        let answered = self.answer(agent, messages, facts, &Moment::default())?;
        let piece = raw_of(messages).unwrap_or(Piece::NULL);
        self.pending.push(Part { role: Role::Assistant, piece, about: None, from: Some(answered.record) });
        let results = messages.iter().flat_map(|message| &message.sections).filter_map(Section::returned);
        let results = results.zip(answered.ends).flat_map(|(returned, end)| parts_of(returned, Some(end)));
        self.pending.extend(results);
        Ok(())
    }

    /// The prompt that holds everything so far: the last one whole, and what came since.
    fn whole_prompt(
        &mut self,
        agent: usize,
        place: Place,
        model: Option<&Cow<'a, [u8]>>,
        pointer: &str,
    ) -> Option<u64> {
        let parts = std::mem::take(&mut self.pending);
        let last = self.agents.get_mut(agent).and_then(|agent| agent.sent.take());
        if parts.is_empty() && last.is_none() {
            self.notes.add(&Path::at(pointer), NoteKind::PromptNotGiven);
            return None;
        }
        let kept = last.as_ref().map(|last| KeptParts { first: 0, count: last.length });
        let tools = self.offered.clone();
        let turn = place.turn;
        let kept = kept.filter(|kept| kept.count > 0);
        let prompt = Prompt {
            model: self.model(model, pointer),
            place,
            extends: last.as_ref().filter(|_| kept.is_some()).map(|last| last.turn),
            kept: kept.into_iter().collect(),
            parts,
            tools,
            parameters: None,
            // Each record so far is in the prompt, or is part of an answer that is.
            causes: Causes::between(1, self.next().saturating_sub(1)),
            beside: Vec::new(),
        };
        let (record, added) = self.send(agent, prompt, &Moment::default(), pointer);
        let length = last.map_or(0, |last| last.length).saturating_add(added);
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.sent = Some(Sent { turn, parts: Vec::new(), length });
        }
        Some(record)
    }
}
