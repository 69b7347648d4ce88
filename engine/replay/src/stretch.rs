//! Replay of consecutive segments from a known state: the unit that threads share out.

use std::ops::Range;
use std::sync::Arc;

use rederive_archive::{BlockBuffer, Hint, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::cbor::{DecodeError, DecodeFault};
use rederive_evidence::chain::Header;
use rederive_evidence::digest::{Digest, Purpose, commitment};
use rederive_evidence::lanes;
use rederive_evidence::record::{Record, frame_length};
use rederive_evidence::values::Mode;
use rederive_machine::{Lineage, Machine, Mark, SpanMeter, State};
use rederive_verify::verify_frames;

use crate::contents::ContentLedger;
use crate::derive::{Again, Deriver, FramePlace};
use crate::extracted::ExtractedAgain;
use crate::plan::{Broken, Plan};
use crate::report::{Failure, Finding, Level, Listed, Place, Valid, Wrong};

/// What is replayed, and how far.
pub(crate) struct Job<'a, F> {
    pub(crate) reader: &'a TraceReader<F>,
    pub(crate) plan: &'a Plan,
    pub(crate) level: Level,
    /// Whether anything can be derived: the rule set is known.
    pub(crate) derives: bool,
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
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) records: u64,
    pub(crate) without_time: u64,
    pub(crate) taken_as_recorded: u64,
    pub(crate) recovered: u64,
    pub(crate) broken: Option<Broken>,
    /// Where recorded and derived part, or what follows is undecided.
    pub(crate) parted: Option<(Valid, Wrong)>,
    pub(crate) findings: Listed<Finding>,
    pub(crate) failures: Listed<Failure>,
    pub(crate) contents: ContentLedger,
    /// The machine after the last record, where it got there.
    pub(crate) end: Option<Machine>,
    pub(crate) checksum: Digest,
}

impl<F: ReadAt + Sync> Job<'_, F> {
    fn mode(&self) -> Option<Mode> {
        self.plan.opening.as_ref().map(|opening| opening.mode)
    }

    /// The machine with which a span begins: from the snapshot of the segment before it, if its entries have the root that the header
    /// states; else `None`, and the span before runs on.
    pub(crate) fn start(&self, segment: u32, lineage: &Arc<[Mark]>) -> Result<Option<Start>, ReadFault> {
        let Some(before) = segment.checked_sub(1) else {
            return Ok(Some(Start { machine: Machine::new(), segment }));
        };
        let first = self.plan.first_record(segment);
        if (lineage.len() as u64) < first {
            return Ok(None);
        }
        let Some(state) = self.snapshot(before)? else { return Ok(None) };
        let machine = Machine::resume(state, Lineage::resume(Arc::clone(lineage), first));
        Ok(Some(Start { machine, segment }))
    }

    fn snapshot(&self, segment: u32) -> Result<Option<State>, ReadFault> {
        let root = self.plan.headers.get(segment as usize).and_then(|header| header.state_root);
        let (Some(root), Some(segment)) = (root, self.reader.segment(segment)) else { return Ok(None) };
        let Hint::Usable(snapshot) = segment.snapshot(&mut BlockBuffer::new())? else { return Ok(None) };
        let entries = snapshot.entries().map(|(key, value)| (key.to_vec(), value.to_vec()));
        let Ok(state) = State::from_entries(entries) else { return Ok(None) };
        Ok((state.root() == root).then_some(state))
    }

    /// Replays these segments from `start`, and the open segment after them where `with_open` says so.
    pub(crate) fn stretch(
        &self,
        start: Start,
        segments: Range<u32>,
        with_open: bool,
    ) -> Result<Stretch, ReadFault> {
        let mut walk = Walk::new(*self, start);
        for number in segments {
            walk.closed_segment(number)?;
        }
        if with_open {
            walk.open_segment()?;
        }
        Ok(walk.ends())
    }
}

/// A stretch on its way.
struct Walk<'a, F> {
    job: Job<'a, F>,
    deriver: Option<Deriver>,
    extracted: ExtractedAgain<'a, F>,
    meter: SpanMeter,
    frames: BlockBuffer,
    contents: BlockBuffer,
    ends: Vec<usize>,
    leaves: Vec<Digest>,
    out: Stretch,
}

impl<'a, F: ReadAt + Sync> Walk<'a, F> {
    fn new(job: Job<'a, F>, start: Start) -> Self {
        let checksum = job.plan.checksum_before(start.segment);
        let derives = job.derives && job.level >= Level::State;
        Self {
            job,
            deriver: derives.then(|| Deriver::new(start.machine, checksum, job.mode())),
            extracted: ExtractedAgain::new(job.reader),
            meter: SpanMeter::new(),
            frames: BlockBuffer::new(),
            contents: BlockBuffer::new(),
            ends: Vec::new(),
            leaves: Vec::new(),
            out: Stretch {
                records: 0,
                without_time: 0,
                taken_as_recorded: 0,
                recovered: 0,
                broken: None,
                parted: None,
                findings: Listed::default(),
                failures: Listed::default(),
                contents: ContentLedger::default(),
                end: None,
                checksum,
            },
        }
    }

