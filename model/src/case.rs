//! One record as the rules see it, and the words in which they are told. SPEC.md 10.2, 10.3, 10.15.

use std::collections::BTreeMap;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    ActorType, EffectsClass, Label, Layer, Mode, Place, ScopeItem, Sensitivity, Trust,
};

use crate::Mark;
use crate::state::{
    Call, CallStatus, Config, Decided, Entries, IndexKey, RegisteredActor, State, Turn, TurnKey,
};

/// The mark's flags. Spec: lineage-mark.
pub(crate) const GOAL: u8 = 1;
pub(crate) const BREACH: u8 = 2;
pub(crate) const REFUSED: u8 = 4;
pub(crate) const DATA: u8 = 8;

/// A record, and what was there before it.
pub(crate) struct Case<'a> {
    pub(crate) input: &'a Input,
    pub(crate) extracted: Option<&'a Extracted>,
    pub(crate) state: &'a State,
    pub(crate) entries: &'a Entries,
    pub(crate) marks: &'a [Mark],
    pub(crate) config: &'a Config,
    /// Its actor.
    pub(crate) actor: Option<RegisteredActor>,
}

/// How an end stands to a record's time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Live,
    Over,
    CannotTell,
}

/// How a place stands. Spec: places.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Live,
    Used,
    Free,
    OutOfTurn,
}

impl<'a> Case<'a> {
    pub(crate) fn kind(&self) -> Kind {
        self.input.body.kind()
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.config.mode == Mode::Enforced
    }

    /// Nobody is asked to judge a run by a set that is not known; the machine answers by set 1.
    pub(crate) fn is_set_2(&self) -> bool {
        self.config.rule_set.number == 2
    }

    pub(crate) fn is_request(&self) -> bool {
        self.kind().nature() == Nature::Request
    }

    pub(crate) fn has_layer(&self, layer: Layer) -> bool {
        self.config.layers >> layer.code() & 1 == 1
    }

    pub(crate) fn actor_is(&self, types: &[ActorType]) -> bool {
        self.actor.as_ref().is_some_and(|actor| types.contains(&actor.actor_type))
    }

    pub(crate) fn actor_type(&self, name: &Id) -> Option<ActorType> {
        self.state.actors.get(name).map(|actor| actor.actor_type)
    }

