//! Records, canonical bytes, digests, segments, proofs and seals of a Rederive trace.

#[cfg(any(test, feature = "proptest"))]
pub mod arbitrary;
pub mod calendar;
pub mod cbor;
pub mod chain;
pub mod codes;
pub mod digest;
pub mod draft;
pub mod frames;
pub mod grammar;
pub mod hex;
pub mod ids;
mod json;
pub mod keys;
pub mod kinds;
pub mod lanes;
pub mod limits;
pub mod proof;
pub mod receipt;
pub mod record;
pub mod rules;
pub mod schema;
pub mod signed;
pub mod sparse;
pub mod state_proof;
pub mod tree;
pub mod values;
