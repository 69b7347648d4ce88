//! Replay of consecutive segments from a known state: the unit that threads share out.

use std::ops::Range;
use std::sync::Arc;

use rederive_archive::limits::segment_contents_max;
use rederive_archive::{
    BlockBuffer, HashedContent, Hint, OpenSegment, ReadFault, Segment, TraceReader, storage::ReadAt,
};
use rederive_evidence::cbor::{DecodeError, DecodeFault};
use rederive_evidence::chain::Header;
use rederive_evidence::digest::Digest;
use rederive_evidence::frames::FrameDecoder;
use rederive_evidence::record::{Record, frame_length};
use rederive_evidence::values::Mode;
use rederive_machine::{Lineage, Machine, Mark, SpanMeter, State};
use rederive_verify::verify_frames;

use crate::codes;
use crate::contents::ContentLedger;
use crate::derive::{Again, Deriver, FramePlace};
use crate::extracted::{ExtractedAgain, Heard, RunSources};
use crate::observer::{Nobody, Observer};
use crate::plan::{Broken, Plan, Stop};
use crate::report::{Failure, Finding, Level, Listed, Place, Valid, Wrong};

/// Most records that are decoded before the machine answers the first of them. Decoder and machine are each about as much code as a processor
/// keeps at hand: taking turns with every record, each would drive out the other.
const BATCH_MAX: usize = 32;
/// Bytes of frames for each record of a batch: each is read over another one, and the first at a greater cost.
const BATCH_FRAME_BYTES: usize = 8 << 10;

/// What is replayed, and how far.
pub(crate) struct Job<'a, F> {
    pub(crate) reader: &'a TraceReader<F>,
    pub(crate) plan: &'a Plan,
    pub(crate) level: Level,
    /// Whether the rule set is known, so that anything can be derived.
    pub(crate) knows_rules: bool,
    /// What the run's records said, for extracted parts that depend on it.
    pub(crate) sources: &'a RunSources,
}

impl<F> Clone for Job<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Job<'_, F> {}

/// Where a stretch begins.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) machine: Machine,
    pub(crate) segment: u32,
}

/// What a stretch gave.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    /// The closed segments that were found whole, ascending.
    pub(crate) segments: Vec<Range<u32>>,
    /// Records of the segments that were found whole, of the open one too.
    pub(crate) records: u64,
    pub(crate) without_time: u64,
    pub(crate) taken_as_recorded: u64,
    pub(crate) recovered: u64,
    /// The lowest record whose kind this version does not know.
    pub(crate) unknown_kind: Option<u64>,
    /// What is wrong with bytes or digests: the stretch ends before the segment that has it.
    pub(crate) broken: Option<Box<Broken>>,
    /// Where recorded and derived part, or what follows is undecided.
    pub(crate) parted: Option<(Valid, Wrong)>,
    pub(crate) findings: Listed<Finding>,
    pub(crate) failures: Listed<Failure>,
    pub(crate) contents: ContentLedger,
    /// The machine and the state checksum after the trace's last record, where replay got there.
    pub(crate) end: Option<(Machine, Digest)>,
}

impl<'a, F: ReadAt + Sync> Job<'a, F> {
    /// The replay of a trace at this level.
    pub(crate) fn new(
        reader: &'a TraceReader<F>,
        plan: &'a Plan,
        level: Level,
        sources: &'a RunSources,
    ) -> Self {
        let opening = plan.opening.as_ref();
        let knows_rules = opening.is_some_and(|opening| rederive_machine::supports(&opening.rule_set));
        Self { reader, plan, level, knows_rules, sources }
    }

    /// Whether records are derived again, beyond being verified.
    pub(crate) fn derives(&self) -> bool {
        self.knows_rules && self.level >= Level::State
    }

    /// Whether the opening record can be read and names a rule set that is not known here.
    fn names_other_rules(&self) -> bool {
        self.plan.opening.is_some() && !self.knows_rules
    }

    fn mode(&self) -> Option<Mode> {
        self.plan.opening.as_ref().map(|opening| opening.mode)
    }

