//! Runs made readable.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn a_run_is_a_timeline_a_record_is_shown_in_full_and_its_causes_lead_to_the_goal() {
    let mut sandbox = Sandbox::with_run();
    sandbox.run(&["show", "run.rdt"]);
    sandbox.run(&["show", "run.rdt", "--record", "5"]);
    sandbox.run(&["show", "run.rdt", "--causes", "6"]);
    sandbox.run(&["show", "run.rdt", "--record", "8"]);
    insta::assert_snapshot!(sandbox.transcript());
}

/// Spec: receipt-alone.
#[test]
fn the_receipt_of_a_decision_is_taken_out_of_a_trace_whole_and_verifies_alone() {
    let mut sandbox = crate::explore::gated();
    let json = sandbox.quietly(&["show", "run.rdt", "--json"], b"").stdout;
    let records = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let is_decision = |record: &serde_json::Value| record["kind"] == "decision.made";
    let numbers: Vec<String> =
        records.filter(is_decision).map(|record| record["sequence"].to_string()).collect();
    let take = |sandbox: &mut Sandbox, number: &str, out: &str| {
        sandbox.run(&["show", "run.rdt", "--record", number, "--receipt", out]).exit
    };
    assert_eq!(take(&mut sandbox, &numbers[0], "a.receipt"), 0);
    let verified = sandbox.quietly(&["verify", "a.receipt", "--trust", "roots.json", "--json"], b"").json();
    assert_eq!(
        (&verified["holds"], &verified["receipt"]["sequence"].to_string()),
        (&true.into(), &numbers[0])
    );
    let taken = sandbox.read("a.receipt");
    assert_eq!(take(&mut sandbox, &numbers[1], "a.receipt"), 2, "nothing is written over");
    assert_eq!(sandbox.read("a.receipt"), taken);
    for (number, out) in [("0", "b.receipt"), ("100000", "b.receipt"), (numbers[0].as_str(), "-")] {
        assert_eq!(take(&mut sandbox, number, out), 2);
    }
    assert_eq!(sandbox.run(&["show", "run.rdt", "--receipt", "b.receipt"]).exit, 2);
    assert_eq!(sandbox.run(&["verify", "run.rdt", "--trust", "roots.json"]).exit, 2);
    assert!(!sandbox.path("b.receipt").exists());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn where_no_record_has_a_receipt_or_it_is_redacted_that_is_said() {
    let sandbox = Sandbox::with_run();
    let ended = sandbox.quietly(&["show", "run.rdt", "--record", "5", "--receipt", "a.receipt"], b"");
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("no record of it has one"), "{}", ended.stderr);
    let sandbox = crate::explore::gated();
    let redact = ["redact", "run.rdt", "--all", "--out", "redacted.rdt"];
    assert_eq!(sandbox.quietly(&redact, b"").exit, 0);
    let json = sandbox.quietly(&["show", "run.rdt", "--json"], b"").stdout;
    let mut records = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let decided = records.find(|record| record["kind"] == "decision.made").unwrap()["sequence"].to_string();
    let take = ["show", "redacted.rdt", "--record", &decided, "--receipt", "a.receipt"];
    let ended = sandbox.quietly(&take, b"");
    assert_eq!((ended.exit, sandbox.path("a.receipt").exists()), (4, false), "{}", ended.stderr);
}

#[test]
fn the_json_view_has_every_record_and_on_demand_its_contents() {
    let sandbox = Sandbox::with_run();
    let all = sandbox.quietly(&["show", "run.rdt", "--json"], b"");
    let records: Vec<serde_json::Value> =
        all.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 8);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["sequence"], number);
    }
    let one = sandbox.quietly(&["show", "run.rdt", "--record", "6", "--json", "--content"], b"").json();
    assert_eq!(one["contents"][0]["text"], "shelf 4");
    assert_eq!(one["contents"][0]["commitment"], records[6]["contents"][0]["commitment"]);
    assert!(records[6]["contents"][0].get("text").is_none());
    let causes = sandbox.quietly(&["show", "run.rdt", "--causes", "6", "--json"], b"").json();
    assert_eq!(causes["chain"], serde_json::json!([6, 5, 4, 3, 2, 1]));
    assert_eq!(causes["reaches_goal"], true);
}

