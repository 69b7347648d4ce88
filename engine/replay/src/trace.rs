//! Replay of one trace: stretches in parallel, one verdict.

use std::path::Path;

use rederive_archive::{
    ReadFault, TraceReader,
    storage::{ReadAt, Storage},
};
use rederive_verify::TrustRoots;

use crate::extracted::RunSources;
use crate::judge::Pinned;
use crate::plan::{Broken, Plan};
use crate::policy;
use crate::ranges::replay_ranges;
use crate::report::{Level, Report};
use crate::sample::Sample;
use crate::stretch::Job;
use crate::verdict::Verdict;

/// What is asked of a replay.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How far.
    pub level: Level,
    /// The keys trusted; without them the trace's own key is taken, and that is a gap.
    pub trust: Option<&'a TrustRoots>,
    /// Derive only this many segments again, drawn by this seed. At integrity level there is nothing to derive, and all is verified.
    pub sample: Option<Sample>,
    /// Where pinned bundles and registries are found, for policy level.
    pub pinned: Option<&'a dyn Pinned>,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Options({}, trust: {}, {:?})", self.level, self.trust.is_some(), self.sample)
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { level: Level::State, trust: None, sample: None, pinned: None }
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
        Err(fault) => Broken::reading(fault).map(|broken| Report::of_unreadable(broken, options)),
    }
}

/// Replays a trace that is in memory.
///
/// # Errors
/// As [`replay`].
pub fn replay_bytes(bytes: &[u8], options: &Options<'_>) -> Result<Report, ReadFault> {
    match TraceReader::of(bytes) {
        Ok(reader) => replay_reader(&reader, options),
        Err(fault) => Broken::reading(fault).map(|broken| Report::of_unreadable(broken, options)),
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
    replayed(reader, options).map(|(_, report)| report)
}

/// The report on an open trace, and what is known of it beside its records.
pub(crate) fn replayed<F: ReadAt + Sync>(
    reader: &TraceReader<F>,
    options: &Options<'_>,
) -> Result<(Plan, Report), ReadFault> {
    let plan = Plan::of(reader, options.trust)?;
    let opening = plan.opening.as_ref();
    let knows_rules = opening.is_some_and(|opening| rederive_machine::supports(&opening.rule_set));
    let sources = RunSources::default();
    let job = Job { reader, plan: &plan, level: options.level, knows_rules, sources: &sources };
    let sample = options.sample.filter(|_| options.level >= Level::State);
    let ranges = match sample {
        Some(sample) => sample.ranges(&plan),
        None => job.split(),
    };
    let mut stretch = replay_ranges(&job, ranges)?;
    if sample.is_some() {
        // What the other segments store was not looked at: nothing can be said to be missing.
        stretch.contents = Default::default();
    }
    let sampled = sample.map(|sample| sample.of(plan.headers.len() as u64));
    let mut report = Verdict::of(&job, stretch, sampled).report(&job, options);
    if options.level == Level::Policy {
        policy::judge_again(&job, options, &mut report)?;
    }
    Ok((plan, report))
}
