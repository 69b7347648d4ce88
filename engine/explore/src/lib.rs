//! Divergent executions explored: generated runs that reach deep, named changes of recorded ones, and which level of a replay notices each.
//!
//! - `strategies`: proptest strategies for whole runs; `coverage` counts what they reach;
//! - `parts`, `telling`: a trace taken apart and told anew by a recorder that has the key and lies;
//! - `divergence`: what can be changed in a run, by name, and what has to notice it.

pub mod parts;
pub mod telling;

pub use parts::{Part, Parts, PartsFault, Stored};
pub use telling::{Answers, tell};
