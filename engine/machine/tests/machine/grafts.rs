//! Runs grafted from the pairs: one of them, cut short, then records of others, whose values are exchanged for values that stood under the same
//! name elsewhere, left out or made absent. They reach what the pairs reach, and go wrong there in every way that the grammar allows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::Causes;
use rederive_evidence::rules::Rule;
use rederive_evidence::values::{Mode, Origin, Place};
use rederive_machine::RuleSetNumber;
use rederive_machine::testing::*;
use serde_json::Value;

use crate::pairs::{Pair, Twin, all};
use crate::walk::Step;

/// Both runs of every pair, up to and with the record that decides.
pub(crate) fn pairs() -> impl Iterator<Item = (String, Vec<Step>)> {
    all().flat_map(|pair| {
        let (rule, reason, _) = pair;
        [Twin::Keeps, Twin::Breaks].map(|twin| (format!("{rule} {reason} {twin:?}"), told(pair, twin)))
    })
}

/// The runs that break this rule.
pub(crate) fn breaking(rule: Rule) -> impl Iterator<Item = Vec<Step>> {
    all().filter(move |(of, _, _)| *of == rule).map(|pair| told(pair, Twin::Breaks))
}

fn told((_, _, run): Pair, twin: Twin) -> Vec<Step> {
    let (mut trial, made) = run(twin);
    trial.answer(made);
    trial.told
}

/// All runs of pairs, one after another.
pub(crate) fn runs() -> &'static [Vec<Step>] {
    &STOCK.runs
}

/// What runs are grafted from.
struct Stock {
    runs: Vec<Vec<Step>>,
    places: Vec<Place>,
    /// Values of bodies and extracted parts, by the name that they stood under.
    values: BTreeMap<String, Vec<Value>>,
}

static STOCK: LazyLock<Stock> = LazyLock::new(|| {
    let runs: Vec<Vec<Step>> = pairs().map(|(_, steps)| steps).collect();
    let mut places: Vec<Place> = runs.iter().flatten().filter_map(|(input, _)| input.place.clone()).collect();
    places.sort();
    places.dedup();
    let mut values = BTreeMap::new();
    for (input, extracted) in runs.iter().flatten() {
        collect(&serde_json::to_value(&input.body).unwrap(), "", &mut values);
        collect(&serde_json::to_value(extracted).unwrap(), "", &mut values);
    }
    Stock { runs, places, values }
});

fn collect(value: &Value, name: &str, values: &mut BTreeMap<String, Vec<Value>>) {
    let known = values.entry(name.to_owned()).or_default();
    if !known.contains(value) {
        known.push(value.clone());
    }
    each(value, name, |name, value| collect(value, name, values));
}

/// The values in a value, with the names that they stand under; items of a list have the list's.
fn each<'v>(value: &'v Value, name: &'v str, mut visit: impl FnMut(&'v str, &'v Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| visit(name, value)),
        Value::Array(items) => items.iter().for_each(|item| visit(name, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A record of some pair.
fn any_step(draw: &mut Choices) -> &'static Step {
    let run: &Vec<Step> = one_of(&STOCK.runs, draw);
    one_of(run, draw)
}

fn one_of<'a, T>(items: &'a [T], draw: &mut Choices) -> &'a T {
    &items[draw.below(items.len() as u64) as usize]
}

/// Exchanges a value somewhere in this one, which stands under `name`.
fn exchange(value: &mut Value, name: &str, draw: &mut Choices) {
    if draw.below(4) == 0 {
        return replace(value, name, draw);
    }
    if let Some(members) = value.as_object_mut().filter(|members| !members.is_empty()) {
        let names: Vec<String> = members.keys().cloned().collect();
        let name = one_of(&names, draw);
        if draw.below(8) == 7 {
            members.remove(name);
        } else {
            exchange(&mut members[name], name, draw);
        }
    } else if let Some(items) = value.as_array_mut().filter(|items| !items.is_empty()) {
        let at = draw.below(items.len() as u64) as usize;
        match draw.below(6) {
            0 => items.push(items[at].clone()),
            1 => drop(items.remove(at)),
            _ => exchange(&mut items[at], name, draw),
        }
    } else {
        replace(value, name, draw);
    }
}

