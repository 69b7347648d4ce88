//! Each target over its seeds, over what was once found, and over the same mutations each time. `REDERIVE_FUZZ_TIMES` tries that many times as many.

use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;

use crate::chance::Chance;
use crate::mutation::mutated;
use crate::{CANARY, TARGETS, Target, project, target};

/// An input of which the property does not hold: by a panic, whose words the test's output has.
fn holds(target: &Target, bytes: &[u8]) -> bool {
    catch_unwind(|| (target.run)(bytes)).is_ok()
}

/// Inputs that were once found, by name.
fn found(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(project("fuzz/found").join(target.name)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The first mutation of which the property does not hold, and its number.
fn first_counterexample(target: &Target, cases: u32) -> Option<(u32, Vec<u8>)> {
    let seeds = (target.seeds)();
    let mut chance = Chance::new(7);
    let mut numbered = (0..cases).map(|case| (case, mutated(&seeds, &mut chance)));
    numbered.find(|(_, bytes)| !holds(target, bytes))
}

fn check(target: &Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{}: no seeds", target.name);
    for (number, seed) in seeds.iter().enumerate() {
        assert!(holds(target, seed), "{}: seed {number}", target.name);
    }
    for (path, bytes) in found(target) {
        assert!(holds(target, &bytes), "{}", path.display());
    }
    let times = std::env::var("REDERIVE_FUZZ_TIMES").map_or(1, |times| times.parse().unwrap());
    if let Some((case, bytes)) = first_counterexample(target, target.cases * times) {
        let path = keep(target, case, &bytes);
        panic!("{}: mutation {case}, kept as {}", target.name, path.display());
    }
}

/// Keeps an input where libFuzzer keeps those that it finds.
fn keep(target: &Target, case: u32, bytes: &[u8]) -> PathBuf {
    let folder = project("fuzz/artifacts").join(target.name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("mutation-{case}"));
    fs::write(&path, bytes).unwrap();
    path
}

macro_rules! bounded {
    ($($test:ident $name:literal)*) => {
        $(#[test]
        fn $test() {
            check(&target($name).unwrap());
        })*

        const TESTED: &[&str] = &[$($name),*];
    };
}

bounded! {
    record "record"
    frames "frames"
    header "header"
    head "head"
    seal "seal"
    receipt "receipt"
    proof "proof"
    state_proof "state-proof"
    trust "trust"
    bundle "bundle"
    registry "registry"
    chat "chat"
    otel "otel"
    trace "trace"
    open_log "open-log"
    round_trip "round-trip"
    apply "apply"
    model "model"
    split "split"
    generated "generated"
    tamper "tamper"
}

#[test]
fn the_canary_is_found() {
    assert!(
        first_counterexample(&CANARY, CANARY.cases).is_some(),
        "a fuzzer that finds nothing says nothing"
    );
}

#[test]
fn every_target_has_a_test_a_program_and_a_row_in_the_documentation() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(TESTED, names);
    let manifest = fs::read_to_string(project("fuzz/Cargo.toml")).unwrap();
    let table = fs::read_to_string(project("docs/fuzzing.md")).unwrap();
    let front = fs::read_to_string(project("README.md")).unwrap();
    for name in names.into_iter().chain([CANARY.name]) {
        let program = format!("fuzz_targets/{name}.rs");
        let text = fs::read_to_string(project("fuzz").join(&program)).unwrap_or_default();
        assert!(text.contains(&format!("program!(\"{name}\")")), "{program}");
        assert!(manifest.contains(&format!("path = \"{program}\"")), "{program} is not in Cargo.toml");
        assert!(table.contains(&format!("| `{name}` |")), "`{name}` is not in docs/fuzzing.md");
        let is_in_front =
            front.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        assert!(is_in_front, "`{name}` is not in README.md");
    }
    let programs = fs::read_dir(project("fuzz/fuzz_targets")).unwrap().count();
    assert_eq!(programs, TARGETS.len() + 1);
}

/// Writes the seeds where libFuzzer keeps what it tries: `.ci/fuzz` asks for it.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_the_corpus() {
    for target in TARGETS.iter().chain([&CANARY]) {
        let folder = project("fuzz/corpus").join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed).unwrap();
        }
        for (path, bytes) in found(target) {
            fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
}
