//! Traces taken apart and put together again: by whoever can write the file but has no key, and by a recorder that has it and lies.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{
    BlockBuffer, CheckWord, Content, Durability as Disk, Options as DiskOptions, Packing, SegmentEnd,
    Snapshot, SnapshotBuilder, TraceReader, TraceWriter, log_path,
};
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, commitment, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::RunId;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::{Record, split_frames};
use rederive_evidence::signed::{UncheckedSigned, sign};
use rederive_evidence::tree;
use rederive_machine::{Checksum, Lineage, Machine};
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, Recorder, SeededEntropy};
use rederive_replay::{Level, Report, replay_bytes};

use crate::runs;

/// The levels at which nothing but the trace is asked: the next one needs the policy bundle.
pub(crate) const WITHOUT_BUNDLE: [Level; 3] = [Level::Integrity, Level::State, Level::Content];

/// Where traces stand in a storage in memory.
pub(crate) fn path() -> &'static Path {
    Path::new("run.rdt")
}

/// The key that signs the runs of these tests.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[11; 32])
}

/// Options under which the same drafts give the same file.
pub(crate) fn options(durability: Durability, seed: &[u8]) -> Options {
    Options {
        durability,
        signer: Some(Arc::new(key())),
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(seed, b"")),
        open_calls: OpenCalls::Leave,
        ..Options::default()
    }
}

/// The bytes of a sealed trace of these drafts under [`key`], the same for the same drafts.
pub(crate) fn recorded(drafts: Vec<Draft>) -> Vec<u8> {
    recorded_with(drafts, options(Durability::OnSeal, b"test"))
}

/// The same with these options.
pub(crate) fn recorded_with(drafts: Vec<Draft>, options: Options) -> Vec<u8> {
    let storage = FaultyStorage::new();
    let mut drafts = drafts.into_iter();
    let recorder = Recorder::create(storage.clone(), path(), drafts.next().unwrap(), options).unwrap();
    for draft in drafts {
        recorder.append(draft).unwrap();
    }
    recorder.seal().unwrap();
    storage.bytes_of(path()).unwrap()
}

/// The bytes of a sealed trace of [`runs::enforced`].
pub(crate) fn recorded_enforced(turns: u32) -> Vec<u8> {
    let storage = FaultyStorage::new();
    let opening = runs::opening(rederive_evidence::values::Mode::Enforced);
    let options = options(Durability::OnSeal, b"test");
    let recorder = Recorder::create(storage.clone(), path(), opening, options).unwrap();
    let drafts = runs::enforced(turns, |bytes| recorder.commitment(bytes).unwrap());
    for draft in drafts.into_iter().skip(1) {
        recorder.append(draft).unwrap();
    }
    recorder.seal().unwrap();
    storage.bytes_of(path()).unwrap()
}

/// The report of a replay at this level, without trust roots.
pub(crate) fn report(bytes: &[u8], level: Level) -> Report {
    replay_bytes(bytes, &rederive_replay::Options { level, ..Default::default() }).unwrap()
}

/// A content with what it takes to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredContent {
    pub(crate) commitment: Digest,
    pub(crate) salt: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl StoredContent {
    /// These bytes, with the commitment that they have under some salt.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let salt = [9; 32];
        Self { commitment: commitment(&salt, bytes), salt, bytes: bytes.to_vec() }
    }
}

/// A segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) contents: Vec<StoredContent>,
    pub(crate) lineage: Vec<u8>,
    /// Entries of a snapshot.
    pub(crate) snapshot: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    pub(crate) header: Vec<u8>,
}

/// A sealed trace in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) parts: Vec<Part>,
    pub(crate) seal: Vec<u8>,
}

