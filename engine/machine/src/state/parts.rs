//! Parts of prompts by what they say: finds the parts that may no longer be used as they are, without looking at the others.

use std::collections::BTreeSet;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;

use super::entries::{Context, Piece, PromptPart};
use super::keys::PartKey;
use super::sections::State;

/// What the entries of prompts' parts and of contents say together. No entry itself: it follows from them.
#[derive(Clone, Debug, Default)]
pub(super) struct PartIndex {
    /// The parts that say a content; made when a content is first barred, which in most runs none is.
    saying: Option<Saying>,
    withheld: BTreeSet<PartKey>,
    blocked: BTreeSet<PartKey>,
    transformed: BTreeSet<PartKey>,
}

/// Parts by what they say. `None`, which no part is, stands before all that say a content.
type Saying = BTreeSet<(Digest, Option<PartKey>)>;

impl PartialEq for PartIndex {
    /// Which parts say what is compared where both know: it follows from the entries.
    fn eq(&self, other: &Self) -> bool {
        let says_as = self.saying.as_ref().zip(other.saying.as_ref()).is_none_or(|(own, other)| own == other);
        says_as
            && (&self.withheld, &self.blocked, &self.transformed)
                == (&other.withheld, &other.blocked, &other.transformed)
    }
}

impl Eq for PartIndex {}

/// In what ways some part may no longer be used as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Barred {
    /// Its content was withheld from the model.
    pub(crate) withheld: bool,
    /// A guardrail blocked its content.
    pub(crate) blocked: bool,
    /// A guardrail put another form in the place of its content.
    pub(crate) transformed: bool,
}

impl Barred {
    pub(crate) fn of(content: Option<&Context>) -> Self {
        content.map_or(Self::default(), |content| Self {
            withheld: content.withheld,
            blocked: content.blocked,
            transformed: content.transformed.is_some(),
        })
    }
}

impl PartIndex {
    /// Notes in what ways a part is barred from now on.
    fn bar(&mut self, part: &PartKey, barred: Barred) {
        let sets = [
            (&mut self.withheld, barred.withheld),
            (&mut self.blocked, barred.blocked),
            (&mut self.transformed, barred.transformed),
        ];
        for (set, is_in) in sets {
            if is_in {
                set.insert(part.clone());
            } else if !set.is_empty() {
                set.remove(part);
            }
        }
    }
}

impl State {
    /// In what ways some part of the agent's latest prompt is barred whose number is in one of the pieces.
    pub(crate) fn barred(&self, agent: &Id, pieces: &[Piece]) -> Barred {
        let index = &self.index.parts;
        let any = |set: &BTreeSet<PartKey>| {
            let holds = |piece: &Piece| set.range(PartKey::of_agent(agent, piece.numbers())).next().is_some();
            !set.is_empty() && pieces.iter().any(holds)
        };
        Barred {
            withheld: any(&index.withheld),
            blocked: any(&index.blocked),
            transformed: any(&index.transformed),
        }
    }

    /// Keeps the index in step with a part that is about to be set or removed.
    pub(super) fn reindex_part(&mut self, key: &PartKey, new: Option<&PromptPart>) {
        let content = new.map(|new| new.content);
        self.index.parts.bar(key, Barred::of(content.and_then(|content| self.context(&content))));
        if self.index.parts.saying.is_none() {
            return;
        }
        let before = self.part(key).map(|before| before.content);
        if let Some(saying) = &mut self.index.parts.saying {
            if let Some(before) = before {
                saying.remove(&(before, Some(key.clone())));
            }
            saying.extend(content.map(|content| (content, Some(key.clone()))));
        }
    }

    /// Keeps the index in step with what is about to be remembered of a content.
    pub(super) fn reindex_context(&mut self, content: &Digest, new: Option<&Context>) {
        let after = Barred::of(new);
        if after != Barred::of(self.context(content)) {
            self.bar_parts(content, after);
        }
    }

    fn bar_parts(&mut self, content: &Digest, barred: Barred) {
        if self.index.parts.saying.is_none() {
            let all = self.parts().iter().map(|(key, part)| (part.content, Some(key.clone())));
            self.index.parts.saying = Some(all.collect());
        }
        let saying = self.index.parts.saying.iter().flat_map(|saying| saying.range((*content, None)..));
        let parts = saying.take_while(|(said, _)| said == content).filter_map(|(_, part)| part.clone());
        for part in parts.collect::<Vec<PartKey>>() {
            self.index.parts.bar(&part, barred);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{commitment, id};

    #[test]
    fn indexes_that_bar_other_parts_are_others() {
        let part = PartKey { agent: id("agent"), number: 3 };
        let none = PartIndex::default();
        for barred in [
            Barred { withheld: true, ..Barred::default() },
            Barred { blocked: true, ..Barred::default() },
            Barred { transformed: true, ..Barred::default() },
        ] {
            let mut index = PartIndex::default();
            index.bar(&part, barred);
            assert_ne!(index, none, "{barred:?}");
            index.bar(&part, Barred::default());
            assert_eq!(index, none);
        }
    }

    #[test]
    fn which_parts_say_what_is_compared_where_both_know() {
        let saying = |text| PartIndex {
            saying: Some(Saying::from([(commitment(text), Some(PartKey { agent: id("agent"), number: 0 }))])),
            ..PartIndex::default()
        };
        assert_eq!(saying("a page"), PartIndex::default());
        assert_eq!(saying("a page"), saying("a page"));
        assert_ne!(saying("a page"), saying("b page"));
    }
}
