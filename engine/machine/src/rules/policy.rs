//! POL: decisions, what they rest on, and the policies and exceptions in force. Since rule set 2.
//!
//! Spec: rule-pol-1, rule-pol-2, rule-pol-3, rule-pol-5, rule-pol-6, rule-pol-7.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, ReasonCode, Request};
use rederive_evidence::kinds::governance::ExceptionGranted;
use rederive_evidence::kinds::policy::PolicyPinned;
use rederive_evidence::kinds::tool::ToolRegistered;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{ActorType, Layer, ScopeItem};

use super::{Breaches, Reasons};
use crate::carriage;
use crate::case::Case;
use crate::changes::registered_tool;
use crate::reliance::{self, Subject};
use crate::risk::goes_ahead;
use crate::scope::first_wider;
use crate::state::{Call, CallStatus, Decided};

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Pol1, &[Reason::NotPermitted, Reason::FailOpen]),
    (
        Rule::Pol2,
        &[
            Reason::FieldAbsent,
            Reason::OtherRequest,
            Reason::OtherBundle,
            Reason::RelianceBroken,
            Reason::Unexplained,
        ],
    ),
    (Rule::Pol3, &[Reason::NoExpiry, Reason::PermitOver, Reason::PermitUsed, Reason::TimeAbsent]),
    // Asked at policy level alone: the machine has no policies to evaluate. Spec: rule-pol-4.
    (Rule::Pol4, &[]),
    (Rule::Pol5, &[Reason::NoReceipt]),
    (Rule::Pol6, &[Reason::FieldAbsent, Reason::NotEntitled, Reason::OtherBundle]),
    (
        Rule::Pol7,
        &[
            Reason::FieldAbsent,
            Reason::NotEntitled,
            Reason::OtherParty,
            Reason::NameTaken,
            Reason::ScopeWider,
            Reason::Unknown,
            Reason::ExceptionOver,
            Reason::OutOfScope,
            Reason::TimeAbsent,
        ],
    ),
];

/// Who may change bundle and registry.
const ENTITLED: &[ActorType] = &[ActorType::PolicyAdministrator, ActorType::Operator];
/// Who may grant an exception.
const EXCEPTERS: &[ActorType] = &[ActorType::Approver, ActorType::PolicyAdministrator];

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Policy) {
        return;
    }
    let body = &case.input.body;
    if let Body::DecisionMade(made) = body {
        check_decision(case, made, found);
    } else if let Body::ToolDispatched(_) = body {
        check_dispatch(case, found);
    } else if let Body::PolicyPinned(pinned) = body {
        check_pin(case, pinned, found);
    } else if let Body::PolicyChanged(_) = body {
        check_entitled(case, found);
    } else if let Body::ToolRegistered(registered) = body {
        check_registration(case, registered, found);
    } else if let Body::ExceptionGranted(granted) = body {
        check_exception(case, granted, found);
    } else if let Body::ExceptionEnded(ended) = body
        && case.state.exception(&ended.exception).is_none()
    {
        found.add(Rule::Pol7, Reason::Unknown);
    }
}

fn check_decision(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    if is_open(made) {
        found.add(Rule::Pol1, Reason::FailOpen);
    }
    if let Some(field) = other_field(case, &made.request) {
        found.add_at(Rule::Pol2, Reason::OtherRequest, None, Some(field));
    }
    check_bundle(case, made, found);
    check_reliance(case, made, found);
    if !is_explained(case, made) {
        found.add(Rule::Pol2, Reason::Unexplained);
    }
    if goes_ahead(made) {
        check_end(case, made, found);
    }
    if made.receipt.is_none() && case.enforced() {
        found.add(Rule::Pol5, Reason::NoReceipt);
    }
    if let Some(name) = &made.exception {
        check_use(case, name, made.request.scope.known(), found);
    }
}

/// POL-1: whether it lets happen what it does not permit, or permits what no policy, approval, grant or exception does.
fn is_open(made: &DecisionMade) -> bool {
    let permits = matches!(
        made.reason,
        ReasonCode::PolicyPermits | ReasonCode::Approved | ReasonCode::StandingGrant | ReasonCode::Exception
    );
    match made.decision {
        Decision::Permit => !permits || !made.errors.is_empty(),
        Decision::Deny | Decision::Silence => made.enforcement == Enforcement::Executed,
    }
}

