//! Where a place stands among the calls of its agent.
//!
//! An answer opens its turn with a number of calls; turns of an agent are opened in ascending order. A call that has ended is one bit
//! of its turn. A turn all of whose calls have ended leaves the tree when it is not, or no longer, its agent's last; then every place in it has been
//! used, and none of them is remembered. A call that has ended is tried again at the next attempt of its place while its turn is in the
//! tree. Spec: places.

use rederive_evidence::values::Place;

use crate::state::{Call, IndexKey, State, Turn, TurnKey};

/// Where a place stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing<'s> {
    /// A call may be proposed here.
    Free,
    /// The call here has not ended.
    Live(&'s Call),
    /// A call was proposed here and has ended.
    Used,
    /// An attempt that is not the next, or that tries again what has not ended.
    OutOfTurn,
}

/// Whether the agent has opened this turn or a later one.
pub(crate) fn turn_is_used(state: &State, place: &Place) -> bool {
    state.watermark(&place.agent).is_some_and(|last| place.turn <= last.turn)
}

/// Where `place` stands.
pub(crate) fn standing<'s>(state: &'s State, place: &Place) -> Standing<'s> {
    standing_among(state, state.call(place).map(Box::as_ref), state.turn(&TurnKey::of(place)), place)
}

/// Where `place` stands, its call and its turn already found.
pub(crate) fn standing_among<'s>(
    state: &'s State,
    call: Option<&'s Call>,
    turn: Option<&Turn>,
    place: &Place,
) -> Standing<'s> {
    if let Some(call) = call {
        return Standing::Live(call);
    }
    match turn {
        Some(turn) => in_turn(state, turn, place),
        None if turn_is_used(state, place) => Standing::Used,
        None if place.attempt == 0 => Standing::Free,
        None => Standing::OutOfTurn,
    }
}

fn in_turn<'s>(state: &'s State, turn: &Turn, place: &Place) -> Standing<'s> {
    let retried = state.retried(&IndexKey::of(place)).map(|retried| retried.attempt);
    let is_taken = turn.ended.has(place.index) || retried.is_some();
    let last = retried.unwrap_or(0);
    match place.attempt {
        0 if !is_taken => Standing::Free,
        attempt if attempt <= last => Standing::Used,
        attempt if turn.ended.has(place.index) && last.checked_add(1) == Some(attempt) => Standing::Free,
        _ => Standing::OutOfTurn,
    }
}
