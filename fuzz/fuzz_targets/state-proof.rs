//! Fuzzes the target `state-proof`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("state-proof");
