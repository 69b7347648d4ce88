//! The graph of crates: an arrow that ARCHITECTURE.md does not draw is a problem, and so is a library that a pure crate must not reach.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a crate of this tree may use of it, beside libraries.
const ARROWS: &[(&str, &[&str])] = &[
    ("rederive-evidence", &[]),
    ("rederive-verify", &["evidence"]),
    ("rederive-archive", &["evidence"]),
    ("rederive-import", &["evidence"]),
    ("rederive-machine", &["evidence"]),
    ("rederive-extract", &["evidence"]),
    ("rederive-recorder", &["evidence", "verify", "archive", "machine", "extract"]),
    ("rederive-replay", &["evidence", "verify", "archive", "machine", "extract", "policy"]),
    ("rederive-policy", &["evidence", "machine"]),
    ("rederive-gate", &["evidence", "verify", "archive", "machine", "extract", "recorder", "policy"]),
    (
        "rederive-explore",
        &["evidence", "verify", "archive", "machine", "replay", "policy", "extract", "recorder"],
    ),
    (
        "rederive",
        &[
            "evidence", "verify", "archive", "import", "machine", "extract", "gate", "recorder", "policy",
            "replay", "explore",
        ],
    ),
    ("rederive-model", &["evidence"]),
    (
        "xtask",
        &["evidence", "verify", "archive", "machine", "extract", "recorder", "replay", "explore", "policy"],
    ),
    ("rederive-tests", &[]),
    ("rederive-protocol", &[]),
    ("rederive-benches", &[]),
];

/// The pure crates, and every library that they name themselves.
const PURE: &[(&str, &[&str])] = &[
    (
        "rederive-evidence",
        &[
            "blake3",
            "data-encoding",
            "ed25519-dalek",
            "merkle-cbt",
            "proptest",
            "serde",
            "serde_json",
            "thiserror",
            "zeroize",
        ],
    ),
    ("rederive-verify", &["serde", "serde_json", "thiserror"]),
    ("rederive-machine", &["serde", "thiserror"]),
    ("rederive-model", &["serde_json"]),
    ("rederive-import", &["data-encoding", "serde", "serde_json", "thiserror", "typed-arena"]),
];

/// Libraries that no pure crate reaches, by any path: threads, clocks, chance, files, the network, and what is slow to audit.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "crossbeam-utils",
    "fastrand",
    "getrandom",
    "hashbrown",
    "jsonschema",
    "libc",
    "memmap2",
    "mio",
    "rand",
    "rand_core",
    "rayon",
    "rayon-core",
    "reqwest",
    "rkyv",
    "rustix",
    "tempfile",
    "time",
    "tokio",
    "zstd",
    "zstd-safe",
    "zstd-sys",
];

/// Who only verifies: what the program is built with there, and what it then does not reach.
const VERIFIER: &[&str] = &["--package", "rederive", "--no-default-features"];
const NOT_IN_VERIFIER: &[&str] = &["landlock", "rederive-gate", "seccompiler"];

/// What is wrong with the graph.
pub(crate) fn run() -> Vec<String> {
    let metadata: Value =
        serde_json::from_slice(&cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]))
            .unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut problems: Vec<String> = packages.iter().flat_map(wrong_arrows).collect();
    for (pure, named) in PURE {
        let package = packages.iter().find(|package| package["name"] == **pure).unwrap();
        problems.extend(wrong_libraries(package, named));
        problems.extend(impure_reached(pure));
        problems.extend(other_lints(package));
    }
    problems.extend(gate_reached());
    problems
}

fn cargo(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO")).args(args).current_dir(crate::tree::root()).output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The second machine shares nothing with the engine, in its tests neither.
const ALONE: &str = "rederive-model";

/// What a package uses outside of its tests; of the one that stands alone, all that it uses.
fn uses(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().unwrap();
    let is_alone = package["name"] == ALONE;
    let normal = dependencies.iter().filter(|dependency| is_alone || dependency["kind"].is_null());
    normal.map(|dependency| dependency["name"].as_str().unwrap()).collect()
}

fn wrong_arrows(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap();
    let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == name) else {
        return vec![format!("{name}: a crate that ARCHITECTURE.md and `cargo xtask graph` do not know")];
    };
    let wrong = uses(package).into_iter().filter(|used| {
        used.strip_prefix("rederive-").is_some_and(|used| !allowed.contains(&used)) || *used == "rederive"
    });
    wrong.map(|used| format!("{name}: may not use {used}")).collect()
}

fn wrong_libraries(package: &Value, named: &[&str]) -> Vec<String> {
    let name = package["name"].as_str().unwrap();
    let libraries = uses(package).into_iter().filter(|used| !used.starts_with("rederive"));
    let wrong = libraries.filter(|used| !named.contains(used));
    wrong.map(|used| format!("{name}: a pure crate that names the library {used}")).collect()
}

/// Every pure crate forbids the same types and methods.
fn other_lints(package: &Value) -> Option<String> {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let lints = std::fs::read_to_string(manifest.with_file_name("clippy.toml")).unwrap_or_default();
    let is_same = lints == crate::tree::read("formats/evidence/clippy.toml");
    (!is_same).then(|| format!("{}: its clippy.toml is not that of formats/evidence", package["name"]))
}

fn impure_reached(name: &str) -> Vec<String> {
    let reached = reached(&["--package", name, "--target", "wasm32-unknown-unknown"]);
    let wrong = IMPURE.iter().filter(|library| reached.contains(**library));
    wrong.map(|library| format!("{name}: a pure crate that reaches {library}")).collect()
}

/// Who checks decisions need not run what made them.
fn gate_reached() -> Vec<String> {
    let reached = reached(VERIFIER);
    let wrong = NOT_IN_VERIFIER.iter().filter(|name| reached.contains(**name));
    wrong.map(|name| format!("rederive: without the feature `gate` it reaches {name}")).collect()
}

/// Everything that a build of this kind holds, its own package included.
fn reached(build: &[&str]) -> BTreeSet<String> {
    let args = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--locked"];
    let tree = String::from_utf8(cargo(&[args.as_slice(), build].concat())).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_program_reaches_the_gate_by_its_feature_alone() {
        assert_eq!(gate_reached(), [""; 0]);
        let whole = reached(&["--package", "rederive"]);
        assert!(whole.contains("rederive-gate") && whole.contains("rederive-verify"));
    }

    #[test]
    fn the_model_may_not_use_the_engine_in_its_tests_neither() {
        let using = |name: &str, used: &str, kind: Option<&str>| json!({ "name": name, "dependencies": [{ "name": used, "kind": kind }] });
        for kind in [None, Some("dev"), Some("build")] {
            let wrong = using("rederive-model", "rederive-machine", kind);
            assert_eq!(wrong_arrows(&wrong), ["rederive-model: may not use rederive-machine"]);
            assert!(wrong_arrows(&using("rederive-model", "rederive-evidence", kind)).is_empty());
        }
        let tests_alone = using("rederive-machine", "rederive-model", Some("dev"));
        assert!(wrong_arrows(&tests_alone).is_empty());
        assert_eq!(wrong_arrows(&using("rederive-machine", "rederive-model", None)).len(), 1);
    }
}
