//! Replay of one trace: stretches in parallel, one verdict.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use rederive_archive::{
    BlockBuffer, End, Hint, ReadFault, TraceReader,
    storage::{ReadAt, Storage},
};
use rederive_evidence::digest::Digest;
use rederive_evidence::values::Layer;
use rederive_machine::{Lineage, Machine, Mark};
use rederive_verify::TrustRoots;

use crate::plan::{Broken, Plan};
use crate::report::{Gap, Level, Listed, Place, Report, SourceView, Valid, Wrong};
use crate::sample::{Sample, sampled};
use crate::stretch::{Job, Start, Stretch, lower};

/// What is asked of a replay.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How far.
    pub level: Level,
    /// The keys trusted; without them the trace's own key is taken, and that is a gap.
    pub trust: Option<&'a TrustRoots>,
    /// Derive only this many segments again, drawn by this seed.
    pub sample: Option<Sample>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { level: Level::State, trust: None, sample: None }
    }
}

/// Replays the trace at `path` and the open log beside it, on the threads of the current rayon pool.
///
/// # Errors
/// The storage failed: nothing can be said of the trace. Whatever the trace itself does wrong is in the report.
pub fn replay<S>(storage: &S, path: &Path, options: &Options<'_>) -> Result<Report, ReadFault>
where
    S: Storage,
    S::File: Sync,
{
    match TraceReader::open(storage, path) {
        Ok(reader) => replay_reader(&reader, options),
        Err(fault) => Broken::reading(fault).map(|broken| unreadable(broken, options.level)),
    }
}

/// Replays a trace that is in memory.
///
/// # Errors
/// As [`replay`].
pub fn replay_bytes(bytes: &[u8], options: &Options<'_>) -> Result<Report, ReadFault> {
    match TraceReader::of(bytes) {
        Ok(reader) => replay_reader(&reader, options),
        Err(fault) => Broken::reading(fault).map(|broken| unreadable(broken, options.level)),
    }
}

/// The report of a file that does not open as a trace.
fn unreadable(broken: Broken, level: Level) -> Report {
    Report {
        run: None,
        source: None,
        mode: None,
        records: 0,
        segments: 0,
        bytes: 0,
        level,
        valid: broken.valid,
        gaps: vec![],
        findings: Listed::default(),
        failures: Listed::default(),
        wrong: Some(broken.wrong),
        sampled: None,
    }
}

/// Replays an open trace.
///
/// # Errors
/// As [`replay`].
pub fn replay_reader<F: ReadAt + Sync>(
    reader: &TraceReader<F>,
    options: &Options<'_>,
) -> Result<Report, ReadFault> {
    let plan = Plan::of(reader, options.trust)?;
    let rule_set = plan.opening.as_ref().map(|opening| opening.rule_set);
    let derives = rule_set.is_none_or(|rule_set| rederive_machine::supports(&rule_set));
    let job = Job { reader, plan: &plan, level: options.level, derives };
    let (whole, sampled) = match options.sample {
        Some(sample) if options.level >= Level::State => sampled(&job, sample)?,
        Some(_) | None => (whole(&job)?, None),
    };
    let mut verdict = Verdict::of(&job, whole);
    if !derives && options.level >= Level::State {
        verdict.undecided_rule_set(&plan);
    }
    let source = source_of(reader, &plan);
    Ok(verdict.report(&job, options, source, sampled))
}

/// Replays every stretch between usable snapshots and puts the results together.
fn whole<F: ReadAt + Sync>(job: &Job<'_, F>) -> Result<Stretch, ReadFault> {
    let stretches = stretches(job, rayon::current_num_threads() > 1)?;
    let last = stretches.len().saturating_sub(1);
    let replayed: Vec<Result<Stretch, ReadFault>> = stretches
        .into_par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(i, (start, segments))| job.stretch(start, segments, i == last))
        .collect();
    let mut whole: Option<Stretch> = None;
    for stretch in replayed {
        let stretch = stretch?;
        whole = Some(match whole {
            Some(before) => before.then(stretch),
            None => stretch,
        });
    }
    Ok(whole.unwrap_or_else(Stretch::nothing))
}

