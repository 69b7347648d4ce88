//! `explore`: runs changed in every way that has a name, and who notices.

mod bundle;
mod cases;
mod json;
mod smallest;
mod streamed;
mod summary;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cases::Cases;
use clap::Args;
use rederive_explore::{
    Case, Exploration, ExploreFault, Explorer, Found, PartsFault, Progress as _, Subject, Watch,
};
use rederive_replay::{Level, Pinned, Valid};

use crate::args::{Failed, Jobs, LevelArgument, from_one};
use crate::exit::Exit;
use crate::names::Names;
use crate::paths::{self, Place};
use crate::policies;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::wrapped;
use crate::trace;
use crate::words::faults;

/// Failures of one run that are shrunk, told and written: the others are counted.
const SHRUNK_MAX: usize = 8;
/// Runs given behind one, the first ones behind the last, of which one is looked for to splice from.
const SECONDS_MAX: usize = 8;
/// How a trace on standard input is given, and named.
const STANDARD_INPUT: &str = "-";
/// Width to which lists of names are wrapped, where the terminal is as wide.
const LIST_WIDTH: usize = 96;

/// Change runs in every way that has a name, and say who notices: bytes and signatures by whoever can write the file, whole stories by a recorder
/// that has the key and lies, and records in another order.
///
/// A change that must be noticed and is not is a fault of this program, or of a rule: it is shrunk to the smallest run that shows it.
#[derive(Args)]
#[command(after_help = "\
The first cases are every divergence alone, those that tell another story also with a lie about what the machine answered; from then on those that the run has something for are made at other places, and two or three together. Records and segments are spliced in from the next run that is given, or, of one run alone, from a drawn one. The same seed makes the same cases, whatever --jobs is. docs/explore.md has the table of them.

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
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = from_one)]
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
    /// The run that records and segments were spliced from; none: a drawn one.
    second: Option<String>,
    records: usize,
    exploration: Exploration,
    unnoticed: Vec<Unnoticed>,
    /// Why something was not written that should have been.
    unwritten: Vec<Failed>,
}

/// A failure, in the smallest run that shows it.
struct Unnoticed {
    case: Case,
    found: Found,
    records: usize,
    /// What each divergence did, in words.
    did: Vec<String>,
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
    /// The same exploration, as it is typed.
    again: String,
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
        // A folder that cannot be made is told before anything is explored for nothing.
        self.out.as_deref().map(trace::make_folder).transpose()?;
        let start = Instant::now();
        let found = paths::find(&self.paths, &["rdt"]);
        let stems = Names::of(&found.places);
        let progress = self.progress(found.places.len(), terminal);
        let mut unread: Vec<Unread> = found.missing.iter().map(Unread::missing).collect();
        let mut runs = Vec::new();
        for (at, (place, stem)) in found.places.iter().zip(&stems).enumerate() {
            let cases = Cases::of(&progress, self.cases);
            let others: Vec<&Place> = found.places.iter().cycle().skip(at + 1).take(SECONDS_MAX).collect();
            match self.jobs.run(|| self.one(place, &others, stem, watch, &cases))? {
                Ok(explored) => runs.push(explored),
                Err(fault) => unread.push(fault),
            }
        }
        progress.finish();
        let (elapsed, again) = (start.elapsed(), self.again());
        let outcome = Outcome { cases: self.cases, seed: self.seed, runs, unread, elapsed, again };
        let problems = outcome.unread.iter().map(|unread| &unread.problem);
        let unwritten = outcome.runs.iter().flat_map(|run| &run.unwritten).map(|failed| &failed.problem);
        problems.chain(unwritten).for_each(|problem| terminal.complain(problem));
        if self.json {
            terminal.json(&json::View::of(&outcome));
        } else {
            summary::print(&outcome, terminal);
        }
        Ok(outcome.exit())
    }

    /// The replay that says of a run what is wrong with it, under the same trust and bundles.
    fn replay(&self, path: &str, level: Option<Level>) -> String {
        let mut words = format!("rederive replay {}", again(path));
        words.extend(level.map(|level| format!(" --level {level}")));
        for (name, given) in [("trust", &self.trust), ("bundles", &self.bundles)] {
            words.extend(given.as_deref().map(|given| format!(" --{name} {}", paths::typed(given))));
        }
        words
    }

    /// The same exploration, as it is typed.
    fn again(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| again(&path.to_string_lossy())).collect();
        let level = Level::from(self.level);
        let mut words = format!("rederive explore {}", paths.join(" "));
        words.push_str(&format!(" --cases {} --seed {} --level {level}", self.cases, self.seed));
        for (name, given) in [("trust", &self.trust), ("bundles", &self.bundles)] {
            words.extend(given.as_deref().map(|given| format!(" --{name} {}", paths::typed(given))));
        }
        words
    }

    /// A bar over the cases of so many runs.
    fn progress(&self, runs: usize, terminal: &Terminal) -> Progress {
        Progress::new(terminal, self.cases.saturating_mul(runs as u64), "cases")
    }

    fn one(
        &self,
        place: &Place,
        others: &[&Place],
        stem: &str,
        watch: Watch<'_>,
        cases: &Cases<'_>,
    ) -> Result<Explored, Unread> {
        let path = place.shown();
        let unread = |fault: ExploreFault| Unread::of(&path, &fault, self);
        let bytes = paths::read(place).map_err(|error| Unread::io(&path, &error))?;
        let subject = Subject::of(bytes).map_err(|fault| unread(fault.into()))?;
        let (subject, second) = beside(subject, others);
        let records = subject.story().len();
        let explorer = Explorer::new(subject.clone(), watch).map_err(unread)?;
        let exploration = explorer.explore(self.cases, self.seed, cases).map_err(unread)?;
        let (mut unnoticed, mut unwritten) = (Vec::new(), Vec::new());
        if !exploration.failures.is_empty() {
            cases.shrink();
        }
        for (case, found) in exploration.failures.iter().take(SHRUNK_MAX) {
            let fails = |explorer: &Explorer<'_>, case: &Case| {
                cases.more(1);
                let found = explorer.look(case)?;
                cases.done();
                Ok(found.is_failure())
            };
            let explorer = Explorer::new(subject.clone(), watch).map_err(unread)?;
            let smallest = explorer.shrink(case.clone(), fails).map_err(unread)?;
            let steps = smallest.explorer.steps(&smallest.case).map_err(|fault| unread(fault.into()))?;
            let did = steps.iter().map(smallest::did).collect();
            let before = steps.into_iter().next().map(|step| step.before);
            let before = before.unwrap_or_else(|| smallest.explorer.told_bytes().to_vec());
            let fixture = [before, smallest.changed];
            let written = self.out.as_deref().map(|folder| write(folder, stem, case, &fixture)).transpose();
            let written = written.unwrap_or_else(|failed| {
                unwritten.push(failed);
                None
            });
            unnoticed.push(Unnoticed {
                records: smallest.explorer.subject().story().len(),
                did,
                fixture,
                written,
                case: smallest.case,
                found: found.clone(),
            });
        }
        Ok(Explored { path, second, records, exploration, unnoticed, unwritten })
    }
}

