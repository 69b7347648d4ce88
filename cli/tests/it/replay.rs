//! Replay of several runs at once.

use std::path::Path;

use rederive_archive::CheckWord;

use crate::sandbox::{Sandbox, drafts};

#[test]
fn jobs_change_neither_words_nor_json() {
    let mut sandbox = Sandbox::with_run();
    for number in 0..6 {
        let seed = format!("seed {number}");
        sandbox.record(
            &format!("runs/{number}.rdt").replace("runs/", "run-"),
            &["--reproducible", &seed],
            &drafts(),
        );
    }
    sandbox.write("bent.rdt", sandbox.read("run.rdt"));
    sandbox.change("bent.rdt", |bytes| bytes[300] ^= 4);
    let told = |arguments: &[&str]| {
        let ended = sandbox.quietly(arguments, b"");
        assert_eq!(ended.exit, 3);
        let time = |line: &&str| !line.contains("level state");
        let lines: Vec<&str> = ended.stdout.lines().filter(time).collect();
        lines.join("\n")
    };
    let json = |jobs: &str| {
        let mut json = sandbox.quietly(&["replay", ".", "--json", "--jobs", jobs], b"").json();
        json["seconds"] = 0.into();
        json
    };
    let (one, many) = (told(&["replay", ".", "-j", "1"]), told(&["replay", ".", "-j", "7"]));
    assert_eq!(one, many);
    assert_eq!(json("1"), json("5"));
    let paths: Vec<String> =
        json("3")["results"].as_array().unwrap().iter().map(|run| run["path"].to_string()).collect();
    assert!(paths.is_sorted() && paths.len() == 8, "{paths:?}");
}