/// Where replay can begin: at the first record, and, if it is to be split, after each span whose snapshot and lineage hold.
pub(crate) fn stretches<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    split: bool,
) -> Result<Vec<(Start, Range<u32>)>, ReadFault> {
    let spans = job.plan.spans();
    let alone = |spans: &[Range<u32>]| {
        let end = spans.last().map_or(0, |span| span.end);
        vec![(Start { machine: Machine::new(), segment: 0 }, 0..end)]
    };
    if !split || spans.len() < 2 || job.level < Level::State || !job.derives {
        return Ok(alone(&spans));
    }
    let lineage: Arc<[Mark]> = lineage_before_last_span(job, &spans)?.into();
    let starts: Vec<Option<Start>> =
        spans.par_iter().map(|span| job.start(span.start, &lineage)).collect::<Result<_, ReadFault>>()?;
    let mut stretches: Vec<(Start, Range<u32>)> = Vec::new();
    for (start, span) in starts.into_iter().zip(spans) {
        match (start, stretches.last_mut()) {
            (Some(start), _) => stretches.push((start, span)),
            // The snapshot is absent or wrong: the stretch before runs on.
            (None, Some((_, before))) => before.end = span.end,
            (None, None) => stretches.push((Start { machine: Machine::new(), segment: 0 }, span)),
        }
    }
    Ok(stretches)
}

/// The marks of all records up to the last span, as far as the lineage pages match the digests in their headers.
fn lineage_before_last_span<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    spans: &[Range<u32>],
) -> Result<Vec<Mark>, ReadFault> {
    let end = spans.last().map_or(0, |span| span.start);
    let mut marks = Vec::new();
    let mut buffer = BlockBuffer::new();
    for header in job.plan.headers.iter().take(end as usize) {
        let Some(segment) = job.reader.segment(header.segment) else { break };
        let Hint::Usable(page) = segment.lineage(&mut buffer)? else { break };
        if Lineage::page_digest(&page) != header.lineage {
            break;
        }
        let Ok(page) = Lineage::parse_page(&page) else { break };
        marks.extend(page);
    }
    Ok(marks)
}

impl Stretch {
    /// What replaying no segment gives.
    pub(crate) fn nothing() -> Self {
        Self {
            records: 0,
            without_time: 0,
            taken_as_recorded: 0,
            recovered: 0,
            broken: None,
            parted: None,
            findings: Listed::default(),
            failures: Listed::default(),
            contents: Default::default(),
            end: None,
            checksum: Digest::ZERO,
        }
    }

    /// This stretch and the one that follows it. What was derived after a divergence does not count.
    pub(crate) fn then(mut self, later: Self) -> Self {
        self.records += later.records;
        self.without_time += later.without_time;
        self.taken_as_recorded += later.taken_as_recorded;
        self.recovered += later.recovered;
        self.contents.append(later.contents);
        self.broken = self.broken.or(later.broken);
        if self.parted.is_none() {
            self.findings.append(later.findings);
            self.failures.append(later.failures);
            self.parted = later.parted;
            self.end = later.end;
            self.checksum = later.checksum;
        }
        self
    }
}

/// The parts of a verdict, put in order: integrity of the whole file first, then the lowest divergence, then what is undecided (D9).
struct Verdict {
    stretch: Stretch,
    broken: Option<Broken>,
    missing_contents: u64,
}

