//! The rules of set 1, in the order of the text. SPEC.md 10.5 to 10.9.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement};
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::prompt::PromptSent;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::SchemaCheck;
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    ActorType, EffectsClass, Layer, Origin, Place, Role, ScopeItem, Sensitivity, Trust,
};

use crate::case::{
    BREACH, Breaches, Case, DATA, End, GOAL, REFUSED, Standing, is_above_read, is_ended, is_raised,
    is_requested, is_within, outside,
};
use crate::rules_2;
use crate::state::{Call, CallStatus, Counters, Influence, SharedCounter};

/// What the record breaches, in an open run.
pub(crate) fn breaches(case: &Case<'_>, influence: &Influence) -> Vec<Breach> {
    let mut found = Breaches::new(case);
    run(&mut found);
    identity(&mut found);
    context(&mut found, influence);
    prompt(&mut found, influence);
    guardrail(&mut found);
    tool(&mut found);
    steps(&mut found);
    as_decided(&mut found);
    memory(&mut found, influence);
    limits(&mut found);
    hand_off(&mut found, influence);
    audit(&mut found, influence);
    if case.is_set_2() {
        rules_2::judge(&mut found, influence);
    }
    found.into_list()
}

/// What the record that opens the run breaches.
pub(crate) fn opening(case: &Case<'_>, body: &RunOpened) -> Vec<Breach> {
    let mut found = Breaches::new(case);
    field_absent(&mut found);
    sequence_and_time(&mut found);
    makers(&mut found);
    let name_before = |at: &usize| {
        let (earlier, rest) = body.actors.split_at(*at);
        rest.first().is_some_and(|actor| earlier.iter().any(|one| one.id == actor.id))
    };
    let taken = (0..body.actors.len()).find(name_before).map(|at| at as u64);
    found.add_item(taken, Rule::Idn1, Reason::NameTaken);
    stated_identity(&mut found);
    let is_wider = |actor: &rederive_evidence::values::Actor| match (&actor.scope, body.scope.known()) {
        (Some(own), Some(scope)) => outside(own, scope).is_some(),
        _ => false,
    };
    let wider = body.actors.iter().position(is_wider).map(|at| at as u64);
    found.add_item(wider, Rule::Idn3, Reason::ScopeWider);
    found.into_list()
}

/// The rule that asks for the fields of a kind. SPEC.md 10.2, 10.14.
fn rule_of_fields(case: &Case<'_>) -> Option<Rule> {
    Some(match case.kind() {
        Kind::RunOpened => Rule::Run1,
        Kind::DelegationGranted => Rule::Idn3,
        Kind::ContextRetrieved => Rule::Ctx1,
        Kind::PromptAnswered => Rule::Prm3,
        Kind::ToolRegistered | Kind::ToolProposed | Kind::ToolValidated => Rule::Tol1,
        Kind::MemoryWritten => Rule::Mem1,
        Kind::HandedOff => Rule::Hnd1,
        _ if !case.is_set_2() => return None,
        Kind::DecisionMade => Rule::Pol2,
        Kind::PolicyPinned => Rule::Pol6,
        Kind::ExceptionGranted => Rule::Pol7,
        Kind::CredentialIssued => Rule::Crd1,
        Kind::CredentialUsed => Rule::Crd3,
        Kind::ApprovalRequested => Rule::Apr4,
        Kind::ApprovalEvidence => Rule::Apr2,
        Kind::ApprovalApproved | Kind::ApprovalDenied | Kind::ApprovalRevised => Rule::Apr3,
        Kind::EffectExecuted | Kind::EffectVerified => Rule::Out1,
        Kind::EffectPlanned => Rule::Out3,
        Kind::OutputReleased => Rule::Out4,
        _ => return None,
    })
}

fn field_absent(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    if let Some(rule) = rule_of_fields(case) {
        found.add(case.is_enforced() && case.input.body.tally().absent > 0, rule, Reason::FieldAbsent);
    }
}

/// RUN-2.
fn sequence_and_time(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let (input, number) = (case.input, case.number());
    found.add(input.sequence != number, Rule::Run2, Reason::SequenceGap);
    let latest = case.state.progress.as_ref().and_then(|progress| progress.time);
    found.add(input.time.is_some() && input.time < latest, Rule::Run2, Reason::TimeBackwards);
    found.add(input.time.is_none() && case.is_enforced(), Rule::Run2, Reason::TimeAbsent);
    if let Some(last) = input.causes.last().filter(|last| *last >= number) {
        found.add_at(Rule::Run2, Reason::CauseAhead, Some(last), None);
    }
    if let Some(last) = input.body.tally().records.checked_sub(1).filter(|last| *last >= number) {
        found.add_at(Rule::Run2, Reason::ReferenceAhead, Some(last), None);
    }
}

