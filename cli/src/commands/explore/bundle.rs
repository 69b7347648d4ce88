//! `explore --policy`: what a bundle's answers to a run turn on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rederive_evidence::ids::Id;
use rederive_explore::bundle::{
    BundleFault, Change, Findings, Plant, Question, Rehearsal, Said, explore, planted_texts,
};
use rederive_policy::Compiled;
use rederive_replay::{Registries, StandingGrant, WhatIf};
use serde::Serialize;

use super::cases::Cases;
use super::json::ErrorView;
use super::streamed::Object;
use super::{Explore, Unread, exit_of, listed};
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::policies;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, count, counted};
use crate::trace;
use crate::words::faults;

/// Bytes of a file of texts at most.
const TEXTS_BYTES_MAX: u64 = 16 << 20;
/// Characters of a value that are told.
const VALUE_WIDTH: usize = 48;
/// Rows of one table in words at most; --json has all.
const LISTED_MAX: usize = 20;

/// What was found of one run.
#[derive(Serialize)]
struct Explored {
    path: String,
    #[serde(flatten)]
    findings: Findings,
}

/// What was found of all runs together.
#[derive(Default)]
struct Together {
    /// Policies that determined an answer to one of the runs as they are.
    plain: BTreeSet<Id>,
    /// Those that determined one to one of them as it is or with some change.
    reached: BTreeSet<Id>,
    /// A call that does what a planted text says is permitted.
    slips: bool,
}

impl Together {
    fn add(&mut self, findings: &Findings) {
        self.plain.extend(findings.exercised.iter().cloned());
        self.reached.extend(findings.exercised.iter().chain(&findings.exercised_by_changes).cloned());
        self.slips |= findings.plants.iter().any(|plant| plant.said.permits());
    }

    /// Policies of the bundle that determined no answer to any of the runs as they are, and those that determined none to any of them with some change either.
    fn idle<'a>(&self, bundle: &'a Compiled) -> [BTreeSet<&'a Id>; 2] {
        let all = || bundle.rules().map(|rule| &rule.id);
        [&self.plain, &self.reached].map(|those| all().filter(|id| !those.contains(*id)).collect())
    }
}

/// How what is found of a run is told, and what of all of them.
enum Telling<'t> {
    /// One JSON object. Its shape is stable: members are added, never changed.
    Json(Object<'t>),
    Words(&'t mut Terminal),
    /// What is wrong, and nothing else.
    Quiet(&'t mut Terminal),
}

impl Explore {
    /// Explores the runs under the bundle at this path.
    pub(super) fn under(&self, bundle: &Path, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let compiled = policies::bundle(bundle)?;
        let registry = self.registry.as_deref().map(policies::registry).transpose()?.map(Arc::new);
        let registries: &dyn Registries = match &registry {
            Some(registry) => registry,
            None => &policies::Nothing,
        };
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let texts = match &self.plant {
            Some(path) => planted_texts(&String::from_utf8_lossy(&trace::file(path, TEXTS_BYTES_MAX)?)),
            None => Vec::new(),
        };
        let ask =
            WhatIf { judge: &compiled, registries, grant: StandingGrant::Messages, trust: trust.as_ref() };
        let found = paths::find(&self.paths, &["rdt"]);
        let progress = self.progress(found.places.len(), terminal);
        let mut unread: Vec<Unread> = found.missing.iter().map(Unread::missing).collect();
        let (mut telling, mut together) = (self.telling(&compiled, terminal)?, Together::default());
        for place in &found.places {
            let cases = Cases::of(&progress, self.cases);
            match self.jobs.run(|| self.rehearse(place, &ask, &texts, &cases))? {
                Ok(explored) => {
                    together.add(&explored.findings);
                    // What is told of a run is told at once, and not held.
                    progress.aside(|| telling.run(&explored))?;
                }
                Err(fault) => unread.push(fault),
            }
        }
        progress.finish();
        unread.iter().for_each(|unread| telling.terminal().complain(&unread.problem));
        telling.end(together.idle(&compiled), &compiled, &unread)?;
        let explored = if together.slips { Exit::Parted } else { Exit::AsAsked };
        Ok(unread.iter().map(|unread| unread.exit).fold(explored, Exit::and))
    }

    fn telling<'t>(&self, bundle: &Compiled, terminal: &'t mut Terminal) -> Result<Telling<'t>, Failed> {
        if !self.json {
            let is_quiet = terminal.is_quiet();
            return Ok(if is_quiet { Telling::Quiet(terminal) } else { Telling::Words(terminal) });
        }
        let mut object = Object::begin(terminal);
        object.member("bundle", &bundle.bundle().to_string())?;
        object.member("seed", &self.seed)?;
        object.list("runs");
        Ok(Telling::Json(object))
    }

    fn rehearse(
        &self,
        place: &Place,
        ask: &WhatIf<'_>,
        texts: &[String],
        progress: &Cases<'_>,
    ) -> Result<Explored, Unread> {
        let path = place.shown();
        let bytes = paths::read(place).map_err(|error| Unread::io(&path, &error))?;
        let cases = usize::try_from(self.cases).unwrap_or(usize::MAX);
        let findings =
            Rehearsal::of(bytes, *ask).and_then(|run| explore(&run, texts, cases, self.seed, progress));
        match findings {
            Ok(findings) => Ok(Explored { path, findings }),
            Err(fault) => Err(Unread::under_bundle(&path, fault)),
        }
    }
}

