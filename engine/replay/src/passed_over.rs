//! What no trace leads to: parts of a trace that the replayer passed over. No verdict may come out of it that looks like one.

use std::ops::Range;

use rederive_archive::TraceReader;

use crate::codes;
use crate::extracted::RunSources;
use crate::plan::Plan;
use crate::ranges::replay_ranges;
use crate::report::{Level, Report, Valid};
use crate::sample::Sample;
use crate::stretch::Job;
use crate::trace::Options;
use crate::verdict::Verdict;

/// A sealed trace of several segments.
const SEGMENTS: &[u8] = include_bytes!("../../../fixtures/traces/good/segments.rdt");

/// The report at each level that asks the trace alone, of these ranges of its segments, under a plan that was changed.
#[track_caller]
fn check(
    change: fn(&mut Plan),
    ranges: fn(u32) -> Vec<Range<u32>>,
    sample: Option<Sample>,
    expect: impl Fn(Level, &Report),
) {
    let reader = TraceReader::of(SEGMENTS).unwrap();
    for level in [Level::Integrity, Level::State, Level::Content] {
        let (mut plan, sources) = (Plan::of(&reader, None).unwrap(), RunSources::default());
        change(&mut plan);
        let job = Job::new(&reader, &plan, level, &sources);
        let stretch = replay_ranges(&job, ranges(plan.headers.len() as u32)).unwrap();
        let options = Options { level, ..Options::default() };
        expect(level, &Verdict::of(&job, stretch, sample).report(&job, &options));
    }
}

#[track_caller]
fn passed_over_at(report: &Report, segment: Option<u32>) {
    let wrong = report.wrong.as_ref().map(|wrong| (wrong.code, wrong.place.segment));
    assert_eq!(report.valid, Valid::Undecided, "{report:#?}");
    assert_eq!(wrong, Some((codes::NOT_REPLAYED, segment)), "{report:#?}");
}

const AS_IT_IS: fn(&mut Plan) = |_| {};

fn whole(segments: u32) -> Vec<Range<u32>> {
    std::iter::once(0..segments).collect()
}

#[test]
fn a_trace_whose_every_segment_was_replayed_reproduces() {
    check(AS_IT_IS, whole, None, |_, report| assert_eq!(report.valid, Valid::Reproduced, "{report:#?}"));
}

#[test]
fn a_segment_that_the_reader_lacks_is_never_called_replayed() {
    let one_more = |plan: &mut Plan| {
        let last = plan.headers.last().unwrap().clone();
        plan.headers.push(last);
    };
    let segments = TraceReader::of(SEGMENTS).unwrap().segments();
    check(one_more, whole, None, |_, report| passed_over_at(report, Some(segments)));
}

#[test]
fn a_segment_that_the_plan_lacks_is_never_called_replayed() {
    let one_less = |plan: &mut Plan| drop(plan.headers.pop());
    let segments = TraceReader::of(SEGMENTS).unwrap().segments();
    check(one_less, whole, None, |_, report| passed_over_at(report, Some(segments - 1)));
}

#[test]
fn a_range_that_was_left_out_is_never_called_replayed() {
    check(
        AS_IT_IS,
        |segments| whole(segments - 1),
        None,
        |_, report| {
            let segments = TraceReader::of(SEGMENTS).unwrap().segments();
            passed_over_at(report, Some(segments - 1));
        },
    );
    check(AS_IT_IS, |_| Vec::new(), None, |_, report| passed_over_at(report, Some(0)));
}

#[test]
fn a_segment_that_was_drawn_and_not_replayed_is_no_sample() {
    let all = Sample { segments: u64::MAX, seed: 1 };
    check(AS_IT_IS, whole, Some(all), |_, report| assert_eq!(report.valid, Valid::Sampled));
    check(
        AS_IT_IS,
        |_| std::iter::once(0..1).collect(),
        Some(all),
        |_, report| {
            passed_over_at(report, Some(1));
        },
    );
}
