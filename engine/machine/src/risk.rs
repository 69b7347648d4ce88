//! Risk: what the machine sees of it, and the least that each sign of it asks for. Spec: risk-table, controls.

use rederive_evidence::codes;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, ReasonCode, RiskSignal};
use rederive_evidence::rules::Rule;
use rederive_evidence::values::{
    ApprovalPolicy, EffectsClass, Layer, Limits, Place, ScopeItem, Sensitivity, Trust,
};

use crate::carriage;
use crate::grant;
use crate::state::{Call, Config, RegisteredTool, State};

codes! {
    /// How strong an answer is, weakest first. Spec: controls.
    pub enum Control {
        /// Nothing is asked.
        None = 0 "none",
        /// It is decided on record.
        Log = 1 "log",
        /// It is changed first.
        Revise = 2 "revise",
        /// It is asked for less.
        Narrow = 3 "narrow",
        /// A person answers for it.
        Approve = 4 "approve",
        /// It does not happen.
        Deny = 5 "deny",
    }
}

/// What must be on record before a dispatch at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Required {
    /// A guardrail has looked into the arguments as they are dispatched.
    Inspection,
    /// The provenance of the arguments' values.
    Provenance,
    /// The broker's validation.
    Validation,
    /// A live permit with its receipt.
    Permit,
    /// Where the tool acts under a credential: a live one that is bound to the call.
    ScopedCredential,
    /// A live credential that is bound to the call.
    BoundCredential,
    /// Owner, reason, provenance, expiry and deletion path of what is written.
    MemoryTerms,
    /// The live delegation that the message goes under.
    Delegation,
    /// The effect expected, with its containment and owner.
    PlannedEffect,
}

/// A row of the risk table.
#[derive(Clone, Copy, Debug)]
pub struct RiskRow {
    /// The signal.
    pub signal: RiskSignal,
    /// When it shows, in the words of SPEC.md.
    pub shows: &'static str,
    /// The least control that a decision must be.
    pub least: Control,
    /// What must be on record before the dispatch.
    pub required: &'static [Required],
}

/// The risk table: a row a signal, in the order of the codes. Spec: risk-table.
pub const RISK_TABLE: &[RiskRow] = &[
    RiskRow {
        signal: RiskSignal::UntrustedInstruction,
        shows: "the trust of the call's *influence* is below `risk_trust`",
        least: Control::Log,
        required: &[Required::Inspection],
    },
    RiskRow {
        signal: RiskSignal::SensitiveContext,
        shows: "the sensitivity of the call's *carriage* is not below `risk_sensitivity`",
        least: Control::Log,
        required: &[Required::Provenance],
    },
    RiskRow {
        signal: RiskSignal::EffectCapability,
        shows: "the call is above read",
        least: Control::Log,
        required: &[Required::Validation, Required::Permit, Required::ScopedCredential],
    },
    RiskRow {
        signal: RiskSignal::BroadAuthority,
        shows: "the call is above read, and a *reusable* credential opens its tool",
        least: Control::Narrow,
        required: &[Required::BoundCredential],
    },
    RiskRow {
        signal: RiskSignal::DurableWrite,
        shows: "the request names no call: it is for a memory write",
        least: Control::Log,
        required: &[Required::MemoryTerms],
    },
    RiskRow {
        signal: RiskSignal::HandOff,
        shows: "a delegation registered the one who asks",
        least: Control::Log,
        required: &[Required::Delegation],
    },
    RiskRow {
        signal: RiskSignal::Irreversible,
        shows: "the call is above read, and its tool is not known to be reversible, or deploys, approves or purchases",
        least: Control::Approve,
        required: &[Required::PlannedEffect],
    },
];

/// The signals that show, each once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals(u8);

impl Signals {
    fn from_shown(shown: &[(RiskSignal, bool)]) -> Self {
        let mask = shown.iter().filter(|(_, shows)| *shows);
        Self(mask.fold(0, |mask, (signal, _)| mask | bit(*signal)))
    }

    pub(crate) fn has(self, signal: RiskSignal) -> bool {
        self.0 & bit(signal) != 0
    }

