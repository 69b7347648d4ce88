//! MEM: what outlives a turn. Spec: rule-mem-1, rule-mem-2, rule-mem-3.

use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::memory::{MemoryRead, MemoryScope, MemoryWritten};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Label, Layer, Trust};

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::state::{Influence, Permit};

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Mem1, &[Reason::FieldAbsent, Reason::LabelRaised]),
    (Rule::Mem2, &[Reason::OtherValue, Reason::Gone, Reason::NoProof, Reason::TimeAbsent]),
];

/// MEM-3 as rule set 1 has it.
pub(super) const PERMITS: &[Reasons] = &[(Rule::Mem3, &[Reason::NoDecision, Reason::TimeAbsent])];

/// MEM-3 as it is since rule set 2.
pub(super) const PERMITS_SINCE_2: &[Reasons] =
    &[(Rule::Mem3, &[Reason::NoDecision, Reason::NotAsDecided, Reason::TimeAbsent])];

pub(super) fn check(case: &Case<'_>, influence: &Influence, found: &mut Breaches) {
    if !case.judges(Layer::Memory) {
        return;
    }
    if let Body::MemoryWritten(written) = &case.input.body {
        check_write(case, written, influence, found);
    }
    if let Body::MemoryRead(read) = &case.input.body {
        check_read(case, read, found);
    }
}

/// Whether a label claims more trust or less sensitivity than the influence allows.
pub(super) fn raises(claimed: Label, influence: &Influence) -> bool {
    claimed.join(influence.label) != claimed
}

/// MEM-3: whether a write under this influence needs a permit: it reaches beyond the session, and something external led to it.
pub(crate) fn needs_permit(written: &MemoryWritten, influence: &Influence) -> bool {
    matches!(written.item.scope, MemoryScope::Durable | MemoryScope::Shared)
        && influence.label.trust == Trust::External
}

/// MEM-1: the label claimed is no better than the influence. MEM-3: a permit that needs to be there is, for exactly this value, and is live.
fn check_write(case: &Case<'_>, written: &MemoryWritten, influence: &Influence, found: &mut Breaches) {
    if written.label.known().is_some_and(|claimed| raises(*claimed, influence)) {
        found.add(Rule::Mem1, Reason::LabelRaised);
    }
    if needs_permit(written, influence) {
        let permit = case.commitment(written.value).and_then(|value| case.state.permit(&value));
        match permit {
            None => found.add(Rule::Mem3, Reason::NoDecision),
            Some(permit) => {
                found.add_expiry(case, Rule::Mem3, Reason::NoDecision, permit.expires);
                check_permit(case, permit, influence, found);
            }
        }
    }
}

/// MEM-3, since rule set 2: whoever writes is who it was permitted, under no worse influence than was decided on.
fn check_permit(case: &Case<'_>, permit: &Permit, influence: &Influence, found: &mut Breaches) {
    let is_other = permit.actor.as_ref().is_some_and(|actor| actor != case.agent());
    let is_worse = permit.influence.is_some_and(|decided| raises(decided, influence));
    if is_other || is_worse {
        found.add(Rule::Mem3, Reason::NotAsDecided);
    }
}

/// MEM-2: what is read is what the state holds; an item of an earlier run brings its proof.
fn check_read(case: &Case<'_>, read: &MemoryRead, found: &mut Breaches) {
    let value = read.value.and_then(|value| case.commitment(value));
    let Some(held) = case.state.memory_item(&read.item) else {
        let proven = read.earlier.as_ref().is_some_and(|earlier| earlier.proof.is_some());
        if value.is_some() && !proven {
            found.add(Rule::Mem2, Reason::NoProof);
        }
        return;
    };
    match (held.commitment, value) {
        (None, None) => {}
        (None, Some(_)) => found.add(Rule::Mem2, Reason::Gone),
        // Nothing was read where the item has expired, or may have.
        (Some(_), None) if case.expiry(held.expires) != crate::case::Expiry::Live => {}
        (Some(held_value), value) => {
            if value != Some(held_value) {
                found.add(Rule::Mem2, Reason::OtherValue);
            }
            found.add_expiry(case, Rule::Mem2, Reason::Gone, held.expires);
        }
    }
}