/// RUN-1 to RUN-3.
fn run(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    found.add(case.kind() == Kind::RunOpened, Rule::Run1, Reason::OpenedAgain);
    field_absent(found);
    sequence_and_time(found);
    if case.kind() != Kind::RunClosed {
        return;
    }
    let has_open = case.state.turns.values().any(|turn| !all_ended(turn));
    found.add(has_open, Rule::Run3, Reason::CallOpen);
    if case.is_set_2() {
        return rules_2::open_at_close(found);
    }
    found.add(!case.state.approvals.is_empty(), Rule::Run3, Reason::ApprovalOpen);
    found.add(!case.state.effects.is_empty(), Rule::Run3, Reason::EffectOpen);
    let ends = case.state.credentials.values().map(|credential| credential.expires);
    credentials_live(found, ends.collect());
}

pub(crate) fn all_ended(turn: &crate::state::Turn) -> bool {
    (0..turn.calls).all(|index| u16::try_from(index).is_ok_and(|index| is_ended(turn, index)))
}

pub(crate) fn credentials_live(
    found: &mut Breaches<'_, '_>,
    ends: Vec<Option<rederive_evidence::ids::RecordedTime>>,
) {
    let case = found.case;
    let is_live = |end| match case.end(end) {
        End::Live => true,
        End::Over => false,
        End::CannotTell => case.is_enforced(),
    };
    found.add(ends.into_iter().any(is_live), Rule::Run3, Reason::CredentialLive);
}

fn makers(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    found.add(case.actor.is_none(), Rule::Idn1, Reason::ActorUnknown);
    let is_other = case.actor.is_some() && !case.actor_is(case.kind().makers());
    found.add(is_other, Rule::Idn1, Reason::ActorType);
}

fn stated_identity(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let Some(identity) = &case.input.identity else { return };
    found.add(identity.tenant != case.config.tenant, Rule::Idn2, Reason::OtherTenant);
    found.add(identity.session != case.config.session, Rule::Idn2, Reason::OtherSession);
    found.add(case.input.origin == Origin::Model, Rule::Idn2, Reason::ModelIdentity);
}

/// IDN-1 to IDN-4.
fn identity(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    makers(found);
    stated_identity(found);
    match &case.input.body {
        Body::DelegationGranted(body) => delegation_granted(found, body),
        Body::DelegationEnded(body) => {
            let is_unknown = !case.state.delegations.contains_key(&body.delegation);
            found.add(is_unknown, Rule::Idn3, Reason::Unknown);
        }
        _ => {}
    }
    acts_inside(found);
}

fn delegation_granted(
    found: &mut Breaches<'_, '_>,
    body: &rederive_evidence::kinds::delegation::DelegationGranted,
) {
    use ActorType::{Agent, Service, SubAgent, Workflow};
    let case = found.case;
    let may_be = [Agent, SubAgent, Service, Workflow];
    found.add(!may_be.contains(&body.delegate.actor_type), Rule::Idn3, Reason::ActorType);
    found.add(body.tenant != case.config.tenant, Rule::Idn3, Reason::OtherTenant);
    let wider = case.scopes(&case.input.actor).into_iter().find_map(|scope| outside(&body.scope, scope));
    let delegate = body.delegate.scope.as_ref().and_then(|own| outside(own, &body.scope));
    found.add_item(wider.or(delegate), Rule::Idn3, Reason::ScopeWider);
    let above = case.actor.as_ref().and_then(|actor| actor.delegation.as_ref());
    let above = above.and_then(|name| case.state.delegations.get(name));
    let ends = [above.and_then(|above| above.expires), case.config.session_expires];
    let expires = body.expires.known().copied();
    let is_longer = |end| expires.is_some_and(|expires| expires > end);
    found.add(ends.into_iter().flatten().any(is_longer), Rule::Idn3, Reason::LifetimeLonger);
    let depth = above.map_or(1, |above| above.depth.saturating_add(1));
    let limit = case.config.limits.delegation_depth.unwrap_or(16).min(16);
    found.add(depth > limit, Rule::Idn3, Reason::TooDeep);
    found.add(is_name_taken(case, body), Rule::Idn3, Reason::NameTaken);
}

