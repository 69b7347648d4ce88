//! Fuzzes the target `head`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("head");
