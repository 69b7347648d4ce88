//! `replay`: runs derived again, and what holds of each.

mod json;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rayon::prelude::*;
use rederive_archive::storage::{OsFile, OsStorage};
use rederive_archive::{ReadFault, TraceReader};
use rederive_evidence::ids::RunId;
use rederive_recorder::{Entropy as _, OsEntropy};
use rederive_replay::{
    Equivocation, Gap, Level, Options, Pinned, Report, Sample, Valid, equivocation, replay, replay_bytes,
};

use crate::args::{Failed, Jobs, LevelArgument, from_one};
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::policies;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::text::counted;
use crate::trace;
use crate::words::{faults, verdict};

/// Derive runs again from their records and say what holds of each: `valid` (reproduced, diverged, damaged, forged, undecided) and
/// `complete` (or what is missing).
#[derive(Args)]
#[command(after_help = "\
The verdict depends on the traces, the level and the trust-root file alone: not on --jobs, the order of paths or the clock.

Examples:
  rederive replay traces/
  rederive replay run.rdt --level content --trust roots.json
  rederive replay run.rdt --level policy --bundles archive/ --trust roots.json
  rederive replay traces/ --json | jq '.results[] | select(.valid != \"reproduced\")'")]
pub(crate) struct Replay {
    /// Traces, folders of traces (*.rdt, at any depth), or `-` for one trace on standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How far to go: bytes and signatures; every answer and state; values extracted from contents; every decision under the bundle it pins.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelArgument::State)]
    level: LevelArgument,
    /// Trust-root file: the keys trusted, and for what. Without it the key that a trace names itself is taken, which is a gap.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Folder of the bundles (each under its digest) and registries that runs pin, for level policy. What is not there is a gap, and `undecided`.
    #[arg(long, value_name = "DIR")]
    bundles: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// Findings count: exit with 1 where a rule is not kept, in observed runs too.
    #[arg(long)]
    strict: bool,
    /// Derive only K segments of each run again, drawn at random.
    #[arg(long, value_name = "K", value_parser = from_one)]
    sample: Option<u64>,
    /// Seed of the draw, to draw the same segments again [default: from the system].
    #[arg(long, value_name = "SEED", requires = "sample")]
    seed: Option<u64>,
}

/// A run and what replay says of it.
struct Replayed {
    place: Place,
    /// What standard input gave: it cannot be read again.
    bytes: Option<Vec<u8>>,
    report: Report,
}

/// A path of which nothing can be said.
struct Unread {
    path: String,
    reason: String,
    exit: Exit,
    problem: Box<Problem>,
}

/// Everything that a replay of several runs found.
struct Outcome {
    runs: Vec<Replayed>,
    unread: Vec<Unread>,
    /// Two of the traces given tell one run differently; the paths of both.
    equivocations: Vec<(String, String, Equivocation)>,
    elapsed: Duration,
    sample: Option<Sample>,
}