    /// *Its agent*.
    pub(crate) fn agent(&self) -> &'a Id {
        self.input.place.as_ref().map_or(&self.input.actor, |place| &place.agent)
    }

    /// *Its turn*.
    pub(crate) fn turn(&self) -> Option<&'a Turn> {
        self.turn_of(self.input.place.as_ref()?)
    }

    pub(crate) fn turn_of(&self, place: &Place) -> Option<&'a Turn> {
        self.state.turns.get(&TurnKey { agent: place.agent.clone(), turn: place.turn })
    }

    /// *Its call*.
    pub(crate) fn call(&self) -> Option<&'a Call> {
        self.state.calls.get(self.input.place.as_ref()?)
    }

    /// The place that the body names.
    pub(crate) fn named_place(&self) -> Option<&'a Place> {
        match &self.input.body {
            Body::DecisionMade(body) => body.request.call.as_ref(),
            Body::CredentialIssued(body) => body.call.as_ref(),
            Body::CredentialUsed(body) => Some(&body.call),
            Body::ApprovalRequested(body) => body.call.as_ref(),
            Body::EffectPlanned(body) => Some(&body.call),
            Body::EffectExecuted(body) => Some(&body.call),
            _ => None,
        }
    }

    /// *Named call*.
    pub(crate) fn named_call(&self) -> Option<&'a Call> {
        self.state.calls.get(self.named_place()?)
    }

    /// *Its decision*, of a call that is live at its place.
    pub(crate) fn decision(&self) -> Option<&'a Decided> {
        self.call()?;
        self.state.decisions.get(self.input.place.as_ref()?)
    }

    /// *Commitment of a content*.
    pub(crate) fn commitment(&self, content: Content) -> Option<Digest> {
        self.input.contents.get(usize::from(content.0)).map(|entry| entry.commitment)
    }

    pub(crate) fn given(&self, content: &Given<Content>) -> Option<Digest> {
        self.commitment(*content.known()?)
    }

    /// Number of the record: of those before it.
    pub(crate) fn number(&self) -> u64 {
        self.marks.len() as u64
    }

    pub(crate) fn mark(&self, record: u64) -> Option<&'a Mark> {
        self.marks.get(usize::try_from(record).ok()?)
    }

    /// Its causes that are earlier records.
    pub(crate) fn causes(&self) -> impl Iterator<Item = (u64, &'a Mark)> {
        (0..).zip(self.marks).filter(|(record, _)| self.input.causes.contains(*record))
    }

    /// Its first cause with this flag.
    pub(crate) fn cause_with(&self, flag: u8) -> Option<u64> {
        self.causes().find(|(_, mark)| mark.flags & flag != 0).map(|(record, _)| record)
    }

    /// Whether something with this end is over. Spec: expiry.
    pub(crate) fn end(&self, end: Option<RecordedTime>) -> End {
        match (end, self.input.time) {
            (None, _) => End::Live,
            (Some(_), None) => End::CannotTell,
            (Some(end), Some(time)) if time >= end => End::Over,
            (Some(_), Some(_)) => End::Live,
        }
    }

    /// The delegations above an actor, nearest first.
    pub(crate) fn delegations_above(&self, actor: &Id) -> Vec<&'a Id> {
        let mut above = Vec::new();
        let mut next = self.state.actors.get(actor);
        while let Some(name) = next.and_then(|actor| actor.delegation.as_ref()) {
            if above.len() == 17 {
                break;
            }
            above.push(name);
            let granted = self.state.delegations.get(name);
            next = granted.and_then(|granted| self.state.actors.get(&granted.from));
        }
        above
    }

    /// The run's scope where it is known; the empty list stands for one that is not in an enforced run.
    pub(crate) fn run_scope(&self) -> Option<&'a [ScopeItem]> {
        match &self.config.scope {
            Some(scope) => Some(scope),
            None => self.is_enforced().then_some(&[]),
        }
    }

    /// *The scopes of an actor*.
    pub(crate) fn scopes(&self, actor: &Id) -> Vec<&'a [ScopeItem]> {
        let own = self.state.actors.get(actor).and_then(|actor| actor.scope.as_deref());
        own.into_iter().chain(self.run_scope()).collect()
    }

    // quoted: places
    /// How a place stands. Spec: places.
    pub(crate) fn standing(&self, place: &Place) -> Standing {
        if self.state.calls.contains_key(place) {
            return Standing::Live;
        }
        let Some(turn) = self.turn_of(place) else {
            return match place.attempt {
                _ if self.is_turn_used(place) => Standing::Used,
                0 => Standing::Free,
                _ => Standing::OutOfTurn,
            };
        };
        let key = IndexKey { agent: place.agent.clone(), turn: place.turn, index: place.index };
        let entry = self.state.retries.get(&key);
        let last = entry.map_or(0, |entry| entry.attempt);
        let has_ended = is_ended(turn, place.index);
        match place.attempt {
            0 if !has_ended && entry.is_none() => Standing::Free,
            attempt if attempt <= last && (has_ended || entry.is_some()) => Standing::Used,
            attempt if last.checked_add(1) == Some(attempt) && has_ended => Standing::Free,
            _ => Standing::OutOfTurn,
        }
    }
    // unquoted

    /// Whether a turn is not above the watermark of its agent.
    pub(crate) fn is_turn_used(&self, place: &Place) -> bool {
        self.state.watermarks.get(&place.agent).is_some_and(|mark| place.turn <= mark.turn)
    }

    /// The contents that the record uses, in order. Spec: content-uses.
    pub(crate) fn uses(&self) -> Vec<Option<Digest>> {
        match &self.input.body {
            Body::PromptSent(body) => body.parts.iter().map(|part| self.commitment(part.content)).collect(),
            Body::ContextSummarised(body) => {
                let items = body.items.iter().copied().map(Some);
                items.chain([self.commitment(body.summary)]).collect()
            }
            Body::ToolProposed(body) => vec![self.given(&body.arguments)],
            Body::ToolValidated(body) => vec![Some(body.arguments)],
            Body::ToolRequested(body) => vec![Some(body.arguments), body.target],
            Body::ToolDispatched(body) => vec![Some(body.arguments), body.target],
            Body::MemoryWritten(body) => vec![self.commitment(body.value)],
            Body::OutputProduced(body) => vec![self.commitment(body.output)],
            Body::OutputReleased(body) => vec![Some(body.output)],
            Body::HandedOff(body) => vec![self.commitment(body.message)],
            Body::DelegationGranted(body) => vec![body.task.and_then(|task| self.commitment(task))],
            _ => Vec::new(),
        }
    }

    /// Whether a guardrail found this in the content.
    pub(crate) fn found(&self, content: Option<Digest>, class: DetectedClass) -> bool {
        let context = content.and_then(|content| self.state.contexts.get(&content));
        context.and_then(|context| context.detected).is_some_and(|found| found >> class.code() & 1 == 1)
    }

    /// The carriage of a call with these arguments. Spec: carriage.
    pub(crate) fn carriage(&self, call: &Call, arguments: Option<Digest>) -> Label {
        let set = arguments.and_then(|form| self.state.contexts.get(&form)?.label);
        let carried = call.carriage.map_or(UNKNOWN, |carried| carried.label);
        self.raised(set.unwrap_or(carried), arguments)
    }

    /// A label, raised to what guardrails found in the content.
    pub(crate) fn raised(&self, mut label: Label, content: Option<Digest>) -> Label {
        use DetectedClass::{Financial, Health, Personal, Secret};
        if [Personal, Health, Financial].iter().any(|class| self.found(content, *class)) {
            label.sensitivity = label.sensitivity.max(Sensitivity::Confidential);
        }
        if self.found(content, Secret) {
            label.sensitivity = Sensitivity::Restricted;
        }
        label
    }
}