impl Trace {
    /// Takes a sealed trace apart.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let reader = TraceReader::of(bytes).unwrap();
        let part = |number| {
            let segment = reader.segment(number).unwrap();
            let (mut buffer, mut contents) = (BlockBuffer::new(), Vec::new());
            for block in segment.content_blocks() {
                for content in block.contents(&mut buffer).unwrap() {
                    let Content { commitment, salt, bytes } = content.unwrap();
                    contents.push(StoredContent { commitment, salt, bytes: bytes.to_vec() });
                }
            }
            let snapshot: Option<Snapshot> = segment.snapshot(&mut buffer).unwrap().usable();
            let entries = |snapshot: &Snapshot| {
                snapshot.entries().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
            };
            Part {
                frames: split(segment.frames(&mut buffer).unwrap()),
                contents,
                lineage: segment.lineage(&mut BlockBuffer::new()).unwrap().usable().unwrap(),
                snapshot: snapshot.as_ref().map(entries),
                header: segment.header().unwrap(),
            }
        };
        let seal = reader.seal().unwrap().unwrap();
        Self { parts: (0..reader.segments()).map(part).collect(), seal }
    }

    /// Puts the parts together as a file whose blocks, check words and index are right.
    pub(crate) fn write(&self) -> Vec<u8> {
        self.write_packed(Packing::Hot)
    }

    /// The same, packed so.
    pub(crate) fn write_packed(&self, packing: Packing) -> Vec<u8> {
        let storage = FaultyStorage::new();
        let disk = DiskOptions { durability: Disk::OnSeal, packing };
        let mut writer = TraceWriter::create(storage.clone(), path(), RunId([0; 16]), disk).unwrap();
        for (number, part) in (0..).zip(&self.parts) {
            for (index, frame) in part.frames.iter().enumerate() {
                let with_first = if index == 0 { part.contents.as_slice() } else { &[] };
                let contents: Vec<Content<'_>> = with_first
                    .iter()
                    .map(|c| Content { commitment: c.commitment, salt: c.salt, bytes: &c.bytes })
                    .collect();
                writer.append_record(frame, &contents).unwrap();
            }
            let snapshot = part.snapshot.as_ref().map(|entries| {
                let mut builder = SnapshotBuilder::new(number, Digest::ZERO);
                entries.iter().for_each(|(key, value)| builder.push(key, value));
                builder.finish().unwrap()
            });
            let mut lineage = part.lineage.clone();
            lineage.resize(part.frames.len() * 4, 0);
            let end = SegmentEnd { header: &part.header, lineage: &lineage, snapshot: snapshot.as_ref() };
            writer.close_segment(end).unwrap();
        }
        writer.seal(&self.seal).unwrap();
        storage.bytes_of(path()).unwrap()
    }

    /// All records, decoded.
    pub(crate) fn records(&self) -> Vec<Record> {
        let frames = self.parts.iter().flat_map(|part| &part.frames);
        frames.map(|frame| Record::decode_frame(frame).unwrap().0).collect()
    }

    /// What a header says.
    pub(crate) fn header(&self, segment: usize) -> Header {
        UncheckedSigned::<Header>::parse(&self.parts[segment].header).unwrap().claims().clone()
    }

    /// What the seal says.
    pub(crate) fn sealed(&self) -> Seal {
        UncheckedSigned::<Seal>::parse(&self.seal).unwrap().claims().clone()
    }

    /// Changes what a header says and signs it; what holds its digest is as it was.
    pub(crate) fn change_header(
        &mut self,
        segment: usize,
        key: &SigningKey,
        change: impl FnOnce(&mut Header),
    ) {
        let mut header = self.header(segment);
        change(&mut header);
        self.parts[segment].header = sign(header, key).unwrap().as_bytes().to_vec();
    }

    /// Changes what the seal says and signs it.
    pub(crate) fn change_seal(&mut self, key: &SigningKey, change: impl FnOnce(&mut Seal)) {
        let mut seal = self.sealed();
        change(&mut seal);
        self.seal = sign(seal, key).unwrap().as_bytes().to_vec();
    }

    /// The trace with every count, leaf, root, link and signature made again for the frames as they stand. What was derived (checksums, lineage
    /// digests, state roots) stays as it was: what somebody does who has the key and no machine.
    pub(crate) fn resigned(mut self, key: &SigningKey) -> Self {
        let (mut first, mut digests): (u64, Vec<Digest>) = (0, Vec::new());
        for number in 0..self.parts.len() {
            let part = &self.parts[number];
            let leaves: Vec<Digest> = part.frames.iter().map(|frame| digest(Purpose::Leaf, frame)).collect();
            let records = leaves.len() as u32;
            let frame_bytes = part.frames.iter().map(Vec::len).sum::<usize>() as u32;
            let previous = digests.last().copied().unwrap_or(Digest::ZERO);
            self.change_header(number, key, |header| {
                header.segment = number as u32;
                header.first = first;
                header.records = records;
                header.frame_bytes = frame_bytes;
                header.root = tree::root(&leaves).unwrap();
                header.previous = previous;
            });
            digests.push(digest(Purpose::Header, &self.parts[number].header));
            first += u64::from(records);
        }
        self.change_seal(key, |seal| {
            seal.segments = digests.len() as u64;
            seal.records = first;
            seal.last = *digests.last().unwrap();
            seal.header_root = tree::root(&digests).unwrap();
        });
        self
    }

    /// The trace of these records, cut into segments before the numbers in `cuts`, with everything derived again as an honest recorder derives it,
    /// slowly. Contents are those of this trace. For runs of less than one span.
    pub(crate) fn derived(&self, records: Vec<Record>, cuts: &[usize], key: &SigningKey) -> Self {
        let (mut machine, mut checksum, mut at) = (Machine::new(), Digest::ZERO, 0);
        let mut made = Vec::new();
        let mut stored: Vec<&StoredContent> = self.parts.iter().flat_map(|part| &part.contents).collect();
        for end in cuts.iter().copied().chain([records.len()]) {
            let first = at as u64;
            let mut running = Checksum::start(checksum);
            let mut part = Part::default();
            for record in &records[at..end] {
                let mut record = record.clone();
                record.input.sequence = at as u64;
                let answer = machine.decide(&record.input, record.extracted.as_ref());
                let mut delta = Vec::new();
                answer.transition.delta(&mut delta);
                record.derived.outcome = answer.outcome;
                record.derived.breaches.clone_from(&answer.breaches);
                record.derived.delta = digest(Purpose::Delta, &delta);
                let is_decision = record.input.body.kind() == Kind::DecisionMade;
                record.derived.checksum = is_decision.then(|| running.value());
                running.push(&record.derived.delta);
                machine.commit(answer.transition);
                part.frames.push(record.append_frame(Vec::new()).unwrap());
                let brings = |content: &&&StoredContent| {
                    record.input.contents.iter().any(|entry| entry.commitment == content.commitment)
                };
                part.contents.extend(stored.iter().filter(brings).map(|content| (*content).clone()));
                stored.retain(|content| !brings(&content));
                at += 1;
            }
            checksum = running.value();
            part.lineage = machine.lineage().page(first);
            let header = Header {
                checksum,
                lineage: Lineage::page_digest(&part.lineage),
                state_root: None,
                ..self.header(0)
            };
            part.header = sign(header, key).unwrap().as_bytes().to_vec();
            made.push(part);
        }
        let mut trace = Self { parts: made, seal: self.seal.clone() };
        trace.change_seal(key, |seal| {
            seal.state_root = machine.state().root();
            seal.checksum = checksum;
        });
        trace.resigned(key)
    }
}