pub(crate) fn is_name_taken(
    case: &Case<'_>,
    body: &rederive_evidence::kinds::delegation::DelegationGranted,
) -> bool {
    case.state.delegations.contains_key(&body.delegation) || case.state.actors.contains_key(&body.delegate.id)
}

/// IDN-4.
fn acts_inside(found: &mut Breaches<'_, '_>) {
    use ActorType::{Agent, SubAgent, Workflow};
    let case = found.case;
    let is_at_other = case.input.place.is_some() && *case.agent() != case.input.actor;
    found.add(is_at_other && case.actor_is(&[Agent, SubAgent, Workflow]), Rule::Idn4, Reason::OtherAgent);
    let acts = [Kind::ContextRetrieved, Kind::MemoryRead, Kind::MemoryDeleted];
    if !case.is_request() && !acts.contains(&case.kind()) {
        return;
    }
    found.add_over(case.config.session_expires, Rule::Idn4, Reason::SessionOver);
    let named = case.named_place().map(|place| &place.agent);
    let other = match case.kind() {
        Kind::ToolDispatched => Some(case.agent()),
        Kind::CredentialIssued | Kind::CredentialUsed if case.is_set_2() => named,
        _ => None,
    };
    for actor in [Some(&case.input.actor), other].into_iter().flatten() {
        for delegation in case.delegations_above(actor) {
            let Some(granted) = case.state.delegations.get(delegation) else { continue };
            found.add(!granted.live, Rule::Idn4, Reason::DelegationOver);
            found.add_over(granted.expires, Rule::Idn4, Reason::DelegationOver);
        }
    }
    match &case.input.body {
        Body::ToolProposed(body) => tool_in_scope(found, &case.input.actor, &body.tool),
        Body::ToolDispatched(body) => tool_in_scope(found, case.agent(), &body.tool),
        Body::DecisionMade(body) => {
            if let Some(item) = body.request.scope.known() {
                let scopes = case.scopes(&body.request.actor);
                let is_outside = |scope: &&[ScopeItem]| !scope.iter().any(|wider| is_within(item, wider));
                found.add(scopes.iter().any(is_outside), Rule::Idn4, Reason::OutOfScope);
            }
        }
        _ => {}
    }
}

fn tool_in_scope(
    found: &mut Breaches<'_, '_>,
    actor: &rederive_evidence::ids::Id,
    tool: &rederive_evidence::ids::Id,
) {
    let case = found.case;
    let registered = case.state.tools.get(tool);
    let class = registered.and_then(|tool| tool.effects);
    let allows = |item: &ScopeItem| {
        item.tool == *tool
            && item.tenant == case.config.tenant
            && class.is_none_or(|class| item.action == class)
    };
    let is_outside = case.scopes(actor).iter().any(|scope| !scope.iter().any(allows));
    let is_classless = case.is_enforced() && registered.is_some() && class.is_none();
    found.add(is_outside || is_classless, Rule::Idn4, Reason::OutOfScope);
    let capabilities = &case.config.capabilities;
    let is_agent = case.actor_type(actor) == Some(ActorType::Agent);
    let is_other = is_agent && !capabilities.is_empty() && !capabilities.contains(tool);
    found.add(is_other, Rule::Idn4, Reason::OutOfPersona);
}

/// CTX-1 to CTX-4.
fn context(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    match &case.input.body {
        Body::ContextRetrieved(body) => {
            let is_other = body.tenant_filter.known().is_some_and(|filter| *filter != case.config.tenant);
            found.add(is_other, Rule::Ctx2, Reason::TenantFilter);
            let by_model = body.filter_origin.known() == Some(&Origin::Model);
            found.add(by_model, Rule::Ctx2, Reason::FilterByModel);
            let source = body.source.known();
            let is_unlisted = source.is_some_and(|source| !case.state.sources.contains_key(source));
            found.add(is_unlisted, Rule::Ctx2, Reason::SourceUnlisted);
        }
        Body::ToolProposed(body) => {
            let class = case.state.tools.get(&body.tool).and_then(|tool| tool.effects);
            stale(found, class, influence);
        }
        Body::ToolDispatched(_) => stale(found, case.call().and_then(|call| call.effects), influence),
        Body::PromptSent(body) => {
            for (part, item) in body.parts.iter().zip(0..) {
                let from = part.from.map(|from| from.0);
                let is_data =
                    from.and_then(|from| case.mark(from)).is_some_and(|mark| mark.flags & DATA != 0);
                if is_data && matches!(part.role, Role::System | Role::User) {
                    found.add_at(Rule::Ctx4, Reason::DataInstructs, from, Some(item));
                }
            }
        }
        _ => {}
    }
    let instructs = matches!(
        case.kind(),
        Kind::PolicyChanged
            | Kind::ToolRegistered
            | Kind::ExceptionGranted
            | Kind::RiskAccepted
            | Kind::ApprovalApproved
            | Kind::ApprovalDenied
            | Kind::ApprovalRevised
    );
    let data = case.cause_with(DATA);
    let is_wrong = match case.input.origin {
        Origin::Model | Origin::Tool | Origin::Outside => true,
        Origin::Code => data.is_some(),
        Origin::Human => false,
    };
    if instructs && is_wrong {
        found.add_at(Rule::Ctx4, Reason::DataInstructs, data, None);
    }
}

