//! Fuzzes the target `generated`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("generated");
