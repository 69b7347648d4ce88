//! A folder to run the tool in, and a transcript of what it said there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An empty folder; paths in it are relative, so that transcripts name no machine.
pub(crate) struct Sandbox {
    dir: TempDir,
    transcript: String,
}

/// How one command ended.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: i32,
}

impl Ended {
    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), transcript: String::new() }
    }

    /// A sandbox with `key`, `roots.json`, and `run.rdt`: a run of eight records, signed by the key.
    pub(crate) fn with_run() -> Self {
        let mut sandbox = Self::new();
        sandbox.key("key", 7);
        sandbox.record("run.rdt", &["--key", "key", "--reproducible", "seed"], &drafts());
        sandbox
    }

    /// Writes a signing key that is the same in every test, and the trust roots for it.
    pub(crate) fn key(&mut self, name: &str, seed: u8) {
        let digits = format!("{seed:02x}").repeat(32);
        self.write(name, format!("rederive signing key 1\n{digits}\n"));
        let public = rederive_evidence::keys::SigningKey::parse(&self.read_text(name)).unwrap();
        let public = rederive_evidence::keys::Signer::public_key(&public).to_hex();
        let roots =
            format!("{{\"rederive_trust\":1,\"keys\":[{{\"key\":\"{public}\",\"role\":\"recorder\"}}]}}");
        self.write(&format!("{name}.roots.json"), roots);
    }

    /// Records drafts, which must go well.
    pub(crate) fn record(&mut self, out: &str, options: &[&str], drafts: &str) {
        let mut arguments = vec!["record", "--out", out, "--quiet"];
        arguments.extend(options);
        let ended = self.quietly(&arguments, drafts.as_bytes());
        assert_eq!(ended.exit, 0, "{}{}", ended.stdout, ended.stderr);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Changes the bytes of a file.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(name);
        change(&mut bytes);
        self.write(name, bytes);
    }

    /// Names of the files below a folder, sorted.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(folder))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// Runs the tool and notes in the transcript what it said.
    pub(crate) fn run(&mut self, arguments: &[&str]) -> Ended {
        self.run_on(arguments, b"")
    }

    /// The same with standard input.
    pub(crate) fn run_on(&mut self, arguments: &[&str], stdin: &[u8]) -> Ended {
        let ended = self.quietly(arguments, stdin);
        let shown: Vec<&str> =
            arguments.iter().map(|word| if word.is_empty() { "''" } else { word }).collect();
        writeln!(self.transcript, "$ rederive {}", shown.join(" ")).unwrap();
        self.transcript.push_str(&ended.stdout);
        for line in ended.stderr.lines() {
            writeln!(self.transcript, "stderr: {line}").unwrap();
        }
        writeln!(self.transcript, "exit {}\n", ended.exit).unwrap();
        ended
    }

    /// Runs the tool; the transcript does not hear of it.
    pub(crate) fn quietly(&self, arguments: &[&str], stdin: &[u8]) -> Ended {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        // A tool that stops early does not read all of it.
        let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ended {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().unwrap(),
        }
    }

    /// The tool's command in this folder, with nothing of the caller's environment that it looks at.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rederive"));
        command.args(arguments).current_dir(self.dir.path());
        for name in ["NO_COLOR", "TERM", "COLUMNS", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }

    /// What was said so far, with what differs from build to build in a fixed form.
    pub(crate) fn transcript(&self) -> String {
        stable(&self.transcript)
    }
}

/// Hexadecimal values of at least eight digits as letters, the same value as the same letter; lengths of time and sizes of files as `#`.
pub(crate) fn stable(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut stable = String::new();
    for (number, piece) in text.split_inclusive('\n').enumerate() {
        if number > 0 && piece.starts_with("$ ") {
            seen.clear();
        }
        stable.push_str(&measures(&letters(piece, &mut seen)));
    }
    stable
}

fn letters(line: &str, seen: &mut Vec<String>) -> String {
    let mut result = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|char: char| char.is_ascii_alphanumeric()) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        result.push_str(before);
        let is_hex = matches!(word.len(), 8 | 16 | 32 | 64)
            && word.chars().all(|char| matches!(char, '0'..='9' | 'a'..='f'));
        if is_hex {
            let found = seen.iter().position(|known| known.starts_with(word)).unwrap_or_else(|| {
                seen.push(word.to_owned());
                seen.len() - 1
            });
            let letter = char::from(b'A' + u8::try_from(found % 26).unwrap());
            result.extend(std::iter::repeat_n(letter, word.len()));
        } else {
            result.push_str(word);
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

fn measures(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let unit = words[at].trim_end_matches([',', ';', '\n', ')']).to_owned();
        let is_number = words[at - 1].chars().any(|char| char.is_ascii_digit())
            && words[at - 1].chars().all(|char| char.is_ascii_digit() || char == '.' || char == ',');
        if is_number && matches!(unit.as_str(), "ms" | "s" | "kB") {
            // As wide as it was, so that columns stay.
            words[at - 1] =
                "#".repeat(if matches!(unit.as_str(), "ms" | "s") { 1 } else { words[at - 1].len() });
            if unit == "s" {
                words[at] = words[at].replacen('s', "ms", 1);
            }
        }
    }
    let mut line = words.join(" ");
    for member in ["\"seconds\":", "\"bytes\":"] {
        if let Some((before, after)) = line.clone().split_once(member) {
            let rest = after.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
            line = format!("{before}{member}#{rest}");
        }
    }
    line
}

/// The drafts of docs/record.md: an observed run of eight records.
pub(crate) fn drafts() -> String {
    block("docs/record.md", "drafts")
}

/// The text between the fences of the block of a document that follows `<!-- NAME -->`.
pub(crate) fn block(document: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(document);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
    let mark = format!("<!-- {name} -->\n");
    let (_, after) = text.split_once(&mark).unwrap_or_else(|| panic!("{document} has no block {name}"));
    let inside = after.split("```").nth(1).unwrap();
    let (_, inside) = inside.split_once('\n').unwrap();
    inside.to_owned()
}