impl Replay {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if self.sample.is_some() && Level::from(self.level) == Level::Integrity {
            let problem =
                Problem::error("--sample draws segments to derive, and --level integrity derives none");
            return Err(Failed::usage(
                problem.hint("leave --sample out: all bytes and signatures are verified at that level"),
            ));
        }
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let sample = self.sample.map(|segments| self.draw(segments)).transpose()?;
        let archive = self.bundles.as_deref().map(policies::archive).transpose()?;
        let start = Instant::now();
        let found = paths::find(&self.paths, &["rdt"]);
        let progress = Progress::new(terminal, found.places.len() as u64, "runs");
        let pinned = archive.as_ref().map(|archive| archive as &dyn Pinned);
        let options = Options { level: self.level.into(), trust: trust.as_ref(), sample, pinned };
        let places = found.places;
        let replayed: Vec<Result<Replayed, Unread>> = self.jobs.run(|| {
            let each = places.into_par_iter().with_max_len(1);
            each.map(|place| replay_place(place, &options, &progress)).collect()
        })?;
        progress.finish();
        let mut unread: Vec<Unread> = found.missing.iter().map(Unread::missing).collect();
        let passed_over = paths::passed_over(&self.paths);
        unread.extend(passed_over.logs.iter().map(|log| Unread::log_alone(log)));
        for link in &passed_over.links {
            let link = paths::shown(link);
            terminal.complain(&Problem::warning(format!(
                "{link} is a link to a folder, which is not followed: name it to have it replayed"
            )));
        }
        let mut runs = Vec::with_capacity(replayed.len());
        for result in replayed {
            match result {
                Ok(run) => runs.push(run),
                Err(fault) => unread.push(fault),
            }
        }
        let equivocations = equivocations(&runs, &mut unread);
        let outcome = Outcome { runs, unread, equivocations, elapsed: start.elapsed(), sample };
        for unread in &outcome.unread {
            terminal.complain(&unread.problem);
        }
        if self.json {
            terminal.json(&json::View::of(&outcome));
        } else {
            summary::print(&outcome, self.level.into(), terminal);
            if let Some(reasons) = self.unshown_reasons(&outcome) {
                terminal.report(&reasons);
            }
        }
        Ok(self.exit(&outcome))
    }

    /// The sample to take, its seed drawn where none is given.
    fn draw(&self, segments: u64) -> Result<Sample, Failed> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                let drawn = OsEntropy.draw().map_err(|error| Failed::internal(error.to_string()))?;
                u64::from_le_bytes(drawn.first_chunk().copied().unwrap_or_default())
            }
        };
        Ok(Sample { segments, seed })
    }

    /// What makes the exit status where no verdict does: gaps of the traces' ends, and findings where they count.
    fn unshown_reasons(&self, outcome: &Outcome) -> Option<Problem> {
        let mut names: BTreeMap<&'static str, u64> = BTreeMap::new();
        for Replayed { report, .. } in &outcome.runs {
            let torn = report.gaps.iter().filter(|gap| gap.is_torn(report.level)).map(Gap::name);
            let strict = (self.strict && report.findings.total() > 0).then_some("findings, under --strict");
            torn.chain(strict).for_each(|name| *names.entry(name).or_default() += 1);
        }
        if names.is_empty() {
            return None;
        }
        let all: Vec<String> =
            names.iter().map(|(name, runs)| format!("{name} in {}", counted(*runs, "run"))).collect();
        Some(Problem::warning(format!("not all is as asked: {}", all.join("; "))))
    }

    fn exit(&self, outcome: &Outcome) -> Exit {
        let runs = outcome.runs.iter().map(|run| self.exit_of(&run.report));
        let unread = outcome.unread.iter().map(|unread| unread.exit);
        let equivocations = outcome.equivocations.iter().map(|_| Exit::Untrustworthy);
        runs.chain(unread).chain(equivocations).fold(Exit::AsAsked, Exit::and)
    }

    fn exit_of(&self, report: &Report) -> Exit {
        let counts = self.strict && report.findings.total() > 0;
        verdict::exit(report).and(if counts { Exit::Parted } else { Exit::AsAsked })
    }
}

impl Unread {
    fn missing(missing: &paths::Missing) -> Self {
        let (path, reason) = (missing.path(), missing.reason());
        Self { path, reason, exit: missing.exit(), problem: Box::new(missing.problem()) }
    }

    /// A log without its trace file: what was acknowledged may stand in it, and nothing says of it.
    fn log_alone(log: &Path) -> Self {
        let (path, reason) = (log.display().to_string(), "its trace file is not there".to_owned());
        let problem = Problem::warning(format!("{} was not replayed: {reason}", paths::shown(log)))
            .hint("an open log holds the last records of a run: bring its trace file back beside it");
        Self { path, reason, exit: Exit::Unfinished, problem: Box::new(problem) }
    }

    fn reading(place: &Place, fault: &rederive_archive::ReadFault) -> Self {
        let path = place.shown();
        let (exit, reason) = faults::unread(fault);
        let problem = Box::new(Problem::error(format!("cannot read {path}: {reason}")));
        Self { path, reason, exit, problem }
    }
}

