//! A change of a run that a policy's answer may turn on: what came in, what was asked for, and how much of it is trusted.

use std::cmp::Ordering;

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::Record;
use rederive_evidence::values::{Label, Role, Sensitivity, SourceLabel, Trust};
use serde::Serialize;
use serde_json::Value;

/// One change, of one record of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A tool's result or a retrieved document says nothing.
    Silenced {
        /// The record that brings it.
        record: u64,
    },
    /// A tool's result or a retrieved document is the operator's own data.
    Trusted {
        /// The record that brings it.
        record: u64,
    },
    /// A tool's result or a retrieved document is from outside, and anybody could have written it.
    Distrusted {
        /// The record that brings it.
        record: u64,
    },
    /// The user names the value of an argument.
    Named {
        /// The user's message.
        record: u64,
        /// The value that it names as well.
        value: String,
    },
    /// An argument has a value that stands nowhere in the run, of the same looks.
    Unheard {
        /// The proposal.
        record: u64,
        /// JSON pointer of the argument.
        pointer: String,
    },
    /// An argument has another value: one that the run has in its place elsewhere, that its schema lists, or a bound or part of its number.
    Set {
        /// The proposal.
        record: u64,
        /// JSON pointer of the argument.
        pointer: String,
        /// The value.
        value: Given,
    },
    /// A text is planted into a tool's result or a retrieved document.
    Planted {
        /// The record that brings it.
        record: u64,
        /// The text.
        text: String,
    },
    /// An argument has this value: what a planted text asked for.
    Obeyed {
        /// The proposal.
        record: u64,
        /// JSON pointer of the argument.
        pointer: String,
        /// The value.
        value: String,
    },
}

/// A value that an argument is given: a scalar, in the order of its JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Given(pub Value);

impl Ord for Given {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

impl PartialOrd for Given {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Change {
    /// The record that is changed.
    pub fn record(&self) -> u64 {
        match self {
            Self::Silenced { record }
            | Self::Trusted { record }
            | Self::Distrusted { record }
            | Self::Named { record, .. }
            | Self::Unheard { record, .. }
            | Self::Set { record, .. }
            | Self::Planted { record, .. }
            | Self::Obeyed { record, .. } => *record,
        }
    }

    /// What two changes cannot both change: the record and, of a proposal, the argument. What a user names stands beside anything.
    pub(crate) fn place(&self) -> (u64, &str) {
        match self {
            Self::Silenced { record } | Self::Trusted { record } | Self::Distrusted { record } => {
                (*record, "")
            }
            Self::Unheard { record, pointer }
            | Self::Set { record, pointer, .. }
            | Self::Obeyed { record, pointer, .. } => (*record, pointer),
            Self::Named { record, value: text } | Self::Planted { record, text } => (*record, text),
        }
    }

    /// What the changed content of the record says, where the change is one of content.
    pub(crate) fn content(&self, before: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Trusted { .. } | Self::Distrusted { .. } => None,
            Self::Silenced { .. } => Some(Vec::new()),
            Self::Named { value: text, .. } | Self::Planted { text, .. } => {
                Some([before, b"\n", text.as_bytes()].concat())
            }
            Self::Unheard { pointer, .. } => with_argument(before, pointer, &unheard),
            Self::Set { pointer, value, .. } => with_argument(before, pointer, &|_| value.0.clone()),
            Self::Obeyed { pointer, value, .. } => {
                with_argument(before, pointer, &|_| Value::String(value.clone()))
            }
        }
    }

    /// The label that the change gives what the record brings.
    pub(crate) fn label(&self) -> Option<Label> {
        match self {
            Self::Trusted { .. } => {
                Some(Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal })
            }
            Self::Distrusted { .. } => Some(Label::UNKNOWN),
            Self::Silenced { .. }
            | Self::Named { .. }
            | Self::Unheard { .. }
            | Self::Set { .. }
            | Self::Planted { .. }
            | Self::Obeyed { .. } => None,
        }
    }
}

/// The content with which a record brings data in from outside.
pub(crate) fn data_of(record: &Record) -> Option<Digest> {
    let content = if let Body::ToolReturned(body) = &record.input.body {
        body.result
    } else if let Body::ContextRetrieved(body) = &record.input.body {
        body.item
    } else {
        return None;
    };
    commitment(record, content.0)
}

