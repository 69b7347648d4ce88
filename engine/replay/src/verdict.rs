//! The parts of a verdict, put in order: integrity of the whole file first, then the lowest divergence, then what is undecided.

use rederive_archive::{End, TraceReader, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Content;
use rederive_evidence::values::Layer;
use rederive_machine::RuleSetNumber;

use crate::codes;
use crate::contents::Settled;
use crate::ends;
use crate::plan::{Broken, Plan};
use crate::report::{Gap, Level, Listed, Place, Report, SourceView, Valid, Wrong};
use crate::sample::Sample;
use crate::stretch::{Job, Stretch};
use crate::trace::Options;

/// What replay of a trace gave, on its way to a report. Spec: verdict-order.
pub(crate) struct Verdict {
    stretch: Stretch,
    missing_contents: u64,
    sampled: Option<(u64, u64)>,
    valid: Valid,
    wrong: Option<Wrong>,
}

impl Verdict {
    /// Weighs what was found in the trace's chain and in its segments.
    pub(crate) fn of<F: ReadAt + Sync>(
        job: &Job<'_, F>,
        mut stretch: Stretch,
        sample: Option<Sample>,
    ) -> Self {
        let sampled = sample.map(|sample| sample.of(job.plan.headers.len() as u64));
        let Settled { missing, wrong_length, late } = std::mem::take(&mut stretch.contents).settle();
        // What the segments that were not drawn store was not looked at: of a sample nothing can be said to be missing.
        let missing_contents = if sampled.is_some() { 0 } else { missing };
        let late = late.map(|late| Box::new(Broken::unlisted(late.segment, &late.content)));
        // A segment is only looked at where the chain holds up to it: what is broken in one stands lower than the chain's break.
        let broken = lowest(late, stretch.broken.take()).or_else(|| job.plan.broken.clone());
        let broken = broken.or_else(|| passed_over(job, &stretch, sample).map(Box::new));
        let open_records = job.reader.open_segment().map_or(0, |open| open.records());
        let empty = job.plan.headers.is_empty() && open_records == 0;
        let parted = [
            wrong_length.map(|wrong| {
                let place = Place { record: Some(wrong.record), ..Place::default() };
                let (recorded, derived) = (wrong.stated.to_string(), wrong.stored.to_string());
                let field = "contents.bytes".to_owned();
                (Valid::Diverged, Wrong { code: codes::CONTENT_LENGTH, place, field, recorded, derived })
            }),
            stretch.parted.take(),
            empty.then(|| (Valid::Undecided, no_record())),
            unknown_rules(job),
            differs_from_seal(job.plan, &stretch),
        ];
        let (valid, wrong) = match (broken, first(parted.into_iter().flatten())) {
            (Some(broken), _) => (broken.valid, Some(broken.wrong)),
            (None, Some((valid, wrong))) => (valid, Some(wrong)),
            (None, None) if sampled.is_some() => (Valid::Sampled, None),
            (None, None) => (Valid::Reproduced, None),
        };
        Self { stretch, missing_contents, sampled, valid, wrong }
    }

    /// The report of this verdict.
    pub(crate) fn report<F: ReadAt + Sync>(self, job: &Job<'_, F>, options: &Options<'_>) -> Report {
        let plan = job.plan;
        Report {
            run: plan.run,
            source: source_of(job.reader, plan),
            mode: plan.opening.as_ref().map(|opening| opening.mode),
            records: self.stretch.records,
            segments: plan.headers.len() as u64,
            attested_open: plan.attested_open as u64,
            bytes: job.reader.bytes(),
            level: options.level,
            valid: self.valid,
            gaps: self.gaps(job, options),
            findings: self.stretch.findings,
            failures: self.stretch.failures,
            wrong: self.wrong,
            sampled: self.sampled,
            under: None,
            decisions: None,
        }
    }

    fn gaps<F: ReadAt + Sync>(&self, job: &Job<'_, F>, options: &Options<'_>) -> Vec<Gap> {
        let plan = job.plan;
        let mut gaps = vec![Gap::NoWitness];
        gaps.extend(options.trust.is_none().then_some(Gap::NoTrustRoot));
        gaps.extend(plan.seal.as_ref().is_some_and(|seal| seal.ephemeral).then_some(Gap::Unattested));
        gaps.extend((*job.reader.end() != End::Sealed).then_some(Gap::Unsealed));
        gaps.extend(cut_bytes(job.reader).map(Gap::CutTail));
        gaps.extend(plan.named_run().and_then(|run| ends::other_log(job.reader, run)).map(Gap::OtherLog));
        // Of a trace that is broken nobody knows what it would have held: what it lacks is counted where it can be read to its end.
        if !matches!(self.valid, Valid::Damaged | Valid::Forged) {
            self.counted_gaps(job, &mut gaps);
        }
        gaps.sort_unstable();
        gaps
    }

    fn counted_gaps<F: ReadAt + Sync>(&self, job: &Job<'_, F>, gaps: &mut Vec<Gap>) {
        let stretch = &self.stretch;
        let open = job.reader.open_segment().map_or(0, |open| open.records());
        let recovered = stretch.recovered + open.saturating_sub(job.plan.attested_open) as u64;
        gaps.extend(Gap::counted(Gap::RecoveredTail, recovered));
        gaps.extend(Gap::counted(Gap::Redacted, self.missing_contents));
        gaps.extend(stretch.unknown_kind.map(Gap::UnknownKind));
        if job.level == Level::Integrity {
            return;
        }
        let Some(opening) = &job.plan.opening else { return };
        let Some(rules) = RuleSetNumber::named(&opening.rule_set) else {
            gaps.push(Gap::UnknownRuleSet(opening.rule_set.number));
            return;
        };
        let judged = Layer::ALL.iter().filter(|layer| rules.judges(**layer));
        let missing = judged.filter(|layer| !opening.layers.contains(layer));
        gaps.extend(missing.map(|layer| Gap::MissingLayer(*layer)));
        gaps.extend(Gap::counted(Gap::TakenAsRecorded, stretch.taken_as_recorded));
        gaps.extend(Gap::counted(Gap::NoTimes, stretch.without_time));
        let Some((machine, _)) = &stretch.end else { return };
        gaps.extend(Gap::counted(Gap::UnpairedCalls, machine.state().open_calls()));
        let is_sealed = *job.reader.end() == End::Sealed;
        gaps.extend((is_sealed && !machine.state().is_closed()).then_some(Gap::Unclosed));
    }
}

impl Report {
    /// The report of a file that does not open as a trace.
    pub(crate) fn of_unreadable(broken: Broken, options: &Options<'_>) -> Self {
        let mut gaps = vec![Gap::NoWitness];
        gaps.extend(options.trust.is_none().then_some(Gap::NoTrustRoot));
        Self {
            run: None,
            source: None,
            mode: None,
            records: 0,
            segments: 0,
            attested_open: 0,
            bytes: 0,
            level: options.level,
            valid: broken.valid,
            gaps,
            findings: Listed::default(),
            failures: Listed::default(),
            wrong: Some(broken.wrong),
            sampled: None,
            under: None,
            decisions: None,
        }
    }
}

/// What was to be replayed and was not, though nothing is broken. No trace leads there: it is the last guard of a verdict against a fault of ours.
fn passed_over<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    stretch: &Stretch,
    sample: Option<Sample>,
) -> Option<Broken> {
    let drawn = sample.map(|sample| sample.drawn(job.plan));
    let segments = job.reader.segments().max(job.plan.headers.len() as u32);
    let missing = match &drawn {
        Some(drawn) => drawn.iter().copied().find(|number| !stretch.has_segment(*number)),
        None => (0..segments).find(|number| !stretch.has_segment(*number)),
    };
    if let Some(number) = missing {
        return Some(Broken::without_segment(number));
    }
    if drawn.is_some() {
        return None;
    }
    let open = job.reader.open_segment().map_or(0, |open| open.records() as u64);
    let records = job.plan.first_record(segments) + open;
    let whole = |field, was: String, expected: String| {
        Some(Broken::not_replayed(Place::default(), field, was, expected))
    };
    if stretch.records != records {
        return whole("records", stretch.records.to_string(), records.to_string());
    }
    if job.derives() && stretch.parted.is_none() && stretch.end.is_none() {
        return whole("state", "not reached".to_owned(), "the state at the end".to_owned());
    }
    None
}

