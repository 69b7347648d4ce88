//! Runs changed in every way that has a name.

use std::path::Path;

use crate::sandbox::Sandbox;

/// A sandbox with the gated run of the fixtures, its keys' trust roots, and a damaged copy.
fn gated() -> Sandbox {
    let sandbox = Sandbox::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    sandbox.write("run.rdt", std::fs::read(fixtures.join("traces/good/gated.rdt")).unwrap());
    sandbox.write("roots.json", std::fs::read(fixtures.join("keys/gated-trust.json")).unwrap());
    sandbox
}

#[test]
fn everything_that_must_be_noticed_is_and_what_is_not_applicable_has_a_name() {
    let mut sandbox = gated();
    assert_eq!(sandbox.run(&["explore", "run.rdt", "--cases", "200"]).exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn json_is_the_same_for_every_number_of_threads_and_counts_every_case() {
    let sandbox = gated();
    let told = |jobs: &str| {
        let ended = sandbox
            .quietly(&["explore", "run.rdt", "--cases", "150", "--seed", "9", "--json", "--jobs", jobs], b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        let mut json = ended.json();
        json["seconds"] = 0.into();
        json
    };
    let one = told("1");
    assert_eq!(one, told("3"));
    let run = &one["results"][0];
    let noticed: u64 =
        run["noticed"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let others = ["outside", "unchanged", "not_applicable", "failed"].map(|name| run[name].as_u64().unwrap());
    assert_eq!(noticed + others.iter().sum::<u64>(), 150);
    assert!(run["unfit"].as_array().unwrap().iter().any(|name| name == "memory-never-written"));
}

/// With trust roots the explorer's key counts as a stolen one: that the run is under it is noticed outside, and nothing else hides behind it.
#[test]
fn trust_roots_do_not_hide_what_is_told_under_a_stolen_key() {
    let sandbox = gated();
    let arguments = ["explore", "run.rdt", "--cases", "180", "--trust", "roots.json", "--json"];
    let ended = sandbox.quietly(&arguments, b"");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let json = ended.json();
    assert!(json["results"][0]["noticed"]["state"].as_u64().unwrap() > 40, "{json}");
}

#[test]
fn a_run_that_does_not_hold_is_told_and_not_explored() {
    let sandbox = gated();
    sandbox.change("run.rdt", |bytes| bytes[300] ^= 1);
    assert_eq!(sandbox.quietly(&["explore", "run.rdt"], b"").exit, 3);
    assert_eq!(sandbox.quietly(&["explore", "nothing.rdt"], b"").exit, 2);
}
