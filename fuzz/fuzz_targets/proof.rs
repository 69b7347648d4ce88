//! Fuzzes the target `proof`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("proof");
