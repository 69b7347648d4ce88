//! An agent's latest prompt and its parts.

use rederive_evidence::kinds::prompt::PromptSent;

use crate::case::Case;
use crate::state::{Delta, Influence, PartKey, Piece, Prompt, PromptPart, dropped, push};

/// The prompt takes the place of the agent's last: kept parts stay, the others go, new ones are numbered on. One that does not extend the last
/// keeps nothing.
pub(super) fn sent(case: &Case<'_>, sent: &PromptSent, influence: Influence, delta: &mut Delta<'_>) {
    let Some(place) = &case.input.place else { return };
    let last = case.state.prompt(&place.agent);
    let extended = last.filter(|last| sent.extends == Some(last.turn));
    let kept = extended.and_then(|last| Some((last, last.keep(&sent.kept).ok()?)));
    let (mut next, mut pieces) = kept.map_or((0, Vec::new()), |(last, pieces)| (last.next, pieces));
    let gone = last.map(|last| dropped(&last.pieces, &pieces)).unwrap_or_default();
    let first = next;
    push(&mut pieces, Piece { first, count: sent.parts.len() as u64 });
    next = next.saturating_add(sent.parts.len() as u64);
    // In the order of their keys, so that nothing need be sorted: the prompt, then its parts by number.
    delta.prompt(place.agent.clone(), Some(Prompt { turn: place.turn, next, pieces, influence }));
    for numbers in gone {
        for (key, _) in case.state.parts().range(PartKey::of_agent(&place.agent, numbers)) {
            delta.part(key.clone(), None);
        }
    }
    for (number, part) in (first..next).zip(&sent.parts) {
        if let Some(content) = case.commitment(part.content) {
            let key = PartKey { agent: place.agent.clone(), number };
            delta.part(key, Some(PromptPart { content }));
        }
    }
}
