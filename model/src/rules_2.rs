//! What rule set 2 adds, in the order of the text. SPEC.md 10.15 to 10.22.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::approval::ApproverWord;
use rederive_evidence::kinds::credential::CredentialIssued;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, ReasonCode, Reliance, Request, RiskSignal};
use rederive_evidence::kinds::downstream::{EffectMatch, EffectVerified};
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{ArgumentShape, FoundIn};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::{Field, to_bytes};
use rederive_evidence::values::{
    ActorType, ApprovalPolicy, EffectsClass, Label, Layer, Origin, Place, ScopeItem, Sensitivity, Trust,
};

use crate::case::{Breaches, Case, End, is_above_read, is_raised, is_requested, is_within, outside};
use crate::rules::{credentials_live, goes_ahead, needs_permit};
use crate::state::{
    ApprovalStatus, Call, CallStatus, Carried, Control, Counters, Decided, EffectStatus, Grant, Influence,
    TrackedApproval, TrackedCredential, TrackedEffect,
};

/// Adds what the rules of set 2 find.
pub(crate) fn judge(found: &mut Breaches<'_, '_>, influence: &Influence) {
    match &found.case.input.body {
        Body::DecisionMade(body) => {
            decision(found, body);
            approval_of_decision(found, body);
        }
        Body::ToolDispatched(_) => dispatch(found),
        Body::MemoryWritten(_) => permit_of_write(found, influence),
        Body::CredentialIssued(body) => credential_issued(found, body),
        Body::EffectVerified(body) => {
            let effect = found.case.state.tracked_effects.get(&body.effect);
            let is_false =
                |effect| is_other_value(body, effect) || claims_match(body) && !is_match(body, effect);
            found.add(effect.is_some_and(is_false), Rule::Out1, Reason::OtherValue);
        }
        _ => {}
    }
    policies(found);
    guardrails(found);
    approvals(found);
    credentials(found);
    effects(found);
    outputs(found);
}

/// RUN-3 and OUT-2 at the end of a run.
pub(crate) fn open_at_close(found: &mut Breaches<'_, '_>) {
    use ApprovalStatus::{Expired, Withdrawn};
    let state = found.case.state;
    let is_open =
        |approval: &TrackedApproval| !approval.logged && !matches!(approval.status, Expired | Withdrawn);
    found.add(state.tracked_approvals.values().any(is_open), Rule::Run3, Reason::ApprovalOpen);
    let is_mismatched = |effect: &TrackedEffect| effect.status == EffectStatus::Mismatched;
    let has_open = state.tracked_effects.values().any(|effect| !is_mismatched(effect));
    found.add(has_open, Rule::Run3, Reason::EffectOpen);
    let has_mismatch = state.tracked_effects.values().any(is_mismatched);
    found.add(has_mismatch, Rule::Out2, Reason::MismatchOpen);
    credentials_live(
        found,
        state.tracked_credentials.values().map(|credential| credential.expires).collect(),
    );
}

/// What the arguments of a proposed call carry. Spec: carriage.
pub(crate) fn carried(case: &Case<'_>, influence: &Influence) -> Carried {
    let Some(arguments) = case.extracted.and_then(|extracted| extracted.arguments.as_ref()) else {
        return Carried { label: influence.label, known: false, unfounded: false };
    };
    let nothing = Label { trust: Trust::Control, sensitivity: Sensitivity::Public };
    let marks_of = |found: Option<&FoundIn>| {
        let of = |(record, _): &(u64, _)| found.is_some_and(|found| found.records.contains(*record));
        (0..).zip(case.marks).filter(of).map(|(_, mark)| mark.label).fold(nothing, Label::join)
    };
    // A record that is not there yet has told nothing.
    let is_there = |found: &FoundIn| (0..).zip(case.marks).any(|(record, _)| found.records.contains(record));
    let whole = |found: &Option<FoundIn>| {
        found.as_ref().is_some_and(|found| found.permille == 1_000 && is_there(found))
    };
    let (mut label, mut unfounded) = (nothing, false);
    for value in arguments.values.iter().filter(|value| value.shape != ArgumentShape::Common) {
        let carries = if whole(&value.told) {
            marks_of(value.told.as_ref())
        } else if whole(&value.brought) {
            marks_of(value.brought.as_ref())
        } else {
            unfounded |=
                matches!(value.shape, ArgumentShape::Address | ArgumentShape::Url | ArgumentShape::Account);
            influence.label.join(marks_of(value.told.as_ref())).join(marks_of(value.brought.as_ref()))
        };
        label = label.join(carries);
    }
    if arguments.left_out.is_some_and(|left_out| left_out > 0) {
        label = label.join(influence.label);
    }
    Carried { label, known: true, unfounded }
}

/// Spec: request-digest.
pub(crate) fn request_digest(request: &Request) -> Digest {
    digest(Purpose::Request, &to_bytes(request))
}

/// The `state key` digest of an entry that has a name, and its value's where it is there.
fn entry<K: Field>(case: &Case<'_>, section: u8, name: &K) -> Reliance {
    reliance(case, [&[0x82], to_bytes(&section).as_slice(), &to_bytes(name)].concat())
}

fn reliance(case: &Case<'_>, key: Vec<u8>) -> Reliance {
    let value = case.entries.get(&key).map(|value| digest(Purpose::StateValue, value));
    Reliance { key: digest(Purpose::StateKey, &key), value, below: None }
}

