//! Importers: whatever they make a run of is recorded, and replays.

use rederive_evidence::draft::Draft;
use rederive_import::Format;
use rederive_recorder::{Durability, Recorder};
use rederive_replay::{Level, Valid};

use crate::traces::{options, path, report};

/// Most runs of one input that are recorded.
const RUNS_MAX: usize = 4;

/// A chat transcript, or what only looks like one, is imported or refused with its place.
pub(crate) fn chat(bytes: &[u8]) {
    imported(&Format::Chat { messages: None }, bytes);
    imported(&Format::Chat { messages: Some("/messages".to_owned()) }, bytes);
}

/// Spans with the GenAI conventions, or what only looks like them, are imported or refused with their place.
pub(crate) fn otel(bytes: &[u8]) {
    imported(&Format::Otel, bytes);
}

fn imported(format: &Format, bytes: &[u8]) {
    let again = format.entries("file", bytes);
    for (entry, again) in format.entries("file", bytes).zip(again).take(RUNS_MAX) {
        let (run, again) = (format.import(entry), format.import(again));
        assert_eq!(format!("{run:?}"), format!("{again:?}"), "one file, one answer");
        let Ok(run) = run else { continue };
        let drafts = run.drafts;
        assert!(drafts.iter().all(|draft| draft.check().is_ok()), "a draft that is none");
        reproduces(drafts);
    }
}

fn reproduces(drafts: Vec<Draft>) {
    let storage = rederive_archive::storage::faulty::FaultyStorage::new();
    let mut drafts = drafts.into_iter();
    let opening = drafts.next().expect("a run has an opening");
    let options = options(Durability::LeftToSystem, b"fuzz");
    let recorder = Recorder::create(storage.clone(), path(), opening, options).expect("an opening opens");
    for draft in drafts {
        recorder.append(draft).expect("a draft is recorded");
    }
    recorder.seal().expect("a run is sealed");
    let bytes = storage.bytes_of(path()).expect("a sealed trace");
    let report = report(&bytes, Level::Content);
    assert_eq!((report.valid, report.failures.total()), (Valid::Reproduced, 0), "{report:#?}");
}
