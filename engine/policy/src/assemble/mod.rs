//! How a call becomes a [`PolicyRequest`]: the one way, which the gate goes live, and policy replay and what-if go over recorded runs, so that what
//! is judged again is what was asked.
//!
//! A request follows from the opening record, the machine just before the decision, the records of the call, its arguments and the registry,
//! and from nothing else. Spec: policy-request.

mod leaves;
mod links;
mod provenance;
mod risk;
mod write;

use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::record::Extracted;
use rederive_evidence::values::{ActorType, Place};
use rederive_machine::{Machine, RequestFacts};
use serde_json::Value;

use crate::arguments::{Arguments, ArgumentsFault};
use crate::judgement::Judgement;
use crate::request::{ArgumentRole, Counters, PolicyRequest, RunFacts, ToolFacts};

pub use write::{AskedWrite, MEMORY_WRITE, format_item, parse_item, written};

/// A call that a policy is asked about, as its records and the machine have it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The opening record.
    pub opened: &'a RunOpened,
    /// State and lineage just before the decision.
    pub machine: &'a Machine,
    /// The call.
    pub place: &'a Place,
    /// The tool proposed.
    pub tool: &'a Id,
    /// What the registry says of it; none: it is not listed.
    pub facts: Option<&'a ToolFacts>,
    /// The arguments as they are to be sent.
    pub arguments: &'a [u8],
    /// The extracted part of the proposal, where these are the arguments that were proposed. Of what a guardrail put in their place it says nothing.
    pub extracted: Option<&'a Extracted>,
    /// What guardrails found in the arguments, each once.
    pub detected: &'a [DetectedClass],
    /// The sandbox that the call is to run in.
    pub sandbox: Option<&'a Id>,
    /// When the gate was asked: the time of `tool.requested`.
    pub time: Option<RecordedTime>,
}

impl Asked<'_> {
    /// The question.
    ///
    /// # Errors
    /// The arguments are larger than a policy is asked about: the answer is that of a policy which could not be evaluated.
    pub fn request(&self) -> Result<PolicyRequest, ArgumentsFault> {
        self.request_of(self.machine.request(self.place).as_ref())
    }

    /// The question, where what the machine knows of the call was looked up already.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn request_of(&self, known: Option<&RequestFacts>) -> Result<PolicyRequest, ArgumentsFault> {
        let arguments = arguments(self.arguments)?;
        let mut request = PolicyRequest::new(
            run(self.opened, self.machine, &self.place.agent),
            self.tool.clone(),
            self.facts.cloned(),
        );
        request.target = target(self.facts, &arguments);
        request.arguments = arguments;
        self.provenance(&mut request);
        request.detected = self.detected.to_vec();
        request.sandbox = self.sandbox.cloned();
        request.counters = counters(self.machine, self.place.attempt);
        request.time = self.time;
        if let Some(known) = known {
            derived(&mut request, known);
        }
        request.detected.sort_unstable();
        request.detected.dedup();
        risk::assess(&mut request, self.machine, known);
        Ok(request)
    }

    fn provenance(&self, request: &mut PolicyRequest) {
        let Some(sources) = self.extracted.and_then(|extracted| extracted.arguments.as_deref()) else {
            return;
        };
        let (leaves, lineage) = (leaves::leaves(self.arguments), self.machine.lineage());
        request.provenance = provenance::facts(sources, &leaves, self.facts, lineage);
        request.values = provenance::values(sources, &leaves, lineage);
        request.values_known = sources.left_out.is_none();
        request.carriage = Some(provenance::carriage(sources, lineage));
    }
}

/// Who asks, as whom and where.
fn run(opened: &RunOpened, machine: &Machine, agent: &Id) -> RunFacts {
    let state = machine.state();
    let actor = state.actor(agent);
    let delegation = actor.and_then(|actor| actor.delegation.as_ref());
    let depth = delegation.and_then(|delegation| state.delegation(delegation));
    RunFacts {
        environment: opened.environment.known().copied(),
        tenant: opened.tenant.clone(),
        session: opened.session.id.clone(),
        principal: opened.principal.id.clone(),
        authentication: opened.principal.authentication.known().copied(),
        actor: agent.clone(),
        // Nobody knows what it is: least of all somebody to be trusted.
        actor_type: actor.map_or(ActorType::SubAgent, |actor| actor.actor_type),
        persona: opened.persona.id.clone(),
        persona_version: opened.persona.version.known().cloned(),
        delegation_depth: depth.map_or(0, |delegation| delegation.depth),
    }
}

/// What the run has used up, before an attempt with this number.
fn counters(machine: &Machine, retries: u16) -> Counters {
    let counted = machine.state().counters().copied().unwrap_or_default();
    Counters {
        calls: counted.calls,
        rate_calls: counted.calls_in_window,
        spend_micros: counted.spend_micros,
        tokens: counted.tokens,
        targets: counted.targets,
        bytes_out: counted.bytes_out,
        retries,
    }
}

/// The answer where a request cannot be made: as of a policy that could not be evaluated.
pub fn unanswerable(_: ArgumentsFault) -> Judgement {
    Judgement::of(Decision::Deny, Directive::None, ReasonCode::PolicyError)
}

/// What the machine derived of the call.
fn derived(request: &mut PolicyRequest, known: &RequestFacts) {
    request.influence = known.influence;
    if known.is_provenance_known {
        request.carriage = Some(known.carriage);
    }
    request.detected.extend_from_slice(&known.detected);
    request.grant.clone_from(&known.grant);
    request.exception = known.exceptions.first().cloned();
    request.previewed = known.previewed;
}

/// Arguments as a policy sees them: JSON, or one text where they are none.
fn arguments(bytes: &[u8]) -> Result<Arguments, ArgumentsFault> {
    let value = serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()));
    Arguments::new(value)
}

/// The text of what a call acts on: of its destinations, by the registry. One stands as it is, several as a JSON list; none: nothing is named.
pub fn target(facts: Option<&ToolFacts>, arguments: &Arguments) -> Option<String> {
    let facts = facts?;
    let mut leaves = arguments.leaves();
    leaves.retain(|(pointer, value)| facts.role(pointer) == ArgumentRole::Destination && !value.is_null());
    // In the order of their pointers: in which order a JSON library keeps members is its own affair.
    leaves.sort_by(|(one, _), (other, _)| one.cmp(other));
    let destinations: Vec<String> = leaves.into_iter().map(|(_, value)| text(value)).collect();
    match destinations.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(Value::from(destinations).to_string()),
    }
}

/// A scalar as text: a string without its quotes, anything else as JSON has it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
