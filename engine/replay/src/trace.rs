//! Replay of one trace: stretches in parallel, one verdict.

use std::path::Path;

use rederive_archive::{
    ReadFault, TraceReader,
    storage::{ReadAt, Storage},
};
use rederive_verify::TrustRoots;

use crate::extracted::RunSources;
use crate::judge::Pinned;
use crate::observer::Observer;
use crate::plan::{Broken, Plan};
use crate::policy;
use crate::ranges::replay_ranges;
use crate::report::{Level, Report};
use crate::sample::Sample;
use crate::stretch::{Job, Stretch};
use crate::verdict::Verdict;

/// What is asked of a replay.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How far.
    pub level: Level,
    /// The keys trusted; without them the trace's own key is taken, and that is a gap.
    pub trust: Option<&'a TrustRoots>,
    /// Derive only this many segments again, drawn by this seed. At integrity level, and of a run that has no closed segment, there is nothing to
    /// draw, and all is looked at.
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
    let (plan, sources) = (Plan::of(reader, options.trust)?, RunSources::default());
    let job = Job::new(reader, &plan, options.level, &sources);
    match options.level {
        Level::Integrity | Level::State | Level::Content => job.replay(options),
        Level::Policy => policy::replay(&job, options),
    }
}

impl<F: ReadAt + Sync> Job<'_, F> {
    /// Replays the trace, or a sample of it.
    pub(crate) fn replay(&self, options: &Options<'_>) -> Result<Report, ReadFault> {
        let Some(sample) = self.sample(options) else {
            return Ok(self.report(replay_ranges(self, self.split())?, None, options));
        };
        let stretch = replay_ranges(self, sample.ranges(self.plan))?;
        Ok(self.report(stretch, Some(sample), options))
    }

    /// The sample to draw. Records of the open segment are derived always: where there are no others, nothing is left to chance.
    pub(crate) fn sample(&self, options: &Options<'_>) -> Option<Sample> {
        let can_draw = options.level >= Level::State && !self.plan.headers.is_empty();
        options.sample.filter(|_| can_draw)
    }

    /// Replays the whole trace, while somebody looks on. The report is that of [`Self::replay`].
    pub(crate) fn replay_observed(
        &self,
        options: &Options<'_>,
        observer: &mut impl Observer,
    ) -> Result<Report, ReadFault> {
        Ok(self.report(self.observed(observer)?, None, options))
    }

    fn report(&self, stretch: Stretch, sampled: Option<Sample>, options: &Options<'_>) -> Report {
        Verdict::of(self, stretch, sampled).report(self, options)
    }
}
