//! Outcome control (OUT): what was expected is compared with what is seen, and undone where they differ. What a run may still use (LIM) the
//! machine counts: a permit relies on counters that are below their limits.

mod compare;
mod effects;

pub use compare::Compared;
pub(crate) use compare::LACKS_FIELDS;
pub use effects::{Doings, KnownEffects, Observe};
