//! Divergent executions explored: generated runs that reach deep, named changes of recorded ones, and which level of a replay notices each.
//!
//! - `strategies`: proptest strategies for whole runs; `coverage` counts what they reach;
//! - `parts`, `telling`: a trace taken apart and told anew by a recorder that has the key and lies;
//! - `divergence`: what can be changed in a run, by name, and what has to notice it;
//! - `bundle`: what a policy bundle's answers to a run turn on; `worlds`, with the feature `agents`: agents played in generated worlds.

mod blocks;
pub mod bundle;
pub mod case;
pub mod coverage;
pub mod divergence;
mod draw;
pub mod matrix;
pub mod notice;
pub mod parts;
mod progress;
mod receipts;
pub mod search;
mod second;
pub mod shrink;
pub mod story;
pub mod strategies;
pub mod subject;
pub mod telling;
#[cfg(feature = "agents")]
pub mod worlds;

pub use case::{Case, Changed, ExploreFault, Explorer, Found, Step};
pub use coverage::{Cell, Coverage};
pub use divergence::{By, Class, Divergence, Stage};
pub use draw::Draw;
pub use matrix::Matrix;
pub use notice::{Before, Sign, Watch, witnessed};
pub use parts::{Part, Parts, PartsFault, Stored};
pub use progress::Progress;
pub use search::{Exploration, Tally};
pub use shrink::Smallest;
pub use story::Story;
pub use subject::Subject;
pub use telling::{Answers, tell};
