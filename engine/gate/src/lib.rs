//! The live path: every call of a tool goes through the gate, and nothing but a live PERMIT reaches the tool.

pub mod approver;
mod cast;
pub mod credentials;
mod dispatch;
mod fate;
mod flow;
mod gate;
pub mod guardrails;
mod inner;
mod intent;
mod live;
pub mod outcome;
mod page;
mod pending;
mod permit;
mod pinned;
mod policies;
pub mod ports;
mod registry;
mod reliance;
mod restore;
pub mod sandbox;
mod sayings;
mod trail;
mod workers;

pub use dispatch::Dispatch;
pub use fate::{Blocked, Failed, Fate, Held, Returned, Unknown, Unrecorded, Why};
pub use flow::{AnswerFault, Output, Released, Remembered};
pub use gate::{Gate, OpenFault, Setup};
pub use inner::Times;
pub use intent::Intent;
pub use pending::Pending;
pub use policies::BundlePolicy;
pub use registry::{Registration, RegistrationFault};
pub use restore::{PastFault, Recovered};
