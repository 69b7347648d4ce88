//! Carriage: what the arguments of a call carry, by where their values come from. Spec: carriage.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::values::{Label, Sensitivity};

use crate::state::{Call, Carried, Influence, State};

/// What a proposal's arguments carry where nobody knows from where their values come: what the call is influenced by.
pub(crate) fn unknown(influence: &Influence) -> Carried {
    Carried { label: influence.label, known: false, unfounded: false }
}

/// The label of the data that the call carries with these arguments: what a guardrail set for them, else what their values come from; and no
/// less sensitive than what guardrails found in them.
pub(crate) fn effective(state: &State, call: &Call, arguments: Option<&Digest>) -> Label {
    let content = arguments.and_then(|arguments| state.context(arguments));
    let carried = call.carriage.map_or(call.influence.label, |carried| carried.label);
    let label = content.and_then(|content| content.label).unwrap_or(carried);
    let found = content.map_or(Sensitivity::Public, |content| sensitivity_of(content.detected));
    Label { sensitivity: label.sensitivity.max(found), ..label }
}

/// The least sensitivity of a content in which guardrails found these classes.
fn sensitivity_of(detected: Option<u16>) -> Sensitivity {
    let has = |classes: &[DetectedClass]| classes.iter().any(|class| finds(detected, *class));
    if has(&[DetectedClass::Secret]) {
        Sensitivity::Restricted
    } else if has(&[DetectedClass::Personal, DetectedClass::Health, DetectedClass::Financial]) {
        Sensitivity::Confidential
    } else {
        Sensitivity::Public
    }
}

/// Whether this class is among those found.
pub(crate) fn finds(detected: Option<u16>, class: DetectedClass) -> bool {
    detected.is_some_and(|detected| detected & bit(class) != 0)
}

/// The classes as bits by code; none where nothing was found.
pub(crate) fn bits(classes: &[DetectedClass]) -> Option<u16> {
    let mask = classes.iter().fold(0, |mask, class| mask | bit(*class));
    (mask != 0).then_some(mask)
}

fn bit(class: DetectedClass) -> u16 {
    1_u16.checked_shl(u32::from(class.code())).unwrap_or(0)
}