/// The first item of a reliance that does not hold. Spec: reliance.
fn broken(case: &Case<'_>, listed: &[Reliance], call: Option<&Call>, actor: &Id) -> Option<u64> {
    if listed.is_empty() && !case.is_enforced() {
        return None;
    }
    let mut expected: Vec<Reliance> = call.map(|call| entry(case, 12, &call.tool)).into_iter().collect();
    expected.push(entry(case, 8, actor));
    expected.extend(case.delegations_above(actor).into_iter().map(|name| entry(case, 9, name)));
    expected.push(reliance(case, vec![0x81, 3]));
    let other = (0..).zip(&expected).find(|(at, entry)| listed.get(*at) != Some(entry)).map(|(at, _)| at);
    let bounds = (0..).zip(listed).skip(expected.len());
    let broken = bounds.filter(|(_, bound)| !is_below(case, bound)).map(|(at, _)| at).next();
    other.or(broken).map(|at: usize| at as u64)
}

fn is_below(case: &Case<'_>, bound: &Reliance) -> bool {
    let nothing = Counters::default();
    let counters = case.state.counters.as_ref().unwrap_or(&nothing);
    let counted = [
        counters.calls,
        counters.calls_in_window,
        counters.spend_micros,
        counters.tokens,
        counters.targets,
        counters.bytes_out,
    ];
    let key = |number: u8| digest(Purpose::StateKey, &[0x82, 2, number]);
    let counter = (0..).zip(counted).find(|(number, _)| key(*number) == bound.key).map(|(_, value)| value);
    let is_under = counter.zip(bound.below).is_some_and(|(counter, below)| counter < below);
    is_under && bound.value.is_none()
}

/// The first standing grant by name that covers a call. Spec: standing-grant.
pub(crate) fn grant_for<'a>(case: &Case<'a>, call: &Call) -> Option<(&'a Id, &'a Grant)> {
    case.state.grants.iter().find(|(_, grant)| {
        Some(grant.action) == call.effects
            && (grant.destination.is_none() || grant.destination == call.target)
            && grant.count_left > 0
            && grant
                .amount_micros_left
                .is_none_or(|left| planned_sum(case, call).is_some_and(|sum| sum <= left))
    })
}

/// The sum of the amounts of all effects planned for a call, where every one has an amount.
pub(crate) fn planned_sum(case: &Case<'_>, call: &Call) -> Option<u64> {
    let amounts = planned(case, call).into_iter().map(|(_, effect)| effect.amount_micros);
    amounts.collect::<Option<Vec<u64>>>().map(|all| all.into_iter().fold(0, u64::saturating_add))
}

/// The effects planned for a call.
pub(crate) fn planned<'a>(case: &Case<'a>, call: &Call) -> Vec<(&'a Id, &'a TrackedEffect)> {
    let names = call.planned.iter().flatten();
    names.filter_map(|name| case.state.tracked_effects.get_key_value(name)).collect()
}

/// The control of a decision. Spec: controls.
pub(crate) fn control(case: &Case<'_>, body: &DecisionMade) -> Control {
    if !goes_ahead(body) {
        Control::Deny
    } else if is_answered_for(case, body) {
        Control::Approve
    } else if body.request.scope.known().is_some_and(|item| item.resource.is_some()) {
        Control::Narrow
    } else {
        Control::Log
    }
}

/// Whether somebody answers for a decision. Spec: controls.
fn is_answered_for(case: &Case<'_>, body: &DecisionMade) -> bool {
    let is_granted = || case.named_call().is_some_and(|call| grant_for(case, call).is_some());
    body.approval.is_some()
        || body.exception.is_some()
        || body.reason == ReasonCode::StandingGrant && is_granted()
}

/// The signals that show, each with its least control. Spec: risk-table.
fn signals(case: &Case<'_>, call: Option<&Call>, asks: &Id) -> Vec<(RiskSignal, Control)> {
    let limits = &case.config.limits;
    let is_above = call.is_some_and(|call| is_above_read(call.effects));
    let is_untrusted =
        call.is_some_and(|call| call.influence.label.trust < limits.risk_trust.unwrap_or(Trust::Internal));
    let is_sensitive = call.is_some_and(|call| {
        let limit = limits.risk_sensitivity.unwrap_or(Sensitivity::Confidential);
        case.carriage(call, call.arguments).sensitivity >= limit
    });
    let opens = |credential: &TrackedCredential| {
        credential.call.is_none()
            && call.is_some_and(|call| credential.scope.iter().any(|item| item.tool == call.tool))
    };
    let is_broad = is_above && case.state.tracked_credentials.values().any(opens);
    let is_delegate = case.state.actors.get(asks).is_some_and(|actor| actor.delegation.is_some());
    let is_irreversible = call.is_some_and(|call| {
        use EffectsClass::{Approve, Deploy, Purchase};
        let tool = case.state.tools.get(&call.tool);
        let weighs = matches!(call.effects, Some(Deploy | Approve | Purchase));
        tool.and_then(|tool| tool.reversible) != Some(true) || weighs
    });
    [
        (is_untrusted, RiskSignal::UntrustedInstruction, Control::Log),
        (is_sensitive, RiskSignal::SensitiveContext, Control::Log),
        (is_above, RiskSignal::EffectCapability, Control::Log),
        (is_broad, RiskSignal::BroadAuthority, Control::Narrow),
        (call.is_none(), RiskSignal::DurableWrite, Control::Log),
        (is_delegate, RiskSignal::HandOff, Control::Log),
        (is_above && is_irreversible, RiskSignal::Irreversible, Control::Approve),
    ]
    .into_iter()
    .filter_map(|(shows, signal, control)| shows.then_some((signal, control)))
    .collect()
}

