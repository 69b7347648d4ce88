//! Fuzzes the target `open-log`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("open-log");
