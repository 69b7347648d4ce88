//! What the benchmarks run on: drafts of about 430 bytes a record, as trace, frames and bytes.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{BlockBuffer, TraceReader};
use rederive_evidence::draft::Draft;
use rederive_evidence::record::frame_length;
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, Recorder, SeededEntropy};

#[path = "../runs.rs"]
pub mod runs;

/// A recorder in memory that was given the opening record of `drafts`, and the rest of them.
pub fn recorder(drafts: Vec<Draft>) -> (Recorder<FaultyStorage>, FaultyStorage, impl Iterator<Item = Draft>) {
    let storage = FaultyStorage::new();
    let options = Options {
        durability: Durability::LeftToSystem,
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"bench", b"")),
        open_calls: OpenCalls::Leave,
        ..Options::default()
    };
    let mut drafts = drafts.into_iter();
    let recorder =
        Recorder::create(storage.clone(), Path::new("run.rdt"), drafts.next().unwrap(), options).unwrap();
    (recorder, storage, drafts)
}

/// A sealed trace of a run of this many turns.
pub fn trace(turns: u32) -> Vec<u8> {
    let (recorder, storage, drafts) = recorder(runs::observed(turns));
    for draft in drafts {
        recorder.append(draft).unwrap();
    }
    recorder.seal().unwrap();
    storage.bytes_of(Path::new("run.rdt")).unwrap()
}

/// At least `count` frames of a run.
pub fn frames(count: usize) -> Vec<Vec<u8>> {
    let trace = trace((count / 5 + 1) as u32);
    let reader = TraceReader::of(trace.as_slice()).unwrap();
    let mut frames = Vec::new();
    for number in 0..reader.segments() {
        let mut buffer = BlockBuffer::new();
        let mut bytes = reader.segment(number).unwrap().frames(&mut buffer).unwrap();
        while !bytes.is_empty() {
            let (frame, rest) = bytes.split_at(frame_length(bytes).unwrap());
            frames.push(frame.to_vec());
            bytes = rest;
        }
    }
    frames.truncate(count);
    frames
}

/// The bytes of all frames of a trace, for the limit.
pub fn frame_bytes(trace: &[u8]) -> Vec<u8> {
    let reader = TraceReader::of(trace).unwrap();
    let mut all = Vec::new();
    for number in 0..reader.segments() {
        all.extend_from_slice(reader.segment(number).unwrap().frames(&mut BlockBuffer::new()).unwrap());
    }
    all
}
