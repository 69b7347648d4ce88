//! Why a trace cannot be read, written, recovered or copied.

use crate::damage::{Damage, Part};
use crate::storage::{Effect, StoreError};

/// A trace, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Bytes are not what the format, or their check word, says.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The file is no trace.
    #[error("not a trace: begins with {found:02x?}")]
    NotATrace {
        /// Its first bytes.
        found: [u8; 8],
    },
    /// The file is of a version that we do not know. Nothing can be said of it.
    #[error("unknown version {found} in the {part}")]
    UnknownVersion {
        /// The file header that names the version.
        part: Part,
        /// The version.
        found: u16,
    },
    /// The writer was stopped while it made the file: it holds nothing, and nothing was acknowledged.
    #[error("the trace was never begun")]
    NeverBegun,
}

/// A trace cannot be written on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteFault {
    /// The storage failed. Where its error says *unknown*, the writer takes nothing more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An earlier failure left it unknown what is in the files: recover the trace.
    #[error("an earlier failure left the trace in an unknown condition")]
    Poisoned,
    /// A length is beyond its limit.
    #[error("{found} {what} where the limit is {limit}")]
    Limit {
        /// Of what.
        what: Limited,
        /// The limit.
        limit: u64,
        /// What was given.
        found: u64,
    },
    /// The caller asked for what the writer's condition does not allow.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl WriteFault {
    /// What the failure left behind.
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Store(error) => error.effect,
            Self::Poisoned => Effect::Unknown,
            Self::Limit { .. } | Self::Misuse(_) => Effect::NothingWritten,
        }
    }
}

/// What a limit is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limited {
    /// Bytes of a frame.
    FrameBytes,
    /// Bytes of all frames of a segment.
    SegmentBytes,
    /// Records of a segment.
    SegmentRecords,
    /// Bytes of a content.
    ContentBytes,
    /// Bytes of a signed header, head or seal.
    SignedBytes,
    /// Bytes of a lineage page.
    LineageBytes,
    /// Segments of a run.
    Segments,
}

impl std::fmt::Display for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FrameBytes => "bytes of a frame",
            Self::SegmentBytes => "bytes of frames in a segment",
            Self::SegmentRecords => "records in a segment",
            Self::ContentBytes => "bytes of a content",
            Self::SignedBytes => "bytes of a header, head or seal",
            Self::LineageBytes => "bytes of lineage",
            Self::Segments => "segments in a run",
        })
    }
}

/// What was asked cannot be done in this condition. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A trace is never written over.
    #[error("the trace exists already")]
    Exists,
    /// Another writer holds the lock.
    #[error("another writer holds the trace")]
    Locked,
    /// There is no trace under this path.
    #[error("there is no trace")]
    Absent,
    /// The trace is sealed.
    #[error("the trace is sealed")]
    Sealed,
    /// The segment has no records, or the trace no segments.
    #[error("there is nothing to close or seal")]
    Empty,
    /// The open segment has records.
    #[error("the open segment has records: close it first")]
    SegmentOpen,
    /// One segment at a time is on its way into the trace file.
    #[error("a closed segment is on its way into the trace file: wait for it")]
    SegmentClosing,
    /// Nothing can be committed in a trace that is made durable at its seal.
    #[error("a trace that is made durable at its seal has no commits")]
    NoCommits,
    /// A frame has no bytes, or no multiple of 64.
    #[error("a frame is a multiple of 64 bytes")]
    FrameLength,
    /// A lineage page has four bytes a record.
    #[error("a lineage page has four bytes a record")]
    LineageLength,
    /// A header, head or seal has no bytes.
    #[error("a signed header, head or seal is not empty")]
    Unsigned,
    /// The snapshot is of another segment.
    #[error("the snapshot is of another segment")]
    SnapshotSegment,
    /// The log is not of this run, or has records that the trace does not have.
    #[error(
        "the log beside the trace is of another run, or has records that the trace does not have: they may stand nowhere else, keep it"
    )]
    OtherRun,
    /// The file ends inside a block, and there is no open log that has what is missing.
    #[error("the trace file was cut: nothing that is missing can be recovered")]
    Cut,
}

/// A trace cannot be recovered or copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferFault {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// It, or its copy, cannot be written.
    #[error(transparent)]
    Write(#[from] WriteFault),
}

impl From<StoreError> for TransferFault {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

impl From<Misuse> for TransferFault {
    fn from(misuse: Misuse) -> Self {
        Self::Write(misuse.into())
    }
}
