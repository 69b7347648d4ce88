//! The derivation of a run as it grows: drafts in, records, segments and their signed headers out. Does no I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, RecordedTime, RunId};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::lanes;
use rederive_evidence::limits::{
    CONTENT_BYTES_MAX, LIST_ITEMS_MAX, SEGMENT_BYTES_AIM, SEGMENT_BYTES_MAX, SEGMENT_RECORDS_MAX,
};
use rederive_evidence::record::{Causes, ContentEntry, ContentLength, Derived, Extracted, Input, Record};
use rederive_evidence::rules::{Breach, Outcome};
use rederive_evidence::schema::Given;
use rederive_evidence::signed::{Version, sign};
use rederive_evidence::tree;
use rederive_extract::{Contents, Extraction, Extractor, SchemaBytes};
use rederive_machine::{Checksum, Lineage, Machine, SpanMeter};

use crate::clock::Clock;
use crate::error::AppendError;
use crate::vault::{Commitment, Vault};

/// A content stored with the record that brings it first.
#[derive(PartialEq, Eq)]
pub(crate) struct StoredContent {
    pub(crate) commitment: Digest,
    pub(crate) salt: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

/// A record as it entered the run.
pub(crate) struct Entered {
    pub(crate) sequence: u64,
    pub(crate) outcome: Outcome,
    pub(crate) breaches: Vec<Breach>,
    pub(crate) frame: Vec<u8>,
    pub(crate) contents: Vec<Arc<StoredContent>>,
}

/// A segment whose last record has entered, and everything that is stored of it.
pub(crate) struct ClosedSegment {
    pub(crate) number: u32,
    pub(crate) first_sequence: u64,
    pub(crate) frames: Vec<u8>,
    pub(crate) frame_offsets: Vec<u32>,
    pub(crate) contents: Vec<Arc<StoredContent>>,
    pub(crate) lineage: Vec<u8>,
    /// State root and entries, where a span ends here.
    pub(crate) snapshot: Option<(Digest, Vec<(Vec<u8>, Vec<u8>)>)>,
    pub(crate) header: Vec<u8>,
}

#[derive(Default)]
struct OpenSegment {
    first_sequence: u64,
    frames: Vec<u8>,
    offsets: Vec<u32>,
    leaves: Vec<Digest>,
    contents: Vec<Arc<StoredContent>>,
    /// Records that an earlier recorder left without a signed head over them.
    recovered: Vec<u64>,
}

/// The run's machine, its open segment and the chain of headers before it.
pub(crate) struct Ledger {
    run: RunId,
    machine: Machine,
    vault: Vault,
    extractor: Extractor,
    schemas: Schemas,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn Signer + Send + Sync>,
    ephemeral: bool,
    checksum: Checksum,
    meter: SpanMeter,
    segment: OpenSegment,
    headers: Vec<Digest>,
    last_time: Option<RecordedTime>,
    closed: bool,
}

/// Contents of the record at hand, and the schemas that tools were registered with.
#[derive(Default)]
struct Schemas {
    by_tool: BTreeMap<String, (Digest, Option<Vec<u8>>)>,
}

struct DraftContents<'a> {
    draft: &'a Draft,
    schemas: &'a Schemas,
}

impl Contents for DraftContents<'_> {
    fn content(&self, index: u16) -> Option<&[u8]> {
        self.draft.contents.get(usize::from(index)).map(|content| content.bytes.as_slice())
    }

    fn schema(&self, tool: &str) -> Option<(Digest, SchemaBytes<'_>)> {
        let (commitment, bytes) = self.schemas.by_tool.get(tool)?;
        Some((*commitment, bytes.as_deref().map_or(SchemaBytes::Redacted, SchemaBytes::Present)))
    }
}

impl Ledger {
    /// A ledger before the opening record.
    pub(crate) fn new(
        run: RunId,
        secret: [u8; 32],
        clock: Arc<dyn Clock>,
        signer: Arc<dyn Signer + Send + Sync>,
        ephemeral: bool,
    ) -> Self {
        Self {
            run,
            machine: Machine::new(),
            vault: Vault::new(secret),
            extractor: Extractor::new(),
            schemas: Schemas::default(),
            clock,
            signer,
            ephemeral,
            checksum: Checksum::start(Digest::ZERO),
            meter: SpanMeter::new(),
            segment: OpenSegment::default(),
            headers: Vec::new(),
            last_time: None,
            closed: false,
        }
    }

    /// Number of the open segment.
    pub(crate) fn segment_number(&self) -> u32 {
        self.headers.len() as u32
    }

    /// Whether the closing record has entered.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The machine, for questions about the state.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The commitment that these bytes have or will get in this run.
    pub(crate) fn commitment(&self, bytes: &[u8]) -> Digest {
        self.vault.commit(bytes).commitment
    }

