//! The integration tests of Rederive: one binary, one module a capability.

mod replay;
mod runs;
