//! Fuzzes the target `bundle`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("bundle");
