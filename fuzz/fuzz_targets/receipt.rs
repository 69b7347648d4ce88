//! Fuzzes the target `receipt`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("receipt");
