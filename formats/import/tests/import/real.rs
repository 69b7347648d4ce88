//! Recorded runs of others, imported whole. The folder `data` beside the workspace holds them; `REDERIVE_DATA` names another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::{Body, Kind};
use rederive_import::{Format, ImportedRun};
use serde_json::Value;

use crate::outline::check_shape;
use crate::said::lost;

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("REDERIVE_DATA").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no recorded runs at {}: nothing was imported", path.display());
    None
}

/// The files of an archive whose path satisfies `wanted`, in its order; none where there is no data.
fn files(archive: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
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

fn count(drafts: &[Draft], kind: Kind) -> usize {
    drafts.iter().filter(|draft| draft.body.kind() == kind).count()
}

/// Imports a file of chat transcripts, one a line, beside reading it with a JSON library that knows nothing of messages.
fn each_line(name: &str, bytes: &[u8], mut check: impl FnMut(ImportedRun, Value)) {
    let format = Format::Chat { messages: None };
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut imported = 0;
    for (entry, line) in format.entries(name, bytes).zip(&lines) {
        let run = format.import(entry).unwrap_or_else(|error| panic!("{error}"));
        check(run, serde_json::from_slice(line).unwrap());
        imported += 1;
    }
    assert_eq!(imported, lines.len(), "{name}");
}

/// Every text that a message says, from the source: contents, errors, arguments.
fn texts(message: &Value) -> Vec<Vec<u8>> {
    let text = |value: &Value| value.as_str().map(|text| text.as_bytes().to_vec());
    let mut texts = Vec::new();
    match &message["content"] {
        Value::String(content) => texts.push(content.as_bytes().to_vec()),
        Value::Array(parts) => texts.extend(parts.iter().filter_map(|part| text(&part["content"]))),
        _ => {}
    }
    texts.extend(text(&message["error"]));
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        texts.extend(text(&call["function"]["arguments"]));
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// Calls, results and messages of a source, against the records made of them.
#[derive(Default)]
struct Counts {
    runs: usize,
    calls: usize,
    ends: usize,
    failed_runs: usize,
}

impl Counts {
    /// Checks a run of AgentDojo, AgentDyn or tau-bench against its source, and adds it.
    fn add(&mut self, run: &ImportedRun, source: &Value, list: &str) {
        let messages = source["run"][list].as_array().unwrap();
        let path = source["path"].as_str().unwrap();
        assert_eq!(run.id.as_deref(), Some(path));
        let contents: BTreeSet<&[u8]> = run
            .drafts
            .iter()
            .flat_map(|draft| &draft.contents)
            .map(|content| content.bytes.as_slice())
            .collect();
        for text in messages.iter().flat_map(texts) {
            assert!(contents.contains(text.as_slice()), "{path}: {}", String::from_utf8_lossy(&text));
        }
        let role = |role: &str| messages.iter().filter(|message| message["role"] == role).count();
        let proposed: usize = messages.iter().filter_map(|m| m["tool_calls"].as_array()).map(Vec::len).sum();
        let errors = messages.iter().filter(|m| m["role"] == "tool" && m["error"].is_string()).count();
        let failed = count(&run.drafts, Kind::ToolFailed);
        let ends = failed + count(&run.drafts, Kind::ToolReturned);
        assert_eq!(count(&run.drafts, Kind::PromptAnswered), role("assistant"), "{path}");
        assert_eq!(count(&run.drafts, Kind::ToolProposed), proposed, "{path}");
        assert_eq!((ends, failed), (role("tool"), errors), "{path}: each result has a call");
        self.runs += 1;
        self.calls += proposed;
        self.ends += ends;
        self.failed_runs += usize::from(
            matches!(&run.drafts.last().unwrap().body, Body::RunClosed(closed) if closed.reason.is_some()),
        );
        check_shape(run);
    }
}

/// Imports a file and checks that no text of an entry is missing from the contents of its runs. Returns runs and failures.
fn check_whole(format: &Format, name: &str, bytes: &[u8]) -> (Vec<ImportedRun>, Vec<String>) {
    let (mut runs, mut failures) = (Vec::new(), Vec::new());
    for entry in format.entries(name, bytes) {
        match format.import(entry) {
            Ok(run) => runs.push(run),
            Err(error) => failures.push(error.to_string()),
        }
    }
    let mut runs_of: BTreeMap<u64, Vec<&ImportedRun>> = BTreeMap::new();
    for run in &runs {
        check_shape(run);
        runs_of.entry(run.entry).or_default().push(run);
    }
    let text = std::str::from_utf8(bytes).unwrap();
    let values: Vec<Value> = match serde_json::from_str(text) {
        Ok(Value::Array(items)) if *format != Format::Otel && items[0]["role"].is_null() => items,
        Ok(whole) => vec![whole],
        Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    };
    for (entry, runs) in runs_of {
        let Some(value) = values.get(entry as usize).filter(|_| failures.is_empty()) else { continue };
        let lost = lost(value, runs);
        assert!(lost.is_empty(), "{name} entry {entry}: {lost:?}");
    }
    (runs, failures)
}

#[test]
fn every_agentdojo_run_is_imported_and_nothing_said_in_it_is_lost() {
    let files = files("agentdojo.tar.zst", |path| path.contains("/runs/"));
    let mut counts = Counts::default();
    for (name, bytes) in &files {
        each_line(name, bytes, |run, source| counts.add(&run, &source, "messages"));
    }
    if !files.is_empty() {
        assert_eq!((counts.runs, counts.calls, counts.ends), (13_778, 51_076, 50_962));
        assert_eq!(counts.failed_runs, 101);
    }
}

#[test]
fn every_agentdyn_run_is_imported_and_denials_stay_failures() {
    let files = files("agentdyn.tar.zst", |path| path.contains("/runs/"));
    let (mut counts, mut denials) = (Counts::default(), 0);
    for (name, bytes) in &files {
        each_line(name, bytes, |run, source| {
            counts.add(&run, &source, "messages");
            let is_denial = |draft: &&Draft| match &draft.body {
                Body::ToolFailed(failed) => {
                    let error = &draft.contents[usize::from(failed.error.unwrap().0)].bytes;
                    String::from_utf8_lossy(error).contains("is not allowed")
                }
                _ => false,
            };
            denials += run.drafts.iter().filter(|_| name.contains("-progent")).filter(is_denial).count();
        });
    }
    if !files.is_empty() {
        assert_eq!((counts.runs, counts.calls, counts.ends, denials), (1_036, 7_908, 7_874, 376));
    }
}

#[test]
fn every_tau_bench_run_is_imported_with_its_repeated_call_ids() {
    let files = files("taubench.tar.zst", |path| path.ends_with("gpt-4o-airline.jsonl"));
    let mut counts = Counts::default();
    for (name, bytes) in &files {
        each_line(name, bytes, |run, source| counts.add(&run, &source, "traj"));
    }
    if !files.is_empty() {
        assert_eq!((counts.runs, counts.calls, counts.ends), (100, 577, 577));
    }
}

#[test]
fn every_recorded_trace_is_imported_and_nothing_in_it_is_lost() {
    let files = files("otel.tar.zst", |path| path.ends_with(".json") || path.ends_with(".jsonl"));
    let (mut by_folder, mut failed): (BTreeMap<String, usize>, Vec<String>) = Default::default();
    for (name, bytes) in &files {
        let (runs, failures) = check_whole(&Format::Otel, name, bytes);
        *by_folder.entry(name.split('/').nth_back(1).unwrap().to_owned()).or_default() += runs.len();
        failed.extend(failures.iter().map(|failure| failure.split(':').next().unwrap().to_owned()));
    }
    if !files.is_empty() {
        let count = |folder: &str| by_folder.get(folder).copied();
        assert_eq!(count("otel"), Some(676));
        assert_eq!((count("langfuse_traces"), count("agentevals")), (Some(11), Some(1)));
        assert_eq!(count("openinference_vercel_v6"), Some(30));
        let names: Vec<&str> = failed.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["eval_set_helm.json", "capture-results.json"], "neither is a trace");
    }
}

#[test]
fn sessions_of_coding_agents_are_imported_and_nothing_in_them_is_lost() {
    let is_session = |path: &str| [".traj", ".json", ".jsonl"].iter().any(|end| path.ends_with(end));
    let files = files("coding.tar.zst", |path| is_session(path) && !path.contains("edge_cases"));
    let (mut runs, mut calls) = (0, 0);
    for (name, bytes) in &files {
        let (imported, failures) = check_whole(&Format::Chat { messages: None }, name, bytes);
        assert!(failures.is_empty(), "{failures:?}");
        runs += imported.len();
        calls += imported.iter().map(|run| count(&run.drafts, Kind::ToolProposed)).sum::<usize>();
    }
    if !files.is_empty() {
        assert_eq!((runs, calls), (66, 46));
    }
}

#[test]
fn a_file_with_broken_lines_imports_the_others() {
    let files = files("coding.tar.zst", |path| path.ends_with("edge_cases.jsonl"));
    for (name, bytes) in &files {
        let format = Format::Chat { messages: None };
        let imported: Vec<_> = format.entries(name, bytes).map(|entry| format.import(entry)).collect();
        let failures: Vec<String> =
            imported.iter().filter_map(|run| run.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(imported.len(), 19);
        let name = "coding/claude-code/edge_cases.jsonl";
        let found = [(12, 13, "a string"), (14, 15, "a number"), (15, 16, "a list")];
        let expected = found.map(|(entry, line, found)| {
            format!(
                "{name}: entry {entry}, line {line}: expected an object or a list whose first item is a message, with its role, found {found}"
            )
        });
        assert_eq!(failures, expected);
    }
}