impl Verdict {
    fn of<F: ReadAt + Sync>(job: &Job<'_, F>, mut stretch: Stretch) -> Self {
        let (missing_contents, wrong_length) = std::mem::take(&mut stretch.contents).settle();
        let broken = lowest(stretch.broken.take(), job.plan.broken.clone());
        let mut verdict = Self { stretch, broken, missing_contents };
        if let Some(wrong) = wrong_length {
            let place = Place { record: Some(wrong.record), ..Place::default() };
            let (recorded, derived) = (wrong.stated.to_string(), wrong.stored.to_string());
            let field = "contents.bytes".to_owned();
            let wrong = Wrong { code: "D-CONTENT-LENGTH", place, field, recorded, derived };
            verdict.stretch.parted = lower(verdict.stretch.parted.take(), Some((Valid::Diverged, wrong)));
        }
        verdict.compare_seal(job);
        verdict
    }

    fn undecided_rule_set(&mut self, plan: &Plan) {
        let Some(rule_set) = plan.opening.as_ref().map(|opening| opening.rule_set) else { return };
        let wrong = Wrong {
            code: "U-RULE-SET",
            place: Place { record: Some(0), segment: Some(0), byte: Some(0) },
            field: "body.rule_set".to_owned(),
            recorded: format!("{} {}", rule_set.number, rule_set.digest),
            derived: "a rule set that this version does not have".to_owned(),
        };
        self.stretch.parted = Some((Valid::Undecided, wrong));
    }

    /// The seal's state root and checksum against those derived.
    fn compare_seal<F: ReadAt + Sync>(&mut self, job: &Job<'_, F>) {
        let (Some(seal), Some(machine), None) = (&job.plan.seal, &self.stretch.end, &self.stretch.parted)
        else {
            return;
        };
        let wrong = |code, field: &str, recorded: Digest, derived: Digest| {
            let place = Place { record: seal.records.checked_sub(1), ..Place::default() };
            let (field, recorded, derived) = (format!("seal.{field}"), recorded.to_hex(), derived.to_hex());
            Some((Valid::Diverged, Wrong { code, place, field, recorded, derived }))
        };
        let root = machine.state().root();
        if seal.checksum != self.stretch.checksum {
            self.stretch.parted = wrong("D-CHECKSUM", "checksum", seal.checksum, self.stretch.checksum);
        } else if seal.state_root != root {
            self.stretch.parted = wrong("D-STATE-ROOT", "state_root", seal.state_root, root);
        }
    }

    fn gaps<F: ReadAt + Sync>(&self, job: &Job<'_, F>, options: &Options<'_>) -> Vec<Gap> {
        let plan = job.plan;
        let mut gaps = vec![Gap::NoWitness];
        gaps.extend(options.trust.is_none().then_some(Gap::NoTrustRoot));
        gaps.extend(plan.seal.as_ref().is_some_and(|seal| seal.ephemeral).then_some(Gap::Unattested));
        gaps.extend(plan.seal.is_none().then_some(Gap::Unsealed));
        gaps.extend(cut_bytes(job.reader).map(Gap::CutTail));
        let unattested = job
            .reader
            .open_segment()
            .map_or(0, |open| open.records() - plan.attested_open.min(open.records()));
        let recovered = self.stretch.recovered + unattested as u64;
        gaps.extend((recovered > 0).then_some(Gap::RecoveredTail(recovered)));
        gaps.extend((self.missing_contents > 0).then_some(Gap::Redacted(self.missing_contents)));
        let taken = self.stretch.taken_as_recorded;
        gaps.extend((taken > 0).then_some(Gap::TakenAsRecorded(taken)));
        if job.level >= Level::State && job.derives {
            self.rule_gaps(job, &mut gaps);
        }
        gaps.sort_unstable();
        gaps
    }

    /// Gaps of what the source could give: layers, times, ends of calls.
    fn rule_gaps<F: ReadAt + Sync>(&self, job: &Job<'_, F>, gaps: &mut Vec<Gap>) {
        if let Some(opening) = &job.plan.opening {
            let missing = Layer::ALL.iter().filter(|layer| !opening.layers.contains(layer));
            gaps.extend(missing.filter(|layer| has_rules(**layer)).map(|layer| Gap::MissingLayer(*layer)));
        }
        let without_time = self.stretch.without_time;
        gaps.extend((without_time > 0).then_some(Gap::NoTimes(without_time)));
        let open = self.stretch.end.as_ref().map_or(0, |machine| machine.state().open_calls());
        gaps.extend((open > 0).then_some(Gap::UnpairedCalls(open)));
    }

