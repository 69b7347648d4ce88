//! What became of a call. There is no variant for "probably".

use rederive_evidence::ids::{Id, RecordRef, RecordedTime};
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::tool::{FailureClass, UnknownReason};
use rederive_evidence::rules::Breach;
use rederive_evidence::values::Place;
use rederive_recorder::RecordError;

use crate::ports::{Payload, PortFault};

/// What became of a call.
#[derive(Debug)]
#[must_use = "a call that was blocked or held did not happen"]
pub enum Fate {
    /// The tool was called and gave a result.
    Returned(Returned),
    /// The tool was called and failed.
    Failed(Failed),
    /// The tool was not called.
    Blocked(Blocked),
    /// The tool was called, and nobody can say whether it took effect. It is never called again but by a new call with a new decision.
    Unknown(Unknown),
    /// A person has it before them. The tool was not called yet.
    Held(Held),
}

/// A result, as far as it may reach the model.
#[derive(Debug)]
pub struct Returned {
    /// The call.
    pub place: Place,
    /// What the model may see: the result, what guardrails made of it, or the notice where they stopped it.
    pub content: Payload,
    /// The record that the content comes from: what the next prompt names as its part's origin and its cause.
    pub from: RecordRef,
    /// Whether guardrails put something else in the place of the result.
    pub is_replaced: bool,
    /// Whether the effect is as expected, where the call has one.
    pub effect: Option<EffectMatch>,
}

/// A call that failed.
#[derive(Debug)]
pub struct Failed {
    /// The call.
    pub place: Place,
    /// Why.
    pub class: FailureClass,
    /// What the model may see of what the tool said.
    pub content: Option<Payload>,
    /// The record of it.
    pub from: RecordRef,
}

/// A call that did not happen.
#[derive(Debug)]
pub struct Blocked {
    /// The call.
    pub place: Place,
    /// Why, as the record has it.
    pub reason: BlockReason,
    /// Why, with what there is to know.
    pub why: Why,
    /// What the planner is told.
    pub notice: Payload,
    /// The record that says so; none where nothing can be recorded.
    pub record: Option<RecordRef>,
}

/// A call of which nobody knows how it ended.
#[derive(Debug)]
pub struct Unknown {
    /// The call.
    pub place: Place,
    /// Why.
    pub reason: UnknownReason,
    /// The record that says so; none where nothing can be recorded.
    pub record: Option<RecordRef>,
}

/// A call that waits for an approval. Everything that it needs to go on stands in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The call.
    pub place: Place,
    /// The approval.
    pub approval: Id,
    /// When it ends.
    pub expires: RecordedTime,
}

/// Why a call did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The machine refused a step of it.
    #[error("a rule is breached: {}", breached(breaches))]
    Rule {
        /// The rules.
        breaches: Vec<Breach>,
    },
    /// The arguments, as they would be sent, are not what the tool takes.
    #[error("the arguments do not satisfy the tool's schema")]
    Schema,
    /// A guardrail stopped it.
    #[error("the guardrail {rule} stopped it")]
    Guardrail {
        /// The guardrail's rule.
        rule: Id,
    },
    /// The gate did not permit it.
    #[error("the gate's answer is {decision}: {}", answered(*directive, *reason, rules))]
    Decision {
        /// The answer.
        decision: Decision,
        /// What is to be done about it.
        directive: Directive,
        /// Why.
        reason: ReasonCode,
        /// Policies that determined it.
        rules: Vec<Id>,
    },
    /// A limit of the run is reached (LIM-1): no call is permitted any more.
    #[error("the run's limit of {limit} is reached")]
    Limit {
        /// Of what.
        limit: LimitKind,
    },
    /// What the permit relied on has changed, or its time is over.
    #[error("what the permit relies on no longer holds")]
    Stale,
    /// The approver said no.
    #[error("the approval {approval} was denied")]
    Denied {
        /// The approval.
        approval: Id,
        /// Why.
        reason: Payload,
    },
    /// The approver asks for another request, in the name of the same approval.
    #[error("the approval {approval} asks for a change")]
    Revise {
        /// The approval.
        approval: Id,
        /// What is to change.
        changes: Payload,
    },
    /// Nobody answered in time.
    #[error("the approval {approval} expired")]
    Expired {
        /// The approval.
        approval: Id,
    },
    /// Whoever asked does not wait for it any more.
    #[error("it was cancelled")]
    Cancelled,
    /// A component gave no answer.
    #[error(transparent)]
    Component(PortFault),
    /// The gate cannot record, so that nothing may happen.
    #[error("nothing can be recorded: {0}")]
    Unrecorded(#[from] Unrecorded),
    /// Only the gate itself makes such a record, or speaks for such an actor.
    #[error("only the gate makes a record of the kind {kind} by {actor}")]
    Reserved {
        /// The kind.
        kind: Kind,
        /// The actor.
        actor: Id,
    },
    /// What was to be remembered is no memory write.
    #[error("a record of the kind {kind} writes no memory")]
    NoWrite {
        /// The kind.
        kind: Kind,
    },
    /// The process that held the call stopped before it was decided or dispatched.
    #[error("the gate stopped before the call was dispatched")]
    Restart,
}

