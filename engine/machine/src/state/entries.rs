//! What the entries of each section hold. Entries name records by place, never by number, so that order of arrival leaves no trace.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::{Decision, Directive, Enforcement, Reliance};
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::values::{
    ActorType, EffectsClass, Label, Layer, Limits, Mode, RuleSet, ScopeItem, Sensitivity, Trust,
};
use rederive_evidence::{codes, map};

use super::ended::Ended;
use crate::risk::Control;
use crate::rule_set::RuleSetNumber;

codes! {
    /// Where a live call stands (TOL-2). Spec: call-steps.
    pub enum CallStatus {
        /// The model, or a workflow, has asked for it.
        Proposed = 0 "proposed",
        /// The broker has found it registered and its arguments valid.
        Validated = 1 "validated",
        /// The gate has been asked.
        Requested = 2 "requested",
        /// The gate has answered.
        Decided = 3 "decided",
        /// The tool has been called.
        Dispatched = 4 "dispatched",
    }
}

map! {
    /// What the opening record fixes.
    pub struct Config {
        /// Whether breaching requests are refused.
        0 req mode: Mode,
        /// The rules the run is judged by.
        1 req rule_set: RuleSet,
        /// Layers whose rules are judged: bit n is the layer with code n.
        2 req layers: u16,
        /// The tenant.
        3 req tenant: Id,
        /// The session.
        4 req session: Id,
        /// When the session ends.
        5 opt session_expires: RecordedTime,
        /// Commitment of the goal.
        6 opt goal: Digest,
        /// What the run may do at most, ascending.
        7 opt scope: Vec<ScopeItem>,
        /// The tools that the persona is made to use; empty: those of the scope.
        8 req capabilities: Vec<Id>,
        /// The run's limits.
        9 req limits: Box<Limits>,
        /// Digest of the policy bundle.
        10 opt bundle: Digest,
        /// Digest of the tool registry.
        11 opt registry: Digest,
    }

    /// How far the run has come.
    #[derive(Copy, Default)]
    pub struct Progress {
        /// The latest time recorded.
        0 opt time: RecordedTime,
        /// The closing record has been made.
        1 req closed: bool,
    }

    /// What LIM-1 counts, and how many requests were refused.
    #[derive(Copy, Default)]
    pub struct Counters {
        /// Calls dispatched.
        0 req calls: u64,
        /// Calls dispatched in the rate window that ends now; 0 where no rate is limited.
        1 req calls_in_window: u64,
        /// Spend, millionths.
        2 req spend_micros: u64,
        /// Tokens, both ways.
        3 req tokens: u64,
        /// Distinct targets touched above `read`.
        4 req targets: u64,
        /// Bytes sent out.
        5 req bytes_out: u64,
        /// Requests refused.
        6 req refused: u64,
    }

    /// What is registered of an actor.
    pub struct RegisteredActor {
        /// What it is.
        0 req actor_type: ActorType,
        /// What it may do, ascending; absent: the run's scope.
        1 opt scope: Vec<ScopeItem>,
        /// The delegation that registered it.
        2 opt delegation: Id,
    }

    /// Authority handed on.
    pub struct GrantedDelegation {
        /// Who granted it.
        0 req from: Id,
        /// Who received it.
        1 req to: Id,
        /// 1 where an actor of the opening record granted it, and one more for each delegation above.
        2 req depth: u8,
        /// When it ends.
        3 opt expires: RecordedTime,
        /// It has not been ended.
        4 req live: bool,
    }

    /// A model as a destination.
    #[derive(Copy)]
    pub struct ListedModel {
        /// Highest sensitivity it may be sent.
        0 opt clearance: Sensitivity,
    }

    /// A source on the run's list.
    #[derive(Copy)]
    pub struct ListedSource {
        /// Label of what it returns, where nothing nearer says.
        0 req label: Label,
    }

    /// What is registered of a tool.
    pub struct RegisteredTool {
        /// Its version.
        0 opt version: Id,
        /// Commitment of its arguments' schema.
        1 opt schema: Digest,
        /// What it can do.
        2 opt effects: EffectsClass,
        /// It offers a preview.
        3 req preview: bool,
        /// Label of its results.
        4 opt result_label: Label,
        /// The surface it acts on. This key and those after it: since rule set 2.
        5 opt surface: Id,
        /// Whether its effect can be undone.
        6 opt reversible: bool,
        /// Highest sensitivity that may be sent to it.
        7 opt clearance: Sensitivity,
        /// The sandbox it has to run in.
        8 opt sandbox: Id,
        /// Whether it acts under a credential.
        9 opt credential: bool,
    }

    /// What influenced something: the label, the flags of [`crate::Mark`], and until when all of it is fresh.
    #[derive(Copy)]
    pub struct Influence {
        /// Lowest trust and highest sensitivity of all that led to it.
        0 req label: Label,
        /// [`crate::Mark::REACHES_GOAL`] and [`crate::Mark::BREACHED`].
        1 req flags: u8,
        /// When the first item in it is stale (CTX-3).
        2 opt fresh_until: RecordedTime,
    }

    /// The last turn that an agent opened. A turn up to it that is not in the tree has ended, with all places in it.
    #[derive(Copy)]
    pub struct Watermark {
        /// The turn.
        0 req turn: u32,
    }

    /// An open turn, or its agent's last.
    pub struct Turn {
        /// Number of calls it has, at most 65,536.
        0 req calls: u32,
        /// Calls that have ended.
        1 req ended: Ended,
        /// What influenced the answer that opened it.
        2 req influence: Influence,
    }

    /// The latest attempt of a call that was tried again.
    #[derive(Copy)]
    pub struct Retried {
        /// Number of the attempt.
        0 req attempt: u16,
    }

    /// A call that has not ended.
    pub struct Call {
        /// Where it stands.
        0 req status: CallStatus,
        /// The tool.
        1 req tool: Id,
        /// Commitment of the arguments, as stated last.
        2 opt arguments: Digest,
        /// Commitment of the target, as stated last.
        3 opt target: Digest,
        /// What the tool can do, as registered when it was proposed.
        4 opt effects: EffectsClass,
        /// Commitment of the tool's schema, as registered when it was proposed.
        5 opt schema: Digest,
        /// A preview is on record.
        6 req previewed: bool,
        /// Whether the latest decision on it lets it be dispatched: PERMIT and EXECUTED.
        7 opt permitted: bool,
        /// What influenced it.
        8 req influence: Influence,
        /// What its arguments carry. This key and those after it: since rule set 2.
        9 opt carriage: Carried,
        /// The name of its request, once the gate is asked.
        10 opt request: Id,
        /// Commitment of the effect expected.
        11 opt expected_effect: Digest,
        /// Commitment of the arguments that a guardrail has looked into.
        12 opt inspected: Digest,
        /// Commitment of the diff that the latest preview gave.
        13 opt diff: Digest,
        /// The effects planned for it, ascending; absent: none.
        14 opt planned: Vec<Id>,
    }

    /// What the arguments of a call carry, by the provenance of their values (D8). Spec: carriage.
    #[derive(Copy)]
    pub struct Carried {
        /// Lowest trust and highest sensitivity of all that the values come from.
        0 req label: Label,
        /// The provenance of the values is on record.
        1 req known: bool,
        /// Some value stands in no record before the call.
        2 req unfounded: bool,
    }

    /// The bundle, engine and registry in force (POL-6).
    #[derive(Default)]
    pub struct Policies {
        /// Digest of the policy bundle.
        0 opt bundle: Digest,
        /// Digest of the tool registry.
        1 opt registry: Digest,
        /// The engine that the bundle is loaded into.
        2 opt engine: Id,
        /// Its version.
        3 opt engine_version: Id,
    }

    /// The latest decision on a live call.
    pub struct Decided {
        /// `request` digest of what was decided.
        0 req request: Digest,
        /// The answer.
        1 req decision: Decision,
        /// What is to be done about it.
        2 req directive: Directive,
        /// Whether the call may go ahead.
        3 req enforcement: Enforcement,
        /// When the permit ends.
        4 opt expires: RecordedTime,
        /// The scope item decided on.
        5 opt scope: ScopeItem,
        /// The exception used.
        6 opt exception: Id,
        /// The approval used.
        7 opt approval: Id,
        /// What the decision read.
        8 req reliance: Vec<Reliance>,
        /// The control that it is.
        9 req control: Control,
    }

    /// An exception in force (POL-7).
    pub struct GrantedException {
        /// Who granted it.
        0 req approver: Id,
        /// What it covers, ascending.
        1 req scope: Vec<ScopeItem>,
        /// When it ends.
        2 opt expires: RecordedTime,
    }

    /// An agent's latest plan (GRD-4).
    #[derive(Copy, Default)]
    pub struct Plan {
        /// What comparing it with the task gave; absent: nobody has compared it.
        0 opt verdict: PlanVerdict,
    }

    /// Consecutive parts of a prompt.
    #[derive(Copy)]
    pub struct Piece {
        /// Number of the first.
        0 req first: u64,
        /// How many, at least 1.
        1 req count: u64,
    }

    /// An agent's latest prompt.
    pub struct Prompt {
        /// Its turn.
        0 req turn: u32,
        /// Number that the next new part gets.
        1 req next: u64,
        /// Its parts in order, as ascending numbers.
        2 req pieces: Vec<Piece>,
        /// What influenced it.
        3 req influence: Influence,
    }

    /// A part of an agent's latest prompt.
    #[derive(Copy)]
    pub struct PromptPart {
        /// Commitment of what it says.
        0 req content: Digest,
    }

    /// A thing of which nothing need be remembered but that it is there.
    #[derive(Copy, Default)]
    pub struct Present {}

    /// What must be remembered of a content.
    #[derive(Copy, Default)]
    pub struct Context {
        /// When it stops being fresh.
        0 opt fresh_until: RecordedTime,
        /// It was withheld from the model: `context.blocked`.
        1 req withheld: bool,
        /// A guardrail blocked it.
        2 req blocked: bool,
        /// Commitment of the form that a guardrail put in its place.
        3 opt transformed: Digest,
        /// What guardrails found in it: bit n is the class with code n; never 0. This key and those after it: since rule set 2.
        4 opt detected: u16,
        /// The label that a guardrail set for it as the form in the place of another.
        5 opt label: Label,
    }

    /// A memory item that this run wrote or deleted.
    #[derive(Copy)]
    pub struct MemoryItem {
        /// Commitment of its value; absent: it was deleted or has expired.
        0 opt commitment: Digest,
        /// Its label.
        1 req label: Label,
        /// When it ends.
        2 opt expires: RecordedTime,
    }

    /// A permit for one memory write.
    pub struct Permit {
        /// When it ends.
        0 opt expires: RecordedTime,
        /// Who may write. This key and those after it: since rule set 2.
        1 opt actor: Id,
        /// The influence that was decided on.
        2 opt influence: Label,
    }

    /// A credential that is neither revoked nor expired on record.
    #[derive(Copy)]
    pub struct Credential {
        /// When it ends.
        0 opt expires: RecordedTime,
    }

    /// The latest reading of a counter that runs share.
    #[derive(Copy)]
    pub struct SharedCounter {
        /// What it counts.
        0 req kind: LimitKind,
        /// What it stood at.
        1 req value: u64,
        /// Where it ends.
        2 req limit: u64,
    }

    /// Calls dispatched at one time.
    #[derive(Copy)]
    pub struct CallsAt {
        /// How many.
        0 req calls: u64,
    }
}