/// What is broken in the lower segment. That a content is listed before its segment is known last of a segment.
fn lowest(late: Option<Box<Broken>>, broken: Option<Box<Broken>>) -> Option<Box<Broken>> {
    let is_before = |late: &Broken, broken: &Broken| late.wrong.place.segment < broken.wrong.place.segment;
    match (late, broken) {
        (Some(late), Some(broken)) if is_before(&late, &broken) => Some(late),
        (late, broken) => broken.or(late),
    }
}

/// A divergence before what is undecided; of either, the one at the lowest record; of those at one record, the first given.
fn first(parted: impl Iterator<Item = (Valid, Wrong)>) -> Option<(Valid, Wrong)> {
    let rank = |(valid, wrong): &(Valid, Wrong)| (*valid == Valid::Undecided, wrong.place.record);
    parted.min_by_key(rank)
}

/// Where the rule set, or the record that would name it, is not known to this version.
fn unknown_rules<F: ReadAt + Sync>(job: &Job<'_, F>) -> Option<(Valid, Wrong)> {
    if job.knows_rules || job.level == Level::Integrity {
        return None;
    }
    let rule_set = job.plan.opening.as_ref().map(|opening| opening.rule_set);
    let recorded =
        rule_set.map_or("no opening record".to_owned(), |set| format!("{} {}", set.number, set.digest));
    let wrong = Wrong {
        code: codes::UNKNOWN_RULE_SET,
        place: Place { record: Some(0), segment: Some(0), byte: Some(0) },
        field: "body.rule_set".to_owned(),
        recorded,
        derived: "a rule set that this version has".to_owned(),
    };
    Some((Valid::Undecided, wrong))
}

