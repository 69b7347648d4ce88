//! Steps 1 to 4: the intent is on record, its arguments are inspected and valid, and the gate is asked.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::tool::{ToolPreviewed, ToolProposed, ToolRequested, ToolValidated};
use rederive_evidence::record::Extracted;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Label};
use rederive_machine::Machine;

use crate::cast::named;
use crate::fate::Why;
use crate::inner::{Inner, Own, applied};
use crate::intent::Intent;
use crate::live::{Live, bring};
use crate::outcome::{Compared, LACKS_FIELDS};
use crate::ports::{CallFacts, Component, Expectation, Payload, PortFault, Stage, Standing};
use crate::registry::{Acts, Aims, Registered};

impl Inner {
    /// A call that was proposed, inspected, validated and requested.
    pub(crate) fn prepare(
        self: &Arc<Self>,
        intent: Intent,
        cancelled: Arc<AtomicBool>,
        own: &mut Own,
    ) -> Result<Live, Why> {
        let mut live = self.propose(intent, cancelled, own)?;
        let prepared = self.ask_gate(&mut live);
        own.entered = Some(live.last);
        prepared.map(|()| live)
    }

    /// Steps 2 to 4.
    fn ask_gate(self: &Arc<Self>, live: &mut Live) -> Result<(), Why> {
        self.inspect_arguments(live)?;
        self.validate(live)?;
        for stage in [Stage::Destination, Stage::Task] {
            self.inspect_as_it_is(live, stage)?;
        }
        self.check_sandbox(live)?;
        self.expect(live)?;
        self.preview(live)?;
        self.request(live)
    }

    /// Step 1: the intent, as the planner wrote it. The machine refuses a tool that is not registered, arguments that its schema does not take,
    /// and a place that is not the call's.
    fn propose(&self, intent: Intent, cancelled: Arc<AtomicBool>, own: &mut Own) -> Result<Live, Why> {
        let body = ToolProposed {
            tool: intent.tool.clone(),
            arguments: Given::Absent,
            call_id: None,
            expected_effect: None,
            retry_of: intent.retry_of(),
        };
        let mut draft = Draft::new(intent.place.agent.clone(), intent.origin, body.clone());
        draft.place = Some(intent.place.clone());
        draft.causes = intent.causes.clone();
        draft.trace = intent.trace.clone();
        let arguments = Given::Known(bring(&mut draft, &intent.arguments));
        let call_id = intent.call_id.as_ref().map(|call_id| bring(&mut draft, call_id));
        let expected_effect = intent.expected_effect.as_ref().map(|expected| bring(&mut draft, expected));
        draft.body = ToolProposed { arguments, call_id, expected_effect, ..body }.into();
        let proposed = applied(self.trail.append(own.epoch, draft)?)?;
        own.entered = Some(proposed.sequence);

        // The machine lets no call of another tool through; without this one nobody could be called.
        let tool = self.registry.get(&intent.tool);
        let tool = tool.ok_or(PortFault::Missing { component: Component::Tool })?;
        let arguments = self.trail.commitment(own.epoch, intent.arguments.bytes())?;
        let expected = match &intent.expected_effect {
            Some(expected) => Some(self.trail.commitment(own.epoch, expected.bytes())?),
            None => None,
        };
        let standing = self.trail.read(own.epoch, |machine| influence(machine, &intent.place))?;
        let facts = self.facts(intent.clone(), &tool, arguments, standing)?;
        Ok(Live {
            epoch: own.epoch,
            tool,
            facts: Arc::new(facts),
            extracted: proposed.extracted,
            detected: Vec::new(),
            proposed: proposed.sequence,
            causes: intent.causes.clone(),
            last: proposed.sequence,
            requested: None,
            target: None,
            expected,
            diff: None,
            expectation: None,
            revises: intent.revises,
            approved: None,
            cancelled,
        })
    }

    pub(crate) fn facts(
        &self,
        intent: Intent,
        tool: &Registered,
        arguments_commitment: Digest,
        influence: Label,
    ) -> Result<CallFacts, Why> {
        let Aims { target, destinations } = tool.aims(&intent.arguments);
        Ok(CallFacts {
            run: self.trail.run()?,
            tenant: self.opened.tenant.clone(),
            session: self.opened.session.id.clone(),
            principal: self.opened.principal.id.clone(),
            request: named("request", &intent.place),
            place: intent.place,
            tool: intent.tool,
            version: tool.version.clone(),
            surface: tool.facts.surface.clone(),
            effects: tool.facts.effects,
            reversible: tool.facts.reversible,
            target,
            destinations,
            arguments: intent.arguments,
            arguments_commitment,
            goal: self.goal.clone(),
            expected_effect: intent.expected_effect,
            owner: self.opened.owner.known().cloned(),
            standing: Standing { influence, carriage: None },
        })
    }

