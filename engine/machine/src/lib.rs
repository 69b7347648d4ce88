//! The deterministic state machine of a run.
//!
//! [`Machine::decide`] answers a record and cannot write; [`Machine::commit`] writes and cannot fail. Recorder, gate and replayer call the same
//! two functions, so what a reviewer checks is what was enforced. Everything that came from outside, time and chance included,
//! stands in the record's input; nothing else enters.
//!
//! - `state`: what is remembered, as entries of canonical bytes with a root and proofs;
//! - `lineage`: four bytes a record on what it was and what influenced it;
//! - `rules`: the rules of every rule set, a module a control layer; `changes`: what each kind of record changes.

mod carriage;
mod case;
mod changes;
mod charge;
mod checksum;
mod facts;
mod grant;
mod influence;
mod lineage;
mod machine;
mod place;
mod reliance;
mod risk;
mod rule_set;
mod rules;
mod scope;
mod span;
mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use checksum::Checksum;
pub use facts::{RequestFacts, WriteFacts, WriteInfluence, request_digest};
pub use lineage::{Lineage, MARK_BYTES, Mark, PageFault};
pub use machine::{Answer, Machine, Transition};
pub use risk::{ApprovalGround, Control, RISK_TABLE, Required, RiskRow};
pub use rule_set::{RuleSetNumber, supports};
pub use span::SpanMeter;
pub use state::{
    ApprovalStatus, Call, CallStatus, CallsAt, Carried, Config, Context, Counters, Credential, Decided,
    EffectStatus, Ended, Grant, GrantedDelegation, GrantedException, IndexKey, Influence, Key, ListedModel,
    ListedSource, MemoryItem, PartKey, Permit, Piece, Plan, Policies, Present, ProducedOutput, Progress,
    Prompt, PromptPart, RegisteredActor, RegisteredTool, Retried, Section, SharedCounter, State, StateFault,
    TrackedApproval, TrackedCredential, TrackedEffect, Turn, TurnKey, Value, Watermark,
};
