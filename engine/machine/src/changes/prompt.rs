//! An agent's latest prompt and its parts.

use rederive_evidence::kinds::prompt::PromptSent;

use crate::case::Case;
use crate::state::{Delta, Influence, PartKey, Piece, Present, Prompt, holds, push};

/// The prompt takes the place of the agent's last: kept parts stay, the others go, new ones are numbered on. One that does not extend the last
/// keeps nothing.
pub(super) fn sent(case: &Case<'_>, sent: &PromptSent, influence: Influence, delta: &mut Delta) {
    let Some(place) = &case.input.place else { return };
    let last = case.state.prompt(&place.agent);
    let extended = last.filter(|last| sent.extends == Some(last.turn));
    let kept = extended.and_then(|last| Some((last, last.keep(&sent.kept).ok()?)));
    let (mut next, mut pieces, mut barred) = match kept {
        None => (0, Vec::new(), false),
        Some((last, pieces)) => {
            let barred = !crate::prompt::barred(case.state, &place.agent, last, &pieces).is_empty();
            (last.next, pieces, barred)
        }
    };
    if last.is_some_and(|last| last.pieces != pieces) {
        for (key, _) in case.state.parts().range(PartKey::of_agent(&place.agent)) {
            if !holds(&pieces, key.number) {
                delta.part(key.clone(), None);
            }
        }
    }
    push(&mut pieces, Piece { first: next, count: sent.parts.len() as u64 });
    for part in &sent.parts {
        if let Some(content) = case.commitment(part.content) {
            barred |= case.state.context(&content).is_some_and(|content| content.is_barred());
            delta.part(PartKey { agent: place.agent.clone(), content, number: next }, Some(Present {}));
        }
        next = next.saturating_add(1);
    }
    delta.prompt(place.agent.clone(), Some(Prompt { turn: place.turn, next, pieces, barred, influence }));
}
