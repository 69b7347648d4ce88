//! Fuzzes the target `trace`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("trace");
