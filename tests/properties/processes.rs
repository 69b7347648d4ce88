//! What is told of a run depends on nothing around the process that tells it: neither threads, locale, time zone, place, nor the hash seed that each
//! process draws for itself.
//!
//! The processes are this test binary once more: [`teller`] is what each runs.

use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rederive_archive::Packing;
use rederive_archive::storage::OsStorage;
use rederive_evidence::digest::{Purpose, digest};
use rederive_import::Format;
use rederive_policy::{Bundle, Cedar, Engine, Registry};
use rederive_recorder::Durability;
use rederive_replay::{Level, Options, StandingGrant, WhatIf, diff, replay, whatif_bytes};
use rederive_verify::TrustRoots;

use crate::traces::{options, recorded_enforced, recorded_with};

/// The file that [`teller`] writes to; without it there is nothing to tell.
const FILE: &str = "REDERIVE_TELLER_FILE";

pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// All that is told of the golden traces, of a transcript that is imported, recorded and judged, and of a run that is recorded.
fn told() -> String {
    let roots = TrustRoots::parse(&fs::read(project("fixtures/keys/trust.json")).unwrap()).unwrap();
    let mut lines = Vec::new();
    for folder in ["good", "open", "bad"] {
        let entries = fs::read_dir(project("fixtures/traces").join(folder)).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "rdt"));
        paths.sort_unstable();
        for path in paths {
            for level in Level::ALL {
                let options = Options { level: *level, trust: Some(&roots), ..Options::default() };
                let report = replay(&OsStorage, &path, &options).unwrap();
                lines.push(format!("{} {level} {report:?}", path.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    let [one, other] = ["enforced", "key-change"]
        .map(|name| fs::read(project("fixtures/traces/good").join(name).with_extension("rdt")).unwrap());
    let [one, other] = [one, other].map(|bytes| rederive_archive::TraceReader::of(bytes).unwrap());
    lines.push(format!("{:?}", diff(&one, &other)));
    lines.push(format!("enforced {}", digest(Purpose::Content, &recorded_enforced(40))));
    lines.extend(imported());
    lines.join("\n")
}

/// A transcript as it is imported, as it is recorded, and as the default bundle judges it.
fn imported() -> Vec<String> {
    let transcript = fs::read(project("examples/invoice.json")).unwrap();
    let format = Format::Chat { messages: None };
    let run = format.entries("invoice.json", &transcript).next().map(|entry| format.import(entry));
    let run = run.unwrap().unwrap();
    let imported = format!("{run:?}");
    let packed = rederive_recorder::Options {
        packing: Packing::Cold,
        ..options(Durability::LeftToSystem, b"processes")
    };
    let bytes = recorded_with(run.drafts, packed);
    let bundle = Cedar.compile(&Bundle::read(&project("policies/default")).unwrap()).unwrap();
    let registry = Arc::new(Registry::parse(&fs::read(project("examples/tools.json")).unwrap()).unwrap());
    let ask = WhatIf { judge: &bundle, registries: &registry, grant: StandingGrant::Messages, trust: None };
    let judged = whatif_bytes(&bytes, &ask).unwrap();
    vec![imported, digest(Purpose::Content, &bytes).to_string(), format!("{judged:?}")]
}

/// What runs in each process.
#[test]
#[ignore = "run by what_is_told_depends_on_nothing_around_the_process"]
fn teller() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let seed = std::hash::RandomState::new().hash_one(0);
    let around = format!("{seed} {} {:?}", rayon::current_num_threads(), std::env::current_dir().unwrap());
    fs::write(file, format!("{around}\n{}", told())).unwrap();
}

/// What a process tells in these surroundings: first of them, then of the runs.
fn tell(folder: &Path, name: &str, variables: &[(&str, &str)]) -> (String, String) {
    let file = folder.join(name);
    let place = folder.join(format!("{name} is started here"));
    fs::create_dir(&place).unwrap();
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["processes::teller", "--exact", "--ignored", "--test-threads=1"])
        .env_clear()
        .envs(variables.iter().copied())
        .env(FILE, &file)
        .current_dir(&place)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let text = fs::read_to_string(file).unwrap();
    let (around, told) = text.split_once('\n').unwrap();
    (around.to_owned(), told.to_owned())
}

/// Spec: verdict-deterministic.
#[test]
fn what_is_told_depends_on_nothing_around_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let plain = [("RAYON_NUM_THREADS", "1"), ("TZ", "UTC"), ("LC_ALL", "C")];
    let far = [
        ("RAYON_NUM_THREADS", "7"),
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("HOME", "/nowhere"),
        ("PATH", ""),
        ("RUST_BACKTRACE", "full"),
    ];
    let (around, told) = tell(folder.path(), "plain", &plain);
    let (other, again) = tell(folder.path(), "far", &far);
    for (one, other) in around.split(' ').zip(other.split(' ')).take(3) {
        assert_ne!(one, other, "the surroundings do differ");
    }
    let differs = told.lines().zip(again.lines()).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(told, again);
    assert!(told.lines().count() > 60 * Level::ALL.len(), "{}", told.lines().count());
}
