//! Standing grants: what the principal allowed beforehand, and what an act draws from them. Spec: standing-grant.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;

use crate::state::{Call, Grant, State, TrackedEffect};

/// What a call would draw from a grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    action: EffectsClass,
    target: Option<Digest>,
    /// Amount of all its planned effects; none where one states none.
    amount_micros: Option<u64>,
}

impl Draw {
    /// What a live call would draw: once, and the amounts of its planned effects. None where its class is not known.
    pub(crate) fn of(state: &State, call: &Call) -> Option<Self> {
        let amounts = planned(state, call).map(|(_, effect)| effect.amount_micros);
        let amount_micros = amounts.reduce(|sum, amount| Some(sum?.saturating_add(amount?))).flatten();
        Some(Self { action: call.effects?, target: call.target, amount_micros })
    }

    fn is_covered(&self, grant: &Grant) -> bool {
        let is_named = grant.destination.is_none() || grant.destination == self.target;
        let is_enough = grant
            .amount_micros_left
            .is_none_or(|left| self.amount_micros.is_some_and(|amount| amount <= left));
        grant.action == self.action && is_named && grant.count_left > 0 && is_enough
    }

    /// What is left of a grant that covers it.
    pub(crate) fn taken_from(&self, grant: &Grant) -> Grant {
        let taken = self.amount_micros.unwrap_or(0);
        Grant {
            amount_micros_left: grant.amount_micros_left.map(|left| left.saturating_sub(taken)),
            count_left: grant.count_left.saturating_sub(1),
            ..*grant
        }
    }
}

/// The first standing grant, by name, that covers a live call.
pub(crate) fn covering<'s>(state: &'s State, call: &Call) -> Option<(&'s Id, &'s Grant)> {
    let draw = Draw::of(state, call)?;
    state.grants().iter().find(|(_, grant)| draw.is_covered(grant))
}

/// The effects planned for a live call, by name.
pub(crate) fn planned<'s>(
    state: &'s State,
    call: &'s Call,
) -> impl Iterator<Item = (&'s Id, &'s TrackedEffect)> {
    let names = call.planned.iter().flatten();
    names.filter_map(|name| state.tracked_effect(name).map(|effect| (name, effect.as_ref())))
}