    /// Verifies and derives one closed segment. The first thing broken stands; nothing is derived after it, but what comes later is not
    /// looked at either: it cannot lower the place.
    fn closed_segment(&mut self, number: u32) -> Result<(), ReadFault> {
        let (Some(header), Some(segment)) =
            (self.job.plan.headers.get(number as usize), self.job.reader.segment(number))
        else {
            return Ok(());
        };
        if self.out.broken.is_some() {
            return Ok(());
        }
        if let Some(broken) = self.stored_contents(number)? {
            self.out.broken = Some(broken);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.frames);
        let done = match segment.frames(&mut buffer) {
            Ok(frames) => self.frames_of(header, frames),
            Err(fault) => Err(Broken::reading(fault)?),
        };
        self.frames = buffer;
        self.out.contents.segment_ends();
        match done {
            Ok(()) => self.segment_end(header),
            Err(broken) => self.out.broken = Some(broken),
        }
        Ok(())
    }

    /// Verifies every stored content against its commitment, and keeps which there are.
    fn stored_contents(&mut self, number: u32) -> Result<Option<Broken>, ReadFault> {
        let Some(segment) = self.job.reader.segment(number) else { return Ok(None) };
        for block in segment.content_blocks() {
            let contents = match block.contents(&mut self.contents) {
                Ok(contents) => contents,
                Err(fault) => return Broken::reading(fault).map(Some),
            };
            for content in contents {
                let content = match content {
                    Ok(content) => content,
                    Err(damage) => return Broken::reading(damage.into()).map(Some),
                };
                if let Some(broken) = check_content(number, &content.commitment, &content.salt, content.bytes)
                {
                    return Ok(Some(broken));
                }
                self.out.contents.store(&content.commitment, content.bytes.len() as u64);
            }
        }
        self.out.contents.segment_stored();
        Ok(None)
    }

    fn frames_of(&mut self, header: &Header, frames: &[u8]) -> Result<(), Broken> {
        self.records(header.segment, header.first, frames)?;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let bounds: Vec<(usize, usize)> = starts.zip(self.ends.iter().copied()).collect();
        let split = bounds.iter().map(|(start, end)| frames.get(*start..*end).unwrap_or_default());
        verify_frames(header, split, &mut self.leaves).map_err(|fault| {
            Broken::integrity(&fault, Place { segment: Some(header.segment), ..Place::default() })
        })
    }

    /// Decodes the records of a segment one after the other and lets the machine answer each. Leaves where frames end in `self.ends`.
    fn records(&mut self, segment: u32, first: u64, frames: &[u8]) -> Result<(), Broken> {
        self.ends.clear();
        let (mut at, mut number) = (0, first);
        while let Some(rest) = frames.get(at..).filter(|rest| !rest.is_empty()) {
            let place = FramePlace { segment, record: number, byte: at as u64 };
            let length = match Record::decode_frame(rest) {
                Ok((record, length)) => {
                    self.record(place, &record);
                    length
                }
                Err(error) => self.undecodable(place, rest, error)?,
            };
            at += length;
            number += 1;
            self.ends.push(at);
        }
        self.out.records += number - first;
        if let Some(deriver) = &mut self.deriver {
            self.out.checksum = deriver.settle(segment);
        }
        Ok(())
    }

    fn record(&mut self, place: FramePlace, record: &Record) {
        self.out.without_time += u64::from(record.input.time.is_none());
        record.input.contents.iter().for_each(|entry| self.out.contents.name(place.record, entry));
        if self.out.parted.is_some() {
            return;
        }
        let Some(deriver) = &mut self.deriver else { return };
        let again = if self.job.level >= Level::Content {
            let (again, taken) = self.extracted.of(record, deriver.machine());
            self.out.taken_as_recorded += u64::from(taken);
            again
        } else {
            Again::AsRecorded
        };
        deriver.record(place, record, again);
    }

    /// A frame whose record this version cannot read. Its length, where the bytes are canonical: whether it was signed as it stands shows when
    /// the segment's root is compared.
    fn undecodable(&mut self, place: FramePlace, rest: &[u8], error: DecodeError) -> Result<usize, Broken> {
        let shown = error.to_string();
        let wrong = place.wrong(error.fault.code(), "frame", "a record".to_owned(), shown);
        let Ok(length) = frame_length(rest) else {
            return Err(Broken { valid: Valid::Damaged, wrong });
        };
        if self.out.parted.is_none() {
            let is_unknown = matches!(error.fault, DecodeFault::UnknownKind { .. });
            let valid = if is_unknown { Valid::Undecided } else { Valid::Diverged };
            self.out.parted = Some((valid, wrong));
        }
        Ok(length)
    }

