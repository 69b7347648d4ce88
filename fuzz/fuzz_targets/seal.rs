//! Fuzzes the target `seal`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("seal");