impl Config {
    /// What an opening record fixes. `goal` is the commitment of its goal.
    pub(crate) fn of(opened: &RunOpened, goal: Option<Digest>) -> Self {
        let mut scope = opened.scope.known().cloned();
        scope.iter_mut().for_each(|scope| scope.sort_unstable());
        let mut capabilities = opened.persona.capabilities.clone();
        capabilities.sort_unstable();
        Self {
            mode: opened.mode,
            rule_set: opened.rule_set,
            layers: opened.layers.iter().fold(0, |mask, layer| mask | bit(*layer)),
            tenant: opened.tenant.clone(),
            session: opened.session.id.clone(),
            session_expires: opened.session.expires.known().copied(),
            goal,
            scope,
            capabilities,
            limits: Box::new(opened.limits),
            bundle: opened.bundle.known().copied(),
            registry: opened.registry.known().copied(),
        }
    }

    /// The rule set that the run is judged by. One that this machine does not have is judged by none: whoever asks the machine looks first
    /// ([`crate::supports`]), and the machine is total all the same.
    pub(crate) fn set(&self) -> RuleSetNumber {
        RuleSetNumber::numbered(self.rule_set.number).unwrap_or(RuleSetNumber::One)
    }

    /// Whether rules of this layer are judged. Spec: layers-judged.
    pub fn judges(&self, layer: Layer) -> bool {
        self.layers & bit(layer) != 0
    }
}

