//! Fuzzes the target `record`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("record");
