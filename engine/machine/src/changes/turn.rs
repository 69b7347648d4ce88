//! Turns: opened by an answer, or by a workflow's first proposal; gone when all has ended and another is open.

use rederive_evidence::ids::Id;
use rederive_evidence::values::Place;

use crate::case::Case;
use crate::place::{Standing, standing, turn_is_used};
use crate::state::{Delta, Ended, IndexKey, Influence, Retried, State, Turn, TurnKey, Watermark};

/// An answer opens its place's turn with its number of calls.
pub(super) fn answered(case: &Case<'_>, calls: u32, influence: Influence, delta: &mut Delta<'_>) {
    if let Some(place) = case.input.place.as_ref().filter(|place| !turn_is_used(case.state, place)) {
        open(case.state, place, Turn { calls, ended: Ended::default(), influence }, delta);
    }
}

/// Makes `turn` the agent's last. The one that was leaves the tree where all its calls have ended.
pub(super) fn open(state: &State, place: &Place, turn: Turn, delta: &mut Delta<'_>) {
    let before = state.watermark(&place.agent);
    delta.watermark(place.agent.clone(), Some(Watermark { turn: place.turn }));
    if let Some(last) = before.map(|last| TurnKey { agent: place.agent.clone(), turn: last.turn })
        && state.turn(&last).is_some_and(|last| last.open_calls() == 0)
    {
        leave(state, last, delta);
    }
    delta.turn(TurnKey::of(place), Some(turn));
}

/// Notes that the call at `place` has ended.
pub(super) fn end(state: &State, place: &Place, delta: &mut Delta<'_>) {
    let key = TurnKey::of(place);
    let Some(mut turn) = state.turn(&key).cloned() else { return };
    turn.ended.set(place.index, true);
    if turn.open_calls() == 0 && !is_last(state, &key.agent, key.turn) {
        leave(state, key, delta);
    } else {
        delta.turn(key, Some(turn));
    }
}

/// Ends a free place among the calls of its turn without a call.
pub(super) fn refuse(state: &State, place: &Place, delta: &mut Delta<'_>) {
    let announced = state.turn(&TurnKey::of(place)).is_some_and(|turn| u32::from(place.index) < turn.calls);
    if !announced || standing(state, place) != Standing::Free {
        return;
    }
    if place.attempt > 0 {
        delta.retried(IndexKey::of(place), Some(Retried { attempt: place.attempt }));
    }
    end(state, place, delta);
}

fn is_last(state: &State, agent: &Id, turn: u32) -> bool {
    state.watermark(agent).is_some_and(|last| last.turn == turn)
}

fn leave(state: &State, key: TurnKey, delta: &mut Delta<'_>) {
    let retries = state.retries().range(IndexKey::of_turn(&key));
    delta.turn(key, None);
    retries.for_each(|(retried, _)| delta.retried(retried.clone(), None));
}
