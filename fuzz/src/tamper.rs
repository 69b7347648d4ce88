//! The tamper property: whatever is done to a trace, it is never `reproduced` with other content under the keys that its verifier trusts.

use std::sync::LazyLock;

use rederive_archive::{BlockBuffer, Content, TraceReader};
use rederive_evidence::arbitrary::Choices;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::Record;
use rederive_replay::{Level, Options, Valid, replay_bytes};
use rederive_verify::TrustRoots;

use crate::collage::{BASES, Base, base, index, words};
use crate::project;
use crate::traces::{Block, StoredContent, Trace, split};

/// Most changes of the parts of a trace, and of its bytes.
const CHANGES_MAX: usize = 6;

/// Whoever has no trusted key: what still reproduces says what was recorded.
pub(crate) fn tamper(bytes: &[u8]) {
    let stranger = SigningKey::from_seed(&[0x5a; 32]);
    let mut choices = words(bytes);
    let bent = tampered(&mut choices, &stranger);
    for level in [Level::Integrity, Level::State, Level::Content] {
        holds(&bent, level);
    }
}

/// Whoever has the recorder's key: at integrity level nothing tells. It does not hold, and must be found.
pub(crate) fn canary(bytes: &[u8]) {
    let text = std::fs::read_to_string(project("fixtures/keys/recorder.key")).expect("the recorder's key");
    let stolen = SigningKey::parse(&text).expect("a key");
    holds(&tampered(&mut words(bytes), &stolen), Level::Integrity);
}

/// The roots of the fixtures: the recorder's key, its successor's, and that of the other tenant.
static ROOTS: LazyLock<TrustRoots> = LazyLock::new(|| {
    let text = std::fs::read(project("fixtures/keys/trust.json")).expect("trust roots");
    TrustRoots::parse(&text).expect("trust roots")
});

fn holds(bytes: &[u8], level: Level) {
    let options = Options { level, trust: Some(&ROOTS), ..Options::default() };
    let report = replay_bytes(bytes, &options).expect("memory can be read");
    if report.valid != Valid::Reproduced {
        return;
    }
    let said = Said::by(bytes);
    let original = ORIGINALS.iter().find(|original| original.header == said.header);
    let original = original.unwrap_or_else(|| panic!("nobody recorded this at {level}: {report:#?}"));
    if said.sealed {
        assert_eq!(said.frames, original.frames, "sealed, and other records at {level}");
    }
    assert!(original.frames.starts_with(&said.frames), "other records at {level}");
    let foreign = said.contents.iter().find(|content| !original.contents.contains(content));
    assert_eq!(foreign, None, "another content at {level}");
}

/// What a trace that was verified says.
struct Said {
    /// The first header.
    header: Vec<u8>,
    frames: Vec<Vec<u8>>,
    contents: Vec<StoredContent>,
    sealed: bool,
}

impl Said {
    fn by(bytes: &[u8]) -> Self {
        let reader = TraceReader::of(bytes).expect("a trace that was read before");
        let (mut buffer, mut frames, mut contents) = (BlockBuffer::new(), Vec::new(), Vec::new());
        for segment in (0..reader.segments()).filter_map(|number| reader.segment(number)) {
            frames.extend(split(segment.frames(&mut buffer).expect("frames that were read before")));
            for block in segment.content_blocks() {
                let found = block.contents(&mut buffer).expect("contents that were read before");
                contents.extend(found.map(|content| {
                    let Content { commitment, salt, bytes } =
                        content.expect("a content that was read before");
                    StoredContent { commitment, salt, bytes: bytes.to_vec() }
                }));
            }
        }
        let header = reader.segment(0).and_then(|segment| segment.header().ok()).unwrap_or_default();
        let sealed = reader.seal().expect("a seal that was read before").is_some();
        Self { header, frames, contents, sealed }
    }
}

static ORIGINALS: LazyLock<Vec<Said>> =
    LazyLock::new(|| BASES.iter().map(|base| Said::by(&base.bytes)).collect());

