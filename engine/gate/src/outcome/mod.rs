//! Outcome control (OUT, LIM): what was expected is compared with what is seen, and what a run may still spend is asked before it acts.

mod compare;
mod effects;
mod limits;

pub use compare::{Comparison, Difference, Expected};
pub use effects::{Doings, KnownEffects, Observe};
pub use limits::{Limit, OverLimit, Use, within};
