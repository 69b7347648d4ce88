//! `prove`: that records are in a sealed run, as a small file that needs nothing but a trust root to be checked.

use std::path::PathBuf;

use clap::Args;
use rederive_archive::{BlockBuffer, ReadFault};
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::hex::Bytes;
use rederive_evidence::lanes::digest_many;
use rederive_evidence::proof::{Disclosure, InclusionProof, PROOF_BYTES_MAX, Salt, ShownRecord};
use rederive_evidence::record::{ContentEntry, Record, frame_length};
use rederive_evidence::schema::to_bytes;
use rederive_evidence::signed::{SignedFault, UncheckedSigned, Version};
use rederive_evidence::tree::{Selection, Tree};

use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::{bytes, counted};
use crate::trace::{self, Trace};
use crate::words::faults;

/// Prove that records are in a sealed run.
#[derive(Args)]
#[command(after_help = "\
The proof shows the records named, and of all else in the run digests alone. With --content it discloses what they list too: whoever has the proof
then has those contents. It is checked with nothing but a trust-root file.

Example: rederive prove run.rdt --record 12 --out call.proof && rederive check call.proof --trust roots.json")]
pub(crate) struct Prove {
    /// The trace; it must be sealed.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The records, all of one segment.
    #[arg(long = "record", value_name = "N", required = true, value_delimiter = ',')]
    records: Vec<u64>,
    /// Disclose the contents that the records list.
    #[arg(long)]
    content: bool,
    /// File to write the proof to. An existing file is never overwritten.
    #[arg(long, value_name = "PROOF")]
    out: PathBuf,
}

/// A segment of a sealed trace, and what leads from its header to the seal.
struct Sealed {
    header: Header,
    header_bytes: Vec<u8>,
    header_siblings: Vec<Digest>,
    seal: Vec<u8>,
    frames: Vec<u8>,
}

impl Prove {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let trace = trace::open(&self.file)?;
        let numbers = self.numbers();
        let sealed = self.sealed(&trace, &numbers)?;
        let (proof, records) = self.proof(&sealed, &numbers)?;
        let listed: Vec<ContentEntry> =
            records.into_iter().flat_map(|record| record.input.contents).collect();
        let (disclosed, missing) =
            if self.content { self.disclosures(&trace, &listed)? } else { (Vec::new(), 0) };
        let proof = InclusionProof { disclosed, ..proof };
        // Never hand out a proof that does not hold; whose key it is, the one who checks it decides.
        let proven = proof.check(|_, _| true).map_err(|fault| {
            let title = format!("{}: no proof can be made: {fault}", self.file.display());
            Failed::new(
                Exit::Untrustworthy,
                Problem::error(title).row("code", fault.code()).hint(self.replay_hint()),
            )
        })?;
        let encoded = to_bytes(&proof);
        if encoded.len() > PROOF_BYTES_MAX {
            let (length, most) = (bytes(encoded.len() as u64), bytes(PROOF_BYTES_MAX as u64));
            let problem = Problem::error(format!("the proof would take {length}, and has at most {most}"));
            return Err(Failed::usage(problem.hint("name fewer records, or leave out --content")));
        }
        trace::create(&self.out, &encoded)?;
        let seal = proven.seal.payload();
        let (shown, run) = (counted(numbers.len() as u64, "record"), seal.run);
        let length = bytes(encoded.len() as u64);
        terminal.tell(&format!("{shown} of run {run} proven in {}, {length}", self.out.display()));
        terminal.tell(&format!("  signed by {}", proven.seal.key()));
        self.print_disclosed(&proof, listed.len(), missing, terminal);
        if seal.ephemeral {
            let warning =
                Problem::warning("the run was signed by a key of its own: the proof vouches for no recorder");
            terminal.caution(
                &warning.hint("record or import with --key, so that a trust-root file can name the key"),
            );
        }
        terminal.remark(&format!("next: rederive check {} --trust FILE", self.out.display()));
        Ok(Exit::AsAsked)
    }

    fn print_disclosed(&self, proof: &InclusionProof, listed: usize, missing: u64, terminal: &mut Terminal) {
        let disclosed = proof.disclosed.len() as u64;
        let words = match (self.content, listed) {
            (_, 0) => "  the records list no contents".to_owned(),
            (false, _) => format!(
                "  {} they list stay hidden: --content discloses them",
                counted(listed as u64, "content")
            ),
            (true, _) if missing > 0 => format!(
                "  discloses {}; {} are redacted in the trace",
                counted(disclosed, "content"),
                counted(missing, "content")
            ),
            (true, _) => format!("  discloses {}", counted(disclosed, "content")),
        };
        terminal.tell(&words);
    }

    /// The records asked for, ascending, each once.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers = self.records.clone();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn replay_hint(&self) -> String {
        format!("`rederive replay {}` says what of the trace holds", self.file.display())
    }

    fn reading(&self, fault: &ReadFault) -> Failed {
        faults::reading(&self.file, fault)
    }

    fn malformed(&self, what: &str, fault: SignedFault) -> Failed {
        let title = format!("{}: {what} cannot be read: {fault}", self.file.display());
        Failed::new(
            Exit::Untrustworthy,
            Problem::error(title).row("code", fault.code()).hint(self.replay_hint()),
        )
    }

    /// The segment that holds the records, under the trace's seal.
    fn sealed(&self, trace: &Trace, numbers: &[u64]) -> Result<Sealed, Failed> {
        let Some(seal) = trace.seal().map_err(|fault| self.reading(&fault))? else {
            let title = format!("{} is not sealed: a proof stands under the seal", self.file.display());
            let hint = faults::closing_hint(&self.file);
            return Err(Failed::new(Exit::Unfinished, Problem::error(title).hint(hint)));
        };
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
        let problem = Problem::error(format!("{} has no record {number}", self.file.display()));
        Failed::usage(problem.hint(format!("its records are 0 to {}", records.saturating_sub(1))))
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
    fn proof(&self, sealed: &Sealed, numbers: &[u64]) -> Result<(InclusionProof, Vec<Record>), Failed> {
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
        let commitments: std::collections::BTreeSet<Digest> =
            listed.iter().map(|entry| entry.commitment).collect();
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
fn split(mut frames: &[u8]) -> Option<Vec<&[u8]>> {
    let mut split = Vec::new();
    while !frames.is_empty() {
        let (frame, rest) = frames.split_at_checked(frame_length(frames).ok()?)?;
        split.push(frame);
        frames = rest;
    }
    Some(split)
}