    /// Where replay can begin: before segment 0, and after a span whose snapshot has the root that its last header states and before which
    /// the lineage is whole. `None`: the stretch before runs on. `lineage` holds the marks of the records up to some later segment.
    pub(crate) fn start(&self, segment: u32, lineage: &Arc<[Mark]>) -> Result<Option<Start>, ReadFault> {
        let before = segment.checked_sub(1).filter(|_| self.derives());
        let Some(before) = before else { return Ok(Some(Start { machine: Machine::new(), segment })) };
        let first = self.plan.first_record(segment);
        if (lineage.len() as u64) < first {
            return Ok(None);
        }
        let Some(state) = self.snapshot(before)? else { return Ok(None) };
        let machine = Machine::resume(state, Lineage::resume(Arc::clone(lineage), first));
        Ok(Some(Start { machine, segment }))
    }

    /// Spec: hints.
    fn snapshot(&self, segment: u32) -> Result<Option<State>, ReadFault> {
        let root = self.plan.headers.get(segment as usize).and_then(|header| header.state_root);
        let (Some(root), Some(segment)) = (root, self.reader.segment(segment)) else { return Ok(None) };
        let Hint::Usable(snapshot) = segment.snapshot(&mut BlockBuffer::new())? else { return Ok(None) };
        let Ok(state) = State::from_entries(snapshot.entries()) else { return Ok(None) };
        Ok((state.root() == root).then_some(state))
    }

    /// Replays these segments from `start`, and, where they are the last ones, the open segment after them.
    pub(crate) fn stretch(&self, start: Start, segments: Range<u32>) -> Result<Stretch, ReadFault> {
        self.observed_stretch(start, segments, &mut Nobody)
    }

    /// Replays the whole run in one stretch, while somebody looks on. They see records until recorded and derived part.
    pub(crate) fn observed(&self, observer: &mut impl Observer) -> Result<Stretch, ReadFault> {
        let start = Start { machine: Machine::new(), segment: 0 };
        self.observed_stretch(start, 0..self.plan.headers.len() as u32, observer)
    }

    fn observed_stretch(
        &self,
        start: Start,
        segments: Range<u32>,
        observer: &mut impl Observer,
    ) -> Result<Stretch, ReadFault> {
        let is_last = segments.end as usize == self.plan.headers.len();
        let mut walk = Walk::new(*self, start, observer);
        match walk.segments(segments, is_last) {
            Ok(()) => {}
            Err(Stop::Broken(broken)) => walk.out.broken = Some(broken),
            Err(Stop::Store(fault)) => return Err(fault),
        }
        Ok(walk.ends(is_last))
    }
}

/// A stretch on its way.
struct Walk<'a, 'o, F, O> {
    job: Job<'a, F>,
    deriver: Option<Deriver>,
    extracted: ExtractedAgain<'a, F>,
    heard: Heard<'a, F>,
    observer: &'o mut O,
    meter: SpanMeter,
    frames: BlockBuffer,
    contents: BlockBuffer,
    decoder: FrameDecoder,
    /// Where the frames of the segment at hand end.
    ends: Vec<usize>,
    leaves: Vec<Digest>,
    checksum: Digest,
    out: Stretch,
}

impl<'a, 'o, F: ReadAt + Sync, O: Observer> Walk<'a, 'o, F, O> {
    fn new(job: Job<'a, F>, start: Start, observer: &'o mut O) -> Self {
        let checksum = job.plan.checksum_before(start.segment);
        Self {
            heard: Heard::from(start.segment, job.reader, job.sources),
            observer,
            job,
            deriver: job.derives().then(|| Deriver::new(start.machine, checksum, job.mode())),
            extracted: ExtractedAgain::new(job.reader),
            meter: SpanMeter::new(),
            frames: BlockBuffer::new(),
            contents: BlockBuffer::new(),
            decoder: FrameDecoder::new(),
            ends: Vec::new(),
            leaves: Vec::new(),
            checksum,
            out: Stretch::default(),
        }
    }

    fn segments(&mut self, segments: Range<u32>, is_last: bool) -> Result<(), Stop> {
        for number in segments {
            let header = self.job.plan.headers.get(number as usize);
            let (Some(header), Some(segment)) = (header, self.job.reader.segment(number)) else {
                return Err(Broken::without_segment(number).into());
            };
            self.closed_segment(header, &segment)?;
            self.out.add_segment(number);
        }
        if is_last && self.job.plan.broken.is_none() { self.open_segment() } else { Ok(()) }
    }

