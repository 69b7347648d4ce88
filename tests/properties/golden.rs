//! The golden traces are what they are said to be: `fixtures/traces/expected.json`, to the gap, the record and the code.

use std::fs;
use std::path::{Path, PathBuf};

use rederive_archive::TraceReader;
use rederive_archive::storage::OsStorage;
use rederive_policy::Archive;
use rederive_replay::{Gap, Level, Options, Report, Sample, equivocation, replay};
use rederive_verify::TrustRoots;
use serde_json::{Value, json};

use crate::traces::WITHOUT_BUNDLE;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fixtures")
}

fn expected() -> Vec<Value> {
    let text = fs::read(fixtures().join("traces/expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// A report as `expected.json` has it.
fn verdict(report: &Report) -> Value {
    let wrong = report.wrong.as_ref();
    json!({
        "valid": report.valid,
        "complete": report.complete(),
        "records": report.records,
        "gaps": report.gaps,
        "findings": report.findings.items(),
        "failures": report.failures.items(),
        "code": wrong.map(|wrong| wrong.code),
        "at": wrong.map(|wrong| wrong.place),
        "field": wrong.map(|wrong| &wrong.field),
    })
}

fn replayed(entry: &Value, level: Level, archive: &Archive) -> Value {
    verdict(&report(entry, level, archive, None))
}

fn report(entry: &Value, level: Level, archive: &Archive, sample: Option<Sample>) -> Report {
    let trust = entry["trust"].as_str().map(|file| fs::read(fixtures().join(file)).unwrap());
    let trust = trust.map(|text| TrustRoots::parse(&text).unwrap());
    let options = Options { level, trust: trust.as_ref(), sample, pinned: Some(archive) };
    let path = fixtures().join("traces").join(entry["path"].as_str().unwrap());
    replay(&OsStorage, &path, &options).unwrap()
}

fn bundles() -> Archive {
    Archive::open(&fixtures().join("bundles")).unwrap()
}

/// Spec: verdict-valid, verdict-order, gaps, findings, failures, levels, decision-checksum, hints, opening-key, no-trust-in-trace, taken-as-recorded, content-verify.
#[test]
fn every_golden_trace_gets_the_verdict_it_was_made_for() {
    let (expected, archive) = (expected(), bundles());
    assert!(expected.len() > 70, "{} golden traces", expected.len());
    for entry in &expected {
        for level in Level::ALL {
            let found = replayed(entry, *level, &archive);
            assert_eq!(found, entry["verdicts"][level.name()], "{} at {level}", entry["path"]);
        }
    }
}

#[test]
fn every_golden_trace_is_listed() {
    let expected = expected();
    for folder in ["good", "open", "bad"] {
        for file in fs::read_dir(fixtures().join("traces").join(folder)).unwrap() {
            let name = format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap());
            let is_listed = |entry: &Value| name.trim_end_matches("-open") == entry["path"].as_str().unwrap();
            assert!(expected.iter().any(is_listed), "{name} is not in expected.json");
        }
    }
}

#[test]
fn what_is_good_is_reproduced_and_what_is_bad_is_named() {
    let of = |folder: &str| {
        expected()
            .into_iter()
            .filter(|entry| entry["path"].as_str().unwrap().starts_with(folder))
            .collect::<Vec<_>>()
    };
    for entry in of("good/").iter().filter(|entry| entry["trust"] == "keys/trust.json") {
        for level in WITHOUT_BUNDLE {
            assert_eq!(entry["verdicts"][level.name()]["valid"], "reproduced", "{}", entry["path"]);
        }
        // The bundles that these runs pin are none: whether their decisions follow cannot be told.
        let at_policy = entry["verdicts"][Level::Policy.name()]["valid"].as_str().unwrap();
        // Where one of every kind of record stands, some text stands for the receipt: that level looks into it.
        let is_of_every_kind = entry["path"].as_str().unwrap().starts_with("good/every-kind");
        let fits = if is_of_every_kind { &["forged"][..] } else { &["reproduced", "undecided"] };
        assert!(fits.contains(&at_policy), "{}: {at_policy}", entry["path"]);
    }
    for entry in of("bad/") {
        // What only a gate with its keys can lie about is seen by asking the bundle again.
        let level = if is_gated(&entry) { Level::Policy } else { Level::Content };
        let verdict = &entry["verdicts"][level.name()];
        let failed = !verdict["failures"].as_array().unwrap().is_empty();
        assert!(verdict["valid"] != "reproduced" || failed, "{}", entry["path"]);
        assert!(verdict["code"].is_string() || failed, "{}", entry["path"]);
    }
}

/// A sample of all segments walks the run for its decisions alone; without one they are judged while the state is derived.
#[test]
fn decisions_are_judged_alike_in_a_walk_of_their_own_and_in_the_one_that_derives_the_state() {
    let is_of_policy = |gap: &&Gap| {
        matches!(
            gap,
            Gap::DecisionsTaken(_)
                | Gap::DecisionsWithheld(_)
                | Gap::NoReceipts(_)
                | Gap::ReceiptsRedacted(_)
                | Gap::UnsignedWords(_)
                | Gap::OtherEngine(_)
                | Gap::MissingBundle(_)
                | Gap::MissingRegistry(_)
        )
    };
    let (archive, all) = (bundles(), Some(Sample { segments: 4_096, seed: 1 }));
    let mut decided = 0;
    for entry in expected().iter().filter(|entry| entry["verdicts"]["content"]["valid"] == "reproduced") {
        let found = [None, all].map(|sample| report(entry, Level::Policy, &archive, sample));
        let [alike, alone] = found.each_ref().map(|report| {
            let gaps: Vec<&Gap> = report.gaps.iter().filter(is_of_policy).collect();
            (report.decisions, &report.wrong, gaps, &report.under)
        });
        assert_eq!(alike, alone, "{}", entry["path"]);
        decided += found[0].decisions.unwrap_or(0);
    }
    assert!(decided > 50, "{decided} decisions");
}

fn is_gated(entry: &Value) -> bool {
    entry["trust"] == "keys/gated-trust.json"
}

/// Spec: policy-level, policy-compare, rule-pol-4, receipt, approval-statement.
#[test]
fn a_gate_that_lies_keeps_every_rule_below_policy_level_and_is_told_there_by_each_code() {
    let of_gated: Vec<Value> = expected().into_iter().filter(is_gated).collect();
    let mut told = Vec::new();
    for entry in &of_gated {
        for level in WITHOUT_BUNDLE {
            let verdict = &entry["verdicts"][level.name()];
            assert_eq!(verdict["valid"], "reproduced", "{} at {level}", entry["path"]);
            assert_eq!(verdict["findings"], json!([]), "{} at {level}", entry["path"]);
        }
        told.extend(entry["verdicts"]["policy"]["code"].as_str().map(str::to_owned));
    }
    told.sort();
    told.dedup();
    let mut codes = [
        "D-DECISION",
        "D-DIRECTIVE",
        "D-REASON",
        "D-RULES",
        "D-ERRORS",
        "D-RECEIPT",
        "V-RECEIPT",
        "V-APPROVAL",
        "U-ENGINE",
    ];
    codes.sort_unstable();
    assert_eq!(told, codes);
    let gated = of_gated.iter().find(|entry| entry["path"] == "good/gated.rdt").unwrap();
    let verdict = &gated["verdicts"]["policy"];
    assert_eq!((&verdict["valid"], &verdict["gaps"]), (&json!("reproduced"), &json!(["no-witness"])));
}

/// Spec: policy-level. Without what it pins nobody can tell, and without the registry neither.
#[test]
fn a_gated_run_without_its_bundle_or_its_registry_is_undecided() {
    let entry = expected().into_iter().find(|entry| entry["path"] == "good/gated.rdt").unwrap();
    let found = |names: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(fixtures().join("bundles")).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap();
            if names.iter().any(|ending| name.ends_with(ending)) {
                fs::copy(file.path(), folder.path().join(name)).unwrap();
            }
        }
        let verdict = replayed(&entry, Level::Policy, &Archive::open(folder.path()).unwrap());
        (verdict["valid"].clone(), verdict["code"].clone(), verdict["gaps"].as_array().unwrap().len())
    };
    assert_eq!(found(&[".tar", ".json"]), (json!("reproduced"), Value::Null, 1));
    assert_eq!(found(&[".json"]), (json!("undecided"), json!("U-BUNDLE"), 2));
    assert_eq!(found(&[".tar"]), (json!("undecided"), json!("U-REGISTRY"), 2));
}

#[test]
fn each_tale_of_a_run_told_twice_reproduces_and_both_together_are_equivocation() {
    let read = |name: &str| fs::read(fixtures().join("traces/open").join(name)).unwrap();
    let (once, otherwise) = (read("told-once.rdt"), read("told-otherwise.rdt"));
    let [once, otherwise] = [&once, &otherwise].map(|bytes| TraceReader::of(bytes.as_slice()).unwrap());
    let found = equivocation(&once, &otherwise).unwrap().unwrap();
    assert_eq!((found.segment, found.code()), (0, "V-EQUIVOCATION"));
    assert_eq!(equivocation(&once, &once).unwrap(), None);
}
