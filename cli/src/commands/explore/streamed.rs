//! A JSON object that is written as it is found: what is told of many runs is not held.

use serde::Serialize;

use crate::args::Failed;
use crate::terminal::Terminal;

/// An object on standard output, member by member. Names are given as they stand in JSON.
pub(super) struct Object<'t> {
    terminal: &'t mut Terminal,
    /// What stands before the next member or item.
    before: &'static str,
}

impl<'t> Object<'t> {
    /// Begins it.
    pub(super) fn begin(terminal: &'t mut Terminal) -> Self {
        Self { terminal, before: "{" }
    }

    /// Writes a member.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub(super) fn member(&mut self, name: &str, value: &impl Serialize) -> Result<(), Failed> {
        self.name(name);
        self.value(value)
    }

    /// Begins a member that is a list.
    pub(super) fn list(&mut self, name: &str) {
        self.name(name);
        self.before = "[";
    }

    /// Writes an item of the list.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub(super) fn item(&mut self, value: &impl Serialize) -> Result<(), Failed> {
        self.terminal.write(self.before.as_bytes());
        self.before = ",";
        self.value(value)
    }

    /// Ends the list.
    pub(super) fn end_list(&mut self) {
        self.terminal.write(if self.before == "[" { b"[]" } else { b"]" });
        self.before = ",";
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.terminal.line("}");
    }

    /// For what is told beside the object.
    pub(super) fn terminal(&mut self) -> &mut Terminal {
        self.terminal
    }

    fn name(&mut self, name: &str) {
        self.terminal.write(format!("{}\"{name}\":", self.before).as_bytes());
        self.before = ",";
    }

    fn value(&mut self, value: &impl Serialize) -> Result<(), Failed> {
        let text = serde_json::to_string(value);
        let text = text.map_err(|error| Failed::internal(format!("cannot write JSON: {error}")))?;
        self.terminal.json_text(&text);
        Ok(())
    }
}
