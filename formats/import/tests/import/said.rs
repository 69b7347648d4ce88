//! What is said in a source, and what of it is in a run.

use std::collections::BTreeSet;

use rederive_evidence::kinds::Body;
use rederive_import::ImportedRun;
use serde_json::Value;

/// The texts in a JSON value and, further in, in strings that are JSON themselves. Which role speaks, of what type a part is and
/// why a model stopped are fields of the records, and an attribute's name tells its place: they are not counted.
pub(crate) fn said(value: &Value) -> BTreeSet<String> {
    const FIELDS: &[&str] = &["role", "type", "finish_reason", "stop_reason", "event.name"];
    let is_field = |name: &str| FIELDS.contains(&name.rsplit('.').next().unwrap()) || FIELDS.contains(&name);
    let mut found = BTreeSet::new();
    texts(
        value,
        &|name, key| name == "key" || is_field(name) || (name == "value" && is_field(key)),
        &mut found,
    );
    found.remove("");
    found
}

/// Collects the texts of all members but those that are left out by their own name and their object's `key`.
fn texts(value: &Value, is_left_out: &dyn Fn(&str, &str) -> bool, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => texts(&inner, is_left_out, found),
            _ => drop(found.insert(text.clone())),
        },
        Value::Array(items) => items.iter().for_each(|item| texts(item, is_left_out, found)),
        Value::Object(members) => {
            let key = members.get("key").and_then(Value::as_str).unwrap_or_default();
            for (name, value) in members {
                if !is_left_out(name, key) || value.is_array() || (value.is_object() && name != "value") {
                    texts(value, is_left_out, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The texts in the contents of a run, whether a content is the text itself or JSON that holds it, and the names in fields.
pub(crate) fn kept(run: &ImportedRun) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for draft in &run.drafts {
        for content in &draft.contents {
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            texts(&Value::from(text), &|_, _| false, &mut found);
        }
        match &draft.body {
            Body::PromptSent(sent) => drop(found.insert(sent.model.to_string())),
            Body::PromptAnswered(answer) => {
                found.extend(answer.model.known().map(ToString::to_string));
                found.extend(answer.version.known().map(ToString::to_string));
            }
            Body::ToolProposed(proposed) => drop(found.insert(proposed.tool.to_string())),
            _ => {}
        }
    }
    found
}

/// What the source says and no record of its runs holds.
pub(crate) fn lost<'r>(source: &Value, runs: impl IntoIterator<Item = &'r ImportedRun>) -> Vec<String> {
    let held: BTreeSet<String> = runs.into_iter().flat_map(kept).collect();
    said(source).difference(&held).cloned().collect()
}