fn least_control(signals: &[(RiskSignal, Control)]) -> Control {
    signals.iter().map(|(_, control)| *control).max().unwrap_or(Control::None)
}

/// POL-1 to POL-3, POL-5, POL-7, RSK at a decision.
fn decision(found: &mut Breaches<'_, '_>, body: &DecisionMade) {
    let case = found.case;
    let (is_permit, goes_on) = (body.decision == Decision::Permit, goes_ahead(body));
    let is_executed = body.enforcement == rederive_evidence::kinds::decision::Enforcement::Executed;
    use ReasonCode::{Approved, Exception, PolicyError, PolicyForbids, PolicyPermits, Risk, StandingGrant};
    let is_good_reason = matches!(body.reason, PolicyPermits | Approved | StandingGrant | Exception);
    let is_open = is_executed && !is_permit || is_permit && (!body.errors.is_empty() || !is_good_reason);
    found.add(is_open, Rule::Pol1, Reason::FailOpen);

    found.add_item(other_request(case, &body.request), Rule::Pol2, Reason::OtherRequest);
    let policies = case.state.policies.clone().unwrap_or_default();
    let is_other = |stated: Option<&Id>, pinned: Option<&Id>| match (stated, pinned) {
        (Some(stated), Some(pinned)) => stated != pinned,
        _ => false,
    };
    let is_other_bundle = body.bundle.known().is_some_and(|bundle| policies.bundle != Some(*bundle))
        || is_other(body.engine.known(), policies.engine.as_ref())
        || is_other(body.engine_version.known(), policies.engine_version.as_ref());
    found.add(is_other_bundle, Rule::Pol2, Reason::OtherBundle);
    let broken = broken(case, &body.reliance, case.named_call(), &body.request.actor);
    found.add_item(broken, Rule::Pol2, Reason::RelianceBroken);
    let is_unexplained = match body.reason {
        PolicyPermits | PolicyForbids => body.rules.is_empty(),
        PolicyError => body.errors.is_empty(),
        Approved => body.approval.is_none(),
        Exception => body.exception.is_none(),
        Risk => body.risks.is_empty(),
        _ => false,
    };
    let is_untold = case.is_enforced() && body.explanation.is_none();
    found.add(is_unexplained || is_untold, Rule::Pol2, Reason::Unexplained);

    if goes_on {
        let limit = case.config.limits.permit_lifetime_ms;
        let last = case.input.time.zip(limit).map(|(time, limit)| time.plus_ms(limit));
        let is_longer = body.expires.zip(last).is_some_and(|(end, last)| end > last);
        found.add(body.expires.is_none() || is_longer, Rule::Pol3, Reason::NoExpiry);
        found.add_over(body.expires, Rule::Pol3, Reason::PermitOver);
    }
    found.add(case.is_enforced() && body.receipt.is_none(), Rule::Pol5, Reason::NoReceipt);
    if let Some(name) = &body.exception {
        match case.state.exceptions.get(name) {
            None => found.add(true, Rule::Pol7, Reason::Unknown),
            Some(exception) => {
                found.add_over(exception.expires, Rule::Pol7, Reason::ExceptionOver);
                let item = body.request.scope.known();
                let covers = |item| exception.scope.iter().any(|wider| is_within(item, wider));
                found.add(!item.is_some_and(covers), Rule::Pol7, Reason::OutOfScope);
            }
        }
    }

    if body.request.call.is_some() && case.named_call().is_none() {
        return;
    }
    let asks = body.request.call.as_ref().map_or(&body.request.actor, |place| &place.agent);
    let signals = signals(case, case.named_call(), asks);
    let unlisted = signals.iter().find(|(signal, _)| !body.risks.contains(signal));
    found.add_item(unlisted.map(|(signal, _)| u64::from(signal.code())), Rule::Rsk1, Reason::RiskUnlisted);
    let is_weaker = goes_on && control(case, body) < least_control(&signals);
    found.add(is_weaker, Rule::Rsk1, Reason::WeakerControl);
    if let (Some(call), true, false) = (case.named_call(), goes_on, is_answered_for(case, body)) {
        found.add_item(needs_approval(case, call, body), Rule::Rsk2, Reason::ApprovalNeeded);
    }
}

/// RSK-2: the first ground that holds.
fn needs_approval(case: &Case<'_>, call: &Call, body: &DecisionMade) -> Option<u64> {
    let limits = &case.config.limits;
    let is_above = is_above_read(call.effects);
    let sensitivity = limits.approval_sensitivity.unwrap_or(Sensitivity::Restricted);
    let is_sensitive = is_above && case.carriage(call, call.arguments).sensitivity >= sensitivity;
    let uncertainty = limits.uncertainty_permille.unwrap_or(500);
    let is_unsure = body.uncertainty_permille.known().is_some_and(|found| *found > uncertainty);
    let is_weak = call.carriage.is_none_or(|carried| !carried.known || carried.unfounded);
    let is_external = call.influence.label.trust == Trust::External;
    [is_sensitive, is_unsure, is_above && is_external && is_weak]
        .iter()
        .position(|holds| *holds)
        .map(|at| at as u64)
}