fn replay_place(place: Place, options: &Options<'_>, progress: &Progress) -> Result<Replayed, Unread> {
    let (report, bytes) = match &place {
        Place::File { path, .. } => (replay(&OsStorage, path, options), None),
        Place::Stdin | Place::Pipe { .. } => match paths::read(&place) {
            Ok(bytes) => (replay_bytes(&bytes, options), Some(bytes)),
            Err(error) => {
                let reason = paths::words(&error);
                let problem = Box::new(Problem::error(format!("cannot read {}: {reason}", place.told())));
                return Err(Unread { path: place.shown(), reason, exit: paths::exit_of(&error), problem });
            }
        },
    };
    progress.advance(1);
    match report {
        Ok(report) => Ok(Replayed { place, bytes, report }),
        Err(fault) => Err(Unread::reading(&place, &fault)),
    }
}

/// Looks for runs that two of the traces given tell differently, both signed. A trace that is damaged or forged tells nothing.
fn equivocations(runs: &[Replayed], unread: &mut Vec<Unread>) -> Vec<(String, String, Equivocation)> {
    let mut by_run: BTreeMap<RunId, Vec<&Replayed>> = BTreeMap::new();
    for replayed in runs {
        let counts = match replayed.report.valid {
            Valid::Damaged | Valid::Forged => false,
            Valid::Reproduced | Valid::Diverged | Valid::Undecided | Valid::Sampled => true,
        };
        if let (Some(run), true) = (replayed.report.run, counts) {
            by_run.entry(run).or_default().push(replayed);
        }
    }
    by_run.into_values().flat_map(|traces| told_twice(traces, unread)).collect()
}

/// Which traces of one run contradict each other. Those that have most signed come first: one that agrees with such a one signed nothing that the
/// other has not, and what contradicts it contradicts that one too. So it need not be held against those after it.
fn told_twice(mut traces: Vec<&Replayed>, unread: &mut Vec<Unread>) -> Vec<(String, String, Equivocation)> {
    traces.sort_by_key(|trace| std::cmp::Reverse(signed_extent(&trace.report)));
    let (mut found, mut tellings) = (Vec::new(), Vec::<&Replayed>::new());
    for trace in traces {
        let before = found.len();
        for telling in &tellings {
            match contradiction(telling, trace) {
                Ok(Some(told)) => found.push((telling.place.shown(), trace.place.shown(), told)),
                Ok(None) => {}
                Err(fault) => unread.push(Unread::reading(&trace.place, &fault)),
            }
        }
        if found.len() - before == tellings.len() {
            tellings.push(trace);
        }
    }
    found
}

/// How much of its run a trace has signed: segments, records behind them, and whether that is the end. Records that no head covers say nothing.
fn signed_extent(report: &Report) -> (u64, u64, bool) {
    (report.segments, report.attested_open, !report.gaps.contains(&Gap::Unsealed))
}

/// Where two traces of one run contradict each other.
fn contradiction(a: &Replayed, b: &Replayed) -> Result<Option<Equivocation>, ReadFault> {
    match (&a.bytes, &b.bytes) {
        (None, None) => equivocation(&open(a)?, &open(b)?),
        (Some(a), None) => equivocation(&TraceReader::of(a.as_slice())?, &open(b)?),
        (None, Some(b)) => equivocation(&open(a)?, &TraceReader::of(b.as_slice())?),
        (Some(a), Some(b)) => equivocation(&TraceReader::of(a.as_slice())?, &TraceReader::of(b.as_slice())?),
    }
}

fn open(trace: &Replayed) -> Result<TraceReader<OsFile>, ReadFault> {
    let path = match &trace.place {
        Place::File { path, .. } | Place::Pipe { path, .. } => path.as_path(),
        Place::Stdin => Path::new("-"),
    };
    TraceReader::open(&OsStorage, path)
}
