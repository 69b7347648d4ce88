//! How a trace is cut for the threads: ranges of segments that can be replayed without what is before them.
//!
//! Which ranges these are depends on threads and snapshots; what comes out does not: by induction, each range begins with a
//! state whose root and lineage the range before it must end with, and what follows a difference does not count.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use rederive_archive::{BlockBuffer, Hint, ReadFault, storage::ReadAt};
use rederive_machine::{Lineage, Mark};

use crate::plan::Plan;
use crate::stretch::{Job, Stretch};
use crate::threads;

/// Ranges for each thread, so that one that takes long does not keep the others waiting.
const RANGES_A_THREAD: usize = 4;

impl Plan {
    /// The closed segments, cut where spans end.
    pub(crate) fn spans(&self) -> Vec<Range<u32>> {
        let mut spans = Vec::new();
        let mut start = 0;
        for header in &self.headers {
            if header.state_root.is_some() {
                spans.push(start..header.segment + 1);
                start = header.segment + 1;
            }
        }
        let end = self.headers.len() as u32;
        if start < end || spans.is_empty() {
            spans.push(start..end);
        }
        spans
    }
}

impl<F: ReadAt + Sync> Job<'_, F> {
    /// All segments, cut into a few ranges a thread.
    pub(crate) fn split(&self) -> Vec<Range<u32>> {
        let end = self.plan.headers.len() as u32;
        let threads = threads::count();
        if threads == 1 {
            return iter::once(0..end).collect();
        }
        // Where nothing is derived, no state is needed to begin with: any segment will do.
        let units: Vec<Range<u32>> =
            if self.derives() { self.plan.spans() } else { (0..end).map(|n| n..n + 1).collect() };
        let units_a_range = units.len().div_ceil(threads * RANGES_A_THREAD).max(1);
        let joined = units.chunks(units_a_range).filter_map(|units| {
            let (first, last) = (units.first()?, units.last()?);
            Some(first.start..last.end)
        });
        let ranges: Vec<_> = joined.collect();
        if ranges.is_empty() { iter::once(0..end).collect() } else { ranges }
    }

    /// The marks of all records before a segment, as far as the lineage pages match the digests in their headers.
    fn lineage_before(&self, segment: u32) -> Result<Vec<Mark>, ReadFault> {
        let mut marks = Vec::with_capacity(self.plan.first_record(segment) as usize);
        let mut buffer = BlockBuffer::new();
        for header in self.plan.headers.iter().take(segment as usize) {
            let Some(segment) = self.reader.segment(header.segment) else { break };
            let Hint::Usable(page) = segment.lineage(&mut buffer)? else { break };
            if Lineage::page_digest(&page) != header.lineage {
                break;
            }
            let Ok(page) = Lineage::parse_page(&page) else { break };
            marks.extend(page);
        }
        Ok(marks)
    }
}

/// Replays ranges that ascend and do not overlap, and puts the results together. A range that cannot begin where it should, because
/// snapshot or lineage is absent or wrong, begins a span earlier, or is joined with the range before it.
/// Spec: verdict-deterministic.
pub(crate) fn replay_ranges<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    ranges: Vec<Range<u32>>,
) -> Result<Stretch, ReadFault> {
    let last_start = ranges.last().map_or(0, |range| range.start);
    let lineage: Arc<[Mark]> = if job.derives() { job.lineage_before(last_start)?.into() } else { [].into() };
    let mut tried: Vec<Tried> = ranges.into_iter().map(|segments| Tried { segments, gave: None }).collect();
    while tried.iter().any(|range| range.gave.is_none()) {
        tried = threads::each(tried, |range| range.replay(job, &lineage))?;
        tried = begin_earlier(tried, &job.plan.spans());
    }
    let stretches = tried.into_iter().filter_map(|range| range.gave);
    Ok(stretches.reduce(Stretch::then).unwrap_or_default())
}

/// A range, and what it gave once it could begin.
struct Tried {
    segments: Range<u32>,
    gave: Option<Stretch>,
}

impl Tried {
    fn replay<F: ReadAt + Sync>(
        mut self,
        job: &Job<'_, F>,
        lineage: &Arc<[Mark]>,
    ) -> Result<Self, ReadFault> {
        if self.gave.is_none()
            && let Some(start) = job.start(self.segments.start, lineage)?
        {
            self.gave = Some(job.stretch(start, self.segments.clone())?);
        }
        Ok(self)
    }
}

/// Moves the ranges that could not begin to the span before; those that then reach into the range before them become one with it.
fn begin_earlier(tried: Vec<Tried>, spans: &[Range<u32>]) -> Vec<Tried> {
    let mut moved: Vec<Tried> = Vec::with_capacity(tried.len());
    for mut range in tried {
        if range.gave.is_none() {
            let before = spans.iter().rfind(|span| span.start < range.segments.start);
            range.segments.start = before.map_or(0, |span| span.start);
        }
        match moved.last_mut().filter(|before| range.segments.start < before.segments.end) {
            Some(before) => {
                *before = Tried { segments: before.segments.start..range.segments.end, gave: None }
            }
            None => moved.push(range),
        }
    }
    moved
}
