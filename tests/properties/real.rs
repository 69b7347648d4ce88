//! Real recorded runs: imported, recorded and sealed, each replays. The folder `data` beside the workspace holds them; `REDERIVE_DATA` names
//! another. Every run is tried where `REDERIVE_FULL` is set; else a few of each file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rederive_archive::Packing;
use rederive_evidence::digest::Digest;
use rederive_import::{Format, ImportedRun};
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, SeededEntropy};
use rederive_replay::{Gap, Level, Valid};

use crate::traces::{Trace, key, recorded_with, report};

pub(crate) fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("REDERIVE_DATA").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no recorded runs at {}: nothing was replayed", path.display());
    None
}

/// The files of an archive whose path satisfies `wanted`; none where there is no data.
pub(crate) fn files(archive: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let Some(data) = data() else { return Vec::new() };
    let file = std::fs::File::open(data.join(archive)).unwrap();
    let mut decoder = zstd::Decoder::new(file).unwrap();
    decoder.window_log_max(27).unwrap();
    let mut archive = tar::Archive::new(decoder);
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        if wanted(&path) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((path, bytes));
        }
    }
    files
}

/// Options of a reproducible import.
pub(crate) fn options(name: &str, entry: u64, packing: Packing) -> Options {
    let label = format!("{name}\n{entry}");
    Options {
        durability: Durability::LeftToSystem,
        packing,
        signer: Some(Arc::new(key())),
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"real", label.as_bytes())),
        open_calls: OpenCalls::Leave,
        extractor: None,
    }
}

/// Records and replays a run. Returns how many records it has.
fn check(name: &str, run: ImportedRun) -> u64 {
    let place = format!("{name} entry {}", run.entry);
    let drafts = run.drafts.len() as u64;
    let packing = if run.entry.is_multiple_of(2) { Packing::Hot } else { Packing::Cold };
    let bytes = recorded_with(run.drafts, options(name, run.entry, packing));
    let report = report(&bytes, Level::Content);
    assert_eq!(report.valid, Valid::Reproduced, "{place}: {:?}", report.wrong);
    assert_eq!((report.records, report.failures.total()), (drafts, 0), "{place}");
    // Signed with a given key, sealed, and nothing of it left out.
    let is_its_sources = |gap: &&Gap| {
        matches!(
            gap,
            Gap::NoWitness
                | Gap::NoTrustRoot
                | Gap::MissingLayer(_)
                | Gap::NoTimes(_)
                | Gap::UnpairedCalls(_)
        )
    };
    let lost = report.gaps.iter().find(|gap| !is_its_sources(gap));
    assert_eq!(lost, None, "{place}");
    let source = report.source.unwrap();
    assert_eq!((source.file.as_deref(), source.entry), (Some(name), run.entry), "{place}");
    // A lie in any run is seen: the digest of the last record's delta, all else made to fit.
    let mut trace = Trace::read(&bytes);
    let mut record = trace.records().pop().unwrap();
    record.derived.delta = Digest::ZERO;
    *trace.parts.last_mut().unwrap().frames.last_mut().unwrap() = record.append_frame(Vec::new()).unwrap();
    let lied = crate::traces::report(&trace.resigned(&key()).write(), Level::State);
    let at = lied.wrong.map(|wrong| (wrong.code, wrong.place.record));
    assert_eq!((lied.valid, at), (Valid::Diverged, Some(("D-DELTA", Some(drafts - 1)))), "{place}");
    drafts
}

/// Imports and checks every `step`th entry of these files. Returns runs and records.
fn check_all(format: &Format, files: &[(String, Vec<u8>)], step: usize) -> (u64, u64) {
    let step = if std::env::var_os("REDERIVE_FULL").is_some() { 1 } else { step };
    let of_file = |(name, bytes): &(String, Vec<u8>)| {
        let entries: Vec<_> = format.entries(name, bytes).step_by(step).collect();
        let checked = entries.into_par_iter().filter_map(|entry| {
            let run = format.import(entry).ok()?;
            Some((1, check(name, run)))
        });
        checked.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    files.par_iter().map(of_file).reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

pub(crate) const CHAT: Format = Format::Chat { messages: None };

/// How many runs are there at least, of these files in steps.
fn assert_many(files: &[(String, Vec<u8>)], (runs, records): (u64, u64), least: u64) {
    if !files.is_empty() {
        assert!(runs >= least && records > 2 * runs, "{runs} runs, {records} records");
    }
}

#[test]
fn runs_of_agentdojo_replay() {
    let files = files("agentdojo.tar.zst", |path| path.contains("/runs/"));
    assert_many(&files, check_all(&CHAT, &files, 60), 13_778 / 60);
}

#[test]
fn runs_of_agentdyn_replay() {
    let files = files("agentdyn.tar.zst", |path| path.contains("/runs/"));
    assert_many(&files, check_all(&CHAT, &files, 20), 1_036 / 20);
}

#[test]
fn runs_of_tau_bench_replay() {
    let files = files("taubench.tar.zst", |path| path.ends_with(".jsonl"));
    assert_many(&files, check_all(&CHAT, &files, 10), 10);
}

#[test]
fn recorded_spans_replay() {
    let files = files("otel.tar.zst", |path| path.ends_with(".json") || path.ends_with(".jsonl"));
    assert_many(&files, check_all(&Format::Otel, &files, 10), 700 / 10);
}

#[test]
fn sessions_of_coding_agents_replay() {
    let is_session = |path: &str| [".traj", ".json", ".jsonl"].iter().any(|end| path.ends_with(end));
    let files = files("coding.tar.zst", is_session);
    assert_many(&files, check_all(&CHAT, &files, 2), 60 / 2);
}
