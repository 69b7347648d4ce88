//! What is plugged into the gate: tools and what stands beside them, each a trait of few methods over plain types.
//!
//! None of them can open anything. A component that fails, panics or does not answer in time has said no ([`PortFault`]); what it does say is
//! recorded by the gate, which asks the machine first.

mod approver;
mod call;
mod credential;
mod effects;
mod guardrail;
mod payload;
mod policy;
mod sandbox;
mod tool;

pub use approver::{
    Approver, ArgumentOrigin, Evidence, Influencer, Judgement, Review, Revision, Verdict, Word,
};
#[cfg(test)]
pub(crate) use call::testing;
pub use call::{CallFacts, Standing};
pub use credential::{CredentialAsk, CredentialBroker, IssuedCredential};
pub use effects::{Effects, Expectation, Observation, Remedy};
pub use guardrail::{Finding, Guardrail, Stage, Subject};
pub use payload::{Payload, Secret};
pub use policy::{Policy, PolicySays};
pub use sandbox::{Attempt, Exit, Finished, Job, Sandbox};
pub use tool::{Command, Preview, Runner, Tool, ToolFailure, ToolReply};

pub(crate) use tool::TOOL_LIMIT;

/// Why a component gave no answer, in its own words and type.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What can fail to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The policy engine.
    Policy,
    /// A guardrail.
    Guardrail,
    /// The credential broker.
    CredentialBroker,
    /// The approver, or the way to them.
    Approver,
    /// What foresees and observes effects.
    Effects,
    /// The sandbox.
    Sandbox,
    /// A tool, or its preview.
    Tool,
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy engine",
            Self::Guardrail => "guardrail",
            Self::CredentialBroker => "credential broker",
            Self::Approver => "approver",
            Self::Effects => "effects component",
            Self::Sandbox => "sandbox",
            Self::Tool => "tool",
        })
    }
}

/// A component gave no answer. Whatever the reason, the action it was asked about is blocked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortFault {
    /// It said that it could not.
    #[error("the {component} failed: {source}")]
    Failed {
        /// Which.
        component: Component,
        /// Why, in its own type.
        source: Failure,
    },
    /// It panicked.
    #[error("the {component} panicked")]
    Panicked {
        /// Which.
        component: Component,
    },
    /// It did not answer in time.
    #[error("the {component} gave no answer in {limit_ms} ms")]
    TimedOut {
        /// Which.
        component: Component,
        /// The time it had.
        limit_ms: u64,
    },
    /// No thread could be had to ask it on.
    #[error("no thread to ask the {component} on")]
    NoThread {
        /// Which.
        component: Component,
    },
    /// None is there, and the call needs one.
    #[error("there is no {component}, and the call needs one")]
    Missing {
        /// Which.
        component: Component,
    },
}
