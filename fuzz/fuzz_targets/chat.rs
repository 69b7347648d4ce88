//! Fuzzes the target `chat`.
#![cfg_attr(fuzzing, no_main)]

rederive_fuzz::program!("chat");