/// POL-2: the key of the first field of the request that is not as the state has it. Tool, class, arguments and target are TOL-3's.
fn other_field(case: &Case<'_>, request: &Request) -> Option<usize> {
    let is_goal = request.goal.known().is_none_or(|goal| Some(*goal) == case.config.goal);
    let is_item = |item: &ScopeItem| item.action == request.action && item.tenant == case.config.tenant;
    let of_run = [(2, is_goal), (4, request.scope.known().is_none_or(is_item))];
    let of_call = case.named_call().map(|call| fields_of_call(case, call, request)).unwrap_or_default();
    let fields = of_run.into_iter().chain(of_call);
    fields.filter(|(_, fits)| !fits).map(|(field, _)| field).min()
}

/// Fields of a request on a live call, by key, and whether each is as the state has it.
fn fields_of_call(case: &Case<'_>, call: &Call, request: &Request) -> Vec<(usize, bool)> {
    let agent = request.call.as_ref().map(|place| &place.agent);
    let surface = case.state.tool(&call.tool).and_then(|tool| tool.surface.as_ref());
    let carriage = carriage::effective(case.state, call, call.arguments.as_ref());
    vec![
        (0, call.request.as_ref().is_none_or(|name| *name == request.id)),
        (3, agent == Some(&request.actor)),
        (5, surface.is_none_or(|surface| *surface == request.surface)),
        (9, call.influence.label == request.influence),
        (10, request.carriage.known().is_none_or(|stated| *stated == carriage)),
        (11, call.expected_effect == request.expected_effect),
    ]
}

/// POL-2: the bundle is the one in force, and the engine, where one is pinned, the one that it is loaded into.
fn check_bundle(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    let Some(policies) = case.state.policies() else { return };
    let is_same = |stated: Option<&Id>, pinned: &Option<Id>| match (stated, pinned) {
        (Some(stated), Some(pinned)) => stated == pinned,
        (None, _) | (_, None) => true,
    };
    let is_bundle = made.bundle.known().is_none_or(|bundle| Some(*bundle) == policies.bundle);
    if !is_bundle
        || !is_same(made.engine.known(), &policies.engine)
        || !is_same(made.engine_version.known(), &policies.engine_version)
    {
        found.add(Rule::Pol2, Reason::OtherBundle);
    }
}

/// POL-2: what the decision read is what the state has. In an observed run it may not say what it read.
fn check_reliance(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    if made.reliance.is_empty() && !case.enforced() {
        return;
    }
    let subject = Subject { tool: case.named_call().map(|call| &call.tool), actor: &made.request.actor };
    if let Some(item) = reliance::first_broken(case.state, subject, &made.reliance) {
        found.add_at(Rule::Pol2, Reason::RelianceBroken, None, Some(item));
    }
}

/// POL-2: whether what the reason speaks of is there, and, in an enforced run, what a reviewer is told.
fn is_explained(case: &Case<'_>, made: &DecisionMade) -> bool {
    let is_there = match made.reason {
        ReasonCode::PolicyPermits | ReasonCode::PolicyForbids => !made.rules.is_empty(),
        ReasonCode::PolicyError => !made.errors.is_empty(),
        ReasonCode::Approved => made.approval.is_some(),
        ReasonCode::Exception => made.exception.is_some(),
        ReasonCode::Risk => !made.risks.is_empty(),
        ReasonCode::NoPolicy
        | ReasonCode::UnknownTool
        | ReasonCode::ApprovalNeeded
        | ReasonCode::StandingGrant
        | ReasonCode::Limit
        | ReasonCode::Scope
        | ReasonCode::Rule
        | ReasonCode::EngineFault
        | ReasonCode::BundleFault
        | ReasonCode::RecordFault => true,
    };
    is_there && (made.explanation.is_some() || !case.enforced())
}

/// POL-3: a permit has an end, still to come, and no later than the limit allows.
fn check_end(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    let Some(expires) = made.expires else {
        return found.add(Rule::Pol3, Reason::NoExpiry);
    };
    found.add_expiry(case, Rule::Pol3, Reason::PermitOver, Some(expires));
    let latest = case.config.limits.permit_lifetime_ms.zip(case.input.time);
    if latest.is_some_and(|(lifetime_ms, now)| expires > now.plus_ms(lifetime_ms)) {
        found.add(Rule::Pol3, Reason::NoExpiry);
    }
}

