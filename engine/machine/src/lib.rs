//! The deterministic state machine of a run.
//!
//! [`Machine::decide`] answers a record and cannot write; [`Machine::commit`] writes and cannot fail. Recorder, gate and replayer call the same two functions.

mod checksum;
mod lineage;
mod machine;
mod rule_set;
mod span;
mod state;

pub use checksum::Checksum;
pub use lineage::{Lineage, MARK_BYTES, Mark, PageFault};
pub use machine::{Answer, Machine, Transition};
pub use rule_set::{RULE_SET, rule_set_1, supports};
pub use span::SpanMeter;
pub use state::{Key, State, StateFault, Value};
