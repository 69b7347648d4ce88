//! Tools: what acts. Only the broker holds them, and it can call one only with a [`Dispatch`], which only a live PERMIT makes.

use std::time::Duration;

use rederive_evidence::kinds::tool::FailureClass;
use rederive_evidence::values::Label;

use super::{CallFacts, Failure, Finished, Job, Payload};
use crate::dispatch::Dispatch;

/// A tool that acts in this process or over a connection of its own.
pub trait Tool: Send + Sync {
    /// Does what was permitted. `dispatch` is the permit, used up: it says what to do, under which credential and until when.
    ///
    /// # Errors
    /// What went wrong, and whether anything can have happened.
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure>;

    /// Whether a call ends within [`Dispatch::time`] by the tool's own doing, as that of a client does which gives up in time: then it is made on the
    /// call's own thread. A tool that breaks its word holds up its own call alone, and nobody can say whether that took effect.
    fn keeps_time(&self) -> bool {
        false
    }
}

/// A tool that runs code or commands: it says what to run, and the broker runs it in the sandbox (GRD-3).
pub trait Command: Send + Sync {
    /// What to run.
    ///
    /// # Errors
    /// The arguments are not ones that can be run; nothing has happened.
    fn job(&self, dispatch: &Dispatch) -> Result<Job, Failure>;

    /// What it gave.
    ///
    /// # Errors
    /// The command failed.
    fn reply(&self, finished: Finished) -> Result<ToolReply, ToolFailure>;
}

/// How a registered tool acts. What has the class `execute` can only be a [`Command`].
pub enum Runner {
    /// It acts itself.
    Direct(Box<dyn Tool>),
    /// It runs in the sandbox.
    Sandboxed(Box<dyn Command>),
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Direct(_) => "Direct",
            Self::Sandboxed(_) => "Sandboxed",
        })
    }
}

/// The preview, dry run or stage of a tool that offers one (TOL-6): an object of its own, which has no way to act.
pub trait Preview: Send + Sync {
    /// What the call would change, as it is shown to an approver.
    ///
    /// # Errors
    /// There is none to show: the call is blocked.
    fn diff(&self, call: &CallFacts) -> Result<Payload, Failure>;
}

/// What a tool gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolReply {
    /// The result.
    pub result: Payload,
    /// A nearer label than the registry's, where the tool knows one. Trust cannot rise by it.
    pub label: Option<Label>,
    /// What it cost, millionths.
    pub spend_micros: Option<u64>,
}

impl ToolReply {
    /// A result of which nothing more is known.
    pub fn new(result: Payload) -> Self {
        Self { result, label: None, spend_micros: None }
    }
}

/// A tool's call did not give a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolFailure {
    /// It failed, and the tool says so.
    Failed {
        /// Why.
        class: FailureClass,
        /// What it said.
        error: Option<Payload>,
        /// A result that came with the error.
        result: Option<Payload>,
    },
    /// Nobody can say whether it took effect: the answer was lost.
    Lost,
}

/// How long a tool may take where its registration says nothing.
pub(crate) const TOOL_LIMIT: Duration = Duration::from_secs(60);