    /// Compares what the header says of the state at its end with what was derived.
    fn segment_end(&mut self, header: &Header) {
        self.out.recovered +=
            header.recovered.as_ref().map_or(0, |causes| causes.ranges().iter().map(|r| r.count).sum());
        let parted = self.out.parted.is_some();
        let Some(deriver) = &mut self.deriver else { return };
        if parted || deriver.parted.is_some() {
            return;
        }
        let machine = deriver.machine();
        let ends_span = self.meter.segment_ends(u64::from(header.frame_bytes), machine.state().bytes());
        let last = header.first + u64::from(header.records) - 1;
        let wrong = |code, field: &str, recorded: String, derived: String| {
            let place = Place { segment: Some(header.segment), record: Some(last), byte: None };
            Some((
                Valid::Diverged,
                Wrong { code, place, field: format!("header.{field}"), recorded, derived },
            ))
        };
        let page = machine.lineage().page(header.first);
        let lineage = Lineage::page_digest(&page);
        let state_root = ends_span.then(|| machine.state().root());
        let show = |root: Option<Digest>| root.map_or_else(|| "none".to_owned(), |root| root.to_hex());
        self.out.parted = if header.rule_set != rederive_machine::RULE_SET {
            wrong(
                "D-RULE-SET",
                "rule_set",
                header.rule_set.to_string(),
                rederive_machine::RULE_SET.to_string(),
            )
        } else if header.checksum != self.out.checksum {
            wrong("D-CHECKSUM", "checksum", header.checksum.to_hex(), self.out.checksum.to_hex())
        } else if header.lineage != lineage {
            wrong("D-LINEAGE", "lineage", header.lineage.to_hex(), lineage.to_hex())
        } else if header.state_root != state_root {
            wrong("D-STATE-ROOT", "state_root", show(header.state_root), show(state_root))
        } else {
            None
        };
        deriver.begin_segment(self.out.checksum);
    }

    /// Replays the records of the open segment; its head was compared with them already.
    fn open_segment(&mut self) -> Result<(), ReadFault> {
        let Some(open) = self.job.reader.open_segment() else { return Ok(()) };
        if self.out.broken.is_some() {
            return Ok(());
        }
        let segment = open.segment();
        for record in 0..open.records() {
            let (contents, broken) = (&mut self.out.contents, &mut self.out.broken);
            open.read_contents_of::<ReadFault>(record, |content| {
                let found = check_content(segment, &content.commitment, &content.salt, content.bytes);
                *broken = broken.take().or(found);
                contents.store(&content.commitment, content.bytes.len() as u64);
                Ok(())
            })?;
        }
        self.out.contents.segment_stored();
        if self.out.broken.is_some() {
            return Ok(());
        }
        let first = self.job.plan.first_record(segment);
        if let Err(broken) = self.records(segment, first, open.frames()) {
            self.out.broken = Some(broken);
        }
        self.out.contents.segment_ends();
        Ok(())
    }

    fn ends(self) -> Stretch {
        let mut out = self.out;
        if let Some(mut deriver) = self.deriver {
            // A frame that cannot be read parts from the spec no earlier than the records before it.
            let parted = deriver.parted.take().map(|wrong| (Valid::Diverged, wrong));
            out.parted = lower(parted, out.parted);
            out.findings = std::mem::take(&mut deriver.findings);
            out.failures = std::mem::take(&mut deriver.failures);
            out.end = out.parted.is_none().then(|| deriver.into_machine());
        }
        out
    }
}

/// The one at the lower record.
pub(crate) fn lower(a: Option<(Valid, Wrong)>, b: Option<(Valid, Wrong)>) -> Option<(Valid, Wrong)> {
    match (a, b) {
        (Some(a), Some(b)) if b.1.place.record < a.1.place.record => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

fn check_content(segment: u32, recorded: &Digest, salt: &[u8; 32], bytes: &[u8]) -> Option<Broken> {
    let derived = commitment(salt, bytes);
    if derived == *recorded {
        return None;
    }
    let place = Place { segment: Some(segment), ..Place::default() };
    let (recorded, derived) = (recorded.to_hex(), derived.to_hex());
    let wrong = Wrong { code: "V-COMMITMENT", place, field: "content".to_owned(), recorded, derived };
    Some(Broken { valid: Valid::Damaged, wrong })
}

/// The leaves of frames, for a proof or a difference.
pub(crate) fn leaves_of<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<Digest> {
    let mut leaves = Vec::new();
    lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
    leaves
}
