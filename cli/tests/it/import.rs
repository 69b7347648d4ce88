//! Imports: good input beside bad.

use crate::sandbox::Sandbox;

const GOOD: &str =
    r#"{"id":"one","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}"#;

fn with_inputs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.jsonl", format!("{GOOD}\n{{\"messages\": [\n\n{GOOD}\n{{\"messages\":\"none\"}}\n"));
    sandbox.write("in/deep/b.json", format!("[{GOOD},{}]", GOOD.replace("one", "../two\\u001b[2J")));
    sandbox.write("in/c.ndjson", "");
    sandbox.write("in/notes.txt", "not looked at");
    sandbox
}

#[test]
fn malformed_entries_are_named_with_place_and_reason_and_stop_no_other() {
    let mut sandbox = with_inputs();
    let import = ["import", "chat", "in", "missing.json", "--out", "out", "--reproducible", "seed"];
    assert_eq!(sandbox.run(&import).exit, 2);
    assert_eq!(
        sandbox.files("out"),
        ["a.000000.one.rdt", "a.000002.one.rdt", "deep-b.000000.one.rdt", "deep-b.000001.two-2J.rdt"]
    );
    assert_eq!(sandbox.run(&["replay", "out"]).exit, 0);
    assert_eq!(sandbox.run(&import).exit, 2, "an existing trace is not written over");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn the_same_seed_gives_the_same_files_for_any_number_of_jobs_and_wherever_the_folder_lies() {
    let sandbox = with_inputs();
    sandbox.write("elsewhere/in/a.jsonl", sandbox.read("in/a.jsonl"));
    sandbox.write("elsewhere/in/deep/b.json", sandbox.read("in/deep/b.json"));
    for (folder, out, jobs) in [("in", "x", "1"), ("elsewhere/in", "y", "4")] {
        let arguments = ["import", "chat", folder, "--out", out, "--reproducible", "seed", "--jobs", jobs];
        assert_eq!(sandbox.quietly(&arguments, b"").exit, 2);
    }
    assert_eq!(sandbox.files("x"), sandbox.files("y"));
    for name in sandbox.files("x") {
        assert_eq!(sandbox.read(&format!("x/{name}")), sandbox.read(&format!("y/{name}")), "{name}");
    }
}

#[test]
fn runs_of_files_of_one_name_say_which_file_they_are_of() {
    let sandbox = Sandbox::new();
    for folder in ["a", "b"] {
        sandbox.write(&format!("{folder}/x.json"), GOOD);
    }
    sandbox.write("y.json", GOOD);
    let import =
        ["import", "chat", "a/x.json", "b/x.json", "y.json", "--out", "out", "--reproducible", "seed"];
    assert_eq!(sandbox.quietly(&import, b"").exit, 0);
    let json = sandbox.quietly(&["replay", "out", "--json"], b"").json();
    let of = |name: &'static str| {
        json["results"].as_array().unwrap().iter().map(move |run| run[name].clone()).collect::<Vec<_>>()
    };
    let files: Vec<_> = of("source").iter().map(|source| source["file"].clone()).collect();
    assert_eq!(files, ["a/x.json", "b/x.json", "y.json"]);
    assert_ne!(of("run")[0], of("run")[1], "two runs of one seed are two runs");
}

