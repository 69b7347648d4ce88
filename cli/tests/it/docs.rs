//! The documents say what the tool does: their literal examples are run here.

use std::path::Path;

use crate::sandbox::{Sandbox, block};

#[test]
fn the_run_of_the_record_document_is_answered_as_it_says() {
    let sandbox = Sandbox::new();
    let arguments = ["record", "--out", "run.rdt", "--reproducible", "seed"];
    let ended = sandbox.quietly(&arguments, block("docs/record.md", "drafts").as_bytes());
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert_eq!(without_build(&ended.stdout), without_build(&block("docs/record.md", "answers")));
}

/// The page that docs/approvers.md shows is the one that Bob reads in the example of the gate; when it ends is another time.
#[test]
fn the_page_that_approvers_are_shown_is_the_one_of_the_document() {
    let Some(example) = crate::readme::example() else {
        eprintln!(
            "SKIPPED: the example of the gate is not built, and what docs/approvers.md shows of it is not checked"
        );
        return;
    };
    let sandbox = Sandbox::new();
    let ended = std::process::Command::new(example).arg(sandbox.path("mailer")).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    let (_, page) = said.split_once("--- what Bob reads\n").unwrap();
    let (page, _) = page.split_once("---\n").unwrap();
    let without_end = |page: &str| page.split_once("Ends\n").unwrap().0.to_owned();
    assert_eq!(without_end(page), without_end(&block("docs/approvers.md", "page")));
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

#[test]
fn no_command_writes_a_member_that_the_document_does_not_have() {
    let mut sandbox = Sandbox::with_run();
    let changed = crate::sandbox::drafts().replace("shelf 4", "shelf 5");
    sandbox.record("other.rdt", &["--key", "key"], &changed);
    sandbox.record(
        "shorter.rdt",
        &["--key", "key"],
        &changed.replace("shelf 5", "shelf 4").replace("\"causes\":[6],", ""),
    );
    for arguments in [
        ["--record", "6", "--content", "--out", "a.proof"],
        ["--tool", "search", "--quiet", "--out", "b.proof"],
    ] {
        let ended = sandbox.quietly(&[&["prove", "run.rdt", "--json"][..], &arguments].concat(), b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        for member in ended.json().as_object().unwrap().keys() {
            assert!(members("prove").contains(member), "prove writes {member}");
        }
    }
    let check = |proof: &'static str| ["check", proof, "--trust", "key.roots.json", "--json"];
    let commands: [(&str, &[&str]); 11] = [
        ("import", &["import", "chat", "missing.json", "--out", "traces", "--json"]),
        ("replay", &["replay", "run.rdt", "missing.rdt", "--sample", "1", "--json"]),
        ("show", &["show", "run.rdt", "--causes", "6", "--json"]),
        ("diff", &["diff", "run.rdt", "run.rdt", "--json"]),
        ("diff", &["diff", "run.rdt", "other.rdt", "--json"]),
        ("diff", &["diff", "run.rdt", "shorter.rdt", "--json"]),
        ("check", &check("a.proof")),
        ("check", &check("b.proof")),
        ("check", &check("key")),
        ("redact", &["redact", "run.rdt", "--out", "c.rdt", "--all", "--json"]),
        ("review", &["review", "run.rdt", "--json"]),
    ];
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/default");
    let check_bundle = ["policy", "check", bundle.to_str().unwrap(), "--json"];
    let commands = commands.into_iter().chain([("policy check", &check_bundle[..])]);
    for (section, arguments) in commands {
        let documented = members(section);
        let ended = sandbox.quietly(arguments, b"");
        for member in ended.json().as_object().unwrap().keys() {
            assert!(documented.contains(member), "{arguments:?} writes {member}: {documented:?}");
        }
    }
}

/// The members that the tables of a command's section name.
pub(crate) fn members(command: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("## `rederive {command} ")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names =
        section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    names.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
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
