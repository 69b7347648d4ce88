//! Tool registries: what each tool can do, said by a person and not by the tool. Spec: registry.

mod canonical;
mod form;
pub mod infer;

use std::collections::BTreeMap;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::Id;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::ToolFacts;

/// The format that this version writes and reads.
pub const REGISTRY_FORMAT: u16 = 1;

/// Most bytes of a registry file.
pub const REGISTRY_BYTES_MAX: usize = 32 << 20;

/// Most tools of a registry.
pub const TOOLS_MAX: usize = 4_096;

/// A registry of tools. A tool that is not in it is unknown, and the answer to a request about it SILENCE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// The format: 1.
    pub format: u16,
    /// The tools by name.
    pub tools: BTreeMap<Id, Entry>,
}

/// A tool of a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What policies may speak of.
    #[serde(flatten)]
    pub facts: ToolFacts,
    /// The JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Why a draft says what it says, by field: for the person who reviews it. Not part of what the registry means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
}

/// A registry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryFault {
    /// Larger than [`REGISTRY_BYTES_MAX`].
    #[error("a registry has at most {REGISTRY_BYTES_MAX} bytes")]
    Large,
    /// It is not the JSON that SPEC.md says.
    #[error("{0}")]
    Json(String),
    /// The format is one that this version does not know.
    #[error("registry format {0} is not known to this version")]
    Format(u16),
    /// More than [`TOOLS_MAX`] tools.
    #[error("a registry has at most {TOOLS_MAX} tools")]
    Tools,
    /// A role is given to something that is no JSON pointer.
    #[error("tool {tool}: {pointer:?} is no pointer into its arguments")]
    Pointer {
        /// The tool.
        tool: Id,
        /// What is no pointer.
        pointer: String,
    },
    /// A role is given to an argument that the schema does not have.
    #[error("tool {tool}: its schema has no argument {pointer}")]
    NoArgument {
        /// The tool.
        tool: Id,
        /// The pointer.
        pointer: String,
    },
}

impl Default for Registry {
    fn default() -> Self {
        Self { format: REGISTRY_FORMAT, tools: BTreeMap::new() }
    }
}

impl Registry {
    /// The registry that this JSON is.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(json: &[u8]) -> Result<Self, RegistryFault> {
        if json.len() > REGISTRY_BYTES_MAX {
            return Err(RegistryFault::Large);
        }
        let read = |error: serde_json::Error| RegistryFault::Json(error.to_string());
        let registry: Self = serde_json::from_slice(json).map_err(read)?;
        form::check(json).map_err(read)?;
        if registry.format != REGISTRY_FORMAT {
            return Err(RegistryFault::Format(registry.format));
        }
        if registry.tools.len() > TOOLS_MAX {
            return Err(RegistryFault::Tools);
        }
        for (tool, entry) in &registry.tools {
            entry.check(tool)?;
        }
        Ok(registry)
    }

    /// The JSON that people read and edit.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Its digest: over what it means, however the JSON is laid out and whatever reasons it gives.
    pub fn digest(&self) -> Digest {
        digest(Purpose::Registry, &canonical::bytes(self))
    }

    /// What it says of a tool.
    pub fn facts(&self, tool: &Id) -> Option<&ToolFacts> {
        self.tools.get(tool).map(|entry| &entry.facts)
    }
}

impl Entry {
    /// Whether its roles are of arguments that it has.
    fn check(&self, tool: &Id) -> Result<(), RegistryFault> {
        for pointer in self.facts.roles.keys() {
            let fault = |tool: &Id| (tool.clone(), pointer.clone());
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let (tool, pointer) = fault(tool);
                return Err(RegistryFault::Pointer { tool, pointer });
            }
            if !self.has(pointer) {
                let (tool, pointer) = fault(tool);
                return Err(RegistryFault::NoArgument { tool, pointer });
            }
        }
        Ok(())
    }

    /// Whether the schema, where there is one that lists its arguments and no others, has the first part of this pointer.
    fn has(&self, pointer: &str) -> bool {
        let Some(first) = pointer.split('/').nth(1) else { return true };
        let name = first.replace("~1", "/").replace("~0", "~");
        let properties = self.schema.as_ref().and_then(|schema| schema.get("properties"));
        properties.and_then(Value::as_object).is_none_or(|properties| properties.contains_key(&name))
    }

    /// The schema's bytes, as they are registered: compact JSON, members in the order of their names.
    pub fn schema_bytes(&self) -> Option<Vec<u8>> {
        self.schema.as_ref().map(canonical::json)
    }
}