/// POL-2: the lowest key of a request that is not as the state has it.
fn other_request(case: &Case<'_>, request: &Request) -> Option<u64> {
    let scope = request.scope.known();
    let mut others = vec![
        (2, request.goal.known().is_some_and(|goal| case.config.goal != Some(*goal))),
        (4, scope.is_some_and(|item| item.action != request.action || item.tenant != case.config.tenant)),
    ];
    if let (Some(place), Some(call)) = (&request.call, case.named_call()) {
        let surface = case.state.tools.get(&call.tool).and_then(|tool| tool.surface.as_ref());
        let carriage = case.carriage(call, request.arguments.known().copied().or(call.arguments));
        others.extend([
            (0, call.request.as_ref().is_some_and(|name| *name != request.id)),
            (3, request.actor != place.agent),
            (5, surface.is_some_and(|surface| *surface != request.surface)),
            (9, request.influence != call.influence.label),
            (10, request.carriage.known().is_some_and(|stated| *stated != carriage)),
            (11, request.expected_effect != call.expected_effect),
        ]);
    }
    others.into_iter().filter(|(_, is_other)| *is_other).map(|(key, _)| key).min()
}

/// POL-1 to POL-3, POL-7, RSK-1, GRD-3, TOL-6, APR-4, OUT-3 at a dispatch.
fn dispatch(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let Body::ToolDispatched(body) = &case.input.body else { return };
    let decided = case.decision();
    let goes_on = decided.is_some_and(is_going_ahead);
    found.add(!goes_on, Rule::Pol1, Reason::NotPermitted);
    let (Some(call), Some(place)) = (case.call(), &case.input.place) else { return };

    if let Some(decided) = decided.filter(|_| goes_on) {
        let broken = broken(case, &decided.reliance, Some(call), &place.agent);
        found.add_item(broken, Rule::Pol2, Reason::RelianceBroken);
        found.add_over(decided.expires, Rule::Pol3, Reason::PermitOver);
        found.add(call.status == CallStatus::Dispatched, Rule::Pol3, Reason::PermitUsed);
        if let Some(name) = &decided.exception {
            let exception = case.state.exceptions.get(name);
            found.add(exception.is_none(), Rule::Pol7, Reason::Unknown);
            let end = exception.and_then(|exception| exception.expires);
            found.add_over(end, Rule::Pol7, Reason::ExceptionOver);
        }
    }
    let signals = signals(case, Some(call), &place.agent);
    let is_weaker = decided.is_some_and(|decided| decided.control < least_control(&signals));
    found.add(goes_on && is_weaker, Rule::Rsk1, Reason::WeakerControl);
    let is_missing = |signal| is_record_missing(case, signal, call, place, body.arguments);
    let missing = signals.iter().find(|(signal, _)| is_missing(*signal));
    found.add_item(missing.map(|(signal, _)| u64::from(signal.code())), Rule::Rsk1, Reason::RecordMissing);

    let tool = case.state.tools.get(&call.tool);
    let runs_code = call.effects == Some(EffectsClass::Execute)
        || case.found(Some(body.arguments), DetectedClass::Command);
    let is_inside = match (&body.sandbox, tool.and_then(|tool| tool.sandbox.as_ref())) {
        (Some(stated), Some(registered)) => stated == registered,
        (Some(_), None) => !case.is_enforced(),
        (None, _) => false,
    };
    found.add(runs_code && !is_inside, Rule::Grd3, Reason::NoSandbox);

    let planned = planned(case, call);
    let is_other = planned.iter().any(|(_, effect)| effect.expected != call.diff);
    found.add(call.diff.is_some() && is_other, Rule::Tol6, Reason::NotAsPreviewed);
    if let Some(name) = decided.and_then(|decided| decided.approval.as_ref()) {
        let held = case.state.tracked_approvals.get(name);
        if let Some(held) = held.filter(|held| held.status == ApprovalStatus::Approved) {
            found.add(held.breached, Rule::Apr4, Reason::ReliesOnBreach);
            found.add_over(held.expires, Rule::Apr4, Reason::ApprovalOver);
        } else {
            found.add(true, Rule::Apr4, Reason::ApprovalNeeded);
        }
    }
    if !is_above_read(call.effects) {
        return;
    }
    found.add(planned.is_empty(), Rule::Out3, Reason::NoPlan);
    let lacks_rollback = planned.iter().any(|(_, effect)| effect.reversible && !effect.rollback);
    found.add(lacks_rollback, Rule::Out3, Reason::NoRollback);
    let lacks_containment = planned.iter().any(|(_, effect)| !effect.reversible && !effect.containment);
    found.add(lacks_containment, Rule::Out3, Reason::NoContainment);
    let is_final = planned.iter().any(|(_, effect)| !effect.reversible);
    let is_allowed = is_approved(case, decided) || grant_for(case, call).is_some();
    found.add(is_final && !is_allowed, Rule::Out3, Reason::ApprovalNeeded);
}

pub(crate) fn is_going_ahead(decided: &Decided) -> bool {
    use rederive_evidence::kinds::decision::Enforcement;
    (decided.decision, decided.enforcement) == (Decision::Permit, Enforcement::Executed)
}

/// Whether an approval that is approved covers what was decided.
pub(crate) fn is_approved(case: &Case<'_>, decided: Option<&Decided>) -> bool {
    decided.is_some_and(|decided| {
        let approval = decided.approval.as_ref().and_then(|name| case.state.tracked_approvals.get(name));
        approval.is_some_and(|one| one.status == ApprovalStatus::Approved && one.covers == decided.request)
    })
}

