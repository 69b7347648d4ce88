//! What is said in a source, and what of it is in a run.

use std::collections::BTreeSet;

use rederive_evidence::kinds::Body;
use rederive_import::ImportedRun;
use serde_json::Value;

/// The texts in a JSON value and, further in, in strings that are JSON themselves. Which role speaks, of what type a part is and
/// why a model stopped are fields of the records, and an attribute's name tells its place: they are not counted.
pub(crate) fn leaves(value: &Value, found: &mut BTreeSet<String>) {
    const FIELDS: &[&str] = &["role", "type", "finish_reason", "event.name", "key"];
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => leaves(&inner, found),
            _ => drop(found.insert(text.clone())),
        },
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(members) => {
            let key = members.get("key").and_then(Value::as_str).unwrap_or_default();
            let is_field = key.ends_with(".role") || key.ends_with(".finish_reason");
            for (name, value) in members {
                let is_field = FIELDS.contains(&name.as_str()) || (is_field && name == "value");
                if !(is_field && value.is_string()) {
                    leaves(value, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The texts in the contents of a run, whether a content is the text itself or JSON that holds it, and the names in fields.
pub(crate) fn kept(run: &ImportedRun, found: &mut BTreeSet<String>) {
    for draft in &run.drafts {
        for content in &draft.contents {
            leaves(&Value::from(String::from_utf8(content.bytes.clone()).unwrap()), found);
        }
        match &draft.body {
            Body::PromptAnswered(answer) => found.extend(answer.model.known().map(ToString::to_string)),
            Body::ToolProposed(proposed) => drop(found.insert(proposed.tool.to_string())),
            _ => {}
        }
    }
}
