//! The explorer on the runs of the fixtures and on generated ones.

mod fixtures;
mod generated;
mod matrix;