/// What the table asks RSK-1 for. Spec: risk-table.
fn is_record_missing(
    case: &Case<'_>,
    signal: RiskSignal,
    call: &Call,
    place: &Place,
    arguments: Digest,
) -> bool {
    let bound =
        case.state.tracked_credentials.values().filter(|one| one.call.as_ref() == Some(place)).take(64);
    let has_credential = bound.into_iter().any(|credential| case.end(credential.expires) != End::Over);
    let lacks_credential = case.has_layer(Layer::Credential) && !has_credential;
    match signal {
        RiskSignal::UntrustedInstruction => {
            case.has_layer(Layer::Guardrail) && call.inspected != Some(arguments)
        }
        RiskSignal::SensitiveContext => {
            case.has_layer(Layer::ToolBroker) && !call.carriage.is_some_and(|carried| carried.known)
        }
        RiskSignal::EffectCapability => {
            let tool = case.state.tools.get(&call.tool);
            tool.and_then(|tool| tool.credential) == Some(true) && lacks_credential
        }
        RiskSignal::BroadAuthority => lacks_credential,
        RiskSignal::DurableWrite | RiskSignal::HandOff | RiskSignal::Irreversible => false,
    }
}

/// MEM-3 under set 2.
fn permit_of_write(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    let Body::MemoryWritten(body) = &case.input.body else { return };
    let permit = case.commitment(body.value).and_then(|value| case.state.permits.get(&value));
    let is_other = permit.is_some_and(|permit| {
        permit.actor.as_ref() != Some(case.agent())
            || permit.influence.is_some_and(|decided| is_raised(decided, influence.label))
    });
    let is_asked = needs_permit(body.item.scope, influence);
    found.add(is_asked && is_other, Rule::Mem3, Reason::NotAsDecided);
}

/// POL-6, POL-7 outside of decisions.
fn policies(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let is_entitled = case.actor_is(&[ActorType::PolicyAdministrator, ActorType::Operator]);
    match &case.input.body {
        Body::PolicyChanged(_) => found.add(!is_entitled, Rule::Pol6, Reason::NotEntitled),
        Body::ToolRegistered(body) => {
            let now = crate::changes::registered(case, body);
            let changes = case.state.tools.get(&body.tool).is_some_and(|held| *held != now);
            found.add(changes && !is_entitled, Rule::Pol6, Reason::NotEntitled);
        }
        Body::PolicyPinned(body) => {
            let bundle = case.state.policies.as_ref().and_then(|policies| policies.bundle);
            found.add(bundle != Some(body.bundle), Rule::Pol6, Reason::OtherBundle);
        }
        Body::ExceptionGranted(body) => {
            let approver = case.actor_type(&body.approver);
            let may = matches!(approver, Some(ActorType::Approver | ActorType::PolicyAdministrator));
            found.add(!may, Rule::Pol7, Reason::NotEntitled);
            found.add(body.approver != case.input.actor, Rule::Pol7, Reason::OtherParty);
            let is_taken = case.state.exceptions.contains_key(&body.exception);
            found.add(is_taken, Rule::Pol7, Reason::NameTaken);
            let wider = case.config.scope.as_ref().and_then(|scope| outside(&body.scope, scope));
            found.add_item(wider, Rule::Pol7, Reason::ScopeWider);
            found.add_over(body.expires.known().copied(), Rule::Pol7, Reason::ExceptionOver);
        }
        Body::ExceptionEnded(body) => {
            let is_unknown = !case.state.exceptions.contains_key(&body.exception);
            found.add(is_unknown, Rule::Pol7, Reason::Unknown);
        }
        _ => {}
    }
}

/// GRD-2, GRD-4.
fn guardrails(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let stated = match &case.input.body {
        Body::ToolValidated(body) => Some((body.arguments, None)),
        Body::ToolRequested(body) => Some((body.arguments, body.target)),
        Body::ToolDispatched(body) => Some((body.arguments, body.target)),
        _ => None,
    };
    if let (Some((arguments, target)), Some(call)) = (stated, case.call())
        && let Some(tool) = case.state.tools.get(&call.tool)
    {
        let unknown = if case.is_enforced() { Sensitivity::Public } else { Sensitivity::Restricted };
        let carriage = case.carriage(call, Some(arguments)).sensitivity;
        let is_found =
            [Some(arguments), target].iter().any(|one| case.found(*one, DetectedClass::Destination));
        let is_above = carriage > tool.clearance.unwrap_or(unknown);
        found.add(is_above || is_found, Rule::Grd2, Reason::Clearance);
    }
    if !matches!(case.kind(), Kind::PromptSent | Kind::ContextSummarised) {
        let departs = |content: &Option<Digest>| case.found(*content, DetectedClass::Departure);
        let item = case.uses().iter().position(departs).map(|at| at as u64);
        found.add_item(item, Rule::Grd4, Reason::Departure);
    }
    if let (Body::ToolProposed(_), Some(plan)) = (&case.input.body, case.state.plans.get(case.agent())) {
        let departs = matches!(plan.verdict, Some(PlanVerdict::Revise | PlanVerdict::Refused));
        found.add(departs, Rule::Grd4, Reason::Departure);
        found.add(plan.verdict.is_none(), Rule::Grd4, Reason::PlanUnchecked);
    }
}

