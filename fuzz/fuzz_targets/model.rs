//! Fuzzes the target `model`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("model");