    /// Verifies one closed segment and derives its records.
    fn closed_segment(&mut self, header: &Header, segment: &Segment<'a, F>) -> Result<(), Stop> {
        self.stored_contents(header, segment)?;
        let mut buffer = std::mem::take(&mut self.frames);
        let verified = self.frames_of(header, segment, &mut buffer);
        self.frames = buffer;
        verified?;
        self.segment_is_whole(header.segment)?;
        self.out.recovered +=
            header.recovered.as_ref().map_or(0, |causes| causes.ranges().iter().map(|r| r.count).sum());
        self.compare_header(header);
        Ok(())
    }

    /// Verifies every stored content against its commitment, and keeps which there are: no more than it takes to know that one is not listed.
    fn stored_contents(&mut self, header: &Header, segment: &Segment<'a, F>) -> Result<(), Stop> {
        self.out.contents.segment_begins(header.segment);
        let mut room = segment_contents_max(header.frame_bytes as usize);
        for block in segment.content_blocks() {
            let stored = block.hash_each::<Enough>(&mut self.contents, |content| {
                check_content(header.segment, &content)?;
                self.out.contents.store(&content.commitment, content.bytes);
                room = room.saturating_sub(1);
                if room == 0 { Err(Enough::Overfull) } else { Ok(()) }
            });
            match stored {
                Ok(()) => {}
                Err(Enough::Stop(stop)) => return Err(stop),
                Err(Enough::Overfull) => {
                    self.out.contents.is_overfull();
                    break;
                }
            }
        }
        self.out.contents.segment_stored();
        Ok(())
    }

    /// Answers the records of a closed segment, then compares its leaves with its header's root: each byte is read once.
    fn frames_of(
        &mut self,
        header: &Header,
        segment: &Segment<'a, F>,
        buffer: &mut BlockBuffer,
    ) -> Result<(), Stop> {
        let frames = segment.frames(buffer)?;
        self.records(header.segment, header.first, frames)?;
        let ends = &self.ends;
        let split = (0..ends.len()).map(|i| {
            let start = i.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
            ends.get(i).and_then(|end| frames.get(start..*end)).unwrap_or_default()
        });
        let place = Place { segment: Some(header.segment), ..Place::default() };
        verify_frames(header, split, &mut self.leaves)
            .map_err(|fault| Broken::integrity(&fault, place).into())
    }

    /// Decodes the records of a segment, a batch at a time, and lets the machine answer them one after the other. Leaves where frames end in
    /// `self.ends`.
    fn records(&mut self, segment: u32, first: u64, frames: &[u8]) -> Result<(), Stop> {
        self.ends.clear();
        let mut decoder = std::mem::take(&mut self.decoder);
        let batch = if self.deriver.is_some() { frames.len() / BATCH_FRAME_BYTES } else { 1 };
        let batch = batch.clamp(1, BATCH_MAX);
        while self.end() < frames.len() {
            let (begun, mut byte) = (self.ends.len(), self.end());
            let unread = self.decode(batch, frames, &mut decoder);
            for (number, record) in (begun..).zip(decoder.records()) {
                let place = FramePlace { segment, record: first + number as u64, byte: byte as u64 };
                self.record(place, record)?;
                byte = self.ends.get(number).copied().unwrap_or(byte);
            }
            if let Some(error) = unread {
                let place = FramePlace { segment, record: first + self.ends.len() as u64, byte: byte as u64 };
                let length = self.unreadable(place, frames.get(byte..).unwrap_or_default(), error)?;
                self.ends.push(byte + length);
            }
        }
        self.decoder = decoder;
        Ok(())
    }