/// Why something was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unrecorded {
    /// The recorder said so.
    #[error(transparent)]
    Recorder(#[from] RecordError),
    /// An earlier failure has not been made good.
    #[error("the recorder has failed, and {turned_away} calls were turned away since")]
    Outage {
        /// Calls turned away so far.
        turned_away: u64,
    },
    /// The recorder was let go, or replaced since the call began.
    #[error("the recorder that the call began with is gone")]
    Replaced,
    /// The decision could not be signed.
    #[error("the receipt could not be signed: {0}")]
    Receipt(#[from] rederive_evidence::signed::SignFault),
    /// The clock gives no time, and nothing may be done at none.
    #[error("the clock gives no time")]
    NoTime,
    /// The record is in memory alone, and what hangs on it must survive a crash.
    #[error("the run's durability does not make decisions durable")]
    NotDurable,
    /// The state is not what it has to be for this; the caller looks again.
    #[error("what the record relies on has changed")]
    Stale,
}

/// Why, by which policies, and what is asked for instead.
fn answered(directive: Directive, reason: ReasonCode, rules: &[Id]) -> String {
    let mut text = reason.to_string();
    if !rules.is_empty() {
        let rules: Vec<&str> = rules.iter().map(Id::as_str).collect();
        text.push_str(&format!(", by {}", rules.join(", ")));
    }
    if directive != Directive::None {
        text.push_str(&format!("; {directive}"));
    }
    text
}

fn breached(breaches: &[Breach]) -> String {
    let names: Vec<String> =
        breaches.iter().map(|breach| format!("{} {}", breach.rule, breach.reason)).collect();
    names.join(", ")
}

impl From<PortFault> for Why {
    fn from(fault: PortFault) -> Self {
        Self::Component(fault)
    }
}

impl Why {
    /// The reason as a record has it.
    pub fn reason(&self) -> BlockReason {
        match self {
            Self::Rule { .. } | Self::Reserved { .. } | Self::Limit { .. } => BlockReason::Rule,
            Self::Schema | Self::NoWrite { .. } => BlockReason::Invalid,
            Self::Guardrail { .. } => BlockReason::Guardrail,
            Self::Decision { .. } | Self::Stale => BlockReason::Decision,
            Self::Denied { .. } | Self::Revise { .. } | Self::Expired { .. } => BlockReason::Approval,
            Self::Cancelled => BlockReason::Withdrawn,
            Self::Component(_) | Self::Unrecorded(_) | Self::Restart => BlockReason::Fault,
        }
    }
}

impl Fate {
    /// The call.
    pub fn place(&self) -> &Place {
        match self {
            Self::Returned(returned) => &returned.place,
            Self::Failed(failed) => &failed.place,
            Self::Blocked(blocked) => &blocked.place,
            Self::Unknown(unknown) => &unknown.place,
            Self::Held(held) => &held.place,
        }
    }

    /// The record that says so, or that brings what the model may see. None where nothing can be recorded, and of a call that waits.
    pub fn record(&self) -> Option<RecordRef> {
        match self {
            Self::Returned(returned) => Some(returned.from),
            Self::Failed(failed) => Some(failed.from),
            Self::Blocked(blocked) => blocked.record,
            Self::Unknown(unknown) => unknown.record,
            Self::Held(_) => None,
        }
    }
}
