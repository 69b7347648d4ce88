//! Runs changed in every way that has a name.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

/// A sandbox with the gated run of the fixtures, its keys' trust roots, and in `bundles` what it pins.
pub(crate) fn gated() -> Sandbox {
    let sandbox = Sandbox::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    sandbox.write("run.rdt", read(fixtures.join("traces/good/gated.rdt")));
    sandbox.write("roots.json", read(fixtures.join("keys/gated-trust.json")));
    std::fs::create_dir(sandbox.path("bundles")).unwrap();
    for file in std::fs::read_dir(fixtures.join("bundles")).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            let name = file.file_name().into_string().unwrap();
            sandbox.write(&format!("bundles/{name}"), read(file.path()));
        }
    }
    sandbox
}

/// The bundle of [`gated`], as a path in its sandbox.
pub(crate) fn pinned(sandbox: &Sandbox) -> String {
    let names = sandbox.files("bundles").into_iter();
    let bundle = names.into_iter().find(|name| name.ends_with(".tar")).unwrap();
    format!("bundles/{bundle}")
}

#[test]
fn everything_that_must_be_noticed_is_and_what_is_not_applicable_has_a_name() {
    let mut sandbox = gated();
    assert_eq!(sandbox.run(&["explore", "run.rdt", "--cases", "200"]).exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn json_is_the_same_for_every_number_of_threads_and_counts_every_case() {
    let sandbox = gated();
    let told = |jobs: &str| {
        let ended = sandbox
            .quietly(&["explore", "run.rdt", "--cases", "150", "--seed", "9", "--json", "--jobs", jobs], b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        let mut json = ended.json();
        json["seconds"] = 0.into();
        json
    };
    let one = told("1");
    assert_eq!(one, told("3"));
    let run = &one["results"][0];
    let noticed: u64 =
        run["noticed"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let others = ["outside", "unchanged", "failed"].map(|name| run[name].as_u64().unwrap());
    assert_eq!(noticed + others.iter().sum::<u64>(), 150, "what the run has nothing for counts as no case");
    assert!(run["not_applicable"].as_u64().unwrap() > 0);
    assert!(run["unfit"].as_array().unwrap().iter().any(|name| name == "memory-never-written"));
}

/// Several runs are spliced into each other, the next into each and the first into the last; one alone has a drawn run beside it, and so has the only run among copies of it.
#[test]
fn records_and_segments_are_spliced_from_the_next_run_that_is_given() {
    let sandbox = gated();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/traces/good");
    let read = |name: &str| std::fs::read(traces.join(name)).unwrap();
    sandbox.write("copy.rdt", read("gated.rdt"));
    sandbox.write("segments.rdt", read("segments.rdt"));
    sandbox.write("zoned-open.rdt", b"no trace");
    let seconds = |paths: &[&str]| {
        let words = [&["explore"], paths, &["--cases", "40", "--json"]].concat();
        let results = sandbox.quietly(&words, b"").json()["results"].clone();
        let second = |run: &serde_json::Value| run["second"].as_str().map(str::to_owned);
        results.as_array().unwrap().iter().map(second).collect::<Vec<_>>()
    };
    let [gated, segments] = ["run.rdt", "segments.rdt"].map(|name| Some(name.to_owned()));
    assert_eq!(seconds(&["run.rdt"]), [None]);
    assert_eq!(seconds(&["copy.rdt", "run.rdt"]), [None, None]);
    let among = seconds(&["copy.rdt", "run.rdt", "segments.rdt", "zoned-open.rdt"]);
    assert_eq!(among, [segments.clone(), segments, Some("copy.rdt".to_owned())]);
    assert_eq!(seconds(&["run.rdt", "segments.rdt"])[1], gated);
}

/// With trust roots the explorer's key counts as a stolen one: that the run is under it is noticed outside, and nothing else hides behind it.
#[test]
fn trust_roots_do_not_hide_what_is_told_under_a_stolen_key() {
    let sandbox = gated();
    let arguments = ["explore", "run.rdt", "--cases", "180", "--trust", "roots.json", "--json"];
    let ended = sandbox.quietly(&arguments, b"");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let json = ended.json();
    assert!(json["results"][0]["noticed"]["state"].as_u64().unwrap() > 40, "{json}");
}

#[test]
fn a_run_that_does_not_hold_is_told_and_not_explored() {
    let sandbox = gated();
    sandbox.change("run.rdt", |bytes| bytes[300] ^= 1);
    assert_eq!(sandbox.quietly(&["explore", "run.rdt"], b"").exit, 3);
    assert_eq!(sandbox.quietly(&["explore", "nothing.rdt"], b"").exit, 2);
}

/// What is wrong with the run before anything is changed is no fault of this program's: it is said at once, with the replay that says more.
#[test]
fn a_run_whose_receipts_nobody_trusts_is_refused_with_what_to_do() {
    let sandbox = gated();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/keys");
    sandbox.write("no-gate.json", std::fs::read(keys.join("trust.json")).unwrap());
    let words = ["explore", "run.rdt", "--trust", "no-gate.json", "--cases", "100"];
    let refused = sandbox.quietly(&words, b"");
    assert_eq!((refused.exit, refused.stdout.as_str()), (3, ""));
    for said in [
        "the run as it is is forged at policy level (V-RECEIPT)",
        "`rederive replay run.rdt --level policy --trust no-gate.json` says",
        "`--level content`",
    ] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

/// Spec: policy-compare. With what the run pins at hand its decisions are judged again, and one told otherwise under the gate's own key is noticed.
#[test]
fn with_the_bundle_at_hand_decisions_told_otherwise_are_noticed_at_policy_level() {
    let sandbox = gated();
    let told = |more: &[&str]| {
        let words = ["explore", "run.rdt", "--cases", "110", "--seed", "4", "--json"];
        let ended = sandbox.quietly(&[words.as_slice(), more].concat(), b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        ended.json()["results"][0].clone()
    };
    let is_unfit = |run: &serde_json::Value| {
        run["unfit"].as_array().unwrap().iter().any(|name| name == "decision-otherwise")
    };
    let (without, with) = (told(&[]), told(&["--bundles", "bundles"]));
    let trusted = told(&["--bundles", "bundles", "--trust", "roots.json"]);
    assert!(is_unfit(&without) && !is_unfit(&with) && !is_unfit(&trusted));
    for run in [&with, &trusted] {
        assert_eq!(run["failed"], 0, "{run}");
        assert!(run["alone"]["decision-otherwise"]["noticed"]["policy"].as_u64().unwrap() > 0, "{run}");
    }
    assert_eq!(with["alone"]["decision-reworded"], without["alone"]["decision-reworded"]);
}

/// A bundle and a registry that lie there and are not those that the run pins are not at hand.
#[test]
fn another_bundle_in_the_folder_is_not_taken_for_the_pinned_one() {
    let sandbox = gated();
    let pinned = pinned(&sandbox);
    std::fs::rename(sandbox.path(&pinned), sandbox.path("bundles/other.tar")).unwrap();
    let words = ["explore", "run.rdt", "--cases", "110", "--bundles", "bundles", "--json"];
    let ended = sandbox.quietly(&words, b"");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let unfit = &ended.json()["results"][0]["unfit"];
    assert!(unfit.as_array().unwrap().iter().any(|name| name == "decision-otherwise"), "{unfit}");
}

/// A verifier that does not look at answers and states: with what only those show, the smallest run that shows it comes back, told and changed, and a verifier that
/// does look says what is wrong with it.
#[test]
fn what_goes_unnoticed_comes_back_as_the_smallest_run_that_shows_it() {
    let sandbox = gated();
    let blind = ["explore", "run.rdt", "--level", "integrity", "--cases", "45", "--seed", "2"];
    let ended = sandbox.quietly(&[blind.as_slice(), &["--out", "unnoticed", "--json"]].concat(), b"");
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    let run = &ended.json()["results"][0];
    let unnoticed = run["unnoticed"].as_array().unwrap();
    assert!(run["failed"].as_u64().unwrap() as usize >= unnoticed.len() && unnoticed.len() > 3, "{run}");
    let forged = unnoticed.iter().find(|found| found["divergences"][0] == "outcome-forged").unwrap();
    assert!(forged["records"].as_u64().unwrap() < 6, "{forged}");
    let [told, changed] = [0, 1].map(|at| forged["written"][at].as_str().unwrap());
    let replayed = |path: &str, level: &str| {
        let ended = sandbox.quietly(&["replay", path, "--level", level, "--json"], b"");
        (ended.exit, ended.json()["results"][0]["code"].clone())
    };
    assert_eq!(replayed(told, "state").0, 0);
    assert_eq!(replayed(changed, "integrity").0, 0, "bytes and signatures hold");
    assert_eq!(replayed(changed, "state"), (1, "D-OUTCOME".into()));
    // All of it can be noticed: none goes unnoticed where somebody looks.
    assert_eq!(sandbox.quietly(&["explore", "run.rdt", "--cases", "45", "--seed", "2"], b"").exit, 0);
}

#[test]
fn what_goes_unnoticed_is_printed_record_by_record() {
    let mut sandbox = gated();
    let ended = sandbox.run(&["explore", "run.rdt", "--level", "integrity", "--cases", "30"]);
    assert_eq!(ended.exit, 1);
    insta::assert_snapshot!(sandbox.transcript());
}

/// Only some failures are told one by one: of the others it is said how many there are, and of which divergences. A change of no record's kind names the field.
#[test]
fn failures_that_are_not_told_are_counted_and_a_change_within_a_record_names_its_field() {
    let sandbox = gated();
    let ended = sandbox.quietly(&["explore", "run.rdt", "--level", "integrity", "--cases", "120"], b"");
    assert_eq!(ended.exit, 1);
    let json = sandbox
        .quietly(&["explore", "run.rdt", "--level", "integrity", "--cases", "120", "--json"], b"")
        .json();
    let failed = json["results"][0]["failed"].as_u64().unwrap();
    assert!(failed > 20, "{failed}");
    let said = format!("run.rdt: and {} more that must be noticed and are not", failed - 8);
    assert!(ended.stdout.contains(&said), "{}", ended.stdout);
    let blocks: Vec<&str> = ended.stdout.split("error: ").collect();
    for block in &blocks {
        let rows = |name: &'static str| {
            block.lines().filter_map(move |line| line.trim().strip_prefix(name)).map(str::trim)
        };
        let Some(changed) = rows("changed ").next() else { continue };
        let made: Vec<&str> = changed.split(',').next().unwrap().split(" + ").collect();
        let did: Vec<&str> = rows("did ").collect();
        assert_eq!(did.len(), made.len(), "each says what it did: {block}");
        for (name, did) in made.iter().zip(did) {
            let (named, place) = did.split_once(": ").unwrap();
            assert!(named.starts_with(name) && !place.starts_with("nothing"), "{did}");
        }
    }
    let told = json["results"][0]["unnoticed"].as_array().unwrap();
    for found in told {
        let (made, did) = (found["divergences"].as_array().unwrap(), found["did"].as_array().unwrap());
        assert_eq!(made.len(), did.len(), "{found}");
    }
}

/// Without --out the run is printed where it is short, and the command that writes it is the one that was typed; what came from standard input is FILE.
#[test]
fn the_smallest_run_is_printed_with_the_command_that_writes_it() {
    let sandbox = gated();
    let words = ["explore", "run.rdt", "--level", "integrity", "--cases", "28", "--trust", "roots.json"];
    let ended = sandbox.quietly(&words, b"");
    let outcome = ended.stdout.split("error: ").find(|block| block.contains("outcome-forged")).unwrap();
    let record = outcome.lines().find_map(|line| line.trim().strip_prefix("record ")).unwrap();
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    assert_eq!((&record["kind"], &record["derived"]["outcome"]), (&"run.opened".into(), &"applied".into()));
    let (_, command) = outcome.split_once("hint: `rederive ").unwrap();
    let (command, _) = command.split_once(" --out DIR`").unwrap();
    let words: Vec<&str> = command.split(' ').chain(["--out", "smallest"]).collect();
    let again = sandbox.quietly(&words, b"");
    assert_eq!((again.exit, again.stdout.matches("outcome-forged").count()), (1, 2), "{}", again.stdout);
    assert!(sandbox.files("smallest").contains(&"run-28-after.rdt".to_owned()));
    let piped = std::fs::read(sandbox.path("run.rdt")).unwrap();
    let piped = sandbox.quietly(&["explore", "-", "--level", "integrity", "--cases", "28"], &piped);
    assert!(piped.stdout.contains("hint: `rederive explore FILE --cases 28 "), "{}", piped.stdout);
    let broken = sandbox.quietly(&["explore", "-"], b"no trace");
    assert!(broken.stderr.contains("hint: `rederive replay FILE` says"), "{}", broken.stderr);
}

/// Runs of one name in two folders do not meet under --out; what was written by the same exploration before is no hindrance; what cannot be written is told, and
/// nothing else is lost for it.
#[test]
fn what_goes_unnoticed_is_written_once_for_each_run_and_no_report_is_lost_for_it() {
    let sandbox = gated();
    std::fs::create_dir_all(sandbox.path("runs/one")).unwrap();
    std::fs::create_dir_all(sandbox.path("runs/two")).unwrap();
    std::fs::copy(sandbox.path("run.rdt"), sandbox.path("runs/one/run.rdt")).unwrap();
    std::fs::copy(sandbox.path("run.rdt"), sandbox.path("runs/two/run.rdt")).unwrap();
    let words = ["explore", "runs", "--level", "integrity", "--cases", "26", "--out", "unnoticed", "--json"];
    let (first, again) = (sandbox.quietly(&words, b""), sandbox.quietly(&words, b""));
    let written = sandbox.files("unnoticed");
    let starting = |stem: &str| written.iter().filter(|name| name.starts_with(stem)).count();
    assert_eq!((first.exit, again.exit), (1, 1), "{}{}", first.stderr, again.stderr);
    assert!(starting("one-run-") >= 2 && starting("one-run-") == starting("two-run-"), "{written:?}");
    assert_eq!(first.json()["results"], again.json()["results"]);
    sandbox.change(&format!("unnoticed/{}", written[0]), |bytes| bytes[9] ^= 1);
    let hindered = sandbox.quietly(&words, b"");
    assert!(hindered.exit == 2 && hindered.stderr.contains("exists already"), "{}", hindered.stderr);
    assert_eq!(hindered.json()["results"][0]["failed"], first.json()["results"][0]["failed"]);
    assert!(hindered.json()["results"][0]["unnoticed"][0]["fixture"][0].is_string());
    let no_folder = ["explore", "run.rdt", "--cases", "26", "--out", "roots.json"];
    let refused = sandbox.quietly(&no_folder, b"");
    assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""), "nothing was explored for nothing");
}

/// The tool where no file may be longer than 1 KiB: what writes more is killed in the middle of it, or, where it is told that the file is too long, goes on as on a
/// full disk.
#[cfg(unix)]
fn cramped(sandbox: &Sandbox, is_told: bool, words: &[&str]) -> std::process::Output {
    let tool = sandbox.command(words);
    let mut shell = std::process::Command::new("bash");
    let told = if is_told { "trap '' XFSZ;" } else { "" };
    shell.args(["-c", &format!("{told} ulimit -c 0 -f 1; exec \"$0\" \"$@\"")]);
    shell.arg(tool.get_program()).args(tool.get_args()).current_dir(sandbox.path("")).output().unwrap()
}

#[cfg(unix)]
const WRITING: [&str; 9] =
    ["explore", "run.rdt", "--level", "integrity", "--cases", "26", "--out", "unnoticed", "--json"];

/// Whatever ends the process while it writes, no half of a file has the name of a whole one; and the same exploration again writes what is missing.
#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_writing_leaves_no_half_of_a_file_under_its_name() {
    use std::os::unix::process::ExitStatusExt as _;
    let sandbox = gated();
    let killed = cramped(&sandbox, false, &WRITING);
    assert!(killed.status.signal().is_some(), "it was killed: {killed:?}");
    let left = sandbox.files("unnoticed");
    assert!(!left.is_empty() && left.iter().all(|name| name.starts_with(".rederive-")), "{left:?}");
    let half = sandbox.read(&format!("unnoticed/{}", left[0]));
    assert_eq!(half.len(), 1024, "as far as it came");
    let again = sandbox.quietly(&WRITING, b"");
    assert_eq!((again.exit, again.stderr.as_str()), (1, ""));
    let written = sandbox.files("unnoticed").into_iter().filter(|name| name.ends_with(".rdt"));
    assert!(written.map(|name| sandbox.read(&format!("unnoticed/{name}"))).all(|bytes| bytes.len() > 1024));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_written_whole_is_told_and_leaves_nothing_behind() {
    let sandbox = gated();
    let ended = cramped(&sandbox, true, &WRITING);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: cannot write unnoticed/run-") && said.contains("file too large"),
        "{said}"
    );
    assert_eq!(sandbox.files("unnoticed"), Vec::<String>::new());
    let json: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(json["results"][0]["unnoticed"][0]["fixture"][1].is_string(), "the report has it all the same");
    let words = cramped(&sandbox, true, &WRITING[..WRITING.len() - 1]);
    assert!(String::from_utf8(words.stdout).unwrap().contains("hint: --json has the smallest run"));
}

#[test]
fn standard_output_is_no_folder() {
    let sandbox = gated();
    for words in
        [["explore", "run.rdt", "--out", "-"].as_slice(), &["import", "chat", "a.json", "--out", "-"]]
    {
        let ended = sandbox.quietly(words, b"");
        assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""));
        assert!(ended.stderr.contains("`-` is none") && ended.stderr.contains("./-"), "{}", ended.stderr);
    }
    assert!(!sandbox.path("-").exists());
}

/// An imported run under the keys that `keygen` trusts, as the ready-made CI job explores it.
#[test]
fn an_imported_run_is_explored_under_trust_roots() {
    let sandbox = Sandbox::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/invoice.json");
    sandbox.write("invoice.json", std::fs::read(example).unwrap());
    assert_eq!(sandbox.quietly(&["keygen", "--out", "key", "--trust", "roots.json"], b"").exit, 0);
    let import = ["import", "chat", "invoice.json", "--out", "traces", "--key", "key"];
    assert_eq!(sandbox.quietly(&import, b"").exit, 0);
    for seed in ["0", "1"] {
        let words = ["explore", "traces", "--trust", "roots.json", "--cases", "120", "--seed", seed];
        let ended = sandbox.quietly(&words, b"");
        assert_eq!(ended.exit, 0, "{}", ended.stdout);
    }
}
