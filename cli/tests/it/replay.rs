//! Replay of several runs at once.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn jobs_change_neither_words_nor_json() {
    let mut sandbox = Sandbox::with_run();
    for number in 0..6 {
        let seed = format!("seed {number}");
        sandbox.record(
            &format!("runs/{number}.rdt").replace("runs/", "run-"),
            &["--reproducible", &seed],
            &drafts(),
        );
    }
    sandbox.write("bent.rdt", sandbox.read("run.rdt"));
    sandbox.change("bent.rdt", |bytes| bytes[300] ^= 4);
    let told = |arguments: &[&str]| {
        let ended = sandbox.quietly(arguments, b"");
        assert_eq!(ended.exit, 3);
        let time = |line: &&str| !line.contains("level state");
        let lines: Vec<&str> = ended.stdout.lines().filter(time).collect();
        lines.join("\n")
    };
    let json = |jobs: &str| {
        let mut json = sandbox.quietly(&["replay", ".", "--json", "--jobs", jobs], b"").json();
        json["seconds"] = 0.into();
        json
    };
    let (one, many) = (told(&["replay", ".", "-j", "1"]), told(&["replay", ".", "-j", "7"]));
    assert_eq!(one, many);
    assert_eq!(json("1"), json("5"));
    let paths: Vec<String> =
        json("3")["results"].as_array().unwrap().iter().map(|run| run["path"].to_string()).collect();
    assert!(paths.is_sorted() && paths.len() == 8, "{paths:?}");
}

#[test]
fn one_run_told_in_two_ways_is_equivocation_and_names_both() {
    let mut sandbox = Sandbox::with_run();
    let other = drafts().replace("shelf 4", "shelf 5");
    std::fs::create_dir(sandbox.path("theirs")).unwrap();
    // The same seed and file name: the same run's number.
    sandbox.record("theirs/run.rdt", &["--key", "key", "--reproducible", "seed"], &other);
    assert_eq!(sandbox.run(&["replay", "run.rdt", "theirs/run.rdt"]).exit, 3);
    let json = sandbox.quietly(&["replay", "theirs", "run.rdt", "--json"], b"").json();
    assert_eq!(json["equivocations"][0]["code"], "V-EQUIVOCATION");
    assert_eq!(json["verdicts"]["reproduced"], 2);
    // The same trace twice is no equivocation.
    sandbox.write("copy.rdt", sandbox.read("run.rdt"));
    assert_eq!(sandbox.quietly(&["replay", "run.rdt", "copy.rdt"], b"").exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn damage_cuts_and_other_keys_are_told_apart() {
    let mut sandbox = Sandbox::with_run();
    sandbox.key("other", 8);
    let whole = sandbox.read("run.rdt");
    sandbox.write("cut.rdt", &whole[..whole.len() - 40]);
    sandbox.write("short.rdt", &whole[..30]);
    sandbox.write("text.rdt", "once upon a time there was a file that was no trace at all, not even a bit");
    sandbox.write("version.rdt", &whole);
    sandbox.change("version.rdt", |bytes| bytes[8] ^= 3);
    sandbox
        .write("log.rdt-open", "RDT-OPEN and so on, for as long as a header of a file is, and longer still");
    for name in ["cut.rdt", "short.rdt", "text.rdt", "version.rdt", "log.rdt-open"] {
        sandbox.run(&["replay", name]);
    }
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--trust", "other.roots.json"]).exit, 3);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_trace_is_read_from_standard_input_and_a_sample_says_what_it_is_worth() {
    let mut sandbox = Sandbox::with_run();
    let bytes = sandbox.read("run.rdt");
    assert_eq!(sandbox.run_on(&["replay", "-", "--level", "content"], &bytes).exit, 0);
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--sample", "1", "--seed", "7"]).exit, 0);
    let json = sandbox.quietly(&["replay", "run.rdt", "--sample", "1", "--json"], b"").json();
    assert_eq!((&json["results"][0]["valid"], &json["verdicts"]["sampled"]), (&"sampled".into(), &1.into()));
    assert!(json["seed"].is_u64());
    let sampled = serde_json::json!({"segments": 1, "of": 1, "confidence": 0.95, "altered": 1});
    assert_eq!(json["results"][0]["sampled"], sampled);
    // Of two runs it is told where the draw is worth least.
    sandbox.write("more/copy.rdt", &bytes);
    let both = sandbox.quietly(&["replay", "run.rdt", "more", "--sample", "1", "--seed", "7"], b"");
    assert!(both.stdout.contains(", of which it tells least, been altered, this draw"), "{}", both.stdout);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn folders_without_traces_and_files_that_are_missing_stop_no_other() {
    let mut sandbox = Sandbox::with_run();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    assert_eq!(sandbox.run(&["replay", "empty", "missing.rdt", "run.rdt", "run.rdt"]).exit, 2);
    let json = sandbox.run(&["replay", "missing.rdt", "run.rdt", "--json"]);
    assert_eq!(json.json()["runs"], 1);
    assert_eq!(json.json()["errors"][0]["path"], "missing.rdt");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn of_many_runs_with_failures_the_first_are_told_and_json_lists_all() {
    let sandbox = Sandbox::new();
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let bad = std::fs::read(tree.join("fixtures/traces/bad/effect-after-refusal.rdt")).unwrap();
    for number in 0..23 {
        sandbox.write(&format!("runs/{number}.rdt"), &bad);
    }
    let ended = sandbox.quietly(&["replay", "runs"], b"");
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("an effect whose request was refused").count(), 20);
    assert!(ended.stdout.contains("and such effects in 3 more runs: --json lists all"), "{}", ended.stdout);
    let results = sandbox.quietly(&["replay", "runs", "--json"], b"").json()["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|run| run["failures"].as_array().unwrap().len() == 1));
}
