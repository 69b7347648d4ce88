//! What tools say of themselves, in the forms that it comes in.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use serde_json::{Map, Value, json};

/// A tool as it says itself what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: Id,
    /// Its version.
    pub version: Option<Id>,
    /// What it does, in words.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub schema: Option<Value>,
    /// What it hints at.
    pub hints: Hints,
    /// Whether this is what calls of it let guess, and nobody's description of it.
    pub is_guessed: bool,
}

/// The annotations of a tool in an MCP manifest. Nobody vouches for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `readOnlyHint`.
    pub read_only: Option<bool>,
    /// `destructiveHint`.
    pub destructive: Option<bool>,
    /// `openWorldHint`.
    pub open_world: Option<bool>,
}

/// A registry cannot be drafted from this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InferFault {
    /// It is no JSON.
    #[error("{0}")]
    Json(String),
    /// There are no tools in any place where they are looked for.
    #[error("there are no tools in it")]
    NoTools,
    /// A tool has no name.
    #[error("tool {place} has no name")]
    NoName {
        /// Which, from 0.
        place: usize,
    },
    /// A tool's name is no identifier, so no record can name it.
    #[error("tool {name:?} has a name that no record can bear")]
    Name {
        /// The name.
        name: String,
    },
}

/// The tools of a JSON file: a list of them or an object with a list `tools`, also inside of a `result`, each as MCP, OpenAI, Anthropic or plain
/// schemas have them.
///
/// # Errors
/// It has no tools, or one that cannot be registered.
pub fn from_json(bytes: &[u8]) -> Result<Vec<Tool>, InferFault> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| InferFault::Json(error.to_string()))?;
    let listed = [Some(&json), json.get("tools"), json.pointer("/result/tools"), json.get("functions")];
    let Some(tools) = listed.into_iter().flatten().find_map(Value::as_array) else {
        return Err(InferFault::NoTools);
    };
    let tools: Vec<Tool> =
        tools.iter().enumerate().map(|(place, tool)| of_json(place, tool)).collect::<Result<_, _>>()?;
    if tools.is_empty() { Err(InferFault::NoTools) } else { Ok(tools) }
}

fn of_json(place: usize, json: &Value) -> Result<Tool, InferFault> {
    // As OpenAI nests it.
    let json = json.get("function").filter(|inner| inner.is_object()).unwrap_or(json);
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let name = text("name").ok_or(InferFault::NoName { place })?;
    let name = Id::new(name).map_err(|_| InferFault::Name { name: name.to_owned() })?;
    let schema = ["inputSchema", "input_schema", "parameters", "schema", "args_schema"];
    let schema = schema.iter().find_map(|key| json.get(key)).filter(|schema| schema.is_object());
    let hint = |key: &str| json.get("annotations")?.get(key)?.as_bool();
    Ok(Tool {
        name,
        version: text("version").and_then(|version| Id::new(version).ok()),
        description: text("description").unwrap_or_default().to_owned(),
        schema: schema.cloned(),
        hints: Hints {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            open_world: hint("openWorldHint"),
        },
        is_guessed: false,
    })
}

/// The tools that recorded calls were of, by the names and types of the arguments seen: what a run tells of a tool that nobody described.
pub fn from_calls<'a>(calls: impl IntoIterator<Item = (&'a Id, &'a Value)>) -> Vec<Tool> {
    let mut seen: BTreeMap<Id, Map<String, Value>> = BTreeMap::new();
    for (tool, arguments) in calls {
        let properties = seen.entry(tool.clone()).or_default();
        for (name, value) in arguments.as_object().into_iter().flatten() {
            let known = properties.get(name).is_some_and(|schema| schema.get("type").is_some());
            if !known {
                properties.insert(name.clone(), seen_schema(value));
            }
        }
    }
    let tool = |(name, properties): (Id, Map<String, Value>)| Tool {
        name,
        version: None,
        description: String::new(),
        // Other arguments may be given than were seen.
        schema: Some(json!({"type": "object", "properties": properties})),
        hints: Hints::default(),
        is_guessed: true,
    };
    seen.into_iter().map(tool).collect()
}

/// The schema that a value seen satisfies; of null, any.
fn seen_schema(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(_) => json!({"type": "number"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) => json!({"type": "array"}),
        Value::Object(_) => json!({"type": "object"}),
    }
}

/// Adds the arguments that calls let guess to what is known of a tool.
pub(super) fn add_guessed(known: &mut Tool, guessed: &Tool) {
    let Some(theirs) = &guessed.schema else { return };
    let Some(ours) = &mut known.schema else {
        known.schema = Some(theirs.clone());
        return;
    };
    let Some(more) = theirs.get("properties").and_then(Value::as_object) else { return };
    if let Some(properties) = ours.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, schema) in more {
            properties.entry(name.clone()).or_insert_with(|| schema.clone());
        }
    }
}