/// POL-7: what an exception is used for lies inside it.
fn check_use(case: &Case<'_>, name: &Id, item: Option<&ScopeItem>, found: &mut Breaches) {
    let Some(held) = case.state.exception(name) else {
        return found.add(Rule::Pol7, Reason::Unknown);
    };
    found.add_expiry(case, Rule::Pol7, Reason::ExceptionOver, held.expires);
    if item.is_none_or(|item| first_wider(std::slice::from_ref(item), &held.scope).is_some()) {
        found.add(Rule::Pol7, Reason::OutOfScope);
    }
}

/// POL-1 to POL-3 and POL-7 at a dispatch: the latest decision on the call permits it, is live, was not used, and what it read is still so.
fn check_dispatch(case: &Case<'_>, found: &mut Breaches) {
    let place = case.input.place.as_ref();
    let decided = place.and_then(|place| case.state.decision(place)).filter(|decided| decided.goes_ahead());
    let (Some(place), Some(call), Some(decided)) = (place, case.call, decided) else {
        return found.add(Rule::Pol1, Reason::NotPermitted);
    };
    found.add_expiry(case, Rule::Pol3, Reason::PermitOver, decided.expires);
    if call.status == CallStatus::Dispatched {
        found.add(Rule::Pol3, Reason::PermitUsed);
    }
    if !decided.reliance.is_empty() || case.enforced() {
        let subject = Subject { tool: Some(&call.tool), actor: &place.agent };
        if let Some(item) = reliance::first_broken(case.state, subject, &decided.reliance) {
            found.add_at(Rule::Pol2, Reason::RelianceBroken, None, Some(item));
        }
    }
    check_exception_used(case, decided, found);
}

/// POL-7: the exception that the permit rests on is still in force.
fn check_exception_used(case: &Case<'_>, decided: &Decided, found: &mut Breaches) {
    let Some(name) = &decided.exception else { return };
    match case.state.exception(name) {
        None => found.add(Rule::Pol7, Reason::Unknown),
        Some(held) => found.add_expiry(case, Rule::Pol7, Reason::ExceptionOver, held.expires),
    }
}

/// POL-6: bundle and registry are changed by whoever is entitled to it.
fn check_entitled(case: &Case<'_>, found: &mut Breaches) {
    if !is_one_of(case, &case.input.actor, ENTITLED) {
        found.add(Rule::Pol6, Reason::NotEntitled);
    }
}

fn is_one_of(case: &Case<'_>, actor: &Id, types: &[ActorType]) -> bool {
    case.state.actor(actor).is_some_and(|actor| types.contains(&actor.actor_type))
}

/// POL-6: what the gate loads is the bundle in force.
fn check_pin(case: &Case<'_>, pinned: &PolicyPinned, found: &mut Breaches) {
    let bundle = case.state.policies().and_then(|policies| policies.bundle);
    if bundle != Some(pinned.bundle) {
        found.add(Rule::Pol6, Reason::OtherBundle);
    }
}

/// POL-6: a tool that is registered already stays what it is, unless somebody entitled changes it.
fn check_registration(case: &Case<'_>, registered: &ToolRegistered, found: &mut Breaches) {
    let held = case.state.tool(&registered.tool);
    if held.is_some_and(|held| **held != registered_tool(case, registered)) {
        check_entitled(case, found);
    }
}

/// POL-7: an exception is granted by an approver or policy administrator, under a name of its own, for what the run may do, and is not over.
fn check_exception(case: &Case<'_>, granted: &ExceptionGranted, found: &mut Breaches) {
    if !is_one_of(case, &granted.approver, EXCEPTERS) {
        found.add(Rule::Pol7, Reason::NotEntitled);
    }
    if granted.approver != case.input.actor {
        found.add(Rule::Pol7, Reason::OtherParty);
    }
    if case.state.exception(&granted.exception).is_some() {
        found.add(Rule::Pol7, Reason::NameTaken);
    }
    let scope = case.config.scope.as_deref();
    if let Some(item) = scope.and_then(|scope| first_wider(&granted.scope, scope)) {
        found.add_at(Rule::Pol7, Reason::ScopeWider, None, Some(item));
    }
    found.add_expiry(case, Rule::Pol7, Reason::ExceptionOver, granted.expires.known().copied());
}
