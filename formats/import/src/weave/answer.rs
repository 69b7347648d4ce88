//! Answers of a model.

use rederive_evidence::kinds::output::OutputProduced;
use rederive_evidence::kinds::prompt::PromptAnswered;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::values::{Origin, Place};

use super::bag::Bag;
use super::{Moment, Weaver, Woven};
use crate::fault::ImportFault;
use crate::message::{Message, Piece, Section};

impl<'a> Weaver<'a, '_> {
    /// Records an answer and what it proposes: each call at its place, then the results that came with it, then what
    /// it hands to the user: text without calls.
    pub(super) fn answer(
        &mut self,
        agent: usize,
        messages: &[Message<'a>],
        facts: Facts,
        moment: &Moment,
    ) -> Woven<Answered> {
        let sections = || messages.iter().flat_map(|message| &message.sections);
        let calls = sections().filter_map(Section::call).count();
        let pointer = messages.first().map_or("", |message| message.pointer.as_str());
        let count =
            u16::try_from(calls).map_err(|_| (pointer.to_owned(), ImportFault::Calls { found: calls }))?;
        let mut bag = Bag::default();
        let raw = raw_of(messages).map(|raw| bag.add(&raw));
        let mut reasons = sections().filter_map(|section| match section {
            Section::Reasons(piece) => Some(piece),
            Section::Says(_) | Section::Calls(_) | Section::Returns(_) => None,
        });
        let reasoning = reasons.next().map(|piece| bag.add(piece));
        reasons.for_each(|piece| bag.repeat(piece));
        let is_text =
            messages.len() == 1 && messages.first().is_some_and(|message| message.only_text().is_some());
        for piece in said(messages).filter(|_| !is_text) {
            bag.repeat(piece);
        }
        self.calls.open_turn();
        let place = facts.place;
        let body = PromptAnswered { raw: raw.into(), reasoning, calls: count, ..facts.body };
        let mut draft = self.draft(self.agent_id(agent), Origin::Model, moment, body);
        draft.place = Some(place.clone());
        draft.causes = Causes::of(facts.prompt);
        draft.contents = bag.into_contents();
        let record = self.push(draft);
        for (index, call) in (0..count).zip(sections().filter_map(Section::call)) {
            let place = Place { index, ..place.clone() };
            self.propose(place, call.clone(), Origin::Model, record, moment);
        }
        let ends = sections()
            .filter_map(Section::returned)
            .map(|returned| self.end(self.calls.find(returned), returned, moment))
            .collect();
        if calls == 0 {
            let texts = said(messages).filter(|piece| piece.media == MediaType::Text);
            texts.for_each(|piece| self.output(agent, piece, record, moment));
        }
        Ok(Answered { record, ends })
    }

    /// A new turn of the agent.
    pub(super) fn open_turn(&mut self, agent: usize) -> Place {
        let id = self.agent_id(agent);
        let turn = self.agents.get_mut(agent).map_or(0, |agent| {
            let turn = agent.turn;
            agent.turn = turn.saturating_add(1);
            turn
        });
        Place { agent: id, turn, index: 0, attempt: 0 }
    }

    pub(super) fn output(&mut self, agent: usize, piece: &Piece<'_>, cause: u64, moment: &Moment) {
        let mut bag = Bag::default();
        let output = bag.add(piece);
        let mut draft = self.draft(self.agent_id(agent), Origin::Model, moment, OutputProduced { output });
        draft.causes = Causes::of([cause]);
        draft.contents = bag.into_contents();
        self.push(draft);
    }
}

/// What is known of an answer beside its messages.
pub(super) struct Facts {
    /// The turn.
    pub(super) place: Place,
    /// The prompt it answers.
    pub(super) prompt: Option<u64>,
    /// The body but for what the messages say.
    pub(super) body: PromptAnswered,
}

/// The records of an answer.
pub(super) struct Answered {
    /// Its own.
    pub(super) record: u64,
    /// Those of the results that came with it.
    pub(super) ends: Vec<u64>,
}

/// The texts that an answer says.
fn said<'m, 'a>(messages: &'m [Message<'a>]) -> impl Iterator<Item = &'m Piece<'a>> {
    messages.iter().flat_map(|message| &message.sections).filter_map(|section| match section {
        Section::Says(piece) => Some(piece),
        Section::Reasons(_) | Section::Calls(_) | Section::Returns(_) => None,
    })
}

/// The raw reply: the text where that is all, else the message as it stands, else the list of messages.
pub(super) fn raw_of<'a>(messages: &[Message<'a>]) -> Option<Piece<'a>> {
    match messages {
        [] => None,
        [message] => Some(message.only_text().cloned().unwrap_or_else(|| Piece::json(message.raw))),
        messages => {
            let texts: Vec<&str> = messages.iter().map(|message| message.raw.text()).collect();
            let bytes = format!("[{}]", texts.join(",")).into_bytes();
            Some(Piece { media: MediaType::Json, bytes: bytes.into() })
        }
    }
}