#[test]
fn standard_input_is_a_file_and_the_pointer_finds_the_messages() {
    let mut sandbox = Sandbox::new();
    let input = r#"{"log":{"turns":[{"role":"user","content":"hi"}]}}"#;
    let import = ["import", "chat", "-", "--out", "out", "--messages", "/log/turns"];
    assert_eq!(sandbox.run_on(&import, input.as_bytes()).exit, 0);
    assert_eq!(sandbox.files("out"), ["stdin.000000.rdt"]);
    let json = sandbox.quietly(&["replay", "out", "--json"], b"").json();
    assert_eq!(json["results"][0]["source"], serde_json::json!({"file": "stdin", "entry": 0, "id": null}));
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn spans_become_runs_a_trace_id_each() {
    let mut sandbox = Sandbox::new();
    let span = |trace: &str, name: &str| {
        format!(
            r#"{{"traceId":"{trace}","spanId":"00f067aa0ba902b7","name":"chat","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000001000000000","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.request.model","value":{{"stringValue":"{name}"}}}}]}}"#
        )
    };
    let spans =
        [span("4bf92f3577b34da6a3ce929d0e0e4736", "m1"), span("5bf92f3577b34da6a3ce929d0e0e4736", "m2")]
            .join(",");
    sandbox.write("spans.json", format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#));
    assert_eq!(sandbox.run(&["import", "otel", "spans.json", "--out", "out"]).exit, 0);
    let json = sandbox.quietly(&["replay", "out", "--json"], b"").json();
    assert_eq!((&json["runs"], &json["verdicts"]["reproduced"]), (&2.into(), &2.into()));
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn runs_imported_under_a_key_are_vouched_for_by_it() {
    let mut sandbox = Sandbox::new();
    sandbox.key("key", 7);
    sandbox.write("a.json", GOOD);
    let import = ["import", "chat", "a.json", "--out", "out", "--key", "key", "--json"];
    assert_eq!(sandbox.quietly(&import, b"").json()["runs"], 1);
    let json = sandbox.quietly(&["replay", "out", "--trust", "key.roots.json", "--json"], b"").json();
    let gaps = json["results"][0]["gaps"].as_array().unwrap().clone();
    assert!(!gaps.contains(&"unattested".into()) && !gaps.contains(&"no-trust-root".into()), "{gaps:?}");
}

#[test]
fn input_without_entries_is_told() {
    let sandbox = Sandbox::new();
    let ended = sandbox.quietly(&["import", "chat", "-", "--out", "out"], b"");
    assert_eq!(ended.exit, 0);
    assert_eq!(ended.stderr, "warning: - has no entries: no run is made of it\n");
    sandbox.write("a.json", "[]");
    sandbox.write("b.json", "");
    sandbox.write("c.json", "{\"messages\":[]}");
    let import = ["import", "chat", "a.json", "b.json", "c.json", "--out", "out"];
    let ended = sandbox.quietly(&import, b"");
    assert_eq!(ended.exit, 0);
    assert!(ended.stderr.starts_with("warning: a.json has no entries, and 1 more: "), "{}", ended.stderr);
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let json = sandbox.quietly(&[&import[..], &["--json"]].concat(), b"").json();
    assert_eq!((&json["runs"], &json["empty"]), (&1.into(), &serde_json::json!(["a.json", "b.json"])));
}

#[test]
fn of_many_failures_the_first_are_told_and_json_lists_all() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.jsonl", format!("{GOOD}\n{}", "{\n".repeat(25)));
    let ended = sandbox.quietly(&["import", "chat", "bad.jsonl", "--out", "out"], b"");
    assert_eq!(ended.exit, 2);
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 20);
    assert!(ended.stderr.contains("and 5 more that failed: --json lists all"), "{}", ended.stderr);
    let json = sandbox.quietly(&["import", "chat", "bad.jsonl", "--out", "other", "--json"], b"").json();
    assert_eq!((&json["runs"], json["failed"].as_array().unwrap().len()), (&1.into(), 25));
    assert_eq!(json["failed"][24]["entry"], 25);
}

#[test]
fn an_import_that_found_no_messages_says_so_and_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write("none.json", r#"{"conversation":[{"role":"user","content":"hello"}]}"#);
    sandbox.write("some.json", r#"{"messages":[{"role":"user","content":"hello"}]}"#);
    let ended = sandbox.quietly(&["import", "chat", "none.json", "--out", "none"], b"");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    for said in ["no entry had messages", "--messages", "import otel"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let ended = sandbox.quietly(&["import", "chat", "none.json", "some.json", "--out", "both"], b"");
    assert!(ended.stderr.contains("1 of 2 runs had no messages"), "{}", ended.stderr);
    let ended = sandbox.quietly(&["import", "chat", "some.json", "--out", "some"], b"");
    assert!(!ended.stderr.contains("no messages"), "{}", ended.stderr);
}
