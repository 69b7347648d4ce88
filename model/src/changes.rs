//! What records change. SPEC.md 10.13, 10.19, 10.23.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::guardrail::GuardrailTransformed;
use rederive_evidence::kinds::prompt::PromptSent;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::{FailureClass, ToolRegistered};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Input;
use rederive_evidence::rules::Outcome;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Actor, ActorType, Layer, Place, ScopeItem};

use crate::case::{Case, Standing};
use crate::influence::default_label;
use crate::rules::{adds, all_ended, goes_ahead, is_in_window, is_name_taken, kept_parts, needs_permit, now};
use crate::rules_2::{
    approval_step, carried, control, grant_for, is_approved, is_going_ahead, is_true_match, planned,
    planned_sum, request_digest, resolved,
};
use crate::state::{
    ApprovalStatus, Call, CallStatus, CallsAt, Config, Context, Counters, Credential, Decided, EffectStatus,
    Grant, GrantedDelegation, GrantedException, IndexKey, Influence, ListedModel, ListedSource, MemoryItem,
    PartKey, Permit, Piece, Plan, Policies, Present, ProducedOutput, Progress, Prompt, PromptPart,
    RegisteredActor, RegisteredTool, Retried, SharedCounter, State, TrackedApproval, TrackedCredential,
    TrackedEffect, Turn, TurnKey, Watermark, earlier,
};

/// What the opening record fixes.
pub(crate) fn config(input: &Input, body: &RunOpened) -> Config {
    let goal = body.goal.known().and_then(|goal| input.contents.get(usize::from(goal.0)));
    let mut capabilities = body.persona.capabilities.clone();
    capabilities.sort();
    Config {
        mode: body.mode,
        rule_set: body.rule_set,
        layers: body.layers.iter().fold(0, |bits, layer: &Layer| bits | 1 << layer.code()),
        tenant: body.tenant.clone(),
        session: body.session.id.clone(),
        session_expires: body.session.expires.known().copied(),
        goal: goal.map(|goal| goal.commitment),
        scope: body.scope.known().map(|scope| sorted(scope)),
        capabilities,
        limits: body.limits,
        bundle: body.bundle.known().copied(),
        registry: body.registry.known().copied(),
    }
}

fn sorted(scope: &[ScopeItem]) -> Vec<ScopeItem> {
    let mut scope = scope.to_vec();
    scope.sort();
    scope
}

pub(crate) fn listed(actor: &Actor) -> RegisteredActor {
    let scope = actor.scope.as_deref().map(sorted);
    RegisteredActor { actor_type: actor.actor_type, scope, delegation: None }
}

/// The state after the record that opens the run.
pub(crate) fn open(case: &Case<'_>, body: &RunOpened) -> State {
    let mut state = State {
        config: Some(case.config.clone()),
        progress: Some(Progress { time: case.input.time, closed: false }),
        counters: Some(Counters::default()),
        ..State::default()
    };
    for actor in body.actors.iter().rev() {
        state.actors.insert(actor.id.clone(), listed(actor));
    }
    for model in body.models.iter().rev() {
        state.models.insert(model.id.clone(), ListedModel { clearance: model.clearance.known().copied() });
    }
    for source in body.sources.iter().rev() {
        state.sources.insert(source.id.clone(), ListedSource { label: source.label });
    }
    if case.is_set_2() {
        let (bundle, registry) = (case.config.bundle, case.config.registry);
        state.policies = Some(Policies { bundle, registry, ..Policies::default() });
        for grant in body.grants.iter().rev() {
            let entry = Grant {
                action: grant.action,
                destination: grant.destination.and_then(|content| case.commitment(content)),
                amount_micros_left: grant.amount_micros_max,
                count_left: grant.count_max,
            };
            state.grants.insert(grant.id.clone(), entry);
        }
    }
    state
}

