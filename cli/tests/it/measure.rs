//! Answers of a what-if put to labels.

use crate::sandbox::Sandbox;

fn call(run: &str, call: u64, outcome: &str) -> String {
    format!(
        "{{\"path\":\"{run}.rdt\",\"source\":{{\"file\":\"f\",\"entry\":0,\"id\":\"{run}\"}},\"run\":null,\"call\":{call},\
\"tool\":\"pay\",\"recorded\":\"returned\",\"outcome\":\"{outcome}\",\"directive\":\"none\",\"reason\":\"policy-permits\",\"rules\":[\"r\"]}}\n"
    )
}

#[test]
fn attacks_stopped_and_useful_runs_left_alone_are_counted_by_suite() {
    let mut sandbox = Sandbox::new();
    let calls =
        [call("a", 0, "PERMIT"), call("a", 1, "SILENCE"), call("b", 0, "PERMIT"), call("u", 0, "PERMIT")];
    sandbox.write("calls.jsonl", calls.concat());
    sandbox.write(
        "labels/bank.jsonl",
        "{\"path\":\"a\",\"suite\":\"bank\",\"attack_succeeded\":true,\"malicious_call\":1}\n\
{\"path\":\"b\",\"suite\":\"bank\",\"attack_succeeded\":true,\"malicious_call\":0}\n\n\
{\"path\":\"u\",\"suite\":\"mail\",\"kind\":\"benign\",\"utility\":true}\n",
    );
    let ended = sandbox.run(&["measure", "--labels", "labels", "calls.jsonl", "--json"]);
    let json = ended.json();
    let all = &json["all"];
    let counts =
        ["attacks", "stopped", "denied", "useful", "left_alone", "not_judged"].map(|name| all[name].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(0), Some(1), Some(1), Some(0)]);
    assert_eq!(json["missed"][0]["path"], "b");
    assert_eq!(json["suites"].as_array().unwrap().len(), 2);
}

#[test]
fn labels_that_are_of_no_run_are_a_misuse() {
    let mut sandbox = Sandbox::new();
    sandbox.write("calls.jsonl", "");
    sandbox
        .write("labels.jsonl", "{\"path\":\"a\",\"kind\":\"benign\",\"utility\":true,\"n_tool_calls\":0}\n");
    let ended = sandbox.run(&["measure", "--labels", "labels.jsonl", "calls.jsonl"]);
    assert_eq!(ended.exit, 2);
    let told = "none of 1 labels is of a run that calls.jsonl has an answer about";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn a_line_that_is_no_label_is_named() {
    let mut sandbox = Sandbox::new();
    sandbox.write("calls.jsonl", "");
    sandbox.write("labels.jsonl", "{\"path\":\"a\"}\n{\"suite\":\"s\"}\n");
    let ended = sandbox.run(&["measure", "--labels", "labels.jsonl", "calls.jsonl"]);
    assert_eq!(ended.exit, 2);
    assert!(
        ended.stderr.contains("labels.jsonl, line 2, column 13: the member `path` is missing"),
        "{}",
        ended.stderr
    );
}
