//! Properties of the codec: canonical bytes, frames, JSON and CDDL of every record kind.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read the files that they compare with"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking what does not hold"
)]

mod allocation;
mod bytes;
mod canonical;
mod cddl;
mod coverage;
mod frames;
mod json;
mod limits;
mod vectors;
