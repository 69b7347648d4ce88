//! From a transcript to drafts: one draft a record, in order, each naming earlier ones by their number.

mod answer;
mod bag;
mod calls;
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
use rederive_evidence::kinds::prompt::PromptGiven;
use rederive_evidence::kinds::tool::ToolRegistered;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Origin, Role, Sensitivity, SourceLabel, TraceContext, Trust};

use crate::fault::{NoteKind, Notes, Path, ValueFault};
use crate::message::{Message, Piece};
use crate::names::{self, Named, actors};
use crate::pairing::Calls;
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
                clearance: None,
                sandbox: None,
                credential: None,
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
}

/// The label of everything a record brings. How sensitive it is no source says: of what comes from outside the highest is
/// assumed, as CTX-1 has it.
fn label(trust: Trust) -> SourceLabel {
    let sensitivity = if trust == Trust::External { Sensitivity::Restricted } else { Sensitivity::Internal };
    let label = Label { trust, sensitivity };
    SourceLabel { content: None, from: None, to: None, label }
}
