//! Help and completions.

use crate::sandbox::Sandbox;

const COMMANDS: [&str; 21] = [
    "import",
    "record",
    "replay",
    "show",
    "diff",
    "prove",
    "check",
    "redact",
    "policy",
    "registry",
    "keygen",
    "explain",
    "completions",
    "import chat",
    "policy check",
    "policy test",
    "policy digest",
    "policy import",
    "registry infer",
    "registry check",
    "registry schema",
];

#[test]
fn help_says_what_there_is_and_how_it_exits() {
    let mut sandbox = Sandbox::new();
    sandbox.run(&["--help"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn every_command_has_help_with_an_example_or_its_words() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let ended = sandbox.quietly(&arguments, b"");
        assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{command}");
        assert!(ended.stdout.contains("Usage: rederive"), "{command}");
        assert!(ended.stdout.lines().all(|line| line.chars().count() <= 160), "{command}");
    }
}

#[test]
fn every_shell_completes_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = sandbox.quietly(&["completions", shell], b"");
        assert_eq!(ended.exit, 0, "{shell}: {}", ended.stderr);
        for command in &COMMANDS[..13] {
            assert!(ended.stdout.contains(command), "{shell} does not complete {command}");
        }
    }
    assert_eq!(sandbox.quietly(&["completions", "ksh"], b"").exit, 2);
}
