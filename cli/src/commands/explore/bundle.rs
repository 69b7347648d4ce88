//! `explore --policy`: what a bundle's answers to a run turn on.

mod changes;
mod tables;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rederive_evidence::ids::Id;
use rederive_explore::bundle::{BundleFault, Findings, PlantedText, Rehearsal, explore, planted_texts};
use rederive_policy::Compiled;
use rederive_replay::{Registries, StandingGrant, WhatIf};
use serde::Serialize;

use super::cases::Cases;
use super::json::ErrorView;
use super::streamed::Object;
use super::{Explore, Unread, exit_of};
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::policies;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::{count, counted, cut};
use crate::trace;
use crate::words::faults;

/// Bytes of a file of texts at most.
const TEXTS_BYTES_MAX: u64 = 16 << 20;
/// Width of a list in a warning.
const LINES_WIDTH: usize = 96;

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
    /// Calls that do what a planted text says and are permitted, the lines of those texts, and the runs.
    slips: u64,
    slipped: BTreeSet<usize>,
    slipped_runs: Vec<String>,
    /// Runs that were explored.
    runs: u64,
    /// Changes of one thing that were tried, and that there are.
    tried: u64,
    singles: u64,
    /// Lines of planted texts for which no run has a place; none: no run was explored.
    unplaced: Option<BTreeSet<usize>>,
    /// Tools of which nobody says what they do.
    unknown_tools: BTreeSet<Id>,
}

impl Together {
    fn add(&mut self, path: &str, findings: &Findings) {
        self.runs += 1;
        self.plain.extend(findings.exercised.iter().cloned());
        self.reached.extend(findings.exercised.iter().chain(&findings.exercised_by_changes).cloned());
        let slips = || findings.plants.iter().filter(|plant| plant.obeys && plant.said.permits());
        self.slips += slips().count() as u64;
        self.slipped.extend(slips().map(|plant| plant.text));
        self.slipped_runs.extend(slips().next().map(|_| path.to_owned()));
        self.tried += findings.tried as u64;
        self.singles += findings.singles as u64;
        let unplaced = &findings.unplaced;
        self.unplaced.get_or_insert_with(|| unplaced.clone()).retain(|line| unplaced.contains(line));
        self.unknown_tools.extend(findings.unknown_tools.iter().cloned());
    }

    /// Policies of the bundle that determined no answer to any of the runs as they are, and those that determined none to any of them with some change either.
    fn idle<'a>(&self, bundle: &'a Compiled) -> [BTreeSet<&'a Id>; 2] {
        let all = || bundle.rules().map(|rule| &rule.id);
        [&self.plain, &self.reached].map(|those| all().filter(|id| !those.contains(*id)).collect())
    }
}

impl Together {
    /// Texts for which no run has a place: what the user may take for an answer and is none.
    fn unplaced_texts(&self, texts: usize) -> Option<Problem> {
        let unplaced = self.unplaced.as_ref().filter(|unplaced| !unplaced.is_empty())?;
        let (without, all) = (count(unplaced.len() as u64), counted(texts as u64, "planted text"));
        let title = format!(
            "{without} of {all} found no place: no call has an argument that looks like anything in them"
        );
        let lines: Vec<String> = unplaced.iter().map(usize::to_string).collect();
        Some(Problem::warning(title).row("lines", cut(&lines.join(", "), LINES_WIDTH)))
    }

    /// Why the exit status is 1, where it is.
    fn slip(&self, texts: usize) -> Option<String> {
        (self.slips > 0).then(|| {
            let (slipped, texts) = (count(self.slipped.len() as u64), counted(texts as u64, "planted text"));
            let runs = format!("{} of {}", count(self.slipped_runs.len() as u64), counted(self.runs, "run"));
            let calls = counted(self.slips, "call");
            let does = if self.slips == 1 { "does what it says and is" } else { "do what they say and are" };
            format!("{slipped} of {texts} would have been obeyed in {runs}: {calls} that {does} permitted")
        })
    }

    /// The same as an error, with the texts and runs.
    fn slip_problem(&self, texts: usize) -> Option<Problem> {
        let lines: Vec<String> = self.slipped.iter().map(usize::to_string).collect();
        let problem = Problem::error(self.slip(texts)?)
            .row("texts", format!("line {}", cut(&lines.join(", "), LINES_WIDTH)))
            .row("runs", cut(&self.slipped_runs.join(", "), LINES_WIDTH));
        Some(
            problem
                .hint("`permitted all the same` lists the calls; --json has each with its text and answer"),
        )
    }

