//! `whatif`: recorded calls under another bundle.

mod calls;
mod json;
mod page;
mod table;
mod tally;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rayon::prelude::*;
use rederive_archive::storage::OsStorage;
use rederive_evidence::digest::Digest;
use rederive_policy::{Compiled, Registry};
use rederive_replay::{Registries, Report, StandingGrant, WhatIf, WhatIfRun, whatif, whatif_bytes};

use self::tally::{RunTally, Tally};
use crate::args::{Failed, Jobs};
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::policies;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::trace;
use crate::words::{faults, verdict};

/// Runs that are judged before any of them is told: enough to keep every thread busy, few enough to hold.
const RUNS_AT_ONCE: usize = 256;

/// Judge recorded calls again under another policy bundle, and say which answers would have been others.
///
/// Every decision of runs that a gate recorded is asked again, denials included. In runs that nobody decided on (imported ones) every call is a
/// request, under the standing grant that docs/whatif.md describes. Traces are verified first; what does not reproduce is told and not judged.
#[derive(Args)]
#[command(after_help = "\
What is said of a run is sound up to the first change that the model would have seen: `exact`, or `bounded@N` with the number of that call, from 0 (of a memory \
write, which is no call, the number of calls before it). After it, another run would have happened.

Exit status: that of `replay` over the same traces (0 where all reproduce, 1, 3, 4 where one does not, is damaged or forged, or undecided or unsealed), 2 where a \
bundle, registry or path cannot be used. Changed answers are what was asked for, and no failure.

Examples:
  rederive whatif --policy policies/default --registry tools.json traces/
  rederive whatif --policy stricter.tar --registry tools.json traces/ --html report.html
  rederive whatif --policy p --registry r.json traces/ --calls | jq 'select(.outcome != \"PERMIT\")'")]
pub(crate) struct WhatIfCommand {
    /// The bundle to judge by: a folder or a tar.
    #[arg(long, value_name = "BUNDLE")]
    policy: PathBuf,
    /// The registry of tools for all runs. Without it, what each run's own records say of its tools; an unlisted tool is SILENCE.
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// Traces, folders of traces (*.rdt, at any depth), or `-` for one trace on standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Take no standing grant: in runs that nobody decided on, nothing counts as asked for by the user.
    #[arg(long)]
    no_grant: bool,
    /// Trust-root file: only runs signed by its keys are judged.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Write one JSON line for each call instead of words.
    #[arg(long)]
    calls: bool,
    /// Write one JSON object instead of words; with --calls, that is lines alone.
    #[arg(long)]
    json: bool,
    /// Write a page with charts to FILE as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
}

/// What is told where runs pin a registry and none is given.
const NOT_GIVEN: &str = "runs here pin a registry and none was given: what they do not say of their tools themselves makes SILENCE; give it with --registry";

/// No registry at all, and whether a run pins one.
#[derive(Default)]
struct NoneGiven {
    is_pinned: AtomicBool,
}

impl Registries for NoneGiven {
    fn registry(&self, pinned: Option<&Digest>) -> Option<Arc<Registry>> {
        if pinned.is_some() {
            self.is_pinned.store(true, Ordering::Relaxed);
        }
        None
    }
}

/// A path of which nothing can be said.
struct Unread {
    path: String,
    reason: String,
    exit: Exit,
    problem: Box<Problem>,
}

/// What one trace gave.
struct One {
    path: String,
    report: Report,
    tally: RunTally,
    lines: String,
}

/// What all traces gave.
struct Outcome {
    /// What was asked.
    bundle: Compiled,
    /// The registry that was given.
    registry: Option<Digest>,
    grant: StandingGrant,
    tally: Tally,
    unread: Vec<Unread>,
    elapsed: Duration,
}

