//! A trace of three records, literally: everything that it takes to compute every byte of it again.

use rederive_archive::TraceReader;
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest, salt};
use rederive_evidence::record::Record;
use rederive_evidence::tree::{reference_root, root};
use rederive_machine::Machine;
use rederive_recorder::{Entropy as _, SeededEntropy};

use super::dump::{Grammar, line};
use crate::fixtures::{Parts, Stored, claims, three_records};

/// Where the trace lies as a file.
const PATH: &str = "fixtures/traces/good/three-records.rdt";

/// A part of the text: a sentence, then lines of digits.
struct Text(String);

impl Text {
    fn say(&mut self, sentence: &str) {
        self.0.push_str(&format!("\n{sentence}\n\n"));
    }

    fn bytes(&mut self, bytes: &[u8], about: &str) {
        line(0, &[], bytes, about, &mut self.0);
    }

    fn digest(&mut self, digest: Digest, about: &str) {
        self.bytes(&digest.0, about);
    }
}

/// The trace, taken apart.
pub(super) fn text() -> String {
    let trace = three_records();
    let parts = Parts::of(&trace);
    let [segment] = parts.segments.as_slice() else { panic!("one segment") };
    let grammar = Grammar::new();
    let mut out = Text(introduction());
    let records: Vec<Record> = (0..segment.frames.len()).map(|number| parts.record(number)).collect();
    contents(&mut out, &segment.contents);
    for (number, frame) in segment.frames.iter().enumerate() {
        out.say(&format!("**Record {number}**, its frame (sections 2, 4 and 7):"));
        let end = frame.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // A record may end with zero bytes of its own; the shortest item says where.
        let record = encoded_length(frame).max(end);
        out.0.push_str(&grammar.dump("record", &frame[..record]));
        out.bytes(&frame[record..], "padding");
    }
    leaves(&mut out, &segment.frames);
    states(&mut out, &records);
    out.say("**Lineage page** (section 9): kind, trust, sensitivity and flags of each record, and its `lineage` digest:");
    out.bytes(&segment.lineage, "page");
    out.digest(digest(Purpose::Lineage, &segment.lineage), "digest");
    out.say("**Signed header** of segment 0 (section 6):");
    signed(&mut out, &grammar, "header", &segment.header);
    let header: Header = claims(&segment.header);
    assert_eq!(root(&leaf_digests(&segment.frames)), Some(header.root));
    out.say("Its `header` digest: the only leaf of the header tree, and so the header tree's root:");
    out.digest(digest(Purpose::Header, &segment.header), "digest of the signed header");
    out.say("**Seal**:");
    signed(&mut out, &grammar, "seal", &parts.seal);
    assert_eq!(claims::<Seal>(&parts.seal).records, 3);
    blocks(&mut out, &trace);
    out.0
}

fn introduction() -> String {
    [
        &format!("`{PATH}`: an observed run is opened, a user says `hello`, the run is closed. On the left are the bytes of the"),
        "file, in order but for headings; what is said on the right is no part of them.",
        "",
        "The seed of the signing key is 32 bytes `11`. Draw n of a seeded run is the `seed` digest of the seed's length, the seed, the label's length,",
        "the label and n, numbers as eight bytes, the lowest first; here the seed is `three records` and the label is empty. The run's number is the",
        "first half of draw 0, its first six bytes replaced by the opening's time in milliseconds; the run's secret is draw 1.",
        "",
    ]
    .join("\n")
}

/// Length of the record that a frame holds.
fn encoded_length(frame: &[u8]) -> usize {
    let record = Record::decode_frame(frame).unwrap().0;
    let mut encoder = rederive_evidence::cbor::Encoder::new();
    record.encode(&mut encoder);
    encoder.into_bytes().len()
}

fn contents(out: &mut Text, contents: &[Stored]) {
    let mut entropy = SeededEntropy::new(b"three records", b"");
    let _run = entropy.draw().unwrap();
    let secret = entropy.draw().unwrap();
    out.say("**Contents** (section 7.4), each with its salt under the run's secret and its commitment:");
    out.bytes(&secret, "the run's secret, which no trace holds");
    for content in contents {
        assert_eq!(salt(&secret, &content.bytes), content.salt);
        out.bytes(&content.bytes, &format!("`{}`", String::from_utf8_lossy(&content.bytes)));
        out.bytes(&content.salt, "salt");
        out.digest(content.commitment, "commitment");
    }
}

