//! The engine and the model, which was written from SPEC.md alone, say the same of every record: of the golden traces, of what recorders make
//! of drafts, and of real runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rederive_archive::storage::OsStorage;
use rederive_archive::{BlockBuffer, Packing, TraceReader};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::hex;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::{Record, split_frames};
use rederive_evidence::schema::Given;
use rederive_import::Format;
use rederive_machine::Machine;
use rederive_model::{Answer, Difference, Model, Roots, compare};
use serde_json::Value;

use crate::real::{CHAT, files, options};
use crate::runs;
use crate::told::told;
use crate::traces::{Trace, recorded, recorded_enforced, recorded_with};

fn difference(records: &[Record], roots: Roots) -> Option<Difference> {
    let mut machine = Machine::new();
    let records = records.iter().map(|record| (&record.input, record.extracted.as_ref()));
    compare(Model::new(), records, roots, |input, extracted, due| told(&mut machine, input, extracted, due))
}

#[track_caller]
fn assert_same(name: &str, records: &[Record], roots: Roots) {
    if let Some(found) = difference(records, roots) {
        panic!("{name}: {found}\n{:#?}", records[found.record as usize]);
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fixtures")
}

/// The records of a trace, those of its open segment too, however far they can be read.
fn readable(path: &Path) -> Vec<Record> {
    let Ok(reader) = TraceReader::open(&OsStorage, path) else { return Vec::new() };
    let mut records = Vec::new();
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        let Some(segment) = reader.segment(number) else { return records };
        let Ok(frames) = segment.frames(&mut buffer) else { return records };
        if !read_into(&mut records, frames) {
            return records;
        }
    }
    let _ = reader.open_segment().is_some_and(|open| read_into(&mut records, open.frames()));
    records
}

/// Adds the records of these frames. Whether all could be read.
fn read_into(records: &mut Vec<Record>, frames: &[u8]) -> bool {
    split_frames(frames).all(|frame| {
        let read = frame.ok().and_then(|frame| Record::decode_frame(frame).ok());
        let is_read = read.is_some();
        records.extend(read.map(|(record, _)| record));
        is_read
    })
}

/// Good traces and bad ones, after every record, roots too: what a forger made of a record is a record all the same. And those that were never sealed.
#[test]
fn they_agree_on_every_golden_trace() {
    let (mut traces, mut records) = (0, 0);
    for folder in ["good", "bad", "open"] {
        for file in fs::read_dir(fixtures().join("traces").join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|kind| kind != "rdt") {
                continue;
            }
            let found = readable(&path);
            assert_same(&path.display().to_string(), &found, Roots::Each);
            (traces, records) = (traces + usize::from(!found.is_empty()), records + found.len());
        }
    }
    assert!(traces > 80 && records > 1_800, "{traces} traces, {records} records");
}

/// A decision may be about other arguments than the call's: the carriage that is compared is of those held all the same, whatever was found in either.
/// Spec: rule-pol-2.
#[test]
fn they_agree_on_decisions_about_other_arguments_than_those_of_their_call() {
    let records = readable(&fixtures().join("traces/good/gated.rdt"));
    let mut decisions = 0;
    for (at, record) in records.iter().enumerate() {
        let Body::DecisionMade(made) = &record.input.body else { continue };
        decisions += 1;
        for classes in [vec![], vec![DetectedClass::Secret]] {
            let mut other = records.get(..=at).unwrap().to_vec();
            for record in &mut other {
                if let Body::GuardrailDetected(detected) = &mut record.input.body {
                    detected.classes.clone_from(&classes);
                }
            }
            let mut about = made.clone();
            about.request.arguments = Given::Known(Digest([7; 32]));
            other[at].input.body = Body::DecisionMade(about);
            assert_same(&format!("decision {at}, {classes:?}"), &other, Roots::Every(97));
        }
    }
    assert!(decisions > 3, "{decisions} decisions");
}