    /// The rows of the table that apply.
    pub(crate) fn rows(self) -> impl Iterator<Item = &'static RiskRow> {
        RISK_TABLE.iter().filter(move |row| self.has(row.signal))
    }

    /// The signals, ascending.
    pub(crate) fn list(self) -> Vec<RiskSignal> {
        self.rows().map(|row| row.signal).collect()
    }

    /// The least control that they ask for together.
    pub(crate) fn least(self) -> Control {
        self.rows().map(|row| row.least).max().unwrap_or(Control::None)
    }
}

fn bit(signal: RiskSignal) -> u8 {
    1_u8.checked_shl(u32::from(signal.code())).unwrap_or(0)
}

/// The signals of a live call at its place.
pub(crate) fn of_call(state: &State, config: &Config, place: &Place, call: &Call) -> Signals {
    let Limits { risk_trust, risk_sensitivity, .. } = *config.limits;
    let carriage = carriage::effective(state, call, call.arguments.as_ref());
    let trust = risk_trust.unwrap_or(Trust::Internal);
    let sensitivity = risk_sensitivity.unwrap_or(Sensitivity::Confidential);
    let has_reusable = state.reusable_credentials(&call.tool).next().is_some();
    Signals::from_shown(&[
        (RiskSignal::UntrustedInstruction, call.influence.label.trust < trust),
        (RiskSignal::SensitiveContext, carriage.sensitivity >= sensitivity),
        (RiskSignal::EffectCapability, call.is_above_read()),
        (RiskSignal::BroadAuthority, call.is_above_read() && has_reusable),
        (RiskSignal::HandOff, is_delegate(state, &place.agent)),
        (RiskSignal::Irreversible, is_irreversible(call, state.tool(&call.tool))),
    ])
}

/// The signals of a request that names no call: it is for a memory write.
pub(crate) fn of_write(state: &State, actor: &Id) -> Signals {
    Signals::from_shown(&[(RiskSignal::DurableWrite, true), (RiskSignal::HandOff, is_delegate(state, actor))])
}

fn is_delegate(state: &State, actor: &Id) -> bool {
    state.actor(actor).is_some_and(|actor| actor.delegation.is_some())
}

/// Whether what the call does cannot be undone, or weighs as much.
pub(crate) fn is_irreversible(call: &Call, tool: Option<&RegisteredTool>) -> bool {
    let is_reversible = tool.and_then(|tool| tool.reversible) == Some(true);
    let weighs =
        matches!(call.effects, Some(EffectsClass::Deploy | EffectsClass::Approve | EffectsClass::Purchase));
    call.is_above_read() && (!is_reversible || weighs)
}

/// Why somebody has to answer for a call, beside what the risk table says (RSK-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalGround {
    /// What it carries is sensitive.
    Sensitive,
    /// Whoever decided was not sure.
    Ambiguous,
    /// Something external led to it, and nobody knows from where its values come, or one of them names somebody outside and stands nowhere.
    WeakEvidence,
}

impl ApprovalGround {
    /// Its number in a breach of RSK-2.
    pub const fn number(self) -> u8 {
        match self {
            Self::Sensitive => 0,
            Self::Ambiguous => 1,
            Self::WeakEvidence => 2,
        }
    }
}

/// Uncertainty above which somebody answers, thousandths, where the run's limits say nothing.
const UNCERTAINTY_PERMILLE_MAX: u16 = 500;

/// The first ground for which somebody has to answer for a live call that was decided with this uncertainty. Spec: rule-rsk-2.
pub(crate) fn approval_ground(
    state: &State,
    limits: &Limits,
    call: &Call,
    uncertainty_permille: Option<u16>,
) -> Option<ApprovalGround> {
    let sensitive = limits.approval_sensitivity.unwrap_or(Sensitivity::Restricted);
    let certain = limits.uncertainty_permille.unwrap_or(UNCERTAINTY_PERMILLE_MAX);
    let carriage = carriage::effective(state, call, call.arguments.as_ref());
    // Rule set 1 holds nothing of it, and asks nothing of it.
    let is_unfounded = call.carriage.is_some_and(|carried| !carried.known || carried.unfounded);
    let is_external = call.influence.label.trust == Trust::External;
    let grounds = [
        (ApprovalGround::Sensitive, call.is_above_read() && carriage.sensitivity >= sensitive),
        (ApprovalGround::Ambiguous, uncertainty_permille.is_some_and(|permille| permille > certain)),
        (ApprovalGround::WeakEvidence, call.is_above_read() && is_unfounded && is_external),
    ];
    grounds.into_iter().find(|(_, holds)| *holds).map(|(ground, _)| ground)
}

