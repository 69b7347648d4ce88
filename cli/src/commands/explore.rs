//! `explore`: runs changed in every way that has a name, and who notices.

mod bundle;
mod json;
mod summary;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rederive_explore::{Case, Exploration, ExploreFault, Explorer, Found, PartsFault, Subject, Watch};
use rederive_replay::{Pinned, Valid};

use crate::args::{Failed, Jobs, LevelArgument};
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::policies;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::trace;
use crate::words::faults;

/// Failures of one run that are shrunk, told and written: the others are counted.
const SHRUNK_MAX: usize = 8;

/// Change runs in every way that has a name, and say who notices: bytes and signatures by whoever can write the file, whole stories by a recorder
/// that has the key and lies, and records in another order.
///
/// A change that must be noticed and is not is a fault of this program, or of a rule: it is shrunk to the smallest run that shows it.
#[derive(Args)]
#[command(after_help = "\
The first cases are every divergence alone, those that tell another story also with a lie about what the machine answered; from then on they are
made at other places, and two or three together. The same seed makes the same cases, whatever --jobs is. docs/explore.md has the table of them.

Exit status: 1 where something that must be noticed was not; with --policy, where a call that does what a planted text says is permitted.

Examples:
  rederive explore run.rdt
  rederive explore traces/ --cases 2000 --seed 7 --trust roots.json
  rederive explore run.rdt --level integrity --cases 200
  rederive explore run.rdt --policy policies/default --registry tools.json --plant texts.txt
  rederive explore run.rdt --out unnoticed/ --json | jq '.results[].unnoticed'")]
pub(crate) struct Explore {
    /// Sealed traces, folders of traces (*.rdt, at any depth), or `-` for one trace on standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Changes to make in each run.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    cases: u64,
    /// Seed of what is changed, and where.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// How far replays go at most: what only a higher level notices counts as unnoticed.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelArgument::Policy)]
    level: LevelArgument,
    /// Trust-root file: the keys trusted, and for what.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Folder of the bundles (each under its digest) and registries that runs pin: decisions are judged again.
    #[arg(long, value_name = "DIR")]
    bundles: Option<PathBuf>,
    /// Folder for what goes unnoticed: the smallest run that shows it, and the same run changed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Explore this bundle, a folder or a tar, instead: which changes of what came in, of arguments and of labels turn its answers, what it takes
    /// to be permitted, and which of its policies nothing exercises.
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = ["bundles", "level", "out"])]
    policy: Option<PathBuf>,
    /// With --policy: the registry of tools. Without it, what each run's own records say of its tools.
    #[arg(long, value_name = "FILE", requires = "policy")]
    registry: Option<PathBuf>,
    /// With --policy: texts to plant into what came in, one a line, as they are or as JSON strings; calls are then made to do what they say.
    #[arg(long, value_name = "FILE", requires = "policy")]
    plant: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// What became of the cases of one run.
struct Explored {
    path: String,
    records: usize,
    exploration: Exploration,
    unnoticed: Vec<Unnoticed>,
}

/// A failure, in the smallest run that shows it.
struct Unnoticed {
    case: Case,
    found: Found,
    records: usize,
    /// The run before and after the change.
    fixture: [Vec<u8>; 2],
    /// Where they were written.
    written: Option<[PathBuf; 2]>,
}

/// A path of which nothing can be said.
struct Unread {
    path: String,
    reason: String,
    exit: Exit,
    problem: Box<Problem>,
}

/// Everything that was found.
struct Outcome {
    cases: u64,
    seed: u64,
    runs: Vec<Explored>,
    unread: Vec<Unread>,
    elapsed: Duration,
}

