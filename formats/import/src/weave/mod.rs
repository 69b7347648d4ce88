//! From a transcript to drafts: one draft a record, in order, each naming earlier ones by their number.

mod bag;
mod conversation;
mod opening;
mod prompt;
mod spans;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::context::ContextRetrieved;
use rederive_evidence::kinds::output::OutputProduced;
use rederive_evidence::kinds::prompt::{PromptAnswered, PromptGiven};
use rederive_evidence::kinds::tool::{FailureClass, ToolFailed, ToolProposed, ToolRegistered, ToolReturned};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Origin, Place, Role, Sensitivity, SourceLabel, TraceContext, Trust};

use crate::fault::{ImportFault, NoteKind, Notes, Path, ValueFault};
use crate::message::{Call, Message, Piece, Returned, Section};
use crate::names::{self, Named, actors};
use crate::pairing::{Calls, Found};
use crate::transcript::{Act, Tool, Transcript};
use bag::Bag;
use prompt::{Part, Sent};

/// Number of the opening record.
const OPENING: u64 = 0;
/// Most models, agents and tools that the opening record or a prompt lists; a frame has room for no more names.
const NAMES_MAX: usize = 128;

pub(crate) type Woven<T> = Result<T, ValueFault>;

/// Where an entry was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origins<'s> {
    pub(crate) file: &'s str,
    pub(crate) entry: u64,
}

/// The drafts of a run.
///
/// # Errors
/// An answer proposes more calls than a turn can number.
pub(crate) fn weave(
    transcript: Transcript<'_>,
    origins: Origins<'_>,
    notes: &mut Notes,
) -> Woven<Vec<Draft>> {
    let mut weaver = Weaver::new(notes);
    let mut transcript = transcript;
    weaver.model = transcript.model.take();
    weaver.latest = transcript.started.map(RecordedTime);
    let opened = Moment { time: weaver.latest, trace: transcript.trace.clone() };
    weaver.register(&transcript.tools, &opened, "/tools");
    weaver.offered = weaver.offered(&transcript.tools, "/tools");
    weaver.acts(std::mem::take(&mut transcript.acts))?;
    Ok(weaver.finish(transcript, origins))
}

/// What is known of an agent while its records are made.
#[derive(Debug)]
struct Agent<'a> {
    id: Id,
    /// Its next turn.
    turn: u32,
    /// The last prompt it sent.
    sent: Option<Sent<'a>>,
}

/// When and in which span something happened.
#[derive(Clone, Debug, Default)]
struct Moment {
    time: Option<RecordedTime>,
    trace: Option<TraceContext>,
}

/// Makes the drafts of one run.
struct Weaver<'a, 'n> {
    /// The records after the opening one.
    drafts: Vec<Draft>,
    agents: Vec<Agent<'a>>,
    agents_by_name: BTreeMap<Cow<'a, [u8]>, usize>,
    calls: Calls<'a>,
    /// What the next prompt of the conversation adds to the last.
    pending: Vec<Part<'a>>,
    /// Models that prompts were sent to.
    models: Vec<Id>,
    /// Names of the source whose identifier was derived.
    derived: BTreeMap<Vec<u8>, Id>,
    /// The run's model, where the source says it once.
    model: Option<Cow<'a, [u8]>>,
    /// Tools registered, with the text of their definition.
    tools: BTreeMap<Cow<'a, [u8]>, &'a str>,
    /// The tools that every prompt of the conversation offers.
    offered: Vec<Id>,
    /// Messages given, by role and text: their record.
    given: BTreeMap<(Role, Cow<'a, [u8]>), u64>,
    /// Answers by what they say and call: their record.
    answers: BTreeMap<Vec<u8>, u64>,
    /// What is left of spans that made no record.
    left: Vec<Vec<u8>>,
    /// The next turn of what is called without a model's asking.
    workflow_turn: u32,
    latest: Option<RecordedTime>,
    notes: &'n mut Notes,
}

impl<'a, 'n> Weaver<'a, 'n> {
    fn new(notes: &'n mut Notes) -> Self {
        Self {
            drafts: Vec::new(),
            agents: Vec::new(),
            agents_by_name: BTreeMap::new(),
            calls: Calls::default(),
            pending: Vec::new(),
            models: Vec::new(),
            derived: BTreeMap::new(),
            model: None,
            tools: BTreeMap::new(),
            offered: Vec::new(),
            given: BTreeMap::new(),
            answers: BTreeMap::new(),
            left: Vec::new(),
            workflow_turn: 0,
            latest: None,
            notes,
        }
    }

