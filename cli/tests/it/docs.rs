//! The documents say what the tool does: their literal examples are run here.

use crate::sandbox::{Sandbox, block};

#[test]
fn the_run_of_the_record_document_is_answered_as_it_says() {
    let sandbox = Sandbox::new();
    let arguments = ["record", "--out", "run.rdt", "--reproducible", "seed"];
    let ended = sandbox.quietly(&arguments, block("docs/record.md", "drafts").as_bytes());
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert_eq!(without_build(&ended.stdout), without_build(&block("docs/record.md", "answers")));
}

#[test]
fn the_json_of_import_and_replay_is_what_the_document_says() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.jsonl", block("docs/json.md", "input"));
    let import = ["import", "chat", "runs.jsonl", "--out", "traces", "--reproducible", "seed", "--json"];
    let import = sandbox.quietly(&import, b"");
    assert_eq!(import.exit, 2, "{}", import.stderr);
    let replay = sandbox.quietly(&["replay", "traces", "--json"], b"");
    assert_eq!(replay.exit, 0, "{}", replay.stderr);
    for (ended, example) in [(import, "import"), (replay, "replay")] {
        let mut expected = serde_json::from_str(&block("docs/json.md", example)).unwrap();
        let mut found = ended.json();
        fix(&mut expected);
        fix(&mut found);
        assert_eq!(found, expected, "{example}: {}", ended.stdout);
    }
}

/// Takes out what differs from build to build, or from one machine to the next.
fn fix(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if matches!(name.as_str(), "seconds" | "bytes" | "run") {
                    assert!(member.is_number() || member.is_string(), "{name}");
                    *member = serde_json::Value::Null;
                }
                fix(member);
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(fix),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

/// The answers without number and size of the sealed run, which follow from version and encoding.
fn without_build(answers: &str) -> Vec<serde_json::Value> {
    let mut answers: Vec<serde_json::Value> =
        answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.iter_mut().for_each(fix);
    answers
}
