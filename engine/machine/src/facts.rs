//! What the machine knows of a call before it is decided: what a policy is asked about, and what a decision must hold to be let through.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Reliance, Request, RiskSignal};
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::Input;
use rederive_evidence::schema::{Given, to_bytes};
use rederive_evidence::values::{ActorType, EffectsClass, Label, Place, ScopeItem};

use crate::carriage;
use crate::case::Case;
use crate::grant;
use crate::influence;
use crate::machine::Machine;
use crate::reliance::{self, Subject};
use crate::risk::{self, ApprovalGround, Control};
use crate::rules::needs_permit;
use crate::scope;
use crate::state::{
    ApprovalStatus, CallStatus, Config, Counters, GrantedException, Policies, RegisteredTool, State,
    TrackedApproval,
};

/// Most exceptions of a tool that are looked at.
const EXCEPTIONS_MAX: usize = 64;

/// What the machine knows of a live call. A decision whose request is [`Self::to_request`] and whose reliance is [`Machine::reliance`] keeps
/// POL-2, as long as nothing is recorded in between that either reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// Where the call is.
    pub call: Place,
    /// How far it has come.
    pub status: CallStatus,
    /// The name of the request, once the gate is asked.
    pub request: Option<Id>,
    /// Commitment of the goal.
    pub goal: Option<Digest>,
    /// What the one who asks is; absent: it is not registered.
    pub actor_type: Option<ActorType>,
    /// Delegations between an actor of the opening record and the one who asks.
    pub delegation_depth: u8,
    /// The item of the scope of the one who asks that covers the call and asks least; absent: none does.
    pub scope: Option<ScopeItem>,
    /// The tool.
    pub tool: Id,
    /// What is registered of the tool now.
    pub registered: Option<RegisteredTool>,
    /// The class of effect, as registered when the call was proposed.
    pub action: Option<EffectsClass>,
    /// A preview is on record.
    pub previewed: bool,
    /// Commitment of the arguments, as stated last.
    pub arguments: Option<Digest>,
    /// Commitment of the target, as stated last.
    pub target: Option<Digest>,
    /// Commitment of the effect expected.
    pub expected_effect: Option<Digest>,
    /// Label of what influenced the call.
    pub influence: Label,
    /// Label of the data it carries.
    pub carriage: Label,
    /// The provenance of the arguments' values is on record.
    pub is_provenance_known: bool,
    /// What guardrails found in the arguments and the target, ascending.
    pub detected: Vec<DetectedClass>,
    /// A guardrail has looked into the arguments as they are.
    pub inspected: bool,
    /// The risk signals that show, ascending (RSK-1).
    pub signals: Vec<RiskSignal>,
    /// The least control that a permit must be: what the signals ask for (RSK-1), and `approve` where RSK-2, the scope item (APR-4)
    /// or a planned effect (OUT-3) asks for it.
    pub least: Control,
    /// Why somebody has to answer for it, however sure whoever decides is (RSK-2).
    pub approval_ground: Option<ApprovalGround>,
    /// The first signal for which a record is missing that must be there before the dispatch (RSK-1).
    pub record_missing: Option<RiskSignal>,
    /// The principal's standing grant that covers the call.
    pub grant: Option<Id>,
    /// Approvals of exactly this request that are granted and live.
    pub approvals: Vec<Id>,
    /// Exceptions in force that cover the call.
    pub exceptions: Vec<Id>,
    /// The bundle, engine and registry in force.
    pub policies: Policies,
    /// What is counted.
    pub counters: Counters,
    /// The latest time recorded.
    pub time: Option<RecordedTime>,
}

/// What the machine knows of a memory write before it is decided. A decision names no call, and keeps POL-2 and RSK-1 with these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFacts {
    /// Commitment of the goal.
    pub goal: Option<Digest>,
    /// The risk signals that show, ascending.
    pub signals: Vec<RiskSignal>,
    /// The least control that they ask for.
    pub least: Control,
    /// What the decision reads.
    pub reliance: Vec<Reliance>,
    /// The bundle, engine and registry in force.
    pub policies: Policies,
}

/// Under what a memory write would stand, were it recorded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteInfluence {
    /// Label of what influences it.
    pub label: Label,
    /// Whether it has to be permitted (MEM-3).
    pub needs_permit: bool,
}

impl Machine {
    /// Under what this memory write would stand; none of another record, or before the run is open.
    pub fn write_influence(&self, input: &Input) -> Option<WriteInfluence> {
        let Body::MemoryWritten(written) = &input.body else { return None };
        let config = self.state().config()?;
        let influence = influence::of(&Case::new(input, None, (self.state(), self.lineage()), config));
        let needs_permit = needs_permit(written, &influence);
        Some(WriteInfluence { label: influence.label, needs_permit })
    }

