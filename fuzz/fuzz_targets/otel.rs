//! Fuzzes the target `otel`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("otel");
