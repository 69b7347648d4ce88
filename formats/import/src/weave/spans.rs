//! Calls of models and executions of tools as a trace of spans has them: each model call with a list of messages of its own,
//! and times. The records stand in the order of the times at which their acts began and ended.

use std::borrow::Cow;

use rederive_evidence::draft::DraftContent;
use rederive_evidence::ids::{RecordRef, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::prompt::{KeptParts, PromptAnswered};
use rederive_evidence::record::Causes;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Origin, Place, Role};

use super::answer::Facts;
use super::bag::Bag;
use super::calls::parts_of;
use super::prompt::{Part, PartSource, Prompt, Sent, Wanted, kept};
use super::{Moment, OPENING, Weaver, Woven};
use crate::fault::{NoteKind, Path};
use crate::json::Json;
use crate::message::{Call, Message, Piece, Returned, Section, Speaker};
use crate::names::{self, actors};
use crate::pairing::Found;
use crate::transcript::{Execution, ModelCall};

/// An act that has a beginning and an end.
pub(super) enum Span<'a> {
    ModelCall(Box<ModelCall<'a>>),
    Execution(Box<Execution<'a>>),
}

/// The beginning or the end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick {
    time: u64,
    turn: Turn,
    span: usize,
    is_end: bool,
}

/// Who comes first at one time: what was under way ends, then what takes no time happens, then what lasts begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Ends,
    Asks,
    Executes,
    Begins,
}

