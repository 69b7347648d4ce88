//! The tools of a run. What holds a tool holds it here, out of everybody's reach but the dispatch's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;
use rederive_extract::ArgumentSchema;
use rederive_policy::arguments::Arguments;
use rederive_policy::assemble::target;
use rederive_policy::registry::Entry;
use rederive_policy::request::{ArgumentRole, ToolFacts};

use crate::ports::{Command, Payload, Preview, Runner, TOOL_LIMIT, Tool};

/// A tool as it is handed to the gate.
pub struct Registration {
    /// Its name.
    pub tool: Id,
    /// What the registry says of it. Where it gives no version, one that follows from facts and schema is registered.
    pub facts: ToolFacts,
    /// The JSON Schema of its arguments.
    pub schema: Payload,
    /// Its description, as the model sees it.
    pub description: Option<Payload>,
    /// How it acts.
    pub runner: Runner,
    /// Its preview, where the registry says that it offers one.
    pub preview: Option<Box<dyn Preview>>,
    /// How long a call may take.
    pub time: Duration,
    /// Whether it knows keys that make a repetition harmless.
    pub is_idempotent: bool,
}

impl Registration {
    /// A tool that acts itself, takes a minute at most and offers no preview.
    pub fn new(tool: Id, facts: ToolFacts, schema: Payload, runner: Runner) -> Self {
        Self {
            tool,
            facts,
            schema,
            description: None,
            runner,
            preview: None,
            time: TOOL_LIMIT,
            is_idempotent: false,
        }
    }
}

impl Registration {
    /// A tool as a registry lists it. None where the registry has no schema for it: its calls could not be checked.
    pub fn listed(tool: Id, entry: &Entry, runner: Runner) -> Option<Self> {
        let schema = Payload::json(entry.schema_bytes()?);
        Some(Self::new(tool, entry.facts.clone(), schema, runner))
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({}, {})", self.tool, self.facts.effects)
    }
}

/// Why a tool was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationFault {
    /// Two tools of one name.
    #[error("the tool {tool} is registered twice")]
    Twice {
        /// The tool.
        tool: Id,
    },
    /// A tool that runs code without the sandbox.
    #[error("the tool {tool} has the class `execute` and does not run in the sandbox")]
    Unboxed {
        /// The tool.
        tool: Id,
    },
    /// The schema is none.
    #[error("the schema of the tool {tool} cannot be used: {why}")]
    Schema {
        /// The tool.
        tool: Id,
        /// What the schema library says.
        why: String,
    },
    /// It is not as the registry has it that the run pins.
    #[error("the tool {tool} is not as the registry has it that the run pins")]
    Unlike {
        /// The tool.
        tool: Id,
    },
    /// `Setup::memory` is not what the registry lists under `memory.write`; or one of the two has it and the other has not.
    #[error(
        "what the gate is told of memory is not what the registry that the run pins lists as memory.write"
    )]
    Memory,
    /// It is not the one that the run registered when it was opened.
    #[error("the tool {tool} is not the one that the run registered")]
    Changed {
        /// The tool.
        tool: Id,
    },
    /// The registry says that it offers a preview, and there is none; or the other way round.
    #[error("what the registry says of a preview of the tool {tool} is not so")]
    Preview {
        /// The tool.
        tool: Id,
    },
}

/// How a tool acts, shared with the thread that runs it.
pub(crate) enum Acts {
    Direct(Arc<dyn Tool>),
    Sandboxed(Arc<dyn Command>),
}

/// Where a call goes.
#[derive(Default)]
pub(crate) struct Aims {
    /// The target: of its destinations, in one text.
    pub(crate) target: Option<Payload>,
    /// The text of each.
    pub(crate) destinations: Vec<Payload>,
}

/// A registered tool.
pub(crate) struct Registered {
    pub(crate) tool: Id,
    /// As it is registered: the registry's, or else the one that follows from what the registry says.
    pub(crate) version: Option<Id>,
    pub(crate) facts: ToolFacts,
    pub(crate) schema: Payload,
    pub(crate) description: Option<Payload>,
    pub(crate) acts: Acts,
    pub(crate) preview: Option<Arc<dyn Preview>>,
    pub(crate) time: Duration,
    pub(crate) is_idempotent: bool,
    checked: ArgumentSchema,
}

