//! Fuzzes the target `split`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("split");