#[test]
fn content_cannot_steer_the_terminal_however_it_is_shown() {
    let mut sandbox = Sandbox::new();
    let hostile = r#"{\"query\":\"manual\"}\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp\r\nrm -rf\u0008"#;
    let drafts =
        drafts().replace(r#"{\"query\":\"manual\"}"#, hostile).replace("shelf 4", "shelf\\u001b[31m 4");
    sandbox.record("run.rdt", &["--reproducible", "seed"], &drafts);
    for arguments in [
        &["show", "run.rdt"][..],
        &["show", "run.rdt", "--content"],
        &["show", "run.rdt", "--record", "4"],
        &["show", "run.rdt", "--record", "4", "--content"],
        &["show", "run.rdt", "--causes", "6"],
    ] {
        let ended = sandbox.run(arguments);
        let steers =
            |char: char| (char.is_control() && char != '\n') || matches!(char, '\u{202a}'..='\u{202e}');
        assert!(!ended.stdout.contains(steers), "{arguments:?}: {}", ended.stdout.escape_debug());
    }
    let json = sandbox.quietly(&["show", "run.rdt", "--json", "--content"], b"");
    assert!(!json.stdout.contains(|char: char| char.is_ascii_control() && char != '\n'));
    insta::assert_snapshot!(sandbox.transcript());
}

#[cfg(unix)]
#[test]
fn a_file_name_cannot_steer_the_terminal() {
    let sandbox = Sandbox::with_run();
    let hostile = "traces/\u{1b}[2Jrun\u{202e}.rdt";
    sandbox.write(hostile, sandbox.read("run.rdt"));
    sandbox.write("traces/\u{1b}[31mbent.rdt", "nothing");
    for arguments in [&["replay", "traces"][..], &["show", hostile], &["show", "traces/\u{1b}]0;none.rdt"]] {
        let ended = sandbox.quietly(arguments, b"");
        let said = ended.stdout + &ended.stderr;
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {}", said.escape_debug());
    }
    let json = sandbox.quietly(&["replay", "traces", "--json"], b"").json();
    assert!(json["results"][1]["path"] == hostile || json["results"][0]["path"] == hostile, "{json}");
}

#[test]
fn what_is_no_trace_is_refused_with_a_hint() {
    let mut sandbox = Sandbox::new();
    sandbox.write("notes.txt", "not a trace\n");
    sandbox.write("empty.rdt", "");
    for name in ["notes.txt", "missing.rdt", "empty.rdt", "."] {
        sandbox.run(&["show", name]);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// What was dispatched follows from the policy in force as well: the chain tells why the call was made.
#[test]
fn the_causes_of_a_gated_call_lead_through_its_proposal_the_answer_and_the_prompt() {
    let sandbox = crate::explore::gated();
    let told = sandbox.quietly(&["show", "run.rdt", "--causes", "38", "--json"], b"").json();
    let chain: Vec<u64> =
        told["chain"].as_array().unwrap().iter().map(|record| record.as_u64().unwrap()).collect();
    let [dispatched, proposed, answered, sent, pinned] = [38, 23, 16, 15, 1];
    assert_eq!(chain.first(), Some(&dispatched));
    for link in [proposed, answered, sent] {
        assert!(chain.contains(&link), "{link}: {chain:?}");
    }
    assert!(!chain.contains(&pinned), "{chain:?}");
}

#[test]
fn a_record_that_is_no_number_is_refused_in_words_for_the_user() {
    let sandbox = Sandbox::with_run();
    for arguments in [
        &["show", "run.rdt", "--record", "abc"][..],
        &["show", "run.rdt", "--causes", "1x"],
        &["diff", "run.rdt", "run.rdt", "--at", "1.5"],
        &["redact", "run.rdt", "--out", "a.rdt", "--record", "1,x"],
        &["prove", "run.rdt", "--out", "a.proof", "--record", "x"],
    ] {
        let ended = sandbox.quietly(arguments, b"");
        assert_eq!(ended.exit, 2, "{arguments:?}");
        assert!(ended.stderr.contains("expected the number of a record"), "{arguments:?}: {}", ended.stderr);
    }
    let ended = sandbox.quietly(&["show", "-"], &sandbox.read("run.rdt"));
    assert!(ended.stdout.contains("`rederive replay` of the same bytes does that"), "{}", ended.stdout);
}