    /// Makes the record of a draft, lets it take effect and adds it to the open segment. Where an error is returned, nothing has changed.
    pub(crate) fn enter(&mut self, draft: Draft) -> Result<Entered, AppendError> {
        if self.closed {
            return Err(AppendError::Closed);
        }
        let commitments = self.commit_contents(&draft)?;
        let (time, clock_stepped) = self.time_of(&draft);
        let sequence = self.machine.lineage().len();
        let extracted = self.extract(&draft);
        let (input, bytes) = into_input(draft, sequence, time, clock_stepped, &commitments);
        let answer = self.machine.decide(&input, extracted.as_ref());
        let mut delta = Vec::with_capacity(256);
        answer.transition.delta(&mut delta);
        let delta = digest(Purpose::Delta, &delta);
        let checksum = (input.body.kind() == Kind::DecisionMade).then(|| self.checksum.value());
        let breaches = answer.breaches.clone();
        let derived = Derived { outcome: answer.outcome, breaches: answer.breaches, delta, checksum };
        let record = Record { input, extracted, derived };
        let frame = record
            .append_frame(Vec::new())
            .map_err(|large| AppendError::RecordTooLarge { bytes: large.bytes })?;

        self.machine.commit(answer.transition);
        self.checksum.push(&delta);
        self.last_time = self.last_time.max(record.input.time);
        self.closed = record.input.body.kind() == Kind::RunClosed && answer.outcome == Outcome::Applied;
        commitments.iter().for_each(|made| self.vault.keep(made));
        self.remember_schema(&record.input, &bytes);
        let contents = new_contents(&commitments, bytes);
        self.segment.push(&frame, &contents);
        Ok(Entered { sequence, outcome: answer.outcome, breaches, frame, contents })
    }

    fn commit_contents(&self, draft: &Draft) -> Result<Vec<Commitment>, AppendError> {
        let listed = draft.contents.len() as u64;
        if listed > LIST_ITEMS_MAX {
            return Err(AppendError::TooManyContents { listed });
        }
        let needed = draft.body.tally().contents;
        let labelled =
            draft.labels.iter().filter_map(|label| label.content).map(|c| u64::from(c.0) + 1).max();
        if needed.max(labelled.unwrap_or(0)) > listed {
            return Err(AppendError::NoSuchContent { index: needed.max(labelled.unwrap_or(0)) - 1, listed });
        }
        if let Some(large) = draft
            .contents
            .iter()
            .map(|content| content.bytes.len() as u64)
            .find(|bytes| *bytes > CONTENT_BYTES_MAX)
        {
            return Err(AppendError::ContentTooLarge { bytes: large });
        }
        Ok(draft.contents.iter().map(|content| self.vault.commit(&content.bytes)).collect())
    }

    /// A draft's own time, or the clock's, which never runs backwards in a record: the step is flagged instead (D12).
    fn time_of(&self, draft: &Draft) -> (Option<RecordedTime>, bool) {
        if draft.time.is_some() {
            return (draft.time, false);
        }
        let now = self.clock.now();
        match (now, self.last_time) {
            (Some(now), Some(last)) if now < last => (Some(last), true),
            (now, _) => (now, false),
        }
    }

    fn extract(&mut self, draft: &Draft) -> Option<Extracted> {
        let contents = DraftContents { draft, schemas: &self.schemas };
        match self.extractor.extract(&draft.body, &contents) {
            Extraction::Values(values) => Some(values),
            // A schema that an earlier, redacted part of the run registered: nothing can be said of the arguments.
            Extraction::Nothing | Extraction::Redacted => None,
        }
    }

    fn remember_schema(&mut self, input: &Input, bytes: &[Vec<u8>]) {
        let Body::ToolRegistered(registered) = &input.body else { return };
        let Given::Known(Content(index)) = registered.schema else { return };
        let index = usize::from(index);
        if let (Some(entry), Some(bytes)) = (input.contents.get(index), bytes.get(index)) {
            let _ = self
                .schemas
                .by_tool
                .insert(registered.tool.to_string(), (entry.commitment, Some(bytes.clone())));
        }
    }

    /// Whether the next record might not fit, or the segment has the size aimed at.
    pub(crate) fn segment_is_full(&self) -> bool {
        let segment = &self.segment;
        let aim = SEGMENT_BYTES_AIM.min(SEGMENT_BYTES_MAX - rederive_evidence::limits::FRAME_BYTES_MAX);
        segment.leaves.len() >= SEGMENT_RECORDS_MAX || segment.frames.len() >= aim
    }

