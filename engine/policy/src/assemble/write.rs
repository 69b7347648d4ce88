//! How a memory write becomes a [`PolicyRequest`] (MEM-3): its terms as the machine has them, and its arguments. Spec: policy-request.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::memory::MemoryKey;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::values::Label;
use rederive_machine::{Machine, WriteFacts};
use serde_json::json;

use super::risk::control;
use super::{counters, run, target};
use crate::arguments::{Arguments, ArgumentsFault};
use crate::request::{PolicyRequest, ToolFacts};

/// The tool that memory is to a policy.
pub const MEMORY_WRITE: &str = "memory.write";

/// A memory write that a policy is asked about, as the machine has it.
#[derive(Clone, Copy, Debug)]
pub struct AskedWrite<'a> {
    /// The opening record.
    pub opened: &'a RunOpened,
    /// State just before the decision.
    pub machine: &'a Machine,
    /// What it says of such a write.
    pub known: &'a WriteFacts,
    /// Who writes.
    pub agent: &'a Id,
    /// The name under which memory is asked about: [`MEMORY_WRITE`].
    pub tool: &'a Id,
    /// What the registry says of memory; none: it is not listed.
    pub facts: Option<&'a ToolFacts>,
    /// Label of what influences it: that of the value too.
    pub influence: Label,
}

impl AskedWrite<'_> {
    /// The question, for this item and what it is to hold as it is to be kept.
    ///
    /// # Errors
    /// The value is larger than a policy is asked about.
    pub fn request(&self, item: &MemoryKey, value: &[u8]) -> Result<PolicyRequest, ArgumentsFault> {
        written(self.terms(), item, value)
    }

    /// The question but for its arguments: what the run knows of it before anybody says what is written where.
    pub fn terms(&self) -> PolicyRequest {
        let run = run(self.opened, self.machine, self.agent);
        let mut request = PolicyRequest::new(run, self.tool.clone(), self.facts.cloned());
        request.influence = self.influence;
        request.carriage = Some(self.influence);
        request.risks.clone_from(&self.known.signals);
        request.least = control(self.known.least);
        request.counters = counters(self.machine, 0);
        // The run's own time: whoever asks again knows no other.
        request.time = self.machine.state().progress().and_then(|progress| progress.time);
        request
    }
}

/// The longest text of an item that is read: above that of the longest names, each byte escaped.
const ITEM_TEXT_BYTES_MAX: usize = 4_096;

/// An item as the target of a decision on a write to it: JSON, kept with the decision, so that whoever asks again knows which it was where nothing came
/// to be written. Spec: memory-target.
pub fn format_item(item: &MemoryKey) -> String {
    // Names, and no map: nothing in it can fail.
    serde_json::to_string(item).unwrap_or_default()
}

/// The item that a text names; none where it names none. Spec: memory-target.
pub fn parse_item(text: &[u8]) -> Option<MemoryKey> {
    let text = Some(text).filter(|text| text.len() <= ITEM_TEXT_BYTES_MAX)?;
    serde_json::from_slice(text).ok()
}

/// The question of which these are the terms, for this item and what it is to hold. Where the value's parts come from is not known.
///
/// # Errors
/// The value is larger than a policy is asked about.
pub fn written(
    mut terms: PolicyRequest,
    item: &MemoryKey,
    value: &[u8],
) -> Result<PolicyRequest, ArgumentsFault> {
    let arguments = Arguments::new(json!({
        "scope": item.scope.name(),
        "namespace": item.namespace.as_str(),
        "name": item.name.as_str(),
        "value": String::from_utf8_lossy(value),
    }))?;
    terms.target = target(terms.facts.as_ref(), &arguments);
    terms.arguments = arguments;
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use rederive_evidence::kinds::memory::MemoryScope;

    use super::*;

    fn item(scope: MemoryScope, name: &str) -> MemoryKey {
        MemoryKey { scope, namespace: Id::new("facts").unwrap(), name: Id::new(name).unwrap() }
    }

    /// Spec: memory-target.
    #[test]
    fn an_item_is_read_back_from_its_text_and_from_no_other() {
        for scope in MemoryScope::ALL {
            for name in ["home", "\"", "\u{1}", &"\u{1}".repeat(128)] {
                let Ok(name) = Id::new(name) else { continue };
                let named = item(*scope, name.as_str());
                assert_eq!(parse_item(format_item(&named).as_bytes()), Some(named));
            }
        }
        let text = format_item(&item(MemoryScope::Durable, "home"));
        assert_eq!(text, r#"{"scope":"durable","namespace":"facts","name":"home"}"#);
        let longest = format!("{text}{}", " ".repeat(ITEM_TEXT_BYTES_MAX - text.len()));
        assert!(parse_item(longest.as_bytes()).is_some());
        for other in
            [format!("{longest} "), text.replace("durable", "eternal"), text.replace("home", ""), "[]".into()]
        {
            assert_eq!(parse_item(other.as_bytes()), None, "{other}");
        }
    }
}