/// A golden trace after what the choices say was done to its parts, and then to its bytes.
fn tampered(choices: &mut Choices, signer: &SigningKey) -> Vec<u8> {
    let base = base(choices);
    let bytes = match choices.below(3) {
        0 => base.bytes.clone(),
        _ => parts_bent(base, choices, signer).write(),
    };
    bytes_bent(bytes, choices)
}

fn parts_bent(target: &Base, choices: &mut Choices, signer: &SigningKey) -> Trace {
    let mut trace = target.trace.clone();
    for _ in 0..CHANGES_MAX {
        let part = index(choices, trace.parts.len());
        let other = &base(choices).trace;
        let other_part = &other.parts[index(choices, other.parts.len())];
        let part_count = trace.parts.len();
        let frames = &mut trace.parts[part].frames;
        let (at, to) = (index(choices, frames.len()), index(choices, frames.len()));
        match choices.below(13) {
            0 => break,
            1 => frames.swap(at, to),
            2 if frames.len() > 1 => drop(frames.remove(at)),
            3 => frames.insert(at, frames[to].clone()),
            4 => frames[at] = other_part.frames[index(choices, other_part.frames.len())].clone(),
            5 => redraw(&mut frames[at], choices),
            6 => trace.parts[part].contents.clear(),
            7 => {
                let contents = &mut trace.parts[part].contents;
                let count = contents.len();
                if let Some(content) = contents.get_mut(index(choices, count)) {
                    content.bytes.push(b'!');
                }
            }
            8 => trace.parts[part].contents.extend(other_part.contents.iter().cloned()),
            9 => trace.parts[part].header = other_part.header.clone(),
            10 => trace.seal = other.seal.clone(),
            11 if part_count > 1 => drop(trace.parts.remove(part)),
            _ => trace = trace.resigned(signer),
        }
    }
    trace
}

/// Another body of the same kind, where a frame holds it.
fn redraw(frame: &mut Vec<u8>, choices: &mut Choices) {
    let Ok((mut record, _)) = Record::decode_frame(frame) else { return };
    record.input.body = Body::draw_of(record.input.body.kind(), choices);
    if let Ok(changed) = record.append_frame(Vec::new()) {
        *frame = changed;
    }
}

fn bytes_bent(mut bytes: Vec<u8>, choices: &mut Choices) -> Vec<u8> {
    let blocks = Block::of(&bytes);
    for _ in 0..CHANGES_MAX {
        let at = index(choices, bytes.len());
        match choices.below(4) {
            0 => break,
            1 => bytes[at] ^= 1 << choices.below(8),
            2 => bytes[at] = u8::try_from(choices.below(256)).unwrap_or(0),
            _ => {
                let (from, length) = (index(choices, bytes.len()), index(choices, 65));
                let length = length.min(bytes.len() - from).min(bytes.len() - at);
                bytes.copy_within(from..from + length, at);
            }
        }
    }
    // Whoever can write the file can make its check words again.
    if choices.below(2) == 0 {
        blocks.iter().for_each(|block| block.check_again(&mut bytes));
    }
    let at = index(choices, bytes.len());
    match choices.below(5) {
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..bytes.len().min(at + 64))),
        3 => bytes.extend_from_slice(&[0; 64]),
        _ => {}
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_golden_trace_reproduces_as_it_is_and_is_told_from_the_others_by_its_first_header() {
        for (base, said) in BASES.iter().zip(ORIGINALS.iter()) {
            let options = Options { level: Level::Content, trust: Some(&ROOTS), ..Options::default() };
            let report = replay_bytes(&base.bytes, &options).unwrap();
            assert_eq!(report.valid, Valid::Reproduced, "{}: {report:#?}", base.name);
            assert!(said.sealed && said.frames.len() as u64 == report.records, "{}", base.name);
            // One run may be packed in two ways; what it says is the same.
            let same = ORIGINALS.iter().filter(|other| other.header == said.header);
            assert!(same.into_iter().all(|other| other.frames == said.frames), "{}", base.name);
        }
    }
}
