//! The calls of a run, and the questions that they put to a policy: the records one after the other, answered by the machine again.
//!
//! A run with a policy layer asks where its gate decided, and nowhere else. A run without one was recorded by something that asks nobody: each of
//! its calls is a question, at the moment it was proposed.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rederive_archive::storage::{Effect, Operation, ReadAt, StoreError};
use rederive_archive::{ContentReader, ReadFault, TraceReader};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::memory::MemoryWritten;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::ToolProposed;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Extracted, Input, Record};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{EffectsClass, Layer, Place};
use rederive_machine::{Machine, RegisteredTool};
use rederive_policy::arguments::ArgumentsFault;
use rederive_policy::assemble::{self, Asked, AskedWrite, MEMORY_WRITE};
use rederive_policy::request::{ApprovalFact, ToolFacts};
use rederive_policy::{PolicyRequest, Registry};

use crate::extracted::{ExtractedAgain, SaidSoFar, latest, read};
use crate::records::{Records, RecordsFault};
use crate::writes::{HeldWrite, Writes};

/// How a call ended, as far as the records tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallEnd {
    /// The tool gave a result.
    Returned,
    /// The tool was called, and it failed.
    Failed,
    /// The tool was not called.
    Blocked,
    /// The tool was called, and nobody knows how that ended.
    Unknown,
    /// No record tells.
    Open,
}

impl CallEnd {
    /// The end that a record of this kind is.
    fn of(kind: Kind) -> Option<Self> {
        let ends = [
            (Kind::ToolReturned, Self::Returned),
            (Kind::ToolFailed, Self::Failed),
            (Kind::ToolBlocked, Self::Blocked),
            (Kind::ToolUnknown, Self::Unknown),
        ];
        ends.into_iter().find(|(of, _)| *of == kind).map(|(_, end)| end)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Open => "open",
        }
    }
}

/// A call of a run.
#[derive(Clone, Debug)]
pub struct RunCall {
    /// Record of the proposal.
    pub record: u64,
    /// The tool.
    pub tool: Id,
    /// How it ended.
    pub end: CallEnd,
}

/// What can be asked about a call.
pub(crate) enum Question {
    /// The whole request.
    Whole(Box<PolicyRequest>),
    /// The arguments are larger than a policy is asked about: the answer is that of one that could not be evaluated.
    TooLarge(ArgumentsFault),
    /// The arguments are redacted: nobody can ask again.
    Redacted,
    /// What is asked about stands in a registry alone, and none is at hand.
    NoRegistry,
}

impl Question {
    fn of(request: Result<PolicyRequest, ArgumentsFault>) -> Self {
        match request {
            Ok(request) => Self::Whole(Box::new(request)),
            Err(fault) => Self::TooLarge(fault),
        }
    }
}

/// A question that a run puts to its policy.
pub(crate) struct Inquiry<'r> {
    /// The decision's record, or the proposal's.
    pub(crate) record: &'r Record,
    /// The call's number in the run; none where it was never proposed.
    pub(crate) call: Option<usize>,
    pub(crate) decision: Option<&'r DecisionMade>,
    /// The registry in force, by its digest.
    pub(crate) registry: Option<Digest>,
    pub(crate) question: Question,
}

/// Who looks on while a run is walked.
pub(crate) trait Visitor {
    /// A question, before its decision takes effect; one about a memory write when that comes.
    fn asked(&mut self, inquiry: Inquiry<'_>) -> Result<(), ReadFault>;

    /// A decision that is for no call, and of which nothing tells what it was asked for.
    fn asks_of_no_call(&mut self, _record: &Record) -> Result<(), ReadFault> {
        Ok(())
    }

    /// Every record, before it takes effect.
    fn passes(&mut self, _record: &Record) -> Result<(), ReadFault> {
        Ok(())
    }
}

/// What is remembered of a call while it is live.
struct Live {
    number: usize,
    tool: Id,
    arguments: Option<Digest>,
    extracted: Option<Extracted>,
    asked: Option<RecordedTime>,
    detected: Vec<DetectedClass>,
}

/// A walk over a run. What the walk sees is verified: its trace was replayed at state level before.
pub(crate) struct Calls<'a, F> {
    records: Records<'a, F>,
    arguments: ContentReader<'a, F>,
    extracted: ExtractedAgain<'a, F>,
    said: SaidSoFar<'a, F>,
    opened: &'a RunOpened,
    registries: &'a dyn Registries,
    machine: Machine,
    pub(crate) calls: Vec<RunCall>,
    live: BTreeMap<Place, Live>,
    approvals: BTreeMap<Id, ApprovalFact>,
    /// The classes of effect that the user's messages have asked for so far.
    asks: Vec<EffectsClass>,
    decides: bool,
    registry: Option<Digest>,
    writes: Writes,
}