/// The approval that a record is about, and the standings from which it may come.
pub(crate) fn approval_step(body: &Body) -> Option<(&Id, &'static [ApprovalStatus])> {
    use ApprovalStatus::{Approved, Denied, EvidenceAssembled, Requested, Revised, UnderReview};
    const OPEN: &[ApprovalStatus] = &[Requested, EvidenceAssembled, UnderReview, Revised];
    Some(match body {
        Body::ApprovalRequested(body) => (&body.approval, &[Revised]),
        Body::ApprovalEvidence(body) => (&body.approval, &[Requested]),
        Body::ApprovalUnderReview(body) => (&body.approval, &[EvidenceAssembled]),
        Body::ApprovalApproved(body) => (&body.approval, &[UnderReview]),
        Body::ApprovalDenied(body) => (&body.approval, &[UnderReview]),
        Body::ApprovalRevised(body) => (&body.approval, &[UnderReview]),
        Body::ApprovalExpired(body) => (&body.approval, OPEN),
        Body::ApprovalWithdrawn(body) => (&body.approval, OPEN),
        Body::ApprovalLogged(body) => (&body.approval, &[Approved, Denied]),
        _ => return None,
    })
}

/// APR-1 to APR-4 at the steps of an approval, and TOL-6 at its evidence.
fn approvals(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let Some((name, from)) = approval_step(&case.input.body) else { return };
    let held = case.state.tracked_approvals.get(name);
    let is_new = case.kind() == Kind::ApprovalRequested;
    found.add(held.is_none() && !is_new, Rule::Apr1, Reason::Unknown);
    let is_done = |held: &TrackedApproval| case.kind() == Kind::ApprovalLogged && held.logged;
    let is_wrong = held.is_some_and(|held| !from.contains(&held.status) || is_done(held));
    found.add(is_wrong, Rule::Apr1, Reason::Step);
    match &case.input.body {
        Body::ApprovalRequested(body) => {
            let place = body.call.as_ref();
            let decided = place.and_then(|place| case.state.decisions.get(place));
            found.add(place.is_some() && case.named_call().is_none(), Rule::Apr1, Reason::Unknown);
            if let Some(held) = held {
                found.add(
                    case.named_call().is_some() && held.call == body.call,
                    Rule::Apr1,
                    Reason::PlaceUsed,
                );
                let item = decided.and_then(|decided| decided.scope.as_ref());
                let is_wider =
                    item.zip(held.scope.as_ref()).is_some_and(|(item, first)| !is_within(item, first));
                found.add(is_wider, Rule::Apr1, Reason::ScopeWider);
            }
            let is_other =
                case.named_call().is_some() && decided.is_none_or(|decided| decided.request != body.covers);
            found.add(is_other, Rule::Apr4, Reason::OtherRequest);
        }
        Body::ApprovalEvidence(body) => {
            let decision = body.decision.known().map(|decision| decision.0);
            let mark = decision.and_then(|decision| case.mark(decision));
            let mark = mark.filter(|mark| mark.kind == Kind::DecisionMade);
            if decision.is_some() && mark.is_none() {
                found.add_at(Rule::Apr2, Reason::Unlinked, decision, None);
            }
            let nothing = Label { trust: Trust::Control, sensitivity: Sensitivity::Public };
            let shown = body.influences.iter().filter_map(|record| case.mark(record.0));
            let shown = shown.map(|mark| mark.label).fold(nothing, Label::join);
            let is_better = mark.is_some_and(|mark| is_raised(shown, mark.label));
            found.add(is_better, Rule::Apr2, Reason::LabelRaised);
            let call = held.and_then(|held| case.state.calls.get(held.call.as_ref()?));
            let offers =
                call.and_then(|call| case.state.tools.get(&call.tool)).is_some_and(|tool| tool.preview);
            let diff = call.and_then(|call| call.diff);
            let is_other = diff.is_none() || case.given(&body.expected_effect) != diff;
            found.add(offers && is_other, Rule::Tol6, Reason::PreviewNotShown);
        }
        Body::ApprovalUnderReview(body) => may_answer(found, held, &body.reviewer),
        Body::ApprovalApproved(body) => word(found, held, &body.word),
        Body::ApprovalDenied(body) => word(found, held, &body.word),
        Body::ApprovalRevised(body) => word(found, held, &body.word),
        Body::ApprovalExpired(_) => {
            let is_live = held.is_some_and(|held| case.end(held.expires) == End::Live);
            found.add(is_live && !is_wrong, Rule::Apr1, Reason::NotOver);
        }
        Body::ApprovalLogged(body) => {
            let kind = case.mark(body.answer.0).map(|mark| mark.kind);
            if !matches!(kind, Some(Kind::ApprovalApproved | Kind::ApprovalDenied)) {
                found.add_at(Rule::Apr1, Reason::Unlinked, Some(body.answer.0), None);
            }
        }
        _ => {}
    }
}

/// APR-3 of who reviews or answers.
fn may_answer(found: &mut Breaches<'_, '_>, held: Option<&TrackedApproval>, person: &Id) {
    let case = found.case;
    let is_own = held.is_some_and(|held| {
        held.requester == *person || held.call.as_ref().is_some_and(|place| place.agent == *person)
    });
    found.add(is_own, Rule::Apr3, Reason::SelfApproval);
    let is_fit = matches!(case.actor_type(person), Some(ActorType::Approver | ActorType::Principal));
    let own = case.state.actors.get(person).and_then(|actor| actor.scope.as_ref());
    let item = held.and_then(|held| held.scope.as_ref());
    let is_beyond = own.zip(item).is_some_and(|(own, item)| !own.iter().any(|wider| is_within(item, wider)));
    found.add(!is_fit || is_beyond, Rule::Apr3, Reason::NotEntitled);
}