#[test]
fn one_run_told_in_two_ways_is_equivocation_and_names_both() {
    let mut sandbox = Sandbox::with_run();
    let other = drafts().replace("shelf 4", "shelf 5");
    std::fs::create_dir(sandbox.path("theirs")).unwrap();
    // The same seed and file name: the same run's number.
    sandbox.record("theirs/run.rdt", &["--key", "key", "--reproducible", "seed"], &other);
    assert_eq!(sandbox.run(&["replay", "run.rdt", "theirs/run.rdt"]).exit, 3);
    let json = sandbox.quietly(&["replay", "theirs", "run.rdt", "--json"], b"").json();
    assert_eq!(json["equivocations"][0]["code"], "V-EQUIVOCATION");
    assert_eq!(json["verdicts"]["reproduced"], 2);
    // The same trace twice is no equivocation.
    sandbox.write("copy.rdt", sandbox.read("run.rdt"));
    assert_eq!(sandbox.quietly(&["replay", "run.rdt", "copy.rdt"], b"").exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_contradiction_shows_whatever_else_is_given_and_from_wherever_it_is_read() {
    let sandbox = Sandbox::with_run();
    let other = drafts().replace("shelf 4", "shelf 5");
    let key = ["--key", "key", "--reproducible", "seed"];
    for (name, drafts, records) in
        [("theirs", &other, 99), ("older", &drafts(), 3), ("open", &drafts(), 7), ("their-older", &other, 7)]
    {
        std::fs::create_dir(sandbox.path(name)).unwrap();
        let drafts: String = drafts.split_inclusive('\n').take(records).collect();
        let out = format!("{name}/run.rdt");
        sandbox.quietly(&[&["record", "--out", &out, "-q"], &key[..]].concat(), drafts.as_bytes());
    }
    let told = |paths: &[&str], input: &[u8]| {
        let ended = sandbox.quietly(&[&["replay", "--json"], paths].concat(), input);
        let told = ended.json()["equivocations"].as_array().map_or(0, Vec::len);
        assert_eq!(ended.exit == 3, told > 0, "{paths:?}");
        told
    };
    let run = sandbox.read("run.rdt");
    // An older copy says nothing against either, and hides nothing.
    assert_eq!(told(&["older/run.rdt", "run.rdt"], b""), 0);
    assert_eq!(told(&["older/run.rdt", "run.rdt", "theirs/run.rdt"], b""), 1);
    assert_eq!(told(&["theirs/run.rdt", "older/run.rdt", "run.rdt"], b""), 1);
    assert_eq!(told(&["-", "theirs/run.rdt"], &run), 1);
    // A head that was signed before the end binds as a header does.
    assert_eq!(told(&["open/run.rdt", "run.rdt", "older/run.rdt"], b""), 0);
    assert_eq!(told(&["open/run.rdt", "theirs/run.rdt"], b""), 1);
    assert_eq!(told(&["open/run.rdt", "their-older/run.rdt"], b""), 1);
}

/// Takes all heads but the first out of a log: what was committed with them is one append that nothing signed.
fn without_later_heads(log: &mut Vec<u8>) {
    const HEAD: u8 = 20;
    let (mut rest, mut heads) = (log.split_off(64), 0);
    while rest.len() >= 32 {
        let stored = u64::from_le_bytes(rest[8..16].try_into().unwrap()) as usize;
        let next = rest.split_off((32 + stored).next_multiple_of(64));
        let mut entry = std::mem::replace(&mut rest, next);
        let is_head = entry[0] == HEAD;
        heads += usize::from(is_head);
        if is_head && heads > 1 {
            continue;
        }
        if entry[16] > 2 {
            entry[16] = 2;
            let word = CheckWord::of(&entry[..32 + stored]);
            entry[24..32].copy_from_slice(&word.0);
        }
        log.append(&mut entry);
    }
}

/// What no head covers, nobody signed: however much there is of it, it stands for nothing.
#[test]
fn a_longer_trace_that_signed_less_hides_no_contradiction() {
    let sandbox = Sandbox::with_run();
    let drafts = drafts();
    let of = |from: usize, to: usize| {
        drafts.split_inclusive('\n').skip(from).take(to - from).collect::<Vec<_>>().concat()
    };
    let begun = ["record", "--out", "begun.rdt", "-q", "--key", "key", "--reproducible", "seed"];
    sandbox.quietly(&begun, of(0, 1).as_bytes());
    let (one, other) = (of(1, 3), of(1, 3).replace("Where", "Why"));
    assert_ne!(one, other);
    for (name, drafts) in [("one", one), ("other", other), ("longer", of(1, 7))] {
        for ending in ["rdt", "rdt-open"] {
            sandbox.write(&format!("{name}.{ending}"), sandbox.read(&format!("begun.{ending}")));
        }
        let out = format!("{name}.rdt");
        let goes_on =
            ["record", "--out", &out, "-q", "--key", "key", "--recover", "--durability", "group:99"];
        sandbox.quietly(&goes_on, drafts.as_bytes());
    }
    sandbox.change("longer.rdt-open", without_later_heads);
    let told = |paths: &[&str]| {
        let ended = sandbox.quietly(&[&["replay", "--json"], paths].concat(), b"");
        ended.json()["equivocations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(told(&["one.rdt", "other.rdt"]), 1);
    assert_eq!(told(&["longer.rdt", "one.rdt", "other.rdt"]), 1);
    assert_eq!(told(&["longer.rdt", "one.rdt"]), 0);
}

#[cfg(unix)]
#[test]
fn what_a_folder_has_and_replay_passes_over_is_told() {
    let sandbox = Sandbox::with_run();
    std::fs::create_dir_all(sandbox.path("folder/inside")).unwrap();
    sandbox.write("folder/run.rdt", sandbox.read("run.rdt"));
    assert_eq!(sandbox.quietly(&["replay", "folder"], b"").stderr, "");
    std::os::unix::fs::symlink(sandbox.path("."), sandbox.path("folder/link")).unwrap();
    let linked = sandbox.quietly(&["replay", "folder"], b"");
    assert_eq!(
        (linked.exit, linked.stderr.contains("folder/link is a link")),
        (0, true),
        "{}",
        linked.stderr
    );

    sandbox.write("folder/inside/lost.rdt-open", b"records");
    let alone = sandbox.quietly(&["replay", "folder", "--json"], b"");
    assert_eq!(
        (alone.exit, alone.json()["errors"][0]["path"].as_str()),
        (4, Some("folder/inside/lost.rdt-open"))
    );
    assert!(alone.stderr.contains("folder/inside/lost.rdt-open was not replayed"), "{}", alone.stderr);
    sandbox.write("folder/inside/lost.rdt", sandbox.read("run.rdt"));
    assert!(!sandbox.quietly(&["replay", "folder"], b"").stderr.contains("was not replayed"));
}

/// Spec: not-checked.
#[test]
fn redaction_makes_no_decision_look_checked() {
    let sandbox = Sandbox::new();
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures"));
    let trust = fixtures.join("keys/gated-trust.json");
    let bundles = fixtures.join("bundles");
    let options =
        ["--level", "policy", "--trust", trust.to_str().unwrap(), "--bundles", bundles.to_str().unwrap()];
    for (name, exit) in [
        ("bad/receipt-key", 3),
        ("bad/receipt-of-another", 1),
        ("bad/wrong-rules-of-memory", 1),
        ("good/gated", 0),
    ] {
        let bytes = std::fs::read(fixtures.join(format!("traces/{name}.rdt"))).unwrap();
        sandbox.write("run.rdt", bytes);
        let replayed = sandbox.quietly(&[&["replay", "run.rdt"], &options[..]].concat(), b"");
        assert_eq!(replayed.exit, exit, "{name}: {}", replayed.stdout);
        // First the receipts alone, then everything.
        let shown = sandbox.quietly(&["show", "run.rdt", "--json"], b"").stdout;
        let records = shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let receipts = records.filter(|record| record["kind"] == "decision.made").filter_map(|record| {
            let index = record["body"]["receipt"].as_u64()?;
            Some(record["contents"][index as usize]["commitment"].as_str().unwrap().to_owned())
        });
        let receipts: Vec<String> =
            receipts.flat_map(|commitment| ["--commitment".to_owned(), commitment]).collect();
        let receipts: Vec<&str> = receipts.iter().map(String::as_str).collect();
        for (out, which) in [("receipts.rdt", &receipts[..]), ("all.rdt", &["--all"])] {
            let redact = [&["redact", "run.rdt", "--out", out], which].concat();
            assert_eq!(sandbox.quietly(&redact, b"").exit, 0, "{name}");
            let replayed = sandbox.quietly(&[&["replay", out], &options[..]].concat(), b"");
            assert!([1, 3, 4].contains(&replayed.exit), "{name}, {out}: {}", replayed.stdout);
        }
        std::fs::remove_file(sandbox.path("receipts.rdt")).unwrap();
        std::fs::remove_file(sandbox.path("all.rdt")).unwrap();
    }
}

#[test]
fn a_sample_of_nothing_is_refused_and_one_of_everything_misses_nothing() {
    let mut sandbox = Sandbox::with_run();
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--sample", "1", "--level", "integrity"]).exit, 2);
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/traces/bad"));
    sandbox.write("length.rdt", std::fs::read(fixtures.join("wrong-content-length.rdt")).unwrap());
    let json = sandbox.quietly(&["replay", "length.rdt", "--sample", "5", "--json"], b"").json();
    assert_eq!(json["results"][0]["code"], "D-CONTENT-LENGTH");
    // A run that was stopped before its first segment closed is derived whole.
    let open: String = drafts().split_inclusive('\n').take(3).collect();
    sandbox.quietly(&["record", "--out", "open.rdt", "--key", "key", "-q"], open.as_bytes());
    let json = sandbox.quietly(&["replay", "open.rdt", "--sample", "1", "--json"], b"").json();
    assert_eq!(json["results"][0]["valid"], "reproduced");
    assert!(json["results"][0]["sampled"].is_null());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn damage_cuts_and_other_keys_are_told_apart() {
    let mut sandbox = Sandbox::with_run();
    sandbox.key("other", 8);
    let whole = sandbox.read("run.rdt");
    sandbox.write("cut.rdt", &whole[..whole.len() - 40]);
    sandbox.write("short.rdt", &whole[..30]);
    sandbox.write("text.rdt", "once upon a time there was a file that was no trace at all, not even a bit");
    sandbox.write("version.rdt", &whole);
    sandbox.change("version.rdt", |bytes| bytes[8] ^= 3);
    sandbox
        .write("log.rdt-open", "RDT-OPEN and so on, for as long as a header of a file is, and longer still");
    for name in ["cut.rdt", "short.rdt", "text.rdt", "version.rdt", "log.rdt-open"] {
        sandbox.run(&["replay", name]);
    }
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--trust", "other.roots.json"]).exit, 3);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_trace_is_read_from_standard_input_and_a_sample_says_what_it_is_worth() {
    let mut sandbox = Sandbox::with_run();
    let bytes = sandbox.read("run.rdt");
    assert_eq!(sandbox.run_on(&["replay", "-", "--level", "content"], &bytes).exit, 0);
    assert_eq!(sandbox.run(&["replay", "run.rdt", "--sample", "1", "--seed", "7"]).exit, 0);
    let json = sandbox.quietly(&["replay", "run.rdt", "--sample", "1", "--json"], b"").json();
    assert_eq!((&json["results"][0]["valid"], &json["verdicts"]["sampled"]), (&"sampled".into(), &1.into()));
    assert!(json["seed"].is_u64());
    let sampled = serde_json::json!({"segments": 1, "of": 1, "confidence": 0.95, "altered": 1});
    assert_eq!(json["results"][0]["sampled"], sampled);
    // Of two runs it is told where the draw is worth least.
    sandbox.write("more/copy.rdt", &bytes);
    let both = sandbox.quietly(&["replay", "run.rdt", "more", "--sample", "1", "--seed", "7"], b"");
    assert!(both.stdout.contains(", of which it tells least, been altered, this draw"), "{}", both.stdout);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn folders_without_traces_and_files_that_are_missing_stop_no_other() {
    let mut sandbox = Sandbox::with_run();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    assert_eq!(sandbox.run(&["replay", "empty", "missing.rdt", "run.rdt", "run.rdt"]).exit, 2);
    let json = sandbox.run(&["replay", "missing.rdt", "run.rdt", "--json"]);
    assert_eq!(json.json()["runs"], 1);
    assert_eq!(json.json()["errors"][0]["path"], "missing.rdt");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn of_many_runs_with_failures_the_first_are_told_and_json_lists_all() {
    let sandbox = Sandbox::new();
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let bad = std::fs::read(tree.join("fixtures/traces/bad/effect-after-refusal.rdt")).unwrap();
    for number in 0..23 {
        sandbox.write(&format!("runs/{number}.rdt"), &bad);
    }
    let ended = sandbox.quietly(&["replay", "runs"], b"");
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("an effect whose request was refused").count(), 20);
    assert!(ended.stdout.contains("and such effects in 3 more runs: --json lists all"), "{}", ended.stdout);
    let results = sandbox.quietly(&["replay", "runs", "--json"], b"").json()["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|run| run["failures"].as_array().unwrap().len() == 1));
}