fn bit(layer: Layer) -> u16 {
    1_u16.checked_shl(u32::from(layer.code())).unwrap_or(0)
}

impl Influence {
    /// Nothing influenced it: the neutral element of [`Self::join`].
    pub const NONE: Self = Self {
        label: Label { trust: Trust::Control, sensitivity: Sensitivity::Public },
        flags: 0,
        fresh_until: None,
    };

    /// What both influenced.
    pub fn join(self, other: Self) -> Self {
        Self {
            label: self.label.join(other.label),
            flags: self.flags | other.flags,
            fresh_until: earlier(self.fresh_until, other.fresh_until),
        }
    }
}

/// The earlier of two times at which something ends; absent is never.
pub(crate) fn earlier(a: Option<RecordedTime>, b: Option<RecordedTime>) -> Option<RecordedTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}

impl Turn {
    /// Number of calls that have not ended: not proposed yet, or live.
    pub fn open_calls(&self) -> u64 {
        u64::from(self.calls).saturating_sub(self.ended.count())
    }
}

impl Decided {
    /// Whether it lets the call happen.
    pub fn goes_ahead(&self) -> bool {
        self.decision == Decision::Permit && self.enforcement == Enforcement::Executed
    }
}

impl Call {
    /// Whether the tool can do more than read. One whose class nobody stated can do anything.
    pub fn is_above_read(&self) -> bool {
        self.effects != Some(EffectsClass::Read)
    }
}

impl Call {
    /// Whether a guardrail has looked into the arguments as they are.
    pub(crate) fn is_inspected(&self) -> bool {
        self.inspected.is_some() && self.inspected == self.arguments
    }
}

impl Context {
    /// Whether there is anything to remember.
    pub(crate) fn is_needed(&self) -> bool {
        *self != Self::default()
    }
}