/// APR-3 of an answer.
fn word(found: &mut Breaches<'_, '_>, held: Option<&TrackedApproval>, word: &ApproverWord) {
    let case = found.case;
    may_answer(found, held, &word.approver);
    let is_gate = case.actor_is(&[ActorType::Gate]);
    let is_person = case.input.origin == Origin::Human || is_gate && word.signature.is_some();
    found.add(!is_person, Rule::Apr3, Reason::NotHuman);
    let shown_to = held.and_then(|held| held.reviewer.as_ref());
    let is_other = word.approver != case.input.actor && !is_gate
        || shown_to.is_some_and(|reviewer| *reviewer != word.approver);
    found.add(is_other, Rule::Apr3, Reason::OtherParty);
    let was_shown = held.and_then(|held| held.shown);
    let is_other_page = word.shown.known().zip(was_shown).is_some_and(|(stated, shown)| *stated != shown);
    found.add(is_other_page, Rule::Apr3, Reason::NotAsShown);
}

/// APR-4 at a decision.
fn approval_of_decision(found: &mut Breaches<'_, '_>, body: &DecisionMade) {
    let case = found.case;
    if !goes_ahead(body) {
        return;
    }
    let Some(name) = &body.approval else {
        let asks = body.request.scope.known().is_some_and(|item| item.approval == ApprovalPolicy::Approve);
        return found.add(asks, Rule::Apr4, Reason::ApprovalNeeded);
    };
    let held = case.state.tracked_approvals.get(name);
    let Some(held) = held.filter(|held| held.status == ApprovalStatus::Approved) else {
        return found.add(true, Rule::Apr4, Reason::ApprovalNeeded);
    };
    found.add(request_digest(&body.request) != held.covers, Rule::Apr4, Reason::OtherRequest);
    found.add(held.used, Rule::Apr4, Reason::ApprovalUsed);
    found.add(held.breached, Rule::Apr4, Reason::ReliesOnBreach);
    found.add_over(held.expires, Rule::Apr4, Reason::ApprovalOver);
}

/// CRD-1 and CRD-3 at an issue.
fn credential_issued(found: &mut Breaches<'_, '_>, body: &CredentialIssued) {
    let case = found.case;
    let is_taken = case.state.tracked_credentials.contains_key(&body.credential);
    found.add(is_taken, Rule::Crd1, Reason::NameTaken);
    if body.call.is_none() && body.approval.is_none() {
        return found.add(true, Rule::Crd1, Reason::Unbound);
    }
    let approval = body.approval.as_ref().map(|name| case.state.tracked_approvals.get(name));
    let decided = body.call.as_ref().map(|place| case.state.decisions.get(place));
    let is_unapproved = approval.is_some_and(|approval| {
        approval.is_none_or(|one| one.status != ApprovalStatus::Approved || one.breached)
    });
    let permit_end = decided.flatten().and_then(|decided| decided.expires);
    let is_unpermitted = decided.is_some_and(|decided| !decided.is_some_and(is_going_ahead));
    if is_unapproved || is_unpermitted || case.end(permit_end) == End::Over {
        return found.add(true, Rule::Crd1, Reason::NotPermitted);
    }
    let approval = approval.flatten();
    let item = match decided {
        Some(decided) => decided.and_then(|decided| decided.scope.as_ref()),
        None => approval.and_then(|approval| approval.scope.as_ref()),
    };
    let scope: Vec<ScopeItem> = item.into_iter().cloned().collect();
    found.add_item(outside(&body.scope, &scope), Rule::Crd1, Reason::ScopeWider);

    found.add_untold(permit_end, Rule::Crd1);
    let expires = body.expires.known().copied();
    let limit = case.config.limits.credential_lifetime_ms.filter(|_| expires.is_some());
    match (limit, case.input.time) {
        (Some(_), None) => found.add(case.is_enforced(), Rule::Crd1, Reason::TimeAbsent),
        (limit, time) => {
            let by_limit = time.zip(limit).map(|(time, limit)| time.plus_ms(limit));
            let by_approval = approval.and_then(|approval| approval.expires);
            let last = [by_limit, case.config.session_expires, by_approval].into_iter().flatten().min();
            let is_longer = expires.zip(last).is_some_and(|(end, last)| end > last);
            found.add(is_longer, Rule::Crd1, Reason::LifetimeLonger);
        }
    }

    let place = body.call.as_ref().or(approval.and_then(|approval| approval.call.as_ref()));
    let call = place.and_then(|place| case.state.calls.get(place));
    let surface = call.and_then(|call| case.state.tools.get(&call.tool)?.surface.as_ref());
    let other = body.surfaces.iter().position(|one| Some(one) != surface);
    found.add_item(other.map(|at| at as u64), Rule::Crd3, Reason::SurfaceWider);
}

/// CRD-2, and CRD-3 at a use.
fn credentials(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let name = match &case.input.body {
        Body::CredentialUsed(body) => &body.credential,
        Body::CredentialRevoked(body) => &body.credential,
        Body::CredentialExpired(body) => &body.credential,
        _ => return,
    };
    let held = case.state.tracked_credentials.get(name);
    found.add(held.is_none(), Rule::Crd2, Reason::Unknown);
    if let (Body::CredentialExpired(_), Some(held)) = (&case.input.body, held) {
        found.add(case.end(held.expires) == End::Live, Rule::Crd2, Reason::NotOver);
    }
    let Body::CredentialUsed(body) = &case.input.body else { return };
    let decided = case.state.decisions.get(&body.call).is_some_and(is_going_ahead);
    let may_use = case.named_call().is_some_and(|call| match call.status {
        CallStatus::Dispatched => true,
        CallStatus::Decided => decided,
        CallStatus::Proposed | CallStatus::Validated | CallStatus::Requested => false,
    });
    found.add(held.is_some() && !may_use, Rule::Crd2, Reason::Step);
    let Some(held) = held else { return };
    let is_other = held.call.as_ref().is_some_and(|call| *call != body.call);
    found.add(is_other, Rule::Crd2, Reason::OtherCall);
    found.add_over(held.expires, Rule::Crd2, Reason::CredentialOver);
    let is_wider = body.surface.known().is_some_and(|surface| !held.surfaces.contains(surface));
    found.add(is_wider, Rule::Crd3, Reason::SurfaceWider);
}