fn stale(found: &mut Breaches<'_, '_>, class: Option<EffectsClass>, influence: &Influence) {
    if is_above_read(class) {
        found.add_over(influence.fresh_until, Rule::Ctx3, Reason::Stale);
    }
}

/// PRM-1 to PRM-3.
fn prompt(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    let place = case.input.place.as_ref();
    let is_used = place.is_some_and(|place| case.is_turn_used(place));
    match &case.input.body {
        Body::PromptSent(body) => {
            found.add(place.is_none(), Rule::Prm1, Reason::NoPlace);
            found.add(is_used, Rule::Prm1, Reason::PlaceUsed);
            for (part, item) in body.parts.iter().zip(0..) {
                let from = part.from.map(|from| from.0);
                let is_missing = match from {
                    Some(from) => !case.input.causes.contains(from),
                    None => case.is_enforced() && part.role == Role::Tool,
                };
                if is_missing {
                    found.add_at(Rule::Prm1, Reason::PartNotCause, from, Some(item));
                }
                if is_withheld(case, case.commitment(part.content)) {
                    found.add_at(Rule::Prm1, Reason::BlockedContent, None, Some(item));
                }
            }
            let kept = kept_contents(case, body);
            let has_withheld = kept.into_iter().any(|content| is_withheld(case, content));
            found.add(has_withheld, Rule::Prm1, Reason::BlockedContent);
            match kept_parts(case, body) {
                Ok(_) => {}
                Err(item) => found.add_at(Rule::Prm1, Reason::NoSuchPrompt, None, item),
            }
            let model = case.state.models.get(&body.model);
            let unknown = if case.is_enforced() { Sensitivity::Public } else { Sensitivity::Restricted };
            let clearance = model.map(|model| model.clearance.unwrap_or(unknown));
            let is_refused = match clearance {
                Some(clearance) => influence.label.sensitivity > clearance,
                None => case.is_enforced() || !case.state.models.is_empty(),
            };
            found.add(is_refused, Rule::Prm2, Reason::Clearance);
        }
        Body::ContextSummarised(body) => {
            let item = body.items.iter().position(|item| is_withheld(case, Some(*item)));
            found.add_item(item.map(|item| item as u64), Rule::Prm1, Reason::BlockedContent);
        }
        Body::PromptAnswered(body) => {
            found.add(place.is_none(), Rule::Prm3, Reason::NoPlace);
            found.add(is_used, Rule::Prm3, Reason::PlaceUsed);
            let prompt = body.prompt.map(|prompt| prompt.0);
            let is_linked = match prompt {
                Some(prompt) => case.mark(prompt).is_some_and(|mark| mark.kind == Kind::PromptSent),
                None => !case.is_enforced(),
            };
            if !is_linked {
                found.add_at(Rule::Prm3, Reason::Unlinked, prompt, None);
            }
        }
        Body::ToolProposed(_) => {
            let Some(place) = place else { return };
            let is_new = matches!(case.standing(place), Standing::Free | Standing::OutOfTurn);
            let is_announced = case.turn().is_some_and(|turn| turn.calls > u32::from(place.index));
            let is_workflow = case.actor_is(&[ActorType::Workflow]);
            found.add(is_new && !is_announced && !is_workflow, Rule::Prm3, Reason::Unlinked);
        }
        _ => {}
    }
}

fn is_withheld(case: &Case<'_>, content: Option<Digest>) -> bool {
    content.and_then(|content| case.state.contexts.get(&content)).is_some_and(|context| context.withheld)
}

