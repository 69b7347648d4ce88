//! The trace file: blocks, contents, index, snapshots, the open log and its recovery.
//!
//! One run is one file, `.rdt`. It is a header of 64 bytes and blocks, each with a check word, that tile it to its end:
//! of each segment its frames, the contents that first appear in it, its lineage page, a snapshot where a span ends, and
//! last its signed header; at the end an index, the seal and a trailer. Until a segment is closed its records are in a
//! log beside the file, `.rdt-open`, which is gone once the run is sealed. A segment may end in the log first, and be written into the
//! file while the log has the records of the next.
//!
//! Frames, signed headers, heads and seals are bytes here: no record is decoded and no signature checked. Lineage,
//! snapshots and the index are hints: a wrong one is ignored and reported, never trusted.
//!
//! [`TraceWriter`] writes, [`TraceReader`] reads, [`Recovery`] goes on where a writer was stopped, and [`copy()`] redacts
//! and packs. All input and output goes through [`storage::Storage`].

mod block;
mod check_word;
mod closing;
mod contents;
mod copy;
mod damage;
mod fault;
mod file_header;
mod framing;
mod index;
pub mod limits;
mod log;
mod long;
mod open_segment;
mod pack;
mod paths;
mod reader;
mod recovery;
mod resync;
mod segment;
mod settle;
mod snapshot;
mod spliced;
pub mod storage;
mod trailer;
mod walk;
mod writer;

pub use block::{BlockBuffer, BlockKind};
pub use check_word::CheckWord;
pub use closing::Closing;
pub use contents::{Content, Contents, HashedContent};
pub use copy::{Copied, Copying, copy};
pub use damage::{Cause, Damage, Expected, Part, Place};
pub use fault::{Limited, Misuse, ReadFault, TransferFault, WriteFault};
pub use file_header::FORMAT_VERSION;
pub use log::EntryKind;
pub use open_segment::{OpenSegment, TornTail};
pub use paths::log_path;
pub use reader::{ContentReader, Coverage, Hint, RecordPlace, TraceReader};
pub use recovery::{Recovery, RecoveryReport};
pub use segment::{ContentBlock, Segment};
pub use settle::End;
pub use snapshot::{Snapshot, SnapshotBuilder};
pub use writer::{Durability, Options, Packing, Sealed, SegmentEnd, TraceWriter};