    /// The arguments that guardrails put in the place of those proposed: nothing that was extracted of the first ones holds of them.
    pub(crate) fn use_arguments(&self, live: &mut Live, arguments: Payload) -> Result<(), Why> {
        let commitment = self.trail.commitment(live.epoch, arguments.bytes())?;
        let facts = Arc::make_mut(&mut live.facts);
        Aims { target: facts.target, destinations: facts.destinations } = live.tool.aims(&arguments);
        facts.arguments = arguments;
        facts.arguments_commitment = commitment;
        live.extracted = None::<Extracted>;
        Ok(())
    }

    /// Step 2: what is to be sent satisfies the schema, in the form that guardrails left it in.
    fn validate(&self, live: &mut Live) -> Result<(), Why> {
        if !live.tool.accepts(&live.facts.arguments) {
            return Err(Why::Schema);
        }
        let schema = self.trail.commitment(live.epoch, live.tool.schema.bytes())?;
        let body = ToolValidated {
            tool: live.facts.tool.clone(),
            version: live.tool.version.clone().into(),
            schema: Given::Known(schema),
            arguments: live.facts.arguments_commitment,
        };
        let draft = live.draft(&self.cast.broker, body);
        self.step(live, draft).map(|_| ())
    }

    /// GRD-3: what runs commands has a sandbox that can be relied on, or does not run.
    fn check_sandbox(&self, live: &Live) -> Result<(), Why> {
        match &live.tool.acts {
            Acts::Direct(_) => Ok(()),
            Acts::Sandboxed(_) => {
                let sandbox = self.sandbox.clone();
                let sandbox = sandbox.ok_or(PortFault::Missing { component: Component::Sandbox })?;
                Ok(self.ask(Component::Sandbox, self.times.effects, move || sandbox.ready())?)
            }
        }
    }

    /// What is expected of the call, as far as somebody knows the system that it acts in.
    pub(crate) fn expect(&self, live: &mut Live) -> Result<(), Why> {
        let Some(effects) = self.effects.clone().filter(|_| live.facts.effects != EffectsClass::Read) else {
            return Ok(());
        };
        let facts = Arc::clone(&live.facts);
        let (computes, limit) = (effects.expects_by_computing(), self.times.effects);
        let expected: Option<Expectation> =
            self.ask_where(computes, Component::Effects, limit, move || {
                let stated = effects.expect(&facts)?;
                stated.map(Expectation::recorded).transpose()
            })?;
        if let Some(expectation) = &expected {
            let facts = Arc::make_mut(&mut live.facts);
            facts.owner = Some(expectation.owner.clone());
            if facts.expected_effect.is_none() {
                facts.expected_effect = Some(expectation.expected.clone());
                live.expected = Some(self.trail.commitment(live.epoch, expectation.expected.bytes())?);
            }
        }
        live.expectation = expected;
        Ok(())
    }

    /// TOL-6: a tool that offers a preview is previewed before anybody decides.
    fn preview(&self, live: &mut Live) -> Result<(), Why> {
        let Some(preview) = live.tool.preview.clone() else { return Ok(()) };
        let facts = Arc::clone(&live.facts);
        // What is shown as expected is what will be compared.
        let compared =
            live.expectation.as_ref().map_or(Compared::Bytes, |expected| expected.compared.clone());
        let diff: Payload = self.ask(Component::Tool, self.times.effects, move || {
            let diff = preview.diff(&facts)?;
            compared.of_expected(&diff).ok_or_else(|| LACKS_FIELDS.into())
        })?;
        let mut draft =
            live.draft(&self.cast.broker, ToolPreviewed { diff: rederive_evidence::ids::Content(0) });
        let _ = bring(&mut draft, &diff);
        self.step(live, draft)?;
        live.diff = Some(diff);
        expect_what_was_previewed(live);
        Ok(())
    }

    /// Steps 3 and 4: the request, which is its own submission. Target and expected effect are stored with it: their commitments then survive
    /// the process that made them.
    fn request(&self, live: &mut Live) -> Result<(), Why> {
        if let Some(target) = &live.facts.target {
            live.target = Some(self.trail.commitment(live.epoch, target.bytes())?);
        }
        let body = ToolRequested {
            request: live.facts.request.clone(),
            arguments: live.facts.arguments_commitment,
            target: live.target,
        };
        let mut draft = live.draft(&self.cast.broker, body);
        for stored in [&live.facts.target, &live.facts.expected_effect].into_iter().flatten() {
            let _ = bring(&mut draft, stored);
        }
        let requested = self.step(live, draft)?;
        live.requested = requested.time;
        Ok(())
    }
}

/// Of a tool that offers a preview, the effect expected is what was previewed (TOL-6).
pub(crate) fn expect_what_was_previewed(live: &mut Live) {
    if let (Some(expectation), Some(diff)) = (&mut live.expectation, &live.diff) {
        expectation.expected = diff.clone();
    }
}

fn influence(machine: &Machine, place: &rederive_evidence::values::Place) -> Label {
    machine.state().call(place).map_or(Label::UNKNOWN, |call| call.influence.label)
}

/// When something that lasts this long ends, in a session that may end before.
pub(crate) fn ends(now: RecordedTime, lasts_ms: u64, session: Option<RecordedTime>) -> RecordedTime {
    let end = now.plus_ms(lasts_ms);
    session.map_or(end, |session| session.min(end))
}
