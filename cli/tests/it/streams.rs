//! Colour, quiet, and readers that go away.

use std::io::Read as _;
use std::process::Stdio;

use crate::sandbox::Sandbox;

#[test]
fn colour_is_off_in_pipes_on_where_asked_for_and_off_where_refused() {
    let sandbox = Sandbox::with_run();
    let is_coloured = |arguments: &[&str], no_color: Option<&str>| {
        let mut command = sandbox.command(arguments);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        output.stdout.contains(&0x1b)
    };
    assert!(!is_coloured(&["replay", "run.rdt"], None));
    assert!(is_coloured(&["replay", "run.rdt", "--color", "always"], None));
    assert!(is_coloured(&["--color", "always", "show", "run.rdt"], Some("")));
    assert!(!is_coloured(&["replay", "run.rdt", "--color", "never"], None));
    assert!(!is_coloured(&["replay", "run.rdt"], Some("1")));
}

#[test]
fn quiet_tells_only_what_is_wrong() {
    let mut sandbox = Sandbox::with_run();
    sandbox.write("chat.json", r#"{"messages":[{"role":"user","content":"hi"}]}"#);
    for arguments in [
        &["replay", "run.rdt", "-q"][..],
        &["prove", "run.rdt", "--record", "1", "--out", "a.proof", "-q"],
        &["check", "a.proof", "--trust", "key.roots.json", "-q"],
        &["redact", "run.rdt", "--out", "a.rdt", "--all", "-q"],
        &["diff", "run.rdt", "run.rdt", "-q"],
        &["import", "chat", "chat.json", "--out", "traces", "-q"],
    ] {
        let ended = sandbox.quietly(arguments, b"");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str(), ended.exit), ("", "", 0), "{arguments:?}");
    }
    sandbox.change("run.rdt", |bytes| bytes[200] ^= 1);
    let wrong = sandbox.run(&["replay", "run.rdt", "-q"]);
    assert_eq!(wrong.exit, 3);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_reader_that_goes_away_ends_the_tool_without_a_word() {
    let mut sandbox = Sandbox::new();
    // More than a pipe holds.
    let long = crate::sandbox::drafts().replace("shelf 4", &"word ".repeat(100_000));
    sandbox.record("run.rdt", &[], &long);
    let mut command = sandbox.command(&["show", "run.rdt", "--content"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_proof_is_taken_from_standard_input() {
    let sandbox = Sandbox::with_run();
    assert_eq!(sandbox.quietly(&["prove", "run.rdt", "--record", "1", "--out", "a.proof"], b"").exit, 0);
    let proof = sandbox.read("a.proof");
    let checked = sandbox.quietly(&["check", "-", "--trust", "key.roots.json"], &proof);
    assert_eq!(checked.exit, 0, "{}", checked.stderr);
}

#[test]
fn a_trace_on_standard_input_is_read_as_one_in_a_file_is() {
    let sandbox = Sandbox::with_run();
    let trace = sandbox.read("run.rdt");
    let asked: [&[&str]; 5] = [
        &["show", "FILE", "--json"],
        &["show", "FILE", "--record", "1"],
        &["diff", "FILE", "run.rdt"],
        &["prove", "FILE", "--record", "1", "--out", "OUT"],
        &["redact", "FILE", "--record", "1", "--out", "OUT"],
    ];
    for (number, asked) in asked.into_iter().enumerate() {
        let ended = |file: &str, stdin: &[u8]| {
            let out = format!("{number}.{}", if file == "-" { "stdin" } else { "file" });
            let named = |word: &str| word.replace("FILE", file).replace("OUT", &out);
            let arguments: Vec<String> = asked.iter().map(|word| named(word)).collect();
            let ended = sandbox.quietly(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), stdin);
            assert_eq!(ended.exit, 0, "{arguments:?}: {}", ended.stderr);
            let written = asked.contains(&"OUT").then(|| sandbox.read(&out));
            // What is not written is shown, and the timeline of a record does not name its file.
            (written, asked.contains(&"show").then_some(ended.stdout))
        };
        assert_eq!(ended("run.rdt", b""), ended("-", &trace), "{asked:?}");
    }
    let left = sandbox.quietly(&["diff", "-", "-"], &trace);
    assert_eq!(left.exit, 2, "{}", left.stderr);
}

#[test]
fn no_file_is_named_by_a_dash() {
    let sandbox = Sandbox::with_run();
    let asked: [&[&str]; 4] = [
        &["prove", "run.rdt", "--record", "1", "--out", "-"],
        &["redact", "run.rdt", "--record", "1", "--out", "-"],
        &["record", "--out", "-"],
        &["keygen", "--out", "-"],
    ];
    for asked in asked {
        let ended = sandbox.quietly(asked, b"");
        assert_eq!(ended.exit, 2, "{asked:?}: {}", ended.stderr);
        assert!(!sandbox.path("-").exists(), "{asked:?}");
    }
}
