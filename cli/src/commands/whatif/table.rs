//! A what-if in words.

use std::collections::BTreeMap;

use rederive_evidence::digest::Digest;
use rederive_replay::StandingGrant;

use super::Outcome;
use super::tally::{Changed, Counts, Name, Row};
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, count, counted, seconds};

/// The most rows of a table.
const ROWS_MAX: usize = 20;
/// Most calls that a run's line names.
const CALLS_MAX: usize = 2;

/// Prints what was found.
pub(super) fn print(outcome: &Outcome, terminal: &mut Terminal) {
    if terminal.is_quiet() {
        return;
    }
    let tally = &outcome.tally;
    let paint = terminal.paint();
    let all = [
        counted(tally.rows.len() as u64, "run"),
        counted(tally.calls, "call"),
        seconds(outcome.elapsed),
        format!("{} {}", outcome.bundle.engine(), outcome.bundle.engine_version()),
    ];
    terminal.line(&paint.paint(Tone::Strong, &all.join(", ")));
    terminal.line(&format!("  bundle    {}", outcome.bundle.bundle()));
    terminal.line(&format!("  registry  {}", registry_words(outcome.registry)));
    let mut table = Table::default();
    let mut row = |name: &str, number: u64, words: String| {
        if number > 0 {
            let (name, words) = (Cell::left(name, Tone::Plain), Cell::left(words, Tone::Faint));
            table.push(vec![name, Cell::right(count(number)), words]);
        }
    };
    row("asked", tally.counts.asked, format!("standing grant: {}", grant_words(outcome.grant)));
    row("unchanged", tally.counts.asked - tally.counts.changed, String::new());
    row("of them on other grounds", tally.grounds, "another rule or reason, the same answer".to_owned());
    row("changed", tally.counts.changed, String::new());
    for (unasked, number) in &tally.unasked {
        row("not asked", *number, unasked_words(*unasked).to_owned());
    }
    row("runs exact", tally.exact, "the model would have seen nothing else".to_owned());
    row("runs bounded", tally.judged - tally.exact, "sound up to the first changed call".to_owned());
    row("runs not judged", tally.rows.len() as u64 - tally.judged, "they do not reproduce".to_owned());
    table.lines("  ", paint).iter().for_each(|line| terminal.line(line));
    section("changes", changes(&tally.counts.changes), terminal);
    section("by tool", breakdown(&named(&tally.by_tool)), terminal);
    let rules = tally.by_rule.iter().map(|(grounds, counts)| (super::page::grounds(grounds), counts));
    section("by rule", breakdown(&rules.collect::<Vec<_>>()), terminal);
    section("by tenant", breakdown(&named(&tally.by_tenant)), terminal);
    section("runs with changes", runs(&tally.rows), terminal);
}

/// The registry that was given, or that none was.
pub(super) fn registry_words(registry: Option<Digest>) -> String {
    registry.map_or_else(|| "none: what each run says of its tools".to_owned(), |registry| registry.to_hex())
}

pub(super) const fn grant_words(grant: StandingGrant) -> &'static str {
    match grant {
        StandingGrant::Messages => "what the user's messages ask for",
        StandingGrant::Nothing => "none",
    }
}

pub(super) const fn unasked_words(unasked: rederive_replay::Unasked) -> &'static str {
    match unasked {
        rederive_replay::Unasked::Redacted => "their arguments are redacted",
        rederive_replay::Unasked::Withheld => "the gate itself withheld them: no bundle changes that",
    }
}

fn section(title: &str, table: Table, terminal: &mut Terminal) {
    let paint = terminal.paint();
    let lines = table.lines("  ", paint);
    if !lines.is_empty() {
        terminal.line(&paint.paint(Tone::Strong, title));
        lines.iter().for_each(|line| terminal.line(line));
    }
}

fn changes(changes: &BTreeMap<(Name, Name), u64>) -> Table {
    let mut table = Table::default();
    for ((from, to), number) in changes {
        table.push(vec![
            Cell::left(from, Tone::Plain),
            Cell::left("→", Tone::Faint),
            Cell::left(to, tone(to)),
            Cell::right(count(*number)),
        ]);
    }
    table
}

fn tone(outcome: &str) -> Tone {
    if outcome.starts_with("PERMIT") {
        Tone::Good
    } else if outcome.starts_with("DENY") {
        Tone::Bad
    } else {
        Tone::Notice
    }
}

fn named<K: ToString>(counts: &BTreeMap<K, Counts>) -> Vec<(String, &Counts)> {
    counts.iter().map(|(name, counts)| (name.to_string(), counts)).collect()
}

/// Those with the most changes first; of equal ones, those asked most often, then by name.
fn breakdown(counts: &[(String, &Counts)]) -> Table {
    let mut rows: Vec<&(String, &Counts)> = counts.iter().collect();
    rows.sort_by(|(name, one), (other_name, other)| {
        (other.changed, other.asked).cmp(&(one.changed, one.asked)).then_with(|| name.cmp(other_name))
    });
    let mut table = Table::default();
    for (name, counts) in rows.iter().take(ROWS_MAX) {
        let outcomes: Vec<String> =
            counts.outcomes.iter().map(|(name, number)| format!("{} {name}", count(*number))).collect();
        table.push(vec![
            Cell::left(name, Tone::Name),
            Cell::left("asked", Tone::Faint),
            Cell::right(count(counts.asked)),
            Cell::left("changed", Tone::Faint),
            Cell::right(count(counts.changed)),
            Cell::left("answers", Tone::Faint),
            Cell::left(outcomes.join(", "), Tone::Plain),
        ]);
    }
    let more = rows.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        table.push(vec![Cell::left(format!("and {more} more: --json lists all"), Tone::Faint)]);
    }
    table
}

/// The first of a run's calls with another answer.
fn which(row: &Row) -> String {
    let changed = &row.tally.changed;
    let first: Vec<String> = changed.iter().take(CALLS_MAX).map(Changed::which).collect();
    let more = changed.len().saturating_sub(CALLS_MAX);
    if more > 0 { format!("{} and {more} more", first.join(", ")) } else { first.join(", ") }
}

fn runs(rows: &[Row]) -> Table {
    let changed: Vec<&Row> = rows.iter().filter(|row| row.tally.counts.changed > 0).collect();
    let mut table = Table::default();
    for row in changed.iter().take(ROWS_MAX) {
        table.push(vec![
            Cell::left(&row.path, Tone::Plain),
            Cell::left(row.tally.sound.as_deref().unwrap_or_default(), Tone::Name),
            Cell::right(count(row.tally.counts.changed)),
            Cell::left(format!("of {}", count(row.tally.counts.asked)), Tone::Faint),
            Cell::left(which(row), Tone::Plain),
        ]);
    }
    let more = changed.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        table.push(vec![Cell::left(format!("and {more} more: --json lists all"), Tone::Faint)]);
    }
    table
}
