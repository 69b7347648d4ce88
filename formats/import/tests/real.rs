//! Recorded runs of others, imported whole. The folder `data` beside the workspace holds them; `REDERIVE_DATA` names another.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::{Body, Kind};
use rederive_import::{Format, ImportedRun};
use serde_json::Value;

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("REDERIVE_DATA").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no recorded runs at {}: nothing was imported", path.display());
    None
}

/// The files of an archive whose path satisfies `wanted`, in its order.
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

fn contents(run: &ImportedRun) -> BTreeSet<&[u8]> {
    run.drafts.iter().flat_map(|draft| &draft.contents).map(|content| content.bytes.as_slice()).collect()
}

/// Imports a file of JSON lines beside reading it with a JSON library that knows nothing of messages.
fn each(name: &str, bytes: &[u8], mut check: impl FnMut(ImportedRun, Value)) {
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

/// Checks a run of AgentDojo, AgentDyn or tau-bench against its source, and adds its calls and results.
fn check_run(run: &ImportedRun, source: &Value, list: &str, calls: &mut usize, ends: &mut usize) {
    let messages = source["run"][list].as_array().unwrap();
    let path = source["path"].as_str().unwrap();
    assert_eq!(run.id.as_deref(), Some(path));
    let contents = contents(run);
    for message in messages {
        for text in texts(message) {
            assert!(contents.contains(text.as_slice()), "{path}: {}", String::from_utf8_lossy(&text));
        }
    }
    let role = |role: &str| messages.iter().filter(|message| message["role"] == role).count();
    let proposed: usize = messages.iter().filter_map(|m| m["tool_calls"].as_array()).map(Vec::len).sum();
    let (returned, failed) = (count(&run.drafts, Kind::ToolReturned), count(&run.drafts, Kind::ToolFailed));
    assert_eq!(count(&run.drafts, Kind::PromptAnswered), role("assistant"), "{path}");
    assert_eq!(count(&run.drafts, Kind::ToolProposed), proposed, "{path}");
    assert_eq!(returned + failed, role("tool"), "{path}: each result has a call");
    let errors = messages.iter().filter(|m| m["role"] == "tool" && m["error"].is_string()).count();
    assert_eq!(failed, errors, "{path}");
    *calls += proposed;
    *ends += returned + failed;
    check_shape(run);
}

/// What holds of every imported run.
fn check_shape(run: &ImportedRun) {
    let (first, last) = (run.drafts.first().unwrap(), run.drafts.last().unwrap());
    assert_eq!((first.body.kind(), last.body.kind()), (Kind::RunOpened, Kind::RunClosed));
    for (number, draft) in run.drafts.iter().enumerate() {
        assert!(
            draft.causes.last().is_none_or(|cause| cause < number as u64),
            "{number}: causes point backwards"
        );
        let tally = draft.body.tally();
        assert!(tally.contents <= draft.contents.len() as u64, "{number}: every content is there");
        assert!(tally.records <= number as u64, "{number}: references point backwards");
        if let Body::ToolReturned(_) | Body::ToolFailed(_) = &draft.body {
            let cause = draft.causes.last().unwrap() as usize;
            assert_eq!(run.drafts[cause].body.kind(), Kind::ToolProposed);
            assert_eq!(run.drafts[cause].place, draft.place);
        }
    }
}

#[test]
fn every_agentdojo_run_is_imported_and_nothing_said_in_it_is_lost() {
    let files = files("agentdojo.tar.zst", |path| path.contains("/runs/"));
    let (mut runs, mut calls, mut ends, mut failed) = (0, 0, 0, 0);
    for (name, bytes) in &files {
        each(name, bytes, |run, source| {
            check_run(&run, &source, "messages", &mut calls, &mut ends);
            runs += 1;
            failed += usize::from(is_failed(&run));
        });
    }
    if !files.is_empty() {
        assert_eq!((runs, calls, ends, failed), (13_778, 51_076, 50_962, 101));
    }
}

fn is_failed(run: &ImportedRun) -> bool {
    matches!(&run.drafts.last().unwrap().body, Body::RunClosed(closed) if closed.reason.is_some())
}

#[test]
fn every_agentdyn_run_is_imported_and_denials_stay_failures() {
    let files = files("agentdyn.tar.zst", |path| path.contains("/runs/"));
    let (mut runs, mut calls, mut ends, mut empty, mut denials) = (0, 0, 0, 0, 0);
    for (name, bytes) in &files {
        each(name, bytes, |run, source| {
            check_run(&run, &source, "messages", &mut calls, &mut ends);
            runs += 1;
            empty += usize::from(run.drafts.len() == 2);
            let progent = name.contains("-progent");
            let is_denial = |draft: &&Draft| match &draft.body {
                Body::ToolFailed(failed) => {
                    let error = &draft.contents[usize::from(failed.error.unwrap().0)].bytes;
                    progent && String::from_utf8_lossy(error).contains("is not allowed")
                }
                _ => false,
            };
            denials += run.drafts.iter().filter(is_denial).count();
        });
    }
    if !files.is_empty() {
        assert_eq!((runs, calls, ends, empty, denials), (1_036, 7_908, 7_874, 0, 376));
    }
}

#[test]
fn every_tau_bench_run_is_imported_with_its_repeated_call_ids() {
    let files = files("taubench.tar.zst", |path| path.ends_with("gpt-4o-airline.jsonl"));
    let (mut runs, mut calls, mut ends) = (0, 0, 0);
    for (name, bytes) in &files {
        each(name, bytes, |run, source| {
            check_run(&run, &source, "traj", &mut calls, &mut ends);
            runs += 1;
        });
    }
    if !files.is_empty() {
        assert_eq!((runs, calls, ends), (100, 577, 577));
    }
}
