//! Runs recorded from JSON lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use crate::sandbox::{Sandbox, drafts};

fn line(number: usize) -> String {
    drafts().lines().nth(number).unwrap().to_owned() + "\n"
}

fn first(count: usize) -> String {
    drafts().split_inclusive('\n').take(count).collect()
}

/// The kinds of the records of run.rdt.
fn kinds(sandbox: &Sandbox) -> Vec<String> {
    let records = sandbox.quietly(&["show", "run.rdt", "--json"], b"").stdout;
    let kind =
        |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned();
    records.lines().map(kind).collect()
}

#[test]
fn bad_lines_are_answered_with_their_place_and_the_run_goes_on() {
    let mut sandbox = Sandbox::new();
    let mut input = line(0);
    input.push_str("\n{\"kind\":\n");
    input.push_str(
        "{\"kind\":\"run.closed\",\"actor\":\"recorder\",\"origin\":\"code\",\"body\":{\"end\":\"later\"}}\n",
    );
    input.push_str("{\"kind\":\"run.closed\",\"actor\":\"recorder\",\"origin\":\"code\",\"body\":{\"end\":\"failed\"},\"sequence\":4}\n");
    input.push_str("{\"kind\":\"tool.dispatched\",\"actor\":\"broker\",\"origin\":\"code\",\"body\":{\"tool\":\"search\",\"arguments\":\"@9.0\"}}\n");
    input.push_str("{\"kind\":\"tool.dispatched\",\"actor\":\"broker\",\"origin\":\"code\",\"body\":{\"tool\":\"search\",\"arguments\":\"@0.5\"}}\n");
    input.push_str("{\"kind\":\"prompt.given\",\"actor\":\"ada\",\"origin\":\"human\",\"body\":{\"role\":\"user\",\"message\":0}}\n");
    input.push_str(&drafts().lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
    input.push_str(&line(7));
    let ended =
        sandbox.run_on(&["record", "--out", "run.rdt", "--reproducible", "seed", "-q"], input.as_bytes());
    assert_eq!(ended.exit, 2);
    assert_eq!(ended.stdout.lines().filter(|line| line.contains("\"sequence\"")).count(), 8);
    assert_eq!(sandbox.quietly(&["replay", "run.rdt"], b"").exit, 0, "what was taken is whole");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let sandbox = Sandbox::new();
    let ended = sandbox.quietly(&["record", "--out", "run.rdt"], b"{\"kind\":\"\xff\"}\n");
    assert_eq!(ended.exit, 2);
    let answer: serde_json::Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(answer["error"]["column"], 10);
    assert!(!sandbox.path("run.rdt").exists());
}

#[test]
fn strict_stops_at_the_first_bad_line_and_keeps_what_came_before() {
    let sandbox = Sandbox::new();
    let input = format!("{}nonsense\n{}", first(2), line(2));
    let ended = sandbox.quietly(&["record", "--out", "run.rdt", "--strict"], input.as_bytes());
    assert_eq!(ended.exit, 2);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    let report = sandbox.quietly(&["replay", "run.rdt", "--json"], b"");
    assert_eq!((report.exit, &report.json()["records"]), (4, &2.into()));
}

#[test]
fn the_first_draft_must_open_a_run() {
    let mut sandbox = Sandbox::new();
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "-q"], line(1).as_bytes()).exit, 2);
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "-q"], b"").exit, 2);
    let names_itself = line(0).replace("\"goal\":0", "\"bundle\":\"@.0\"");
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "-q"], names_itself.as_bytes()).exit, 2);
    assert!(sandbox.files(".").is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_opening_under_rules_that_there_are_not_is_a_bad_line() {
    let sandbox = Sandbox::new();
    let unknown = format!("\"rule_set\":{{\"number\":99,\"digest\":\"{}\"}},\"mode\":", "0".repeat(64));
    let input = line(0).replace("\"mode\":", &unknown);
    let ended = sandbox.quietly(&["record", "--out", "run.rdt", "-q"], input.as_bytes());
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    let answer: serde_json::Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(answer["error"]["line"], 1);
    assert!(answer["error"]["reason"].as_str().unwrap().contains("rule set 99"), "{answer}");
    assert!(sandbox.files(".").is_empty());
}

#[test]
fn input_that_ends_early_leaves_a_run_that_is_gone_on_with_under_its_key_alone() {
    let mut sandbox = Sandbox::new();
    sandbox.key("key", 7);
    sandbox.key("other", 8);
    let record = ["record", "--out", "run.rdt", "--key", "key"];
    assert_eq!(sandbox.run_on(&record, first(6).as_bytes()).exit, 4);
    assert_eq!(sandbox.run_on(&record, first(6).as_bytes()).exit, 2, "an existing trace is not written over");
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "--recover", "--key", "other"], b"").exit, 2);
    assert_eq!(sandbox.run(&["replay", "run.rdt"]).exit, 4);
    // The dispatched call has become unknown, as record 6; an earlier record's content can still be named.
    let now = |draft: String| {
        draft.replace("\"time\":1790000005000000,", "").replace("\"time\":1790000007000000,", "")
    };
    let again = now(line(5).replace("\"turn\":0", "\"turn\":1"));
    let more = format!("{again}{}", now(line(7).replace("\"causes\":[6]", "\"causes\":[7]")));
    let recovered =
        sandbox.run_on(&["record", "--out", "run.rdt", "--recover", "--key", "key"], more.as_bytes());
    assert_eq!(recovered.exit, 0);
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--trust", "key.roots.json"]).exit, 0);
    assert_eq!(kinds(&sandbox)[5..], ["tool.dispatched", "tool.unknown", "tool.dispatched", "run.closed"]);
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "--recover", "--key", "key"], b"").exit, 2);
    assert_eq!(sandbox.run_on(&["record", "--out", "none.rdt", "--recover", "--key", "key"], b"").exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn close_ends_and_seals_a_run_whose_input_ends_early() {
    let mut sandbox = Sandbox::new();
    sandbox.key("key", 7);
    let close = ["record", "--out", "run.rdt", "--key", "key", "--close", "aborted", "-q"];
    assert_eq!(sandbox.run_on(&close, first(5).as_bytes()).exit, 0);
    assert_eq!(kinds(&sandbox)[4..], ["tool.proposed", "tool.blocked", "run.closed"]);
    let all =
        sandbox.quietly(&["record", "--out", "all.rdt", "--close", "failed", "-q"], drafts().as_bytes());
    assert_eq!(all.exit, 0, "drafts that close the run themselves are not closed again");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_run_that_is_durable_at_its_seal_is_not_there_before() {
    let mut sandbox = Sandbox::new();
    let record = ["record", "--out", "run.rdt", "--durability", "seal", "-q"];
    assert_eq!(sandbox.run_on(&record, first(3).as_bytes()).exit, 4);
    assert!(!sandbox.path("run.rdt").exists());
    assert_eq!(sandbox.quietly(&record, drafts().as_bytes()).exit, 0);
    assert_eq!(sandbox.quietly(&["record", "--out", "x.rdt", "--durability", "group:0"], b"").exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_group_is_durable_together() {
    let sandbox = Sandbox::new();
    let arguments = ["record", "--out", "run.rdt", "--durability", "group:3", "-q"];
    let ended = sandbox.quietly(&arguments, drafts().as_bytes());
    let durable: Vec<bool> =
        ended.stdout.lines().map(|line| line.contains("\"durable\":true")).take(8).collect();
    // The opening is durable before the first answer, and a dispatch (5) before the tool is called.
    assert_eq!(durable, [true, false, false, true, false, true, false, false]);
    assert_eq!(sandbox.quietly(&["replay", "run.rdt"], b"").exit, 0);
}

#[test]
fn each_draft_is_answered_before_the_next_is_written() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["record", "--out", "run.rdt", "-q"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut input, mut answers) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for (number, draft) in drafts().lines().enumerate() {
        writeln!(input, "{draft}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("{{\"sequence\":{number},")), "{answer}");
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn refused_requests_of_an_enforced_run_are_answered_so() {
    let mut sandbox = Sandbox::new();
    let enforced = drafts().replacen("\"observed\"", "\"enforced\"", 1);
    assert_eq!(sandbox.run_on(&["record", "--out", "run.rdt", "-q"], enforced.as_bytes()).exit, 0);
    assert_eq!(sandbox.run(&["show", "run.rdt"]).exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn the_same_drafts_and_seed_give_the_same_file() {
    let mut sandbox = Sandbox::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(sandbox.path(folder)).unwrap();
        sandbox.record(&format!("{folder}/run.rdt"), &["--reproducible", "seed"], &drafts());
    }
    sandbox.record("run.rdt", &["--reproducible", "other"], &drafts());
    assert_eq!(sandbox.read("a/run.rdt"), sandbox.read("b/run.rdt"));
    assert_ne!(sandbox.read("a/run.rdt"), sandbox.read("run.rdt"));
}

#[test]
fn a_recorder_that_is_killed_loses_nothing_that_it_answered() {
    for answered in [1, 2, 4, 6] {
        let mut sandbox = Sandbox::new();
        sandbox.key("key", 7);
        let mut command = sandbox.command(&["record", "--out", "run.rdt", "--key", "key", "-q"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut input, mut answers) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        input.write_all(drafts().as_bytes()).unwrap();
        for _ in 0..answered {
            let mut answer = String::new();
            answers.read_line(&mut answer).unwrap();
            assert!(answer.contains("\"durable\":true"), "{answer}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if sandbox.quietly(&["replay", "run.rdt", "--json"], b"").json()["results"][0]["gaps"]
            .to_string()
            .contains("unsealed")
        {
            let recover = ["record", "--out", "run.rdt", "--key", "key", "--recover", "--close", "aborted"];
            let recovered = sandbox.quietly(&recover, b"");
            assert_eq!(recovered.exit, 0, "after {answered}: {}", recovered.stderr);
        }
        let replayed = sandbox.quietly(&["replay", "run.rdt", "--trust", "key.roots.json", "--json"], b"");
        let result = &replayed.json()["results"][0];
        assert_eq!(result["valid"], "reproduced", "after {answered}: {}", replayed.stdout);
        assert!(result["records"].as_u64().unwrap() >= answered, "after {answered}: {}", replayed.stdout);
    }
}