    /// What is known of the live call at this place; none where there is none.
    pub fn request(&self, place: &Place) -> Option<RequestFacts> {
        let state = self.state();
        let (config, call) = (state.config()?, state.call(place)?);
        let registered = state.tool(&call.tool);
        let actor = state.actor(&place.agent);
        let delegation = actor.and_then(|actor| actor.delegation.as_ref());
        let signals = risk::of_call(state, config, place, call);
        let scope = covering_item(state, config, place);
        let time = state.progress().and_then(|progress| progress.time);
        let mut facts = RequestFacts {
            call: place.clone(),
            status: call.status,
            request: call.request.clone(),
            goal: config.goal,
            actor_type: actor.map(|actor| actor.actor_type),
            delegation_depth: delegation.and_then(|name| state.delegation(name)).map_or(0, |held| held.depth),
            tool: call.tool.clone(),
            registered: registered.map(|held| (**held).clone()),
            action: call.effects,
            previewed: call.previewed,
            arguments: call.arguments,
            target: call.target,
            expected_effect: call.expected_effect,
            influence: call.influence.label,
            carriage: carriage::effective(state, call, call.arguments.as_ref()),
            is_provenance_known: call.carriage.is_some_and(|carried| carried.known),
            detected: detected(state, [call.arguments, call.target]),
            inspected: call.is_inspected(),
            least: risk::least((state, config), call, signals, scope.as_ref()),
            approval_ground: risk::approval_ground(state, &config.limits, call, None),
            record_missing: risk::first_missing((state, config), (place, call), signals, time),
            signals: signals.list(),
            grant: grant::covering(state, call).map(|(name, _)| name.clone()),
            approvals: Vec::new(),
            exceptions: live_exceptions(state, scope.as_ref(), time),
            policies: policies(state),
            counters: state.counters().copied().unwrap_or_default(),
            scope,
            time,
        };
        facts.approvals = approvals(state, &facts);
        Some(facts)
    }

    /// What is known of a memory write that this actor asks a decision for.
    pub fn write_request(&self, actor: &Id) -> Option<WriteFacts> {
        let state = self.state();
        let signals = risk::of_write(state, actor);
        Some(WriteFacts {
            goal: state.config()?.goal,
            signals: signals.list(),
            least: signals.least(),
            reliance: reliance::entries(state, Subject { tool: None, actor }),
            policies: policies(state),
        })
    }

    /// What a decision on the live call at this place reads beside the call itself, and the bounds that the run's limits put on it; nothing
    /// where there is no such call. Spec: reliance.
    pub fn reliance(&self, place: &Place) -> Vec<Reliance> {
        let state = self.state();
        let (Some(config), Some(call)) = (state.config(), state.call(place)) else { return Vec::new() };
        let subject = Subject { tool: Some(&call.tool), actor: &place.agent };
        let mut read = reliance::entries(state, subject);
        read.extend(reliance::bounds(&config.limits));
        read
    }
}

impl RequestFacts {
    /// The request as a decision has to repeat it (POL-2); none before the gate is asked, or where surface or class is not registered.
    pub fn to_request(&self) -> Option<Request> {
        let given = |digest: Option<Digest>| digest.map_or(Given::Absent, Given::Known);
        Some(Request {
            id: self.request.clone()?,
            call: Some(self.call.clone()),
            goal: given(self.goal),
            actor: self.call.agent.clone(),
            scope: self.scope.clone().map_or(Given::Absent, Given::Known),
            surface: self.registered.as_ref()?.surface.clone()?,
            action: self.action?,
            target: self.target,
            arguments: given(self.arguments),
            influence: self.influence,
            carriage: Given::Known(self.carriage),
            expected_effect: self.expected_effect,
        })
    }
}

/// The `request` digest of a request: what an approval covers. Spec: request-digest.
pub fn request_digest(request: &Request) -> Digest {
    digest(Purpose::Request, &to_bytes(request))
}

/// The bundle, engine and registry in force.
fn policies(state: &State) -> Policies {
    state.policies().map_or_else(Policies::default, |held| (**held).clone())
}

/// The item, of the scope of the one whose place it is, else of the run's, that covers the live call and asks least.
fn covering_item(state: &State, config: &Config, place: &Place) -> Option<ScopeItem> {
    let call = state.call(place)?;
    let own = state.actor(&place.agent).and_then(|actor| actor.scope.as_deref());
    let scope = own.or(config.scope.as_deref())?;
    scope::least(scope, &call.tool, call.effects?, &config.tenant).cloned()
}

fn detected(state: &State, contents: [Option<Digest>; 2]) -> Vec<DetectedClass> {
    let masks = contents.into_iter().flatten().filter_map(|content| state.context(&content)?.detected);
    let found = masks.fold(0, |all, mask| all | mask);
    DetectedClass::ALL.iter().copied().filter(|class| carriage::finds(Some(found), *class)).collect()
}

/// The approvals that cover exactly this request, approved, unused and live, by name.
fn approvals(state: &State, facts: &RequestFacts) -> Vec<Id> {
    if state.approvals_of(&facts.call).next().is_none() {
        return Vec::new();
    }
    let Some(covers) = facts.to_request().map(|request| request_digest(&request)) else { return Vec::new() };
    let is_in_force = |held: &TrackedApproval| {
        held.status == ApprovalStatus::Approved
            && held.covers == covers
            && !held.used
            && !held.breached
            && held.expires.is_none_or(|end| facts.time.is_some_and(|now| now < end))
    };
    let held = state.approvals_of(&facts.call).filter(|(_, held)| is_in_force(held));
    held.map(|(name, _)| name.clone()).collect()
}

/// The exceptions in force that cover what is done under a scope item, by name, of the first of its tool.
fn live_exceptions(state: &State, item: Option<&ScopeItem>, now: Option<RecordedTime>) -> Vec<Id> {
    let Some(item) = item else { return Vec::new() };
    let is_live = |held: &GrantedException| held.expires.is_none_or(|end| now.is_some_and(|now| now < end));
    let covers =
        |held: &GrantedException| scope::first_wider(std::slice::from_ref(item), &held.scope).is_none();
    let of_tool = state.exceptions_of(&item.tool).take(EXCEPTIONS_MAX);
    of_tool.filter(|(_, held)| is_live(held) && covers(held)).map(|(name, _)| name.clone()).collect()
}
