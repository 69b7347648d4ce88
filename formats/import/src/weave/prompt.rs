//! A prompt as an extension of an earlier one: what is kept of it, and what is new.

use std::borrow::Cow;

use rederive_evidence::ids::{Id, RecordRef};
use rederive_evidence::kinds::prompt::{KeptParts, Part as SentPart, PromptSent};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::values::{Origin, Place, Role};

use super::bag::Bag;
use super::{Moment, Weaver};
use crate::fault::{NoteKind, Path};
use crate::json::Json;
use crate::message::{Piece, Returned};

/// A part of a prompt before it has a number in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) role: Role,
    pub(super) piece: Piece<'a>,
    /// What its message says about it: of two parts that differ in this, none stands for the other.
    pub(super) about: Option<Vec<u8>>,
    /// The record it came from.
    pub(super) from: Option<u64>,
}

/// A prompt that is to be sent.
#[derive(Debug)]
pub(super) struct Prompt<'a> {
    pub(super) model: Id,
    /// The agent's turn that it opens.
    pub(super) place: Place,
    /// The turn of the prompt that it extends.
    pub(super) extends: Option<u32>,
    pub(super) kept: Vec<KeptParts>,
    /// The new parts.
    pub(super) parts: Vec<Part<'a>>,
    /// The tools offered, at most [`super::NAMES_MAX`].
    pub(super) tools: Vec<Id>,
    pub(super) parameters: Option<Vec<u8>>,
    pub(super) causes: Causes,
    /// JSON that is kept with the prompt.
    pub(super) beside: Vec<Vec<u8>>,
}

/// Most new parts of one prompt: each takes an entry of the list of parts and one of the list of contents.
pub(super) const PARTS_MAX: usize = 500;

impl<'a> Weaver<'a, '_> {
    /// Records a prompt. Returns its number and how many parts it added.
    pub(super) fn send(
        &mut self,
        agent: usize,
        prompt: Prompt<'a>,
        moment: &Moment,
        pointer: &str,
    ) -> (u64, u32) {
        let mut bag = Bag::default();
        let parts = self.joined(prompt.parts, pointer);
        let added = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let list = parts.iter().map(|part| SentPart {
            role: part.role,
            content: bag.add(&part.piece),
            from: part.from.map(RecordRef),
        });
        let parts = list.collect();
        let parameters = prompt.parameters.map(|parameters| bag.put(MediaType::Json, parameters));
        let body = PromptSent {
            model: prompt.model,
            extends: prompt.extends,
            kept: prompt.kept,
            parts,
            tools: prompt.tools,
            parameters,
        };
        bag.all_beside(prompt.beside);
        let mut draft = self.draft(self.agent_id(agent), Origin::Code, moment, body);
        draft.place = Some(prompt.place);
        draft.causes = bounded(prompt.causes);
        draft.contents = bag.into_contents();
        (self.push(draft), added)
    }

    /// Parts that fit into a record: of more than [`PARTS_MAX`] the surplus is one part, as a JSON list of its texts.
    fn joined(&mut self, mut parts: Vec<Part<'a>>, pointer: &str) -> Vec<Part<'a>> {
        if parts.len() <= PARTS_MAX {
            return parts;
        }
        self.notes.add(&Path::at(pointer), NoteKind::PartsJoined);
        let surplus = parts.split_off(PARTS_MAX.saturating_sub(1));
        let texts: Vec<_> = surplus
            .iter()
            .map(|part| (part.role.name(), String::from_utf8_lossy(&part.piece.bytes)))
            .collect();
        // Texts and names of roles are JSON whatever they hold.
        let bytes = serde_json::to_vec(&texts).unwrap_or_default();
        let piece = Piece { media: MediaType::Json, bytes: bytes.into() };
        parts.push(Part { role: Role::Tool, piece, about: None, from: None });
        parts
    }
}

/// Most ranges of causes of one prompt, of the 4,096 that a record may have: a frame has room for no more beside the parts.
const CAUSES_MAX: usize = 512;