    /// Where the frame read last ends.
    fn end(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Decodes the next records, and notes where their frames end. Returns why the record after them cannot be read, where it cannot.
    fn decode(&mut self, batch: usize, frames: &[u8], decoder: &mut FrameDecoder) -> Option<DecodeError> {
        decoder.clear();
        for _ in 0..batch {
            let at = self.end();
            let rest = frames.get(at..).filter(|rest| !rest.is_empty())?;
            match decoder.push(rest) {
                Ok(length) => self.ends.push(at + length),
                Err(error) => return Some(error),
            }
        }
        None
    }

    fn record(&mut self, place: FramePlace, record: &Record) -> Result<(), ReadFault> {
        self.out.without_time += u64::from(record.input.time.is_none());
        record.input.contents.iter().for_each(|entry| self.out.contents.name(place.record, entry));
        let goes_on = self.out.parted.is_none();
        let deriver = self.deriver.as_mut().filter(|deriver| goes_on && deriver.parted.is_none());
        let Some(deriver) = deriver else { return Ok(()) };
        let again = match self.job.level {
            Level::Content | Level::Policy => {
                self.extracted.of(record, deriver.machine(), &mut self.heard)?
            }
            Level::Integrity | Level::State => Again::NotAsked,
        };
        self.observer.before(record, deriver.machine())?;
        deriver.record(place, record, again);
        match deriver.parted {
            None => self.observer.after(record, deriver.machine()),
            Some(_) => Ok(()),
        }
    }

    /// A frame whose record this version cannot read. Its length, where the bytes are canonical: whether it was signed as it stands shows when
    /// the segment's root is compared.
    fn unreadable(&mut self, place: FramePlace, rest: &[u8], error: DecodeError) -> Result<usize, Stop> {
        let shown = error.to_string();
        let wrong = place.wrong(error.fault.code(), "frame", shown, "a record".to_owned());
        let Ok(length) = frame_length(rest) else {
            return Err(Broken { valid: Valid::Damaged, wrong }.into());
        };
        self.out.contents.has_unread_record();
        let is_unknown = matches!(error.fault, DecodeFault::UnknownKind { .. });
        if is_unknown {
            self.out.unknown_kind.get_or_insert(place.record);
        }
        // What a later version may well read is not called wrong; and bytes that nobody here reads can have integrity.
        let valid =
            if is_unknown || self.job.names_other_rules() { Valid::Undecided } else { Valid::Diverged };
        if self.job.level >= Level::State || valid == Valid::Diverged {
            self.out.parted.get_or_insert((valid, wrong));
        }
        Ok(length)
    }

    /// The segment's bytes are those that were signed: what its records say counts.
    fn segment_is_whole(&mut self, segment: u32) -> Result<(), Stop> {
        if let Some(unlisted) = self.out.contents.segment_ends() {
            return Err(Broken::unlisted(segment, &unlisted).into());
        }
        self.out.records += self.ends.len() as u64;
        if let Some(deriver) = &mut self.deriver {
            self.checksum = deriver.settle(segment);
        }
        Ok(self.observer.verified()?)
    }

    /// Compares what the header says of the state at its end with what was derived.
    fn compare_header(&mut self, header: &Header) {
        let parted = self.out.parted.is_some();
        let Some(deriver) = self.deriver.as_mut().filter(|deriver| !parted && deriver.parted.is_none())
        else {
            return;
        };
        let machine = deriver.machine();
        let ends_span = self.meter.segment_ends(u64::from(header.frame_bytes), machine.state().bytes());
        let lineage = Lineage::page_digest(&machine.lineage().page(header.first));
        let state_root = ends_span.then(|| machine.state().root());
        let show = |root: Option<Digest>| root.map_or_else(|| "none".to_owned(), |root| root.to_hex());
        let judged_by = machine.state().config().map(|config| config.rule_set.number);
        let found = if judged_by != Some(header.rule_set) {
            let judged_by = judged_by.map_or_else(|| "none".to_owned(), |number| number.to_string());
            Some((codes::RULE_SET, "header.rule_set", header.rule_set.to_string(), judged_by))
        } else if header.checksum != self.checksum {
            let (recorded, derived) = (header.checksum.to_hex(), self.checksum.to_hex());
            Some((codes::CHECKSUM, "header.checksum", recorded, derived))
        } else if header.lineage != lineage {
            Some((codes::LINEAGE, "header.lineage", header.lineage.to_hex(), lineage.to_hex()))
        } else if header.state_root != state_root {
            Some((codes::STATE_ROOT, "header.state_root", show(header.state_root), show(state_root)))
        } else {
            None
        };
        self.out.parted = found.map(|(code, field, recorded, derived)| {
            let last = header.first + u64::from(header.records) - 1;
            let place = Place { segment: Some(header.segment), record: Some(last), byte: None };
            (Valid::Diverged, Wrong { code, place, field: field.to_owned(), recorded, derived })
        });
        deriver.begin_segment(self.checksum);
    }

    /// Replays the records of the open segment; its head was compared with them already.
    fn open_segment(&mut self) -> Result<(), Stop> {
        let Some(open) = self.job.reader.open_segment() else { return Ok(()) };
        let segment = open.segment();
        self.out.contents.segment_begins(segment);
        for record in 0..open.records() {
            open.read_contents_of::<Stop>(record, |content| {
                let content = content.hashed();
                check_content(segment, &content)?;
                self.out.contents.store(&content.commitment, content.bytes);
                Ok(())
            })?;
        }
        self.out.contents.segment_stored();
        let first = self.job.plan.first_record(segment);
        self.records(segment, first, open.frames())?;
        self.entries_are_frames(open, first)?;
        self.segment_is_whole(segment)
    }

    /// Each entry of the log is one frame, as its head counted them: what follows a frame in its entry no reader would see alike.
    fn entries_are_frames(&self, open: &OpenSegment<F>, first: u64) -> Result<(), Stop> {
        let mut end = 0;
        for record in 0..open.records() {
            end += open.frame(record).map_or(0, <[u8]>::len);
            if self.ends.get(record) == Some(&end) {
                continue;
            }
            let byte = self.ends.get(record).copied().unwrap_or(end) as u64;
            let place = FramePlace { segment: open.segment(), record: first + record as u64, byte };
            let trailing = DecodeFault::Trailing;
            let wrong = place.wrong(trailing.code(), "frame", trailing.to_string(), "one frame".to_owned());
            return Err(Broken { valid: Valid::Damaged, wrong }.into());
        }
        Ok(())
    }

    fn ends(self, is_last: bool) -> Stretch {
        let mut out = self.out;
        if let Some(mut deriver) = self.deriver {
            // A frame that cannot be read parts from the spec no earlier than the records before it.
            let parted = deriver.parted.take().map(|wrong| (Valid::Diverged, wrong));
            out.parted = lower(parted, out.parted);
            out.findings = std::mem::take(&mut deriver.findings);
            out.failures = std::mem::take(&mut deriver.failures);
            out.taken_as_recorded = deriver.taken_as_recorded;
            let got_there = is_last && out.parted.is_none() && out.broken.is_none();
            out.end = got_there.then(|| (deriver.into_machine(), self.checksum));
        }
        out
    }
}

impl Stretch {
    fn add_segment(&mut self, number: u32) {
        match self.segments.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            Some(_) | None => self.segments.push(number..number + 1),
        }
    }

