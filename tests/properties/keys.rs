//! Whose key signs a run: the one it was opened with, one it was handed over to, and nobody who edits it while it is stopped.

use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_recorder::{Durability, NoClock, Options, RecordError, Recorder, SeededEntropy};
use rederive_replay::{Level, Valid, replay};
use rederive_verify::TrustRoots;

use crate::runs;
use crate::traces::replace_entry;

const PATH: &str = "run.rdt";

fn key(seed: u8) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(&[seed; 32]))
}

fn options(signer: &Arc<SigningKey>) -> Options {
    Options {
        durability: Durability::EveryRecord,
        signer: Some(Arc::clone(signer) as _),
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"keys", b"")),
        ..Options::default()
    }
}

fn trust(key: &SigningKey) -> TrustRoots {
    let text =
        format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{}","role":"recorder"}}]}}"#, key.public_key());
    TrustRoots::parse(text.as_bytes()).unwrap()
}

/// Records the drafts, handing the run to `next` after the first half; returns what is left to record.
fn handed_over(storage: &FaultyStorage, first: &Arc<SigningKey>, next: &Arc<SigningKey>) -> Vec<Draft> {
    let mut drafts = runs::observed(4);
    let rest = drafts.split_off(drafts.len() / 2);
    let mut drafts = drafts.into_iter();
    let recorder =
        Recorder::create(storage.clone(), Path::new(PATH), drafts.next().unwrap(), options(first)).unwrap();
    drafts.for_each(|draft| assert!(recorder.append(draft).unwrap().is_durable));
    recorder.change_key(Arc::clone(next) as _).unwrap();
    rest
}

fn finish(recorder: Recorder<FaultyStorage>, rest: Vec<Draft>) {
    rest.into_iter().for_each(|draft| assert!(recorder.append(draft).unwrap().is_durable));
    recorder.seal().unwrap();
}

fn verdict(storage: &FaultyStorage, trusted: &SigningKey) -> Valid {
    let trust = trust(trusted);
    let options = rederive_replay::Options {
        level: Level::Content,
        trust: Some(&trust),
        ..rederive_replay::Options::default()
    };
    replay(storage, Path::new(PATH), &options).unwrap().valid
}

/// Spec: key-change, header-key.
#[test]
fn a_run_handed_to_another_key_reproduces_under_trust_in_the_first() {
    let (storage, first, next) = (FaultyStorage::new(), key(1), key(2));
    let rest = handed_over(&storage, &first, &next);
    let (recorder, _) = Recorder::recover(storage.clone(), Path::new(PATH), options(&next)).unwrap();
    assert_eq!(recorder.key(), first.public_key());
    finish(recorder, rest);
    assert_eq!(verdict(&storage, &first), Valid::Reproduced);
    assert_eq!(verdict(&storage, &next), Valid::Forged, "the later key vouches for nothing before it");
}

#[test]
fn the_old_key_cannot_go_on_with_a_run_that_it_handed_over() {
    let (storage, first, next) = (FaultyStorage::new(), key(1), key(2));
    let _ = handed_over(&storage, &first, &next);
    let refused = Recorder::recover(storage, Path::new(PATH), options(&first)).map(drop).unwrap_err();
    assert!(
        matches!(refused, RecordError::OtherKey { expected, .. } if expected == next.public_key()),
        "{refused}"
    );
}

/// Recovers a run after its open log was changed, as whoever can write the file can.
fn recovered_after(edit: impl FnOnce(&FaultyStorage)) -> Result<(), RecordError> {
    let (storage, own) = (FaultyStorage::new(), key(1));
    let mut drafts = runs::observed(4).into_iter();
    let recorder =
        Recorder::create(storage.clone(), Path::new(PATH), drafts.next().unwrap(), options(&own)).unwrap();
    drafts.by_ref().take(7).for_each(|draft| assert!(recorder.append(draft).unwrap().is_durable));
    drop(recorder);
    edit(&storage);
    Recorder::recover(storage, Path::new(PATH), options(&own)).map(drop)
}

/// Spec: recovery-verified.
#[test]
fn a_run_edited_while_it_was_stopped_is_not_signed_over() {
    const CONTENT: u8 = 18;
    const RECORD: u8 = 19;
    let flip_last = |payload: &mut Vec<u8>| *payload.last_mut().unwrap() ^= 1;
    recovered_after(|_| {}).unwrap();
    let record = recovered_after(|storage| replace_entry(storage, RECORD, flip_last)).unwrap_err();
    assert!(matches!(record, RecordError::Integrity(_)), "{record}");
    let content = recovered_after(|storage| replace_entry(storage, CONTENT, flip_last)).unwrap_err();
    assert!(matches!(content, RecordError::BadContent { .. }), "{content}");
}
