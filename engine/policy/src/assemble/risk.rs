//! The risk of a call as the risk table sees it, where the registry says what the run's own records may not: what the tool can do. A tool that
//! is registered in the run with its class has the signals that the machine derives. Spec: risk-table.

use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::values::{EffectsClass, Sensitivity, Trust};
use rederive_machine::{Machine, RISK_TABLE, RequestFacts};

use crate::control::Control;
use crate::request::PolicyRequest;

/// Fills in the signals and the least control that they ask for, where this is what the machine knows of the call.
pub(super) fn assess(request: &mut PolicyRequest, machine: &Machine, known: Option<&RequestFacts>) {
    if let Some(known) = known.filter(|known| known.action.is_some()) {
        request.risks.clone_from(&known.signals);
        // What RSK-2 and the scope ask for is in it.
        request.least = control(known.least);
        return;
    }
    request.risks = shown(request, machine);
    let rows = RISK_TABLE.iter().filter(|row| request.risks.contains(&row.signal));
    request.least = rows.map(|row| control(row.least)).max().unwrap_or_default();
}

/// The signals that the request itself shows, ascending.
fn shown(request: &PolicyRequest, machine: &Machine) -> Vec<RiskSignal> {
    let limits = machine.state().config().map(|config| *config.limits).unwrap_or_default();
    let trust = limits.risk_trust.unwrap_or(Trust::Internal);
    let sensitivity = limits.risk_sensitivity.unwrap_or(Sensitivity::Confidential);
    let carriage = request.carriage.unwrap_or(request.influence);
    let above_read = request.action != EffectsClass::Read;
    let reversible = request.facts.as_ref().is_some_and(|facts| facts.reversible);
    let weighs =
        matches!(request.action, EffectsClass::Deploy | EffectsClass::Approve | EffectsClass::Purchase);
    let shown = [
        (RiskSignal::UntrustedInstruction, request.influence.trust < trust),
        (RiskSignal::SensitiveContext, carriage.sensitivity >= sensitivity),
        (RiskSignal::EffectCapability, above_read),
        (RiskSignal::HandOff, request.run.delegation_depth > 0),
        (RiskSignal::Irreversible, above_read && (!reversible || weighs)),
    ];
    shown.into_iter().filter(|(_, shows)| *shows).map(|(signal, _)| signal).collect()
}

pub(super) const fn control(least: rederive_machine::Control) -> Control {
    match least {
        rederive_machine::Control::None => Control::None,
        rederive_machine::Control::Log => Control::Log,
        rederive_machine::Control::Revise => Control::Revise,
        rederive_machine::Control::Narrow => Control::Narrow,
        rederive_machine::Control::Approve => Control::Approve,
        rederive_machine::Control::Deny => Control::Deny,
    }
}