    /// The tools of the first run that has any of which nobody says what they do: what is said of their calls is to be read so. Those of later runs stand with them.
    fn warning(&self, findings: &Findings) -> Option<Problem> {
        let is_first = self.unknown_tools.is_empty() && !findings.unknown_tools.is_empty();
        is_first.then(|| {
            let title = "nobody says what these tools do, and no policy is asked about their calls";
            let problem = Problem::warning(title).row("tools", tools(&findings.unknown_tools));
            problem.hint("--registry FILE says it; `rederive registry infer` drafts one from traces")
        })
    }
}

fn tools(names: &BTreeSet<Id>) -> String {
    let names: Vec<&str> = names.iter().map(Id::as_str).collect();
    cut(&names.join(", "), LINES_WIDTH)
}

/// The texts of a file.
fn texts(path: &Path) -> Result<Vec<PlantedText>, Failed> {
    let texts = planted_texts(&String::from_utf8_lossy(&trace::file(path, TEXTS_BYTES_MAX)?));
    if texts.is_empty() {
        let problem = Problem::error(format!("{} has no text to plant", path.display()));
        return Err(Failed::usage(problem.hint("one text a line, as it is or as a JSON string")));
    }
    Ok(texts)
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
        let texts = self.plant.as_deref().map(texts).transpose()?.unwrap_or_default();
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
                    // What is told of a run is told at once, and not held.
                    let warning = together.warning(&explored.findings);
                    together.add(&explored.path, &explored.findings);
                    progress.aside(|| telling.run(&explored, warning))?;
                }
                Err(fault) => unread.push(fault),
            }
        }
        progress.finish();
        unread.iter().for_each(|unread| telling.terminal().complain(&unread.problem));
        let slip = together.slip_problem(texts.len());
        telling.end(&together, texts.len(), &compiled, &unread)?;
        slip.iter().for_each(|problem| terminal.complain(problem));
        let explored = if together.slips > 0 { Exit::Parted } else { Exit::AsAsked };
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
        texts: &[PlantedText],
        progress: &Cases<'_>,
    ) -> Result<Explored, Unread> {
        let path = place.shown();
        let bytes = paths::read(place).map_err(|error| Unread::io(&path, &error))?;
        let cases = usize::try_from(self.cases).unwrap_or(usize::MAX);
        let findings =
            Rehearsal::of(bytes, *ask).and_then(|run| explore(&run, texts, cases, self.seed, progress));
        match findings {
            Ok(findings) => Ok(Explored { path, findings }),
            Err(fault) => Err(Unread::under_bundle(&path, fault, self)),
        }
    }
}

impl Telling<'_> {
    /// What was found of a run; in words, behind what has to be known to read it.
    fn run(&mut self, run: &Explored, warning: Option<Problem>) -> Result<(), Failed> {
        match self {
            Self::Json(object) => object.item(run)?,
            Self::Words(terminal) => {
                warning.iter().for_each(|problem| terminal.complain(problem));
                tables::print(run, terminal);
            }
            Self::Quiet(terminal) => tables::slipped(run, terminal),
        }
        self.terminal().flush();
        Ok(())
    }

    fn end(
        self,
        together: &Together,
        texts: usize,
        bundle: &Compiled,
        unread: &[Unread],
    ) -> Result<(), Failed> {
        match self {
            Self::Json(mut object) => {
                let [unexercised, unreached] = together.idle(bundle);
                object.end_list();
                object.member("unexercised", &unexercised)?;
                object.member("unreached", &unreached)?;
                object.member("unplaced", &together.unplaced.clone().unwrap_or_default())?;
                if !unread.is_empty() {
                    object.member("errors", &unread.iter().map(ErrorView::of).collect::<Vec<_>>())?;
                }
                object.end();
            }
            Self::Words(terminal) => {
                tables::idle(together.idle(bundle), together, bundle.rules().count() as u64, terminal);
                together.unplaced_texts(texts).iter().for_each(|problem| terminal.complain(problem));
                together.slip(texts).iter().for_each(|why| tables::heading(why, terminal));
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
    fn under_bundle(path: &str, fault: BundleFault, asked: &Explore) -> Self {
        if let BundleFault::Parts(fault) = fault {
            return Self::of(path, &fault.into(), asked);
        }
        let exit = if let BundleFault::Untold { valid } = &fault {
            exit_of(*valid)
        } else if let BundleFault::Read(fault) = &fault {
            faults::unread(fault).0
        } else {
            Exit::Untrustworthy
        };
        Self::unfit(path, fault.to_string(), exit, &asked.replay(path, None))
    }
}