/// The effect that a record is about, and the standings from which it may come.
fn effect_step(body: &Body) -> Option<(&Id, &'static [EffectStatus])> {
    use EffectStatus::{Executed, Mismatched, UnderWay};
    const SEEN: &[EffectStatus] = &[UnderWay, Executed, Mismatched];
    Some(match body {
        Body::EffectExecuted(body) => (&body.effect, &[UnderWay]),
        Body::EffectVerified(body) => (&body.effect, &[UnderWay, Executed]),
        Body::EffectReverted(body) => (&body.effect, SEEN),
        Body::EffectQuarantined(body) => (&body.effect, SEEN),
        Body::EffectCompensated(body) => (&body.effect, SEEN),
        Body::EffectNotified(body) => (&body.effect, SEEN),
        _ => return None,
    })
}

/// The effect that a record resolves, where it does.
pub(crate) fn resolved(body: &Body) -> Option<&Id> {
    match body {
        Body::EffectReverted(body) => Some(&body.effect),
        Body::EffectQuarantined(body) => Some(&body.effect),
        Body::EffectCompensated(body) => Some(&body.effect),
        Body::EffectNotified(body) => Some(&body.effect),
        _ => None,
    }
}

/// OUT-1 to OUT-3 at the steps of an effect.
fn effects(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    if let Body::EffectPlanned(body) = &case.input.body {
        let is_taken = case.state.tracked_effects.contains_key(&body.effect);
        found.add(is_taken, Rule::Out1, Reason::NameTaken);
        let Some(call) = case.named_call() else {
            return found.add(true, Rule::Out1, Reason::Unknown);
        };
        found.add(call.status == CallStatus::Dispatched, Rule::Out1, Reason::Step);
        let target = body.target.map(|target| case.commitment(target));
        let is_other = call.effects.is_some_and(|class| class != body.action)
            || target.is_some_and(|target| is_requested(call) && target != call.target);
        found.add(is_other, Rule::Out1, Reason::NotAsDecided);
    }
    let Some((name, from)) = effect_step(&case.input.body) else { return };
    let Some(held) = case.state.tracked_effects.get(name) else {
        return found.add(true, Rule::Out1, Reason::Unknown);
    };
    found.add(!from.contains(&held.status), Rule::Out1, Reason::Step);
    if let Body::EffectExecuted(body) = &case.input.body {
        found.add(held.call != body.call, Rule::Out1, Reason::OtherCall);
        let is_more = body.amount_micros.unwrap_or(0) > held.amount_micros.unwrap_or(0);
        found.add(is_more, Rule::Out3, Reason::AmountExceeded);
    }
    if let Body::EffectNotified(body) = &case.input.body {
        let is_other = held.owner.as_ref().is_some_and(|owner| *owner != body.owner);
        found.add(is_other, Rule::Out2, Reason::OtherParty);
    }
    if resolved(&case.input.body).is_some() {
        let is_unverified = !held.reversible && held.status != EffectStatus::Planned && !held.verified;
        found.add(is_unverified, Rule::Out3, Reason::Unverified);
    }
}

fn claims_match(body: &EffectVerified) -> bool {
    body.result == EffectMatch::Match
}

fn is_other_value(body: &EffectVerified, effect: &TrackedEffect) -> bool {
    let is_other = |stated: Option<&Digest>, held: Option<Digest>| {
        stated.zip(held).is_some_and(|(stated, held)| *stated != held)
    };
    is_other(body.expected.known(), effect.expected) || is_other(body.observed.known(), effect.observed)
}

/// Spec: effect-match.
fn is_match(body: &EffectVerified, effect: &TrackedEffect) -> bool {
    let expected = body.expected.known().copied().or(effect.expected);
    let observed = body.observed.known().copied().or(effect.observed);
    expected.is_some() && expected == observed && !is_other_value(body, effect)
}

/// Whether a verification is of a match that is one.
pub(crate) fn is_true_match(body: &EffectVerified, effect: &TrackedEffect) -> bool {
    claims_match(body) && is_match(body, effect)
}

/// OUT-4.
fn outputs(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let Body::OutputReleased(body) = &case.input.body else { return };
    found.add(body.recipients.is_empty(), Rule::Out4, Reason::NoRecipient);
    let Some(output) = case.state.outputs.get(&body.output) else {
        return found.add(true, Rule::Out4, Reason::Unknown);
    };
    found.add(!output.inspected, Rule::Out4, Reason::NotInspected);
    found.add(output.blocked, Rule::Out4, Reason::BlockedContent);
    let set = case.state.contexts.get(&body.output).and_then(|context| context.label);
    let sensitivity = case.raised(set.unwrap_or(output.label), Some(body.output)).sensitivity;
    let is_below =
        |clearance: Option<&Sensitivity>| clearance.is_some_and(|clearance| *clearance < sensitivity);
    let item = body.recipients.iter().position(|recipient| is_below(recipient.clearance.known()));
    found.add_item(item.map(|at| at as u64), Rule::Out4, Reason::Clearance);
}
