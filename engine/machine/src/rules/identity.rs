//! IDN: who acts, for whom, and within what. Spec: rule-idn-1, rule-idn-2, rule-idn-3, rule-idn-4.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::delegation::DelegationGranted;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::limits::DELEGATION_DEPTH_MAX;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Actor, ActorType, Layer, Origin, Place, ScopeItem};

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::scope;
use crate::state::{GrantedDelegation, RegisteredActor, State};

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Idn1, &[Reason::ActorUnknown, Reason::ActorType, Reason::NameTaken]),
    (Rule::Idn2, &[Reason::OtherTenant, Reason::OtherSession, Reason::ModelIdentity]),
    (
        Rule::Idn3,
        &[
            Reason::FieldAbsent,
            Reason::ActorType,
            Reason::OtherTenant,
            Reason::ScopeWider,
            Reason::LifetimeLonger,
            Reason::TooDeep,
            Reason::NameTaken,
            Reason::Unknown,
        ],
    ),
    (
        Rule::Idn4,
        &[
            Reason::OutOfScope,
            Reason::OutOfPersona,
            Reason::DelegationOver,
            Reason::SessionOver,
            Reason::TimeAbsent,
            Reason::OtherAgent,
        ],
    ),
];

/// Types that a delegation may register: nobody delegates the power to decide, approve or record.
const DELEGATES: &[ActorType] =
    &[ActorType::Agent, ActorType::SubAgent, ActorType::Service, ActorType::Workflow];

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Identity) {
        return;
    }
    check_actor(case, found);
    check_identity(case, found);
    if let Body::DelegationGranted(granted) = &case.input.body {
        check_delegation(case, granted, found);
    }
    if let Body::DelegationEnded(ended) = &case.input.body
        && case.state.delegation(&ended.delegation).is_none()
    {
        found.add(Rule::Idn3, Reason::Unknown);
    }
    check_bounds(case, found);
}

pub(super) fn check_opening(case: &Case<'_>, actors: &[Actor], found: &mut Breaches) {
    if !case.judges(Layer::Identity) {
        return;
    }
    check_actor(case, found);
    let mut names: Vec<(&Id, usize)> =
        actors.iter().enumerate().map(|(item, actor)| (&actor.id, item)).collect();
    names.sort_unstable();
    let again = names.windows(2).filter_map(|pair| match pair {
        [(first, _), (second, item)] if first == second => Some(*item),
        _ => None,
    });
    if let Some(item) = again.min() {
        found.add_at(Rule::Idn1, Reason::NameTaken, None, Some(item));
    }
    check_identity(case, found);
    if let Some(run_scope) = &case.config.scope {
        let wider = |actor: &Actor| {
            actor.scope.as_deref().and_then(|scope| scope::first_wider(scope, run_scope)).is_some()
        };
        if let Some(item) = actors.iter().position(wider) {
            found.add_at(Rule::Idn3, Reason::ScopeWider, None, Some(item));
        }
    }
}

/// IDN-1: the actor is registered, and of a type that may make a record of this kind.
fn check_actor(case: &Case<'_>, found: &mut Breaches) {
    match case.actor {
        None => found.add(Rule::Idn1, Reason::ActorUnknown),
        Some(actor) if !case.kind.is_made_by(actor.actor_type) => {
            found.add(Rule::Idn1, Reason::ActorType);
        }
        Some(_) => {}
    }
}

/// IDN-2: a stated tenant and session are the run's, and a record of the model states none.
fn check_identity(case: &Case<'_>, found: &mut Breaches) {
    let Some(identity) = &case.input.identity else { return };
    if identity.tenant != case.config.tenant {
        found.add(Rule::Idn2, Reason::OtherTenant);
    }
    if identity.session != case.config.session {
        found.add(Rule::Idn2, Reason::OtherSession);
    }
    if case.input.origin == Origin::Model {
        found.add(Rule::Idn2, Reason::ModelIdentity);
    }
}

/// IDN-3: what is handed on is no wider, no longer and no deeper than what the delegator has, within the tenant, under names of its own.
/// Spec: delegation-grid.
fn check_delegation(case: &Case<'_>, granted: &DelegationGranted, found: &mut Breaches) {
    if !DELEGATES.contains(&granted.delegate.actor_type) {
        found.add(Rule::Idn3, Reason::ActorType);
    }
    if granted.tenant != case.config.tenant {
        found.add(Rule::Idn3, Reason::OtherTenant);
    }
    let wider = scopes(case, case.actor).find_map(|wider| scope::first_wider(&granted.scope, wider));
    let mut whole = granted.scope.clone();
    whole.sort_unstable();
    let stated = granted.delegate.scope.as_deref().and_then(|stated| scope::first_wider(stated, &whole));
    if let Some(item) = wider.or(stated) {
        found.add_at(Rule::Idn3, Reason::ScopeWider, None, Some(item));
    }
    let own = case.actor.and_then(|actor| delegation_of(case.state, actor));
    let ends = [own.and_then(|own| own.expires), case.config.session_expires];
    let expires = granted.expires.known();
    if ends.iter().flatten().any(|end| expires.is_some_and(|expires| expires > end)) {
        found.add(Rule::Idn3, Reason::LifetimeLonger);
    }
    if depth(case.state, case.actor) > depth_max(case) {
        found.add(Rule::Idn3, Reason::TooDeep);
    }
    if is_taken(case.state, granted) {
        found.add(Rule::Idn3, Reason::NameTaken);
    }
}