impl WhatIfCommand {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if let Some(page) = self.html.as_deref().filter(|page| page.exists()) {
            return Err(trace::exists(page));
        }
        let bundle = policies::bundle(&self.policy)?;
        let registry = self.registry.as_deref().map(policies::registry).transpose()?.map(Arc::new);
        let none = NoneGiven::default();
        let registries: &dyn Registries = match &registry {
            Some(registry) => registry,
            None => &none,
        };
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let grant = if self.no_grant { StandingGrant::Nothing } else { StandingGrant::Messages };
        let start = Instant::now();
        let ask = WhatIf { judge: &bundle, registries, grant, trust: trust.as_ref() };
        let (mut exit, tally, unread) = self.judge(&ask, terminal)?;
        if none.is_pinned.load(Ordering::Relaxed) {
            terminal.remark(NOT_GIVEN);
        }
        for unread in &unread {
            terminal.complain(&unread.problem);
            exit = exit.and(unread.exit);
        }
        let registry = registry.map(|registry| registry.digest());
        let outcome = Outcome { bundle, registry, grant, tally, unread, elapsed: start.elapsed() };
        if let Some(path) = &self.html {
            trace::create(path, page::of(&outcome).as_bytes(), false)?;
        }
        if self.calls {
            return Ok(exit);
        }
        if self.json {
            terminal.json(&json::View::of(&outcome));
        } else {
            table::print(&outcome, terminal);
        }
        Ok(exit)
    }

    /// Judges all traces, a batch after the other; what is said of each is told in the order of the paths.
    fn judge(&self, ask: &WhatIf<'_>, terminal: &mut Terminal) -> Result<(Exit, Tally, Vec<Unread>), Failed> {
        let found = paths::find(&self.paths, &["rdt"]);
        let progress = Progress::new(terminal, found.places.len() as u64, "runs");
        let mut unread: Vec<Unread> = found.missing.iter().map(Unread::missing).collect();
        let (mut exit, mut tally) = (Exit::AsAsked, Tally::default());
        for batch in found.places.chunks(RUNS_AT_ONCE) {
            let judged: Vec<Result<One, Unread>> = self.jobs.run(|| {
                let each = batch.par_iter().with_max_len(1);
                each.map(|place| self.one(place, ask, &progress)).collect()
            })?;
            for one in judged {
                match one {
                    Ok(one) => {
                        exit = exit.and(verdict::exit(&one.report));
                        self.tell(&one, terminal);
                        tally.add(one.path, &one.report, one.tally);
                    }
                    Err(fault) => unread.push(fault),
                }
            }
        }
        progress.finish();
        Ok((exit, tally, unread))
    }

    /// What is told of a trace at once: its calls where they are asked for, and why it was not judged.
    fn tell(&self, one: &One, terminal: &mut Terminal) {
        if self.calls {
            terminal.json_text(&one.lines);
        }
        if let Some(wrong) = &one.report.wrong {
            let problem = verdict::problem(&one.path, &one.report, wrong);
            if self.calls || self.json {
                terminal.complain(&problem);
            } else {
                terminal.report(&problem);
            }
        }
    }

    fn one(&self, place: &Place, ask: &WhatIf<'_>, progress: &Progress) -> Result<One, Unread> {
        let judged = match place {
            Place::File { path, .. } => whatif(&OsStorage, path, ask),
            Place::Stdin | Place::Pipe { .. } => match paths::read(place) {
                Ok(bytes) => whatif_bytes(&bytes, ask),
                Err(error) => return Err(Unread::stream(place, &error)),
            },
        };
        progress.advance(1);
        let path = place.shown();
        match judged {
            Ok(run) => {
                let lines = if self.calls { calls::lines(&path, &run) } else { String::new() };
                let tally = RunTally::of(&run);
                let WhatIfRun { report, .. } = run;
                Ok(One { path, report, tally, lines })
            }
            Err(fault) => Err(Unread::reading(path, &fault)),
        }
    }
}

impl Unread {
    fn missing(missing: &paths::Missing) -> Self {
        let (path, reason) = (missing.path(), missing.reason());
        Self { path, reason, exit: missing.exit(), problem: Box::new(missing.problem()) }
    }

    fn stream(place: &Place, error: &std::io::Error) -> Self {
        let reason = paths::words(error);
        let problem = Box::new(Problem::error(format!("cannot read {}: {reason}", place.told())));
        Self { path: place.shown(), reason, exit: paths::exit_of(error), problem }
    }

    fn reading(path: String, fault: &rederive_archive::ReadFault) -> Self {
        let (exit, reason) = faults::unread(fault);
        let problem = Box::new(Problem::error(format!("cannot read {path}: {reason}")));
        Self { path, reason, exit, problem }
    }
}
