//! `guardrail`: what an inspection of content found, changed or stopped.

use crate::digest::Digest;
use crate::ids::{Content, Id, RecordRef};
use crate::values::Label;
use crate::{codes, map};

codes! {
    /// What was found in a content.
    pub enum DetectedClass {
        /// Data about a person.
        Personal = 0 "personal",
        /// Health data.
        Health = 1 "health",
        /// A key, password or token.
        Secret = 2 "secret",
        /// A payment card or account number.
        Financial = 3 "financial",
        /// Data that reads as an instruction.
        Instruction = 4 "instruction",
        /// A dangerous command.
        Command = 5 "command",
        /// A destination that is not allowed.
        Destination = 6 "destination",
        /// Departure from the approved task.
        Departure = 7 "departure",
    }

    /// Why something was stopped.
    pub enum BlockReason {
        /// A guardrail's finding.
        Guardrail = 0 "guardrail",
        /// No tenant filter, or another tenant's.
        Tenant = 1 "tenant",
        /// Past its freshness.
        Stale = 2 "stale",
        /// No source, provenance or owner.
        Unlabelled = 3 "unlabelled",
        /// More sensitive than its destination is cleared for.
        Clearance = 4 "clearance",
        /// A decision other than PERMIT.
        Decision = 5 "decision",
        /// A rule of the machine.
        Rule = 6 "rule",
        /// The tool or argument is not valid.
        Invalid = 7 "invalid",
        /// An approval was denied, expired or withdrawn.
        Approval = 8 "approval",
        /// The run ends first.
        RunEnd = 9 "run-end",
        /// The gate or recorder could not do its part.
        Fault = 10 "fault",
        /// Whoever asked does not want it any more.
        Withdrawn = 11 "withdrawn",
    }
}

map! {
    /// `guardrail detected`.
    pub struct GuardrailDetected {
        /// The guardrail's rule.
        0 req rule: Id,
        /// Its version.
        1 opt version: Id,
        /// Commitment of the content inspected.
        2 req inspected: Digest,
        /// The record that brought it.
        3 opt record: RecordRef,
        /// What was found.
        4 req classes: Vec<DetectedClass>,
        /// Where and what, in words.
        5 opt detail: Content,
    }

    /// `guardrail transformed` (GRD-1): from here on only the new form is used.
    pub struct GuardrailTransformed {
        /// The guardrail's rule.
        0 req rule: Id,
        /// Its version.
        1 opt version: Id,
        /// Commitment of what was inspected.
        2 req inspected: Digest,
        /// The record that brought it.
        3 opt record: RecordRef,
        /// The new form.
        4 req transformed: Content,
        /// Label of the new form, where the guardrail is entitled to set one.
        5 opt label: Label,
    }

    /// `guardrail blocked` (GRD-1): the content enters nothing later.
    pub struct GuardrailBlocked {
        /// The guardrail's rule.
        0 req rule: Id,
        /// Its version.
        1 opt version: Id,
        /// Commitment of what was inspected.
        2 req inspected: Digest,
        /// The record that brought it.
        3 opt record: RecordRef,
        /// Why.
        4 req reason: BlockReason,
        /// The notice shown instead.
        5 opt notice: Content,
    }
}