impl<'a> Weaver<'a, '_> {
    /// Records spans given in the order of their starts.
    pub(super) fn spans(&mut self, spans: Vec<Span<'a>>) -> Woven<()> {
        let ticks = ticks(&spans);
        let mut spans: Vec<Open<'a>> = spans.into_iter().map(Open::new).collect();
        for tick in ticks {
            let Some(open) = spans.get_mut(tick.span) else { continue };
            match (&mut open.span, tick.is_end) {
                (Span::ModelCall(call), false) => open.asked = Some(self.ask(call)),
                (Span::ModelCall(call), true) => self.answered(call, open.asked.take())?,
                (Span::Execution(_), false) => {}
                (Span::Execution(execution), true) => self.executed(execution),
            }
        }
        Ok(())
    }

    /// Records the prompt of a model call, and what in it was not on record.
    fn ask(&mut self, call: &mut ModelCall<'a>) -> Asked {
        let agent = self.agent(call.agent.clone(), &call.pointer);
        let place = self.open_turn(agent);
        let moment = self.moment(call.started, call.trace.as_ref(), &call.pointer);
        self.register(&call.tools, &moment, &call.pointer);
        let Some(input) = call.input.take() else {
            self.notes.add(&Path::at(&call.pointer), NoteKind::PromptNotGiven);
            return Asked { place, prompt: None };
        };
        let mut beside: Vec<Vec<u8>> = Vec::new();
        let tools = self.offered(&call.tools, &call.pointer);
        if tools.is_empty() && !call.tools.is_empty() {
            let names: Vec<_> = call.tools.iter().map(|tool| String::from_utf8_lossy(&tool.name)).collect();
            beside.push(serde_json::to_vec(&names).unwrap_or_default());
        }
        let wanted: Vec<Wanted<'a>> = input.into_iter().flat_map(want).collect();
        if call.output.is_none() {
            beside.extend(call.rest.take());
        }
        let last = self.agents.get_mut(agent).and_then(|agent| agent.sent.take());
        let (ranges, length) = last.as_ref().map_or((Vec::new(), 0), |last| kept(&last.parts, &wanted));
        let mut parts = kept_parts(last.as_ref(), &ranges);
        let new: Vec<Part<'a>> =
            wanted.into_iter().skip(length).map(|wanted| self.found(wanted, &mut beside, &moment)).collect();
        let all = parts.iter().chain(&new).filter_map(|part| part.from);
        let causes = Causes::of(all);
        let is_extended = !ranges.is_empty();
        let prompt = Prompt {
            model: self.model(call.model.as_ref().or(call.version.as_ref()), &call.pointer),
            place: place.clone(),
            extends: last.as_ref().map(|last| last.turn).filter(|_| is_extended),
            kept: ranges,
            parts: new.clone(),
            tools,
            parameters: call.parameters.take(),
            causes,
            beside,
        };
        let (record, added) = self.send(agent, prompt, &moment, &call.pointer);
        // Joined parts stand as one: a later prompt starts anew rather than extend what it cannot name.
        if added as usize == new.len() {
            parts.extend(new);
            let length = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            if let Some(agent) = self.agents.get_mut(agent) {
                agent.sent = Some(Sent { turn: place.turn, parts, length });
            }
        }
        Asked { place, prompt: Some(record) }
    }

    /// The part with the record it came from, which is made where there is none yet.
    fn found(&mut self, wanted: Wanted<'a>, beside: &mut Vec<Vec<u8>>, moment: &Moment) -> Part<'a> {
        let Wanted { role, piece, about, source, rest } = wanted;
        let from = match source {
            PartSource::Given => Some(self.given(role, &piece, moment)),
            PartSource::Data => Some(self.datum(&piece, moment)),
            PartSource::Result(returned) => {
                let (record, rest) = self.result_in_prompt(&returned, moment);
                beside.extend(rest);
                Some(record)
            }
            PartSource::Answer { key, raw } => {
                let from = self.answers.get(&key).copied();
                // An answer from before the trace stands in the prompt for the first time.
                if from.is_none() && piece.bytes.as_ref() != raw.text().as_bytes() {
                    beside.push(raw.text().as_bytes().to_vec());
                }
                from
            }
        };
        beside.extend(rest.map(Cow::into_owned));
        Part { role, piece, about, from }
    }

    /// The record of a message of the operator or the user.
    fn given(&mut self, role: Role, piece: &Piece<'a>, moment: &Moment) -> u64 {
        let key = (role, piece.bytes.clone());
        if let Some(record) = self.given.get(&key) {
            return *record;
        }
        let record = self.give(role, piece, moment);
        self.given.insert(key, record);
        record
    }

    /// The record of data without a source.
    fn datum(&mut self, piece: &Piece<'a>, moment: &Moment) -> u64 {
        let key = (Role::Tool, piece.bytes.clone());
        if let Some(record) = self.given.get(&key) {
            return *record;
        }
        let record = self.retrieve(piece, Bag::default(), Origin::Outside, moment);
        self.given.insert(key, record);
        record
    }

    /// The record of a result that stands in a prompt, and what of it that record does not hold: the end of its call, which may
    /// have no span of its own.
    fn result_in_prompt(&mut self, returned: &Returned<'a>, moment: &Moment) -> (u64, Option<Vec<u8>>) {
        let call = returned.id.as_ref().and_then(|id| self.calls.last_of_id(id));
        if let Some((call, end)) = call.and_then(|call| Some((call, call.end?))) {
            return (end, returned.rest(Some(&call.call)));
        }
        let found = self.calls.find(returned);
        let key = (Role::Tool, returned.result.bytes.clone());
        if found.is_none() {
            let of_tool = || self.calls.last_end_of_tool(returned.tool.as_deref()?);
            if let Some(record) = self.given.get(&key).copied().or_else(of_tool) {
                return (record, returned.about());
            }
        }
        let record = self.end(found, returned, moment);
        self.given.insert(key, record);
        (record, None)
    }

    /// Records the answer of a model call.
    fn answered(&mut self, call: &mut ModelCall<'a>, asked: Option<Asked>) -> Woven<()> {
        let moment = self.moment(call.ended, call.trace.as_ref(), &call.pointer);
        let Some(output) = call.output.take() else {
            self.notes.add(&Path::at(&call.pointer), NoteKind::AnswerNotGiven);
            self.left.extend(call.rest.take());
            return Ok(());
        };
        let agent = self.agent(call.agent.clone(), &call.pointer);
        let Asked { place, prompt } =
            asked.unwrap_or_else(|| Asked { place: self.open_turn(agent), prompt: None });
        let model = call.model.as_ref().or(self.model.as_ref()).cloned();
        let model = model.map(|name| self.name(names::of(&name), &name, &call.pointer));
        let version = call.version.take();
        let version = version.map(|name| self.name(names::of(&name), &name, &call.pointer));
        let body = PromptAnswered {
            prompt: prompt.map(RecordRef),
            raw: Given::Absent,
            reasoning: None,
            model: model.into(),
            version: version.into(),
            parameters: None,
            tokens_in: call.tokens_in.into(),
            tokens_out: call.tokens_out.into(),
            spend_micros: None,
            stop: call.stop.into(),
            calls: 0,
        };
        let facts = Facts { place, prompt, body };
        let answered = self.answer(agent, &output, facts, &moment)?;
        self.answers.insert(answer_key(&output), answered.record);
        for message in &output {
            self.answers.insert(answer_key(std::slice::from_ref(message)), answered.record);
        }
        self.beside(answered.record, call.rest.take());
        Ok(())
    }

    /// Records the end of a tool's execution. One that no answer proposed is proposed by the program around the model.
    fn executed(&mut self, execution: &mut Execution<'a>) {
        let returned = Returned {
            id: execution.call.take(),
            identified: None,
            tool: Some(execution.tool.clone()).filter(|tool| !tool.is_empty()),
            named: None,
            result: execution.result.take().unwrap_or(Piece::NULL),
            texts: Vec::new(),
            error: execution.error.take(),
            failed: execution.failed,
            echo: None,
            rest: Vec::new(),
            pointer: execution.pointer.clone(),
        };
        let found = self.calls.find(&returned).or_else(|| self.calls.find_unnamed(&execution.tool));
        let found = found.unwrap_or_else(|| {
            let index = self.propose_unasked(execution, &returned);
            Found { index, is_ambiguous: false }
        });
        let moment = self.moment(execution.ended, execution.trace.as_ref(), &execution.pointer);
        let record = self.end(Some(found), &returned, &moment);
        self.given.insert((Role::Tool, returned.result.bytes), record);
        let duration = execution.started.zip(execution.ended).and_then(|(start, end)| end.checked_sub(start));
        let proposed = self.calls.get(found.index).and_then(|call| call.call.arguments.as_ref());
        let arguments = execution.arguments.take().filter(|arguments| proposed != Some(arguments));
        self.executed_in(record, duration, arguments);
        self.beside(record, execution.rest.take());
    }

    /// The proposal of a call that stands in no answer: a turn of the program around the model. Its time is the span's start,
    /// unless something was recorded since.
    fn propose_unasked(&mut self, execution: &Execution<'a>, returned: &Returned<'a>) -> usize {
        let started = execution.started.filter(|start| Some(RecordedTime(*start)) >= self.latest);
        let moment = self.moment(started, execution.trace.as_ref(), &execution.pointer);
        let place =
            Place { agent: names::own(actors::WORKFLOW), turn: self.workflow_turn, index: 0, attempt: 0 };
        self.workflow_turn = self.workflow_turn.saturating_add(1);
        let call = Call {
            id: returned.id.clone(),
            tool: execution.tool.clone(),
            arguments: execution.arguments.clone(),
            raw: Json::NULL,
            pointer: execution.pointer.clone(),
        };
        self.propose(place, call, Origin::Code, OPENING, &moment)
    }

    /// Adds to an end what only the tool's own span knows.
    fn executed_in(&mut self, record: u64, duration: Option<u64>, arguments: Option<Piece<'a>>) {
        let Some(draft) = self.record_mut(record) else { return };
        if let Body::ToolReturned(returned) = &mut draft.body {
            returned.duration_us = duration;
        } else if let Body::ToolFailed(failed) = &mut draft.body {
            failed.duration_us = duration;
        }
        let content = |piece: Piece<'_>| DraftContent { media: piece.media, bytes: piece.bytes.into_owned() };
        draft.contents.extend(arguments.map(content));
    }
}

