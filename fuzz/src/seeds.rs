//! Inputs to begin with, made of the fixtures, vectors and examples of the project whenever they are asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rederive_archive::log_path;
use rederive_archive::storage::faulty::{FaultyStorage, Survival};
use rederive_evidence::ids::PublicKey;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::record::Record;
use rederive_evidence::values::Mode;
use rederive_policy::Bundle;
use rederive_recorder::{Durability, Recorder};
use serde_json::Value;

use crate::chance::Chance;
use crate::collage::BASES;
use crate::runs;
use crate::traces::{options, path};
use crate::{project, traces};

/// Most words of the seeds that choices are drawn from.
const WORDS_MAX: usize = 48;
/// How many of them there are.
const CHOICES: u64 = 96;

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort_unstable();
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of the vectors in a file that are read as one of `kinds`.
fn vectors(file: &str, kinds: &[&str]) -> Vec<Vec<u8>> {
    let text = read(&project("fixtures/vectors").join(file));
    let vectors = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let vectors = vectors.map(|line| serde_json::from_slice::<Value>(line).expect("a vector"));
    let of_kind = vectors.filter(|vector| kinds.iter().any(|kind| vector["as"] == **kind));
    let hex = of_kind.filter_map(|vector| Some(unhex(vector["hex"].as_str()?)));
    hex.filter(|bytes| bytes.len() < 1 << 14).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
        u8::from_str_radix(pair, 16).expect("hexadecimal digits")
    };
    text.as_bytes().chunks(2).map(digits).collect()
}

/// The keys of vectors and fixtures, which signed what they signed and nothing else.
pub(crate) fn keys() -> BTreeSet<PublicKey> {
    let of_proofs = read(&project("fixtures/vectors/14-proofs.jsonl"));
    let vectors = of_proofs.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let named = vectors.filter_map(|line| {
        let vector: Value = serde_json::from_slice(line).expect("a vector");
        (vector["code"].is_null()).then(|| vector["key"].as_str().map(str::to_owned)).flatten()
    });
    let of_fixtures = files(&project("fixtures/keys"), ".pub").into_iter().map(|path| {
        let text = String::from_utf8(read(&path)).expect("text");
        PublicKey::parse(&text).expect("a public key")
    });
    named.map(|key| PublicKey::from_hex(&key).expect("a key")).chain(of_fixtures).collect()
}

/// The secret keys of the fixtures.
pub(crate) fn secret_keys() -> Vec<SigningKey> {
    let keys = files(&project("fixtures/keys"), ".key").into_iter().map(|path| {
        let text = String::from_utf8(read(&path)).expect("text");
        SigningKey::parse(&text).expect("a secret key")
    });
    keys.collect()
}

/// A frame of each kind of record.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let mut kinds = BTreeSet::new();
    let frames = BASES.iter().rev().flat_map(|base| base.trace.parts.iter().flat_map(|part| &part.frames));
    let first_of_kind = frames.filter(|frame| {
        let record = Record::decode_frame(frame).expect("a golden frame").0;
        kinds.insert(record.input.body.kind().code())
    });
    first_of_kind.cloned().collect()
}

/// The frames of a segment in a row.
pub(crate) fn segments() -> Vec<Vec<u8>> {
    BASES.iter().flat_map(|base| base.trace.parts.iter().map(|part| part.frames.concat())).collect()
}

/// Headers of traces and vectors.
pub(crate) fn headers() -> Vec<Vec<u8>> {
    static HEADERS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let of_traces = BASES.iter().flat_map(|base| base.trace.parts.iter().map(|part| part.header.clone()));
        of_traces.chain(vectors("06-signed.jsonl", &["header"])).collect()
    });
    HEADERS.clone()
}

/// Heads of vectors.
pub(crate) fn heads() -> Vec<Vec<u8>> {
    static HEADS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| vectors("06-signed.jsonl", &["head"]));
    HEADS.clone()
}

/// Seals of traces and vectors.
pub(crate) fn seals() -> Vec<Vec<u8>> {
    static SEALS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let of_traces = BASES.iter().map(|base| base.trace.seal.clone());
        of_traces.chain(vectors("06-signed.jsonl", &["seal"])).collect()
    });
    SEALS.clone()
}

