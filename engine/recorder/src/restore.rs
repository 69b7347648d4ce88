//! A ledger brought back from a trace whose recorder was stopped.
//!
//! What it goes on with it will sign for. So everything is verified first: the chain of headers and its last signature, frames, contents. A
//! file that was edited while no recorder held it is refused, not signed over. Spec: recovery-verified.

use std::collections::HashSet;
use std::sync::Arc;

use rederive_archive::limits::segment_contents_max;
use rederive_archive::storage::ReadAt;
use rederive_archive::{BlockBuffer, Content, RecoveryReport, TraceReader};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Record, split_frames};
use rederive_verify::{ChainEnd, ChainVerifier, verify_frames, verify_head};

use crate::error::RecordError;
use crate::ledger::Ledger;
use crate::recorder::{Options, own_name};

pub(crate) struct Restored {
    pub(crate) ledger: Ledger,
    pub(crate) run: RunId,
    pub(crate) key: PublicKey,
    pub(crate) own_name: Option<Id>,
}

/// Replays every record of the trace into a new ledger. The run's secret is gone: contents stored already keep their commitments, new ones are
/// committed to under `secret`.
pub(crate) fn restore<F: ReadAt>(
    reader: &TraceReader<F>,
    report: &RecoveryReport,
    secret: [u8; 32],
    options: &Options,
) -> Result<Restored, RecordError> {
    let (first_key, signer) = signers(reader, options)?;
    let mut restoring = Restoring {
        ledger: None,
        secret,
        first_key,
        signer,
        options,
        run: None,
        own_name: None,
        early: Vec::new(),
        stored: Vec::new(),
        listed: Vec::new(),
        listed_before: HashSet::new(),
    };
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        let Some(segment) = reader.segment(number) else { break };
        let mut contents = BlockBuffer::new();
        let frames = segment.frames(&mut buffer)?;
        for block in segment.content_blocks() {
            for content in block.contents(&mut contents)? {
                restoring.content(&content.map_err(rederive_archive::ReadFault::from)?, frames.len())?;
            }
        }
        restoring.frames(frames, usize::MAX)?;
        restoring.header(digest(Purpose::Header, &segment.header()?))?;
    }
    if let Some(open) = reader.open_segment() {
        for record in 0..open.records() {
            open.read_contents_of(record, |content| restoring.content(&content, open.frames().len()))?;
        }
        restoring.frames(open.frames(), report.attested)?;
    }
    let mut restored = restoring.finish()?;
    let mut contents = reader.content_reader();
    for wanted in restored.ledger.schemas_wanted() {
        if let Some(found) = contents.read(&wanted)? {
            restored.ledger.supply_schema(&wanted, found.bytes);
        }
    }
    for (record, side, wanted) in restored.ledger.said_before() {
        let found = contents.read(&wanted)?;
        restored.ledger.supply_said(record, side, found.map(|found| found.bytes));
    }
    Ok(restored)
}

type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// Verifies headers, frames and the last signature. Returns the key of the first signature, and the signer given, whose key must be the one that
/// signs from here on. Where nothing is signed yet, the opening record alone names the key.
fn signers<F: ReadAt>(
    reader: &TraceReader<F>,
    options: &Options,
) -> Result<(PublicKey, SharedSigner), RecordError> {
    let (mut chain, mut buffer, mut leaves) = (ChainVerifier::new(), BlockBuffer::new(), Vec::new());
    for number in 0..reader.segments() {
        let Some(segment) = reader.segment(number) else { break };
        let header = chain.header(&segment.header()?)?;
        let frames = frames_of(segment.frames(&mut buffer)?, header.first)?;
        verify_frames(&header, frames.iter().copied(), &mut leaves)?;
    }
    let last_key = chain.key();
    let open = reader.open_segment();
    let verified = chain.open(open.and_then(|open| open.head()))?;
    if let (ChainEnd::Open(head), Some(open)) = (&verified.end, open) {
        let frames = (0..open.records()).map(|record| open.frame(record).unwrap_or_default());
        let _ = verify_head(head, frames)?;
    }
    let Some(signer) = &options.signer else {
        let expected = last_key.or(verified.key).ok_or(RecordError::NoKey)?;
        return Err(RecordError::OtherKey { expected, given: None });
    };
    let given = signer.public_key();
    let expected = last_key.or(verified.key).unwrap_or(given);
    if given != expected {
        return Err(RecordError::OtherKey { expected, given: Some(given) });
    }
    Ok((verified.key.unwrap_or(given), Arc::clone(signer)))
}

