//! What the benchmarks run on: drafts of about 430 bytes a record, as trace, frames and bytes.
#![allow(dead_code, reason = "each benchmark uses a part")]
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]

pub(crate) mod clock;
pub(crate) mod nowhere;
pub(crate) mod runs;
pub(crate) mod transcripts;

use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::Storage;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{BlockBuffer, Copying, Packing, TraceReader, copy};
use rederive_evidence::draft::Draft;
use rederive_evidence::record::frame_length;
use rederive_import::Format;
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, Recorder, SeededEntropy};

/// Records drafts to the seal, waiting for no disk.
pub(crate) fn record<S: Storage>(storage: S, path: &Path, drafts: impl IntoIterator<Item = Draft>) {
    let options = Options {
        durability: Durability::LeftToSystem,
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"bench", b"")),
        open_calls: OpenCalls::Leave,
        ..Options::default()
    };
    let mut drafts = drafts.into_iter();
    let recorder = Recorder::create(storage, path, drafts.next().unwrap(), options).unwrap();
    for draft in drafts {
        let _ = recorder.append(draft).unwrap();
    }
    let _ = recorder.seal().unwrap();
}

/// A sealed trace of a run of this many turns.
pub(crate) fn trace(turns: u32) -> Vec<u8> {
    let (storage, path) = (FaultyStorage::new(), Path::new("run.rdt"));
    record(storage.clone(), path, runs::observed(turns));
    storage.bytes_of(path).unwrap()
}

/// The trace with all its contents redacted: records alone.
pub(crate) fn without_contents(trace: &[u8]) -> Vec<u8> {
    let reader = TraceReader::of(trace).unwrap();
    let mut leave_out = std::collections::BTreeSet::new();
    each_content_block(&reader, |block| {
        for content in block.contents(&mut BlockBuffer::new()).unwrap() {
            let _ = leave_out.insert(content.unwrap().commitment);
        }
    });
    let (storage, path) = (FaultyStorage::new(), Path::new("redacted.rdt"));
    let copying = Copying { leave_out: &leave_out, packing: Packing::Hot };
    let _ = copy(&reader, storage.clone(), path, copying, |bytes| frame_length(bytes).ok()).unwrap();
    storage.bytes_of(path).unwrap()
}

/// The bytes of all frames of a trace, for the limit.
pub(crate) fn frame_bytes(trace: &[u8]) -> Vec<u8> {
    let reader = TraceReader::of(trace).unwrap();
    let segments = (0..reader.segments()).map(|number| reader.segment(number).unwrap());
    segments.flat_map(|segment| segment.frames(&mut BlockBuffer::new()).unwrap().to_vec()).collect()
}

/// The bytes of all contents of a trace, for the limit.
pub(crate) fn content_bytes(trace: &[u8]) -> Vec<u8> {
    let reader = TraceReader::of(trace).unwrap();
    let mut all = Vec::new();
    each_content_block(&reader, |block| {
        for content in block.contents(&mut BlockBuffer::new()).unwrap() {
            all.extend_from_slice(content.unwrap().bytes);
        }
    });
    all
}

/// Reads and unpacks all contents of a trace, and does nothing with them: the limit of whatever has to look at them.
pub(crate) fn unpack_contents(reader: &TraceReader<&[u8]>, buffer: &mut BlockBuffer) -> usize {
    let mut bytes = 0;
    each_content_block(reader, |block| {
        bytes += block.contents(buffer).unwrap().map(|content| content.unwrap().bytes.len()).sum::<usize>();
    });
    bytes
}

fn each_content_block<'r>(
    reader: &'r TraceReader<&[u8]>,
    mut visit: impl FnMut(rederive_archive::ContentBlock<'r, &[u8]>),
) {
    let segments = (0..reader.segments()).map(|number| reader.segment(number).unwrap());
    segments.for_each(|segment| segment.content_blocks().for_each(&mut visit));
}

/// The frames that `bytes` consist of.
pub(crate) fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (frame, rest) = bytes.split_at(frame_length(bytes).unwrap());
        frames.push(frame);
        bytes = rest;
    }
    frames
}

/// The runs of a file of chat transcripts.
fn import(file: &[u8]) -> impl Iterator<Item = Vec<Draft>> {
    let format = Format::Chat { messages: None };
    let entries = format.entries("runs.jsonl", file).collect::<Vec<_>>();
    entries.into_iter().map(move |entry| format.import(entry).unwrap().drafts)
}

/// Imports a file of chat transcripts and records nothing. Returns how many drafts there are.
pub(crate) fn import_drafts(file: &[u8]) -> usize {
    import(file).map(|drafts| drafts.len()).sum()
}

/// Imports a file of chat transcripts and records each run, waiting for no disk.
pub(crate) fn import_traces(file: &[u8]) {
    import(file).for_each(|drafts| record(nowhere::Nowhere, Path::new("run.rdt"), drafts));
}

/// Parses each line of a file as JSON.
pub(crate) fn parse_lines(file: &[u8]) -> usize {
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap().is_object())
        .filter(|is| *is)
        .count()
}
