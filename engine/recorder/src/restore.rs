//! A ledger brought back from a trace whose recorder was stopped.

use std::sync::Arc;

use rederive_archive::storage::ReadAt;
use rederive_archive::{BlockBuffer, RecoveryReport, TraceReader};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::record::Record;

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
    let mut restoring =
        Restoring { ledger: None, secret, options, run: None, own_name: None, early: Vec::new() };
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        let Some(segment) = reader.segment(number) else { break };
        let mut contents = BlockBuffer::new();
        for block in segment.content_blocks() {
            for content in block.contents(&mut contents)? {
                let content = content.map_err(rederive_archive::ReadFault::from)?;
                restoring.content(content.bytes, content.commitment);
            }
        }
        restoring.frames(segment.frames(&mut buffer)?, usize::MAX)?;
        restoring.header(digest(Purpose::Header, &segment.header()?))?;
    }
    if let Some(open) = reader.open_segment() {
        for record in 0..open.records() {
            open.read_contents_of::<RecordError>(record, |content| {
                restoring.content(content.bytes, content.commitment);
                Ok(())
            })?;
        }
        restoring.frames(open.frames(), report.attested)?;
    }
    let mut restored = restoring.finish()?;
    let mut contents = reader.content_reader();
    for wanted in restored.ledger.schemas_wanted() {
        if let Some(found) = contents.read(&wanted)?.filter(rederive_archive::Content::is_genuine) {
            restored.ledger.supply_schema(&wanted, found.bytes);
        }
    }
    Ok(restored)
}

struct Restoring<'a> {
    ledger: Option<Ledger>,
    secret: [u8; 32],
    options: &'a Options,
    run: Option<(RunId, PublicKey)>,
    own_name: Option<Id>,
    early: Vec<(Vec<u8>, Digest)>,
}

impl Restoring<'_> {
    fn content(&mut self, bytes: &[u8], commitment: Digest) {
        // Contents stand before the records that list them, so that those of the first segment come before there is a ledger.
        match &mut self.ledger {
            Some(ledger) => ledger.remember_content(bytes, commitment),
            None => self.early.push((bytes.to_vec(), commitment)),
        }
    }

    /// Takes the records of a segment again; those from the record `attested` on have no signed head over them.
    fn frames(&mut self, mut frames: &[u8], attested: usize) -> Result<(), RecordError> {
        let mut count = 0;
        while !frames.is_empty() {
            let number = self.ledger.as_ref().map_or(0, Ledger::records);
            let (record, length) = Record::decode_frame(frames)
                .map_err(|error| RecordError::BadRecord { record: number, error })?;
            let (frame, rest) = frames.split_at(length);
            if self.ledger.is_none() {
                self.open(&record)?;
            }
            if let Some(ledger) = &mut self.ledger {
                ledger.enter_again(&record, frame, count >= attested)?;
            }
            frames = rest;
            count += 1;
        }
        Ok(())
    }

    fn open(&mut self, record: &Record) -> Result<(), RecordError> {
        let Body::RunOpened(opening) = &record.input.body else { return Err(RecordError::NotAnOpening) };
        let (run, expected) = (opening.run, opening.recorder_key);
        let given = self.options.signer.as_ref().map(|signer| signer.public_key());
        let signer = match &self.options.signer {
            Some(signer) if signer.public_key() == expected => Arc::clone(signer),
            Some(_) | None => return Err(RecordError::OtherKey { expected, given }),
        };
        self.own_name = own_name(&record.input.body);
        self.run = Some((run, expected));
        let mut ledger = Ledger::new(run, self.secret, Arc::clone(&self.options.clock), signer, false);
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
            (None, _) | (_, None) => Err(RecordError::NotAnOpening),
        }
    }
}
