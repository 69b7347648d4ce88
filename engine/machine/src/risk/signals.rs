//! The signs of risk that the machine sees. Spec: risk-table.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::values::{EffectsClass, Limits, Place, Sensitivity, Trust};

use super::table::{Control, RISK_TABLE, RiskRow};
use crate::carriage;
use crate::state::{Call, Config, State};

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
        (RiskSignal::Irreversible, is_irreversible(state, call)),
    ])
}

/// The signals of a request that names no call: it is for a memory write.
pub(crate) fn of_write(state: &State, actor: &Id) -> Signals {
    Signals::from_shown(&[(RiskSignal::DurableWrite, true), (RiskSignal::HandOff, is_delegate(state, actor))])
}

fn is_delegate(state: &State, actor: &Id) -> bool {
    state.actor(actor).is_some_and(|actor| actor.delegation.is_some())
}

/// Whether what the tool does cannot be undone, or weighs as much. Of what the plan says more, OUT-3 asks.
fn is_irreversible(state: &State, call: &Call) -> bool {
    let is_reversible = state.tool(&call.tool).and_then(|tool| tool.reversible) == Some(true);
    let weighs =
        matches!(call.effects, Some(EffectsClass::Deploy | EffectsClass::Approve | EffectsClass::Purchase));
    call.is_above_read() && (!is_reversible || weighs)
}