impl Telling<'_> {
    fn run(&mut self, run: &Explored) -> Result<(), Failed> {
        match self {
            Self::Json(object) => object.item(run)?,
            Self::Words(terminal) => print(run, terminal),
            Self::Quiet(terminal) => slipped(run, terminal),
        }
        self.terminal().flush();
        Ok(())
    }

    fn end(
        self,
        [unexercised, unreached]: [BTreeSet<&Id>; 2],
        bundle: &Compiled,
        unread: &[Unread],
    ) -> Result<(), Failed> {
        match self {
            Self::Json(mut object) => {
                object.end_list();
                object.member("unexercised", &unexercised)?;
                object.member("unreached", &unreached)?;
                if !unread.is_empty() {
                    object.member("errors", &unread.iter().map(ErrorView::of).collect::<Vec<_>>())?;
                }
                object.end();
            }
            Self::Words(terminal) => {
                let policies = count(bundle.rules().count() as u64);
                let what = format!("of {policies} policies determined no answer to the runs as they are");
                policies_listed(&unexercised, &what, terminal);
                policies_listed(&unreached, "of them determined none with any change either", terminal);
            }
            Self::Quiet(_) => {}
        }
        Ok(())
    }

    fn terminal(&mut self) -> &mut Terminal {
        match self {
            Self::Json(object) => object.terminal(),
            Self::Words(terminal) | Self::Quiet(terminal) => terminal,
        }
    }
}

impl Unread {
    fn under_bundle(path: &str, fault: BundleFault) -> Self {
        if let BundleFault::Parts(fault) = fault {
            return Self::of(path, &fault.into());
        }
        let exit = if let BundleFault::Untold { valid } = &fault {
            exit_of(*valid)
        } else if let BundleFault::Read(fault) = &fault {
            faults::unread(fault).0
        } else {
            Exit::Untrustworthy
        };
        Self::unfit(path, fault.to_string(), exit)
    }
}

fn print(run: &Explored, terminal: &mut Terminal) {
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
    section("what it takes to be permitted", findings.ways_in.iter().map(way_row).collect(), terminal);
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
fn slipped(run: &Explored, terminal: &mut Terminal) {
    let slips: Vec<&Plant> = run.findings.plants.iter().filter(|plant| plant.said.permits()).collect();
    let title = format!("{}: calls that do what a planted text says are permitted", run.path);
    section(&title, plant_rows(&slips), terminal);
}

fn policies_listed(names: &BTreeSet<&Id>, what: &str, terminal: &mut Terminal) {
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
    use rederive_evidence::kinds::decision::Directive;
    match said.directive {
        Directive::None => said.outcome.name().to_owned(),
        Directive::Revise
        | Directive::RequireApproval
        | Directive::NarrowScope
        | Directive::RollBack
        | Directive::Route => format!("{}, {}", said.outcome, said.directive),
    }
}

fn way_row(way: &rederive_explore::bundle::WayIn) -> Vec<Cell> {
    let about = match &way.changes {
        None => "nothing that was tried".to_owned(),
        Some(changes) if changes.is_empty() => "nothing: it is permitted".to_owned(),
        Some(changes) => changes.iter().map(words).collect::<Vec<_>>().join(", and "),
    };
    cells(way.call, &way.tool, &way.said, about)
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

/// What a call with a planted text does that the text says.
fn obeyed(plant: &Plant) -> Option<&Change> {
    plant.changes.iter().rfind(|change| matches!(change, Change::Obeyed { .. }))
}

/// A change in words.
fn words(change: &Change) -> String {
    match change {
        Change::Silenced { record } => format!("record {record} says nothing"),
        Change::Trusted { record } => format!("record {record} is the operator's own data"),
        Change::Distrusted { record } => format!("record {record} is from outside"),
        Change::Named { record, value } => format!("the user names {} in record {record}", quoted(value)),
        Change::Unheard { record, pointer } => {
            format!("argument {pointer} of record {record} stands nowhere in the run")
        }
        Change::Planted { record, text } => format!("record {record} says {} as well", quoted(text)),
        Change::Obeyed { pointer, value, .. } => format!("argument {pointer} is {}", quoted(value)),
    }
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", crate::text::cut(&crate::text::one_line(value), VALUE_WIDTH))
}
