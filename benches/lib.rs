//! Benchmarks live beside this file; this crate has no library of its own.
