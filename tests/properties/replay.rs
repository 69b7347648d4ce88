//! What is recorded replays, and what was changed does not.

use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, Recorder, SeededEntropy};
use rederive_replay::{Gap, Level, Report, Valid, replay_bytes};

use crate::runs;

/// The bytes of a sealed trace of these drafts, the same for the same drafts.
pub(crate) fn sealed(drafts: Vec<rederive_evidence::draft::Draft>) -> Vec<u8> {
    sealed_with_seed(drafts, b"test")
}

/// The same with another run number, secret and key for another seed.
pub(crate) fn sealed_with_seed(drafts: Vec<rederive_evidence::draft::Draft>, seed: &[u8]) -> Vec<u8> {
    let storage = FaultyStorage::new();
    let path = Path::new("run.rdt");
    let options = Options {
        durability: Durability::OnSeal,
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(seed, b"")),
        open_calls: OpenCalls::Leave,
        ..Options::default()
    };
    let mut drafts = drafts.into_iter();
    let recorder = Recorder::create(storage.clone(), path, drafts.next().unwrap(), options).unwrap();
    for draft in drafts {
        recorder.append(draft).unwrap();
    }
    recorder.seal().unwrap();
    storage.bytes_of(path).unwrap()
}

fn report(bytes: &[u8], level: Level) -> Report {
    replay_bytes(bytes, &rederive_replay::Options { level, ..Default::default() }).unwrap()
}

#[test]
fn what_is_recorded_reproduces_at_every_level() {
    let bytes = sealed(runs::observed(3));
    for level in Level::ALL {
        let report = report(&bytes, *level);
        assert_eq!(report.valid, Valid::Reproduced, "{level}: {report:#?}");
        assert_eq!(report.records, 2 + 3 * runs::RECORDS_A_TURN);
        assert_eq!(report.findings.total(), 0, "{:?}", report.findings);
        assert!(report.gaps.contains(&Gap::Unattested) && report.gaps.contains(&Gap::NoTrustRoot));
    }
}

#[test]
fn the_same_drafts_and_seed_give_the_same_file() {
    assert_eq!(sealed(runs::observed(5)), sealed(runs::observed(5)));
}