/// The frames that tile these bytes.
pub(crate) fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    split_frames(bytes).map(|frame| frame.unwrap().to_vec()).collect()
}

/// A block of a trace file, by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: u8,
    pub(crate) offset: usize,
    /// Bytes of the payload as stored.
    pub(crate) stored: usize,
}

impl Block {
    pub(crate) const LINEAGE: u8 = 3;
    pub(crate) const SNAPSHOT: u8 = 4;
    pub(crate) const HEADER: u8 = 5;
    pub(crate) const INDEX: u8 = 6;
    const HEADER_BYTES: usize = 32;

    /// The blocks that tile a sound file.
    pub(crate) fn of(bytes: &[u8]) -> Vec<Self> {
        let (mut offset, mut blocks) = (64, Vec::new());
        while offset < bytes.len() {
            let stored = u64::from_le_bytes(bytes[offset + 8..offset + 16].try_into().unwrap()) as usize;
            let block = Self { kind: bytes[offset], offset, stored };
            offset = block.end();
            blocks.push(block);
        }
        blocks
    }

    /// Whether what the block holds can be made again from the rest of the file.
    pub(crate) fn is_hint(self) -> bool {
        matches!(self.kind, Self::LINEAGE | Self::SNAPSHOT | Self::INDEX)
    }

    /// The bytes of the payload as stored.
    pub(crate) fn payload(self) -> Range<usize> {
        self.offset + Self::HEADER_BYTES..self.offset + Self::HEADER_BYTES + self.stored
    }

    /// Where the next block begins.
    pub(crate) fn end(self) -> usize {
        self.payload().end.next_multiple_of(64)
    }

    /// Makes the block's check word again: whoever can write the file can.
    pub(crate) fn check_again(self, bytes: &mut [u8]) {
        let check = CheckWord::of(&bytes[self.offset..self.payload().end]);
        bytes[self.offset + 24..self.offset + 32].copy_from_slice(&check.0);
    }
}

/// Offsets and kinds of the entries of a log.
pub(crate) fn entries(log: &[u8]) -> Vec<(usize, u8)> {
    let (mut at, mut entries) = (64, Vec::new());
    while at < log.len() {
        entries.push((at, log[at]));
        let stored = u64::from_le_bytes(log[at + 8..at + 16].try_into().unwrap()) as usize;
        at = (at + 32 + stored).next_multiple_of(64);
    }
    entries
}

/// Puts other bytes for an entry of the open log, under a check word that is right, as whoever can write the file can.
pub(crate) fn replace_entry(storage: &FaultyStorage, kind: u8, change: impl FnOnce(&mut Vec<u8>)) {
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let (place, entry) = entry_again(&log, kind, change);
    storage.put(&log_path(path()), [&log[..place.start], &entry, &log[place.end..]].concat());
}

/// Puts an entry before one of this kind, which is that one with other bytes.
pub(crate) fn add_entry(storage: &FaultyStorage, kind: u8, change: impl FnOnce(&mut Vec<u8>)) {
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let (place, entry) = entry_again(&log, kind, change);
    storage.put(&log_path(path()), [&log[..place.start], &entry, &log[place.start..]].concat());
}

/// Where the first entry of this kind is, and that entry with other bytes.
fn entry_again(log: &[u8], kind: u8, change: impl FnOnce(&mut Vec<u8>)) -> (Range<usize>, Vec<u8>) {
    let (at, _) = *entries(log).iter().find(|(_, found)| *found == kind).unwrap();
    let stored = u64::from_le_bytes(log[at + 8..at + 16].try_into().unwrap()) as usize;
    let mut payload = log[at + 32..at + 32 + stored].to_vec();
    change(&mut payload);
    let mut entry = log[at..at + 32].to_vec();
    entry[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    entry.extend(payload);
    let check = CheckWord::of(&entry);
    entry[24..32].copy_from_slice(&check.0);
    entry.resize(entry.len().next_multiple_of(64), 0);
    (at..(at + 32 + stored).next_multiple_of(64), entry)
}
