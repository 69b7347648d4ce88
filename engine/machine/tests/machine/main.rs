//! The machine from outside: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read the files that they compare with"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod acts;
mod facts;
mod grafts;
mod grid;
mod grids;
mod influence;
mod lineage;
mod model;
mod modes;
mod order;
mod pairs;
mod span;
mod spec;
mod state;
mod story;
#[path = "../../samples/told.rs"]
mod told;
mod totality;
mod turns;
mod walk;
