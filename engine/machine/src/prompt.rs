//! Contents of a prompt's kept parts that may no longer be used as they are.

use rederive_evidence::ids::Id;

use crate::state::{Context, PartKey, Piece, Prompt, State, holds};

/// What is remembered of the barred contents among the parts of `extended` that stand in `pieces`.
pub(crate) fn barred<'s>(
    state: &'s State,
    agent: &Id,
    extended: &Prompt,
    pieces: &[Piece],
) -> Vec<&'s Context> {
    if !extended.barred {
        return Vec::new();
    }
    let kept = state.parts().range(PartKey::of_agent(agent)).filter(|(key, _)| holds(pieces, key.number));
    kept.filter_map(|(key, _)| state.context(&key.content)).filter(|content| content.is_barred()).collect()
}
