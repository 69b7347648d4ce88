//! The questions that a run puts to its policy, made again while its records are derived.
//!
//! A run with a policy layer asks where its gate decided, and nowhere else. A run without one was recorded by something that asks nobody: each of
//! its calls is a question, at the moment it was proposed.

use std::collections::BTreeMap;

use rederive_archive::storage::ReadAt;
use rederive_archive::{ContentReader, ReadFault, TraceReader};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::memory::{MemoryKey, MemoryWritten};
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::ToolProposed;
use rederive_evidence::record::{Extracted, Input, Record};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{EffectsClass, Layer, Place};
use rederive_machine::{Machine, RegisteredTool};
use rederive_policy::PolicyRequest;
use rederive_policy::assemble::{self, Asked, AskedWrite, MEMORY_WRITE};
use rederive_policy::request::{ApprovalFact, ToolFacts};

use crate::calls::{CallEnd, Registries, RunCall};
use crate::extracted::{ExtractedAgain, SaidSoFar, latest, read};
use crate::inquiry::{Inquiry, Question, Visitor};
use crate::observer::Observer;
use crate::writes::{HeldWrite, Writes};

/// What is remembered of a call while it is live.
struct Live {
    number: usize,
    tool: Id,
    arguments: Option<Digest>,
    extracted: Option<Extracted>,
    asked: Option<RecordedTime>,
    detected: Vec<DetectedClass>,
}

/// The questions of a run from its first record on, for whoever hears them.
pub(crate) struct Questions<'a, F, V> {
    arguments: ContentReader<'a, F>,
    extracted: ExtractedAgain<'a, F>,
    said: SaidSoFar<'a, F>,
    opened: &'a RunOpened,
    registries: &'a dyn Registries,
    visitor: V,
    calls: Vec<RunCall>,
    live: BTreeMap<Place, Live>,
    approvals: BTreeMap<Id, ApprovalFact>,
    /// The classes of effect that the user's messages have asked for so far.
    asks: Vec<EffectsClass>,
    decides: bool,
    registry: Option<Digest>,
    writes: Writes,
    /// The extracted part of the record that is about to take effect, as the latest version has it.
    next: Option<Extracted>,
}

impl<F: ReadAt, V: Visitor> Observer for Questions<'_, F, V> {
    fn before(&mut self, record: &Record, machine: &Machine) -> Result<(), ReadFault> {
        let input = &record.input;
        if let Body::DecisionMade(decision) = &input.body {
            self.decision(record, decision, machine)?;
        }
        if let Body::MemoryWritten(written) = &input.body
            && record.derived.outcome == Outcome::Applied
        {
            self.written(input, written)?;
        }
        self.visitor.passes(record)?;
        self.next = latest(&mut self.extracted, &mut self.said, record, machine)?;
        Ok(())
    }

    fn after(&mut self, record: &Record, machine: &Machine) -> Result<(), ReadFault> {
        let (input, extracted) = (&record.input, self.next.take());
        let Body::ToolProposed(proposed) = &input.body else {
            self.follow(record, extracted.as_ref());
            return Ok(());
        };
        self.proposed(input, proposed, extracted);
        let Some(place) = &input.place else { return Ok(()) };
        if !self.decides {
            let question = self.question(place, None, machine)?;
            self.ask(record, place, (None, question))?;
        }
        if record.derived.outcome == Outcome::Refused {
            self.end(place, CallEnd::Blocked);
        }
        Ok(())
    }

    fn verified(&mut self) -> Result<(), ReadFault> {
        self.visitor.verified()
    }
}

impl<'a, F: ReadAt, V: Visitor> Questions<'a, F, V> {
    /// The questions of the run of `reader`, which `opened` opens.
    pub(crate) fn new(
        reader: &'a TraceReader<F>,
        opened: &'a RunOpened,
        registries: &'a dyn Registries,
        visitor: V,
    ) -> Self {
        Self {
            arguments: reader.content_reader(),
            extracted: ExtractedAgain::new(reader),
            said: SaidSoFar::new(reader),
            opened,
            registries,
            visitor,
            calls: Vec::new(),
            live: BTreeMap::new(),
            approvals: BTreeMap::new(),
            asks: Vec::new(),
            decides: opened.layers.contains(&Layer::Policy),
            registry: opened.registry.known().copied(),
            writes: Writes::default(),
            next: None,
        }
    }

