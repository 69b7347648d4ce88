//! `tool`: registration of tools and the life of a call. A call is its record's place.

use super::guardrail::BlockReason;
use crate::digest::Digest;
use crate::ids::{Content, Id};
use crate::schema::Given;
use crate::values::{EffectsClass, Label, Place, Sensitivity};
use crate::{codes, map};

codes! {
    /// Why a call failed.
    pub enum FailureClass {
        /// The tool reported an error.
        Tool = 0 "tool",
        /// The call took too long.
        TimeOut = 1 "time-out",
        /// The tool could not be reached.
        Unreachable = 2 "unreachable",
        /// The tool refused the caller.
        Refused = 3 "refused",
        /// The arguments were not accepted.
        Arguments = 4 "arguments",
    }

    /// Why nobody knows how a dispatched call ended.
    pub enum UnknownReason {
        /// The recorder or broker stopped in between.
        Crash = 0 "crash",
        /// The run was aborted.
        Abort = 1 "abort",
        /// The answer was lost.
        Lost = 2 "lost",
    }
}

map! {
    /// `tool registered` (TOL-1).
    pub struct ToolRegistered {
        /// Its name.
        0 req tool: Id,
        /// Its version.
        1 req version: Given<Id>,
        /// The JSON Schema of its arguments.
        2 req schema: Given<Content>,
        /// The surface it acts on.
        3 req surface: Given<Id>,
        /// What it can do.
        4 req effects: Given<EffectsClass>,
        /// Whether its effect can be undone.
        5 req reversible: Given<bool>,
        /// Whether it offers a preview, dry run or stages (TOL-6).
        6 req preview: bool,
        /// Label of its results.
        7 req result_label: Given<Label>,
        /// Its description, as the model sees it.
        8 opt description: Content,
        /// Highest sensitivity that may be sent to it (GRD-2).
        9 opt clearance: Sensitivity,
        /// The sandbox it has to run in (GRD-3).
        10 opt sandbox: Id,
        /// Whether it acts under a credential (RSK-1).
        11 opt credential: bool,
    }

    /// `tool proposed`: the model, or a workflow, asks for a call.
    pub struct ToolProposed {
        /// The tool.
        0 req tool: Id,
        /// The arguments, as received.
        1 req arguments: Given<Content>,
        /// The id that the model gave the call.
        2 opt call_id: Content,
        /// The effect expected.
        3 opt expected_effect: Content,
        /// The first call, where this one tries it again (TOL-5).
        4 opt retry_of: Place,
    }

    /// `tool validated`: broker: registered, schema kept.
    pub struct ToolValidated {
        /// The tool.
        0 req tool: Id,
        /// Its registered version.
        1 req version: Given<Id>,
        /// Commitment of the schema.
        2 req schema: Given<Digest>,
        /// Commitment of the arguments checked.
        3 req arguments: Digest,
    }

    /// `tool requested`: the gate is asked.
    pub struct ToolRequested {
        /// The request's name.
        0 req request: Id,
        /// Commitment of the arguments.
        1 req arguments: Digest,
        /// Commitment of the target.
        2 opt target: Digest,
    }

    /// `tool previewed` (TOL-6).
    pub struct ToolPreviewed {
        /// What would change.
        0 req diff: Content,
    }

    /// `tool dispatched`: the broker calls the tool. Durable before it does.
    pub struct ToolDispatched {
        /// The tool.
        0 req tool: Id,
        /// Commitment of the arguments sent.
        1 req arguments: Digest,
        /// Commitment of the target.
        2 opt target: Digest,
        /// What makes a repetition harmless, where the tool has it.
        3 opt idempotency: Id,
        /// The sandbox it runs in.
        4 opt sandbox: Id,
        /// Bytes sent out.
        5 opt bytes_out: u64,
    }

    /// `tool returned`.
    pub struct ToolReturned {
        /// The result.
        0 req result: Content,
        /// How long it took, microseconds.
        1 opt duration_us: u64,
        /// What it cost, millionths.
        2 opt spend_micros: u64,
        /// Label of this result, where the broker knows a nearer one than the registry's.
        3 opt label: Label,
        /// The id by which the result named its call.
        4 opt call_id: Content,
    }

    /// `tool failed`.
    pub struct ToolFailed {
        /// Why.
        0 req class: FailureClass,
        /// What the tool said.
        1 opt error: Content,
        /// A result that came with the error.
        2 opt result: Content,
        /// How long it took, microseconds.
        3 opt duration_us: u64,
        /// The id by which the result named its call.
        4 opt call_id: Content,
    }

    /// `tool blocked`: ended without dispatch.
    pub struct ToolBlocked {
        /// Why.
        0 req reason: BlockReason,
        /// In words, as the planner was told.
        1 opt notice: Content,
    }

    /// `tool unknown`: dispatched, and nobody can say how it ended.
    pub struct ToolUnknown {
        /// Why.
        0 req reason: UnknownReason,
    }
}