/// Another value that stood under this name, or none.
fn replace(value: &mut Value, name: &str, draw: &mut Choices) {
    let is_absent = draw.below(6) == 5;
    *value = if is_absent { Value::Null } else { one_of(&STOCK.values[name], draw).clone() };
}

/// The body with values exchanged, where it is still one.
fn exchanged(body: &Body, draw: &mut Choices) -> Option<Body> {
    let mut value = serde_json::to_value(body).unwrap();
    (0..1 + draw.below(3)).for_each(|_| exchange(&mut value, "", draw));
    Body::from_json(body.kind(), &value.to_string()).ok()
}

/// A record of some pair, changed, as the next of a run.
fn graft(steps: &mut Vec<Step>, words: &[u64]) {
    let mut draw = Choices::new(words.to_vec());
    let (mut input, mut extracted) = any_step(&mut draw).clone();
    let number = steps.len() as u64;
    input.sequence = number;
    if draw.below(4) < 3 {
        input.body = exchanged(&input.body, &mut draw).unwrap_or(input.body);
    }
    let needs = input.body.tally().contents as usize;
    let others = &any_step(&mut draw).0.contents;
    while input.contents.len() < needs {
        let entry = others.first().copied().unwrap_or(STOCK.runs[0][0].0.contents[0]);
        input.contents.push(entry);
    }
    match draw.below(8) {
        0 => input.place = Some(one_of(&STOCK.places, &mut draw).clone()),
        1 => input.place = None,
        2 => input.actor = id(one_of(ACTORS, &mut draw).0),
        3 => input.origin = *one_of(Origin::ALL, &mut draw),
        4 => {
            let mut value = serde_json::to_value(&extracted).unwrap();
            exchange(&mut value, "", &mut draw);
            extracted = serde_json::from_value(value).unwrap_or(extracted);
        }
        _ => {}
    }
    match draw.below(4) {
        0 => {}
        1 => input.causes = Causes::of((0..number).rev().take(3)),
        2 => input.causes = Causes::of([0]),
        _ => input.causes = Causes::of([draw.below(number)]),
    }
    let latest = steps.last().and_then(|(input, _)| input.time).unwrap_or(START);
    input.time = match draw.below(16) {
        0 => None,
        1 => Some(latest.plus_ms(draw.below(200_000))),
        2 => Some(RecordedTime(START.0 + draw.below(1_000))),
        _ => Some(latest.plus_ms(1)),
    };
    steps.push((input, extracted));
}

/// A run grafted from the pairs.
pub(crate) fn grafted() -> impl Strategy<Value = Vec<Step>> {
    let words = || proptest::collection::vec(any::<u64>(), 24..40);
    let opening = (any::<bool>(), any::<bool>(), words());
    let grafts = proptest::collection::vec(words(), 1..24);
    (any::<u64>(), any::<u64>(), opening, grafts).prop_map(
        |(run, cut, (is_other, is_observed, words), grafts)| {
            let runs = &STOCK.runs;
            let mut steps = runs[(run % runs.len() as u64) as usize].clone();
            // Often the whole run: its last records are the ones that matter.
            let least = steps.len().saturating_sub((cut % 8) as usize).max(1);
            steps.truncate(least);
            let mut draw = Choices::new(words);
            if is_other {
                let body = exchanged(&steps[0].0.body, &mut draw);
                if let Some(Body::RunOpened(mut body)) = body {
                    let number = if draw.below(4) == 0 { RuleSetNumber::One } else { RuleSetNumber::Two };
                    body.rule_set = number.rule_set();
                    if steps[0].0.contents.len() as u64 >= Body::RunOpened(body.clone()).tally().contents {
                        steps[0].0.body = Body::RunOpened(body);
                    }
                }
            }
            if let (Body::RunOpened(body), true) = (&mut steps[0].0.body, is_observed) {
                body.mode = Mode::Observed;
            }
            grafts.iter().for_each(|words| graft(&mut steps, words));
            steps
        },
    )
}
