//! Redaction: what is removed is gone, and nothing else changes.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn a_text_that_is_redacted_is_in_no_byte_of_the_new_file_and_every_hash_stays() {
    let mut sandbox = Sandbox::with_run();
    let before = sandbox.read("run.rdt");
    assert_eq!(sandbox.run(&["redact", "run.rdt", "--out", "clean.rdt", "--find", "the manual"]).exit, 0);
    assert_eq!(sandbox.read("run.rdt"), before, "the input is never touched");
    assert_eq!(sandbox.run(&["replay", "clean.rdt", "--trust", "key.roots.json"]).exit, 0);
    assert_eq!(sandbox.run(&["show", "clean.rdt"]).exit, 0);
    let views = ["run.rdt", "clean.rdt"].map(|name| sandbox.quietly(&["show", name, "--json"], b"").stdout);
    assert_eq!(views[0], views[1]);
    let all = sandbox.quietly(&["show", "clean.rdt", "--content", "--json"], b"").stdout;
    assert!(!all.contains("the manual") && all.contains("shelf 4"));
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn contents_are_chosen_by_commitment_by_record_and_all() {
    let mut sandbox = Sandbox::with_run();
    let record = sandbox.quietly(&["show", "run.rdt", "--record", "6", "--json"], b"").json();
    let commitment = record["contents"][0]["commitment"].as_str().unwrap().to_owned();
    let removed = |sandbox: &Sandbox, out: &str, which: &[&str]| {
        let arguments: Vec<&str> =
            ["redact", "run.rdt", "--out", out, "--json"].into_iter().chain(which.iter().copied()).collect();
        let ended = sandbox.quietly(&arguments, b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        let records = |item: &serde_json::Value| item["records"].clone();
        ended.json()["redacted"].as_array().unwrap().iter().map(records).collect::<Vec<_>>()
    };
    assert_eq!(removed(&sandbox, "a.rdt", &["--commitment", &commitment]), [serde_json::json!([6])]);
    let mut by_record = removed(&sandbox, "b.rdt", &["--record", "1,4"]);
    by_record.sort_by_key(ToString::to_string);
    assert_eq!(by_record, [serde_json::json!([1, 2]), serde_json::json!([4])]);
    assert_eq!(removed(&sandbox, "c.rdt", &["--all"]).len(), 5);
    assert_eq!(sandbox.run(&["replay", "c.rdt"]).exit, 0, "the machine reads records alone");
    // The arguments whose schema check was extracted are gone: it is taken as recorded, and that is said.
    assert_eq!(sandbox.run(&["replay", "c.rdt", "--level", "content"]).exit, 4);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_redaction_cannot_do_is_said_and_nothing_is_written() {
    let mut sandbox = Sandbox::with_run();
    let open: String = drafts().split_inclusive('\n').take(3).collect();
    sandbox.quietly(&["record", "--out", "open.rdt", "--key", "key", "-q"], open.as_bytes());
    let files = sandbox.files(".");
    for (arguments, exit) in [
        (&["redact", "run.rdt", "--out", "a.rdt", "--find", "nowhere said"][..], 2),
        (&["redact", "run.rdt", "--out", "a.rdt", "--find", ""], 2),
        (&["redact", "run.rdt", "--out", "a.rdt", "--record", "99"], 2),
        (&["redact", "run.rdt", "--out", "a.rdt"], 2),
        (&["redact", "run.rdt", "--out", "run.rdt", "--all"], 2),
        (&["redact", "run.rdt", "--out", "a.rdt", "--commitment", "beef"], 2),
        (&["redact", "open.rdt", "--out", "a.rdt", "--find", "manual"], 4),
    ] {
        assert_eq!(sandbox.run(arguments).exit, exit, "{arguments:?}");
    }
    assert_eq!(sandbox.files("."), files);
    // An identifier is no content: it is told that it stays.
    assert_eq!(sandbox.run(&["redact", "run.rdt", "--out", "b.rdt", "--find", "search"]).exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_text_is_removed_however_deep_a_reply_has_it_in_json_and_one_that_is_nowhere_is_told() {
    let sandbox = Sandbox::with_run();
    let arguments = r#"{\"to\": \"Jos\\u00E9 N\\u00fa\\u00f1ez\", \"note\": \"line 1\\nline 2\"}"#;
    let call =
        format!(r#"{{"id":"c","type":"function","function":{{"name":"pay","arguments":"{arguments}"}}}}"#);
    let run = format!(
        r#"{{"messages":[{{"role":"user","content":"pay him"}},{{"role":"assistant","content":null,"tool_calls":[{call}]}},{{"role":"tool","tool_call_id":"c","content":"ok"}},{{"role":"assistant","content":"done"}}]}}"#
    );
    sandbox.write("pay.json", run);
    sandbox.quietly(&["import", "chat", "pay.json", "--out", "."], b"");
    for (out, text) in [("name.rdt", "José Núñez"), ("lines.rdt", "line 1\nline 2")] {
        let ended = sandbox.quietly(&["redact", "pay.000000.rdt", "--find", text, "--out", out], b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        let left = sandbox.quietly(&["show", out, "--content", "--json"], b"").stdout;
        assert!(!left.contains("00E9") && !left.contains("José") && left.contains("pay him"), "{left}");
    }
    let both = ["redact", "run.rdt", "--find", "the manual", "--find", "nowhere said", "--out"];
    let ended = sandbox.quietly(&[&both[..], &["both.rdt"]].concat(), b"");
    assert_eq!(ended.exit, 0);
    assert!(ended.stderr.contains(r#"no content has "nowhere said""#), "{}", ended.stderr);
    let json = sandbox.quietly(&[&both[..], &["json.rdt", "--json"]].concat(), b"").json();
    assert_eq!(json["not_found"], serde_json::json!(["nowhere said"]));
}
