//! Drafts a registry from what tools say of themselves: their names, descriptions, schemas and hints, or calls of them that were recorded.
//!
//! A draft is for a person to review. It errs to one side: what may be more than a read is not called one, what may carry words of others is
//! external, what cannot be shown to be undone cannot be. A tool's own hints raise and settle what is open; against its name and description
//! they lower nothing. Every field says why. The vocabulary is of English verbs and nouns; no tool is known by its name. Spec: registry-draft.

mod effects;
mod results;
mod roles;
mod source;
#[cfg(test)]
mod tests;
mod union;
mod verbs;
mod words;

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;

use super::{Entry, Registry};
use crate::request::{ArgumentRole, ToolFacts};

pub use source::{Hints, InferFault, Tool, from_calls, from_json};
pub use union::{Dispute, Draft, Said, draft};

use effects::{Class, reversible};

/// Drafts an entry for each tool, whoever told of it.
pub fn infer(tools: &[Tool]) -> Registry {
    draft(tools.iter().map(|tool| ((), tool.clone()))).registry
}

fn entry(tool: &Tool, others: &[Vec<String>]) -> Entry {
    let mut reasons = BTreeMap::new();
    let mut because = |field: &str, reason: String| reasons.insert(field.to_owned(), reason);
    let about = About::of(tool);
    let Class { class, reason } = effects::class(&about);
    because("effects", reason);
    let (surface, reason) = results::surface(&about);
    because("surface", reason);
    let roles = roles::of(&about, class);
    for (pointer, (role, reason)) in &roles {
        because(&format!("roles{pointer}"), format!("{}: {reason}", role.name()));
    }
    let roles: BTreeMap<String, ArgumentRole> =
        roles.into_iter().map(|(pointer, (role, _))| (pointer, role)).collect();
    let (can_undo, reason) = reversible(&about, class, others);
    because("reversible", reason);
    let preview = about.arguments.iter().find(|argument| argument.is_preview());
    because(
        "preview",
        match preview {
            Some(argument) => format!("argument `{}`", argument.name),
            None => "no argument asks for one".to_owned(),
        },
    );
    let (result, reason) = results::label(&about, class, &surface);
    because("result", reason);
    let (clearance, reason) = results::clearance(&about, class, &surface, &roles);
    because("clearance", reason);
    let facts = ToolFacts {
        version: tool.version.clone(),
        surface,
        effects: class,
        reversible: can_undo,
        preview: preview.is_some(),
        result,
        clearance,
        roles,
    };
    Entry { facts, schema: tool.schema.clone(), reasons }
}

/// A tool in words.
struct About<'a> {
    tool: &'a Tool,
    /// Words of the name, small, behind the server's part of it.
    name: Vec<String>,
    /// Words of the description, small.
    description: Vec<String>,
    /// Its arguments and what is in them.
    arguments: Vec<roles::Argument>,
}

impl<'a> About<'a> {
    fn of(tool: &'a Tool) -> Self {
        let arguments = tool.schema.as_ref().map(roles::arguments).unwrap_or_default();
        Self {
            tool,
            name: words::of_name(tool.name.as_str()),
            description: words::of_text(&tool.description),
            arguments,
        }
    }
}

/// Whether this class changes anything.
fn changes(class: EffectsClass) -> bool {
    class != EffectsClass::Read
}

/// The surface of this name; the names are identifiers.
fn surface_id(name: &str) -> Id {
    Id::new(name).unwrap_or_else(|_| results::general())
}