/// A path as it is typed once more: what came from standard input is gone, and is read from a file then.
fn again(path: &str) -> String {
    if path == STANDARD_INPUT { "FILE".to_owned() } else { paths::typed_text(path) }
}

/// The run beside the first of these that is another and can be taken apart, and where that one lies: its records and segments are spliced in.
fn beside(subject: Subject, others: &[&Place]) -> (Subject, Option<String>) {
    // What is no file is read once, and explored then.
    let files = others.iter().filter(|place| matches!(place, Place::File { .. }));
    let run = |subject: &Subject| subject.opened().map(|opened| opened.run);
    let mut apart = files.filter_map(|place| Some((place, Subject::of(paths::read(place).ok()?).ok()?)));
    match apart.find(|(_, other)| run(other) != run(&subject)) {
        Some((place, other)) => (subject.beside(&other), Some(place.shown())),
        None => (subject, None),
    }
}

/// Writes a run as it was and as it was changed. The same exploration writes the same again: what is there already stays as it is.
fn write(folder: &Path, stem: &str, case: &Case, fixture: &[Vec<u8>; 2]) -> Result<[PathBuf; 2], Failed> {
    let names = ["before", "after"].map(|state| folder.join(format!("{stem}-{}-{state}.rdt", case.number)));
    for (name, bytes) in names.iter().zip(fixture) {
        let is_file = name.metadata().is_ok_and(|found| found.is_file());
        if !is_file || !paths::read_file(name, bytes.len() as u64).is_ok_and(|found| found == *bytes) {
            trace::create(name, bytes, false)?;
        }
    }
    Ok(names)
}

/// Prints names, a comma between them, in lines that fit.
fn listed(names: &[&str], terminal: &mut Terminal) {
    let width = LIST_WIDTH.min(terminal.width().saturating_sub(2));
    for line in wrapped(&names.join(", "), width).iter().filter(|line| !line.is_empty()) {
        let line = terminal.paint().paint(Tone::Faint, line);
        terminal.line(&format!("  {line}"));
    }
}

impl Outcome {
    fn exit(&self) -> Exit {
        let failed = self.runs.iter().any(|run| !run.exploration.failures.is_empty());
        let explored = if failed { Exit::Parted } else { Exit::AsAsked };
        let unwritten = self.runs.iter().flat_map(|run| &run.unwritten).map(|failed| failed.exit);
        self.unread.iter().map(|unread| unread.exit).chain(unwritten).fold(explored, Exit::and)
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

    fn of(path: &str, fault: &ExploreFault, asked: &Explore) -> Self {
        let exit = match fault {
            ExploreFault::Unsound { valid, .. } | ExploreFault::Retelling { valid, .. } => exit_of(*valid),
            ExploreFault::Read(fault) | ExploreFault::Parts(PartsFault::Read(fault)) => {
                faults::unread(fault).0
            }
            ExploreFault::Parts(PartsFault::Unsealed) => Exit::Unfinished,
            ExploreFault::Parts(_) | _ => Exit::Untrustworthy,
        };
        let level = if let ExploreFault::Unsound { level, .. } = fault { Some(*level) } else { None };
        let mut unread = Self::unfit(path, fault.to_string(), exit, &asked.replay(path, level));
        if level == Some(Level::Policy) {
            let hint = "`--level content` explores it as far as it holds: what receipts, signed words and bundles alone show goes unnoticed then";
            unread.problem = Box::new(unread.problem.hint(hint));
        }
        unread
    }

    /// A run that could be read, and cannot be explored; what this replay says of it.
    fn unfit(path: &str, reason: String, exit: Exit, replay: &str) -> Self {
        let problem = Problem::error(format!("cannot explore {path}: {reason}"));
        let problem = Box::new(problem.hint(format!("`{replay}` says what holds of it")));
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
