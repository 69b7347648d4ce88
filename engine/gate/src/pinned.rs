//! What a run pins of bundle, registry and tools, against what was loaded.

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::RunOpened;
use rederive_policy::Registry;
use rederive_policy::assemble::MEMORY_WRITE;

use crate::gate::{OpenFault, Setup};
use crate::registry::{Registration, RegistrationFault};

/// Checks that run, bundle and gate speak of one bundle and of one registry, as far as each names one, and that every tool is as the registry has it.
pub(crate) fn check(opened: &RunOpened, setup: &Setup) -> Result<(), OpenFault> {
    let (pinned, loaded) = (opened.bundle.known().copied(), setup.policy.bundle());
    if pinned != Some(loaded) {
        return Err(OpenFault::OtherBundle { pinned, loaded });
    }
    let pinned = opened.registry.known().copied();
    let loaded = setup.registry.as_ref().map(|registry| registry.digest());
    for loaded in [loaded, setup.policy.registry()].into_iter().flatten() {
        if pinned != Some(loaded) {
            return Err(OpenFault::OtherRegistry { pinned, loaded });
        }
    }
    setup.registry.as_ref().map_or(Ok(()), |registry| check_tools(registry, setup))
}

fn check_tools(registry: &Registry, setup: &Setup) -> Result<(), OpenFault> {
    let unlike = |tool: &Id| Err(RegistrationFault::Unlike { tool: tool.clone() }.into());
    for registration in &setup.tools {
        if !is_as_listed(registry, registration) {
            return unlike(&registration.tool);
        }
    }
    // A write is decided again by what the registry lists of memory: both have it, or neither has.
    let memory = registry.tools.iter().find(|(tool, _)| tool.as_str() == MEMORY_WRITE);
    let is_as_listed = setup.memory.as_ref() == memory.map(|(_, entry)| &entry.facts);
    if is_as_listed { Ok(()) } else { Err(RegistrationFault::Memory.into()) }
}

/// Whether the registry lists the tool, with these facts and, where it has a schema, with this one.
fn is_as_listed(registry: &Registry, registration: &Registration) -> bool {
    let Some(entry) = registry.tools.get(&registration.tool) else { return false };
    let schema = || serde_json::from_slice::<serde_json::Value>(registration.schema.bytes()).ok();
    entry.facts == registration.facts && (entry.schema.is_none() || entry.schema == schema())
}

/// How a tool stands in a trace: its registration, and commitments of its schema and description.
pub(crate) struct OnRecord {
    pub(crate) body: Body,
    pub(crate) contents: Vec<Digest>,
}

impl OnRecord {
    /// What the registration says of a credential.
    pub(crate) fn credential(&self) -> Option<bool> {
        if let Body::ToolRegistered(registered) = &self.body { registered.credential } else { None }
    }

    /// Whether this is the same registration, whose contents have these commitments.
    pub(crate) fn is(&self, registration: &Draft, contents: &[Digest]) -> bool {
        self.body == registration.body && self.contents == contents
    }
}
