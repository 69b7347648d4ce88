//! The derivation of a run as it grows: drafts in, records, segments and their signed headers out. Does no I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use rederive_archive::{Content, Snapshot, SnapshotBuilder};
use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{RecordedTime, RunId};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::limits::{
    CONTENT_BYTES_MAX, LIST_ITEMS_MAX, SEGMENT_BYTES_AIM, SEGMENT_BYTES_MAX, SEGMENT_RECORDS_MAX,
};
use rederive_evidence::record::{Causes, ContentEntry, ContentLength, Derived, Extracted, Input, Record};
use rederive_evidence::rules::{Breach, Outcome};
use rederive_evidence::signed::{Version, sign};
use rederive_evidence::tree;
use rederive_evidence::values::Place;
use rederive_extract::{Contents, Extraction, Extractor, ExtractorVersion, SchemaBytes, Side, Sources, said};
use rederive_machine::{Answer, CallStatus, Checksum, Lineage, Machine, SpanMeter, State};

use crate::clock::Clock;
use crate::error::{AppendError, RecordError};
use crate::leaves::Leaves;
use crate::vault::{Commitment, Vault};

/// Room that the frames of most records do not grow out of.
const FRAME_BYTES_USUAL: usize = 512;

/// A content stored with the record that brings it first.
#[derive(PartialEq, Eq)]
pub(crate) struct StoredContent {
    pub(crate) commitment: Digest,
    pub(crate) salt: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl StoredContent {
    /// The content as the trace file takes it.
    pub(crate) fn as_content(&self) -> Content<'_> {
        Content { commitment: self.commitment, salt: self.salt, bytes: &self.bytes }
    }
}

/// A record as it entered the run.
pub(crate) struct Entered {
    pub(crate) sequence: u64,
    pub(crate) outcome: Outcome,
    pub(crate) breaches: Vec<Breach>,
    pub(crate) time: Option<RecordedTime>,
    pub(crate) extracted: Option<Extracted>,
    pub(crate) frame: Vec<u8>,
    pub(crate) contents: Vec<StoredContent>,
}

/// What ends a segment whose last record has entered.
pub(crate) struct ClosedSegment {
    pub(crate) lineage: Vec<u8>,
    /// The state, where a span ends here.
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) header: Vec<u8>,
}

#[derive(Default)]
struct OpenSegment {
    first_sequence: u64,
    frame_bytes: usize,
    leaves: Leaves,
    /// Records that an earlier recorder left without a signed head over them.
    recovered: Vec<u64>,
}

/// The run's machine, its open segment and the chain of headers before it.
pub(crate) struct Ledger {
    run: RunId,
    machine: Machine,
    vault: Vault,
    extractor: Extractor,
    /// How far contents are looked into, where that was asked for.
    asked_version: Option<ExtractorVersion>,
    version: ExtractorVersion,
    schemas: Schemas,
    /// What the records said, as far as the extractor's version looks at it.
    sources: Sources,
    /// Of a run taken up again: what its records said, until it is supplied.
    said_before: Vec<(u64, Side, Digest)>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn Signer + Send + Sync>,
    /// Who signs after the next header, which the present signer signs.
    next_signer: Option<Arc<dyn Signer + Send + Sync>>,
    ephemeral: bool,
    checksum: Checksum,
    meter: SpanMeter,
    segment: OpenSegment,
    headers: Vec<Digest>,
    last_time: Option<RecordedTime>,
    closed: bool,
    /// Room for the bytes of one delta.
    delta_bytes: Vec<u8>,
    /// The machine's answer to the record at hand; the next is written over it.
    answer: Answer,
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

/// Contents of a record that has entered.
struct RecordContents<'a> {
    bytes: &'a [Vec<u8>],
}

