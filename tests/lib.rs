//! Integration tests live in `properties/`; this crate has no library of its own.
