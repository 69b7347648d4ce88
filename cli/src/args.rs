//! The arguments: one command, and what all commands share.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rederive_replay::Level;

#[cfg(feature = "gate")]
use crate::commands::approve;
use crate::commands::{
    check, completions, diff, explain, explore, import, keygen, measure, policy, prove, record, redact,
    registry, replay, review, show, verify, whatif,
};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::style::ColorChoice;
use crate::terminal::Terminal;

const EXIT_CODES: &str = "\
Exit status:
  0  all as asked
  1  a divergence, or a failure in an enforced run (with --strict, any finding)
  2  usage: arguments, or input that is not what was asked for
  3  damaged or forged evidence
  4  undecided, torn, recovered, unsealed, or redacted beyond the level asked
  5  the tool or the system failed
Of several, the first in 5, 2, 3, 1, 4, 0.";

/// Record, replay and prove the runs of AI agents.
///
/// A run is a trace: one file (.rdt) of records, hashed, chained and signed. `import` makes traces of recordings that other systems
/// left, `record` makes one live, `replay` derives a run again from its records and says what holds, to the record and the field.
#[derive(Parser)]
#[command(name = "rederive", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour words: `auto`, `always` or `never`; NO_COLOR counts for `auto`.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true
    )]
    color: ColorChoice,
    /// Tell only what is wrong.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make traces of recordings that other systems left.
    #[command(subcommand)]
    Import(import::Import),
    /// Record a run from drafts on standard input.
    Record(record::Record),
    /// Derive runs again from their records and say what holds.
    Replay(replay::Replay),
    /// Show a run as a timeline, one record, or what led to it.
    Show(show::Show),
    /// Judge recorded calls again under another policy bundle.
    #[command(name = "whatif")]
    WhatIf(whatif::WhatIfCommand),
    /// Change runs in every way that has a name, and say who notices.
    Explore(explore::Explore),
    /// Compare what `whatif --calls` said with labels of the runs.
    Measure(measure::MeasureCommand),
    /// Show what a reviewer asks of one run, from evidence alone.
    Review(review::Review),
    /// Say where two traces part, to the record and the field.
    Diff(diff::Diff),
    /// Prove that records are in a sealed run.
    Prove(prove::Prove),
    /// Check a proof with nothing but a trust root.
    Check(check::Check),
    /// Check the receipt of a decision with nothing but the keys that are trusted.
    Verify(verify::Verify),
    /// Copy a trace without some contents; every hash and signature stays.
    Redact(redact::Redact),
    /// Check, test, name and archive policy bundles.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Draft and check tool registries.
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Answer requests for approval.
    #[cfg(feature = "gate")]
    Approve(approve::ApproveCommand),
    /// Make a signing key.
    Keygen(keygen::Keygen),
    /// Say what a code means and what to do about it.
    Explain(explain::Explain),
    /// Write shell completions.
    Completions(completions::Completions),
}

/// A whole number, 1 or more.
///
/// # Errors
/// It is none, in words for the user.
pub(crate) fn from_one(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number: &u64| *number > 0);
    number.ok_or_else(|| "expected a whole number, 1 or more".to_owned())
}

/// The number of a record.
///
/// # Errors
/// It is none, in words for the user.
pub(crate) fn record_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected the number of a record: a whole number, 0 or more".to_owned())
}

fn threads(text: &str) -> Result<u16, String> {
    let threads = u16::try_from(from_one(text)?).ok().filter(|threads| *threads <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected at most {THREADS_MAX} threads"))
}

/// How many threads work.
#[derive(Args)]
pub(crate) struct Jobs {
    /// Threads to use, at most 256 [default: one a processor].
    #[arg(long, short, value_name = "N", value_parser = threads)]
    jobs: Option<u16>,
}

/// The most threads: more than processors to run them, and few enough for any system to start them.
const THREADS_MAX: u16 = 256;

impl Jobs {
    /// Runs `work` on that many threads.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
        let threads = self.jobs.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Failed::internal(format!("cannot start threads: {error}")))?;
        Ok(pool.install(work))
    }
}

/// A command that could not be carried out.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) exit: Exit,
    pub(crate) problem: Box<Problem>,
}

impl Failed {
    pub(crate) fn new(exit: Exit, problem: Problem) -> Self {
        Self { exit, problem: Box::new(problem) }
    }

    /// The user asked for what cannot be.
    pub(crate) fn usage(problem: Problem) -> Self {
        Self::new(Exit::Usage, problem)
    }

    /// The tool or the system failed.
    pub(crate) fn internal(title: String) -> Self {
        Self::new(Exit::Internal, Problem::error(title))
    }
}

/// Runs the command that the process's arguments name.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print().and_then(|()| io::stdout().flush());
            return if error.use_stderr() { Exit::Usage.into() } else { help_exit(printed).into() };
        }
    };
    let mut terminal = Terminal::new(cli.color, cli.quiet);
    let exit = match carry_out(cli.command, &mut terminal) {
        Ok(exit) => exit,
        Err(failed) => {
            terminal.complain(&failed.problem);
            failed.exit
        }
    };
    terminal.finish(exit).into()
}

/// How help that was asked for ends. A reader that has gone away needs none.
fn help_exit(printed: io::Result<()>) -> Exit {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Internal,
        Ok(()) | Err(_) => Exit::AsAsked,
    }
}

fn carry_out(command: Command, terminal: &mut Terminal) -> Result<Exit, Failed> {
    match command {
        Command::Import(import) => import.run(terminal),
        Command::Record(record) => record.run(terminal),
        Command::Replay(replay) => replay.run(terminal),
        Command::Show(show) => show.run(terminal),
        Command::WhatIf(whatif) => whatif.run(terminal),
        Command::Explore(explore) => explore.run(terminal),
        Command::Measure(measure) => measure.run(terminal),
        Command::Review(review) => review.run(terminal),
        Command::Diff(diff) => diff.run(terminal),
        Command::Prove(prove) => prove.run(terminal),
        Command::Check(check) => check.run(terminal),
        Command::Verify(verify) => verify.run(terminal),
        Command::Redact(redact) => redact.run(terminal),
        Command::Policy(policy) => policy.run(terminal),
        Command::Registry(registry) => registry.run(terminal),
        Command::Explain(explain) => explain.run(terminal),
        #[cfg(feature = "gate")]
        Command::Approve(approve) => approve.run(terminal),
        Command::Keygen(keygen) => keygen.run(terminal),
        Command::Completions(completions) => {
            completions.run(terminal, <Cli as clap::CommandFactory>::command())
        }
    }
}

/// A level of replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelArgument {
    Integrity,
    State,
    Content,
    Policy,
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Self {
        match level {
            LevelArgument::Integrity => Self::Integrity,
            LevelArgument::State => Self::State,
            LevelArgument::Content => Self::Content,
            LevelArgument::Policy => Self::Policy,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{from_one, threads};

    #[test]
    fn a_number_of_threads_is_one_or_more_and_is_refused_in_the_users_words() {
        assert_eq!((threads("1"), threads("256"), from_one("70000")), (Ok(1), Ok(256), Ok(70_000)));
        for wrong in ["0", "-1", "", "1.5", "many"] {
            assert_eq!(threads(wrong), Err("expected a whole number, 1 or more".to_owned()));
        }
        assert_eq!(threads("257"), Err("expected at most 256 threads".to_owned()));
    }

    #[test]
    fn the_arguments_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