/// IDN-4: an act stays inside session, delegation, scope and persona, and at its own agent's place.
fn check_bounds(case: &Case<'_>, found: &mut Breaches) {
    let agent = case.input.place.as_ref().map(|place| &place.agent);
    let acts_itself = |actor: &RegisteredActor| {
        matches!(actor.actor_type, ActorType::Agent | ActorType::SubAgent | ActorType::Workflow)
    };
    if case.actor.is_some_and(acts_itself) && agent.is_some_and(|agent| *agent != case.input.actor) {
        found.add(Rule::Idn4, Reason::OtherAgent);
    }
    if !is_act(case) {
        return;
    }
    found.add_expiry(case, Rule::Idn4, Reason::SessionOver, case.config.session_expires);
    check_authority(case, case.actor, found);
    if let Body::ToolProposed(proposed) = &case.input.body {
        check_tool(case, case.actor, &proposed.tool, found);
    }
    if let Body::ToolDispatched(dispatched) = &case.input.body {
        let planner = agent.and_then(|agent| case.state.actor(agent));
        check_authority(case, planner, found);
        check_tool(case, planner, &dispatched.tool, found);
    }
    if case.is_since(RuleSetNumber::Two)
        && let Some(place) = credential_call(&case.input.body)
    {
        check_authority(case, case.state.actor(&place.agent), found);
    }
    if let Body::DecisionMade(decision) = &case.input.body
        && let Some(item) = decision.request.scope.known()
    {
        let asker = case.state.actor(&decision.request.actor);
        if scopes(case, asker).any(|scope| scope::first_wider(std::slice::from_ref(item), scope).is_some()) {
            found.add(Rule::Idn4, Reason::OutOfScope);
        }
    }
}

/// The call that a credential is issued for, or used by.
fn credential_call(body: &Body) -> Option<&Place> {
    if let Body::CredentialIssued(body) = body {
        body.call.as_ref()
    } else if let Body::CredentialUsed(body) = body {
        Some(&body.call)
    } else {
        None
    }
}

/// What an actor does of its own accord: every request, and the facts by which it reaches for context or memory.
fn is_act(case: &Case<'_>) -> bool {
    case.is_request() || matches!(case.kind, Kind::ContextRetrieved | Kind::MemoryRead | Kind::MemoryDeleted)
}

/// The delegation that an actor acts under, and all above it, are live.
fn check_authority(case: &Case<'_>, actor: Option<&RegisteredActor>, found: &mut Breaches) {
    let mut actor = actor;
    // Depth bounds the chain in a run that keeps IDN-3; in one that does not, this does.
    for _ in 0..=DELEGATION_DEPTH_MAX {
        let Some(delegation) = actor.and_then(|actor| delegation_of(case.state, actor)) else { return };
        if !delegation.live {
            found.add(Rule::Idn4, Reason::DelegationOver);
        }
        found.add_expiry(case, Rule::Idn4, Reason::DelegationOver, delegation.expires);
        actor = case.state.actor(&delegation.from);
    }
}

/// A tool is in the actor's scope and the run's, and, for the agent itself, among the tools of its persona.
fn check_tool(case: &Case<'_>, actor: Option<&RegisteredActor>, tool: &Id, found: &mut Breaches) {
    let registered = case.state.tool(tool);
    let effects = registered.and_then(|tool| tool.effects);
    // Of a tool that is not registered TOL-1 speaks; one that is, without a class, no item of an enforced run's scope covers.
    let is_unclassed = case.enforced() && registered.is_some() && effects.is_none();
    let allows = |scope: &[ScopeItem]| scope::allows(scope, tool, effects, &case.config.tenant);
    if is_unclassed || !scopes(case, actor).all(allows) {
        found.add(Rule::Idn4, Reason::OutOfScope);
    }
    let is_agent = actor.is_some_and(|actor| actor.actor_type == ActorType::Agent);
    let capabilities = &case.config.capabilities;
    if is_agent && !capabilities.is_empty() && capabilities.binary_search(tool).is_err() {
        found.add(Rule::Idn4, Reason::OutOfPersona);
    }
}

/// The scopes that bind an actor: its own, where it has one, and the run's. One that is absent allows nothing in an enforced run, and is not
/// known in an observed one.
fn scopes<'a>(case: &Case<'a>, actor: Option<&'a RegisteredActor>) -> impl Iterator<Item = &'a [ScopeItem]> {
    let own = actor.and_then(|actor| actor.scope.as_deref());
    let nothing: &[ScopeItem] = &[];
    own.into_iter().chain(case.config.scope.as_deref().or(case.enforced().then_some(nothing)))
}

fn delegation_of<'s>(state: &'s State, actor: &RegisteredActor) -> Option<&'s GrantedDelegation> {
    actor.delegation.as_ref().and_then(|delegation| state.delegation(delegation))
}

/// Depth of a delegation that this actor grants: 1 for an actor of the opening record.
pub(crate) fn depth(state: &State, delegator: Option<&RegisteredActor>) -> u8 {
    let own = delegator.and_then(|actor| delegation_of(state, actor));
    own.map_or(1, |own| own.depth.saturating_add(1))
}

fn depth_max(case: &Case<'_>) -> u8 {
    case.config.limits.delegation_depth.unwrap_or(DELEGATION_DEPTH_MAX).min(DELEGATION_DEPTH_MAX)
}

/// Whether the name of the delegation, or of the actor that it would register, is in use.
pub(crate) fn is_taken(state: &State, granted: &DelegationGranted) -> bool {
    state.delegation(&granted.delegation).is_some() || state.actor(&granted.delegate.id).is_some()
}
