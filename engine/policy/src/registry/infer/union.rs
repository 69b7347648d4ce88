//! Drafts of tools that several sources tell of. Where they differ none is chosen: the draft is as cautious as the most cautious of them, and says so.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::ids::Id;
use serde_json::{Map, Value};

use super::source::{Tool, add_guessed};
use super::{entry, results, words};
use crate::registry::{Entry, Registry};

/// A draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft<S> {
    /// The registry, for a person to review.
    pub registry: Registry,
    /// The tools of which sources say different things, by name.
    pub disputes: Vec<Dispute<S>>,
}

/// Sources that say different things of a tool of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute<S> {
    /// The tool.
    pub tool: Id,
    /// The first source of each different telling, in the order in which they were given.
    pub sources: Vec<S>,
    /// What they differ in.
    pub about: BTreeSet<Said>,
}

/// What a source says of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Its version.
    Version,
    /// What it does, in words.
    Description,
    /// The schema of its arguments.
    Schema,
    /// Its hints.
    Hints,
}

/// Drafts an entry for each tool, from what each source says of it.
pub fn draft<S: Clone>(told: impl IntoIterator<Item = (S, Tool)>) -> Draft<S> {
    let mut tellings: BTreeMap<Id, Tellings<S>> = BTreeMap::new();
    for (source, tool) in told {
        tellings.entry(tool.name.clone()).or_default().add(source, tool);
    }
    let others: Vec<Vec<String>> = tellings.keys().map(|name| words::of_name(name.as_str())).collect();
    let disputes = tellings.iter().filter_map(|(tool, tellings)| tellings.dispute(tool)).collect();
    let entries =
        tellings.into_iter().filter_map(|(tool, tellings)| Some((tool, tellings.entry(&others)?))).collect();
    Draft { registry: Registry { tools: entries, ..Registry::default() }, disputes }
}

/// What is told of one name.
struct Tellings<S> {
    /// Each different telling once, with its first source.
    told: Vec<(S, Tool)>,
    /// What calls let guess, together.
    guessed: Option<Tool>,
}

impl<S> Default for Tellings<S> {
    fn default() -> Self {
        Self { told: Vec::new(), guessed: None }
    }
}

impl<S: Clone> Tellings<S> {
    fn add(&mut self, source: S, tool: Tool) {
        if tool.is_guessed {
            match &mut self.guessed {
                Some(known) => add_guessed(known, &tool),
                None => self.guessed = Some(tool),
            }
        } else if self.told.iter().all(|(_, known)| *known != tool) {
            self.told.push((source, tool));
        }
    }

    fn dispute(&self, tool: &Id) -> Option<Dispute<S>> {
        let about: BTreeSet<Said> =
            self.told.windows(2).flat_map(|pair| pair.first().zip(pair.get(1))).flat_map(differ).collect();
        let sources = self.told.iter().map(|(source, _)| source.clone()).collect();
        (!about.is_empty()).then(|| Dispute { tool: tool.clone(), sources, about })
    }

    /// The entry of all tellings together.
    fn entry(mut self, others: &[Vec<String>]) -> Option<Entry> {
        let guessed = self.guessed.take();
        if let Some(guessed) = &guessed {
            self.told.iter_mut().for_each(|(_, tool)| add_guessed(tool, guessed));
        }
        // A guess adds arguments to what is told; by itself it counts where nothing is told.
        let guessed = guessed.filter(|_| self.told.is_empty());
        let tools = self.told.into_iter().map(|(_, tool)| tool).chain(guessed);
        tools.map(|tool| entry(&tool, others)).reduce(most_cautious)
    }
}

fn differ<S>(pair: (&(S, Tool), &(S, Tool))) -> Vec<Said> {
    let ((_, left), (_, right)) = pair;
    let said = [
        (Said::Version, left.version != right.version),
        (Said::Description, left.description != right.description),
        (Said::Schema, left.schema != right.schema),
        (Said::Hints, left.hints != right.hints),
    ];
    said.into_iter().filter(|(_, differs)| *differs).map(|(said, _)| said).collect()
}

