//! HND-1: messages between agents. Spec: rule-hnd-1.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::delegation::HandedOff;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::state::Influence;

pub(super) const REASONS: &[Reasons] = &[(
    Rule::Hnd1,
    &[
        Reason::FieldAbsent,
        Reason::OtherParty,
        Reason::Unknown,
        Reason::DelegationOver,
        Reason::LabelRaised,
        Reason::TimeAbsent,
    ],
)];

/// HND-1: a message goes from its actor to the other party of a live delegation, and its label claims no more than its influence allows.
pub(super) fn check(case: &Case<'_>, influence: &Influence, found: &mut Breaches) {
    let Body::HandedOff(message) = &case.input.body else { return };
    if !case.judges(Layer::HandOff) {
        return;
    }
    check_parties(case, message, found);
    // The influence holds the claim; what it claims too much is that it is better than the rest.
    if message.label.known().is_some_and(|claimed| super::memory::raises(*claimed, influence)) {
        found.add(Rule::Hnd1, Reason::LabelRaised);
    }
}

fn check_parties(case: &Case<'_>, message: &HandedOff, found: &mut Breaches) {
    if message.from.known().is_some_and(|from| *from != case.input.actor) {
        found.add(Rule::Hnd1, Reason::OtherParty);
    }
    let Some(name) = message.delegation.known() else { return };
    let Some(delegation) = case.state.delegation(name) else {
        found.add(Rule::Hnd1, Reason::Unknown);
        return;
    };
    let is = |stated: Option<&Id>, party: &Id| stated.is_none_or(|stated| stated == party);
    let fits = |from: &Id, to: &Id| is(message.from.known(), from) && is(message.to.known(), to);
    if !fits(&delegation.from, &delegation.to) && !fits(&delegation.to, &delegation.from) {
        found.add(Rule::Hnd1, Reason::OtherParty);
    }
    if !delegation.live {
        found.add(Rule::Hnd1, Reason::DelegationOver);
    }
    found.add_expiry(case, Rule::Hnd1, Reason::DelegationOver, delegation.expires);
}
