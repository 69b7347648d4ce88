//! Documents are run: what the `console` blocks of README.md and docs/import.md show is what the tool says. `UPDATE=1 cargo test -p rederive readme` writes them
//! anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Sandbox, block, stable};

/// The lines between which commands and what they print stand.
const FENCES: [&str; 2] = ["```console\n", "```\n"];

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md")
}

/// What a shell prints in the sandbox, standard error included. The tool is on its path.
fn shell(sandbox: &Sandbox, command: &str) -> String {
    let tool = Path::new(env!("CARGO_BIN_EXE_rederive")).parent().unwrap();
    let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("({command}) 2>&1")]).current_dir(sandbox.path("")).env("PATH", path);
    for name in ["NO_COLOR", "CLICOLOR_FORCE"] {
        shell.env_remove(name);
    }
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

/// How the tour runs the example of the gate. Here it is built already: the tests of the workspace build all examples.
const EXAMPLE: &str = "cargo run --release --quiet -p rederive-gate --example mailer --";

/// The example of the gate, where it is built.
pub(crate) fn example() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_rederive")).with_file_name("examples").join("mailer");
    built.exists().then_some(built)
}

/// A block with its commands run again, in order; none where one of them needs the example, and it is not built.
fn run_again(sandbox: &Sandbox, block: &str) -> Option<String> {
    let mut shown = String::new();
    for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
        writeln!(shown, "$ {command}").unwrap();
        let run = match (command.contains(EXAMPLE), example()) {
            (true, Some(example)) => command.replace(EXAMPLE, example.to_str().unwrap()),
            (true, None) => return None,
            (false, _) => command.to_owned(),
        };
        shown.push_str(&shell(sandbox, &run));
    }
    Some(shown)
}

/// Copies a file or a folder of the tree into the sandbox.
fn copy(sandbox: &Sandbox, path: &str) {
    let from = readme().with_file_name(path);
    if from.is_file() {
        return sandbox.write(path, std::fs::read(from).unwrap());
    }
    for entry in std::fs::read_dir(from).unwrap() {
        copy(sandbox, &format!("{path}/{}", entry.unwrap().file_name().into_string().unwrap()));
    }
}

#[test]
fn the_tour_prints_what_it_shows() {
    let sandbox = Sandbox::new();
    let example = readme().with_file_name("examples").join("invoice.json");
    sandbox.write("examples/invoice.json", std::fs::read(example).unwrap());
    copy(&sandbox, "examples/tools.json");
    for path in ["policies/default", "fixtures/traces/good/gated.rdt", "fixtures/bundles"] {
        copy(&sandbox, path);
    }
    let written = walked(&readme(), &sandbox);
    assert!(written.contains("$ rederive replay"), "the tour has no commands");
    assert!(written.contains(EXAMPLE), "the tour has no gate");
    assert!(written.contains("$ rederive explore"), "the tour changes no run");
}

#[test]
fn the_document_of_imports_prints_what_it_shows() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.jsonl", block("docs/import.md", "transcripts"));
    sandbox.write("spans.json", block("docs/import.md", "spans"));
    let written = walked(&readme().with_file_name("docs").join("import.md"), &sandbox);
    assert!(written.matches("$ rederive import").count() == 3, "the document has no commands");
}

/// Runs the blocks of a document in order, and asks that it shows what they print.
fn walked(path: &Path, sandbox: &Sandbox) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let is_update = std::env::var_os("UPDATE").is_some();
    let (mut rest, mut written) = (text.as_str(), String::new());
    while let Some((before, after)) = rest.split_once(FENCES[0]) {
        let (block, after) = after.split_once(FENCES[1]).unwrap();
        let found = run_again(sandbox, block).unwrap_or_else(|| {
            eprintln!(
                "SKIPPED: the example of the gate is not built, and what README.md shows of it is not checked"
            );
            block.to_owned()
        });
        // What changes from run to run stays as it was written; written anew, all of it is of one run.
        let kept = if !is_update && stable(block) == stable(&found) { block } else { found.as_str() };
        write!(written, "{before}{}{kept}{}", FENCES[0], FENCES[1]).unwrap();
        rest = after;
    }
    written.push_str(rest);
    if is_update {
        std::fs::write(path, &written).unwrap();
    }
    assert!(text == written || is_update, "{} is not what the tool says:\n{written}", path.display());
    written
}
