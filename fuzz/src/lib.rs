//! What is tried with bytes that nobody wrote: one function a target, which panics where its property does not hold.
//!
//! A function is all that a target is. libFuzzer calls it from `fuzz_targets`, where a nightly compiler is; the bounded tests of
//! this crate call it everywhere, over the seeds, over every input that was once found, and over the same mutations of them each
//! time. `docs/fuzzing.md` has the table.

#[cfg(test)]
mod bounded;
mod chance;
mod collage;
mod decoders;
mod files;
mod generated;
mod imports;
mod machine;
#[cfg(test)]
mod mutation;
mod policy;
#[expect(dead_code, reason = "the integration tests use all of it")]
#[path = "../../tests/properties/runs.rs"]
mod runs;
mod seeds;
mod split;
mod tamper;
#[path = "../../engine/machine/samples/told.rs"]
mod told;
#[expect(dead_code, reason = "the integration tests use all of it")]
#[path = "../../tests/properties/traces.rs"]
mod traces;

use std::path::{Path, PathBuf};

/// A property over bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its program.
    pub name: &'static str,
    /// Panics where the property does not hold of these bytes.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations a bounded test tries: a second's work or two.
    pub cases: u32,
}

/// Every target but [`CANARY`].
pub const TARGETS: &[Target] = &[
    Target { name: "record", run: decoders::record, seeds: seeds::frames, cases: 50_000 },
    Target { name: "frames", run: decoders::frames, seeds: seeds::segments, cases: 5_000 },
    Target { name: "header", run: decoders::header, seeds: seeds::headers, cases: 5_000 },
    Target { name: "head", run: decoders::head, seeds: seeds::heads, cases: 5_000 },
    Target { name: "seal", run: decoders::seal, seeds: seeds::seals, cases: 5_000 },
    Target { name: "receipt", run: decoders::receipt, seeds: seeds::receipts, cases: 5_000 },
    Target { name: "proof", run: decoders::proof, seeds: seeds::proofs, cases: 2_000 },
    Target { name: "state-proof", run: decoders::state_proof, seeds: seeds::state_proofs, cases: 2_000 },
    Target { name: "trust", run: decoders::trust, seeds: seeds::trust, cases: 5_000 },
    Target { name: "bundle", run: policy::bundle, seeds: seeds::bundles, cases: 3_000 },
    Target { name: "registry", run: policy::registry, seeds: seeds::registries, cases: 5_000 },
    Target { name: "chat", run: imports::chat, seeds: seeds::chats, cases: 1_500 },
    Target { name: "otel", run: imports::otel, seeds: seeds::spans, cases: 2_000 },
    Target { name: "trace", run: files::trace, seeds: seeds::traces, cases: 500 },
    Target { name: "open-log", run: files::open_log, seeds: seeds::logs, cases: 1_500 },
    Target { name: "round-trip", run: decoders::round_trip, seeds: seeds::choices, cases: 2_000 },
    Target { name: "apply", run: machine::apply, seeds: seeds::choices, cases: 100 },
    Target { name: "model", run: machine::model, seeds: seeds::choices, cases: 100 },
    Target { name: "split", run: split::split, seeds: seeds::choices, cases: 60 },
    Target { name: "generated", run: generated::generated, seeds: seeds::choices, cases: 40 },
    Target { name: "tamper", run: tamper::tamper, seeds: seeds::choices, cases: 300 },
];

/// A property that does not hold: what must be found, or nothing that was not found says anything.
pub const CANARY: Target = Target { name: "canary", run: tamper::canary, seeds: seeds::choices, cases: 500 };

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().chain([&CANARY]).find(|target| target.name == name).copied()
}

/// The program of a target.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            ($crate::target($name).expect("a target").run)(bytes);
        });
    };
}

/// The program of a target: without a fuzzer there is nothing that it could do.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        fn main() {
            assert!($crate::target($name).is_some());
            eprintln!("run it with `cargo +nightly fuzz run {}`", $name);
        }
    };
}

/// A path from the root of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
