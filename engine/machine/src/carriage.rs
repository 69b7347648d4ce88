//! Carriage: what the arguments of a call carry, by where their values come from. Spec: carriage.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::{ArgumentShape, ArgumentSource};
use rederive_evidence::values::{Label, Sensitivity};

use crate::case::Case;
use crate::state::{Call, Carried, Influence, State};

/// All of a value, in one piece.
const WHOLE_PERMILLE: u16 = 1_000;

/// What the arguments of a proposal carry. A value that the run was told carries the labels of the messages that told it; one that was brought in,
/// those of the records that brought it; one that stands nowhere as a whole, the call's influence too. Where nobody knows from where the values
/// come, they carry the influence.
pub(crate) fn carried(case: &Case<'_>, influence: &Influence) -> Carried {
    let Some(sources) = case.extracted.and_then(|extracted| extracted.arguments.as_deref()) else {
        return Carried { label: influence.label, known: false, unfounded: false };
    };
    let telling = sources.values.iter().filter(|value| value.shape != ArgumentShape::Common);
    let values = telling.clone().map(|value| of_value(case, value, influence));
    let left_out = sources.left_out.map(|_| influence.label);
    let label = values.chain(left_out).fold(Influence::NONE.label, Label::join);
    let unfounded =
        telling.into_iter().any(|value| is_identifier(value.shape) && whole(case, value).is_none());
    Carried { label, known: true, unfounded }
}

fn of_value(case: &Case<'_>, value: &ArgumentSource, influence: &Influence) -> Label {
    whole(case, value).unwrap_or_else(|| {
        let found = [&value.told, &value.brought].into_iter().flatten();
        let labels = found.filter_map(|found| case.lineage.sum(&found.records)).map(|sum| sum.label);
        labels.fold(influence.label, Label::join)
    })
}

/// The label of the records that have the whole value: those that told it, else those that brought it.
fn whole(case: &Case<'_>, value: &ArgumentSource) -> Option<Label> {
    let found = [&value.told, &value.brought].into_iter().flatten();
    let mut whole = found.filter(|found| found.permille >= WHOLE_PERMILLE);
    whole.find_map(|found| case.lineage.sum(&found.records)).map(|sum| sum.label)
}

/// Whether a value that looks like this names somebody or something outside: one that nobody gave is the model's own.
fn is_identifier(shape: ArgumentShape) -> bool {
    match shape {
        ArgumentShape::Address | ArgumentShape::Url | ArgumentShape::Account => true,
        ArgumentShape::Common
        | ArgumentShape::Number
        | ArgumentShape::Date
        | ArgumentShape::Name
        | ArgumentShape::Text => false,
    }
}

/// The label of the data that the call carries with these arguments: what a guardrail set for them, else what their values come from; and no
/// less sensitive than what guardrails found in them.
pub(crate) fn effective(state: &State, call: &Call, arguments: Option<&Digest>) -> Label {
    of_content(state, arguments, call.carriage.map_or(call.influence.label, |carried| carried.label))
}

/// The label of a content that carries so much: what a guardrail set for it stands instead; and it is no less sensitive than what guardrails found
/// in it.
pub(crate) fn of_content(state: &State, content: Option<&Digest>, carried: Label) -> Label {
    let content = content.and_then(|content| state.context(content));
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
