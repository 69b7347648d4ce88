//! What records said, as far as an approver is shown it (APR-2): where each came from, and the beginning of its text.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::values::{Origin, Place};
use rederive_extract::said;

/// Records that are kept, at most: the latest.
pub(crate) const SAYINGS_MAX: usize = 4_096;
/// Records that led to a record and are followed, at most: the latest.
const PARENTS_MAX: usize = 256;
/// Characters of a text that are kept.
const TEXT_CHARS_MAX: usize = 240;
/// Bytes in which as many characters stand, whatever they are.
const TEXT_BYTES_MAX: usize = 4 * TEXT_CHARS_MAX;

/// What a record said.
#[derive(Clone, Debug)]
pub(crate) struct Saying {
    /// From where it came, in words; none where it brings nothing, and only leads on to what did.
    pub(crate) source: Option<String>,
    /// The beginning of what it says.
    pub(crate) text: Option<String>,
    /// The records that led to it; none where what it says came from outside of the agent.
    parents: Vec<u64>,
    place: Option<Place>,
    step: Step,
}

/// What of the agent's turn a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Prompt,
    Answer,
    Other,
}

/// The latest records that say something, and those that lead from a call to them.
#[derive(Debug, Default)]
pub(crate) struct Sayings {
    kept: BTreeMap<u64, Saying>,
    /// The tools of calls that stand open: what comes back names the place alone.
    tools: BTreeMap<Place, Id>,
}

/// What of a record is looked at.
pub(crate) struct Heard<'a> {
    pub(crate) actor: &'a Id,
    pub(crate) origin: Origin,
    pub(crate) place: Option<&'a Place>,
    pub(crate) causes: &'a Causes,
    pub(crate) body: &'a Body,
}

impl<'a> Heard<'a> {
    pub(crate) fn of(draft: &'a Draft) -> Self {
        let Draft { actor, origin, place, causes, body, .. } = draft;
        Self { actor, origin: *origin, place: place.as_ref(), causes, body }
    }

    /// The content that says what the record says.
    pub(crate) fn says(&self) -> Option<u16> {
        said(self.body).first().map(|(_, index)| *index)
    }
}

impl Sayings {
    /// What is to be kept of a record, whose contents begin with these texts; none where it says nothing and leads nowhere.
    pub(crate) fn hear(&mut self, heard: &Heard<'_>, text: &dyn Fn(u16) -> Option<String>) -> Option<Saying> {
        if let (Body::ToolProposed(proposed), Some(place)) = (heard.body, heard.place) {
            let _ = self.tools.insert(place.clone(), proposed.tool.clone());
            while self.tools.len() > SAYINGS_MAX {
                let _ = self.tools.pop_first();
            }
            return None;
        }
        let step = if let Body::PromptSent(_) = heard.body {
            Step::Prompt
        } else if let Body::PromptAnswered(_) = heard.body {
            Step::Answer
        } else {
            Step::Other
        };
        let source = self.source(heard);
        let leads_on = step != Step::Other
            || matches!(
                heard.body,
                Body::PlanProposed(_) | Body::PlanRevised(_) | Body::ContextSummarised(_)
            );
        if source.is_none() && !leads_on {
            return None;
        }
        let text = heard.says().and_then(text);
        let parents = if leads_on { parents(heard) } else { Vec::new() };
        Some(Saying { source, text, parents, place: heard.place.cloned(), step })
    }

    /// Keeps what a record said. An answer leads to its agent's latest prompt, and a prompt to the one that it extends, whether it says so or not.
    pub(crate) fn keep(&mut self, record: u64, mut saying: Saying) {
        if saying.step != Step::Other {
            let agent = saying.place.as_ref().map(|place| &place.agent);
            let is_theirs = |earlier: &Saying| {
                earlier.step == Step::Prompt && earlier.place.as_ref().map(|place| &place.agent) == agent
            };
            let latest = self.kept.range(..record).rev().find(|(_, earlier)| is_theirs(earlier));
            saying.parents.extend(latest.map(|(record, _)| *record));
        }
        let _ = self.kept.insert(record, saying);
        while self.kept.len() > SAYINGS_MAX {
            let _ = self.kept.pop_first();
        }
    }

    /// Keeps the beginning of what a record says, found later.
    pub(crate) fn tell(&mut self, record: u64, text: String) {
        if let Some(saying) = self.kept.get_mut(&record) {
            saying.text = Some(text);
        }
    }

    /// The record, where it is kept.
    pub(crate) fn get(&self, record: u64) -> Option<&Saying> {
        self.kept.get(&record)
    }

    /// What a call rests on: these records, the answer that opened its turn, and all that led to them up to what came into the run, latest first. The call
    /// is not among them.
    pub(crate) fn behind(&self, causes: &Causes, place: &Place) -> BTreeSet<u64> {
        let is_turn = |saying: &Saying| {
            let of = saying.place.as_ref();
            saying.step == Step::Answer
                && of.is_some_and(|of| of.agent == place.agent && of.turn == place.turn)
        };
        let turn = self.kept.iter().rev().find(|(_, saying)| is_turn(saying)).map(|(record, _)| *record);
        let mut next: Vec<u64> = latest(causes).chain(turn).collect();
        let mut seen = BTreeSet::new();
        while let Some(record) = next.pop() {
            if seen.insert(record) {
                next.extend(self.get(record).into_iter().flat_map(|saying| saying.parents.iter().copied()));
            }
        }
        // A prompt only holds what other records brought; what none brought stands in it.
        seen.retain(|record| self.get(*record).is_none_or(|saying| saying.source.is_some()));
        seen
    }

