//! What was found under a bundle, in tables.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;
use rederive_explore::bundle::{Change, Findings, Plant, Question, Said, WayIn};

use super::super::listed;
use super::changes::{alternatives, obeyed, together, words};
use super::{Explored, Together};
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
    let calls = counted(findings.calls.len() as u64, "call");
    let tried = tried(findings.tried as u64, findings.singles as u64);
    let turns = match findings.turns.len() as u64 {
        0 => "none turns an answer".to_owned(),
        1 => "1 turns an answer".to_owned(),
        more => format!("{} turn an answer", count(more)),
    };
    heading(&format!("{}: {calls}; {tried}, {turns}", run.path), terminal);
    let silent = silent(findings);
    let asked = findings.calls.iter().filter(|question| !silent.contains(&question.call));
    rows(asked.map(|question| call_row(question, findings.turns_of(question.call))), terminal);
    unasked(findings, &silent, terminal);
    let turns = findings.turns.iter().flat_map(|turn| {
        turn.turned.iter().map(|question| row(question, format!("if {}", words(&turn.change))))
    });
    section("what turns an answer", turns.collect(), terminal);
    let ways = findings.ways_in.iter().filter(|way| !silent.contains(&way.call));
    section("what it takes to be permitted", ways.flat_map(way_rows).collect(), terminal);
    planted(run, terminal);
}

/// Calls of tools of which nobody says what they do, where nothing turns the answer and nothing permits them: no policy is asked about them.
fn silent(findings: &Findings) -> BTreeSet<u64> {
    let is_open = |call: u64| findings.ways_in.iter().any(|way| way.call == call && way.changes.is_some());
    let calls = findings.calls.iter().filter(|question| {
        let is_turned = findings.turns_of(question.call) > 0 || is_open(question.call);
        findings.unknown_tools.contains(&question.tool) && !question.said.permits() && !is_turned
    });
    calls.map(|question| question.call).collect()
}

/// Those calls in one line: there is one thing to be said of all of them.
fn unasked(findings: &Findings, silent: &BTreeSet<u64>, terminal: &mut Terminal) {
    if silent.is_empty() {
        return;
    }
    let calls = findings.calls.iter().filter(|question| silent.contains(&question.call));
    let tools: BTreeSet<&str> = calls.map(|question| question.tool.as_str()).collect();
    let tools: Vec<&str> = tools.into_iter().collect();
    let title = format!("{} of tools that nobody says anything of:", counted(silent.len() as u64, "call"));
    listed(&[title.as_str(), &tools.join(", ")].join(" ").split(", ").collect::<Vec<_>>(), terminal);
}

/// Calls that were made to do what a planted text says, and apart from them those that do not.
fn planted(run: &Explored, terminal: &mut Terminal) {
    let (obeying, others): (Vec<&Plant>, Vec<&Plant>) =
        run.findings.plants.iter().partition(|plant| plant.obeys);
    let permitted = |plants: &[&Plant]| plants.iter().filter(|plant| plant.said.permits()).count();
    if !run.findings.plants.is_empty() {
        let (all, met) = (obeying.len(), obeying.len() - permitted(&obeying));
        let left = run.findings.plantable.saturating_sub(run.findings.plants.len());
        let left =
            if left > 0 { format!("; {} more were not tried", count(left as u64)) } else { String::new() };
        let (all, met) = (count(all as u64), count(met as u64));
        let title = format!("calls made to do what a planted text says: {all}, {met} of them stopped{left}");
        heading(&title, terminal);
    }
    section("permitted all the same", plant_rows(&slips(run)), terminal);
    if !others.is_empty() {
        let (all, permitted) = (count(others.len() as u64), count(permitted(&others) as u64));
        let title = format!(
            "calls that only read, and have a planted text for an argument: {all}, {permitted} of them permitted"
        );
        heading(&title, terminal);
    }
}

/// The calls that do what a planted text says and are permitted.
fn slips(run: &Explored) -> Vec<&Plant> {
    run.findings.plants.iter().filter(|plant| plant.obeys && plant.said.permits()).collect()
}

/// How many changes were tried: of how many, where not all were.
fn tried(tried: u64, all: u64) -> String {
    match (tried < all, all) {
        (true, _) => format!("{} of {} tried", count(tried), counted(all, "change")),
        (false, 0 | 1) => format!("{} tried", counted(all, "change")),
        (false, _) => format!("all {} tried", counted(all, "change")),
    }
}

/// What is wrong with a run, and nothing else.
pub(super) fn slipped(run: &Explored, terminal: &mut Terminal) {
    let title = format!("{}: calls that do what a planted text says are permitted", run.path);
    section(&title, plant_rows(&slips(run)), terminal);
}

/// Prints which of the bundle's policies nothing exercised, and which no change did.
pub(super) fn idle(
    [unexercised, unreached]: [BTreeSet<&Id>; 2],
    together: &Together,
    policies: u64,
    terminal: &mut Terminal,
) {
    let what = format!("of {} determined no answer to the runs as they are", counted_policies(policies));
    policies_listed(&unexercised, &what, terminal);
    let sample = if together.tried < together.singles {
        format!(" ({})", tried(together.tried, together.singles))
    } else {
        String::new()
    };
    if unexercised == unreached && !unreached.is_empty() {
        return heading(&format!("nor did any of these with a change that was tried{sample}"), terminal);
    }
    let what = format!("of them determined none with any change that was tried either{sample}");
    policies_listed(&unreached, &what, terminal);
}

fn counted_policies(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "policy" } else { "policies" })
}

/// Prints names of policies and what is with them.
fn policies_listed(names: &BTreeSet<&Id>, what: &str, terminal: &mut Terminal) {
    heading(&format!("{} {what}", count(names.len() as u64)), terminal);
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    listed(&names, terminal);
}

pub(super) fn heading(text: &str, terminal: &mut Terminal) {
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
    let lines = table.wrapped(terminal.width(), "  ", terminal.paint());
    lines.iter().for_each(|line| terminal.line(line));
}

fn call_row(question: &Question, turns: usize) -> Vec<Cell> {
    let turned = if turns == 0 { "turned by nothing tried".to_owned() } else { format!("turned by {turns}") };
    row(question, turned)
}

fn row(question: &Question, about: String) -> Vec<Cell> {
    said_cells(question.call, &question.tool, &question.said, about)
}

fn said_cells(call: u64, tool: &Id, said: &Said, about: String) -> Vec<Cell> {
    let tone = if said.permits() { Tone::Good } else { Tone::Notice };
    cells(call, tool, Cell::left(answer(said), tone), about)
}

fn cells(call: u64, tool: &Id, answer: Cell, about: String) -> Vec<Cell> {
    vec![
        Cell::right(format!("call {call}")),
        Cell::left(tool.as_str(), Tone::Name),
        answer,
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
    let then = way.leads_to.as_ref().map(|said| format!(" -> {}", answer(said))).unwrap_or_default();
    let row = |(at, about): (usize, String)| {
        let or = if at == 0 { "if" } else { "or" };
        let about = if way.changes.is_some() { format!("{or} {about}") } else { about };
        let answer = Cell::left(format!("{}{then}", answer(&way.said)), Tone::Notice);
        cells(way.call, &way.tool, answer, about)
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
        said_cells(plant.call, &plant.tool, &plant.said, about)
    };
    rows.into_values().map(row).collect()
}