/// The content of a user's message.
pub(crate) fn message_of(record: &Record) -> Option<Digest> {
    let Body::PromptGiven(body) = &record.input.body else { return None };
    if body.role == Role::User { commitment(record, body.message.0) } else { None }
}

/// The arguments of a proposal.
pub(crate) fn arguments_of(record: &Record) -> Option<Digest> {
    let Body::ToolProposed(body) = &record.input.body else { return None };
    commitment(record, body.arguments.known()?.0)
}

/// The content that a change of this record changes.
pub(crate) fn content_of(record: &Record) -> Option<Digest> {
    data_of(record).or_else(|| message_of(record)).or_else(|| arguments_of(record))
}

fn commitment(record: &Record, index: u16) -> Option<Digest> {
    record.input.contents.get(usize::from(index)).map(|entry| entry.commitment)
}

/// Puts a label over all that a record brings.
pub(crate) fn relabel(record: &mut Record, label: Label) {
    record.input.labels = vec![SourceLabel { content: None, from: None, to: None, label }];
}

/// The strings and numbers in a JSON text, with their pointers.
pub(crate) fn leaves(json: &[u8]) -> Vec<(String, Value)> {
    let (mut found, mut left) = (Vec::new(), vec![(String::new(), serde_json::from_slice(json).ok())]);
    while let Some((pointer, value)) = left.pop() {
        match value {
            Some(Value::Object(members)) => left.extend(members.into_iter().map(|(name, value)| {
                (format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), Some(value))
            })),
            Some(Value::Array(items)) => {
                left.extend(
                    (0..).zip(items).map(|(at, item): (usize, _)| (format!("{pointer}/{at}"), Some(item))),
                );
            }
            Some(value @ (Value::String(_) | Value::Number(_))) => found.push((pointer, value)),
            Some(Value::Null | Value::Bool(_)) | None => {}
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// The text of a leaf: a string without its quotes.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn with_argument(json: &[u8], pointer: &str, change: &dyn Fn(&Value) -> Value) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(json).ok()?;
    let leaf = value.pointer_mut(pointer)?;
    *leaf = change(leaf);
    serde_json::to_vec(&value).ok()
}

/// A value of the same looks: letters and digits are others, all else stays, so that an address stays one.
fn unheard(value: &Value) -> Value {
    let turned = |of: u8, first: u8, count: u8, by: u8| first + (of - first + by) % count;
    let other = |character: char| match character {
        'a'..='z' => char::from(turned(character as u8, b'a', 26, 13)),
        'A'..='Z' => char::from(turned(character as u8, b'A', 26, 13)),
        '0'..='9' => char::from(turned(character as u8, b'0', 10, 4)),
        _ => character,
    };
    match value {
        Value::String(text) => Value::String(text.chars().map(other).collect()),
        Value::Number(number) => {
            let digits: String = number.to_string().chars().map(other).collect();
            serde_json::from_str(digits.trim_start_matches('0')).unwrap_or_else(|_| Value::from(7_351_u64))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unheard_value_looks_like_the_one_it_stands_for_and_is_another() {
        for text in ["eve@office.example", "DE00 1234", "https://a.example/b?c=1", "x"] {
            let other = unheard(&Value::from(text));
            let other = other.as_str().unwrap();
            assert_ne!(other, text);
            let looks =
                |text: &str| text.chars().map(|of| (of.is_alphabetic(), of.is_numeric())).collect::<Vec<_>>();
            assert_eq!(looks(other), looks(text));
        }
        for number in [0_u64, 6, 480, 66] {
            assert_ne!(unheard(&Value::from(number)), Value::from(number));
        }
    }

    #[test]
    fn leaves_are_named_as_json_pointers_name_them() {
        let found = leaves(br#"{"to": ["a", {"x/y": 2}], "flag": true, "none": null}"#);
        assert_eq!(
            found,
            [("/to/0".to_owned(), Value::from("a")), ("/to/1/x~1y".to_owned(), Value::from(2))]
        );
        assert_eq!(leaves(b"no json"), []);
    }
}