    /// From where a record came, in words.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "what is not named here brings nothing before the model"
    )]
    fn source(&self, heard: &Heard<'_>) -> Option<String> {
        let actor = heard.actor;
        let call = || {
            let place = heard.place?;
            let tool = self.tools.get(place).map_or("a tool", Id::as_str);
            let Place { agent, turn, index, attempt } = place;
            Some(format!("{tool}, call {agent}/{turn}/{index}/{attempt}"))
        };
        Some(match heard.body {
            Body::RunOpened(_) => "the run's goal".to_owned(),
            Body::PromptGiven(given) => format!("{actor}, as {} ({})", given.role, heard.origin),
            Body::PromptSent(_) if said(heard.body).is_empty() => return None,
            Body::PromptSent(_) => format!("the prompt itself, by {actor}"),
            Body::PromptAnswered(answered) => {
                let model = answered.model.known().map_or("unknown", Id::as_str);
                format!("the model {model}'s answer")
            }
            Body::ContextRetrieved(retrieved) => {
                let source = retrieved.source.known().map_or("unknown", Id::as_str);
                let owner = retrieved.owner.known().map_or("nobody", Id::as_str);
                format!("retrieved from {source}, answered for by {owner}")
            }
            Body::ContextSummarised(_) => format!("a summary by {actor}"),
            Body::ToolReturned(_) => format!("returned by {}", call()?),
            Body::ToolFailed(_) => format!("an error of {}", call()?),
            Body::ToolPreviewed(_) => format!("a preview of {}", call()?),
            Body::MemoryRead(read) => {
                format!("memory, {} of {} ({})", read.item.name, read.item.namespace, read.item.scope)
            }
            Body::HandedOff(message) => {
                let from = message.from.known().map_or("unknown", Id::as_str);
                format!("a message of the agent {from}")
            }
            Body::GuardrailTransformed(_) => format!("put in the place of another text by {actor}"),
            _ => return None,
        })
    }
}

/// The records that led to one: its causes, and those that a prompt's parts and an answer name.
fn parents(heard: &Heard<'_>) -> Vec<u64> {
    let mut parents: Vec<u64> = latest(heard.causes).collect();
    if let Body::PromptSent(sent) = heard.body {
        let named = sent.parts.iter().filter_map(|part| part.from).map(|from| from.0);
        parents.extend(named.take(PARENTS_MAX));
    } else if let Body::PromptAnswered(answered) = heard.body {
        parents.extend(answered.prompt.map(|prompt| prompt.0));
    }
    parents
}

/// The latest of the causes, of which a range may name 2^64.
fn latest(causes: &Causes) -> impl Iterator<Item = u64> + '_ {
    let back = |range: &rederive_evidence::record::CauseRange| {
        (range.first..range.first.saturating_add(range.count)).rev()
    };
    causes.ranges().iter().rev().flat_map(back).take(PARENTS_MAX)
}

/// The beginning of a text, in one line; of what is no text, what it is.
pub(crate) fn beginning(media: MediaType, bytes: &[u8]) -> String {
    let cut = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    let text = match std::str::from_utf8(cut) {
        Ok(text) => text,
        // A character that the cut goes through is left out.
        Err(error) if error.error_len().is_none() && cut.len() < bytes.len() => {
            let valid = cut.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return format!("{} bytes of {media}, not text", bytes.len()),
    };
    let mut begun: String = text.chars().take(TEXT_CHARS_MAX).collect();
    if begun.len() < bytes.len() {
        begun.push_str(&format!(" .. ({} bytes in all)", bytes.len()));
    }
    begun
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character_and_what_is_no_text_is_told() {
        let table = [
            (b"short".to_vec(), "short".to_owned()),
            ("ü".repeat(240).into_bytes(), "ü".repeat(240)),
            ("ü".repeat(241).into_bytes(), format!("{} .. (482 bytes in all)", "ü".repeat(240))),
            (
                format!("a{}", "🙂".repeat(500)).into_bytes(),
                format!("a{} .. (2001 bytes in all)", "🙂".repeat(239)),
            ),
            (vec![0xff, 0xfe], "2 bytes of application/octet-stream, not text".to_owned()),
        ];
        for (bytes, expected) in table {
            assert_eq!(beginning(MediaType::Octets, &bytes), expected);
        }
    }

    #[test]
    fn a_range_of_causes_costs_no_more_than_is_followed() {
        assert_eq!(latest(&Causes::between(0, u64::MAX - 1)).count(), PARENTS_MAX);
        assert_eq!(latest(&Causes::of([1, 2, 7])).collect::<Vec<_>>(), [7, 2, 1]);
    }
}
