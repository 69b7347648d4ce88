//! Fuzzes the target `registry`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("registry");