fn frames_of(bytes: &[u8], first: u64) -> Result<Vec<&[u8]>, RecordError> {
    let numbered = split_frames(bytes).zip(first..);
    numbered.map(|(frame, record)| frame.map_err(|error| RecordError::BadRecord { record, error })).collect()
}

struct Restoring<'a> {
    ledger: Option<Ledger>,
    secret: [u8; 32],
    first_key: PublicKey,
    signer: SharedSigner,
    options: &'a Options,
    run: Option<(RunId, PublicKey)>,
    own_name: Option<Id>,
    early: Vec<(Vec<u8>, Digest)>,
    /// What the segment at hand stores.
    stored: Vec<Digest>,
    /// What its records list.
    listed: Vec<Digest>,
    /// What those of the segments before it list.
    listed_before: HashSet<Digest>,
}

impl Restoring<'_> {
    /// Takes a content of a segment whose frames have so many bytes.
    fn content(&mut self, content: &Content<'_>, frame_bytes: usize) -> Result<(), RecordError> {
        if !content.is_genuine() {
            return Err(RecordError::BadContent { commitment: content.commitment });
        }
        self.stored.push(content.commitment);
        // More than its records can list.
        if self.stored.len() >= segment_contents_max(frame_bytes) {
            return Err(RecordError::Unlisted { commitment: content.commitment });
        }
        // Contents stand before the records that list them, so that those of the first segment come before there is a ledger.
        match &mut self.ledger {
            Some(ledger) => ledger.remember_content(content.bytes, content.commitment),
            None => self.early.push((content.bytes.to_vec(), content.commitment)),
        }
        Ok(())
    }

    /// Takes the records of a segment again; those from the record `attested` on have no signed head over them.
    fn frames(&mut self, frames: &[u8], attested: usize) -> Result<(), RecordError> {
        let first = self.ledger.as_ref().map_or(0, Ledger::records);
        for (index, frame) in frames_of(frames, first)?.into_iter().enumerate() {
            let number = first + index as u64;
            let (record, _) = Record::decode_frame(frame)
                .map_err(|error| RecordError::BadRecord { record: number, error })?;
            if self.ledger.is_none() {
                self.open(&record)?;
            }
            self.listed.extend(record.input.contents.iter().map(|entry| entry.commitment));
            if let Some(ledger) = &mut self.ledger {
                ledger.enter_again(&record, frame, index >= attested)?;
            }
        }
        self.check_listed()
    }

    /// Whether the segment at hand stores only what its records are the first to list, each once: a later header would sign for the rest.
    fn check_listed(&mut self) -> Result<(), RecordError> {
        let (mut stored, mut listed) = (std::mem::take(&mut self.stored), std::mem::take(&mut self.listed));
        stored.sort_unstable();
        listed.sort_unstable();
        let twice =
            stored.windows(2).find_map(|pair| pair.first().filter(|first| pair.last() == Some(first)));
        let unlisted = stored
            .iter()
            .find(|content| listed.binary_search(content).is_err() || self.listed_before.contains(*content));
        self.listed_before.extend(listed.iter().copied());
        match twice.or(unlisted) {
            Some(commitment) => Err(RecordError::Unlisted { commitment: *commitment }),
            None => Ok(()),
        }
    }

    fn open(&mut self, record: &Record) -> Result<(), RecordError> {
        let Body::RunOpened(opening) = &record.input.body else { return Err(RecordError::NotAnOpening) };
        let (run, expected) = (opening.run, opening.recorder_key);
        if !rederive_machine::supports(&opening.rule_set) {
            return Err(RecordError::UnknownRuleSet { number: opening.rule_set.number });
        }
        if expected != self.first_key {
            return Err(RecordError::OtherKey { expected, given: Some(self.first_key) });
        }
        self.own_name = own_name(&record.input.body);
        self.run = Some((run, expected));
        let clock = Arc::clone(&self.options.clock);
        let mut ledger = Ledger::new(run, self.secret, clock, Arc::clone(&self.signer), false);
        ledger.look_into(self.options.extractor);
        self.early.drain(..).for_each(|(bytes, commitment)| ledger.remember_content(&bytes, commitment));
        self.ledger = Some(ledger);
        Ok(())
    }

    fn header(&mut self, digest: Digest) -> Result<(), RecordError> {
        match &mut self.ledger {
            Some(ledger) => {
                ledger.segment_was_closed(digest);
                Ok(())
            }
            None => Err(RecordError::NotAnOpening),
        }
    }

    fn finish(self) -> Result<Restored, RecordError> {
        match (self.ledger, self.run) {
            (Some(ledger), Some((run, key))) => Ok(Restored { ledger, run, key, own_name: self.own_name }),
            (None, _) | (_, None) => Err(RecordError::NothingRecorded),
        }
    }
}
