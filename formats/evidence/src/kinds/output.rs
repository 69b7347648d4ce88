//! `output`: what leaves the run for a recipient.

use super::guardrail::BlockReason;
use crate::digest::Digest;
use crate::ids::{Content, Id};
use crate::map;
use crate::schema::Given;
use crate::values::Sensitivity;

map! {
    /// Somebody an output goes to.
    pub struct Recipient {
        /// Who.
        0 req id: Id,
        /// Highest sensitivity they may have.
        1 req clearance: Given<Sensitivity>,
    }

    /// `output produced`.
    pub struct OutputProduced {
        /// The output.
        0 req output: Content,
    }

    /// `output released` (OUT-4).
    pub struct OutputReleased {
        /// Commitment of the output.
        0 req output: Digest,
        /// Who gets it.
        1 req recipients: Vec<Recipient>,
        /// Bytes that leave.
        2 opt bytes_out: u64,
    }

    /// `output blocked`.
    pub struct OutputBlocked {
        /// Commitment of the output.
        0 req output: Digest,
        /// Why.
        1 req reason: BlockReason,
    }
}