pub(crate) const UNKNOWN: Label = Label { trust: Trust::External, sensitivity: Sensitivity::Restricted };

pub(crate) fn is_ended(turn: &Turn, index: u16) -> bool {
    turn.ended.get(usize::from(index / 64)).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
}

/// *Above read*.
pub(crate) fn is_above_read(class: Option<EffectsClass>) -> bool {
    class != Some(EffectsClass::Read)
}

/// *Requested or later*.
pub(crate) fn is_requested(call: &Call) -> bool {
    call.status >= CallStatus::Requested
}

/// A scope item *is within* another.
pub(crate) fn is_within(item: &ScopeItem, wider: &ScopeItem) -> bool {
    (&item.tool, item.action, &item.tenant) == (&wider.tool, wider.action, &wider.tenant)
        && item.approval >= wider.approval
        && (wider.resource.is_none() || wider.resource == item.resource)
}

/// The first item that is within none of these.
pub(crate) fn outside(items: &[ScopeItem], scope: &[ScopeItem]) -> Option<u64> {
    let is_outside = |item: &ScopeItem| !scope.iter().any(|wider| is_within(item, wider));
    items.iter().position(is_outside).map(|at| at as u64)
}

/// More trust, or less sensitivity, than another label has.
pub(crate) fn is_raised(label: Label, above: Label) -> bool {
    label.trust > above.trust || label.sensitivity < above.sensitivity
}

/// Breaches so far, each rule and reason once: the first stands. Spec: rules.
pub(crate) struct Breaches<'c, 'a> {
    pub(crate) case: &'c Case<'a>,
    found: BTreeMap<(Rule, Reason), Breach>,
}

impl<'c, 'a> Breaches<'c, 'a> {
    pub(crate) fn new(case: &'c Case<'a>) -> Self {
        Self { case, found: BTreeMap::new() }
    }

    pub(crate) fn add_at(&mut self, rule: Rule, reason: Reason, record: Option<u64>, item: Option<u64>) {
        let is_judged = rule == Rule::Run1 || self.case.has_layer(rule.layer());
        if is_judged {
            self.found.entry((rule, reason)).or_insert(Breach { rule, reason, record, item });
        }
    }

    pub(crate) fn add(&mut self, is_breached: bool, rule: Rule, reason: Reason) {
        if is_breached {
            self.add_at(rule, reason, None, None);
        }
    }

    /// Breached for the first item that is wrong, where one is.
    pub(crate) fn add_item(&mut self, item: Option<u64>, rule: Rule, reason: Reason) {
        if item.is_some() {
            self.add_at(rule, reason, None, item);
        }
    }

    /// Breached where something with this end is over, or for the time that is absent. Spec: expiry.
    pub(crate) fn add_over(&mut self, end: Option<RecordedTime>, rule: Rule, reason: Reason) {
        self.add(self.case.end(end) == End::Over, rule, reason);
        self.add_untold(end, rule);
    }

    pub(crate) fn add_untold(&mut self, end: Option<RecordedTime>, rule: Rule) {
        let is_untold = self.case.end(end) == End::CannotTell && self.case.is_enforced();
        self.add(is_untold, rule, Reason::TimeAbsent);
    }

    /// All, ascending by rule and reason.
    pub(crate) fn into_list(self) -> Vec<Breach> {
        self.found.into_values().collect()
    }
}
