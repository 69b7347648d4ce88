//! The tools that a trace tells of: those registered in it, and those called.

use std::path::Path;

use rederive_archive::ContentReader;
use rederive_archive::storage::OsFile;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::tool::ToolRegistered;
use rederive_evidence::record::Record;
use rederive_policy::registry::infer::{Hints, Tool, from_calls};
use serde_json::Value;

use crate::args::Failed;
use crate::trace::{self, Held};
use crate::words::faults;

/// The most bytes of arguments or a schema that are looked into.
const LOOKED_INTO_BYTES_MAX: usize = 1 << 20;

/// The tools of a trace. Nothing is verified: a draft is read by a person.
pub(super) fn tools(path: &Path) -> Result<Vec<Tool>, Failed> {
    let opened = trace::open(path)?;
    let mut contents = Contents { path, reader: opened.content_reader() };
    let mut tools: Vec<Tool> = Vec::new();
    let mut calls: Vec<(Id, Value)> = Vec::new();
    for record in trace::records(&opened, path) {
        let record = record?;
        if let Body::ToolRegistered(tool) = &record.input.body {
            tools.push(contents.registered(&record, tool)?);
        }
        if let Body::ToolProposed(proposed) = &record.input.body {
            let arguments = match proposed.arguments.known() {
                Some(arguments) => contents.json(&record, *arguments)?,
                None => None,
            };
            calls.push((proposed.tool.clone(), arguments.unwrap_or(Value::Null)));
        }
    }
    tools.extend(from_calls(calls.iter().map(|(tool, arguments)| (tool, arguments))));
    Ok(tools)
}

/// The contents of a trace.
struct Contents<'t> {
    path: &'t Path,
    reader: ContentReader<'t, OsFile>,
}

impl Contents<'_> {
    fn registered(&mut self, record: &Record, tool: &ToolRegistered) -> Result<Tool, Failed> {
        let schema = match tool.schema.known() {
            Some(schema) => self.json(record, *schema)?,
            None => None,
        };
        let description = match tool.description {
            Some(description) => self.bytes(record, description)?,
            None => None,
        };
        Ok(Tool {
            name: tool.tool.clone(),
            version: tool.version.known().cloned(),
            description: description.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default(),
            schema: schema.filter(Value::is_object),
            hints: Hints::default(),
            is_guessed: false,
        })
    }

    /// The value of a content; none where it is redacted, damaged, too large or no JSON: the draft goes without.
    fn json(&mut self, record: &Record, content: Content) -> Result<Option<Value>, Failed> {
        let bytes = self.bytes(record, content)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn bytes(&mut self, record: &Record, content: Content) -> Result<Option<Vec<u8>>, Failed> {
        let Some(entry) = record.input.contents.get(usize::from(content.0)) else { return Ok(None) };
        let held = trace::content(&mut self.reader, &entry.commitment)
            .map_err(|fault| faults::reading(self.path, &fault))?;
        Ok(match held {
            Held::Bytes(bytes) if bytes.len() <= LOOKED_INTO_BYTES_MAX => Some(bytes),
            Held::Bytes(_) | Held::Absent(_) | Held::Wrong => None,
        })
    }
}
