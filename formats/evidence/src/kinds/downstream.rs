//! `downstream`: effects outside, planned, seen, checked and undone.

use crate::digest::Digest;
use crate::ids::{Content, Id};
use crate::schema::Given;
use crate::values::{EffectsClass, Place};
use crate::{codes, map};

codes! {
    /// What comparing an effect with the expected one gave.
    pub enum EffectMatch {
        /// As expected.
        Match = 0 "match",
        /// Otherwise.
        Mismatch = 1 "mismatch",
        /// It could not be observed.
        Unobserved = 2 "unobserved",
    }
}

map! {
    /// `downstream planned`: the effect expected, and what is ready should it go wrong (OUT-3).
    pub struct EffectPlanned {
        /// Its name.
        0 req effect: Id,
        /// The call that shall cause it (OUT-1).
        1 req call: Place,
        /// The system it happens in.
        2 req system: Given<Id>,
        /// Its class.
        3 req action: EffectsClass,
        /// Whether it can be undone.
        4 req reversible: Given<bool>,
        /// What is expected.
        5 req expected: Given<Content>,
        /// How it is undone.
        6 opt rollback: Content,
        /// How it is contained.
        7 opt containment: Content,
        /// Who answers for it.
        8 req owner: Given<Id>,
        /// The target.
        9 opt target: Content,
        /// Amount at most, millionths.
        10 opt amount_micros: u64,
    }

    /// `downstream executed`.
    pub struct EffectExecuted {
        /// Its name.
        0 req effect: Id,
        /// The call that caused it (OUT-1).
        1 req call: Place,
        /// What was observed.
        2 req observed: Given<Content>,
        /// Amount, millionths.
        3 opt amount_micros: u64,
    }

    /// `downstream verified`.
    pub struct EffectVerified {
        /// Its name.
        0 req effect: Id,
        /// What the comparison gave.
        1 req result: EffectMatch,
        /// Commitment of what was expected.
        2 req expected: Given<Digest>,
        /// Commitment of what was observed.
        3 req observed: Given<Digest>,
    }

    /// `downstream reverted`.
    pub struct EffectReverted {
        /// Its name.
        0 req effect: Id,
        /// What was done.
        1 opt detail: Content,
    }

    /// `downstream quarantined`.
    pub struct EffectQuarantined {
        /// Its name.
        0 req effect: Id,
        /// What was done.
        1 opt detail: Content,
    }

    /// `downstream compensated`.
    pub struct EffectCompensated {
        /// Its name.
        0 req effect: Id,
        /// What was done.
        1 opt detail: Content,
    }

    /// `downstream notified` (OUT-2): the owner was told.
    pub struct EffectNotified {
        /// Its name.
        0 req effect: Id,
        /// Whom.
        1 req owner: Id,
        /// What they were told.
        2 opt notice: Content,
    }
}
