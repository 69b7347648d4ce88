//! The integration tests of Rederive: one binary, one module a capability.

mod diff;
mod replay;
mod runs;
