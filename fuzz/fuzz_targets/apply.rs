//! Fuzzes the target `apply`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("apply");
