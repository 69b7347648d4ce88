//! The JSON form of a replay. Its shape is stable: members are added, never changed.

use std::collections::BTreeMap;

use rederive_evidence::ids::RunId;
use rederive_replay::{Failure, Finding, Gap, Level, Sample, SourceView, Valid, Wrong};
use serde::Serialize;

use super::{Outcome, Replayed};
use crate::text::json_seconds;

/// One object for all runs.
#[derive(Serialize)]
pub(super) struct View<'a> {
    runs: u64,
    records: u64,
    bytes: u64,
    seconds: f64,
    verdicts: BTreeMap<&'static str, u64>,
    results: Vec<RunView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    equivocations: Vec<EquivocationView<'a>>,
    /// The seed of the draw, under `--sample`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// The chance that [`Sample::noticed_at_95_percent`] speaks of.
const CONFIDENCE: f64 = 0.95;

/// What is said of one run.
#[derive(Serialize)]
struct RunView<'a> {
    path: String,
    source: Option<&'a SourceView>,
    run: Option<RunId>,
    records: u64,
    level: Level,
    valid: Valid,
    complete: bool,
    gaps: &'a [Gap],
    findings: &'a [Finding],
    failures: &'a [Failure],
    at: Option<u64>,
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<&'a Wrong>,
    /// Only where not all findings are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings_total: Option<u64>,
    /// Only where not all failures are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Sampled>,
    /// Decisions made again, at level policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<u64>,
    /// The engine and version that answered, where decisions pin another.
    #[serde(skip_serializing_if = "Option::is_none")]
    under: Option<&'a str>,
}

/// How much of a run a sample derived again, and what that is worth.
#[derive(Serialize)]
struct Sampled {
    segments: u64,
    of: u64,
    /// The chance, at least, with which the draw meets one of `altered` altered segments.
    confidence: f64,
    /// The fewest altered segments for which that holds; none where not even all would do.
    altered: Option<u64>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    path: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct EquivocationView<'a> {
    code: &'static str,
    run: RunId,
    segment: u32,
    paths: [&'a str; 2],
    headers: [String; 2],
    keys: [String; 2],
}

impl<'a> View<'a> {
    pub(super) fn of(outcome: &'a Outcome) -> Self {
        let asked = Valid::ALL.iter().filter(|valid| **valid != Valid::Sampled || outcome.sample.is_some());
        let mut verdicts: BTreeMap<&'static str, u64> = asked.map(|valid| (valid.name(), 0)).collect();
        for run in &outcome.runs {
            *verdicts.entry(run.report.valid.name()).or_default() += 1;
        }
        let sum = |of: fn(&Replayed) -> u64| outcome.runs.iter().map(of).sum();
        Self {
            runs: outcome.runs.len() as u64,
            records: sum(|run| run.report.records),
            bytes: sum(|run| run.report.bytes),
            seconds: json_seconds(outcome.elapsed),
            verdicts,
            results: outcome.runs.iter().map(|run| RunView::of(run, outcome.sample)).collect(),
            errors: outcome
                .unread
                .iter()
                .map(|unread| ErrorView { path: &unread.path, reason: &unread.reason })
                .collect(),
            equivocations: outcome.equivocations.iter().map(EquivocationView::of).collect(),
            seed: outcome.sample.map(|sample| sample.seed),
        }
    }
}

impl<'a> RunView<'a> {
    fn of(run: &'a Replayed, sample: Option<Sample>) -> Self {
        let report = &run.report;
        let cut = |total: u64, listed: usize| (total > listed as u64).then_some(total);
        Self {
            path: run.place.shown(),
            source: report.source.as_ref(),
            run: report.run,
            records: report.records,
            level: report.level,
            valid: report.valid,
            complete: report.complete(),
            gaps: &report.gaps,
            findings: report.findings.items(),
            failures: report.failures.items(),
            at: report.wrong.as_ref().and_then(|wrong| wrong.place.record),
            code: report.wrong.as_ref().map(|wrong| wrong.code),
            wrong: report.wrong.as_ref(),
            findings_total: cut(report.findings.total(), report.findings.items().len()),
            failures_total: cut(report.failures.total(), report.failures.items().len()),
            sampled: report.sampled.map(|(segments, of)| Sampled {
                segments,
                of,
                confidence: CONFIDENCE,
                altered: sample.and_then(|sample| sample.noticed_at_95_percent(of)),
            }),
            decisions: report.decisions,
            under: report.under.as_deref(),
        }
    }
}

impl<'a> EquivocationView<'a> {
    fn of((first, other, found): &'a (String, String, rederive_replay::Equivocation)) -> Self {
        Self {
            code: found.code(),
            run: found.run,
            segment: found.segment,
            paths: [first, other],
            headers: found.headers.map(|header| header.to_hex()),
            keys: found.keys.map(|key| key.to_hex()),
        }
    }
}