/// The numbers of the parts that a prompt keeps, or the range that is wrong, where one is. Spec: rule-prm-1.
pub(crate) fn kept_parts(case: &Case<'_>, body: &PromptSent) -> Result<Vec<u64>, Option<u64>> {
    let latest = case.state.prompts.get(case.agent());
    let earlier: Vec<u64> = match (body.extends, latest) {
        (None, _) if body.kept.is_empty() => return Ok(Vec::new()),
        (Some(turn), Some(latest)) if latest.turn == turn => latest
            .pieces
            .iter()
            .flat_map(|piece| piece.first..piece.first.saturating_add(piece.count))
            .collect(),
        _ => return Err(None),
    };
    let (mut kept, mut from) = (Vec::new(), 0);
    for (range, item) in body.kept.iter().zip(0..) {
        let (first, end) =
            (range.first as usize, (range.first as usize).saturating_add(range.count as usize));
        let Some(parts) = earlier.get(first..end).filter(|parts| !parts.is_empty() && first >= from) else {
            return Err(Some(item));
        };
        kept.extend_from_slice(parts);
        from = end;
        if pieces(&kept) > 4_095 {
            return Err(Some(item));
        }
    }
    Ok(kept)
}

/// As how many runs of successive numbers these parts can be written.
fn pieces(parts: &[u64]) -> usize {
    let breaks = parts.iter().zip(parts.iter().skip(1)).filter(|(a, b)| a.checked_add(1) != Some(**b));
    usize::from(!parts.is_empty()) + breaks.count()
}

/// What the kept parts of a prompt say.
fn kept_contents(case: &Case<'_>, body: &PromptSent) -> Vec<Option<Digest>> {
    let kept = kept_parts(case, body).unwrap_or_default();
    let content = |number| {
        let key = crate::state::PartKey { agent: case.agent().clone(), number };
        case.state.parts.get(&key).map(|part| part.content)
    };
    kept.into_iter().map(content).collect()
}

/// GRD-1.
fn guardrail(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let kept = match &case.input.body {
        Body::PromptSent(body) => kept_contents(case, body),
        _ => Vec::new(),
    };
    let uses =
        case.uses().into_iter().zip((0..).map(Some)).chain(kept.into_iter().map(|content| (content, None)));
    for (content, item) in uses {
        let Some(context) = content.and_then(|content| case.state.contexts.get(&content)) else { continue };
        if context.blocked {
            found.add_at(Rule::Grd1, Reason::BlockedContent, None, item);
        }
        if context.transformed.is_some() {
            found.add_at(Rule::Grd1, Reason::UntransformedContent, None, item);
        }
    }
}

/// TOL-1, TOL-4 to TOL-6.
fn tool(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    match &case.input.body {
        Body::ToolProposed(body) => {
            let is_registered = case.state.tools.contains_key(&body.tool);
            found.add(!is_registered, Rule::Tol1, Reason::ToolUnregistered);
            let is_invalid = match case.extracted.and_then(|extracted| extracted.schema) {
                Some(SchemaCheck::Valid) => false,
                Some(SchemaCheck::Invalid | SchemaCheck::NotJson) => true,
                Some(SchemaCheck::NoSchema | SchemaCheck::BadSchema) | None => case.is_enforced(),
            };
            found.add(is_registered && is_invalid, Rule::Tol1, Reason::InvalidArguments);
            if let Some(place) = &case.input.place {
                retry(found, place, body.retry_of.as_ref());
            }
        }
        Body::ToolValidated(body) => {
            let tool = case.state.tools.get(&body.tool);
            found.add(tool.is_none(), Rule::Tol1, Reason::ToolUnregistered);
            let is_other = tool.is_some_and(|tool| {
                body.version.known().is_some_and(|version| tool.version.as_ref() != Some(version))
                    || body.schema.known().is_some_and(|schema| tool.schema != Some(*schema))
            });
            found.add(is_other, Rule::Tol1, Reason::OtherSchema);
        }
        Body::ToolDispatched(_) => {
            found.add(!case.actor_is(&[ActorType::Broker]), Rule::Tol4, Reason::NotBroker);
            let Some(call) = case.call() else { return };
            let tool = case.state.tools.get(&call.tool);
            let now = tool.map_or((None, None), |tool| (tool.schema, tool.effects));
            found.add(now != (call.schema, call.effects), Rule::Tol1, Reason::OtherSchema);
            let offers = tool.is_some_and(|tool| tool.preview);
            found.add(offers && !call.previewed, Rule::Tol6, Reason::NoPreview);
        }
        _ => {}
    }
}