/// The model alone: what the vectors say of a record, it says.
#[test]
fn the_model_gives_the_answers_of_the_golden_vectors() {
    let text = fs::read_to_string(fixtures().join("vectors/10-rules.jsonl")).unwrap();
    let vectors: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut answers: BTreeMap<&str, Vec<Answer>> = BTreeMap::new();
    for vector in vectors.iter().filter(|vector| vector["as"] == "answer") {
        let trace = vector["trace"].as_str().unwrap();
        let answers = answers.entry(trace).or_insert_with(|| {
            let mut model = Model::new();
            let records = readable(&fixtures().join(trace));
            records.iter().map(|record| model.apply(&record.input, record.extracted.as_ref())).collect()
        });
        let answer = &answers[vector["record"].as_u64().unwrap() as usize];
        let mark =
            [answer.mark.kind.code(), answer.mark.label.trust.code(), answer.mark.label.sensitivity.code()];
        let delta = hex::format(&answer.delta);
        let delta = delta.split_at(vector["delta"].as_str().unwrap().len());
        assert_eq!(vector["outcome"], answer.outcome.name(), "{}", vector["name"]);
        assert_eq!(vector["breaches"], serde_json::to_value(&answer.breaches).unwrap(), "{}", vector["name"]);
        assert_eq!(
            (&vector["delta"], delta.1.trim_matches('0')),
            (&Value::from(delta.0), ""),
            "{}",
            vector["name"]
        );
        assert_eq!(vector["padded"], answer.delta.len(), "{}", vector["name"]);
        assert_eq!(vector["digest"], digest(Purpose::Delta, &answer.delta).to_hex(), "{}", vector["name"]);
        assert_eq!(
            vector["mark"],
            hex::format(&[&mark[..], &[answer.mark.flags]].concat()),
            "{}",
            vector["name"]
        );
    }
    assert!(answers.values().map(Vec::len).sum::<usize>() > 200);
}

#[test]
fn they_agree_on_what_recorders_make_of_drafts() {
    for turns in [0, 1, 20] {
        assert_same("observed", &Trace::read(&recorded(runs::observed(turns))).records(), Roots::Each);
        assert_same("enforced", &Trace::read(&recorded_enforced(turns)).records(), Roots::Each);
    }
}

/// Most records of a real run that are compared where not all are.
const RECORDS_MAX: usize = 400;

/// Imports, records and compares every `step`th entry of these files, all of all of them where `REDERIVE_FULL` is set. Returns runs and records.
fn agree(format: &Format, files: &[(String, Vec<u8>)], step: usize) -> (u64, u64) {
    let is_full = std::env::var_os("REDERIVE_FULL").is_some();
    let (step, most) = if is_full { (1, usize::MAX) } else { (step, RECORDS_MAX) };
    let entries: Vec<(&str, _)> = files
        .iter()
        .flat_map(|(name, bytes)| {
            format.entries(name, bytes).map(|entry| (name.as_str(), entry)).collect::<Vec<_>>()
        })
        .step_by(step)
        .collect();
    let compared = entries.into_par_iter().filter_map(|(name, entry)| {
        let run = format.import(entry).ok()?;
        let place = format!("{name} entry {}", run.entry);
        let bytes = recorded_with(run.drafts, options(name, run.entry, Packing::Hot));
        let mut records = Trace::read(&bytes).records();
        records.truncate(most);
        assert_same(&place, &records, Roots::Every(64));
        Some((1, records.len() as u64))
    });
    compared.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

fn assert_some(files: &[(String, Vec<u8>)], (runs, records): (u64, u64)) {
    eprintln!("{runs} runs, {records} records");
    assert!(files.is_empty() || runs > 4 && records > 2 * runs, "{runs} runs, {records} records");
}

#[test]
fn they_agree_on_runs_of_agentdojo() {
    let files = files("agentdojo.tar.zst", |path| path.contains("/runs/"));
    assert_some(&files, agree(&CHAT, &files, 60));
}

#[test]
fn they_agree_on_runs_of_agentdyn() {
    let files = files("agentdyn.tar.zst", |path| path.contains("/runs/"));
    assert_some(&files, agree(&CHAT, &files, 15));
}

#[test]
fn they_agree_on_runs_of_tau_bench() {
    let files = files("taubench.tar.zst", |path| path.ends_with(".jsonl"));
    assert_some(&files, agree(&CHAT, &files, 10));
}

#[test]
fn they_agree_on_recorded_spans() {
    let files = files("otel.tar.zst", |path| path.ends_with(".json") || path.ends_with(".jsonl"));
    assert_some(&files, agree(&Format::Otel, &files, 5));
}

#[test]
fn they_agree_on_sessions_of_coding_agents() {
    let is_session = |path: &str| [".traj", ".json", ".jsonl"].iter().any(|end| path.ends_with(end));
    let files = files("coding.tar.zst", is_session);
    assert_some(&files, agree(&CHAT, &files, 2));
}