/// The state after a record of an open run; `influence` is what the state keeps of the record's.
pub(crate) fn apply(case: &Case<'_>, influence: Influence, outcome: Outcome, is_breached: bool) -> State {
    let mut change = Change { case, state: case.state.clone(), influence, is_breached };
    let latest = case.state.progress.as_ref().and_then(|progress| progress.time);
    let closed = outcome == Outcome::Applied && case.kind() == Kind::RunClosed;
    change.state.progress = Some(Progress { time: case.input.time.max(latest), closed });
    match outcome {
        Outcome::Refused => change.refused(),
        Outcome::Applied => {
            change.count();
            change.prompts();
            change.contexts();
            change.tools();
            change.calls();
            change.memory();
            change.names();
            if case.is_set_2() {
                change.policies();
                change.approvals();
                change.effects();
                change.outputs();
            }
        }
    }
    change.leave_turns();
    change.state
}

struct Change<'c, 'a> {
    case: &'c Case<'a>,
    state: State,
    influence: Influence,
    is_breached: bool,
}

impl Change<'_, '_> {
    fn counters(&mut self) -> &mut Counters {
        self.state.counters.get_or_insert_default()
    }

    fn call(&mut self) -> Option<&mut Call> {
        self.state.calls.get_mut(self.case.input.place.as_ref()?)
    }

    fn context(&mut self, content: Digest) -> &mut Context {
        self.state.contexts.entry(content).or_default()
    }

    /// 1 of 10.13.
    fn refused(&mut self) {
        let case = self.case;
        let refused = &mut self.counters().refused;
        *refused = refused.saturating_add(1);
        if adds(case).calls > 0 {
            self.move_window(0);
        }
        let (Body::ToolProposed(_), Some(place)) = (&case.input.body, &case.input.place) else { return };
        let is_announced = case.turn().is_some_and(|turn| turn.calls > u32::from(place.index));
        if case.standing(place) == Standing::Free && is_announced {
            self.enter_retry(place);
            self.end(place, true);
        }
    }

    /// 2 of 10.13.
    fn count(&mut self) {
        let adds = adds(self.case);
        let counters = self.counters();
        counters.calls = counters.calls.saturating_add(adds.calls);
        counters.spend_micros = counters.spend_micros.saturating_add(adds.spend_micros);
        counters.tokens = counters.tokens.saturating_add(adds.tokens);
        counters.targets = counters.targets.saturating_add(adds.target.is_some().into());
        counters.bytes_out = counters.bytes_out.saturating_add(adds.bytes_out);
        if let Some(target) = adds.target {
            self.state.targets.insert(target, Present {});
        }
        if adds.calls > 0 {
            self.move_window(1);
        }
    }

    fn move_window(&mut self, made: u64) {
        let Some(now) = now(self.case) else { return };
        self.state.call_times.retain(|time, _| is_in_window(self.case, time.0, now));
        if made > 0 {
            let at = self.state.call_times.entry(RecordedTime(now)).or_insert(CallsAt { calls: 0 });
            at.calls = at.calls.saturating_add(made);
        }
        let left = self.state.call_times.values().fold(0_u64, |sum, at| sum.saturating_add(at.calls));
        self.counters().calls_in_window = left;
    }

    /// 4 and 5 of 10.13.
    fn prompts(&mut self) {
        let case = self.case;
        match (&case.input.body, &case.input.place) {
            (Body::PromptSent(body), Some(place)) => self.prompt(place, body),
            (Body::PromptAnswered(body), Some(place)) if !case.is_turn_used(place) => {
                self.open_turn(place, body.calls.into(), self.influence);
            }
            _ => {}
        }
    }