fn leaf_digests(frames: &[Vec<u8>]) -> Vec<Digest> {
    frames.iter().map(|frame| digest(Purpose::Leaf, frame)).collect()
}

fn leaves(out: &mut Text, frames: &[Vec<u8>]) {
    let leaves = leaf_digests(frames);
    let [first, second, third] = leaves.as_slice() else { panic!("three records") };
    out.say("**Tree** (section 5): of three leaves, nodes 2, 3 and 4, node 1 is over nodes 3 and 4, node 0 over nodes 1 and 2:");
    out.digest(*first, "leaf 0, node 2");
    out.digest(*second, "leaf 1, node 3");
    out.digest(*third, "leaf 2, node 4");
    out.digest(reference_root(&[*second, *third]).unwrap(), "node 1");
    out.digest(root(&leaves).unwrap(), "node 0, the root");
}

/// The deltas that the machine makes of the records, and what follows from them.
fn states(out: &mut Text, records: &[Record]) {
    let mut machine = Machine::new();
    let mut running = rederive_machine::Checksum::start(Digest::ZERO);
    out.say("**State** (section 8): the delta of each record, with its padding, its digest as the record states it, and the state checksum after it:");
    for (number, record) in records.iter().enumerate() {
        let answer = machine.decide(&record.input, record.extracted.as_ref());
        let mut delta = Vec::new();
        answer.transition.delta(&mut delta);
        machine.commit(answer.transition);
        assert_eq!(digest(Purpose::Delta, &delta), record.derived.delta);
        running.push(&record.derived.delta);
        out.bytes(&delta, &format!("delta of record {number}"));
        out.digest(record.derived.delta, "its digest");
        out.digest(running.value(), &format!("state checksum after record {number}"));
    }
    out.say(
        "The state at the end: each entry's key, value, and `state leaf` digest, and the root over them:",
    );
    for (key, value) in machine.state().entries() {
        let [key_digest, value_digest] =
            [digest(Purpose::StateKey, &key), digest(Purpose::StateValue, &value)];
        out.bytes(&key, "key");
        out.bytes(&value, "value");
        let leaf = digest(Purpose::StateLeaf, &[key_digest.0, value_digest.0].concat());
        out.digest(leaf, "leaf");
    }
    out.digest(machine.state().root(), "state root");
}

/// A COSE_Sign1, its protected header and payload each taken apart.
fn signed(out: &mut Text, grammar: &Grammar, rule: &str, bytes: &[u8]) {
    let at = |offset: usize| usize::from(bytes[offset]);
    let protected = 4..4 + at(3);
    let payload_head = if bytes[protected.end + 1] == 0x59 { 3 } else { 2 };
    let payload = protected.end + 1 + payload_head..bytes.len() - 66;
    out.bytes(&bytes[..2], "tag 18, an array of four");
    out.bytes(&bytes[2..4], "the protected header, as a byte string:");
    out.0.push_str(&grammar.dump(&format!("{rule}-protected"), &bytes[protected.clone()]));
    out.bytes(&bytes[protected.end..=protected.end], "no unprotected header");
    out.bytes(&bytes[protected.end + 1..payload.start], "the payload, as a byte string:");
    out.0.push_str(&grammar.dump(rule, &bytes[payload.clone()]));
    out.bytes(&bytes[payload.end..payload.end + 2], "the signature, 64 bytes:");
    out.bytes(&bytes[payload.end + 2..], "over [\"Signature1\", protected, h'', payload]");
}

/// Where all of this lies in the file.
fn blocks(out: &mut Text, trace: &[u8]) {
    out.say("**File** (section 11): after the file header of 64 bytes, each block's first 32 bytes, and what its payload is:");
    out.bytes(&trace[..64], "file header");
    for (at, kind, length) in crate::fixtures::blocks(trace) {
        let name = ["", "FRAMES", "CONTENTS", "LINEAGE", "SNAPSHOT", "HEADER", "INDEX", "SEAL", "TRAILER"];
        out.bytes(&trace[at..at + 32], &format!("at {at}: {}, {length} bytes", name[usize::from(kind)]));
    }
    assert_eq!(TraceReader::of(trace).unwrap().segments(), 1);
}