/// TOL-5.
fn retry(found: &mut Breaches<'_, '_>, place: &Place, first: Option<&Place>) {
    let limit = found.case.config.limits.retries;
    let own = Place { attempt: 0, ..place.clone() };
    let is_linked = if place.attempt == 0 { first.is_none() } else { first == Some(&own) };
    found.add(!is_linked, Rule::Tol5, Reason::RetryUnlinked);
    found.add(limit.is_some_and(|limit| place.attempt > limit), Rule::Tol5, Reason::RetryLimit);
}

/// TOL-2.
fn steps(found: &mut Breaches<'_, '_>) {
    use CallStatus::{Decided, Dispatched, Proposed, Requested, Validated};
    let case = found.case;
    let (place, from): (_, &[CallStatus]) = match &case.input.body {
        Body::DecisionMade(body) if body.request.call.is_none() => return,
        Body::DecisionMade(body) => (body.request.call.as_ref(), &[Requested, Decided]),
        Body::ToolProposed(_) => (case.input.place.as_ref(), &[]),
        Body::ToolValidated(_) => (case.input.place.as_ref(), &[Proposed]),
        Body::ToolRequested(_) => (case.input.place.as_ref(), &[Validated]),
        Body::ToolPreviewed(_) | Body::ToolBlocked(_) => {
            (case.input.place.as_ref(), &[Proposed, Validated, Requested, Decided])
        }
        Body::ToolDispatched(_) => (case.input.place.as_ref(), &[Decided]),
        Body::ToolReturned(_) | Body::ToolFailed(_) | Body::ToolUnknown(_) => {
            (case.input.place.as_ref(), &[Dispatched])
        }
        _ => return,
    };
    let Some(place) = place else {
        return found.add(true, Rule::Tol2, Reason::NoPlace);
    };
    let status = case.state.calls.get(place).map(|call| call.status);
    let reason = match (case.kind() == Kind::ToolProposed, case.standing(place)) {
        (true, Standing::Free) => return,
        (true, Standing::Live | Standing::Used) => Reason::PlaceUsed,
        (true, Standing::OutOfTurn) | (false, Standing::Used) => Reason::Step,
        (false, Standing::Live) if status.is_some_and(|status| from.contains(&status)) => return,
        (false, Standing::Live) => Reason::Step,
        (false, Standing::Free | Standing::OutOfTurn) => Reason::Unknown,
    };
    found.add(true, Rule::Tol2, reason);
}

/// TOL-3.
fn as_decided(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let is_other_arguments = |call: &Call, stated: Digest| call.arguments.is_some_and(|held| held != stated);
    let is_other_target = |call: &Call, stated| is_requested(call) && call.target != stated;
    let is_other = match (&case.input.body, case.call(), case.named_call()) {
        (Body::ToolValidated(body), Some(call), _) => {
            let forms =
                std::iter::successors(call.arguments, |form| case.state.contexts.get(form)?.transformed);
            let is_form = forms.take(16).any(|form| form == body.arguments);
            body.tool != call.tool || is_other_arguments(call, body.arguments) && !is_form
        }
        (Body::ToolRequested(body), Some(call), _) => is_other_arguments(call, body.arguments),
        (Body::DecisionMade(body), _, Some(call)) => {
            let request = &body.request;
            request.scope.known().is_some_and(|item| item.tool != call.tool)
                || call.effects.is_some_and(|class| class != request.action)
                || request.arguments.known().is_some_and(|stated| is_other_arguments(call, *stated))
                || is_other_target(call, request.target)
        }
        (Body::ToolDispatched(body), Some(call), _) => {
            let is_left_to_pol_1 = case.is_set_2() && case.has_layer(Layer::Policy);
            body.tool != call.tool
                || call.permitted == Some(false) && !is_left_to_pol_1
                || is_other_arguments(call, body.arguments)
                || is_other_target(call, body.target)
        }
        _ => false,
    };
    found.add(is_other, Rule::Tol3, Reason::NotAsDecided);
}

/// *Goes ahead*.
pub(crate) fn goes_ahead(body: &DecisionMade) -> bool {
    body.decision == Decision::Permit && body.enforcement == Enforcement::Executed
}

/// Whether MEM-3 asks for a permit. Spec: rule-mem-3.
pub(crate) fn needs_permit(scope: MemoryScope, influence: &Influence) -> bool {
    is_lasting(scope) && influence.label.trust == Trust::External
}

fn is_lasting(scope: MemoryScope) -> bool {
    matches!(scope, MemoryScope::Durable | MemoryScope::Shared)
}

