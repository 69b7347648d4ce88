//! The machine from outside: one binary, a module a subject.

mod acts;
mod grid;
mod influence;
mod lineage;
mod modes;
mod order;
mod pairs;
mod span;
mod spec;
mod state;
mod story;
mod totality;
mod turns;
mod walk;
