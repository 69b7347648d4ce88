//! How strong a decision is, and how strong it has to be. Spec: controls, rule-rsk-1, rule-rsk-2.

use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, ReasonCode, RiskSignal};
use rederive_evidence::values::{ApprovalPolicy, Layer, Limits, Place, ScopeItem, Sensitivity, Trust};

use super::signals::Signals;
use super::table::{Control, Required};
use crate::state::{Call, Config, State};
use crate::{carriage, grant};

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

/// The least control that lets a live call happen, decided under this scope item without uncertainty: what its signals ask for, and `approve` where
/// RSK-2, the item itself, or a plan that cannot be undone asks for somebody's answer.
pub(crate) fn least(
    (state, config): (&State, &Config),
    call: &Call,
    signals: Signals,
    item: Option<&ScopeItem>,
) -> Control {
    let is_lasting =
        call.is_above_read() && grant::planned(state, call).any(|(_, effect)| !effect.reversible);
    let is_asked = is_lasting
        || item.is_some_and(|item| item.approval == ApprovalPolicy::Approve)
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
