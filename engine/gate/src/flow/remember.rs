//! Memory writes: what is kept was inspected, and what outlives the session under external influence was permitted (MEM-3, GRD-4).

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, Request};
use rederive_evidence::kinds::memory::MemoryKey;
use rederive_evidence::record::{Causes, ContentEntry, ContentLength, Input, MediaType};
use rederive_evidence::schema::{Given, to_bytes};
use rederive_evidence::values::{ApprovalPolicy, EffectsClass, Label, Origin, ScopeItem};
use rederive_machine::WriteInfluence;
use rederive_policy::Judgement;
use rederive_policy::assemble::{AskedWrite, MEMORY_WRITE, format_item};
use rederive_recorder::Appended;

use crate::fate::{Unrecorded, Why};
use crate::flow::decide::{JUDGED_MAX, Looked};
use crate::flow::inspect::{Inspected, Inspection, Passed};
use crate::inner::{Inner, applied};
use crate::live::bring;
use crate::ports::{Payload, Stage};
use crate::reliance::Relied;
use crate::trail::Epoch;

/// A memory write that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Its record.
    pub written: Appended,
    /// What memory holds: the value, or what guardrails made of it.
    pub value: Payload,
    /// Whether it is another than was to be written.
    pub is_replaced: bool,
}

/// A write on its way: its draft, and which of the contents is the value.
struct Write {
    draft: Draft,
    item: MemoryKey,
    value: usize,
}

impl Write {
    /// The item that a draft writes to and which content is the value; none where it brings none.
    fn names(draft: &Draft) -> Option<(MemoryKey, usize)> {
        let Body::MemoryWritten(written) = &draft.body else { return None };
        let value = usize::from(written.value.0);
        (value < draft.contents.len()).then(|| (written.item.clone(), value))
    }

    fn value(&self) -> Payload {
        let value = self.draft.contents.get(self.value);
        value.map_or_else(|| Payload::text(""), |value| Payload::new(value.media, value.bytes.as_slice()))
    }

    /// Takes what guardrails left of the value, found at this record.
    fn pass(&mut self, passed: &Passed) {
        if let Some(value) = self.draft.contents.get_mut(self.value).filter(|_| passed.is_replaced) {
            value.bytes = passed.content.bytes().to_vec();
            value.media = passed.content.media();
        }
        self.draft.causes = Causes::of(self.draft.causes.records().chain([passed.record]));
    }

    /// The item, as the decision's record names it.
    fn item_text(&self) -> Payload {
        Payload::new(MediaType::Json, format_item(&self.item).into_bytes())
    }

    fn agent(&self) -> &Id {
        &self.draft.actor
    }
}

impl Inner {
    /// Inspects, puts to the policy where MEM-3 asks for it, and records a memory write.
    pub(crate) fn remember(&self, draft: Draft) -> Result<Remembered, Why> {
        let epoch = self.trail.epoch();
        let Some((item, value)) = Write::names(&draft) else {
            // It brings no value: the recorder says so.
            let written = applied(self.trail.append(epoch, draft)?)?;
            return Ok(Remembered { written, value: Payload::text(""), is_replaced: false });
        };
        let mut write = Write { draft, item, value };
        let passed = self.inspect_write(epoch, &write)?;
        if passed.record > 0 {
            write.pass(&passed);
        }
        // Looked up again: what guardrails found is a cause of the write now, and others record meanwhile.
        let influence = self.influence_on(epoch, &write)?;
        if influence.needs_permit {
            self.permit_write(epoch, &write, influence.label)?;
        }
        let value = write.value();
        let written = applied(self.trail.append(epoch, write.draft)?)?;
        if influence.needs_permit {
            // Permit and write survive a crash together, before anybody builds on them.
            self.trail.keep(epoch, written.sequence)?;
        }
        Ok(Remembered { written, value, is_replaced: passed.is_replaced })
    }

    fn inspect_write(&self, epoch: Epoch, write: &Write) -> Result<Passed, Why> {
        let label = self.influence_on(epoch, write)?.label;
        let inspected = Inspected {
            epoch,
            place: write.draft.place.clone(),
            stage: Stage::MemoryWrite,
            content: write.value(),
            label,
            call: None,
            goal: self.goal.clone(),
            record: write.draft.causes.records().last().unwrap_or(0),
        };
        match self.inspect(inspected)? {
            Inspection::Passed(passed) => Ok(passed),
            Inspection::Stopped(stopped) => Err(Why::Guardrail { rule: stopped.rule }),
        }
    }

    /// What the machine says of the write as it stands.
    fn influence_on(&self, epoch: Epoch, write: &Write) -> Result<WriteInfluence, Why> {
        let commit = |content: &rederive_evidence::draft::DraftContent| -> Result<ContentEntry, Unrecorded> {
            Ok(ContentEntry {
                commitment: self.trail.commitment(epoch, &content.bytes)?,
                bytes: ContentLength(content.bytes.len() as u64),
                media: content.media,
            })
        };
        let contents = write.draft.contents.iter().map(commit).collect::<Result<Vec<_>, _>>()?;
        let now = self.trail.now(epoch)?;
        let found = self.trail.read(epoch, |machine| {
            let draft = &write.draft;
            machine.write_influence(&Input {
                sequence: machine.lineage().len(),
                time: draft.time.or(now),
                actor: draft.actor.clone(),
                origin: draft.origin,
                place: draft.place.clone(),
                causes: draft.causes.clone(),
                labels: draft.labels.clone(),
                identity: draft.identity.clone(),
                trace: draft.trace.clone(),
                graph: draft.graph.clone(),
                clock_stepped: false,
                body: draft.body.clone(),
                contents,
            })
        })?;
        found.ok_or(Why::Stale)
    }

