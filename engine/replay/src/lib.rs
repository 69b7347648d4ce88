//! Parallel replay of traces: what stands in them against what follows from them, to the record and the field.
//!
//! The report depends on the evidence and the level alone: not on threads, split, snapshots, order of completion or clock.

pub mod codes;
mod contents;
mod derive;
mod diff;
mod equivocation;
mod extracted;
mod plan;
mod ranges;
mod records;
mod report;
mod sample;
mod stretch;
mod trace;
mod verdict;

pub use diff::{Comparison, Diff, DiffFault, Difference, Side, diff};
pub use equivocation::{Equivocation, equivocation};
pub use records::{FrameAt, Records, RecordsFault};
pub use report::{Failure, Finding, Gap, LISTED_MAX, Level, Listed, Place, Report, SourceView, Valid, Wrong};
pub use sample::Sample;
pub use trace::{Options, replay, replay_bytes, replay_reader};
