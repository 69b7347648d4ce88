//! Two machines over the same records: the first difference.

use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::record::{Extracted, Input};

use crate::{Answer, Model};

/// After which records the roots are compared; they cost the model as much as the whole state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// After every record.
    Each,
    /// After every so many records, and after the last.
    Every(u64),
}

/// What two machines can say differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Whether the record takes effect.
    Outcome,
    /// What it breaches.
    Breaches,
    /// What it changes.
    Delta,
    /// Its mark in the lineage.
    Mark,
    /// The root over the state after it.
    Root,
}

/// The first thing that two machines say differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The record, from 0.
    pub record: u64,
    /// What of the answer.
    pub field: Field,
    /// What the other machine says.
    pub other: String,
    /// What the model says.
    pub model: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { record, field, other, model } = self;
        write!(f, "record {record}, {field:?}\n  machine {other}\n  model   {model}")
    }
}

/// The first difference between the model and another machine over these records. `apply` lets the other take a record in and says what it
/// answered, and its state root where that is asked for.
pub fn compare<'a>(
    mut model: Model,
    records: impl IntoIterator<Item = (&'a Input, Option<&'a Extracted>)>,
    roots: Roots,
    mut apply: impl FnMut(&Input, Option<&Extracted>, bool) -> (Answer, Option<Digest>),
) -> Option<Difference> {
    let mut records = (0..).zip(records).peekable();
    while let Some((record, (input, extracted))) = records.next() {
        let is_due = match roots {
            Roots::Each => true,
            Roots::Every(many) => (record + 1_u64).is_multiple_of(many) || records.peek().is_none(),
        };
        let mine = model.apply(input, extracted);
        let (other, root) = apply(input, extracted, is_due);
        let found = answers(&mine, &other).or_else(|| {
            let mine = model.root();
            root.filter(|root| *root != mine).map(|root| (Field::Root, root.to_string(), mine.to_string()))
        });
        if let Some((field, other, model)) = found {
            return Some(Difference { record, field, other, model });
        }
    }
    None
}

fn answers(model: &Answer, other: &Answer) -> Option<(Field, String, String)> {
    if model.breaches != other.breaches {
        return Some((Field::Breaches, format!("{:?}", other.breaches), format!("{:?}", model.breaches)));
    }
    if model.outcome != other.outcome {
        return Some((Field::Outcome, other.outcome.to_string(), model.outcome.to_string()));
    }
    if model.mark != other.mark {
        return Some((Field::Mark, format!("{:?}", other.mark), format!("{:?}", model.mark)));
    }
    let differs = model.delta != other.delta;
    differs.then(|| (Field::Delta, hex::format(&other.delta), hex::format(&model.delta)))
}