/// Takes a message of a prompt apart into parts. What the parts do not hold goes with the first.
fn want<'a>(message: Message<'a>) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    let mut put = |role, piece, about, source| wanted.push(Wanted { role, piece, about, source, rest: None });
    let is_answer = message.speaker == Speaker::Assistant;
    if is_answer {
        let (key, raw) = (answer_key(std::slice::from_ref(&message)), message.raw);
        let piece = message.only_text().cloned().unwrap_or_else(|| Piece::json(raw));
        put(Role::Assistant, piece, None, PartSource::Answer { key, raw });
    }
    let (role, source) = match message.speaker {
        Speaker::System => (Role::System, PartSource::Given),
        Speaker::User => (Role::User, PartSource::Given),
        Speaker::Assistant | Speaker::Tool | Speaker::Other => (Role::Tool, PartSource::Data),
    };
    for section in message.sections {
        match section {
            Section::Says(piece) | Section::Reasons(piece) if !is_answer => {
                put(role, piece, None, source.clone());
            }
            Section::Returns(returned) => {
                let pieces: Vec<Piece<'a>> = parts_of(&returned, None).map(|part| part.piece).collect();
                let about = returned.about();
                let source = PartSource::Result(Box::new(returned));
                pieces.into_iter().for_each(|piece| put(Role::Tool, piece, about.clone(), source.clone()));
            }
            // They stand in the answer's own part.
            Section::Says(_) | Section::Reasons(_) | Section::Calls(_) => {}
        }
    }
    if let Some(first) = wanted.first_mut().filter(|_| !is_answer) {
        first.about = first
            .about
            .take()
            .into_iter()
            .chain(message.rest.as_deref().map(<[u8]>::to_vec))
            .reduce(|all, rest| [all, rest].concat());
        first.rest = message.rest;
    }
    wanted
}

