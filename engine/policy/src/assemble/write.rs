//! How a memory write becomes a [`PolicyRequest`] (MEM-3). Spec: policy-request.

use rederive_evidence::ids::{Id, RecordedTime};
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

/// A memory write that a policy is asked about, as the machine has it. Its arguments are `scope`, `namespace`, `name` and `value`.
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
    /// What the registry says of memory.
    pub facts: &'a ToolFacts,
    /// What is written.
    pub item: &'a MemoryKey,
    /// What it is to hold, as it is to be kept.
    pub value: &'a [u8],
    /// Label of what influences it: that of the value too.
    pub influence: Label,
    /// The time now.
    pub time: Option<RecordedTime>,
}

impl AskedWrite<'_> {
    /// The question. Where the value's parts come from is not known.
    ///
    /// # Errors
    /// The value is larger than a policy is asked about.
    pub fn request(&self) -> Result<PolicyRequest, ArgumentsFault> {
        let arguments = Arguments::new(json!({
            "scope": self.item.scope.name(),
            "namespace": self.item.namespace.as_str(),
            "name": self.item.name.as_str(),
            "value": String::from_utf8_lossy(self.value),
        }))?;
        let run = run(self.opened, self.machine, self.agent);
        let mut request = PolicyRequest::new(run, self.tool.clone(), Some(self.facts.clone()));
        request.target = target(Some(self.facts), &arguments);
        request.arguments = arguments;
        request.influence = self.influence;
        request.carriage = Some(self.influence);
        request.risks.clone_from(&self.known.signals);
        request.least = control(self.known.least);
        request.counters = counters(self.machine, 0);
        request.time = self.time;
        Ok(request)
    }
}