    fn prompt(&mut self, place: &Place, body: &PromptSent) {
        let case = self.case;
        let agent = &place.agent;
        let latest = case.state.prompts.get(agent).filter(|_| body.extends.is_some());
        let (mut numbers, first) = match (kept_parts(case, body), latest) {
            (Ok(kept), Some(latest)) if body.extends == Some(latest.turn) => (kept, latest.next),
            _ => (Vec::new(), 0),
        };
        self.state.parts.retain(|key, _| key.agent != *agent || numbers.contains(&key.number));
        let mut next = first;
        for part in &body.parts {
            if let Some(content) = case.commitment(part.content) {
                let key = PartKey { agent: agent.clone(), number: next };
                self.state.parts.insert(key, PromptPart { content });
            }
            numbers.push(next);
            next = next.saturating_add(1);
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for number in numbers {
            match pieces.last_mut() {
                Some(piece) if piece.first.checked_add(piece.count) == Some(number) => piece.count += 1,
                _ => pieces.push(Piece { first: number, count: 1 }),
            }
        }
        let prompt = Prompt { turn: place.turn, next, pieces, influence: self.influence };
        self.state.prompts.insert(agent.clone(), prompt);
    }

    fn open_turn(&mut self, place: &Place, calls: u32, influence: Influence) {
        let key = TurnKey { agent: place.agent.clone(), turn: place.turn };
        self.state.turns.insert(key, Turn { calls, ended: Vec::new(), influence });
        self.state.watermarks.insert(place.agent.clone(), Watermark { turn: place.turn });
    }

    /// A turn leaves when all its calls have ended and it is not the watermark. Spec: places.
    fn leave_turns(&mut self) {
        let watermarks = &self.state.watermarks;
        let is_last = |key: &TurnKey| watermarks.get(&key.agent).is_some_and(|mark| mark.turn == key.turn);
        self.state.turns.retain(|key, turn| is_last(key) || !all_ended(turn));
        let turns = &self.state.turns;
        let stays =
            |key: &IndexKey| turns.contains_key(&TurnKey { agent: key.agent.clone(), turn: key.turn });
        self.state.retries.retain(|key, _| stays(key));
    }

    /// Sets or clears the bit of a place.
    fn end(&mut self, place: &Place, has_ended: bool) {
        let key = TurnKey { agent: place.agent.clone(), turn: place.turn };
        let Some(turn) = self.state.turns.get_mut(&key) else { return };
        let word = usize::from(place.index / 64);
        if has_ended && turn.ended.len() <= word {
            turn.ended.resize(word + 1, 0);
        }
        if let Some(bits) = turn.ended.get_mut(word) {
            let bit = 1 << (place.index % 64);
            *bits = if has_ended { *bits | bit } else { *bits & !bit };
        }
        while turn.ended.last() == Some(&0) {
            turn.ended.pop();
        }
    }

    fn enter_retry(&mut self, place: &Place) {
        if place.attempt > 0 {
            let key = IndexKey { agent: place.agent.clone(), turn: place.turn, index: place.index };
            self.state.retries.insert(key, Retried { attempt: place.attempt });
        }
    }

    /// 6 of 10.13, 5 of 10.19.
    fn contexts(&mut self) {
        let case = self.case;
        match &case.input.body {
            Body::ContextRetrieved(body) => {
                let retrieved = body.retrieved.known().zip(case.config.limits.freshness_ms);
                let by_limit = retrieved.map(|(retrieved, limit)| retrieved.plus_ms(limit));
                let fresh_until = body.fresh_until.known().copied().or(by_limit);
                if let (Some(item), Some(_)) = (case.commitment(body.item), fresh_until) {
                    let context = self.context(item);
                    context.fresh_until = context.fresh_until.max(fresh_until);
                }
            }
            Body::ContextSummarised(body) => {
                let ends = body.items.iter().filter_map(|item| case.state.contexts.get(item)?.fresh_until);
                if let (Some(summary), Some(end)) = (case.commitment(body.summary), ends.min()) {
                    let context = self.context(summary);
                    context.fresh_until = earlier(context.fresh_until, Some(end));
                }
            }
            Body::ContextBlocked(body) => self.context(body.item).withheld = true,
            Body::GuardrailBlocked(body) => self.context(body.inspected).blocked = true,
            Body::GuardrailTransformed(body) => self.transformed(body),
            Body::GuardrailDetected(body) if case.is_set_2() && !body.classes.is_empty() => {
                let bits = body.classes.iter().fold(0, |bits, class| bits | 1 << class.code());
                let context = self.context(body.inspected);
                context.detected = Some(context.detected.unwrap_or(0) | bits);
            }
            _ => {}
        }
        if !case.is_set_2() || !case.actor_is(&[ActorType::Guardrail]) {
            return;
        }
        let (looked_at, form) = match &case.input.body {
            Body::GuardrailDetected(body) => (body.inspected, Some(body.inspected)),
            Body::GuardrailTransformed(body) => (body.inspected, case.commitment(body.transformed)),
            _ => return,
        };
        if let Some(call) =
            self.call().filter(|call| [call.arguments, call.inspected].contains(&Some(looked_at)))
        {
            call.inspected = form;
        }
    }

    fn transformed(&mut self, body: &GuardrailTransformed) {
        let case = self.case;
        let Some(form) = case.commitment(body.transformed).filter(|form| *form != body.inspected) else {
            return;
        };
        self.context(body.inspected).transformed = Some(form);
        let end = case.state.contexts.get(&body.inspected).and_then(|context| context.fresh_until);
        if end.is_some() {
            let context = self.context(form);
            context.fresh_until = earlier(context.fresh_until, end);
        }
        if let (Some(label), true, true) =
            (body.label, case.is_set_2(), case.actor_is(&[ActorType::Guardrail]))
        {
            let context = self.context(form);
            context.label = Some(context.label.map_or(label, |held| held.join(label)));
        }
    }

    /// 7 of 10.13.
    fn tools(&mut self) {
        let case = self.case;
        if let Body::ToolRegistered(body) = &case.input.body {
            self.state.tools.insert(body.tool.clone(), registered(case, body));
        }
        let (Body::ToolProposed(body), Some(place)) = (&case.input.body, &case.input.place) else { return };
        if case.standing(place) != Standing::Free {
            return;
        }
        let calls = u32::from(place.index) + 1;
        if case.turn().is_none() {
            let influence = Influence { label: default_label(case), flags: 0, fresh_until: None };
            self.open_turn(place, calls, influence);
        } else {
            let key = TurnKey { agent: place.agent.clone(), turn: place.turn };
            if let Some(turn) = self.state.turns.get_mut(&key) {
                turn.calls = turn.calls.max(calls);
            }
            self.end(place, false);
        }
        self.enter_retry(place);
        let tool = case.state.tools.get(&body.tool);
        let expected = body.expected_effect.and_then(|content| case.commitment(content));
        let call = Call {
            status: CallStatus::Proposed,
            tool: body.tool.clone(),
            arguments: case.given(&body.arguments),
            target: None,
            effects: tool.and_then(|tool| tool.effects),
            schema: tool.and_then(|tool| tool.schema),
            previewed: false,
            permitted: None,
            influence: self.influence,
            carriage: case.is_set_2().then(|| carried(case, &self.influence)),
            request: None,
            expected_effect: expected.filter(|_| case.is_set_2()),
            inspected: None,
            diff: None,
            planned: None,
        };
        self.state.calls.insert(place.clone(), call);
    }

    /// 8 and 9 of 10.13, 4 of 10.19.
    fn calls(&mut self) {
        let case = self.case;
        let mut step = |status: CallStatus, arguments: Option<Digest>, target: Option<Option<Digest>>| {
            if let Some(call) = self.call() {
                call.status = call.status.max(status);
                call.arguments = arguments.or(call.arguments);
                call.target = target.unwrap_or(call.target);
            }
        };
        match &case.input.body {
            Body::ToolValidated(body) => step(CallStatus::Validated, Some(body.arguments), None),
            Body::ToolRequested(body) => {
                step(CallStatus::Requested, Some(body.arguments), Some(body.target));
                if let Some(call) = self.call().filter(|_| case.is_set_2()) {
                    call.request = Some(body.request.clone());
                }
            }
            Body::ToolDispatched(body) => {
                step(CallStatus::Dispatched, Some(body.arguments), Some(body.target))
            }
            Body::ToolPreviewed(body) => {
                if let Some(call) = self.call() {
                    call.previewed = true;
                    call.diff = case.commitment(body.diff).filter(|_| case.is_set_2());
                }
            }
            Body::DecisionMade(body) => {
                let Some(place) = &body.request.call else { return };
                let Some(call) = self.state.calls.get_mut(place) else { return };
                call.status = call.status.max(CallStatus::Decided);
                call.arguments = body.request.arguments.known().copied().or(call.arguments);
                call.target = body.request.target;
                call.permitted = Some(goes_ahead(body));
                if case.is_set_2() {
                    let decided = Decided {
                        request: request_digest(&body.request),
                        decision: body.decision,
                        directive: body.directive,
                        enforcement: body.enforcement,
                        expires: body.expires,
                        scope: body.request.scope.known().cloned(),
                        exception: body.exception.clone(),
                        approval: body.approval.clone(),
                        reliance: body.reliance.clone(),
                        control: control(case, body),
                    };
                    self.state.decisions.insert(place.clone(), decided);
                }
            }
            Body::ToolReturned(_) | Body::ToolFailed(_) | Body::ToolBlocked(_) | Body::ToolUnknown(_) => {
                let Some(place) = case.input.place.as_ref().filter(|_| case.call().is_some()) else { return };
                self.state.calls.remove(place);
                self.state.decisions.remove(place);
                self.end(place, true);
            }
            _ => {}
        }
    }

    /// 10 of 10.13.
    fn memory(&mut self) {
        let case = self.case;
        let label = self.influence.label;
        let gone = MemoryItem { commitment: None, label, expires: None };
        match &case.input.body {
            Body::MemoryWritten(body) => {
                let Some(value) = case.commitment(body.value) else { return };
                let label = body.label.known().map_or(label, |claimed| label.join(*claimed));
                let expires = body.expires.known().copied();
                let item = MemoryItem { commitment: Some(value), label, expires };
                self.state.memory.insert(body.item.clone(), item);
                if needs_permit(body.item.scope, &self.influence) {
                    self.state.permits.remove(&value);
                }
            }
            Body::MemoryDeleted(body) => drop(self.state.memory.insert(body.item.clone(), gone)),
            Body::MemoryExpired(body) => drop(self.state.memory.insert(body.item.clone(), gone)),
            Body::DecisionMade(body) if body.request.call.is_none() => {
                let Some(value) = body.request.arguments.known() else { return };
                let permit = Permit {
                    expires: body.expires,
                    actor: case.is_set_2().then(|| body.request.actor.clone()),
                    influence: case.is_set_2().then_some(body.request.influence),
                };
                if goes_ahead(body) {
                    self.state.permits.insert(*value, permit);
                } else {
                    self.state.permits.remove(value);
                }
            }
            _ => {}
        }
    }

    /// 11 and 12 of 10.13.
    fn names(&mut self) {
        let case = self.case;
        match &case.input.body {
            Body::DelegationGranted(body) if !is_name_taken(case, body) => {
                let above = case.actor.as_ref().and_then(|actor| actor.delegation.as_ref());
                let above = above.and_then(|name| case.state.delegations.get(name));
                let granted = GrantedDelegation {
                    from: case.input.actor.clone(),
                    to: body.delegate.id.clone(),
                    depth: above.map_or(1, |above| above.depth.saturating_add(1)),
                    expires: body.expires.known().copied(),
                    live: true,
                };
                self.state.delegations.insert(body.delegation.clone(), granted);
                let own = listed(&body.delegate);
                let scope = own.scope.or(Some(sorted(&body.scope)));
                let actor = RegisteredActor { scope, delegation: Some(body.delegation.clone()), ..own };
                self.state.actors.insert(body.delegate.id.clone(), actor);
            }
            Body::DelegationEnded(body) => {
                if let Some(granted) = self.state.delegations.get_mut(&body.delegation) {
                    granted.live = false;
                }
            }
            Body::LimitRead(body) => {
                let counter = SharedCounter { kind: body.kind, value: body.value, limit: body.limit };
                self.state.shared_counters.insert(body.counter.clone(), counter);
            }
            _ if !case.is_set_2() => self.names_of_set_1(),
            _ => {}
        }
    }

    /// 11 of 10.13, which set 2 has otherwise.
    fn names_of_set_1(&mut self) {
        use rederive_evidence::kinds::downstream::EffectMatch;
        let body = &self.case.input.body;
        match body {
            Body::ApprovalRequested(body) => {
                self.state.approvals.insert(body.approval.clone(), Present {});
            }
            Body::ApprovalApproved(body) => drop(self.state.approvals.remove(&body.approval)),
            Body::ApprovalDenied(body) => drop(self.state.approvals.remove(&body.approval)),
            Body::ApprovalExpired(body) => drop(self.state.approvals.remove(&body.approval)),
            Body::ApprovalWithdrawn(body) => drop(self.state.approvals.remove(&body.approval)),
            Body::CredentialIssued(body) => {
                let credential = Credential { expires: body.expires.known().copied() };
                self.state.credentials.insert(body.credential.clone(), credential);
            }
            Body::CredentialRevoked(body) => drop(self.state.credentials.remove(&body.credential)),
            Body::CredentialExpired(body) => drop(self.state.credentials.remove(&body.credential)),
            Body::EffectExecuted(body) => drop(self.state.effects.insert(body.effect.clone(), Present {})),
            Body::EffectVerified(body) if body.result == EffectMatch::Match => {
                self.state.effects.remove(&body.effect);
            }
            _ => {
                if let Some(effect) = resolved(body) {
                    self.state.effects.remove(effect);
                }
            }
        }
    }

    /// 1 to 3 of 10.19.
    fn policies(&mut self) {
        let case = self.case;
        let policies = self.state.policies.get_or_insert_default();
        match &case.input.body {
            Body::PolicyPinned(body) => {
                policies.engine = body.engine.known().cloned();
                policies.engine_version = body.engine_version.known().cloned();
            }
            Body::PolicyChanged(body) => {
                if body.bundle.is_some() {
                    *policies =
                        Policies { bundle: body.bundle, registry: policies.registry, ..Policies::default() };
                }
                policies.registry = body.registry.or(policies.registry);
                self.state.permits.clear();
            }
            Body::ExceptionGranted(body) => {
                let expires = body.expires.known().copied();
                let exception =
                    GrantedException { approver: body.approver.clone(), scope: sorted(&body.scope), expires };
                self.state.exceptions.entry(body.exception.clone()).or_insert(exception);
            }
            Body::ExceptionEnded(body) => drop(self.state.exceptions.remove(&body.exception)),
            Body::PlanProposed(_) | Body::PlanRevised(_) => {
                self.state.plans.insert(case.agent().clone(), Plan { verdict: None });
            }
            Body::PlanChecked(body) => {
                if let Some(plan) = self.state.plans.get_mut(case.agent()) {
                    plan.verdict = Some(body.verdict);
                }
            }
            _ => {}
        }
    }

    /// Whether the record counts. Spec: counts.
    fn counts(&self) -> bool {
        !(self.case.is_enforced() && self.is_breached)
    }

    /// 2 and 3 of 10.23.
    fn approvals(&mut self) {
        let case = self.case;
        self.approval_steps();
        let decided = case.decision().filter(|decided| is_going_ahead(decided));
        let served = match &case.input.body {
            Body::DecisionMade(body) if body.request.call.is_none() && goes_ahead(body) => {
                body.approval.as_ref()
            }
            Body::ToolDispatched(_) => decided.and_then(|decided| decided.approval.as_ref()),
            _ => None,
        };
        if let Some(approval) = served.and_then(|name| self.state.tracked_approvals.get_mut(name)) {
            approval.used = true;
        }
        match &case.input.body {
            Body::CredentialIssued(body) => {
                let approval = body.approval.as_ref().and_then(|name| case.state.tracked_approvals.get(name));
                let mut surfaces = body.surfaces.clone();
                surfaces.sort();
                let credential = TrackedCredential {
                    expires: body.expires.known().copied(),
                    call: body.call.clone().or(approval.and_then(|approval| approval.call.clone())),
                    scope: sorted(&body.scope),
                    surfaces,
                };
                self.state.tracked_credentials.insert(body.credential.clone(), credential);
            }
            Body::CredentialRevoked(body) if self.counts() => {
                self.state.tracked_credentials.remove(&body.credential);
            }
            Body::CredentialExpired(body) if self.counts() => {
                self.state.tracked_credentials.remove(&body.credential);
            }
            _ => {}
        }
    }

    fn approval_steps(&mut self) {
        let (case, is_breached) = (self.case, self.is_breached);
        let Some((name, _)) = approval_step(&case.input.body) else { return };
        let held = self.state.tracked_approvals.get_mut(name);
        if let Body::ApprovalRequested(body) = &case.input.body {
            let decided = body.call.as_ref().and_then(|place| case.state.decisions.get(place));
            let first = held.as_ref().and_then(|held| held.scope.clone());
            let approval = TrackedApproval {
                status: ApprovalStatus::Requested,
                logged: false,
                used: false,
                breached: is_breached || held.is_some_and(|held| held.breached),
                requester: case.input.actor.clone(),
                covers: body.covers,
                call: body.call.clone(),
                expires: body.expires.known().copied(),
                scope: first.or(decided.and_then(|decided| decided.scope.clone())),
                reviewer: None,
                shown: None,
            };
            self.state.tracked_approvals.insert(name.clone(), approval);
            return;
        }
        let Some(held) = held else { return };
        held.breached |= is_breached;
        match &case.input.body {
            Body::ApprovalEvidence(_) => held.status = ApprovalStatus::EvidenceAssembled,
            Body::ApprovalUnderReview(body) => {
                held.status = ApprovalStatus::UnderReview;
                held.reviewer = Some(body.reviewer.clone());
                held.shown = Some(body.shown);
            }
            Body::ApprovalApproved(_) => held.status = ApprovalStatus::Approved,
            Body::ApprovalDenied(_) => held.status = ApprovalStatus::Denied,
            Body::ApprovalRevised(_) => held.status = ApprovalStatus::Revised,
            Body::ApprovalExpired(_) => held.status = ApprovalStatus::Expired,
            Body::ApprovalWithdrawn(_) => held.status = ApprovalStatus::Withdrawn,
            Body::ApprovalLogged(_) => held.logged = true,
            _ => {}
        }
    }

    /// 4 and 5 of 10.23.
    fn effects(&mut self) {
        let (case, counts) = (self.case, self.counts());
        let open =
            |effect: &TrackedEffect| matches!(effect.status, EffectStatus::Planned | EffectStatus::UnderWay);
        match &case.input.body {
            Body::EffectPlanned(body) if counts => {
                let call = self.state.calls.get_mut(&body.call);
                let is_new = !self.state.tracked_effects.contains_key(&body.effect);
                let Some(call) = call.filter(|_| is_new) else { return };
                let is_under_way = call.status == CallStatus::Dispatched;
                let tool = case.state.tools.get(&call.tool);
                let effect = TrackedEffect {
                    status: if is_under_way { EffectStatus::UnderWay } else { EffectStatus::Planned },
                    call: body.call.clone(),
                    reversible: body.reversible == Given::Known(true)
                        && tool.and_then(|tool| tool.reversible) == Some(true),
                    rollback: body.rollback.is_some(),
                    containment: body.containment.is_some(),
                    verified: false,
                    owner: body.owner.known().cloned(),
                    expected: case.given(&body.expected),
                    observed: None,
                    amount_micros: body.amount_micros,
                    grant: None,
                };
                self.state.tracked_effects.insert(body.effect.clone(), effect);
                let names = call.planned.get_or_insert_default();
                if !names.contains(&body.effect) {
                    names.push(body.effect.clone());
                    names.sort();
                }
            }
            Body::ToolDispatched(_) => self.dispatched(),
            Body::ToolBlocked(_) => self.planned_leave(),
            Body::ToolFailed(body)
                if matches!(
                    body.class,
                    FailureClass::Unreachable | FailureClass::Refused | FailureClass::Arguments
                ) =>
            {
                self.planned_leave();
            }
            Body::EffectExecuted(body) => {
                let observed = case.given(&body.observed);
                let seen_first = TrackedEffect {
                    status: EffectStatus::UnderWay,
                    call: body.call.clone(),
                    reversible: false,
                    rollback: false,
                    containment: false,
                    verified: false,
                    owner: None,
                    expected: None,
                    observed: None,
                    amount_micros: None,
                    grant: None,
                };
                let effect = self.state.tracked_effects.entry(body.effect.clone()).or_insert(seen_first);
                if !open(effect) {
                    return;
                }
                effect.status = EffectStatus::Executed;
                effect.observed = observed;
                let above = body.amount_micros.unwrap_or(0).saturating_sub(effect.amount_micros.unwrap_or(0));
                let grant = effect.grant.as_ref().and_then(|name| self.state.grants.get_mut(name));
                if let Some(left) = grant.and_then(|grant| grant.amount_micros_left.as_mut()) {
                    *left = left.saturating_sub(above);
                }
            }
            Body::EffectVerified(body) => {
                let Some(effect) = self.state.tracked_effects.get_mut(&body.effect) else { return };
                let is_done = is_true_match(body, effect) && effect.status != EffectStatus::Mismatched;
                if is_done && counts {
                    self.state.tracked_effects.remove(&body.effect);
                } else {
                    effect.verified = true;
                    effect.status = EffectStatus::Mismatched;
                }
            }
            other => {
                if let Some(effect) = resolved(other).filter(|_| counts) {
                    self.state.tracked_effects.remove(effect);
                }
            }
        }
    }

    fn dispatched(&mut self) {
        let case = self.case;
        let Some(call) = case.call() else { return };
        let effects = planned(case, call);
        let is_final = effects.iter().any(|(_, effect)| !effect.reversible);
        let draws = is_final && !is_approved(case, case.decision());
        let grant = grant_for(case, call).filter(|_| draws).map(|(name, _)| name.clone());
        let names: Vec<Id> = effects.into_iter().map(|(name, _)| name.clone()).collect();
        for effect in names.iter() {
            let Some(effect) = self.state.tracked_effects.get_mut(effect) else { continue };
            effect.status = EffectStatus::UnderWay;
            effect.grant = grant.clone().or(effect.grant.take());
        }
        if let Some(grant) = grant.and_then(|name| self.state.grants.get_mut(&name)) {
            grant.count_left = grant.count_left.saturating_sub(1);
            let sum = planned_sum(case, call).unwrap_or(0);
            grant.amount_micros_left = grant.amount_micros_left.map(|left| left.saturating_sub(sum));
        }
    }

    fn planned_leave(&mut self) {
        let Some(call) = self.case.call() else { return };
        for (name, effect) in planned(self.case, call) {
            let is_its = Some(&effect.call) == self.case.input.place.as_ref();
            if is_its && matches!(effect.status, EffectStatus::Planned | EffectStatus::UnderWay) {
                self.state.tracked_effects.remove(name);
            }
        }
    }

    /// 6 of 10.23.
    fn outputs(&mut self) {
        let case = self.case;
        let is_guardrail = case.actor_is(&[ActorType::Guardrail]);
        let label = self.influence.label;
        let held = |output: Digest| case.state.outputs.get(&output);
        match &case.input.body {
            Body::OutputProduced(body) => {
                let Some(output) = case.commitment(body.output) else { return };
                let entry = ProducedOutput { label, inspected: false, blocked: false };
                let entry = self.state.outputs.entry(output).or_insert(entry);
                entry.label = entry.label.join(label);
            }
            Body::GuardrailDetected(body) if is_guardrail => {
                if let Some(output) = self.state.outputs.get_mut(&body.inspected) {
                    output.inspected = true;
                }
            }
            Body::GuardrailTransformed(body) if is_guardrail => {
                let (Some(first), Some(form)) = (held(body.inspected), case.commitment(body.transformed))
                else {
                    return;
                };
                let inspected = ProducedOutput { inspected: true, ..first.clone() };
                self.state.outputs.insert(body.inspected, inspected);
                let label = body.label.unwrap_or(label.join(first.label));
                let blocked = held(form).is_some_and(|form| form.blocked);
                self.state.outputs.insert(form, ProducedOutput { label, inspected: true, blocked });
            }
            Body::OutputBlocked(body) => {
                if let Some(output) = self.state.outputs.get_mut(&body.output) {
                    output.blocked = true;
                }
            }
            _ => {}
        }
    }
}

/// What the state keeps of a tool as registered.
pub(crate) fn registered(case: &Case<'_>, body: &ToolRegistered) -> RegisteredTool {
    let set_2 = case.is_set_2();
    RegisteredTool {
        version: body.version.known().cloned(),
        schema: case.given(&body.schema),
        effects: body.effects.known().copied(),
        preview: body.preview,
        result_label: body.result_label.known().copied(),
        surface: body.surface.known().filter(|_| set_2).cloned(),
        reversible: body.reversible.known().filter(|_| set_2).copied(),
        clearance: body.clearance.filter(|_| set_2),
        sandbox: body.sandbox.clone().filter(|_| set_2),
        credential: body.credential.filter(|_| set_2),
    }
}