impl Registered {
    fn of(registration: Registration) -> Result<Self, RegistrationFault> {
        let Registration { tool, facts, schema, description, runner, preview, time, is_idempotent } =
            registration;
        let acts = match runner {
            Runner::Direct(_) if facts.effects == EffectsClass::Execute => {
                return Err(RegistrationFault::Unboxed { tool });
            }
            Runner::Direct(direct) => Acts::Direct(Arc::from(direct)),
            Runner::Sandboxed(command) => Acts::Sandboxed(Arc::from(command)),
        };
        if facts.preview != preview.is_some() {
            return Err(RegistrationFault::Preview { tool });
        }
        let checked = ArgumentSchema::compile(schema.bytes())
            .map_err(|fault| RegistrationFault::Schema { tool: tool.clone(), why: fault.to_string() })?;
        let preview = preview.map(Arc::from);
        let version = facts.version.clone().or_else(|| version_of(&tool, &facts, &schema));
        Ok(Self { tool, version, facts, schema, description, acts, preview, time, is_idempotent, checked })
    }

    /// Whether arguments satisfy the tool's schema: of what guardrails made of them, the extractor says nothing.
    pub(crate) fn accepts(&self, arguments: &Payload) -> bool {
        let value: Result<serde_json::Value, _> = serde_json::from_slice(arguments.bytes());
        value.is_ok_and(|value| self.checked.accepts(&value))
    }

    /// Where a call with these arguments goes, by the registry's destination fields: nowhere, of what is no JSON or larger than a policy is asked about.
    pub(crate) fn aims(&self, arguments: &Payload) -> Aims {
        let value = serde_json::from_slice(arguments.bytes()).ok();
        let arguments = value.and_then(|value| Arguments::new(value).ok());
        arguments.map_or_else(Aims::default, |arguments| Aims {
            target: target(Some(&self.facts), &arguments).map(Payload::text),
            destinations: self.destinations(&arguments),
        })
    }

    fn destinations(&self, arguments: &Arguments) -> Vec<Payload> {
        let leaves = arguments.leaves();
        let named = leaves
            .iter()
            .filter(|(at, value)| self.facts.role(at) == ArgumentRole::Destination && !value.is_null());
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        named.map(|(_, value)| Payload::text(text(value))).collect()
    }
}

/// The version of a tool to which its registry gives none, as a draft does: the digest of a registry of this tool alone, so that another entry is another
/// version (TOL-1).
fn version_of(tool: &Id, facts: &ToolFacts, schema: &Payload) -> Option<Id> {
    let schema = serde_json::from_slice(schema.bytes()).ok();
    let entry = Entry { facts: facts.clone(), schema, reasons: BTreeMap::new() };
    let alone = rederive_policy::Registry {
        tools: [(tool.clone(), entry)].into(),
        ..rederive_policy::Registry::default()
    };
    Id::new(&format!("entry/{}", alone.digest().to_hex())).ok()
}

/// The tools of a run, by name.
#[derive(Default)]
pub(crate) struct Registry(BTreeMap<Id, Arc<Registered>>);

impl Registry {
    pub(crate) fn of(registrations: Vec<Registration>) -> Result<Self, RegistrationFault> {
        let mut tools = BTreeMap::new();
        for registration in registrations {
            let registered = Registered::of(registration)?;
            let name = registered.tool.clone();
            if tools.insert(name.clone(), Arc::new(registered)).is_some() {
                return Err(RegistrationFault::Twice { tool: name });
            }
        }
        Ok(Self(tools))
    }

    pub(crate) fn get(&self, tool: &Id) -> Option<Arc<Registered>> {
        self.0.get(tool).cloned()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.0.values()
    }

    pub(crate) fn runs_commands(&self) -> bool {
        self.all().any(|tool| matches!(tool.acts, Acts::Sandboxed(_)))
    }
}