    /// A PERMIT for exactly this value, on record with its receipt. Any answer is recorded with what was asked about, item and value: whoever asks
    /// again finds both, whether anything came to be written or not.
    fn permit_write(&self, epoch: Epoch, write: &Write, influence: Label) -> Result<(), Why> {
        let (value, item) = (write.value(), write.item_text());
        for _ in 0..JUDGED_MAX {
            let looked = self.look_at_write(epoch, write, influence)?;
            let judgement = self.evaluate(&looked);
            let draft = |body: Box<DecisionMade>| {
                let mut draft = Draft::new(self.cast.gate.clone(), Origin::Code, body);
                draft.causes = write.draft.causes.clone();
                let _ = bring(&mut draft, &value);
                let _ = bring(&mut draft, &item);
                draft
            };
            match self.record_decision(epoch, draft, &looked, &judgement, None) {
                Ok((_, made)) if is_permit(&made) => return Ok(()),
                Ok((appended, made)) => {
                    self.trail.keep(epoch, appended.sequence)?;
                    let DecisionMade { decision, directive, reason, rules, .. } = made;
                    return Err(Why::Decision { decision, directive, reason, rules });
                }
                Err(Why::Unrecorded(Unrecorded::Stale)) => {}
                Err(why) => return Err(why),
            }
        }
        Err(Why::Stale)
    }

    fn look_at_write(&self, epoch: Epoch, write: &Write, influence: Label) -> Result<Looked, Why> {
        let (value, agent) = (write.value(), write.agent());
        let (now, commitment) = (self.now(epoch)?, self.trail.commitment(epoch, value.bytes())?);
        let target = self.trail.commitment(epoch, write.item_text().bytes())?;
        let bundle = self.policy.bundle();
        let tool = memory_tool().unwrap_or_else(|| write.item.namespace.clone());
        let asks = self.asks();
        let found = self.trail.read(epoch, |machine| {
            let known = machine.write_request(agent)?;
            let asked = self.memory.as_ref().map(|facts| AskedWrite {
                opened: &self.opened,
                machine,
                known: &known,
                agent,
                tool: &tool,
                facts: Some(facts),
                influence,
            });
            // Memory that no registry speaks of is a tool that is not listed.
            let question = asked.map_or_else(
                || Err(Judgement::unknown_tool()),
                |asked| {
                    asked.request(&write.item, value.bytes()).map_err(rederive_policy::assemble::unanswerable)
                },
            );
            let upto = machine.lineage().len();
            let pinned = known.policies.bundle == Some(bundle);
            Some((question, Relied::on_write(machine, agent), known, pinned, upto))
        })?;
        let (question, relied, known, pinned, upto) = found.ok_or(Why::Stale)?;
        let question = question.map(|mut question| {
            question.asked.clone_from(&asks);
            question
        });
        drop(asks);
        let request = Request {
            id: name(&write.item, upto),
            goal: known.goal.map_or(Given::Absent, Given::Known),
            target: Some(target),
            arguments: Given::Known(commitment),
            ..self.request_of_write(write, tool, influence)
        };
        Ok(Looked { upto, question, relied, request, risks: known.signals, now, pinned, limit: None })
    }

    /// The request of a write, as far as it follows from the write alone: it asks for nothing but this write.
    fn request_of_write(&self, write: &Write, tool: Id, influence: Label) -> Request {
        let listed = self.memory.as_ref().map(|facts| (facts.surface.clone(), facts.effects));
        let (surface, action) = listed.unwrap_or_else(|| (write.item.namespace.clone(), EffectsClass::Write));
        let scope = ScopeItem {
            tool,
            action,
            resource: None,
            tenant: self.opened.tenant.clone(),
            approval: ApprovalPolicy::None,
        };
        Request {
            id: write.item.namespace.clone(),
            call: None,
            goal: Given::Absent,
            actor: write.agent().clone(),
            scope: Given::Known(scope),
            surface,
            action,
            target: None,
            arguments: Given::Absent,
            influence,
            carriage: Given::Known(influence),
            expected_effect: None,
        }
    }
}

/// The name under which memory is asked about.
fn memory_tool() -> Option<Id> {
    Id::new(MEMORY_WRITE).ok()
}

/// A request's name: unique in the run, since two looks at one item are at different records.
fn name(item: &MemoryKey, upto: u64) -> Id {
    let key: Digest = digest(Purpose::Request, &to_bytes(item));
    Id::new(&format!("memory/{upto}/{}", key.to_hex())).unwrap_or_else(|_| item.name.clone())
}

fn is_permit(made: &DecisionMade) -> bool {
    made.decision == Decision::Permit && made.enforcement == Enforcement::Executed
}