/// Where the seal's state checksum or root is not the one that follows. Only said of a run that was replayed to its end.
fn differs_from_seal(plan: &Plan, stretch: &Stretch) -> Option<(Valid, Wrong)> {
    let (seal, (machine, checksum)) = (plan.seal.as_ref()?, stretch.end.as_ref()?);
    let wrong = |code, field: &str, recorded: Digest, derived: Digest| {
        let place = Place { record: seal.records.checked_sub(1), ..Place::default() };
        let (field, recorded, derived) = (field.to_owned(), recorded.to_hex(), derived.to_hex());
        Some((Valid::Diverged, Wrong { code, place, field, recorded, derived }))
    };
    if seal.checksum != *checksum {
        return wrong(codes::CHECKSUM, "seal.checksum", seal.checksum, *checksum);
    }
    let root = machine.state().root();
    if seal.state_root == root {
        return None;
    }
    wrong(codes::STATE_ROOT, "seal.state_root", seal.state_root, root)
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
        code: codes::EMPTY,
        place: Place::default(),
        field: "trace".to_owned(),
        recorded: "no record".to_owned(),
        derived: "at least the record that opens the run".to_owned(),
    }
}

fn source_of<F: ReadAt>(reader: &TraceReader<F>, plan: &Plan) -> Option<SourceView> {
    let source = plan.opening.as_ref()?.source.as_ref()?;
    let mut contents = reader.content_reader();
    let mut text = |content: Content| {
        let entry = plan.opening_contents.get(usize::from(content.0))?;
        let found = contents.read(&entry.commitment).ok().flatten()?;
        found.is_genuine().then(|| String::from_utf8_lossy(found.bytes).into_owned())
    };
    Some(SourceView { file: text(source.file), entry: source.entry, id: source.id.and_then(text) })
}
