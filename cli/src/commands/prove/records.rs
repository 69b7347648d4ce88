//! Inclusion proofs: records of one segment, and what leads from them to the seal.

use std::collections::BTreeSet;

use rederive_archive::BlockBuffer;
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::hex::Bytes;
use rederive_evidence::lanes::digest_many;
use rederive_evidence::proof::{Disclosure, InclusionProof, PROOF_BYTES_MAX, Salt, ShownRecord};
use rederive_evidence::record::{ContentEntry, Record, split_frames};
use rederive_evidence::schema::to_bytes;
use rederive_evidence::signed::{UncheckedSigned, Version};
use rederive_evidence::tree::{Selection, Tree};

use super::{Made, Prove, Proven};
use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::text::{bytes, counted};
use crate::trace::{self, Trace};

/// A segment of a sealed trace, and what leads from its header to the seal.
struct Sealed {
    header: Header,
    header_bytes: Vec<u8>,
    header_siblings: Vec<Digest>,
    seal: Vec<u8>,
    frames: Vec<u8>,
}

impl Prove {
    /// Makes the proof of the records asked for.
    pub(super) fn records(&self, trace: &Trace, seal: Vec<u8>) -> Result<Made, Failed> {
        let numbers = self.numbers();
        let sealed = self.sealed(trace, seal, &numbers)?;
        let (proof, records) = self.inclusion(&sealed, &numbers)?;
        let listed: Vec<ContentEntry> =
            records.into_iter().flat_map(|record| record.input.contents).collect();
        let (disclosed, missing) =
            if self.content { self.disclosures(trace, &listed)? } else { (Vec::new(), 0) };
        let proof = InclusionProof { disclosed, ..proof };
        let proven = proof.check(|_, _| true).map_err(|fault| self.does_not_hold(&fault))?;
        let encoded = to_bytes(&proof);
        if encoded.len() > PROOF_BYTES_MAX {
            let (length, most) = (bytes(encoded.len() as u64), bytes(PROOF_BYTES_MAX as u64));
            let problem = Problem::error(format!("the proof would take {length}, and has at most {most}"));
            return Err(Failed::usage(problem.hint("name fewer records, or leave out --content")));
        }
        let what = counted(numbers.len() as u64, "record");
        let (disclosed, contents) = (proof.disclosed.len() as u64, listed.len() as u64);
        let note = self.disclosed_words(disclosed, contents, missing);
        let made = Proven::Records { records: numbers, contents, disclosed, redacted: missing };
        Ok(Made { what, note, encoded, seal: proven.seal, proven: made })
    }

    fn disclosed_words(&self, disclosed: u64, listed: u64, missing: u64) -> String {
        let of = |number| counted(number, "content");
        match (self.content, listed) {
            (_, 0) => "the records list no contents".to_owned(),
            (false, 1) => "the content that they list stays hidden: --content discloses it".to_owned(),
            (false, _) => format!("{} that they list stay hidden: --content discloses them", of(listed)),
            (true, _) if missing == 1 => {
                format!("discloses {}; 1 content is redacted in the trace", of(disclosed))
            }
            (true, _) if missing > 0 => {
                format!("discloses {}; {} are redacted in the trace", of(disclosed), of(missing))
            }
            (true, _) => format!("discloses {}", of(disclosed)),
        }
    }

    /// The records asked for, ascending, each once.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers = self.what.records.clone();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The segment that holds the records, under the trace's seal.
    fn sealed(&self, trace: &Trace, seal: Vec<u8>, numbers: &[u64]) -> Result<Sealed, Failed> {
        let claims =
            UncheckedSigned::<Seal>::parse(&seal).map_err(|fault| self.malformed("the seal", fault))?;
        let (mut digests, mut held) = (Vec::new(), None);
        for number in 0..trace.segments() {
            let Some(segment) = trace.segment(number) else { break };
            let bytes = segment.header().map_err(|fault| self.reading(&fault))?;
            digests.push(digest(Purpose::Header, &bytes));
            let signed = UncheckedSigned::<Header>::parse(&bytes)
                .map_err(|fault| self.malformed(&format!("the header of segment {number}"), fault))?;
            let header = signed.claims();
            let range = header.first..header.first + u64::from(header.records);
            if numbers.first().is_some_and(|first| range.contains(first)) {
                held = Some((header.clone(), bytes));
            }
        }
        let Some((header, header_bytes)) = held else {
            return Err(self.missing(numbers, claims.claims().records));
        };
        self.check_together(&header, numbers, claims.claims().records)?;
        let index = usize::try_from(header.segment).unwrap_or(usize::MAX);
        let path = Tree::new(&digests).and_then(|tree| tree.path(index));
        let header_siblings = path.map(|path| path.siblings).unwrap_or_default();
        let mut buffer = BlockBuffer::new();
        let frames = match trace.segment(header.segment) {
            Some(segment) => segment.frames(&mut buffer).map_err(|fault| self.reading(&fault))?.to_vec(),
            None => Vec::new(),
        };
        Ok(Sealed { header, header_bytes, header_siblings, seal, frames })
    }

