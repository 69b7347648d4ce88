//! A replay in words: a line a run where they are few, a summary, then each problem.

use std::collections::BTreeMap;

use rederive_evidence::rules::{Reason, Rule};
use rederive_replay::{Level, Report, Valid};

use super::{Outcome, Replayed};
use crate::paths::typed_text;
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, bytes, count, counted, seconds};
use crate::words::{gaps, verdict};

/// The most runs that get a line each.
const LISTED_RUNS_MAX: usize = 24;
/// The most problems told in full.
const PROBLEMS_MAX: usize = 20;
/// The most kinds of finding listed.
const FINDINGS_MAX: usize = 20;

/// Prints what was found.
pub(super) fn print(outcome: &Outcome, level: Level, terminal: &mut Terminal) {
    if !terminal.is_quiet() && !outcome.runs.is_empty() {
        if outcome.runs.len() <= LISTED_RUNS_MAX {
            list(&outcome.runs, terminal);
        }
        totals(outcome, level, terminal);
        verdicts(&outcome.runs, terminal);
        section("gaps", &gaps::table(outcome.runs.iter().map(|run| &run.report)), terminal);
        section("findings", &findings(&outcome.runs), terminal);
    }
    failures(&outcome.runs, terminal);
    problems(outcome, terminal);
}

fn list(runs: &[Replayed], terminal: &mut Terminal) {
    let mut table = Table::default();
    for Replayed { place, report, .. } in runs {
        let run = report.run.map(|run| run.to_hex()).unwrap_or_default();
        let complete =
            if report.complete() { "complete".to_owned() } else { counted(report.gaps.len() as u64, "gap") };
        let findings = match report.findings.total() {
            0 => String::new(),
            some => counted(some, "finding"),
        };
        // The run's last digits: the first are the time, which runs that began together share.
        table.push(vec![
            Cell::left(verdict::name(report), verdict::tone(report.valid)),
            Cell::left(place.shown(), Tone::Plain),
            Cell::left(run.get(24..).unwrap_or_default(), Tone::Name),
            Cell::right(counted(report.records, "record")),
            Cell::left(complete, Tone::Faint),
            Cell::left(findings, Tone::Faint),
        ]);
    }
    let paint = terminal.paint();
    table.lines("", paint).iter().for_each(|line| terminal.line(line));
    terminal.line("");
}

fn totals(outcome: &Outcome, level: Level, terminal: &mut Terminal) {
    let sum = |of: fn(&Report) -> u64| outcome.runs.iter().map(|run| of(&run.report)).sum::<u64>();
    let runs = outcome.runs.len() as u64;
    let all = [
        counted(runs, "run"),
        counted(sum(|report| report.records), "record"),
        bytes(sum(|report| report.bytes)),
        seconds(outcome.elapsed),
        format!("level {level}"),
    ];
    let heading = terminal.paint().paint(Tone::Strong, &all.join(", "));
    terminal.line(&heading);
    if let Some(sample) = outcome.sample {
        let drawn = outcome.runs.iter().filter_map(|run| run.report.sampled);
        let (segments, of) = drawn.fold((0, 0), |(segments, of), (drawn, all)| (segments + drawn, of + all));
        terminal.line(&format!(
            "  sampled {} of {}, seed {}",
            count(segments),
            counted(of, "segment"),
            sample.seed
        ));
        let worth = outcome.runs.iter().filter_map(|run| {
            let (_, of) = run.report.sampled?;
            Some((sample.noticed_at_95_percent(of)?, run.place.shown()))
        });
        // What the draw is worth where it is worth least: of every other run it says more.
        if let Some((altered, path)) = worth.max_by_key(|(altered, _)| *altered) {
            let least = if outcome.runs.len() > 1 { ", of which it tells least," } else { "" };
            terminal.line(&format!(
                "  had {} or more of {path}{least} been altered, this draw would have met one with a chance of at least 95 %",
                counted(altered, "segment"),
            ));
        }
    }
}

fn verdicts(runs: &[Replayed], terminal: &mut Terminal) {
    let mut table = Table::default();
    for valid in Valid::ALL {
        let number = runs.iter().filter(|run| run.report.valid == *valid).count() as u64;
        if number > 0 {
            table.push(vec![Cell::left(valid.name(), verdict::tone(*valid)), Cell::right(count(number))]);
        }
    }
    let complete = runs.iter().filter(|run| run.report.complete()).count() as u64;
    table.push(vec![Cell::left("complete", Tone::Plain), Cell::right(count(complete))]);
    let paint = terminal.paint();
    table.lines("  ", paint).iter().for_each(|line| terminal.line(line));
}