/// Where registries are found.
pub trait Registries: Sync {
    /// The registry for runs that pin this one; none: it is not at hand.
    fn registry(&self, pinned: Option<&Digest>) -> Option<Arc<Registry>>;
}

impl Registries for Arc<Registry> {
    /// This one for every run.
    fn registry(&self, _: Option<&Digest>) -> Option<Arc<Registry>> {
        Some(Self::clone(self))
    }
}

impl<'a, F: ReadAt> Calls<'a, F> {
    /// A walk over the run of `reader`, which `opened` opens.
    pub(crate) fn new(
        reader: &'a TraceReader<F>,
        opened: &'a RunOpened,
        registries: &'a dyn Registries,
    ) -> Self {
        Self {
            records: Records::from_segment(reader, 0),
            arguments: reader.content_reader(),
            extracted: ExtractedAgain::new(reader),
            said: SaidSoFar::new(reader),
            opened,
            registries,
            machine: Machine::new(),
            calls: Vec::new(),
            live: BTreeMap::new(),
            approvals: BTreeMap::new(),
            asks: Vec::new(),
            decides: opened.layers.contains(&Layer::Policy),
            registry: opened.registry.known().copied(),
            writes: Writes::default(),
        }
    }

    /// Walks the records below `end`, all of which were read before.
    ///
    /// # Errors
    /// The storage failed, or no longer gives what it gave.
    pub(crate) fn walk(&mut self, end: u64, visitor: &mut impl Visitor) -> Result<(), ReadFault> {
        // What stands from `end` on need not even be a record.
        for _ in 0..end {
            let Some(frame) = self.records.next() else { break };
            let frame = frame.map_err(again)?;
            let (segment, byte) = (frame.segment, frame.byte);
            let record =
                frame.record().map_err(|error| again(RecordsFault::Frame { segment, byte, error }))?;
            self.record(&record, visitor)?;
        }
        // What was permitted and never written.
        self.writes.drain().try_for_each(|held| visitor.asks_of_no_call(&held.record))
    }

    fn record(&mut self, record: &Record, visitor: &mut impl Visitor) -> Result<(), ReadFault> {
        let input = &record.input;
        if let Body::DecisionMade(decision) = &input.body {
            self.decision(record, decision, visitor)?;
        }
        if let Body::MemoryWritten(written) = &input.body
            && record.derived.outcome == Outcome::Applied
        {
            self.written(input, written, visitor)?;
        }
        visitor.passes(record)?;
        let extracted = latest(&mut self.extracted, &mut self.said, record, &self.machine)?;
        let answer = self.machine.decide(input, record.extracted.as_ref());
        self.machine.commit(answer.transition);
        let Body::ToolProposed(proposed) = &input.body else {
            self.follow(record, extracted.as_ref());
            return Ok(());
        };
        self.proposed(input, proposed, extracted);
        let Some(place) = &input.place else { return Ok(()) };
        if !self.decides {
            let question = self.question(place, None)?;
            self.ask(record, place, (None, question), visitor)?;
        }
        if record.derived.outcome == Outcome::Refused {
            self.end(place, CallEnd::Blocked);
        }
        Ok(())
    }