    fn missing(&self, numbers: &[u64], records: u64) -> Failed {
        let number = numbers.iter().find(|number| **number >= records).copied().unwrap_or_default();
        trace::no_record(&self.file, number, records.saturating_sub(1))
    }

    fn check_together(&self, header: &Header, numbers: &[u64], records: u64) -> Result<(), Failed> {
        let last = header.first + u64::from(header.records) - 1;
        match numbers.iter().find(|number| **number > last) {
            Some(number) if *number >= records => Err(self.missing(numbers, records)),
            Some(number) => {
                let title = format!(
                    "record {number} stands in a later segment than record {}",
                    numbers.first().unwrap_or(number)
                );
                let hint = format!(
                    "a proof holds records of one segment, here {} to {last}: make one proof a segment",
                    header.first
                );
                Err(Failed::usage(Problem::error(title).hint(hint)))
            }
            None => Ok(()),
        }
    }

    /// The proof without contents, and the records it shows.
    fn inclusion(&self, sealed: &Sealed, numbers: &[u64]) -> Result<(InclusionProof, Vec<Record>), Failed> {
        let damaged = |what: String| {
            let problem = Problem::error(format!("{}: {what}", self.file.display())).hint(self.replay_hint());
            Failed::new(Exit::Untrustworthy, problem)
        };
        let frames =
            split(&sealed.frames).ok_or_else(|| damaged("its frames cannot be told apart".to_owned()))?;
        let mut leaves = Vec::with_capacity(frames.len());
        digest_many(Purpose::Leaf, frames.iter().copied(), &mut leaves);
        let (mut shown, mut records) = (Vec::new(), Vec::new());
        for number in numbers {
            let index = u32::try_from(number - sealed.header.first).unwrap_or(u32::MAX);
            let frame = usize::try_from(index).ok().and_then(|index| frames.get(index));
            let frame =
                frame.ok_or_else(|| damaged(format!("record {number} is not where its header says")))?;
            shown.push(ShownRecord { index, frame: Bytes(frame.to_vec()) });
            records.extend(Record::decode_frame(frame).ok().map(|(record, _)| record));
        }
        let indices: Vec<u32> = shown.iter().map(|shown| shown.index).collect();
        let selection = Selection::new(&leaves, &indices).map_err(|fault| damaged(fault.to_string()))?;
        let proof = InclusionProof {
            version: Version::One,
            records: shown,
            lemmas: selection.lemmas,
            header: Bytes(sealed.header_bytes.clone()),
            header_siblings: sealed.header_siblings.clone(),
            seal: Bytes(sealed.seal.clone()),
            disclosed: Vec::new(),
        };
        Ok((proof, records))
    }

    /// The contents listed, each once, and how many the trace does not have.
    fn disclosures(&self, trace: &Trace, listed: &[ContentEntry]) -> Result<(Vec<Disclosure>, u64), Failed> {
        let commitments: BTreeSet<Digest> = listed.iter().map(|entry| entry.commitment).collect();
        let mut reader = trace.content_reader();
        let (mut disclosed, mut missing) = (Vec::new(), 0);
        for commitment in commitments {
            match reader.read(&commitment).map_err(|fault| self.reading(&fault))? {
                Some(content) => disclosed.push(Disclosure {
                    commitment,
                    salt: Salt(content.salt),
                    bytes: Bytes(content.bytes.to_vec()),
                }),
                None => missing += 1,
            }
        }
        Ok((disclosed, missing))
    }
}

/// The frames of a segment; none where they do not tile its bytes.
fn split(frames: &[u8]) -> Option<Vec<&[u8]>> {
    split_frames(frames).collect::<Result<_, _>>().ok()
}
