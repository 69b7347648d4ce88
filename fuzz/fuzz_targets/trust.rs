//! Fuzzes the target `trust`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("trust");
