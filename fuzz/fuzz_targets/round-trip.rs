//! Fuzzes the target `round-trip`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("round-trip");
