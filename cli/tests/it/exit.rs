//! The exit status: every one of them, and which of several is told.

use std::collections::BTreeSet;

use crate::sandbox::{Sandbox, drafts};

/// Traces that end with each exit status, by name.
fn traces() -> Sandbox {
    let mut sandbox = Sandbox::with_run();
    // 4: not sealed.
    let open: String = drafts().split_inclusive('\n').take(3).collect();
    sandbox.quietly(&["record", "--out", "open.rdt", "-q"], open.as_bytes());
    // 3: a byte of the frames is another one.
    sandbox.write("bent.rdt", sandbox.read("run.rdt"));
    sandbox.change("bent.rdt", |bytes| bytes[200] ^= 1);
    // 1: an enforced run in which a tool answered that was never asked.
    let answered: String = drafts()
        .replacen("\"observed\"", "\"enforced\"", 1)
        .replace("\"run\",\"prompt\",\"audit\"", "\"run\",\"tool-broker\"")
        .split_inclusive('\n')
        .filter(|line| !line.contains("tool.dispatched"))
        .collect();
    sandbox.record(
        "unasked.rdt",
        &[],
        &answered.replace("\"causes\":[5]", "\"causes\":[4]").replace("\"causes\":[6]", "\"causes\":[5]"),
    );
    sandbox
}