    /// Whether a closed segment was found whole.
    pub(crate) fn has_segment(&self, number: u32) -> bool {
        self.segments.iter().any(|range| range.contains(&number))
    }

    /// This stretch and the one that follows it. What stands after a broken segment does not count, nor does what was derived after a
    /// divergence.
    pub(crate) fn then(mut self, later: Self) -> Self {
        if self.broken.is_some() {
            return self;
        }
        self.segments.extend(later.segments);
        self.records += later.records;
        self.without_time += later.without_time;
        self.recovered += later.recovered;
        self.unknown_kind = self.unknown_kind.or(later.unknown_kind);
        self.contents.append(later.contents);
        self.broken = later.broken;
        if self.parted.is_none() {
            self.taken_as_recorded += later.taken_as_recorded;
            self.findings.append(later.findings);
            self.failures.append(later.failures);
            self.parted = later.parted;
            self.end = later.end;
        }
        self
    }
}

/// The one at the lower record.
fn lower(a: Option<(Valid, Wrong)>, b: Option<(Valid, Wrong)>) -> Option<(Valid, Wrong)> {
    match (a, b) {
        (Some(a), Some(b)) if b.1.place.record < a.1.place.record => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

/// Why no more stored contents of a segment are read.
enum Enough {
    Stop(Stop),
    /// There are more than its records can list.
    Overfull,
}

impl<E: Into<Stop>> From<E> for Enough {
    fn from(stop: E) -> Self {
        Self::Stop(stop.into())
    }
}

/// Spec: content-verify.
fn check_content(segment: u32, content: &HashedContent) -> Result<(), Stop> {
    if content.is_genuine() {
        return Ok(());
    }
    let place = Place { segment: Some(segment), ..Place::default() };
    let (recorded, derived) = (content.commitment.to_hex(), content.derived.to_hex());
    let wrong = Wrong { code: codes::COMMITMENT, place, field: "content".to_owned(), recorded, derived };
    Err(Broken { valid: Valid::Damaged, wrong }.into())
}