    fn acts(&mut self, acts: Vec<Act<'a>>) -> Woven<()> {
        let mut spans = Vec::new();
        let mut items: Vec<Message<'a>> = Vec::new();
        for act in acts {
            let is_item = matches!(&act, Act::Message(message) if message.is_item);
            if !is_item && !items.is_empty() {
                self.assistant(&std::mem::take(&mut items))?;
            }
            match act {
                Act::Message(message) if is_item => items.push(message),
                Act::Message(message) => self.message(message)?,
                Act::ModelCall(call) => spans.push(spans::Span::ModelCall(call)),
                Act::Execution(execution) => spans.push(spans::Span::Execution(execution)),
            }
        }
        if !items.is_empty() {
            self.assistant(&items)?;
        }
        self.spans(spans)
    }

    /// Number of the next record.
    fn next(&self) -> u64 {
        (self.drafts.len() as u64).saturating_add(1)
    }

    /// A draft made at this moment, without contents and causes.
    fn draft(&self, actor: Id, origin: Origin, moment: &Moment, body: impl Into<Body>) -> Draft {
        let mut draft = Draft::new(actor, origin, body);
        draft.time = moment.time;
        draft.trace.clone_from(&moment.trace);
        draft
    }

    fn record_mut(&mut self, record: u64) -> Option<&mut Draft> {
        self.drafts.get_mut(usize::try_from(record.checked_sub(1)?).ok()?)
    }

    /// Keeps more JSON with a record.
    fn beside(&mut self, record: u64, json: Option<Vec<u8>>) {
        let content = json.map(|bytes| DraftContent { media: MediaType::Json, bytes });
        if let Some(draft) = self.record_mut(record) {
            draft.contents.extend(content);
        }
    }

    fn push(&mut self, draft: Draft) -> u64 {
        let record = self.next();
        self.drafts.push(draft);
        record
    }

    /// The moment of the next record. A time before that of an earlier record does not fit the order and is left out.
    fn moment(&mut self, time: Option<u64>, trace: Option<&TraceContext>, pointer: &str) -> Moment {
        let time = time.map(RecordedTime);
        let fits = time.is_none() || time >= self.latest;
        if fits {
            self.latest = time.or(self.latest);
        } else {
            self.notes.add(&Path::at(pointer), NoteKind::TimeOutOfOrder);
        }
        Moment { time: time.filter(|_| fits), trace: trace.cloned() }
    }

    /// The identifier of a name; a derived one is noted, and the name kept in the opening record.
    fn name(&mut self, named: Named, name: &[u8], pointer: &str) -> Id {
        if named.is_derived && !self.derived.contains_key(name) {
            self.notes.add(&Path::at(pointer), NoteKind::NameDerived);
            self.derived.insert(name.to_vec(), named.id.clone());
        }
        named.id
    }

    /// The agent of this name, registered at its first act; of too many the last ones are one.
    fn agent(&mut self, name: Cow<'a, [u8]>, pointer: &str) -> usize {
        if let Some(index) = self.agents_by_name.get(&name) {
            return *index;
        }
        let index = self.agents.len().min(NAMES_MAX - 1);
        let named = if index < NAMES_MAX - 1 {
            names::agent(&name)
        } else {
            Named { id: names::own(actors::OTHERS), is_derived: true }
        };
        let id = self.name(named, &name, pointer);
        if self.agents.len() <= index {
            self.agents.push(Agent { id, turn: 0, sent: None });
        }
        self.agents_by_name.insert(name, index);
        index
    }

    fn agent_id(&self, agent: usize) -> Id {
        self.agents.get(agent).map_or_else(|| names::own(actors::AGENT), |agent| agent.id.clone())
    }

    /// The model's identifier, on the run's list.
    fn model(&mut self, name: Option<&Cow<'a, [u8]>>, pointer: &str) -> Id {
        let name = name.or(self.model.as_ref()).cloned().unwrap_or_default();
        let id = self.name(names::of(&name), &name, pointer);
        if !self.models.contains(&id) && self.models.len() < NAMES_MAX {
            self.models.push(id.clone());
        }
        id
    }

