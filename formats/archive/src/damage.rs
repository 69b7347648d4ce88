//! What is wrong with the bytes of a trace, and where.

use rederive_evidence::codes::FaultCode;
use rederive_evidence::digest::Digest;

use crate::block::BlockKind;
use crate::check_word::CheckWord;
use crate::log::EntryKind;

/// In which file of the trace, and in what of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first 64 bytes of the trace file.
    TraceHeader,
    /// A block of the trace file; no kind where its header cannot be read.
    Block(Option<BlockKind>),
    /// The first 64 bytes of the open log.
    LogHeader,
    /// An entry of the open log; no kind where its header cannot be read.
    Entry(Option<EntryKind>),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TraceHeader => f.write_str("file header"),
            Self::Block(Some(kind)) => write!(f, "{kind} block"),
            Self::Block(None) => f.write_str("block"),
            Self::LogHeader => f.write_str("header of the open log"),
            Self::Entry(Some(kind)) => write!(f, "{kind} entry of the open log"),
            Self::Entry(None) => f.write_str("entry of the open log"),
        }
    }
}

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which file, and in what of it.
    pub part: Part,
    /// The segment that the place belongs to; of an index, a seal and a trailer, the number of segments before it.
    pub segment: u32,
    /// Offset of the block, entry or file header in its file, in bytes.
    pub offset: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of segment {} at byte {}", self.part, self.segment, self.offset)
    }
}

/// Bytes are not what the format, or their own check word, says. Spec: archive-codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// What.
    pub cause: Cause,
}

impl Damage {
    /// The stable code of the cause.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }
}

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $code:literal $message:literal $cause:ident $({ $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+ })?;)+) => {
        /// What is wrong with a place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[doc = $doc])+ #[error($message)] $cause $({ $($(#[doc = $field_doc])+ $field: $type,)+ })?,)+
        }

        impl Cause {
            /// The stable code. Spec: archive-codes.
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$cause { .. } => $code,)+
                }
            }

            /// Every code and what it means, in the order of SPEC.md's table.
            pub const CODES: &'static [FaultCode] = &[$(($code, concat!($($doc),+).trim_ascii())),+];
        }
    };
}

causes! {
    /// A byte that must be zero is not.
    "A-RESERVED" "a reserved byte is not zero"
    Reserved;
    /// No block or entry has this kind.
    "A-KIND" "unknown kind {found}"
    Kind {
        /// The kind read.
        found: u8,
    };
    /// The codec is unknown, or not allowed for this kind.
    "A-CODEC" "codec {found} is unknown or not allowed here"
    Codec {
        /// The codec read.
        found: u8,
    };
    /// The kind may not stand here.
    "A-ORDER" "expected {expected}"
    Order {
        /// What may stand here.
        expected: Expected,
    };
    /// The number of the segment is another one.
    "A-SEGMENT" "expected segment {expected}, found {found}"
    Segment {
        /// The number that belongs here.
        expected: u32,
        /// The number read.
        found: u32,
    };
    /// A length that the kind, or the codec, cannot have.
    "A-LENGTH" "stored length {stored} and unpacked length {unpacked} do not fit the kind and the codec"
    Length {
        /// The stored length read.
        stored: u64,
        /// The unpacked length read.
        unpacked: u64,
    };
    /// A length beyond the limit of the kind. Nothing was allocated for it.
    "A-LIMIT" "{found} where the limit is {limit}"
    Limit {
        /// The limit of the kind, in bytes or records.
        limit: u64,
        /// The number read.
        found: u64,
    };
    /// The file ends before the block, the entry or the segment does.
    "A-END" "needs {needed} bytes where {available} are left"
    End {
        /// Bytes that are needed from the place on, at least.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    };
    /// The check word is not that of the bytes.
    "A-CHECK" "recorded check word {recorded}, derived {derived}"
    Check {
        /// The check word in the header.
        recorded: CheckWord,
        /// The check word of the bytes.
        derived: CheckWord,
    };
    /// A byte of the padding is not zero.
    "A-PADDING" "padding byte at {at} is not zero"
    Padding {
        /// Offset of the byte in the file.
        at: u64,
    };
    /// The bytes do not unpack to the unpacked length.
    "A-UNPACK" "does not unpack to {expected} bytes"
    Unpack {
        /// The unpacked length in the header.
        expected: u64,
    };
    /// An entry of a contents block runs beyond the block, is followed by too few bytes for another, or is not alone where it has to be.
    "A-CONTENT-LENGTH" "content at {inside} has {stated} bytes where {available} are left"
    ContentLength {
        /// Offset of the content inside the unpacked block.
        inside: u64,
        /// Bytes that the content, or the fixed part before it, should have.
        stated: u64,
        /// Bytes left in the block.
        available: u64,
    };
    /// The trailer names other places than those of the index and the seal.
    "A-TRAILER" "the trailer does not name the index and the seal that stand before it"
    Trailer;
    /// Bytes after the trailer.
    "A-TRAILING" "{bytes} bytes after the end"
    Trailing {
        /// How many.
        bytes: u64,
    };
    /// The file was changed between two reads.
    "A-CHANGED" "changed while it was read"
    Changed;
    /// A hint does not check as an archive of its type.
    "A-HINT-ARCHIVE" "not a valid archive of its type"
    HintArchive;
    /// A hint does not fit what it is a hint for.
    "A-HINT-FIT" "does not fit the trace"
    HintFit;
    /// The open log begins with other bytes.
    "A-LOG-MAGIC" "does not begin as an open log does"
    LogMagic;
    /// The open log is for a segment far beyond those of the trace file: segments are missing.
    "A-LOG-AHEAD" "the open log is of segment {log}, the trace file has {closed} closed segments"
    LogAhead {
        /// Segment of the log.
        log: u32,
        /// Closed segments in the trace file.
        closed: u32,
    };
    /// The open log follows another header than that of the last closed segment.
    "A-LOG-PREVIOUS" "follows header {recorded}, the last one is {derived}"
    LogPrevious {
        /// The digest in the log's opening.
        recorded: Digest,
        /// The digest of the last closed segment's header.
        derived: Digest,
    };
    /// The entry's commit number is not the one whose turn it is.
    "A-LOG-COMMIT" "expected commit {expected}, found {found}"
    LogCommit {
        /// The number whose turn it is.
        expected: u64,
        /// The number read.
        found: u64,
    };
    /// The entry may not stand here: a second opening or end of a segment, or a content without its record.
    "A-LOG-ORDER" "may not stand here"
    LogOrder;
}

/// What may stand at a place of the trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The frames of the next segment, or the index or the seal where there is a segment.
    SegmentOrSeal,
    /// What may follow in a segment, up to its header.
    RestOfSegment,
    /// The seal, after the index.
    Seal,
    /// The trailer, after the seal.
    Trailer,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SegmentOrSeal => "frames of a segment, or the index or seal after at least one segment",
            Self::RestOfSegment => "contents, lineage, snapshot or header of the segment, in this order",
            Self::Seal => "the seal",
            Self::Trailer => "the trailer",
        })
    }
}
