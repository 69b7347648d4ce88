//! RSK: risk signals and what they ask for. Since rule set 2. Spec: rule-rsk-1, rule-rsk-2.

use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{DecisionMade, RiskSignal};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::risk::{self, Signals, control, goes_ahead, is_answered_for};
use crate::state::Call;

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Rsk1, &[Reason::RiskUnlisted, Reason::WeakerControl, Reason::RecordMissing]),
    (Rule::Rsk2, &[Reason::ApprovalNeeded]),
];

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Escalation) {
        return;
    }
    if let Body::DecisionMade(made) = &case.input.body {
        check_decision(case, made, found);
    } else if let Body::ToolDispatched(_) = &case.input.body {
        check_dispatch(case, found);
    }
}

/// RSK-1 at a decision: it lists every signal that shows, and is no weaker than they ask for. RSK-2: somebody answers for what asks for it.
fn check_decision(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    let Some(signals) = signals(case, made) else { return };
    let unlisted = signals.list().into_iter().find(|signal| !made.risks.contains(signal));
    if let Some(signal) = unlisted {
        found.add_at(Rule::Rsk1, Reason::RiskUnlisted, None, Some(number(signal)));
    }
    if !goes_ahead(made) {
        return;
    }
    if control(case.state, made) < signals.least() {
        found.add(Rule::Rsk1, Reason::WeakerControl);
    }
    // What is irreversible asks by the table above, and what lies outside the normal scope by APR-4.
    let uncertainty = made.uncertainty_permille.known().copied();
    let ground = |call: &Call| risk::approval_ground(case.state, &case.config.limits, call, uncertainty);
    if let Some(ground) = case.named_call().and_then(ground).filter(|_| !is_answered_for(case.state, made)) {
        found.add_at(Rule::Rsk2, Reason::ApprovalNeeded, None, Some(usize::from(ground.number())));
    }
}

/// The signals of what the decision is about; none where the call that it names is not live.
fn signals(case: &Case<'_>, made: &DecisionMade) -> Option<Signals> {
    match &made.request.call {
        Some(place) => case.named_call().map(|call| risk::of_call(case.state, case.config, place, call)),
        None => Some(risk::of_write(case.state, &made.request.actor)),
    }
}

fn number(signal: RiskSignal) -> usize {
    usize::from(signal.code())
}

/// RSK-1 at a dispatch: the permit is no weaker than the signals that show now ask for, and what they ask for is on record.
fn check_dispatch(case: &Case<'_>, found: &mut Breaches) {
    let (Some(place), Some(call)) = (&case.input.place, case.call) else { return };
    let signals = risk::of_call(case.state, case.config, place, call);
    let decided = case.state.decision(place).filter(|decided| decided.goes_ahead());
    if decided.is_some_and(|decided| decided.control < signals.least()) {
        found.add(Rule::Rsk1, Reason::WeakerControl);
    }
    if let Some(signal) =
        risk::first_missing((case.state, case.config), (place, call), signals, case.input.time)
    {
        found.add_at(Rule::Rsk1, Reason::RecordMissing, None, Some(number(signal)));
    }
}
