//! What codes mean.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sandbox::Sandbox;

#[test]
fn a_code_a_rule_a_reason_a_gap_a_verdict_a_kind_and_a_divergence_are_explained() {
    let mut sandbox = Sandbox::new();
    for name in [
        "D-CHECKSUM",
        "a-hint-fit",
        "TOL-2",
        "CRD-1",
        "sequence-gap",
        "unsealed",
        "undecided",
        "tool.dispatched",
        "A-CHECK",
        "approval.evidence-assembled",
        "silence",
        "approval-needed",
        "external",
        "bounded",
        "segment-spliced-signed",
        "hint-changed",
    ] {
        assert_eq!(sandbox.run(&["explain", name]).exit, 0, "{name}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_nobody_emits_is_refused_with_what_is_alike() {
    let mut sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["explain", "D-NOTHING"]).exit, 2);
    assert_eq!(sandbox.run(&["explain", ""]).exit, 2);
    // Nothing is offered twice, and a rule by its sentence's name in SPEC.md first.
    assert_eq!(sandbox.run(&["explain", "rule-pol-1"]).exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_forged_receipt_is_not_explained_as_a_damaged_copy() {
    let sandbox = Sandbox::new();
    for code in ["V-RECEIPT", "V-APPROVAL", "V-OTHER-KEY"] {
        let said = sandbox.quietly(&["explain", code], b"").stdout;
        assert!(said.contains("compare the key") && !said.contains("damaged copy"), "{code}: {said}");
    }
}

#[test]
fn the_list_and_its_json_name_the_same() {
    let sandbox = Sandbox::new();
    let (list, json) =
        (sandbox.quietly(&["explain"], b""), sandbox.quietly(&["explain", "--json"], b"").json());
    let names = json.as_array().unwrap();
    assert!(names.len() > 200, "{}", names.len());
    for entry in names {
        let name = entry["name"].as_str().unwrap();
        assert!(list.stdout.lines().any(|line| line.trim_start().starts_with(name)), "{name}");
    }
}

/// What stands between quotes and looks like a code, `D-CHECKSUM`, in the sources below a folder.
fn codes_in(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, codes);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            codes.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
        }
    }
}

fn is_code(word: &str) -> bool {
    let Some((class, name)) = word.split_once('-') else { return false };
    let is_class = class.len() == 1 && class.bytes().all(|byte| byte.is_ascii_uppercase());
    is_class && name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

#[test]
fn every_code_that_stands_in_a_source_is_explained() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut codes = BTreeSet::new();
    for part in ["formats", "engine", "cli"] {
        for folder in std::fs::read_dir(tree.join(part)).unwrap().map(|entry| entry.unwrap().path()) {
            let sources = if folder.ends_with("src") { folder } else { folder.join("src") };
            if sources.is_dir() {
                codes_in(&sources, &mut codes);
            }
        }
    }
    assert!(codes.len() > 100 && codes.contains("D-CHECKSUM") && codes.contains("A-CHECK"), "{codes:?}");
    let explained = Sandbox::new().quietly(&["explain", "--json"], b"").json();
    let names: BTreeSet<&str> =
        explained.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    // What several codes begin with is none.
    let is_explained = |code: &&String| {
        names.range(code.as_str()..).next().is_some_and(|name| name.starts_with(code.as_str()))
    };
    let missing: Vec<_> = codes.iter().filter(|code| !is_explained(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