/// Whether a decision lets happen what it is about.
pub(crate) fn goes_ahead(made: &DecisionMade) -> bool {
    made.decision == Decision::Permit && made.enforcement == Enforcement::Executed
}

/// Whether somebody answers for what is permitted: by an approval, an exception, or a standing grant that covers the call.
pub(crate) fn is_answered_for(state: &State, made: &DecisionMade) -> bool {
    let call = made.request.call.as_ref().and_then(|place| state.call(place));
    let is_granted = || call.is_some_and(|call| grant::covering(state, call).is_some());
    made.approval.is_some()
        || made.exception.is_some()
        || (made.reason == ReasonCode::StandingGrant && is_granted())
}

/// The control that a decision is. Spec: controls.
pub(crate) fn control(state: &State, made: &DecisionMade) -> Control {
    if !goes_ahead(made) {
        Control::Deny
    } else if is_answered_for(state, made) {
        Control::Approve
    } else if made.request.scope.known().is_some_and(|item| item.resource.is_some()) {
        Control::Narrow
    } else {
        Control::Log
    }
}

impl Required {
    /// The rule that is breached where it is not there.
    pub const fn asked_by(self) -> Rule {
        match self {
            Self::Inspection | Self::Provenance | Self::ScopedCredential | Self::BoundCredential => {
                Rule::Rsk1
            }
            Self::Validation => Rule::Tol2,
            Self::Permit => Rule::Pol1,
            Self::MemoryTerms => Rule::Mem1,
            Self::Delegation => Rule::Idn4,
            Self::PlannedEffect => Rule::Out3,
        }
    }

    /// What it is, in the words of SPEC.md.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Inspection => "a guardrail's look into the arguments as they are dispatched",
            Self::Provenance => "the provenance of the arguments' values",
            Self::Validation => "`tool.validated`",
            Self::Permit => "a live permit with its receipt",
            Self::ScopedCredential => "where the tool acts under a credential, a live one bound to the call",
            Self::BoundCredential => "a live credential bound to the call",
            Self::MemoryTerms => "owner, reason, provenance, expiry and deletion path",
            Self::Delegation => "the live delegation",
            Self::PlannedEffect => "`downstream.planned` with containment and owner",
        }
    }
}

/// The least control that lets a live call happen, decided under this scope item without uncertainty: what its signals ask for, and `approve` where
/// RSK-2 or the item itself asks for somebody's answer.
pub(crate) fn least(
    (state, config): (&State, &Config),
    call: &Call,
    signals: Signals,
    item: Option<&ScopeItem>,
) -> Control {
    let is_asked = item.is_some_and(|item| item.approval == ApprovalPolicy::Approve)
        || approval_ground(state, &config.limits, call, None).is_some();
    signals.least().max(if is_asked { Control::Approve } else { Control::None })
}

/// Most credentials of a call that are looked at for a live one.
const CREDENTIALS_MAX: usize = 64;

/// The first signal of a live call for which RSK-1 misses a record at `now`. What the run lists no layer for is not asked.
pub(crate) fn first_missing(
    (state, config): (&State, &Config),
    (place, call): (&Place, &Call),
    signals: Signals,
    now: Option<RecordedTime>,
) -> Option<RiskSignal> {
    let is_live = |end: Option<RecordedTime>| end.is_none_or(|end| now.is_none_or(|now| now < end));
    let is_bound = || {
        let mut bound = state.credentials_of(place).take(CREDENTIALS_MAX);
        !config.judges(Layer::Credential) || bound.any(|held| is_live(held.expires))
    };
    let acts_under_one = || state.tool(&call.tool).and_then(|tool| tool.credential) == Some(true);
    let is_there = |required: &Required| match required {
        Required::Inspection => !config.judges(Layer::Guardrail) || call.is_inspected(),
        Required::Provenance => call.carriage.is_some_and(|carried| carried.known),
        Required::ScopedCredential => !acts_under_one() || is_bound(),
        Required::BoundCredential => is_bound(),
        Required::Validation
        | Required::Permit
        | Required::MemoryTerms
        | Required::Delegation
        | Required::PlannedEffect => true,
    };
    signals.rows().find(|row| !row.required.iter().all(is_there)).map(|row| row.signal)
}