    /// No record comes any more: the run's calls, in the order in which they were proposed, and who heard what they asked.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) fn end_of_run(mut self) -> Result<(Vec<RunCall>, V), ReadFault> {
        // What was permitted and never written.
        let left = self.writes.drain();
        left.into_iter().try_for_each(|held| self.unwritten(held))?;
        self.visitor.verified()?;
        Ok((self.calls, self.visitor))
    }

    /// A decision that was recorded. One that the machine refused decided nothing.
    fn decision(
        &mut self,
        record: &Record,
        decision: &DecisionMade,
        machine: &Machine,
    ) -> Result<(), ReadFault> {
        let Some(place) = &decision.request.call else {
            return self.decision_to_write(record, decision, machine);
        };
        let mut question = self.question(place, decision.request.arguments.known().copied(), machine)?;
        if let Question::Whole(request) = &mut question {
            request.approval = decision.approval.as_ref().and_then(|name| self.approvals.get(name)).cloned();
        }
        self.ask(record, place, (Some(decision), question))
    }

    /// A decision on a memory write. Where it is a permit, what is then written is what was asked about.
    fn decision_to_write(
        &mut self,
        record: &Record,
        decision: &DecisionMade,
        machine: &Machine,
    ) -> Result<(), ReadFault> {
        let held = HeldWrite {
            terms: self.terms(decision, machine),
            record: record.clone(),
            decision: decision.clone(),
            registry: self.registry,
        };
        match self.writes.hold(held) {
            Some(held) => self.unwritten(held),
            None => Ok(()),
        }
    }

    /// The question of a decision on a memory write but for its arguments; none where no registry says what memory is.
    fn terms(&self, decision: &DecisionMade, machine: &Machine) -> Option<PolicyRequest> {
        let registry = self.registries.registry(self.registry.as_ref())?;
        let (agent, tool) = (&decision.request.actor, Id::new(MEMORY_WRITE).ok()?);
        let known = machine.write_request(agent)?;
        let asked = AskedWrite {
            opened: self.opened,
            machine,
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
    fn written(&mut self, input: &Input, written: &MemoryWritten) -> Result<(), ReadFault> {
        let agent = input.place.as_ref().map_or(&input.actor, |place| &place.agent);
        let Some(value) = input.contents.get(usize::from(written.value.0)) else { return Ok(()) };
        let Some(held) = self.writes.take(agent, &value.commitment) else { return Ok(()) };
        self.ask_of_write(held, &written.item)
    }

    /// A decision on a memory write that no write follows: its request says of which item it was, where that was kept.
    fn unwritten(&mut self, held: HeldWrite) -> Result<(), ReadFault> {
        let item = match &held.decision.request.target {
            Some(target) => read(&mut self.arguments, target)?,
            None => None,
        };
        match item.and_then(|text| assemble::parse_item(&text)) {
            Some(item) => self.ask_of_write(held, &item),
            None => self.visitor.asks_of_no_call(&held.record),
        }
    }

    /// Asks about a write of the value that the decision names to this item.
    fn ask_of_write(&mut self, held: HeldWrite, item: &MemoryKey) -> Result<(), ReadFault> {
        let bytes = match held.decision.request.arguments.known() {
            Some(value) => read(&mut self.arguments, value)?,
            None => None,
        };
        let HeldWrite { record, decision, registry, terms } = held;
        let question = match (terms, bytes) {
            (None, _) => Question::NoRegistry,
            (Some(_), None) => Question::Redacted,
            (Some(terms), Some(bytes)) => Question::of(assemble::written(terms, item, &bytes)),
        };
        let decision = Some(&decision);
        self.visitor.asked(Inquiry { record: &record, call: None, decision, registry, question })
    }

    fn ask(
        &mut self,
        record: &Record,
        place: &Place,
        (decision, question): (Option<&DecisionMade>, Question),
    ) -> Result<(), ReadFault> {
        self.visitor.asked(Inquiry {
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
    fn question(
        &mut self,
        place: &Place,
        commitment: Option<Digest>,
        machine: &Machine,
    ) -> Result<Question, ReadFault> {
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
        let registered = machine.state().tool(&live.tool);
        let facts = match &registry {
            Some(registry) => registry.facts(&live.tool).cloned(),
            None => registered.and_then(|tool| as_registered(tool)),
        };
        let asked = Asked {
            opened: self.opened,
            machine,
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
