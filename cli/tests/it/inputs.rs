//! Inputs under unusual paths: pipes, devices, links, and files of more bytes than there is memory.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::sandbox::{Ended, Sandbox, drafts};

/// Runs the tool while another thread writes `bytes` into the pipe `name`.
fn through_pipe(sandbox: &Sandbox, name: &str, bytes: &[u8], arguments: &[&str]) -> Ended {
    let (path, bytes) = (sandbox.path(name), bytes.to_vec());
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || drop(OpenOptions::new().write(true).open(path).unwrap().write_all(&bytes))
    });
    let ended = sandbox.quietly(arguments, b"");
    // A tool that did not read leaves the writer waiting: this reads what it left.
    let _ = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    writer.join().unwrap();
    std::fs::remove_file(path).unwrap();
    ended
}

#[test]
fn a_pipe_under_a_path_is_read_as_standard_input_is() {
    let sandbox = Sandbox::with_run();
    let trace = sandbox.read("run.rdt");
    let asked: [&[&str]; 6] = [
        &["replay", "PIPE", "--quiet"],
        &["show", "PIPE"],
        &["review", "PIPE"],
        &["diff", "PIPE", "run.rdt"],
        &["prove", "PIPE", "--record", "1", "--out", "OUT"],
        &["redact", "PIPE", "--all", "--out", "OUT"],
    ];
    for (number, asked) in asked.into_iter().enumerate() {
        let arguments = |pipe: &str, out: &str| -> Vec<String> {
            let out = format!("{number}.{out}");
            asked.iter().map(|word| word.replace("PIPE", pipe).replace("OUT", &out)).collect()
        };
        let expected = arguments("-", "stdin");
        let expected = sandbox.quietly(&expected.iter().map(String::as_str).collect::<Vec<_>>(), &trace).exit;
        let arguments_of_pipe = arguments("pipe", "pipe");
        let words: Vec<&str> = arguments_of_pipe.iter().map(String::as_str).collect();
        let ended = through_pipe(&sandbox, "pipe", &trace, &words);
        assert_eq!(ended.exit, expected, "{words:?}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.exit, 0, "{words:?}: {}{}", ended.stdout, ended.stderr);
        let of_process = arguments("/dev/stdin", "device");
        let words: Vec<&str> = of_process.iter().map(String::as_str).collect();
        let ended = sandbox.quietly(&words, &trace);
        assert_eq!(ended.exit, expected, "{words:?}: {}{}", ended.stdout, ended.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_leads_to_no_file_is_refused_before_anything_is_read_of_it() {
    let sandbox = Sandbox::with_run();
    for path in ["/dev/zero", "/proc/self/mem"] {
        let asked: [&[&str]; 9] = [
            &["replay", path],
            &["show", path],
            &["review", path],
            &["diff", "run.rdt", path],
            &["prove", path, "--record", "1", "--out", "x"],
            &["redact", path, "--all", "--out", "x"],
            &["explore", path],
            &["import", "chat", path, "--out", "traces"],
            &["replay", "run.rdt", "--trust", path],
        ];
        for asked in asked {
            let ended = sandbox.quietly(asked, b"");
            assert_eq!(ended.exit, 2, "{asked:?}: {}{}", ended.stdout, ended.stderr);
            assert!(ended.stderr.contains("is no regular file"), "{asked:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn of_a_file_that_is_too_long_nothing_is_read() {
    let sandbox = Sandbox::new();
    File::create(sandbox.path("long.json")).unwrap().set_len(20 << 30).unwrap();
    for path in ["long.json", "-", "/dev/stdin"] {
        // In a fifth of the memory that the most bytes of an input take.
        let tool = env!("CARGO_BIN_EXE_rederive");
        let script =
            format!("ulimit -v 900000; exec {tool} import chat {path} --out traces --jobs 2 < long.json");
        let output =
            Command::new("sh").args(["-c", &script]).current_dir(sandbox.path(".")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{path}: {said}");
        assert!(said.contains("it has more than the 4.2 GB allowed here"), "{path}: {said}");
    }
}

#[test]
fn one_file_under_several_names_is_one_run() {
    let sandbox = Sandbox::with_run();
    symlink("run.rdt", sandbox.path("link.rdt")).unwrap();
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    std::fs::copy(sandbox.path("run.rdt"), sandbox.path("folder/copy.rdt")).unwrap();
    let paths = ["replay", "run.rdt", "./run.rdt", "link.rdt", "folder", "folder/copy.rdt", "--json"];
    let replayed = sandbox.quietly(&paths, b"");
    assert_eq!(replayed.json()["runs"], 2, "{}", replayed.stdout);
}

#[test]
fn links_that_lead_nowhere_are_the_callers_mistake() {
    let sandbox = Sandbox::new();
    symlink("loop.rdt", sandbox.path("loop.rdt")).unwrap();
    symlink("absent", sandbox.path("dangling.rdt")).unwrap();
    for link in ["loop.rdt", "dangling.rdt"] {
        for asked in [&["replay", link][..], &["show", link], &["import", "chat", link, "--out", "o"]] {
            let ended = sandbox.quietly(asked, b"");
            assert_eq!(ended.exit, 2, "{asked:?}: {}{}", ended.stdout, ended.stderr);
        }
    }
}

#[test]
fn a_byte_order_mark_stands_in_nobodys_way() {
    let sandbox = Sandbox::with_run();
    let marked = |text: &str| format!("\u{feff}{text}");
    let recorded = sandbox.quietly(&["record", "--out", "b.rdt", "-q"], marked(&drafts()).as_bytes());
    assert_eq!(recorded.exit, 0, "{}", recorded.stdout);
    sandbox.write("marked.json", marked(&sandbox.read_text("key.roots.json")));
    let replayed = sandbox.quietly(&["replay", "run.rdt", "--trust", "marked.json"], b"");
    assert_eq!(replayed.exit, 0, "{}", replayed.stderr);
    sandbox.write("tools.json", marked(r#"{"tools":[{"name":"search","inputSchema":{"type":"object"}}]}"#));
    let drafted = sandbox.quietly(&["registry", "infer", "tools.json"], b"");
    assert_eq!(drafted.exit, 0, "{}", drafted.stderr);
    sandbox.write("registry.json", marked(&drafted.stdout));
    let checked = sandbox.quietly(&["registry", "check", "registry.json"], b"");
    assert_eq!(checked.exit, 0, "{}", checked.stderr);
}

/// A sandbox with `open.rdt`, four durable records and no seal, and `link.rdt`, which leads to it.
fn with_open_run() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.key("key", 7);
    let first: String = drafts().lines().take(4).flat_map(|line| [line, "\n"]).collect();
    let recorded = sandbox.quietly(&["record", "--out", "open.rdt", "--key", "key", "-q"], first.as_bytes());
    assert_eq!(recorded.exit, 4, "{}", recorded.stderr);
    symlink("open.rdt", sandbox.path("link.rdt")).unwrap();
    sandbox
}

#[test]
fn an_open_run_behind_a_link_is_whole_and_nothing_is_begun_over_it() {
    let sandbox = with_open_run();
    let records = |path: &str| sandbox.quietly(&["replay", path, "--json"], b"").json()["records"].clone();
    assert_eq!((records("link.rdt"), records("open.rdt")), (4.into(), 4.into()));
    for durability in ["every", "seal"] {
        let again = ["record", "--out", "link.rdt", "--durability", durability, "-q"];
        let again = sandbox.quietly(&again, drafts().as_bytes());
        assert_eq!(again.exit, 2, "{durability}: {}", again.stdout);
        assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    }
    assert_eq!(records("open.rdt"), 4);
    let recover = ["record", "--out", "link.rdt", "--key", "key", "--recover", "--close", "aborted"];
    let recovered = sandbox.quietly(&recover, b"");
    assert_eq!(recovered.exit, 0, "{}", recovered.stderr);
    assert_eq!(sandbox.quietly(&["replay", "open.rdt", "--trust", "key.roots.json"], b"").exit, 0);
}

#[test]
fn no_run_is_begun_behind_a_link_that_leads_nowhere() {
    let sandbox = Sandbox::new();
    symlink("elsewhere.rdt", sandbox.path("link.rdt")).unwrap();
    for durability in ["every", "seal"] {
        let recorded = sandbox
            .quietly(&["record", "--out", "link.rdt", "--durability", durability], drafts().as_bytes());
        assert_eq!(recorded.exit, 2, "{durability}: {}", recorded.stderr);
    }
    assert_eq!(sandbox.files("."), ["link.rdt"]);
}

#[test]
fn what_stands_under_a_temporary_name_is_not_written_into() {
    let sandbox = Sandbox::with_run();
    sandbox.write("chat.json", r#"{"id":"a","messages":[{"role":"user","content":"hi"}]}"#);
    assert_eq!(sandbox.quietly(&["import", "chat", "chat.json", "--out", "probe"], b"").exit, 0);
    let imported = sandbox.files("probe").remove(0);
    let asked: [(&str, &[&str], i32); 4] = [
        ("clean.rdt-new", &["redact", "run.rdt", "--all", "--out", "clean.rdt"], 2),
        (&format!("out/{imported}-new"), &["import", "chat", "chat.json", "--out", "out"], 2),
        ("seal.rdt-new", &["record", "--out", "seal.rdt", "--durability", "seal"], 2),
        ("every.rdt-open-new", &["record", "--out", "every.rdt"], 0),
    ];
    for is_hard in [false, true] {
        for (trap, asked, exit) in &asked {
            sandbox.write("victim", "worth something");
            let (trap, victim) = (sandbox.path(trap), sandbox.path("victim"));
            std::fs::create_dir_all(trap.parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(&trap);
            if is_hard { std::fs::hard_link(&victim, &trap) } else { symlink(&victim, &trap) }.unwrap();
            let ended = sandbox.quietly(asked, drafts().as_bytes());
            assert_eq!(sandbox.read_text("victim"), "worth something", "{asked:?}");
            assert_eq!(ended.exit, *exit, "{asked:?}: {}", ended.stderr);
            let is_told = *exit == 0 || ended.stderr.contains("is not written into");
            assert!(is_told, "{asked:?}: {}", ended.stderr);
            let _ = std::fs::remove_file(sandbox.path("every.rdt"));
        }
    }
}

#[test]
fn a_run_that_could_not_begin_is_not_told_to_be_gone_on_with() {
    let sandbox = Sandbox::with_run();
    for out in ["/dev/full", "/dev/null", "nowhere/run.rdt", "."] {
        for durability in ["every", "seal"] {
            let record = ["record", "--out", out, "--durability", durability, "--key", "key"];
            let ended = sandbox.quietly(&record, drafts().as_bytes());
            assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""), "{out}: {}", ended.stderr);
            let stated = ended.stderr.contains(&format!("cannot write {out}: "));
            assert!(stated && !ended.stderr.contains("hint"), "{out}: {}", ended.stderr);
        }
    }
}

#[test]
fn what_could_not_be_written_whole_leaves_nothing_and_no_wrong_advice() {
    let sandbox = Sandbox::new();
    let text = "word ".repeat(4_000).chars().rev().collect::<String>();
    sandbox.write("chat.json", format!(r#"{{"id":"a","messages":[{{"role":"user","content":"{text}"}}]}}"#));
    sandbox.write("drafts", drafts());
    let tool = env!("CARGO_BIN_EXE_rederive");
    let record = format!("{tool} record --out run.rdt --durability seal < drafts");
    let import = format!("{tool} import chat chat.json --out traces");
    for command in [record, import] {
        // No file of more than a block: as on a full disk, the write fails.
        let script = format!("trap '' XFSZ; ulimit -f 1; {command}");
        let output =
            Command::new("sh").args(["-c", &script]).current_dir(sandbox.path(".")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{command}: {said}");
        assert!(!said.contains("--recover"), "{command}: {said}");
        assert_eq!(sandbox.files("traces"), Vec::<String>::new(), "{said}");
        assert!(sandbox.files(".").iter().all(|name| !name.starts_with("run.rdt")), "{said}");
    }
}

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/default");

#[test]
fn foreign_text_in_json_steers_no_terminal() {
    let sandbox = Sandbox::with_run();
    let foreign = "a\u{202e}b\u{200b}c\u{9b}2Jd\u{7f}e";
    let schema = format!(r#"{{"type":"object","properties":{{"{foreign}":{{"type":"string"}}}}}}"#);
    sandbox.write("tools.json", format!(r#"{{"tools":[{{"name":"search","inputSchema":{schema}}}]}}"#));
    let absent = format!("{foreign}.rdt");
    for asked in [
        &["registry", "infer", "tools.json"][..],
        &["replay", "run.rdt", &absent, "--json"],
        &["whatif", "run.rdt", &absent, "--policy", POLICY, "--json"],
        &["explore", "run.rdt", &absent, "--cases", "1", "--json"],
    ] {
        let ended = sandbox.quietly(asked, b"");
        let told = &ended.stdout;
        let is_plain = |char: char| char == '\n' || !(char.is_control() || "\u{202e}\u{200b}".contains(char));
        assert!(told.chars().all(is_plain), "{asked:?}: {told:?}");
        assert!(told.contains(r"\u202eb\u200bc\u009b2Jd\u007fe"), "{asked:?}: {told}{}", ended.stderr);
        assert!(ended.json().to_string().contains(foreign), "{asked:?}: {told}");
    }
}
