//! Why something was not recorded. A refusal by the machine is none of these: it is an answer, and recorded.

use rederive_archive::storage::Effect;
use rederive_archive::{ReadFault, TransferFault, WriteFault};
use rederive_evidence::cbor::DecodeError;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::PublicKey;
use rederive_evidence::limits::{CONTENT_BYTES_MAX, FRAME_BYTES_MAX, LIST_ITEMS_MAX};
use rederive_evidence::signed::SignFault;
use rederive_verify::IntegrityFault;

use crate::entropy::NoEntropy;

/// Why a draft did not become a record. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The run was closed: no record follows the closing one (RUN-1).
    #[error("the run is closed; no record follows its closing record")]
    Closed,
    /// The record is larger than a frame.
    #[error(
        "the record takes {bytes} bytes, more than the {FRAME_BYTES_MAX} of a frame: put long lists into contents, or into more records"
    )]
    RecordTooLarge {
        /// Canonical bytes it takes.
        bytes: usize,
    },
    /// More contents than a record lists.
    #[error("the draft has {listed} contents, a record lists at most {LIST_ITEMS_MAX}")]
    TooManyContents {
        /// Contents of the draft.
        listed: u64,
    },
    /// The body or a label refers to a content that the draft does not bring.
    #[error("content {index} is referred to, but the draft brings {listed}")]
    NoSuchContent {
        /// Index referred to.
        index: u64,
        /// Contents of the draft.
        listed: u64,
    },
    /// A content is too large.
    #[error("a content has {bytes} bytes, at most {CONTENT_BYTES_MAX} are allowed: split it")]
    ContentTooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Nothing was signed.
    #[error("the head, header or seal could not be signed: {0}")]
    Sign(#[from] SignFault),
    /// Whoever was to make its last content did not.
    #[error("the record's last content was not made")]
    Withheld,
    /// A run without a record cannot be sealed.
    #[error("the run has no record to seal")]
    NothingToSeal,
}

/// Why a recorder could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The draft did not become a record.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The store failed. Records not yet acknowledged may or may not be kept; see [`Self::effect`].
    #[error(transparent)]
    Write(#[from] WriteFault),
    /// The trace to go on with cannot be read or resumed.
    #[error(transparent)]
    Transfer(#[from] TransferFault),
    /// The trace to go on with cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// An earlier failure stopped the recorder, or a thread died inside it: recover the trace.
    #[error("the recorder was stopped by an earlier failure: recover the trace to go on")]
    Stopped,
    /// The trace to go on with holds no record.
    #[error("the trace holds no record, and none of it was ever acknowledged: begin the run anew")]
    NothingRecorded,
    /// The first draft does not open a run.
    #[error("the first record of a run is `run.opened`")]
    NotAnOpening,
    /// A run is sealed once its closing record stands.
    #[error("the run is not closed: append `run.closed` before the seal")]
    NotClosed,
    /// A recovered run has to be continued with its own key.
    #[error(
        "the run's key is {expected}, the key given is {given:?}: a run that drew its own key cannot be continued after a crash, only read"
    )]
    OtherKey {
        /// The key that the opening record names.
        expected: PublicKey,
        /// The key that was given.
        given: Option<PublicKey>,
    },
    /// A recovered run has to be continued with its own key.
    #[error("a run is continued with its own key, and none was given")]
    NoKey,
    /// A record of the trace to go on with cannot be read.
    #[error("record {record} cannot be read: {error}")]
    BadRecord {
        /// Its number.
        record: u64,
        /// What is wrong.
        error: DecodeError,
    },
    /// The trace to go on with is judged by rules that this version does not have.
    #[error(
        "the run is under rule set {number}, which this version does not have: use the version that recorded it"
    )]
    UnknownRuleSet {
        /// The set's number.
        number: u16,
    },
    /// The trace to go on with was damaged or forged while no recorder held it.
    #[error("{0}: run `rederive replay` to see what is wrong; nothing was changed")]
    Integrity(#[from] IntegrityFault),
    /// A content of the trace to go on with is not the one that was committed to.
    #[error(
        "the bytes stored for the content {commitment} are not those that were committed to; nothing was changed"
    )]
    BadContent {
        /// The commitment.
        commitment: Digest,
    },
    /// The trace to go on with stores a content that nobody signed.
    #[error(
        "the trace stores the content {commitment}, which no record of its segment lists: run `rederive replay` to see where; nothing was changed"
    )]
    Unlisted {
        /// The commitment that stands with it.
        commitment: Digest,
    },
    /// The trace to go on with does not reproduce: replay it.
    #[error("record {record} does not reproduce: run `rederive replay` to see why; nothing was changed")]
    Diverged {
        /// The lowest such record.
        record: u64,
    },
}

impl RecordError {
    /// What a failed store left behind: whether the call may be tried again.
    pub fn effect(&self) -> Option<Effect> {
        match self {
            Self::Write(fault) => Some(fault.effect()),
            Self::Append(_)
            | Self::Entropy(_)
            | Self::NothingRecorded
            | Self::UnknownRuleSet { .. }
            | Self::NotAnOpening
            | Self::NotClosed
            | Self::NoKey
            | Self::OtherKey { .. } => Some(Effect::NothingWritten),
            Self::Transfer(_)
            | Self::Read(_)
            | Self::Stopped
            | Self::BadRecord { .. }
            | Self::Integrity(_)
            | Self::BadContent { .. }
            | Self::Unlisted { .. }
            | Self::Diverged { .. } => None,
        }
    }
}
