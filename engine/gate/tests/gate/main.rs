//! The gate from outside: what a planner, an approver and a fault can do to it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests may stop where they are wrong"
)]

mod again;
mod approvals;
mod calls;
mod commands;
mod default_bundle;
mod echo;
mod effects;
mod faults;
mod guide;
mod isolation;
mod limits;
mod memory;
mod restart;
#[path = "../../examples/settings.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod settings;
#[path = "../../examples/smallest.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod smallest;
mod steps;
mod table;
#[path = "../../samples/turn.rs"]
#[allow(clippy::duplicate_mod, reason = "the example that a test takes in has its own")]
mod turn;
mod world;