/// MEM-1 to MEM-3.
fn memory(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    match &case.input.body {
        Body::MemoryWritten(body) => {
            let is_higher = body.label.known().is_some_and(|label| is_raised(*label, influence.label));
            found.add(is_higher, Rule::Mem1, Reason::LabelRaised);
            if needs_permit(body.item.scope, influence) {
                let permit = case.commitment(body.value).and_then(|value| case.state.permits.get(&value));
                found.add(permit.is_none(), Rule::Mem3, Reason::NoDecision);
                found.add_over(permit.and_then(|permit| permit.expires), Rule::Mem3, Reason::NoDecision);
            }
        }
        Body::MemoryRead(body) => {
            let value = body.value.and_then(|value| case.commitment(value));
            let Some(item) = case.state.memory.get(&body.item) else {
                let is_proved = body.earlier.as_ref().is_some_and(|earlier| earlier.proof.is_some());
                return found.add(value.is_some() && !is_proved, Rule::Mem2, Reason::NoProof);
            };
            if item.commitment.is_none() {
                return found.add(value.is_some(), Rule::Mem2, Reason::Gone);
            }
            let may_be_gone = case.end(item.expires) != End::Live;
            let is_excused = value.is_none() && may_be_gone;
            found.add(value != item.commitment && !is_excused, Rule::Mem2, Reason::OtherValue);
            if value.is_some() {
                found.add_over(item.expires, Rule::Mem2, Reason::Gone);
            }
        }
        _ => {}
    }
}

/// What a record adds to the counters. Spec: rule-lim-1.
#[derive(Clone, Copy, Default)]
pub(crate) struct Adds {
    pub(crate) calls: u64,
    pub(crate) spend_micros: u64,
    pub(crate) tokens: u64,
    pub(crate) target: Option<Digest>,
    pub(crate) bytes_out: u64,
}

pub(crate) fn adds(case: &Case<'_>) -> Adds {
    let nothing = Adds::default();
    let undispatched = case.call().is_some_and(|call| call.status != CallStatus::Dispatched);
    match &case.input.body {
        Body::ToolDispatched(body) => {
            let counts = case.call().is_none_or(|call| is_above_read(call.effects));
            let is_new = |target: &Digest| counts && !case.state.targets.contains_key(target);
            let target = body.target.filter(is_new);
            Adds { calls: 1, bytes_out: body.bytes_out.unwrap_or(0), target, ..nothing }
        }
        Body::PromptAnswered(body) => {
            let tokens = |given: &Given<u64>| given.known().copied().unwrap_or(0);
            let tokens = tokens(&body.tokens_in).saturating_add(tokens(&body.tokens_out));
            Adds { tokens, spend_micros: body.spend_micros.unwrap_or(0), ..nothing }
        }
        Body::ToolReturned(body) => {
            let spend_micros = body.spend_micros.unwrap_or(0);
            Adds { calls: undispatched.into(), spend_micros, ..nothing }
        }
        Body::ToolFailed(_) => Adds { calls: undispatched.into(), ..nothing },
        Body::OutputReleased(body) => Adds { bytes_out: body.bytes_out.unwrap_or(0), ..nothing },
        _ => nothing,
    }
}

/// The time that calls are counted at, where the rate is limited and the record has a time.
pub(crate) fn now(case: &Case<'_>) -> Option<u64> {
    case.config.limits.rate_calls.and(case.config.limits.rate_window_ms)?;
    let latest = case.state.progress.as_ref().and_then(|progress| progress.time);
    case.input.time.max(latest.filter(|_| case.input.time.is_some())).map(|time| time.0)
}

/// Whether a call made at this time is in the rate window.
pub(crate) fn is_in_window(case: &Case<'_>, time: u64, now: u64) -> bool {
    let window = case.config.limits.rate_window_ms.unwrap_or(0).saturating_mul(1_000);
    now.checked_sub(window).is_none_or(|start| time > start)
}