/// What the beginning of a model's call put on record.
struct Asked {
    /// The turn it opened.
    place: Place,
    /// The prompt, where the source has it.
    prompt: Option<u64>,
}

/// A span whose beginning may be on record.
struct Open<'a> {
    span: Span<'a>,
    asked: Option<Asked>,
}

impl<'a> Open<'a> {
    fn new(span: Span<'a>) -> Self {
        Self { span, asked: None }
    }
}

/// Beginnings and ends of spans in the order of their times. A span of unknown time stands where its source puts it.
fn ticks(spans: &[Span<'_>]) -> Vec<Tick> {
    let mut ticks = Vec::with_capacity(spans.len().saturating_mul(2));
    let mut latest = 0;
    for (span, item) in spans.iter().enumerate() {
        let (started, ended, instant) = match item {
            Span::ModelCall(call) => (call.started, call.ended, Turn::Asks),
            Span::Execution(execution) => (execution.started, execution.ended, Turn::Executes),
        };
        let start = started.unwrap_or(latest);
        let end = ended.unwrap_or(start).max(start);
        let (first, last) = if start == end { (instant, instant) } else { (Turn::Begins, Turn::Ends) };
        ticks.push(Tick { time: start, turn: first, span, is_end: false });
        ticks.push(Tick { time: end, turn: last, span, is_end: true });
        latest = start;
    }
    ticks.sort_unstable();
    ticks
}

/// The parts that these ranges keep of an earlier prompt.
fn kept_parts<'a>(earlier: Option<&Sent<'a>>, ranges: &[KeptParts]) -> Vec<Part<'a>> {
    let parts = earlier.map(|earlier| earlier.parts.as_slice()).unwrap_or_default();
    ranges
        .iter()
        .filter_map(|range| {
            let first = range.first as usize;
            parts.get(first..first.saturating_add(range.count as usize))
        })
        .flatten()
        .cloned()
        .collect()
}

/// What makes an answer the same one again: its texts, and its calls by id and tool, each with its length.
fn answer_key(messages: &[Message<'_>]) -> Vec<u8> {
    let mut key = Vec::new();
    let mut put = |tag: u8, bytes: &[u8]| {
        key.push(tag);
        key.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        key.extend_from_slice(bytes);
    };
    for section in messages.iter().flat_map(|message| &message.sections) {
        match section {
            Section::Says(piece) => put(0, &piece.bytes),
            Section::Calls(call) => {
                put(1, call.id.as_deref().unwrap_or_default());
                put(2, &call.tool);
            }
            Section::Reasons(_) | Section::Returns(_) => {}
        }
    }
    key
}
