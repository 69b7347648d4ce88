//! A dishonest recorder: records told as it likes, under counts, digests, checksums and signatures that are all right.

use std::collections::BTreeSet;

use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Kind;
use rederive_evidence::limits::{FRAME_BLOCK_BYTES, SEGMENT_BYTES_AIM, SEGMENT_RECORDS_MAX};
use rederive_evidence::record::Record;
use rederive_evidence::signed::sign;
use rederive_machine::{Checksum, Lineage, Machine, SpanMeter};

use crate::parts::{Part, Parts, PartsFault, Stored};
use crate::receipts;
use crate::story::Story;

/// What the recorder writes down as the machine's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answers {
    /// What the machine says to the records as they are told.
    Admitted,
    /// Outcome and breaches as they stand in the records that it is given: what it wishes the machine had said.
    Denied,
}

/// The trace of this story, as a recorder tells it that has this key and the machine. Numbers, deltas, checksums, lineage, roots and
/// signatures are made as an honest recorder makes them; `like` gives the contents, and the run that headers and seal name. The opening record
/// stays as it is told: unless it names this key, that is the first thing a replay finds. Receipts stay as they are.
///
/// # Errors
/// The records make no trace.
pub fn tell(like: &Parts, story: &Story, answers: Answers, key: &SigningKey) -> Result<Parts, PartsFault> {
    Teller::new(like, story, key)?.tell(like, story, answers)
}

/// The same of a story that is told as it was, or in another order, by somebody who has the gate's key too: its receipts are made anew with this key. The story as it then is.
///
/// # Errors
/// As [`tell`].
pub(crate) fn retell(like: &Parts, story: &Story, key: &SigningKey) -> Result<(Parts, Story), PartsFault> {
    let mut teller = Teller { receipts: Some(Vec::new()), ..Teller::new(like, story, key)? };
    let told = teller.tell(like, story, Answers::Admitted)?;
    let mut retold = Story::new(told.records()?);
    teller.receipts.into_iter().flatten().for_each(|receipt| retold.bring(receipt));
    Ok((told, retold))
}

struct Teller<'a> {
    machine: Machine,
    checksum: Checksum,
    meter: SpanMeter,
    /// Contents that no record has brought yet.
    stored: Vec<&'a Stored>,
    like: Header,
    key: &'a SigningKey,
    /// The receipts that were made anew, where they are.
    receipts: Option<Vec<Stored>>,
}

impl<'a> Teller<'a> {
    fn new(like: &'a Parts, story: &'a Story, key: &'a SigningKey) -> Result<Self, PartsFault> {
        // What somebody made up may be among the contents already: each is stored once.
        let mut known = BTreeSet::new();
        let contents = like.segments.iter().flat_map(|part| &part.contents).chain(story.contents());
        Ok(Self {
            machine: Machine::new(),
            checksum: Checksum::start(Digest::ZERO),
            meter: SpanMeter::new(),
            stored: contents.filter(|stored| known.insert(stored.commitment)).collect(),
            like: like.header(0)?,
            key,
            receipts: None,
        })
    }

    fn tell(&mut self, like: &Parts, story: &Story, answers: Answers) -> Result<Parts, PartsFault> {
        let records = story.records();
        let (mut told, mut first) = (Vec::new(), 0);
        let mut lengths = like.segments.iter().map(|part| part.frames.len()).filter(|length| *length > 0);
        while first < records.len() {
            let length = lengths.next().unwrap_or(usize::MAX);
            let (part, taken) =
                self.segment(records.get(first..).unwrap_or_default(), length, first, answers)?;
            told.push(part);
            first += taken;
        }
        let mut parts = Parts { segments: told, seal: like.seal.clone() };
        let (checksum, state_root) = (self.checksum.value(), self.machine.state().root());
        parts.change_seal(self.key, |seal| *seal = Seal { checksum, state_root, ..seal.clone() })?;
        parts.resigned(self.key)
    }

    /// A segment of at most `length` of these records, the first of which has the number `first`; and how many it took.
    fn segment(
        &mut self,
        records: &[Record],
        length: usize,
        first: usize,
        answers: Answers,
    ) -> Result<(Part, usize), PartsFault> {
        let (mut part, mut bytes) = (Part::default(), 0);
        let length = length.clamp(1, SEGMENT_RECORDS_MAX);
        for (number, record) in (first as u64..).zip(records.iter().take(length)) {
            let mut record = record.clone();
            record.input.sequence = number;
            self.receipt(&mut record, &mut part.contents)?;
            self.bring(&record, &mut part.contents);
            let frame = self.record(record, answers)?;
            bytes += frame.len();
            part.frames.push(frame);
            if bytes > SEGMENT_BYTES_AIM {
                break;
            }
        }
        part.lineage = self.machine.lineage().page(first as u64);
        let state_bytes = self.machine.state().bytes();
        let ends = self.meter.segment_ends(bytes as u64, state_bytes);
        let checksum = self.checksum.value();
        let header = Header {
            checksum,
            lineage: Lineage::page_digest(&part.lineage),
            state_root: ends.then(|| self.machine.state().root()),
            rule_set: self.like.rule_set,
            // What is counted is counted when all is told.
            segment: 0,
            first: 0,
            records: 1,
            frame_bytes: FRAME_BLOCK_BYTES as u32,
            previous: Digest::ZERO,
            recovered: None,
            next_key: None,
            ..self.like.clone()
        };
        self.checksum = Checksum::start(checksum);
        part.header = sign(header, self.key)?.as_bytes().to_vec();
        let taken = part.frames.len();
        Ok((part, taken))
    }

    /// The frame of a record with what is derived from it.
    fn record(&mut self, mut record: Record, answers: Answers) -> Result<Vec<u8>, PartsFault> {
        let answer = self.machine.decide(&record.input, record.extracted.as_ref());
        if answers == Answers::Admitted {
            record.derived.outcome = answer.outcome;
            record.derived.breaches = answer.breaches;
        }
        let mut delta = Vec::new();
        answer.transition.delta(&mut delta);
        record.derived.delta = digest(Purpose::Delta, &delta);
        let is_decision = record.input.body.kind() == Kind::DecisionMade;
        record.derived.checksum = is_decision.then(|| self.checksum.value());
        self.checksum.push(&record.derived.delta);
        self.machine.commit(answer.transition);
        Ok(record.append_frame(Vec::new())?)
    }

    /// Makes the receipt of a decision anew, where receipts are.
    fn receipt(&mut self, record: &mut Record, contents: &mut Vec<Stored>) -> Result<(), PartsFault> {
        let Some(made) = &mut self.receipts else { return Ok(()) };
        let stored = self.stored.iter().copied();
        if let Some(receipt) = receipts::anew(record, self.checksum.value(), stored, self.key)? {
            // It may be the very one that was there: nothing before it is another.
            self.stored.retain(|stored| stored.commitment != receipt.commitment);
            contents.push(receipt.clone());
            made.push(receipt);
        }
        Ok(())
    }

    /// Takes the contents that a record is the first to list.
    fn bring(&mut self, record: &Record, contents: &mut Vec<Stored>) {
        let brings =
            |stored: &Stored| record.input.contents.iter().any(|entry| entry.commitment == stored.commitment);
        contents.extend(self.stored.iter().filter(|stored| brings(stored)).map(|stored| (*stored).clone()));
        self.stored.retain(|stored| !brings(stored));
    }
}
