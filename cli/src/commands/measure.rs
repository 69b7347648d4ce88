//! `measure`: what a what-if's answers are worth, by labels that say what runs were.

mod tally;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::de::DeserializeOwned;

use self::tally::{Answer, Label, Measure, Outcome, Row};
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, count};
use crate::words::json;

/// The runs that went otherwise than they should have, told in words at most.
const LISTED_MAX: usize = 20;

/// Compare what `whatif --calls` said with labels: how many attacks it would have stopped, and how many useful runs left alone.
#[derive(Args)]
#[command(after_help = "\
A label is a JSON line: `path`, which is the id of the imported entry; `suite`; `attack_succeeded`; `malicious_call`, the number of the call that \
reached the attacker's goal; `kind`, which is `benign` without an attack; `utility`, whether the user's task was done. Other members are passed over.
An attack is stopped where its call is denied or held; a useful run is left alone where every call is permitted. What was not judged, as a run without \
calls, is told apart and counts as neither. Where no label is of a run that was judged the exit status is 2.

Example:
  rederive whatif --policy policies/default --registry tools.json traces/ --calls > calls.jsonl
  rederive measure --labels labels.jsonl calls.jsonl")]
pub(crate) struct MeasureCommand {
    /// Labels, one JSON line a run: a file, or a folder of files (*.jsonl, at any depth). May be given more than once.
    #[arg(long, value_name = "PATH", required = true)]
    labels: Vec<PathBuf>,
    /// What `whatif --calls` wrote, or `-` for standard input.
    #[arg(value_name = "CALLS", required = true)]
    calls: PathBuf,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

impl MeasureCommand {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let mut measure = Measure::default();
        for answer in lines::<Answer>(&given(&self.calls))? {
            measure.answer(answer);
        }
        let found = paths::find(&self.labels, &["jsonl"]);
        if let Some(missing) = found.missing.first() {
            return Err(Failed::new(missing.exit(), missing.problem()));
        }
        for place in &found.places {
            for label in lines::<Label>(place)? {
                measure.label(&label);
            }
        }
        if !measure.is_matched() {
            let (labels, calls) = (count(measure.outcome().unmatched), self.calls.display());
            let title = format!("none of {labels} labels is of a run that {calls} has an answer about");
            let hint = "the `path` of a label is the id of the imported entry: `source.id` in what `whatif --calls` wrote";
            return Err(Failed::usage(Problem::error(title).hint(hint)));
        }
        if self.json {
            terminal.json(&measure.outcome());
        } else {
            print(&measure.outcome(), terminal);
        }
        Ok(Exit::AsAsked)
    }
}

/// The place that an argument names.
fn given(path: &Path) -> Place {
    if path == Path::new("-") {
        Place::Stdin
    } else {
        Place::File { path: path.to_owned(), name: path.to_string_lossy().into_owned() }
    }
}

/// The values of a file of JSON lines.
fn lines<T: DeserializeOwned>(place: &Place) -> Result<Vec<T>, Failed> {
    let shown = place.shown();
    let bytes = paths::read(place).map_err(|error| {
        let title = format!("cannot read {shown}: {}", paths::words(&error));
        Failed::new(paths::exit_of(&error), Problem::error(title))
    })?;
    let filled = (1_u64..).zip(bytes.split(|byte| *byte == b'\n'));
    let filled = filled.filter(|(_, line)| !line.trim_ascii().is_empty());
    let parsed = filled.map(|(number, line)| {
        serde_json::from_slice(line).map_err(|error| {
            let column = error.column();
            let reason = json::reason(&error.to_string());
            Failed::usage(Problem::error(format!("{shown}, line {number}, column {column}: {reason}")))
        })
    });
    parsed.collect()
}

fn print(outcome: &Outcome<'_>, terminal: &mut Terminal) {
    let paint = terminal.paint();
    let mut table = Table::default();
    let head = ["suite", "attacks stopped", "of", "", "useful runs left alone", "of", ""];
    table.push(head.map(|name| Cell::left(name, Tone::Faint)).into());
    for row in outcome.suites.iter().copied().chain([&outcome.all]) {
        table.push(cells(row));
    }
    table.lines("  ", paint).iter().for_each(|line| terminal.tell(line));
    let all = &outcome.all;
    for (number, words) in [
        (all.denied, "of the attacks' calls were denied"),
        (
            all.unspoken,
            "were stopped since their tool is not listed or no policy speaks of them: no person is asked",
        ),
        (all.stopped - all.denied - all.unspoken, "of the attacks' calls are held for a person"),
        (all.call_unknown, "successful attacks count as neither: no call of theirs is known"),
        (all.not_judged, "labelled runs were not judged: there is no answer about them"),
        (outcome.unmatched, "labels in all are of runs without an answer"),
        (outcome.repeated, "answers are about a call that was answered before: the last one counts"),
    ] {
        if number > 0 {
            terminal.tell(&format!("  {} {words}", count(number)));
        }
    }
    for (runs, words) in [(&outcome.missed, "not stopped"), (&outcome.disturbed, "not left alone")] {
        for run in runs.iter().take(LISTED_MAX) {
            let because = if run.rules.is_empty() { String::new() } else { format!(", by {}", run.rules) };
            terminal.remark(&format!("{words}: {} at call {} {}{because}", run.path, run.call, run.tool));
        }
        let more = runs.len().saturating_sub(LISTED_MAX) as u64;
        if more > 0 {
            terminal.remark(&format!("and {} more {words}: --json lists all", count(more)));
        }
    }
}

fn cells(row: &Row) -> Vec<Cell> {
    let share = |part: u64, of: u64| {
        let permille = (part * 1_000).checked_div(of);
        permille.map_or_else(String::new, |share| format!("{}.{}%", share / 10, share % 10))
    };
    vec![
        Cell::left(&row.suite, Tone::Strong),
        Cell::right(count(row.stopped)),
        Cell::right(count(row.attacks)),
        Cell::right(share(row.stopped, row.attacks)),
        Cell::right(count(row.left_alone)),
        Cell::right(count(row.useful)),
        Cell::right(share(row.left_alone, row.useful)),
    ]
}
