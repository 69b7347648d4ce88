//! From where argument values came, as policies see it: one fact for each scalar, of what the extractor found of it and its parts.
//!
//! A value stands where messages that instruct have the whole of it, else where data that came in has the whole of it; else it is as good as the
//! worst of the items in its text that say anything; else the model made it. Spec: policy-request.

use rederive_evidence::record::{ArgumentShape, ArgumentSource, ArgumentSources, FoundIn};
use rederive_evidence::values::{Label, Trust};
use rederive_machine::{Influence, Lineage};

use super::leaves::Leaf;
use crate::request::{ArgumentFact, ArgumentRole, Source, ToolFacts, ValueFact};

/// All of a value, in one piece.
const WHOLE: u16 = 1_000;

/// All words of a value, not in one piece.
const SPELLED: u16 = 999;

/// As much of a text as says where it is from.
const HALF: u16 = 500;

/// The most records of one place that are looked at. The extractor names few; a range that somebody else wrote may name 2^64.
const RECORDS_MAX: usize = 64;

/// A fact for each scalar, in the order of the text. One of which nothing was extracted may have come from anywhere.
pub(super) fn facts(
    sources: &ArgumentSources,
    leaves: &[Leaf],
    tool: Option<&ToolFacts>,
    lineage: &Lineage,
) -> Vec<ArgumentFact> {
    let mut by_leaf = sources.values.chunk_by(|one, next| one.leaf == next.leaf).peekable();
    let fact = |(leaf, Leaf { pointer, .. }): (usize, &Leaf)| {
        let of = by_leaf.next_if(|of| of.first().is_some_and(|first| usize::from(first.leaf) == leaf));
        let (source, records) = of_leaf(of.unwrap_or_default(), lineage);
        let role = tool.map_or(ArgumentRole::Other, |tool| tool.role(pointer));
        ArgumentFact { pointer: pointer.clone(), role, source, records }
    };
    leaves.iter().enumerate().map(fact).collect()
}

/// A fact for each value and item that does not look as any text may, in the order of the text. A value that is followed is a link, however it
/// looked to the extractor. Spec: request-links.
pub(super) fn values(sources: &ArgumentSources, leaves: &[Leaf], lineage: &Lineage) -> Vec<ValueFact> {
    let fact = |of: &ArgumentSource| {
        let leaf = leaves.get(usize::from(of.leaf));
        let is_link = of.part == 0 && leaf.is_some_and(|leaf| leaf.is_link);
        let shape = match of.shape {
            // The address behind `mailto:` is one without it.
            shape if !is_link || shape == ArgumentShape::Address => shape,
            _ => ArgumentShape::Url,
        };
        let pointer = leaf.map(|leaf| leaf.pointer.clone()).unwrap_or_default();
        let source = looked_for(of, shape, lineage);
        (shape != ArgumentShape::Common).then_some(ValueFact { pointer, shape, source })
    };
    sources.values.iter().filter_map(fact).collect()
}

/// Where a value or item stands: whole in what is trusted; else by the words that spell it, or most of a text; else in what is not trusted.
fn looked_for(of: &ArgumentSource, shape: ArgumentShape, lineage: &Lineage) -> Source {
    let whole = standing(of, lineage).map_or(Source::Nowhere, |(source, _)| source);
    if whole > Source::External {
        return whole;
    }
    let is_text = shape == ArgumentShape::Text;
    let enough = if is_text { HALF } else { SPELLED };
    let has = |found: &Option<FoundIn>| found.as_ref().filter(|found| found.permille >= enough).cloned();
    let by_user =
        has(&of.told).filter(|found| records(found, lineage).any(|(_, label)| label.trust >= Trust::User));
    if by_user.is_some() {
        return Source::Spelled;
    }
    if is_text && has(&of.brought).is_some() { Source::External } else { whole }
}

/// Label of all records that have any of the arguments: what the call carries. What the model made is nobody's.
pub(super) fn carriage(sources: &ArgumentSources, lineage: &Lineage) -> Label {
    let found = sources.values.iter().flat_map(|of| of.told.iter().chain(&of.brought));
    let labels = found.flat_map(|found| records(found, lineage)).map(|(_, label)| label);
    labels.fold(Influence::NONE.label, Label::join)
}

/// The records of a place that the run has, with their labels.
fn records<'a>(found: &'a FoundIn, lineage: &'a Lineage) -> impl Iterator<Item = (u64, Label)> + 'a {
    let labelled = found.records.records().map_while(|record| Some((record, lineage.get(record)?.label)));
    labelled.take(RECORDS_MAX)
}

fn of_leaf(of: &[ArgumentSource], lineage: &Lineage) -> (Source, Vec<u64>) {
    let whole = of.iter().find(|source| source.part == 0);
    if let Some(standing) = whole.and_then(|whole| standing(whole, lineage)) {
        return standing;
    }
    // An item that any text may have says nothing of where the value came from.
    let items = of.iter().filter(|source| source.part > 0 && source.shape != ArgumentShape::Common);
    let items = items.map(|item| standing(item, lineage).unwrap_or((Source::Nowhere, Vec::new())));
    items.min_by_key(|(source, _)| *source).unwrap_or((Source::Nowhere, Vec::new()))
}

/// The most trusted place that has the whole of a value or item, and its records.
fn standing(of: &ArgumentSource, lineage: &Lineage) -> Option<(Source, Vec<u64>)> {
    let whole = [&of.told, &of.brought].into_iter().flatten().filter(|found| found.permille >= WHOLE);
    let standing = |found| {
        let trust = records(found, lineage).map(|(_, label)| label.trust).max()?;
        Some((Source::from(trust), records(found, lineage).map(|(record, _)| record).collect()))
    };
    whole.filter_map(standing).max_by_key(|(source, _)| *source)
}