    /// A decision that was recorded. One that the machine refused decided nothing.
    fn decision(
        &mut self,
        record: &Record,
        decision: &DecisionMade,
        visitor: &mut impl Visitor,
    ) -> Result<(), ReadFault> {
        let Some(place) = &decision.request.call else {
            return self.decision_to_write(record, decision, visitor);
        };
        let mut question = self.question(place, decision.request.arguments.known().copied())?;
        if let Question::Whole(request) = &mut question {
            request.approval = decision.approval.as_ref().and_then(|name| self.approvals.get(name)).cloned();
        }
        self.ask(record, place, (Some(decision), question), visitor)
    }

    /// A decision on a memory write. Where it is a permit, the write is what tells what was asked about.
    fn decision_to_write(
        &mut self,
        record: &Record,
        decision: &DecisionMade,
        visitor: &mut impl Visitor,
    ) -> Result<(), ReadFault> {
        let held = HeldWrite {
            terms: self.terms(decision),
            record: record.clone(),
            decision: decision.clone(),
            registry: self.registry,
        };
        match self.writes.hold(held) {
            Some(held) => visitor.asks_of_no_call(&held.record),
            None => Ok(()),
        }
    }

    /// The question of a decision on a memory write but for its arguments; none where no registry says what memory is.
    fn terms(&self, decision: &DecisionMade) -> Option<PolicyRequest> {
        let registry = self.registries.registry(self.registry.as_ref())?;
        let (agent, tool) = (&decision.request.actor, Id::new(MEMORY_WRITE).ok()?);
        let known = self.machine.write_request(agent)?;
        let asked = AskedWrite {
            opened: self.opened,
            machine: &self.machine,
            known: &known,
            agent,
            tool: &tool,
            facts: registry.facts(&tool),
            influence: decision.request.influence,
        };
        let mut terms = asked.terms();
        terms.asked.clone_from(&self.asks);
        Some(terms)
    }

    /// A memory write: what the decision that permits it was asked about.
    fn written(
        &mut self,
        input: &Input,
        written: &MemoryWritten,
        visitor: &mut impl Visitor,
    ) -> Result<(), ReadFault> {
        let agent = input.place.as_ref().map_or(&input.actor, |place| &place.agent);
        let Some(value) = input.contents.get(usize::from(written.value.0)) else { return Ok(()) };
        let Some(held) = self.writes.take(agent, &value.commitment) else { return Ok(()) };
        let bytes = read(&mut self.arguments, &value.commitment)?;
        let question = match (held.terms, bytes) {
            (None, _) => Question::NoRegistry,
            (Some(_), None) => Question::Redacted,
            (Some(terms), Some(bytes)) => Question::of(assemble::written(terms, &written.item, &bytes)),
        };
        let decision = Some(&held.decision);
        visitor.asked(Inquiry {
            record: &held.record,
            call: None,
            decision,
            registry: held.registry,
            question,
        })
    }

    fn ask(
        &self,
        record: &Record,
        place: &Place,
        (decision, question): (Option<&DecisionMade>, Question),
        visitor: &mut impl Visitor,
    ) -> Result<(), ReadFault> {
        visitor.asked(Inquiry {
            record,
            call: self.live.get(place).map(|live| live.number),
            decision,
            registry: self.registry,
            question,
        })
    }

    /// Notes a proposed call.
    fn proposed(&mut self, input: &Input, proposed: &ToolProposed, extracted: Option<Extracted>) {
        let number = self.calls.len();
        self.calls.push(RunCall { record: input.sequence, tool: proposed.tool.clone(), end: CallEnd::Open });
        let Some(place) = &input.place else { return };
        let arguments = proposed
            .arguments
            .known()
            .and_then(|content| input.contents.get(usize::from(content.0)).map(|entry| entry.commitment));
        let live = Live {
            number,
            tool: proposed.tool.clone(),
            arguments,
            extracted,
            asked: input.time,
            detected: Vec::new(),
        };
        let _ = self.live.insert(place.clone(), live);
    }

