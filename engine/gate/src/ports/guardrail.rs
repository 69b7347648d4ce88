//! Guardrails: inspections of content that detect, transform or stop (GRD).

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::values::Label;

use super::{CallFacts, Failure, Payload};

/// Inspects content. The same subject has the same finding: no clock, chance, network or memory of earlier subjects.
pub trait Guardrail: Send + Sync {
    /// Name of its rule, as records hold it.
    fn rule(&self) -> &Id;

    /// Its version.
    fn version(&self) -> Option<&Id> {
        None
    }

    /// Whether it answers by computing alone, in time that grows with the subject as a line does: then it is asked on the call's own thread.
    /// Whatever waits, or may run on, is asked on another, and not longer than it may take.
    fn only_computes(&self) -> bool {
        false
    }

    /// Whether it has anything to say at this stage. One that is not asked says nothing.
    fn inspects(&self, stage: Stage) -> bool;

    /// What it finds.
    ///
    /// # Errors
    /// It could not tell: what it was asked about is blocked.
    fn inspect(&self, subject: &Subject<'_>) -> Result<Finding, Failure>;
}

/// When a guardrail is asked, and so what about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The arguments of a call, before it is requested. A transformed form is what is sent.
    Arguments,
    /// Where a call goes, before it is requested.
    Destination,
    /// A call against the task that was approved: the run's goal.
    Task,
    /// A tool's result, before the model has it.
    Result,
    /// An output, before it is released.
    Output,
    /// A value, before it is kept in memory.
    MemoryWrite,
    /// A plan, before it is followed.
    Plan,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 7] = [
        Self::Arguments,
        Self::Destination,
        Self::Task,
        Self::Result,
        Self::Output,
        Self::MemoryWrite,
        Self::Plan,
    ];
}

/// What is inspected.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// When.
    pub stage: Stage,
    /// The content: arguments, a result, an output, a value or a plan. At [`Stage::Destination`] and [`Stage::Task`] the arguments.
    pub content: &'a Payload,
    /// The label of what it carries or is.
    pub label: Label,
    /// The call it belongs to; none for an output, a plan or a memory write of its own.
    pub call: Option<&'a CallFacts>,
    /// What is to be achieved.
    pub goal: Option<&'a Payload>,
}

/// What a guardrail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing.
    Clean,
    /// Something that is noted and goes on as it is.
    Detected {
        /// What.
        classes: Vec<DetectedClass>,
        /// Where and what, in words that do not repeat it.
        detail: Option<Payload>,
    },
    /// From here on only the new form is used.
    Transformed {
        /// What was found.
        classes: Vec<DetectedClass>,
        /// The new form.
        content: Payload,
        /// Its label, where the guardrail is entitled to set one over this one item ([`Setup::labelling`](crate::Setup::labelling)); that of any other is
        /// not used.
        label: Option<Label>,
    },
    /// It goes no further.
    Blocked {
        /// What was found.
        classes: Vec<DetectedClass>,
        /// Why.
        reason: BlockReason,
        /// The notice shown instead, which does not repeat it.
        notice: Option<Payload>,
    },
}