impl Contents for RecordContents<'_> {
    fn content(&self, index: u16) -> Option<&[u8]> {
        self.bytes.get(usize::from(index)).map(Vec::as_slice)
    }

    fn schema(&self, _: &str) -> Option<(Digest, SchemaBytes<'_>)> {
        None
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
            asked_version: None,
            version: ExtractorVersion::One,
            schemas: Schemas::default(),
            sources: Sources::new(),
            said_before: Vec::new(),
            clock,
            signer,
            next_signer: None,
            ephemeral,
            checksum: Checksum::start(Digest::ZERO),
            meter: SpanMeter::new(),
            segment: OpenSegment::default(),
            headers: Vec::new(),
            last_time: None,
            closed: false,
            delta_bytes: Vec::new(),
            answer: Answer::blank(),
        }
    }

    /// How far contents are looked into; none: as the rule set has it that the opening record names.
    pub(crate) fn look_into(&mut self, version: Option<ExtractorVersion>) {
        self.asked_version = version;
    }

    /// Takes over a content that the trace has already.
    pub(crate) fn remember_content(&mut self, bytes: &[u8], commitment: Digest) {
        self.vault.remember(bytes, commitment);
    }

    /// Takes a record of the trace again. Its answer must be the recorded one.
    pub(crate) fn enter_again(
        &mut self,
        record: &Record,
        frame: &[u8],
        is_unattested: bool,
    ) -> Result<(), RecordError> {
        let sequence = self.records();
        let delta = self.decide(&record.input, record.extracted.as_ref());
        let (answer, derived) = (&self.answer, &record.derived);
        if answer.outcome != derived.outcome || answer.breaches != derived.breaches || delta != derived.delta
        {
            return Err(RecordError::Diverged { record: sequence });
        }
        self.take_effect(&record.input, &delta);
        if let Some((tool, commitment)) = registered_schema(&record.input) {
            let _ = self.schemas.by_tool.insert(tool, (commitment, None));
        }
        self.settle_version(&record.input.body);
        if let Some(extracted) = &record.extracted {
            self.version = ExtractorVersion::from_number(extracted.extractor).unwrap_or(self.version);
        }
        for (side, content) in said(&record.input.body) {
            let entry = record.input.contents.get(usize::from(content));
            self.said_before.extend(entry.map(|entry| (sequence, side, entry.commitment)));
        }
        if is_unattested {
            self.segment.recovered.push(sequence);
        }
        self.segment.push(frame);
        Ok(())
    }

    /// Commitments of the registered schemas whose bytes are not at hand.
    pub(crate) fn schemas_wanted(&self) -> Vec<Digest> {
        self.schemas
            .by_tool
            .values()
            .filter(|(_, bytes)| bytes.is_none())
            .map(|(commitment, _)| *commitment)
            .collect()
    }

    /// The contents that the records taken again said something with, in their order, where the extractor's version looks at them. Each is to be
    /// supplied once.
    pub(crate) fn said_before(&mut self) -> Vec<(u64, Side, Digest)> {
        let said = std::mem::take(&mut self.said_before);
        if self.version >= ExtractorVersion::Two { said } else { Vec::new() }
    }

    /// The bytes of a content of [`Self::said_before`]; none: it is redacted.
    pub(crate) fn supply_said(&mut self, record: u64, side: Side, bytes: Option<&[u8]>) {
        self.sources.add_content(record, side, bytes);
    }

    /// The opening record names the rule set.
    fn settle_version(&mut self, body: &Body) {
        if let Body::RunOpened(opened) = body {
            let by_rules = ExtractorVersion::of_rule_set(opened.rule_set.number);
            self.version = self.asked_version.unwrap_or(by_rules);
        }
    }

    /// The bytes of a registered schema.
    pub(crate) fn supply_schema(&mut self, wanted: &Digest, found: &[u8]) {
        for (commitment, bytes) in self.schemas.by_tool.values_mut() {
            if commitment == wanted {
                *bytes = Some(found.to_vec());
            }
        }
    }

    /// The segment whose records were taken again has this header.
    pub(crate) fn segment_was_closed(&mut self, header: Digest) {
        let _ = self.meter.segment_ends(self.segment.frame_bytes as u64, self.machine.state().bytes());
        self.begin_segment(header);
    }

    /// The next header, signed by the present key, hands the run over to this one, or to none. Spec: key-change.
    pub(crate) fn hand_over(&mut self, signer: Option<Arc<dyn Signer + Send + Sync>>) {
        self.next_signer = signer;
    }

    /// Number of records.
    pub(crate) fn records(&self) -> u64 {
        self.machine.lineage().len()
    }

    /// Places of the calls that have not ended, and whether they were dispatched.
    pub(crate) fn open_calls(&self) -> Vec<(Place, bool)> {
        let calls = self.machine.state().calls();
        calls.iter().map(|(place, call)| (place.clone(), call.status == CallStatus::Dispatched)).collect()
    }

    /// Number of the open segment.
    pub(crate) fn segment_number(&self) -> u32 {
        self.headers.len() as u32
    }

    /// Whether the closing record has entered.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The commitment that these bytes have or will get in this run.
    pub(crate) fn commitment(&self, bytes: &[u8]) -> Digest {
        self.vault.commit(bytes).commitment
    }

    /// The machine as it stands.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Makes the record of a draft, lets it take effect and adds it to the open segment. Where an error is returned, nothing has changed.
    pub(crate) fn enter(&mut self, draft: Draft) -> Result<Entered, AppendError> {
        self.enter_sealed(draft, |_, _| Ok(None))
    }

    /// As [`Self::enter`], with one more content, the last, that is made of the record's input and the state checksum before it.
    pub(crate) fn enter_sealed<E: From<AppendError>>(
        &mut self,
        draft: Draft,
        seal: impl FnOnce(&Input, Option<Digest>) -> Result<Option<DraftContent>, E>,
    ) -> Result<Entered, E> {
        if self.closed {
            return Err(AppendError::Closed.into());
        }
        let mut commitments = self.commit_contents(&draft.contents)?;
        let labels = draft.labels.iter().filter_map(|label| label.content).map(|c| u64::from(c.0) + 1);
        let needed = draft.body.tally().contents.max(labels.max().unwrap_or(0));
        let (time, clock_stepped) = self.time_of(&draft);
        let sequence = self.machine.lineage().len();
        self.settle_version(&draft.body);
        let extracted = self.extract(sequence, &draft);
        let (mut input, mut bytes) = into_input(draft, sequence, time, clock_stepped, &commitments);
        let checksum = (input.body.kind() == Kind::DecisionMade).then(|| self.checksum.value());
        if let Some(last) = seal(&input, checksum)? {
            let made = self.commit_contents(std::slice::from_ref(&last))?;
            input.contents.extend(made.iter().map(|made| entry(&last, made)));
            commitments.extend(made);
            bytes.push(last.bytes);
        }
        let listed = input.contents.len() as u64;
        if needed > listed {
            return Err(AppendError::NoSuchContent { index: needed - 1, listed }.into());
        }
        let delta = self.decide(&input, extracted.as_ref());
        let (outcome, breaches) = (self.answer.outcome, self.answer.breaches.clone());
        let derived = Derived { outcome, breaches: breaches.clone(), delta, checksum };
        let record = Record { input, extracted, derived };
        let frame = record
            .append_frame(Vec::with_capacity(FRAME_BYTES_USUAL))
            .map_err(|large| AppendError::RecordTooLarge { bytes: large.bytes })?;

        self.take_effect(&record.input, &delta);
        self.remember_schema(&record.input, &bytes);
        if self.version >= ExtractorVersion::Two {
            let contents = RecordContents { bytes: &bytes };
            self.sources.add(sequence, &record.input.body, &contents);
        }
        let contents = new_contents(&mut self.vault, &commitments, bytes);
        self.segment.push(&frame);
        let (time, extracted) = (record.input.time, record.extracted);
        Ok(Entered { sequence, outcome, breaches, time, extracted, frame, contents })
    }

    /// Answers a record, and returns the digest of the answer's delta.
    fn decide(&mut self, input: &Input, extracted: Option<&Extracted>) -> Digest {
        self.machine.decide_onto(&mut self.answer, input, extracted);
        self.delta_bytes.clear();
        self.answer.transition.delta(&mut self.delta_bytes);
        digest(Purpose::Delta, &self.delta_bytes)
    }

    /// Lets the last answer take effect: it was to this input.
    fn take_effect(&mut self, input: &Input, delta: &Digest) {
        self.closed = input.body.kind() == Kind::RunClosed && self.answer.outcome == Outcome::Applied;
        self.machine.commit_from(&mut self.answer.transition);
        self.checksum.push(delta);
        self.last_time = self.last_time.max(input.time);
    }

    fn commit_contents(&self, contents: &[DraftContent]) -> Result<Vec<Commitment>, AppendError> {
        let listed = contents.len() as u64;
        if listed > LIST_ITEMS_MAX {
            return Err(AppendError::TooManyContents { listed });
        }
        let mut lengths = contents.iter().map(|content| content.bytes.len() as u64);
        if let Some(large) = lengths.find(|bytes| *bytes > CONTENT_BYTES_MAX) {
            return Err(AppendError::ContentTooLarge { bytes: large });
        }
        Ok(contents.iter().map(|content| self.vault.commit(&content.bytes)).collect())
    }

    /// A draft's own time, or the clock's, which never runs backwards in a record: the step is flagged instead.
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

    fn extract(&mut self, sequence: u64, draft: &Draft) -> Option<Extracted> {
        let contents = DraftContents { draft, schemas: &self.schemas };
        match self.extractor.extract(self.version, sequence, &draft.body, &contents, &self.sources) {
            Extraction::Values(values) => Some(values),
            // Where the values stand cannot be told of a run some of whose contents are redacted, and is left out.
            Extraction::WithoutSources(values) => Some(values),
            // A schema that an earlier, redacted part of the run registered: nothing can be said of the arguments.
            Extraction::Nothing | Extraction::Redacted => None,
        }
    }

    fn remember_schema(&mut self, input: &Input, bytes: &[Vec<u8>]) {
        let Some((tool, commitment)) = registered_schema(input) else { return };
        let at = input.contents.iter().position(|entry| entry.commitment == commitment);
        let bytes = at.and_then(|at| bytes.get(at)).cloned();
        let _ = self.schemas.by_tool.insert(tool, (commitment, bytes));
    }

    /// Whether the next record might not fit, or the segment has the size aimed at.
    pub(crate) fn segment_is_full(&self) -> bool {
        let segment = &self.segment;
        let aim = SEGMENT_BYTES_AIM.min(SEGMENT_BYTES_MAX - rederive_evidence::limits::FRAME_BYTES_MAX);
        segment.leaves.len() >= SEGMENT_RECORDS_MAX || segment.frame_bytes >= aim
    }

    /// The head of the open segment as it stands, to be signed. `None` where it has no record.
    pub(crate) fn head(&mut self) -> Option<OpenHead> {
        let head = Head {
            version: Version::One,
            run: self.run,
            segment: self.segment_number(),
            records: self.segment.leaves.len() as u32,
            root: self.segment.leaves.root()?,
            previous: self.previous_header(),
        };
        Some(OpenHead { head, signer: Arc::clone(&self.signer) })
    }

    fn previous_header(&self) -> Digest {
        self.headers.last().copied().unwrap_or(Digest::ZERO)
    }

    /// Ends the open segment. `None` where it has no record. Where signing fails, nothing has changed.
    pub(crate) fn close_segment(&mut self) -> Result<Option<ClosedSegment>, AppendError> {
        let Some(root) = self.segment.leaves.root() else { return Ok(None) };
        let lineage = self.machine.lineage().page(self.segment.first_sequence);
        let state = self.machine.state();
        let mut meter = self.meter;
        let span_ends = meter.segment_ends(self.segment.frame_bytes as u64, state.bytes());
        let state_root = span_ends.then(|| state.root());
        let checksum = self.checksum.value();
        let recovered = Causes::of(self.segment.recovered.iter().copied());
        let header = Header {
            version: Version::One,
            run: self.run,
            segment: self.segment_number(),
            first: self.segment.first_sequence,
            records: self.segment.leaves.len() as u32,
            frame_bytes: self.segment.frame_bytes as u32,
            root,
            previous: self.previous_header(),
            checksum,
            lineage: Lineage::page_digest(&lineage),
            rule_set: state.config().map_or(0, |config| config.rule_set.number),
            state_root,
            recovered: (recovered != Causes::NONE).then_some(recovered),
            next_key: self.next_signer.as_ref().map(|next| next.public_key()),
        };
        let signed = sign(header, self.signer.as_ref())?;
        let snapshot = state_root.and_then(|root| snapshot(self.segment_number(), root, state));

        self.meter = meter;
        if let Some(next) = self.next_signer.take() {
            self.signer = next;
        }
        self.begin_segment(signed.digest());
        Ok(Some(ClosedSegment { lineage, snapshot, header: signed.as_bytes().to_vec() }))
    }

    /// The next segment begins, after one with this signed header.
    fn begin_segment(&mut self, header: Digest) {
        self.headers.push(header);
        self.checksum = Checksum::start(self.checksum.value());
        self.segment = OpenSegment { first_sequence: self.records(), ..OpenSegment::default() };
    }

    /// The signed seal over all closed segments. Call it after the last segment was closed.
    pub(crate) fn seal(&mut self) -> Result<Vec<u8>, AppendError> {
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

/// What a group commit ends with, before it is signed: that needs the run no more, and nobody waits for it.
pub(crate) struct OpenHead {
    head: Head,
    signer: Arc<dyn Signer + Send + Sync>,
}

impl OpenHead {
    /// The signed head.
    pub(crate) fn sign(self) -> Result<Vec<u8>, AppendError> {
        Ok(sign(self.head, self.signer.as_ref())?.as_bytes().to_vec())
    }
}

impl OpenSegment {
    fn push(&mut self, frame: &[u8]) {
        self.frame_bytes += frame.len();
        self.leaves.push(frame);
    }
}

/// Tool and schema commitment of a registration.
fn registered_schema(input: &Input) -> Option<(String, Digest)> {
    let Body::ToolRegistered(registered) = &input.body else { return None };
    let schema = registered.schema.known()?;
    let entry = input.contents.get(usize::from(schema.0))?;
    Some((registered.tool.to_string(), entry.commitment))
}

/// The snapshot of a state; `None` where it is beyond what a snapshot may hold: replay then runs on from the one before.
fn snapshot(segment: u32, root: Digest, state: &State) -> Option<Snapshot> {
    let mut builder = SnapshotBuilder::new(segment, root);
    state.entries().for_each(|(key, value)| builder.push(&key, &value));
    builder.finish()
}

fn into_input(
    draft: Draft,
    sequence: u64,
    time: Option<RecordedTime>,
    clock_stepped: bool,
    commitments: &[Commitment],
) -> (Input, Vec<Vec<u8>>) {
    let contents = draft.contents.iter().zip(commitments).map(|(content, made)| entry(content, made));
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

fn entry(content: &DraftContent, made: &Commitment) -> ContentEntry {
    let bytes = ContentLength(content.bytes.len() as u64);
    ContentEntry { commitment: made.commitment, bytes, media: content.media }
}

/// The contents that the run has for the first time with this record, each once.
fn new_contents(vault: &mut Vault, commitments: &[Commitment], bytes: Vec<Vec<u8>>) -> Vec<StoredContent> {
    let stored = |(made, bytes): (&Commitment, Vec<u8>)| {
        vault.keep(made).map(|salt| StoredContent { commitment: made.commitment, salt, bytes })
    };
    commitments.iter().zip(bytes).filter_map(stored).collect()
}