impl Explore {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if let Some(bundle) = &self.policy {
            return self.under(bundle, terminal);
        }
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let archive = self.bundles.as_deref().map(policies::archive).transpose()?;
        let pinned = archive.as_ref().map(|archive| archive as &dyn Pinned);
        let watch = Watch { level: self.level.into(), trust: trust.as_ref(), pinned };
        let start = Instant::now();
        let found = paths::find(&self.paths, &["rdt"]);
        let progress = Progress::new(terminal, found.places.len() as u64, "runs");
        let mut unread: Vec<Unread> = found.missing.iter().map(Unread::missing).collect();
        let mut runs = Vec::new();
        for place in &found.places {
            match self.jobs.run(|| self.one(place, watch))? {
                Ok(explored) => runs.push(explored),
                Err(Stopped::Unread(fault)) => unread.push(fault),
                Err(Stopped::Failed(failed)) => return Err(failed),
            }
            progress.advance(1);
        }
        progress.finish();
        let outcome = Outcome { cases: self.cases, seed: self.seed, runs, unread, elapsed: start.elapsed() };
        for unread in &outcome.unread {
            terminal.complain(&unread.problem);
        }
        if self.json {
            terminal.json(&json::View::of(&outcome));
        } else {
            summary::print(&outcome, terminal);
        }
        Ok(outcome.exit())
    }

    fn one(&self, place: &Place, watch: Watch<'_>) -> Result<Explored, Stopped> {
        let path = place.shown();
        let unread = |fault: ExploreFault| Stopped::Unread(Unread::of(&path, &fault));
        let bytes = paths::read(place).map_err(|error| Stopped::Unread(Unread::io(&path, &error)))?;
        let subject = Subject::of(bytes).map_err(|fault| unread(fault.into()))?;
        let records = subject.story().len();
        let explorer = Explorer::new(subject.clone(), watch).map_err(unread)?;
        let exploration = explorer.explore(self.cases, self.seed).map_err(unread)?;
        let mut unnoticed = Vec::new();
        for (case, found) in exploration.failures.iter().take(SHRUNK_MAX) {
            let fails = |explorer: &Explorer<'_>, case: &Case| Ok(explorer.look(case)?.is_failure());
            let explorer = Explorer::new(subject.clone(), watch).map_err(unread)?;
            let smallest = explorer.shrink(case.clone(), fails).map_err(unread)?;
            let fixture = [smallest.explorer.told_bytes().to_vec(), smallest.changed];
            let written = self.out.as_deref().map(|folder| write(folder, &path, case, &fixture)).transpose();
            unnoticed.push(Unnoticed {
                records: smallest.explorer.subject().story().len(),
                fixture,
                written: written.map_err(Stopped::Failed)?,
                case: smallest.case,
                found: found.clone(),
            });
        }
        Ok(Explored { path, records, exploration, unnoticed })
    }
}

/// Why a run was not explored.
enum Stopped {
    Unread(Unread),
    Failed(Failed),
}

/// Writes a run as it was and as it was changed.
fn write(folder: &Path, path: &str, case: &Case, fixture: &[Vec<u8>; 2]) -> Result<[PathBuf; 2], Failed> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let title = format!("cannot make {}: {}", folder.display(), paths::words(&error));
        Failed::new(paths::exit_of(&error), Problem::error(title))
    })?;
    let stem = Path::new(path).file_stem().map_or("run".into(), |stem| stem.to_string_lossy());
    let names = ["before", "after"].map(|state| folder.join(format!("{stem}-{}-{state}.rdt", case.number)));
    for (name, bytes) in names.iter().zip(fixture) {
        trace::create(name, bytes, false)?;
    }
    Ok(names)
}

impl Outcome {
    fn exit(&self) -> Exit {
        let failed = self.runs.iter().any(|run| !run.exploration.failures.is_empty());
        let explored = if failed { Exit::Parted } else { Exit::AsAsked };
        self.unread.iter().map(|unread| unread.exit).fold(explored, Exit::and)
    }
}

impl Unread {
    fn missing(missing: &paths::Missing) -> Self {
        let (path, reason) = (missing.path(), missing.reason());
        Self { path, reason, exit: missing.exit(), problem: Box::new(missing.problem()) }
    }

    fn io(path: &str, error: &std::io::Error) -> Self {
        let reason = paths::words(error);
        let problem = Box::new(Problem::error(format!("cannot read {path}: {reason}")));
        Self { path: path.to_owned(), reason, exit: paths::exit_of(error), problem }
    }

    fn of(path: &str, fault: &ExploreFault) -> Self {
        let exit = match fault {
            ExploreFault::Unsound { valid, .. } | ExploreFault::Retelling { valid, .. } => exit_of(*valid),
            ExploreFault::Read(fault) | ExploreFault::Parts(PartsFault::Read(fault)) => {
                faults::unread(fault).0
            }
            ExploreFault::Parts(PartsFault::Unsealed) => Exit::Unfinished,
            ExploreFault::Parts(_) | _ => Exit::Untrustworthy,
        };
        let reason = fault.to_string();
        let problem = Problem::error(format!("cannot explore {path}: {reason}"));
        let problem = Box::new(problem.hint(format!("`rederive replay {path}` says what holds of it")));
        Self { path: path.to_owned(), reason, exit, problem }
    }
}

const fn exit_of(valid: Valid) -> Exit {
    match valid {
        Valid::Reproduced | Valid::Sampled => Exit::AsAsked,
        Valid::Diverged => Exit::Parted,
        Valid::Damaged | Valid::Forged => Exit::Untrustworthy,
        Valid::Undecided => Exit::Unfinished,
    }
}
