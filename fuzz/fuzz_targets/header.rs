//! Fuzzes the target `header`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("header");