/// Receipts and approvers' words.
pub(crate) fn receipts() -> Vec<Vec<u8>> {
    static RECEIPTS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| vectors("06-signed.jsonl", &["receipt", "approver-statement"]));
    RECEIPTS.clone()
}

/// Proofs of records that hold, and some that do not.
pub(crate) fn proofs() -> Vec<Vec<u8>> {
    vectors("14-proofs.jsonl", &["inclusion"])
}

/// Proofs of entries of the state that hold, and some that do not.
pub(crate) fn state_proofs() -> Vec<Vec<u8>> {
    vectors("14-proofs.jsonl", &["state"])
}

/// Files of trust roots.
pub(crate) fn trust() -> Vec<Vec<u8>> {
    files(&project("fixtures/keys"), ".json").iter().map(|path| read(path)).collect()
}

/// The default bundle as a tar, and one with every file that a bundle may have.
pub(crate) fn bundles() -> Vec<Vec<u8>> {
    let default = Bundle::read(&project("policies/default")).expect("the default bundle");
    let id = |text| rederive_evidence::ids::Id::new(text).expect("an id");
    let files = [
        ("policies/one.cedar", "forbid(principal, action, resource);"),
        ("entitlements.json", r#"{"format":1,"entitlements":[]}"#),
        ("entities.json", "[]"),
        ("tests/one.json", "[]"),
    ];
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    let small = Bundle::of_files(id("small"), id("1"), id("cedar"), files).expect("a bundle");
    let tar = |bundle: &Bundle| {
        let mut tar = Vec::new();
        bundle.write_tar(&mut tar).expect("memory takes it");
        tar
    };
    vec![tar(&small), tar(&default)]
}

/// A registry of tools.
pub(crate) fn registries() -> Vec<Vec<u8>> {
    vec![read(&project("examples/tools.json"))]
}

/// Transcripts: an example, and one of each other dialect.
pub(crate) fn chats() -> Vec<Vec<u8>> {
    let dialects = files(&project("fuzz/seeds/chat"), ".json");
    [project("examples/invoice.json")].iter().chain(&dialects).map(|path| read(path)).collect()
}

/// Spans of one run in the form of a collector, and in that of a tracer.
pub(crate) fn spans() -> Vec<Vec<u8>> {
    files(&project("fuzz/seeds/otel"), ".json").iter().map(|path| read(path)).collect()
}

/// Golden traces, good, open and bad.
pub(crate) fn traces() -> Vec<Vec<u8>> {
    let folders =
        ["good", "open", "bad"].map(|folder| files(&project("fixtures/traces").join(folder), ".rdt"));
    let files = folders.into_iter().flatten().map(|path| read(&path));
    files.filter(|bytes| bytes.len() < 1 << 14).collect()
}

/// A recorder that stopped: its storage.
static STOPPED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let storage = FaultyStorage::new();
    let opening = runs::opening(Mode::Observed);
    let options = options(Durability::EveryRecord, b"stopped");
    let recorder = Recorder::create(storage.clone(), path(), opening, options).expect("an opening opens");
    for draft in runs::observed(2).into_iter().skip(1).take(8) {
        recorder.append(draft).expect("a draft is recorded");
    }
    drop(recorder);
    storage.restart(Survival::Nothing);
    [path().to_owned(), log_path(path())].map(|path| storage.bytes_of(&path).expect("what was recorded"))
});

/// The trace file beside the logs of [`logs`].
pub(crate) fn unsealed_trace() -> Vec<u8> {
    STOPPED[0].clone()
}

/// Logs of recorders that stopped.
pub(crate) fn logs() -> Vec<Vec<u8>> {
    let log = &STOPPED[1];
    let ends = traces::entries(log).into_iter().map(|(end, _)| log[..end].to_vec());
    [log.clone()].into_iter().chain(ends.skip(1)).collect()
}

/// Words to draw from: none, small ones, any.
pub(crate) fn choices() -> Vec<Vec<u8>> {
    let drawn = |seed| {
        let mut chance = Chance::new(seed);
        let words = 1 + chance.below(WORDS_MAX);
        let word = |_| if chance.below(3) == 0 { chance.word() } else { chance.word() % 64 };
        (0..words).map(word).flat_map(u64::to_le_bytes).collect()
    };
    [Vec::new()].into_iter().chain((0..CHOICES).map(drawn)).collect()
}