/// Causes that fit into a record: of too many ranges all records from the first to the last.
fn bounded(causes: Causes) -> Causes {
    match (causes.ranges().first(), causes.last()) {
        (Some(first), Some(last)) if causes.ranges().len() > CAUSES_MAX => Causes::between(first.first, last),
        (Some(_) | None, Some(_) | None) => causes,
    }
}

/// A prompt that was sent.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    /// The turn it opened.
    pub(super) turn: u32,
    /// Its whole list; empty where the conversation only ever grows and no part is looked up again.
    pub(super) parts: Vec<Part<'a>>,
    /// Length of the whole list.
    pub(super) length: u32,
}

/// Most ranges kept of an earlier prompt.
const KEPT_MAX: usize = 256;

/// The longest start of `wanted` that stands in `earlier` in this order, as ranges of it, and its length.
pub(super) fn kept(earlier: &[Part<'_>], wanted: &[Wanted<'_>]) -> (Vec<KeptParts>, usize) {
    let mut ranges: Vec<KeptParts> = Vec::new();
    let mut at = 0_usize;
    let mut length = 0;
    for part in wanted {
        let is_it =
            |old: &Part<'_>| old.role == part.role && old.piece == part.piece && old.about == part.about;
        let Some(skipped) = earlier.get(at..).and_then(|rest| rest.iter().position(is_it)) else { break };
        let index = at.saturating_add(skipped);
        let first = u32::try_from(index).unwrap_or(u32::MAX);
        let has_room = ranges.len() < KEPT_MAX;
        match ranges.last_mut() {
            Some(range) if skipped == 0 => range.count = range.count.saturating_add(1),
            Some(_) | None if has_room => ranges.push(KeptParts { first, count: 1 }),
            Some(_) | None => break,
        }
        at = index.saturating_add(1);
        length += 1;
    }
    (ranges, length)
}

/// A part of a prompt as its source lists it.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) role: Role,
    pub(super) piece: Piece<'a>,
    /// What its message says about it.
    pub(super) about: Option<Vec<u8>>,
    pub(super) source: PartSource<'a>,
    /// What of its message no part holds.
    pub(super) rest: Option<Cow<'a, [u8]>>,
}

/// How the record of a part is found.
#[derive(Clone, Debug)]
pub(super) enum PartSource<'a> {
    /// A message of the operator or the user: the record that gave it, or a new one.
    Given,
    /// An earlier answer, by what it says and calls.
    Answer {
        /// Texts and calls.
        key: Vec<u8>,
        /// The message as it stands.
        raw: Json<'a>,
    },
    /// A tool's result.
    Result(Box<Returned<'a>>),
    /// Data from elsewhere.
    Data,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<Part<'_>> {
        let part = |i: usize| Part {
            role: Role::User,
            piece: Piece::text(text.as_bytes().get(i..=i).unwrap()),
            about: None,
            from: None,
        };
        (0..text.len()).map(part).collect()
    }

    fn wanted(text: &str) -> Vec<Wanted<'_>> {
        let mut wanted = Vec::new();
        for Part { role, piece, .. } in parts(text) {
            wanted.push(Wanted { role, piece, about: None, source: PartSource::Given, rest: None });
        }
        wanted
    }

    #[test]
    fn what_stands_in_the_earlier_prompt_is_kept() {
        for (earlier, next, expected) in [
            ("ab", "abc", (vec![(0, 2)], 2)),
            ("abcd", "acde", (vec![(0, 1), (2, 2)], 3)),
            ("ab", "ba", (vec![(1, 1)], 1)),
            ("ab", "xab", (vec![], 0)),
            ("", "a", (vec![], 0)),
            ("aab", "ab", (vec![(0, 1), (2, 1)], 2)),
        ] {
            let (ranges, length) = kept(&parts(earlier), &wanted(next));
            let ranges: Vec<_> = ranges.iter().map(|range| (range.first, range.count)).collect();
            assert_eq!((ranges, length), expected, "{earlier} {next}");
        }
    }
}
