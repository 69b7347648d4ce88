//! Which call a result belongs to.
//!
//! A result that names an id belongs to a call of that id which has no result yet: in the latest turn that has one, and of
//! several there to the first. A result without an id belongs to the first call without a result in the latest turn,
//! of the tool that it names where it names one. Whatever finds no call so belongs to none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::values::Place;

use crate::message::{Call, Returned};

/// A call on record.
#[derive(Debug)]
pub(crate) struct Proposed<'a> {
    pub(crate) call: Call<'a>,
    pub(crate) place: Place,
    /// Its `tool.proposed` record.
    pub(crate) record: u64,
    /// Its end's record.
    pub(crate) end: Option<u64>,
    /// First call of its turn.
    turn: usize,
}

/// The calls of a run so far, by the order in which they were proposed.
#[derive(Debug, Default)]
pub(crate) struct Calls<'a> {
    list: Vec<Proposed<'a>>,
    /// Calls without a result, by id.
    open: BTreeMap<Cow<'a, [u8]>, BTreeSet<usize>>,
    /// The last call of each id, ended or not.
    last: BTreeMap<Cow<'a, [u8]>, usize>,
    /// The last end of a call of each tool.
    ends: BTreeMap<Cow<'a, [u8]>, u64>,
    /// First call of the latest turn.
    latest: usize,
    /// Calls of the latest turn without a result: all of them, and by tool.
    waiting: BTreeSet<usize>,
    waiting_by_tool: BTreeMap<Cow<'a, [u8]>, BTreeSet<usize>>,
}

/// The call found for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) index: usize,
    /// More than one call without a result has the id.
    pub(crate) is_ambiguous: bool,
}

impl<'a> Calls<'a> {
    /// A new turn: results without an id belong to its calls from here on.
    pub(crate) fn open_turn(&mut self) {
        self.latest = self.list.len();
        self.waiting.clear();
        self.waiting_by_tool.clear();
    }

    /// Adds a call of the latest turn and returns its index.
    pub(crate) fn add(&mut self, call: Call<'a>, place: Place, record: u64) -> usize {
        let index = self.list.len();
        if let Some(id) = &call.id {
            self.open.entry(id.clone()).or_default().insert(index);
            self.last.insert(id.clone(), index);
        }
        self.waiting.insert(index);
        self.waiting_by_tool.entry(call.tool.clone()).or_default().insert(index);
        self.list.push(Proposed { call, place, record, end: None, turn: self.latest });
        index
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Proposed<'a>> {
        self.list.get(index)
    }

    /// The call that this result belongs to.
    pub(crate) fn find(&self, returned: &Returned<'_>) -> Option<Found> {
        match &returned.id {
            Some(id) => self.find_id(id),
            None => self.find_next(returned.tool.as_deref()),
        }
    }

    /// The first call of this id without a result, in the latest turn that has one.
    pub(crate) fn find_id(&self, id: &[u8]) -> Option<Found> {
        let open = self.open.get(id)?;
        let turn = self.list.get(*open.last()?)?.turn;
        let index = *open.range(turn..).next()?;
        Some(Found { index, is_ambiguous: open.len() > 1 })
    }

    /// The next call of the latest turn without a result, of this tool where one is named.
    pub(crate) fn find_next(&self, tool: Option<&[u8]>) -> Option<Found> {
        let waiting = tool.map_or(Some(&self.waiting), |tool| self.waiting_by_tool.get(tool))?;
        Some(Found { index: *waiting.first()?, is_ambiguous: false })
    }

    /// The next call of the latest turn that is of this tool and was given no id.
    pub(crate) fn find_unnamed(&self, tool: &[u8]) -> Option<Found> {
        self.find_next(Some(tool))
            .filter(|found| self.get(found.index).is_some_and(|call| call.call.id.is_none()))
    }

    /// The end of the last call of this tool that has ended.
    pub(crate) fn last_end_of_tool(&self, tool: &[u8]) -> Option<u64> {
        self.ends.get(tool).copied()
    }