    fn report<F: ReadAt + Sync>(
        mut self,
        job: &Job<'_, F>,
        options: &Options<'_>,
        source: Option<SourceView>,
        sampled: Option<(u64, u64)>,
    ) -> Report {
        let mut gaps = self.gaps(job, options);
        let (valid, wrong) = match (self.broken.take(), self.stretch.parted.take()) {
            (Some(broken), _) => (broken.valid, Some(broken.wrong)),
            (None, Some((valid, wrong))) => (valid, Some(wrong)),
            (None, None) if sampled.is_some() => (Valid::Sampled, None),
            (None, None) if job.plan.headers.is_empty() && job.reader.open_segment().is_none() => {
                (Valid::Undecided, Some(no_record()))
            }
            (None, None) => (Valid::Reproduced, None),
        };
        if let (Valid::Undecided, Some(wrong)) = (valid, &wrong)
            && let ("C-UNKNOWN-KIND", Some(record)) = (wrong.code, wrong.place.record)
        {
            gaps.push(Gap::UnknownKind(record));
        }
        Report {
            run: job.plan.run,
            source,
            mode: job.plan.opening.as_ref().map(|opening| opening.mode),
            records: self.stretch.records,
            segments: job.plan.headers.len() as u64,
            bytes: job.reader.bytes(),
            level: options.level,
            valid,
            gaps,
            findings: self.stretch.findings,
            failures: self.stretch.failures,
            wrong,
            sampled,
        }
    }
}

/// Whether rule set 1 has rules of this layer. The others come with a later set, and then with their gap.
const fn has_rules(layer: Layer) -> bool {
    match layer {
        Layer::Run
        | Layer::Identity
        | Layer::Context
        | Layer::Prompt
        | Layer::Guardrail
        | Layer::ToolBroker
        | Layer::Memory
        | Layer::Outcome
        | Layer::HandOff
        | Layer::Audit => true,
        Layer::Policy | Layer::Escalation | Layer::Credential | Layer::Approval => false,
    }
}

/// Of two things broken, the one in the lower segment; what no segment is named for stands behind.
fn lowest(a: Option<Broken>, b: Option<Broken>) -> Option<Broken> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let segment = |broken: &Broken| broken.wrong.place.segment.unwrap_or(u32::MAX);
            Some(if segment(&b) < segment(&a) { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

fn cut_bytes<F: ReadAt>(reader: &TraceReader<F>) -> Option<u64> {
    let torn_log = reader.open_segment().and_then(|open| open.torn()).map_or(0, |torn| torn.bytes);
    let cut = match reader.end() {
        End::Cut(tail) => tail.bytes,
        End::Torn(_) | End::Sealed | End::Unsealed => 0,
    };
    (torn_log + cut > 0).then_some(torn_log + cut)
}

fn no_record() -> Wrong {
    Wrong {
        code: "U-EMPTY",
        place: Place::default(),
        field: "trace".to_owned(),
        recorded: "no record".to_owned(),
        derived: "at least the record that opens the run".to_owned(),
    }
}

fn source_of<F: ReadAt>(reader: &TraceReader<F>, plan: &Plan) -> Option<SourceView> {
    let source = plan.opening.as_ref()?.source.as_ref()?;
    let mut contents = reader.content_reader();
    let mut text = |content: rederive_evidence::ids::Content| {
        let entry = plan.opening_contents.get(usize::from(content.0))?;
        let found = contents.read(&entry.commitment).ok().flatten()?;
        found.is_genuine().then(|| String::from_utf8_lossy(found.bytes).into_owned())
    };
    Some(SourceView { file: text(source.file), entry: source.entry, id: source.id.and_then(text) })
}
