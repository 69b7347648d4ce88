//! Fuzzes the target `frames`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("frames");