#[test]
fn each_status_has_its_cause_and_of_several_the_first_in_order_is_told() {
    let mut sandbox = traces();
    let statuses = [("run.rdt", 0), ("open.rdt", 4), ("unasked.rdt", 1), ("bent.rdt", 3), ("missing.rdt", 2)];
    for (number, (name, exit)) in statuses.iter().enumerate() {
        assert_eq!(sandbox.run(&["replay", name]).exit, *exit, "{name}");
        // With all that come before it, its own is told; in either order of the arguments.
        let mut arguments = vec!["replay"];
        arguments.extend(statuses.iter().take(number + 1).map(|(name, _)| *name));
        assert_eq!(sandbox.quietly(&arguments, b"").exit, *exit, "{arguments:?}");
        arguments[1..].reverse();
        assert_eq!(sandbox.quietly(&arguments, b"").exit, *exit, "{arguments:?}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// Every golden trace, sound ones and others.
fn golden() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/traces");
    let files =
        ["good", "bad"].iter().flat_map(|part| std::fs::read_dir(format!("{folder}/{part}")).unwrap());
    let paths = files.map(|file| file.unwrap().path().to_str().unwrap().to_owned());
    paths.filter(|path| path.ends_with(".rdt")).collect()
}

/// The level at which a review verifies a trace of its own accord; of one of which nothing is shown, the highest.
fn level_of_review(sandbox: &Sandbox, path: &str) -> String {
    let ended = sandbox.quietly(&["review", path, "--json"], b"");
    let is_shown = !ended.stdout.is_empty();
    if is_shown { ended.json()["level"].as_str().unwrap().to_owned() } else { "policy".to_owned() }
}

#[test]
fn a_what_if_and_a_review_end_as_a_replay_of_the_same_trace_does() {
    let sandbox = Sandbox::new();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/default");
    let bundles = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/bundles");
    let exit = |arguments: &[&str]| sandbox.quietly(arguments, b"").exit;
    let one = |path: &String| {
        let verified = exit(&["replay", path]);
        assert_eq!(exit(&["whatif", "--policy", policy, path]), verified, "whatif {path}");
        assert_eq!(exit(&["review", path, "--level", "state"]), verified, "review {path}");
        let level = level_of_review(&sandbox, path);
        let at_level = exit(&["replay", path, "--level", &level, "--bundles", bundles]);
        assert_eq!(exit(&["review", path, "--bundles", bundles]), at_level, "review {path} at level {level}");
        verified
    };
    let golden = golden();
    let statuses: BTreeSet<i32> = std::thread::scope(|scope| {
        let halves: Vec<_> = golden
            .chunks(golden.len().div_ceil(2))
            .map(|half| scope.spawn(|| half.iter().map(one).collect::<Vec<_>>()))
            .collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert_eq!(statuses, [0, 1, 3, 4].into());
    for arguments in
        [["whatif", "--policy", policy, "missing.rdt"], ["whatif", "--policy", "missing", &golden[0]]]
    {
        assert_eq!(exit(&arguments), 2, "{arguments:?}");
    }
    assert_eq!(exit(&["review", "missing.rdt"]), 2);
}

#[test]
fn findings_of_observed_runs_count_under_strict_alone() {
    let mut sandbox = Sandbox::new();
    let unpaired: String = drafts().split_inclusive('\n').filter(|line| !line.contains("tool.")).collect();
    let unpaired =
        unpaired.replace("\"causes\":[6]", "\"causes\":[3]").replace("\"calls\":1}", "\"calls\":0}");
    sandbox.record("whole.rdt", &[], &unpaired);
    // The prompt goes to a model that nobody cleared.
    sandbox.record(
        "found.rdt",
        &[],
        &unpaired.replace("\"model\":\"model-1\",\"parts\"", "\"model\":\"model-2\",\"parts\""),
    );
    assert_eq!(sandbox.run(&["replay", "whole.rdt", "--strict"]).exit, 0);
    assert_eq!(sandbox.run(&["replay", "found.rdt"]).exit, 0);
    assert_eq!(sandbox.run(&["replay", "found.rdt", "--strict"]).exit, 1);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn arguments_that_make_no_sense_are_usage() {
    let sandbox = Sandbox::with_run();
    for arguments in [
        &["reply", "run.rdt"][..],
        &["replay"],
        &["replay", "run.rdt", "--level", "guess"],
        &["replay", "run.rdt", "--jobs", "0"],
        &["replay", "run.rdt", "--jobs", "257"],
        &["replay", "run.rdt", "--seed", "1"],
        &["replay", "run.rdt", "--trust", "run.rdt"],
        &["replay", "run.rdt", "--trust", "missing.json"],
        &["show", "run.rdt", "--record", "1", "--causes", "1"],
        &["record", "--out", "x.rdt", "--recover"],
        &["record", "--out", "x.rdt", "--key", "run.rdt"],
        &["import", "chat", "run.rdt"],
        &["prove", "run.rdt", "--out", "x"],
        &[],
    ] {
        let ended = sandbox.quietly(arguments, b"");
        assert_eq!(ended.exit, 2, "{arguments:?}: {}", ended.stdout);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}: {}", ended.stdout);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure_of_the_system() {
    let sandbox = Sandbox::with_run();
    for asked in [&["show", "run.rdt"][..], &["--help"], &["--version"], &["replay", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = sandbox.command(asked).stdout(full).output().unwrap().status;
        assert_eq!(status.code(), Some(5), "{asked:?}");
    }
}

#[test]
fn a_run_that_is_not_sealed_is_unfinished_whichever_command_judges_it() {
    let sandbox = Sandbox::with_run();
    let unclosed: Vec<String> = drafts().lines().take(4).map(str::to_owned).collect();
    let record = ["record", "--out", "open.rdt", "--key", "key", "--quiet"];
    assert_eq!(sandbox.quietly(&record, (unclosed.join("\n") + "\n").as_bytes()).exit, 4);
    let default = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("policies/default");
    let commands: [&[&str]; 3] =
        [&["replay"], &["review"], &["whatif", "--policy", default.to_str().unwrap()]];
    for command in commands {
        for (trace, exit) in [("run.rdt", 0), ("open.rdt", 4)] {
            let ended = sandbox.quietly(&[command, &[trace]].concat(), b"");
            assert_eq!(ended.exit, exit, "{command:?} {trace}: {}{}", ended.stdout, ended.stderr);
        }
    }
}