    /// What the other records tell of calls and of what the user asks for.
    fn follow(&mut self, record: &Record, extracted: Option<&Extracted>) {
        let input = &record.input;
        if let Some(asks) = extracted.and_then(|extracted| extracted.asks.as_ref()) {
            self.asks.extend(asks);
            self.asks.sort_unstable();
            self.asks.dedup();
        }
        if let Body::PolicyChanged(changed) = &input.body
            && record.derived.outcome == Outcome::Applied
        {
            self.registry = changed.registry.or(self.registry);
        }
        if let Body::GuardrailDetected(detected) = &input.body {
            let inspected = |live: &&mut Live| live.arguments == Some(detected.inspected);
            let of = self.live.values_mut().filter(inspected);
            of.for_each(|live| live.detected.extend(&detected.classes));
        }
        if let Body::ApprovalApproved(approved) = &input.body {
            let fact = ApprovalFact {
                id: approved.approval.clone(),
                approver: approved.word.approver.clone(),
                signed: approved.word.signature.is_some(),
            };
            let _ = self.approvals.insert(fact.id.clone(), fact);
        }
        let Some(place) = &input.place else { return };
        if let (Body::ToolRequested(_), Some(live)) = (&input.body, self.live.get_mut(place)) {
            live.asked = input.time;
        } else if let Some(end) = CallEnd::of(input.body.kind()) {
            self.end(place, end);
        }
    }

    fn end(&mut self, place: &Place, end: CallEnd) {
        let Some(live) = self.live.remove(place) else { return };
        if let Some(call) = self.calls.get_mut(live.number) {
            call.end = end;
        }
    }

    /// The question about the call at this place, whose arguments have this commitment: those proposed where none is given.
    fn question(&mut self, place: &Place, commitment: Option<Digest>) -> Result<Question, ReadFault> {
        let live = self.live.get(place);
        let proposed = live.and_then(|live| live.arguments);
        let arguments = match commitment.or(proposed) {
            Some(commitment) => read(&mut self.arguments, &commitment)?,
            // The model gave none.
            None => Some(b"null".to_vec()),
        };
        let (Some(arguments), Some(live)) = (arguments, live) else { return Ok(Question::Redacted) };
        let are_proposed = commitment.is_none() || commitment == proposed;
        let registry = self.registries.registry(self.registry.as_ref());
        let registered = self.machine.state().tool(&live.tool);
        let facts = match &registry {
            Some(registry) => registry.facts(&live.tool).cloned(),
            None => registered.and_then(|tool| as_registered(tool)),
        };
        let asked = Asked {
            opened: self.opened,
            machine: &self.machine,
            place,
            tool: &live.tool,
            facts: facts.as_ref(),
            arguments: &arguments,
            extracted: live.extracted.as_ref().filter(|_| are_proposed),
            detected: &live.detected,
            sandbox: registered.and_then(|tool| tool.sandbox.as_ref()),
            time: live.asked,
        };
        Ok(Question::of(asked.request().map(|mut request| {
            request.asked.clone_from(&self.asks);
            request
        })))
    }
}

/// What a run's own records say of a tool, where no registry is at hand: all but what its arguments are.
fn as_registered(tool: &RegisteredTool) -> Option<ToolFacts> {
    let mut facts = ToolFacts::of(tool.surface.clone()?, tool.effects?);
    facts.version.clone_from(&tool.version);
    facts.reversible = tool.reversible.unwrap_or(facts.reversible);
    facts.preview = tool.preview;
    facts.result = tool.result_label.unwrap_or(facts.result);
    facts.clearance = tool.clearance.unwrap_or(facts.clearance);
    Some(facts)
}

/// A record that could be read before and cannot now: the file has changed in between.
fn again(fault: RecordsFault) -> ReadFault {
    match fault {
        RecordsFault::Read(fault) => fault,
        fault @ RecordsFault::Frame { .. } => ReadFault::Store(StoreError {
            operation: Operation::Read,
            path: PathBuf::new(),
            effect: Effect::NothingWritten,
            source: io::Error::other(fault.to_string()),
        }),
    }
}
