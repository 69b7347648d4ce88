//! Fuzzes the target `tamper`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("tamper");
