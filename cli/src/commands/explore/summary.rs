//! An exploration in words.

use std::collections::BTreeSet;

use rederive_explore::{Answers, Case, Divergence, Found, Sign, Tally};
use rederive_replay::Level;

use super::smallest::{as_json, parted, records};
use super::{Explored, Unnoticed, listed};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, count, counted, seconds};

/// Prints what was found.
pub(super) fn print(outcome: &super::Outcome, terminal: &mut Terminal) {
    if !terminal.is_quiet() && !outcome.runs.is_empty() {
        totals(outcome, terminal);
        let unfit = unfit(&outcome.runs);
        if !unfit.is_empty() {
            let paint = terminal.paint();
            let of = if outcome.runs.len() == 1 { "the run has nothing" } else { "no run has anything" };
            let title = format!("{} not applicable: {of} that could diverge so", count(unfit.len() as u64));
            terminal.line(&paint.paint(Tone::Strong, &title));
            let names: Vec<&str> = unfit.iter().map(|divergence| divergence.name()).collect();
            listed(&names, terminal);
        }
    }
    for run in &outcome.runs {
        run.unnoticed.iter().for_each(|unnoticed| terminal.report(&problem(outcome, run, unnoticed)));
        others(run, terminal);
    }
}

/// How many more failures there are than are told one by one, and of which divergences.
fn others(run: &Explored, terminal: &mut Terminal) {
    let more = run.exploration.all().failed.saturating_sub(run.unnoticed.len() as u64);
    if more == 0 {
        return;
    }
    let title = format!("{}: and {} more that must be noticed and are not", run.path, count(more));
    terminal.report(&Problem::error(title).hint(format!(
        "the first {} of a run are shrunk and told; --json counts all, by divergence",
        run.unnoticed.len()
    )));
    let others = run.exploration.failures.iter().skip(run.unnoticed.len());
    let names: BTreeSet<&str> =
        others.flat_map(|(case, _)| &case.divergences).map(|divergence| divergence.name()).collect();
    listed(&names.into_iter().collect::<Vec<_>>(), terminal);
}

fn totals(outcome: &super::Outcome, terminal: &mut Terminal) {
    let paint = terminal.paint();
    let runs = outcome.runs.len() as u64;
    let records: usize = outcome.runs.iter().map(|run| run.records).sum();
    let cases: u64 = outcome.runs.iter().map(|run| run.exploration.cases).sum();
    let all = [
        counted(runs, "run"),
        counted(records as u64, "record"),
        counted(cases, "case"),
        format!("seed {}", outcome.seed),
        seconds(outcome.elapsed),
    ];
    terminal.line(&paint.paint(Tone::Strong, &all.join(", ")));
    let mut tally = Tally::default();
    outcome.runs.iter().for_each(|run| tally.merge(&run.exploration.all()));
    let mut table = Table::default();
    let mut row = |name: String, number: u64, words: &str| {
        let (name, words) = (Cell::left(name, Tone::Plain), Cell::left(words, Tone::Faint));
        table.push(vec![name, Cell::right(count(number)), words]);
    };
    for level in Level::ALL {
        let number = tally.noticed.get(level).copied().unwrap_or(0);
        row(format!("noticed at {level}"), number, "");
    }
    row("noticed outside alone".to_owned(), tally.outside, "by who knows the keys, or an earlier head");
    row("changes nothing".to_owned(), tally.unchanged, "hints, and what may stand in any order");
    row("unnoticed".to_owned(), tally.failed, "");
    table.lines("  ", paint).iter().for_each(|line| terminal.line(line));
}

/// The divergences for which no run has room.
fn unfit(runs: &[Explored]) -> BTreeSet<Divergence> {
    let mut of_runs = runs.iter().map(|run| run.exploration.unfit().collect::<BTreeSet<_>>());
    let first = of_runs.next().unwrap_or_default();
    of_runs.fold(first, |all, unfit| all.intersection(&unfit).copied().collect())
}

fn problem(outcome: &super::Outcome, run: &Explored, unnoticed: &Unnoticed) -> Problem {
    let what = match &unnoticed.found {
        Found::Mistaken(level, _) => format!("level {level} finds fault with what is sound"),
        Found::NotApplicable(_)
        | Found::Noticed(..)
        | Found::Outside(_)
        | Found::Unchanged
        | Found::Unnoticed(_) => "what must be noticed is not".to_owned(),
    };
    let mut problem = Problem::error(format!("{}: {what}", run.path))
        .row("case", format!("{} of seed {}", unnoticed.case.number, unnoticed.case.seed))
        .row("changed", changes(&unnoticed.case))
        .row("smallest", counted(unnoticed.records as u64, "record"));
    if let Found::Mistaken(_, signs) | Found::Unnoticed(signs) = &unnoticed.found {
        let signs: Vec<String> = signs.iter().map(Sign::to_string).collect();
        if !signs.is_empty() {
            problem = problem.row("shows", signs.join(", "));
        }
    }
    for did in &unnoticed.did {
        problem = problem.row("did", did.clone());
    }
    let told = unnoticed.fixture.each_ref().map(|bytes| records(bytes));
    for (name, records) in ["from", "into"].into_iter().zip(told) {
        problem = problem.row(name, records);
    }
    if unnoticed.did.len() > 1 {
        problem = problem.row("differs", parted(&unnoticed.fixture[0], &unnoticed.fixture[1]));
    }
    if let Some([before, after]) = &unnoticed.written {
        return problem.row("before", before.display().to_string()).row("after", after.display().to_string());
    }
    for record in as_json(&unnoticed.fixture[0]) {
        problem = problem.row("record", record);
    }
    if run.unwritten.is_empty() {
        problem.hint(format!("`{} --out DIR` writes both as files; --json has them too", outcome.again))
    } else {
        problem.hint("--json has the smallest run that shows it, written or not")
    }
}

pub(super) fn changes(case: &Case) -> String {
    let names: Vec<&str> = case.divergences.iter().map(|divergence| divergence.name()).collect();
    let lie =
        if case.answers == Answers::Denied { ", with a lie about what the machine answered" } else { "" };
    format!("{}{lie}", names.join(" + "))
}
