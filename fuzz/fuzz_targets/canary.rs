//! Fuzzes the target `canary`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("canary");
