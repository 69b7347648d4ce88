//! Why something was not recorded. A refusal by the machine is none of these: it is an answer, and recorded.

use rederive_evidence::limits::{CONTENT_BYTES_MAX, FRAME_BYTES_MAX, LIST_ITEMS_MAX};
use rederive_evidence::signed::SignFault;

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
    /// A run without a record cannot be sealed.
    #[error("the run has no record to seal")]
    NothingToSeal,
}
