//! Parallel replay of traces: what stands in them against what follows from them, to the record and the field.
//!
//! The report depends on the evidence and the level alone: not on threads, split, snapshots, order of completion or clock.

mod calls;
mod checks;
pub mod codes;
mod contents;
mod derive;
mod diff;
mod ends;
mod equivocation;
mod extracted;
mod found;
mod headers;
mod inquiry;
mod judge;
mod observer;
#[cfg(test)]
mod passed_over;
mod plan;
mod policy;
mod questions;
mod ranges;
mod records;
mod report;
mod sample;
mod stretch;
mod threads;
mod trace;
mod unlisted;
mod verdict;
mod whatif;
mod writes;

pub use calls::{CallEnd, Registries, RunCall};
pub use diff::{Alone, Comparison, Diff, DiffFault, Difference, Side, diff};
pub use equivocation::{Equivocation, equivocation};
pub use judge::{Judge, Pinned};
pub use records::{FrameAt, Records, RecordsFault};
pub use report::{
    Breaks, Failure, Finding, Gap, LISTED_MAX, Level, Listed, Place, Report, SourceView, Valid, Wrong,
};
pub use sample::Sample;
pub use trace::{Options, replay, replay_bytes, replay_reader};
pub use whatif::{
    Answer, Change, Judged, MESSAGES_GRANT, Recorded, Sound, StandingGrant, Unasked, WhatIf, WhatIfRun,
    whatif, whatif_bytes,
};
