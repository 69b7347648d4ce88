//! Integrity of a Rederive trace against trust roots: bytes, digests and signatures, and nothing of their meaning.
//!
//! Pure: no I/O, clock, threads or engine, so that it builds for `wasm32` and can be audited alone.

mod chain;
mod fault;
mod segment;
mod trust;

pub use chain::{ChainEnd, ChainVerifier, VerifiedChain};
pub use fault::{FaultClass, IntegrityFault, Signature};
pub use segment::{verify_frames, verify_head};
pub use trust::{KeyRole, TrustFault, TrustRoots, TrustedKey};