    /// The signed head of the open segment: what a group commit ends with. `None` where it has no record.
    pub(crate) fn head(&self) -> Result<Option<Vec<u8>>, AppendError> {
        let Some(root) = tree::root(&self.segment.leaves) else { return Ok(None) };
        let head = Head {
            version: Version::One,
            run: self.run,
            segment: self.segment_number(),
            records: self.segment.leaves.len() as u32,
            root,
            previous: self.previous_header(),
        };
        Ok(Some(sign(head, self.signer.as_ref())?.as_bytes().to_vec()))
    }

    fn previous_header(&self) -> Digest {
        self.headers.last().copied().unwrap_or(Digest::ZERO)
    }

    /// Ends the open segment. `None` where it has no record. Where signing fails, nothing has changed.
    pub(crate) fn close_segment(&mut self) -> Result<Option<ClosedSegment>, AppendError> {
        let Some(root) = tree::root(&self.segment.leaves) else { return Ok(None) };
        let lineage = self.machine.lineage().page(self.segment.first_sequence);
        let state = self.machine.state();
        let mut meter = self.meter;
        let span_ends = meter.segment_ends(self.segment.frames.len() as u64, state.bytes());
        let state_root = span_ends.then(|| state.root());
        let checksum = self.checksum.value();
        let recovered = Causes::of(self.segment.recovered.iter().copied());
        let header = Header {
            version: Version::One,
            run: self.run,
            segment: self.segment_number(),
            first: self.segment.first_sequence,
            records: self.segment.leaves.len() as u32,
            frame_bytes: self.segment.frames.len() as u32,
            root,
            previous: self.previous_header(),
            checksum,
            lineage: Lineage::page_digest(&lineage),
            rule_set: rederive_machine::RULE_SET,
            state_root,
            recovered: (recovered != Causes::NONE).then_some(recovered),
            next_key: None,
        };
        let signed = sign(header, self.signer.as_ref())?;
        let snapshot = state_root.map(|root| (root, state.entries().collect()));

        let number = self.segment_number();
        self.headers.push(signed.digest());
        self.meter = meter;
        self.checksum = Checksum::start(checksum);
        let segment = std::mem::take(&mut self.segment);
        self.segment.first_sequence = segment.first_sequence + segment.leaves.len() as u64;
        Ok(Some(ClosedSegment {
            number,
            first_sequence: segment.first_sequence,
            frames: segment.frames,
            frame_offsets: segment.offsets,
            contents: segment.contents,
            lineage,
            snapshot,
            header: signed.as_bytes().to_vec(),
        }))
    }

    /// The signed seal over all closed segments. Call it after the last segment was closed.
    pub(crate) fn seal(&self) -> Result<Vec<u8>, AppendError> {
        let Some(header_root) = tree::root(&self.headers) else { return Err(AppendError::NothingToSeal) };
        let seal = Seal {
            version: Version::One,
            run: self.run,
            segments: self.headers.len() as u64,
            records: self.machine.lineage().len(),
            last: self.previous_header(),
            header_root,
            state_root: self.machine.state().root(),
            checksum: self.checksum.value(),
            ephemeral: self.ephemeral,
        };
        Ok(sign(seal, self.signer.as_ref())?.as_bytes().to_vec())
    }
}

impl OpenSegment {
    fn push(&mut self, frame: &[u8], contents: &[Arc<StoredContent>]) {
        self.offsets.push(self.frames.len() as u32);
        self.frames.extend_from_slice(frame);
        lanes::digest_each(Purpose::Leaf, [frame], &mut self.leaves);
        self.contents.extend_from_slice(contents);
    }
}

fn into_input(
    draft: Draft,
    sequence: u64,
    time: Option<RecordedTime>,
    clock_stepped: bool,
    commitments: &[Commitment],
) -> (Input, Vec<Vec<u8>>) {
    let contents = draft.contents.iter().zip(commitments).map(|(content, made)| ContentEntry {
        commitment: made.commitment,
        bytes: ContentLength(content.bytes.len() as u64),
        media: content.media,
    });
    let input = Input {
        sequence,
        time,
        contents: contents.collect(),
        actor: draft.actor,
        origin: draft.origin,
        place: draft.place,
        causes: draft.causes,
        labels: draft.labels,
        identity: draft.identity,
        trace: draft.trace,
        graph: draft.graph,
        clock_stepped,
        body: draft.body,
    };
    (input, draft.contents.into_iter().map(|content| content.bytes).collect())
}

/// The contents that the run has for the first time with this record, each once.
fn new_contents(commitments: &[Commitment], bytes: Vec<Vec<u8>>) -> Vec<Arc<StoredContent>> {
    let mut new: Vec<Arc<StoredContent>> = Vec::new();
    for (made, bytes) in commitments.iter().zip(bytes) {
        let Some(salt) = made.new_salt else { continue };
        if new.iter().all(|stored| stored.commitment != made.commitment) {
            new.push(Arc::new(StoredContent { commitment: made.commitment, salt, bytes }));
        }
    }
    new
}
