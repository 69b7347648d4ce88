//! Changes of a run in words.

use rederive_explore::bundle::{Change, Given, Plant};

use crate::text::{cut, one_line};

/// Characters of a value that are told.
const VALUE_WIDTH: usize = 48;

/// What a call with a planted text does that the text says.
pub(super) fn obeyed(plant: &Plant) -> Option<&Change> {
    plant.changes.iter().rfind(|change| matches!(change, Change::Obeyed { .. }))
}

/// Changes in words: what the user names in one record stands together.
pub(super) fn together(changes: &[Change]) -> String {
    let alike = changes.chunk_by(|one, next| named(one).is_some() && named(one) == named(next));
    alike.map(of_one_record).collect::<Vec<_>>().join(", and ")
}

/// The record in which the user names a value.
fn named(change: &Change) -> Option<u64> {
    matches!(change, Change::Named { .. }).then(|| change.record())
}

fn of_one_record(changes: &[Change]) -> String {
    let value =
        |change: &Change| if let Change::Named { value, .. } = change { Some(quoted(value)) } else { None };
    let values: Vec<String> = changes.iter().filter_map(value).collect();
    match (changes, values.as_slice()) {
        ([first, ..], [values @ .., last]) if !values.is_empty() => {
            format!("the user names {} and {last} in record {}", values.join(", "), first.record())
        }
        _ => changes.iter().map(words).collect(),
    }
}

/// A change in words.
pub(super) fn words(change: &Change) -> String {
    match change {
        Change::Silenced { record } => format!("record {record} says nothing"),
        Change::Trusted { record } => format!("record {record} is the operator's own data"),
        Change::Distrusted { record } => format!("record {record} is from outside"),
        Change::Named { record, value } => format!("the user names {} in record {record}", quoted(value)),
        Change::Unheard { record, pointer } => {
            format!("argument {pointer} of record {record} stands nowhere in the run")
        }
        Change::Set { record, pointer, value } => {
            format!("argument {pointer} of record {record} is {}", given(value))
        }
        Change::Planted { record, text } => format!("record {record} says {} as well", quoted(text)),
        Change::Obeyed { pointer, value, .. } => format!("argument {pointer} is {}", quoted(value)),
    }
}

/// Ways of one change each, in words: other values of one argument stand together.
pub(super) fn alternatives(changes: &[Change]) -> Vec<String> {
    let alike = changes.chunk_by(|one, next| argument(one).is_some() && argument(one) == argument(next));
    alike.map(of_one_argument).collect()
}

/// The argument that a change gives another value.
fn argument(change: &Change) -> Option<(u64, &str)> {
    let Change::Set { record, pointer, .. } = change else { return None };
    Some((*record, pointer))
}

fn of_one_argument(changes: &[Change]) -> String {
    let value =
        |change: &Change| if let Change::Set { value, .. } = change { Some(given(value)) } else { None };
    let values: Vec<String> = changes.iter().filter_map(value).collect();
    match (changes.first().and_then(argument), values.as_slice()) {
        (Some((record, pointer)), [values @ .., last]) if !values.is_empty() => {
            format!("argument {pointer} of record {record} is {} or {last}", values.join(", "))
        }
        _ => changes.iter().map(words).collect(),
    }
}

fn given(value: &Given) -> String {
    value.0.as_str().map_or_else(|| value.0.to_string(), quoted)
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", cut(&one_line(value), VALUE_WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_values_of_one_argument_stand_together() {
        let set = |pointer: &str, value: i64| Change::Set {
            record: 4,
            pointer: pointer.to_owned(),
            value: Given(value.into()),
        };
        let changes = [set("/a", 1), set("/a", 2), set("/a", 3), set("/b", 1), Change::Trusted { record: 2 }];
        assert_eq!(
            alternatives(&changes),
            [
                "argument /a of record 4 is 1, 2 or 3",
                "argument /b of record 4 is 1",
                "record 2 is the operator's own data"
            ]
        );
    }

    #[test]
    fn what_the_user_names_in_one_record_stands_together() {
        let name = |record, value: &str| Change::Named { record, value: value.to_owned() };
        let trusted = Change::Trusted { record: 9 };
        for (changes, words) in [
            (vec![name(2, "a")], "the user names \"a\" in record 2"),
            (
                vec![name(2, "a"), name(2, "b"), name(2, "c"), trusted.clone()],
                "the user names \"a\", \"b\" and \"c\" in record 2, and record 9 is the operator's own data",
            ),
            (
                vec![name(2, "a"), name(3, "b")],
                "the user names \"a\" in record 2, and the user names \"b\" in record 3",
            ),
            (
                vec![trusted.clone(), trusted],
                "record 9 is the operator's own data, and record 9 is the operator's own data",
            ),
        ] {
            assert_eq!(together(&changes), words);
        }
    }
}