/// LIM-1.
fn limits(found: &mut Breaches<'_, '_>) {
    let case = found.case;
    let (limits, adds) = (&case.config.limits, adds(case));
    let nothing = Counters::default();
    let counted = case.state.counters.as_ref().unwrap_or(&nothing);
    let target = u64::from(adds.target.is_some());
    for (counted, adds, limit, reason) in [
        (counted.calls, adds.calls, limits.calls, Reason::CallLimit),
        (counted.spend_micros, adds.spend_micros, limits.spend_micros, Reason::SpendLimit),
        (counted.tokens, adds.tokens, limits.tokens, Reason::TokenLimit),
        (counted.targets, target, limits.targets, Reason::TargetLimit),
        (counted.bytes_out, adds.bytes_out, limits.bytes_out, Reason::BytesLimit),
    ] {
        let is_above = limit.is_some_and(|limit| counted.saturating_add(adds) > limit);
        found.add(adds > 0 && is_above, Rule::Lim1, reason);
    }
    let spends = matches!(case.kind(), Kind::PromptSent | Kind::ToolDispatched);
    let is_spent = limits.spend_micros.is_some_and(|limit| counted.spend_micros >= limit);
    found.add(spends && is_spent, Rule::Lim1, Reason::SpendLimit);
    let is_told = limits.tokens.is_some_and(|limit| counted.tokens >= limit);
    found.add(case.kind() == Kind::PromptSent && is_told, Rule::Lim1, Reason::TokenLimit);
    if let (Some(rate), Some(_), true) = (limits.rate_calls, limits.rate_window_ms, adds.calls > 0) {
        if let Some(now) = now(case) {
            let times = case.state.call_times.iter().filter(|(time, _)| is_in_window(case, time.0, now));
            let made = times.fold(1_u64, |made, (_, at)| made.saturating_add(at.calls));
            found.add(made > rate, Rule::Lim1, Reason::RateLimit);
        } else {
            found.add(case.is_enforced(), Rule::Lim1, Reason::TimeAbsent);
        }
    }
    if let Body::LimitRead(body) = &case.input.body {
        found.add(body.value > body.limit, Rule::Lim1, Reason::SharedLimit);
    }
    if matches!(case.kind(), Kind::PromptSent | Kind::ToolDispatched | Kind::OutputReleased) {
        let asks = |kind| match kind {
            LimitKind::Calls => adds.calls,
            LimitKind::Targets => target,
            LimitKind::BytesOut => adds.bytes_out,
            LimitKind::SpendMicros => spends.into(),
            LimitKind::Tokens => (case.kind() == Kind::PromptSent).into(),
        };
        let is_past =
            |counter: &SharedCounter| asks(counter.kind) > counter.limit.saturating_sub(counter.value);
        found.add(case.state.shared_counters.values().any(is_past), Rule::Lim1, Reason::SharedLimit);
    }
}

/// HND-1.
fn hand_off(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    let Body::HandedOff(body) = &case.input.body else { return };
    let (from, to) = (body.from.known(), body.to.known());
    let is_other_sender = from.is_some_and(|from| *from != case.input.actor);
    found.add(is_other_sender, Rule::Hnd1, Reason::OtherParty);
    let is_higher = body.label.known().is_some_and(|label| is_raised(*label, influence.label));
    found.add(is_higher, Rule::Hnd1, Reason::LabelRaised);
    let Some(delegation) = body.delegation.known() else { return };
    let Some(granted) = case.state.delegations.get(delegation) else {
        return found.add(true, Rule::Hnd1, Reason::Unknown);
    };
    let fits = |a, b| from.is_none_or(|from| from == a) && to.is_none_or(|to| to == b);
    let is_between = fits(&granted.from, &granted.to) || fits(&granted.to, &granted.from);
    found.add(!is_between, Rule::Hnd1, Reason::OtherParty);
    found.add(!granted.live, Rule::Hnd1, Reason::DelegationOver);
    found.add_over(granted.expires, Rule::Hnd1, Reason::DelegationOver);
}

/// OBS-1.
fn audit(found: &mut Breaches<'_, '_>, influence: &Influence) {
    let case = found.case;
    let has_effect = match &case.input.body {
        Body::ToolDispatched(_) | Body::EffectExecuted(_) | Body::OutputReleased(_) => true,
        Body::MemoryWritten(body) => is_lasting(body.item.scope),
        _ => false,
    };
    found.add(has_effect && influence.flags & GOAL == 0, Rule::Obs1, Reason::NoGoal);
    if !case.is_enforced() {
        return;
    }
    if case.is_request() && influence.flags & BREACH != 0 {
        found.add_at(Rule::Obs1, Reason::ReliesOnBreach, case.cause_with(BREACH), None);
    }
    let is_refused = |record: &u64| case.mark(*record).is_some_and(|mark| mark.flags & REFUSED != 0);
    let answered = match &case.input.body {
        Body::PromptAnswered(body) => body.prompt.map(|prompt| prompt.0).filter(is_refused),
        Body::ToolReturned(_) | Body::ToolFailed(_) | Body::ToolUnknown(_) | Body::EffectExecuted(_) => None,
        _ => return,
    };
    let under = answered.or_else(|| case.cause_with(REFUSED));
    if under.is_some() {
        found.add_at(Rule::Obs1, Reason::UnderRefusal, under, None);
    }
}
