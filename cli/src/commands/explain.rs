//! `explain`: what a code, rule, reason, gap or verdict means, and what to do about it.

mod classes;
mod divergences;
mod gaps;
mod glossary;
mod kinds;
mod notes;
mod values;

use std::collections::BTreeSet;

use clap::Args;

use self::glossary::{Entry, glossary};
use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table};

/// Say what a code means and what to do about it.
#[derive(Args)]
#[command(after_help = "\
Known are the codes of faults (D-CHECKSUM), the rules (TOL-2) and the reasons for which one is breached (sequence-gap), gaps (unpaired-calls), \
verdicts (undecided), notes of an import (other-span), the kinds of record (tool.dispatched), what a gate answers and why (SILENCE, require-approval, no-policy) and the \
values of records (external, restricted), and what explore changes in a run (record-spliced). Without CODE all of them are listed.

Example: rederive explain D-CHECKSUM")]
pub(crate) struct Explain {
    /// The code, as it is printed; case does not count.
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// Write JSON instead of words.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let Some(code) = &self.code else {
            self.list(terminal);
            return Ok(Exit::AsAsked);
        };
        let found: Vec<Entry> =
            glossary().into_iter().filter(|entry| entry.name.eq_ignore_ascii_case(code)).collect();
        if found.is_empty() {
            return Err(unknown(code));
        }
        if self.json {
            terminal.json(&found);
            return Ok(Exit::AsAsked);
        }
        for (number, entry) in found.iter().enumerate() {
            if number > 0 {
                terminal.line("");
            }
            entry.print(terminal);
        }
        Ok(Exit::AsAsked)
    }

    fn list(&self, terminal: &mut Terminal) {
        let all = glossary();
        if self.json {
            terminal.json(&all);
            return;
        }
        let paint = terminal.paint();
        for group in all.chunk_by(|a, b| a.group == b.group) {
            let mut table = Table::default();
            for entry in group {
                let name = Cell::left(entry.name, Tone::Name);
                table.push(vec![name, Cell::left(entry.meaning.as_str(), Tone::Plain)]);
            }
            let heading = group.first().map(|entry| entry.group.heading()).unwrap_or_default();
            terminal.line(&paint.paint(Tone::Strong, heading));
            table.lines("  ", paint).iter().for_each(|line| terminal.line(line));
        }
    }
}

/// Nothing has this name: those that begin alike are offered.
fn unknown(code: &str) -> Failed {
    let stem: String = code.chars().take_while(|char| char.is_alphanumeric()).collect();
    let is_alike = |name: &str| {
        let start = name.split(['-', '.']).next().unwrap_or(name);
        !stem.is_empty() && start.eq_ignore_ascii_case(&stem)
    };
    // A rule by the name that SPEC.md gives its sentence: `rule-pol-1`.
    let ends = |name: &str| code.to_ascii_lowercase().ends_with(&format!("-{}", name.to_ascii_lowercase()));
    let mut names: Vec<&str> = glossary().into_iter().map(|entry| entry.name).collect();
    names.sort_by_key(|name| !ends(name));
    let mut seen = BTreeSet::new();
    names.retain(|name| (ends(name) || is_alike(name)) && seen.insert(*name));
    let alike: Vec<&str> = names.into_iter().take(12).collect();
    let problem = Problem::error(format!("nothing is called `{code}`"));
    let problem = match alike.as_slice() {
        [] => problem,
        alike => problem.row("alike", alike.join(", ")),
    };
    Failed::usage(
        problem.hint("`rederive explain` lists all codes, rules, reasons, gaps, verdicts, notes, kinds, answers, values and divergences"),
    )
}