/// The entry that permits nothing which either would not.
fn most_cautious(left: Entry, right: Entry) -> Entry {
    let mut facts = left.facts;
    let mut reasons = left.reasons;
    let other = right.facts;
    let mut because = |field: &str, takes_other: bool| {
        if let Some(reason) = right.reasons.get(field).filter(|_| takes_other) {
            reasons.insert(field.to_owned(), reason.clone());
        }
    };
    because("effects", other.effects > facts.effects);
    facts.effects = facts.effects.max(other.effects);
    because("reversible", !other.reversible);
    facts.reversible &= other.reversible;
    because("preview", !other.preview);
    facts.preview &= other.preview;
    because("clearance", other.clearance < facts.clearance);
    facts.clearance = facts.clearance.min(other.clearance);
    let result = facts.result.join(other.result);
    because("result", result != facts.result);
    facts.result = result;
    for (pointer, role) in other.roles {
        // Roles are in the order of how much hangs on them.
        let is_more = facts.roles.get(&pointer).is_none_or(|known| role < *known);
        because(&format!("roles{pointer}"), is_more);
        if is_more {
            facts.roles.insert(pointer, role);
        }
    }
    if facts.surface != other.surface {
        facts.surface = results::general();
        reasons.insert("surface".to_owned(), "sources tell of different ones".to_owned());
    }
    if facts.version != other.version {
        facts.version = None;
    }
    let schema = either(left.schema, right.schema);
    reasons.insert("sources".to_owned(), DIFFER.to_owned());
    if schema.is_none() {
        reasons
            .insert("schema".to_owned(), "sources have different ones that cannot stand in one".to_owned());
    }
    Entry { facts, schema, reasons }
}

/// What stands under `reasons` of a tool of which sources say different things.
const DIFFER: &str =
    "sources say different things of a tool of this name: in each field the more cautious stands";

/// A schema that takes what either takes. None where a reference inside of one would lead elsewhere in the other: then a person has to choose, and until
/// then the tool cannot be called.
fn either(left: Option<Value>, right: Option<Value>) -> Option<Value> {
    let (mut left, mut right) = (left?, right?);
    if left == right {
        return Some(left);
    }
    let (of_left, of_right) = (dialect(&mut left), dialect(&mut right));
    if refers(&left) || refers(&right) || (of_left.is_some() && of_right.is_some() && of_left != of_right) {
        return None;
    }
    let forms: Vec<Value> = alternatives(left).into_iter().chain(alternatives(right)).collect();
    let mut either = Map::new();
    if let Some(dialect) = of_left.or(of_right) {
        either.insert(DIALECT.to_owned(), dialect);
    }
    either.insert("anyOf".to_owned(), Value::Array(forms));
    Some(Value::Object(either))
}

/// The member by which a schema says what it is written in; it stands in the outermost alone.
const DIALECT: &str = "$schema";

fn dialect(schema: &mut Value) -> Option<Value> {
    schema.as_object_mut()?.remove(DIALECT)
}

/// The alternatives of a schema that is nothing else, or itself.
fn alternatives(schema: Value) -> Vec<Value> {
    let is_alternatives = schema.as_object().is_some_and(|members| members.len() == 1);
    match schema.get("anyOf").and_then(Value::as_array).filter(|_| is_alternatives) {
        Some(forms) => forms.clone(),
        None => vec![schema],
    }
}

/// Members by which a schema speaks of places in schemas.
const REFERENCES: &[&str] =
    &["$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];

fn refers(schema: &Value) -> bool {
    let mut open = vec![schema];
    while let Some(at) = open.pop() {
        match at {
            Value::Object(members) => {
                if members.keys().any(|name| REFERENCES.contains(&name.as_str())) {
                    return true;
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