fn section(title: &str, table: &Table, terminal: &mut Terminal) {
    let paint = terminal.paint();
    let lines = table.lines("  ", paint);
    if !lines.is_empty() {
        terminal.line(&paint.paint(Tone::Strong, title));
        lines.iter().for_each(|line| terminal.line(line));
    }
}

/// Findings by rule and reason: how many, in how many runs, and where the first stands.
fn findings(runs: &[Replayed]) -> Table {
    struct Kind {
        findings: u64,
        runs: u64,
        first: String,
    }
    let mut kinds: BTreeMap<(Rule, Reason), Kind> = BTreeMap::new();
    let mut unlisted = 0;
    for run in runs {
        let mut seen: BTreeMap<(Rule, Reason), u64> = BTreeMap::new();
        for finding in run.report.findings.items() {
            let key = (finding.rule, finding.reason);
            *seen.entry(key).or_default() += 1;
            kinds.entry(key).or_insert_with(|| Kind {
                findings: 0,
                runs: 0,
                first: format!("record {} of {}", finding.record, run.place.shown()),
            });
        }
        for (key, number) in seen {
            if let Some(kind) = kinds.get_mut(&key) {
                kind.findings += number;
                kind.runs += 1;
            }
        }
        unlisted += run.report.findings.total() - run.report.findings.items().len() as u64;
    }
    let mut table = Table::default();
    let surplus = kinds.len().saturating_sub(FINDINGS_MAX);
    for ((rule, reason), kind) in kinds.into_iter().take(FINDINGS_MAX) {
        table.push(vec![
            Cell::left(rule.name(), Tone::Notice),
            Cell::left(reason.name(), Tone::Notice),
            Cell::right(count(kind.findings)),
            Cell::left(format!("in {}", counted(kind.runs, "run")), Tone::Plain),
            Cell::left(format!("first: {}", kind.first), Tone::Faint),
        ]);
    }
    if surplus > 0 {
        table.push(vec![Cell::left(format!("and {surplus} more kinds: --json lists them"), Tone::Faint)]);
    }
    if unlisted > 0 {
        table.push(vec![Cell::left(format!("and {} not listed", counted(unlisted, "finding")), Tone::Faint)]);
    }
    table
}

fn failures(runs: &[Replayed], terminal: &mut Terminal) {
    let failing: Vec<&Replayed> = runs.iter().filter(|run| run.report.failures.total() > 0).collect();
    for Replayed { place, report, .. } in failing.iter().take(PROBLEMS_MAX) {
        let Some(first) = report.failures.items().first() else { continue };
        let path = place.shown();
        let more = report.failures.total() - 1;
        let mut problem = Problem::error(format!(
            "record {}: an effect whose request was refused, or never made",
            first.record
        ))
        .row("trace", path.clone())
        .row("rule", format!("{} {}", first.rule, first.reason));
        if more > 0 {
            problem = problem.row("more", counted(more, "failure"));
        }
        let hint =
            format!("`rederive show {} --causes {}` shows what led to it", typed_text(&path), first.record);
        terminal.report(&problem.hint(hint));
    }
    let more = failing.len().saturating_sub(PROBLEMS_MAX) as u64;
    if more > 0 {
        terminal.line(&format!("and such effects in {}: --json lists all", counted(more, "more run")));
    }
}

fn problems(outcome: &Outcome, terminal: &mut Terminal) {
    let wrong = outcome.runs.iter().filter_map(|run| Some((run, run.report.wrong.as_ref()?)));
    let mut problems: Vec<Problem> =
        wrong.map(|(run, wrong)| verdict::problem(&run.place.shown(), &run.report, wrong)).collect();
    let told = outcome.equivocations.iter();
    problems.extend(told.map(|(first, other, found)| verdict::equivocation(first, other, found)));
    for problem in problems.iter().take(PROBLEMS_MAX) {
        terminal.report(problem);
    }
    let more = problems.len().saturating_sub(PROBLEMS_MAX) as u64;
    if more > 0 {
        terminal.line(&format!("and {}: --json lists all", counted(more, "more problem")));
    }
}
