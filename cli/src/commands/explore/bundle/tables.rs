//! What was found under a bundle, in tables.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;
use rederive_explore::bundle::{Change, Plant, Question, Said, WayIn};

use super::super::listed;
use super::Explored;
use super::changes::{alternatives, obeyed, together, words};
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, count, counted};

/// Rows of one table in words at most; --json has all.
const LISTED_MAX: usize = 20;

/// Ways in to one call in words at most, those that differ in the value of an argument alone as one.
const WAYS_MAX: usize = 4;

/// Prints what was found of a run.
pub(super) fn print(run: &Explored, terminal: &mut Terminal) {
    let findings = &run.findings;
    let (calls, tried) =
        (counted(findings.calls.len() as u64, "call"), counted(findings.tried as u64, "change"));
    let turns = count(findings.turns.len() as u64);
    heading(&format!("{}: {calls}; {tried} tried, {turns} of them turn an answer", run.path), terminal);
    rows(
        findings.calls.iter().map(|question| call_row(question, findings.turns_of(question.call))),
        terminal,
    );
    let turns = findings.turns.iter().flat_map(|turn| {
        turn.turned.iter().map(|question| row(question, format!("if {}", words(&turn.change))))
    });
    section("what turns an answer", turns.collect(), terminal);
    section("what it takes to be permitted", findings.ways_in.iter().flat_map(way_rows).collect(), terminal);
    let (slips, met): (Vec<&Plant>, Vec<&Plant>) =
        findings.plants.iter().partition(|plant| plant.said.permits());
    if !findings.plants.is_empty() {
        let (all, met) = (count(findings.plants.len() as u64), count(met.len() as u64));
        heading(
            &format!("calls made to do what a planted text says: {all}, {met} of them stopped"),
            terminal,
        );
    }
    section("permitted all the same", plant_rows(&slips), terminal);
}

/// What is wrong with a run, and nothing else.
pub(super) fn slipped(run: &Explored, terminal: &mut Terminal) {
    let slips: Vec<&Plant> = run.findings.plants.iter().filter(|plant| plant.said.permits()).collect();
    let title = format!("{}: calls that do what a planted text says are permitted", run.path);
    section(&title, plant_rows(&slips), terminal);
}

/// Prints names of policies and what is with them.
pub(super) fn policies_listed(names: &BTreeSet<&Id>, what: &str, terminal: &mut Terminal) {
    heading(&format!("{} {what}", count(names.len() as u64)), terminal);
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    listed(&names, terminal);
}

fn heading(text: &str, terminal: &mut Terminal) {
    let line = terminal.paint().paint(Tone::Strong, &crate::text::one_line(text));
    terminal.line(&line);
}

fn section(title: &str, mut found: Vec<Vec<Cell>>, terminal: &mut Terminal) {
    if found.is_empty() {
        return;
    }
    heading(title, terminal);
    let more = found.len().saturating_sub(LISTED_MAX);
    found.truncate(LISTED_MAX);
    rows(found.into_iter(), terminal);
    if more > 0 {
        terminal.line(&format!("  and {} more: --json lists all", count(more as u64)));
    }
}

fn rows(found: impl Iterator<Item = Vec<Cell>>, terminal: &mut Terminal) {
    let mut table = Table::default();
    found.for_each(|row| table.push(row));
    table.lines("  ", terminal.paint()).iter().for_each(|line| terminal.line(line));
}

fn call_row(question: &Question, turns: usize) -> Vec<Cell> {
    let turned = if turns == 0 { "turned by nothing tried".to_owned() } else { format!("turned by {turns}") };
    row(question, turned)
}

fn row(question: &Question, about: String) -> Vec<Cell> {
    cells(question.call, &question.tool, &question.said, about)
}

fn cells(call: u64, tool: &Id, said: &Said, about: String) -> Vec<Cell> {
    let tone = if said.permits() { Tone::Good } else { Tone::Notice };
    vec![
        Cell::right(format!("call {call}")),
        Cell::left(tool.as_str(), Tone::Name),
        Cell::left(answer(said), tone),
        Cell::left(about, Tone::Plain),
    ]
}

fn answer(said: &Said) -> String {
    match said.directive {
        Directive::None => said.outcome.name().to_owned(),
        Directive::Revise
        | Directive::RequireApproval
        | Directive::NarrowScope
        | Directive::RollBack
        | Directive::Route => format!("{}, {}", said.outcome, said.directive),
    }
}

/// A call that is not permitted, and in a row each what opens it.
fn way_rows(way: &WayIn) -> Vec<Vec<Cell>> {
    let ways = match (&way.changes, way.alone.as_slice()) {
        (None, _) => vec!["nothing that was tried".to_owned()],
        (Some(changes), []) => vec![together(changes)],
        (Some(_), alone) => alternatives(alone),
    };
    let left = ways.len().saturating_sub(WAYS_MAX);
    let mut ways: Vec<String> = ways.into_iter().take(WAYS_MAX).collect();
    if let Some(last) = ways.last_mut().filter(|_| left > 0) {
        last.push_str(&format!(", or one of {} more", count(left as u64)));
    }
    let asks = way.leads_to.as_ref().filter(|said| !said.permits());
    let asks = asks.map(|said| format!("{} ", answer(said))).unwrap_or_default();
    let row = |(at, about): (usize, String)| {
        let or = if at == 0 { "if" } else { "or" };
        let about = if way.changes.is_some() { format!("{asks}{or} {about}") } else { about };
        cells(way.call, &way.tool, &way.said, about)
    };
    ways.into_iter().enumerate().map(row).collect()
}

/// Calls with planted texts, those that were given a value in the same argument in one row.
fn plant_rows(plants: &[&Plant]) -> Vec<Vec<Cell>> {
    let mut rows: BTreeMap<(u64, &str), (&Plant, u64)> = BTreeMap::new();
    for plant in plants {
        if let Some(Change::Obeyed { pointer, .. }) = obeyed(plant) {
            rows.entry((plant.call, pointer)).or_insert((plant, 0)).1 += 1;
        }
    }
    let row = |(plant, number): (&Plant, u64)| {
        let more = if number > 1 { format!(", and {} more such", count(number - 1)) } else { String::new() };
        let about = format!("text {}: {}{more}", plant.text, obeyed(plant).map(words).unwrap_or_default());
        cells(plant.call, &plant.tool, &plant.said, about)
    };
    rows.into_values().map(row).collect()
}