    /// Registers tools that are new, or that are defined anew.
    fn register(&mut self, tools: &[Tool<'a>], moment: &Moment, pointer: &str) {
        for tool in tools {
            if self.tools.insert(tool.name.clone(), tool.raw.text()) == Some(tool.raw.text()) {
                continue;
            }
            let id = self.name(names::of(&tool.name), &tool.name, pointer);
            let mut bag = Bag::default();
            let schema = tool.schema.map(|schema| bag.add(&Piece::json(schema)));
            let description = tool.description.as_ref().map(|text| bag.add(text));
            bag.beside(MediaType::Json, Cow::Borrowed(tool.raw.text().as_bytes()));
            let body = ToolRegistered {
                tool: id,
                version: Given::Absent,
                schema: schema.into(),
                surface: Given::Absent,
                effects: Given::Absent,
                reversible: Given::Absent,
                preview: false,
                result_label: Given::Absent,
                description,
            };
            let mut draft = self.draft(names::own(actors::OPERATOR), Origin::Code, moment, Box::new(body));
            draft.causes = Causes::of([OPENING]);
            draft.contents = bag.into_contents();
            self.push(draft);
        }
    }

    /// The identifiers of tools offered together; none where a prompt has no room for all of them.
    fn offered(&mut self, tools: &[Tool<'a>], pointer: &str) -> Vec<Id> {
        let ids: BTreeSet<Id> = tools.iter().map(|tool| names::of(&tool.name).id).collect();
        if ids.len() > NAMES_MAX {
            self.notes.add(&Path::at(pointer), NoteKind::ToolsNotListed);
            return Vec::new();
        }
        ids.into_iter().collect()
    }

    /// Records a message of the operator or the user.
    fn give(&mut self, role: Role, piece: &Piece<'a>, moment: &Moment) -> u64 {
        let (actor, origin, trust) = match role {
            Role::System => (actors::OPERATOR, Origin::Code, Trust::Control),
            Role::User => (actors::USER, Origin::Human, Trust::User),
            Role::Assistant | Role::Tool => (actors::SERVICE, Origin::Outside, Trust::External),
        };
        let mut bag = Bag::default();
        let message = bag.add(piece);
        let mut draft = self.draft(names::own(actor), origin, moment, PromptGiven { role, message });
        draft.causes = Causes::of([OPENING]);
        draft.labels = vec![label(trust)];
        draft.contents = bag.into_contents();
        self.push(draft)
    }

    /// Records data that nobody asked for, as far as the source shows: text of an unknown role, a result without a call.
    fn retrieve(&mut self, piece: &Piece<'_>, beside: Bag, origin: Origin, moment: &Moment) -> u64 {
        let mut bag = beside;
        let item = bag.add(piece);
        let body = ContextRetrieved {
            item,
            source: Given::Absent,
            provenance: Given::Absent,
            owner: Given::Absent,
            retrieved: moment.time.into(),
            fresh_until: Given::Absent,
            label: Given::Absent,
            tenant_filter: Given::Absent,
            filter_origin: Given::Absent,
            query: None,
        };
        let mut draft = self.draft(names::own(actors::SERVICE), origin, moment, body);
        draft.causes = Causes::of([OPENING]);
        draft.labels = vec![label(Trust::External)];
        draft.contents = bag.into_contents();
        self.push(draft)
    }

    /// Records a call at its place, led to by one record.
    fn propose(
        &mut self,
        place: Place,
        call: Call<'a>,
        origin: Origin,
        cause: u64,
        moment: &Moment,
    ) -> usize {
        let tool = self.name(names::of(&call.tool), &call.tool, &call.pointer);
        let mut bag = Bag::default();
        let arguments = call.arguments.as_ref().map(|arguments| bag.add(arguments));
        let call_id = call.id.as_ref().map(|id| bag.add(&Piece::text(id.as_ref())));
        let body = ToolProposed {
            tool,
            arguments: arguments.into(),
            call_id,
            expected_effect: None,
            retry_of: None,
        };
        let mut draft = self.draft(place.agent.clone(), origin, moment, body);
        draft.place = Some(place.clone());
        draft.causes = Causes::of([cause]);
        draft.contents = bag.into_contents();
        let record = self.push(draft);
        self.calls.add(call, place, record)
    }

    /// Records a result: the end of the call found for it, or data without one. Returns the record.
    fn end(&mut self, found: Option<Found>, returned: &Returned<'a>, moment: &Moment) -> u64 {
        let Some((found, call)) = found.and_then(|found| Some((found, self.calls.get(found.index)?))) else {
            self.notes.add(&Path::at(&returned.pointer), NoteKind::ResultWithoutCall);
            return self.stray(returned, moment);
        };
        let mut ended = Ended::of(returned);
        ended.beside(returned, returned.rest(Some(&call.call)));
        let mut draft = self.draft(names::own(actors::TOOLS), Origin::Tool, moment, ended.body);
        draft.place = Some(call.place.clone());
        draft.causes = Causes::of([call.record]);
        draft.labels = vec![label(Trust::External)];
        draft.contents = ended.bag.into_contents();
        let record = self.push(draft);
        self.calls.end(found.index, record);
        if found.is_ambiguous {
            self.notes.add(&Path::at(&returned.pointer), NoteKind::RepeatedCallId);
        }
        record
    }

    /// Records a result that belongs to no call.
    fn stray(&mut self, returned: &Returned<'a>, moment: &Moment) -> u64 {
        let mut bag = Bag::default();
        returned.id.iter().for_each(|id| bag.beside(MediaType::Text, Cow::Borrowed(id)));
        returned.error.iter().for_each(|error| bag.beside(error.media, Cow::Borrowed(&error.bytes)));
        returned.rest(None).into_iter().for_each(|rest| bag.beside(MediaType::Json, rest.into()));
        returned.texts.iter().for_each(|text| bag.repeat(text));
        self.retrieve(&returned.result, bag, Origin::Tool, moment)
    }

    /// Records an answer and what it proposes: each call at its place, then the results that came with it, then what
    /// it hands to the user: text without calls.
    fn answer(
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
    fn open_turn(&mut self, agent: usize) -> Place {
        let id = self.agent_id(agent);
        let turn = self.agents.get_mut(agent).map_or(0, |agent| {
            let turn = agent.turn;
            agent.turn = turn.saturating_add(1);
            turn
        });
        Place { agent: id, turn, index: 0, attempt: 0 }
    }

    fn output(&mut self, agent: usize, piece: &Piece<'_>, cause: u64, moment: &Moment) {
        let mut bag = Bag::default();
        let output = bag.add(piece);
        let mut draft = self.draft(self.agent_id(agent), Origin::Model, moment, OutputProduced { output });
        draft.causes = Causes::of([cause]);
        draft.contents = bag.into_contents();
        self.push(draft);
    }
}

/// What is known of an answer beside its messages.
struct Facts {
    /// The turn.
    place: Place,
    /// The prompt it answers.
    prompt: Option<u64>,
    /// The body but for what the messages say.
    body: PromptAnswered,
}

/// The records of an answer.
struct Answered {
    /// Its own.
    record: u64,
    /// Those of the results that came with it.
    ends: Vec<u64>,
}

/// The end of a call in the making.
struct Ended {
    body: Body,
    bag: Bag,
}

impl Ended {
    fn of(returned: &Returned<'_>) -> Self {
        let mut bag = Bag::default();
        let result = (!returned.failed || !is_nothing(&returned.result)).then(|| bag.add(&returned.result));
        let error = returned.error.as_ref().map(|error| bag.add(error));
        let call_id = returned.id.as_ref().map(|id| bag.add(&Piece::text(id.as_ref())));
        let body = match result {
            Some(result) if !returned.failed => {
                let (duration_us, spend_micros, label) = (None, None, None);
                ToolReturned { result, duration_us, spend_micros, label, call_id }.into()
            }
            result => {
                ToolFailed { class: FailureClass::Tool, error, result, duration_us: None, call_id }.into()
            }
        };
        Self { body, bag }
    }

    /// Keeps what the body has no field for.
    fn beside(&mut self, returned: &Returned<'_>, rest: Option<Vec<u8>>) {
        if let Some(rest) = rest {
            self.bag.beside(MediaType::Json, rest.into());
        }
        for text in &returned.texts {
            self.bag.repeat(text);
        }
    }
}

/// What a prompt says of a result: the result, and the error.
fn parts_of<'a>(returned: &Returned<'a>, from: Option<u64>) -> impl Iterator<Item = Part<'a>> {
    let says_result = returned.error.is_none() || !is_nothing(&returned.result);
    let result = says_result.then(|| returned.result.clone());
    let pieces = result.into_iter().chain(returned.error.clone());
    pieces.map(move |piece| Part { role: Role::Tool, piece, about: None, from })
}

/// Whether a result says nothing: it is empty, or `null`.
fn is_nothing(piece: &Piece<'_>) -> bool {
    piece.bytes.is_empty() || (piece.media == MediaType::Json && piece.bytes.as_ref() == b"null")
}

/// The texts that an answer says.
fn said<'m, 'a>(messages: &'m [Message<'a>]) -> impl Iterator<Item = &'m Piece<'a>> {
    messages.iter().flat_map(|message| &message.sections).filter_map(|section| match section {
        Section::Says(piece) => Some(piece),
        Section::Reasons(_) | Section::Calls(_) | Section::Returns(_) => None,
    })
}

/// The raw reply: the text where that is all, else the message as it stands, else the list of messages.
fn raw_of<'a>(messages: &[Message<'a>]) -> Option<Piece<'a>> {
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

/// The label of everything a record brings. How sensitive it is no source says: of what comes from outside the highest is
/// assumed, as CTX-1 has it.
fn label(trust: Trust) -> SourceLabel {
    let sensitivity = if trust == Trust::External { Sensitivity::Restricted } else { Sensitivity::Internal };
    let label = Label { trust, sensitivity };
    SourceLabel { content: None, from: None, to: None, label }
}
