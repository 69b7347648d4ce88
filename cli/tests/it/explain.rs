//! What codes mean.

use crate::sandbox::Sandbox;

#[test]
fn a_code_a_rule_a_reason_a_gap_a_verdict_and_a_kind_are_explained() {
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
    insta::assert_snapshot!(sandbox.transcript());
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