    /// The last call of this id, ended or not.
    pub(crate) fn last_of_id(&self, id: &[u8]) -> Option<&Proposed<'a>> {
        self.last.get(id).and_then(|index| self.list.get(*index))
    }

    /// Ends a call with this record.
    pub(crate) fn end(&mut self, index: usize, record: u64) {
        let Some(call) = self.list.get_mut(index) else { return };
        call.end = Some(record);
        self.ends.insert(call.call.tool.clone(), record);
        self.waiting.remove(&index);
        if let Some(waiting) = self.waiting_by_tool.get_mut(&call.call.tool) {
            waiting.remove(&index);
        }
        let Some(id) = &call.call.id else { return };
        let is_last = self.open.get_mut(id).is_some_and(|open| {
            open.remove(&index);
            open.is_empty()
        });
        if is_last {
            self.open.remove(id);
        }
    }

    /// The calls without a result.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &Proposed<'a>> {
        self.list.iter().filter(|call| call.end.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Notes, Path};
    use crate::json::Json;
    use crate::message::{Message, Original, Section, Speaker};
    use rederive_evidence::ids::Id;

    /// Each result as the index of the call it was paired with, or `-`.
    fn pair(messages: &[&str]) -> String {
        let (mut calls, mut notes, mut paired) = (Calls::default(), Notes::default(), Vec::new());
        let mut record = 0;
        for text in messages {
            let message = Message::read(
                Json::parse(text).unwrap(),
                Speaker::Other,
                Original::Goes,
                &Path::at(""),
                &mut notes,
            )
            .unwrap();
            let has_calls = message.sections.iter().any(|section| matches!(section, Section::Calls(_)));
            if has_calls {
                calls.open_turn();
            }
            for section in message.sections {
                record += 1;
                match section {
                    Section::Calls(call) => {
                        let place = Place { agent: Id::new("agent").unwrap(), turn: 0, index: 0, attempt: 0 };
                        calls.add(call, place, record);
                    }
                    Section::Returns(returned) => {
                        let found = calls.find(&returned);
                        paired.push(found.map_or("-".to_owned(), |found| found.index.to_string()));
                        found.into_iter().for_each(|found| calls.end(found.index, record));
                    }
                    Section::Says(_) | Section::Reasons(_) => {}
                }
            }
        }
        paired.join(" ")
    }

    #[test]
    fn results_find_their_calls_by_id_and_by_order() {
        let calls = |ids: &[&str]| {
            let calls: Vec<String> =
                ids.iter().enumerate().map(|(i, id)| format!(r#"{{"function":"f{i}","id":{id}}}"#)).collect();
            format!(r#"{{"role":"assistant","tool_calls":[{}]}}"#, calls.join(","))
        };
        let result = |id: &str| format!(r#"{{"role":"tool","content":"r","tool_call_id":{id}}}"#);
        let named = |tool: &str| format!(r#"{{"role":"tool","content":"r","name":"{tool}"}}"#);
        let (a, b, null, empty) = ("\"a\"", "\"b\"", "null", "\"\"");
        for (why, messages, expected) in [
            ("by id, in any order", vec![calls(&[a, b]), result(b), result(a)], "1 0"),
            ("null and empty ids by order", vec![calls(&[null, empty]), result(empty), result(null)], "0 1"),
            ("an id given twice in a turn by order", vec![calls(&[a, a]), result(a), result(a)], "0 1"),
            (
                "an id given again is the later turn's",
                vec![calls(&[a]), calls(&[a]), result(a), result(a)],
                "1 0",
            ),
            ("an ended call takes no second result", vec![calls(&[a]), result(a), result(a)], "0 -"),
            ("a foreign id belongs to none", vec![calls(&[a]), result(b)], "-"),
            ("no id, but the tool's name", vec![calls(&[null, null]), named("f1"), named("f0")], "1 0"),
            ("no id and another tool's name", vec![calls(&[null]), named("g")], "-"),
            ("no id: never an earlier turn", vec![calls(&[a]), calls(&[b]), result(b), result(null)], "1 -"),
            ("a late result by its id", vec![calls(&[a]), calls(&[b]), result(b), result(a)], "1 0"),
            ("no call at all", vec![result(a), result(null)], "- -"),
        ] {
            let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
            assert_eq!(pair(&messages), expected, "{why}");
        }
    }
}
